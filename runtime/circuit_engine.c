/* For which engine a circuit was compiled, and whether another keeps what it claims. */
#include "runtime/circuit.h"
#include "runtime/json.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <string.h>

#define CLAIM_ROUNDING 1e-6 /* of log2: claims travel as decimal text */

torc_engine torc_circuit_target(const torc_circuit *circuit)
{
    torc_engine target = TORC_ENGINE_CPU;
    cJSON *report = NULL;

    if (circuit->report_json == NULL || torc_json_parse(NULL, &report, circuit->report_json,
                                                        strlen(circuit->report_json)) != TORC_OK) {
        return target;
    }
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(report, "target"));
    for (uint32_t e = 0; name != NULL && e < TORC_ENGINE_COUNT; e++) {
        if (strcmp(name, torc_engine_names[e]) == 0) {
            target = (torc_engine)e;
        }
    }
    cJSON_Delete(report);
    return target;
}

torc_status torc_circuit_check_engine(torc_ctx *ctx, const torc_circuit *circuit,
                                      torc_engine engine)
{
    const torc_spec *spec = &circuit->spec;
    const torc_claim claim =
        torc_claim_on(circuit->rows, circuit->row_count, &spec->params, engine);

    if (claim.log2_p_circuit <= spec->log2_p_error_circuit + CLAIM_ROUNDING &&
        claim.log2_p_lookup <= spec->log2_p_error_lookup + CLAIM_ROUNDING) {
        return TORC_OK;
    }
    return torc_fail(
        ctx, TORC_E_UNSUPPORTED,
        "circuit '%s' was compiled for the %s and claims a failure of 2^%.2f a sample, "
        "2^%.2f a lookup; with the noise of %s it is 2^%.2f and 2^%.2f: compile it with "
        "--target %s",
        TORC_PRINTABLE(spec->circuit_name), torc_engine_names[torc_circuit_target(circuit)],
        spec->log2_p_error_circuit, spec->log2_p_error_lookup, torc_engine_names[engine],
        claim.log2_p_circuit, claim.log2_p_lookup, torc_engine_names[engine]);
}
