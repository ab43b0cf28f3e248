/* What a client refuses to work with. */
#include "tests/common/sample_spec.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void expect(const torc_spec *spec, double allow, torc_status status, const char *words)
{
    torc_ctx *ctx = torc_ctx_create();
    cr_expect_eq(torc_spec_accept(ctx, spec, allow), status, "%s: %s", words,
                 torc_ctx_message(ctx));
    cr_expect_neq(strstr(torc_ctx_message(ctx), words), NULL, "'%s' not in: %s", words,
                  torc_ctx_message(ctx));
    torc_ctx_free(ctx);
}

Test(accept, the_sample_is_fine)
{
    torc_spec spec = sample_spec();
    expect(&spec, 0, TORC_OK, "");
    spec.contract = TORC_ROUNDED;
    expect(&spec, 0, TORC_OK, "");
    spec.params = sample_params_no_lookup();
    expect(&spec, 0, TORC_OK, "");
    torc_spec_free(&spec);
}

Test(accept, a_virtual_circuit_protects_nothing)
{
    torc_spec spec = sample_spec();
    spec.is_virtual = true;
    expect(&spec, 0, TORC_E_SECURITY, "a virtual circuit protects nothing");
    expect(&spec, -1, TORC_E_SECURITY, "a virtual circuit protects nothing");
    torc_spec_free(&spec);
}

/* One less noise, or fewer dimensions at the same noise, than the curve asks for. */
Test(accept, parameters_weaker_than_the_curve_are_refused_by_field)
{
    torc_spec spec = sample_spec();
    const torc_params good = spec.params;
    spec.params.glwe_noise_log2--;
    expect(&spec, 0, TORC_E_SECURITY, "big key");
    spec.params = good;
    spec.params.lwe_noise_log2--;
    expect(&spec, 0, TORC_E_SECURITY, "small key");
    spec.params = good;
    spec.params.poly_size = 1024;
    expect(&spec, 0, TORC_E_SECURITY, "big key");
    spec.params = good;
    spec.params.lwe_dim = 700;
    expect(&spec, 0, TORC_E_SECURITY, "small key");
    spec.params.lwe_dim = 449;
    cr_expect_neq(torc_spec_accept(NULL, &spec, 0), TORC_OK);
    spec.params = good;
    spec.params.glwe_noise_log2 = 63;
    expect(&spec, 0, TORC_E_PARAMETERS, "glwe_noise_log2");
    torc_spec_free(&spec);
}

Test(accept, claims_are_held_against_the_profile)
{
    static const struct {
        torc_profile profile;
        torc_contract contract;
        double circuit;
        double lookup;
        double allow;
        const char *words; /* NULL: accepted */
    } rows[] = {
        {TORC_PRIVATE, TORC_ROUNDED, -40, -45, 0, NULL},
        {TORC_PRIVATE, TORC_EXACT, -39.999, -45, 0, "log2_p_error_circuit is -40.00, weaker"},
        {TORC_PRIVATE, TORC_EXACT, 0, -45, 0, "log2_p_error_circuit is 0.00, weaker than the -40"},
        {TORC_PRIVATE, TORC_EXACT, -39, -45, -1, "log2_p_error_circuit"}, /* allow is for custom */
        {TORC_PRIVATE, TORC_EXACT, NAN, -45, 0, "log2_p_error_circuit"},
        {TORC_SHARED, TORC_EXACT, -120, -128, 0, NULL},
        {TORC_SHARED, TORC_EXACT, -120, -127.99, 0, "log2_p_error_lookup is -127.99, weaker"},
        {TORC_SHARED, TORC_EXACT, -39, -200, 0, "log2_p_error_circuit"},
        {TORC_SHARED, TORC_ROUNDED, -120, -128, 0, "rounded contract under profile shared"},
        {TORC_CUSTOM, TORC_EXACT, -20, -25, 0, "--allow-p-error"},
        {TORC_CUSTOM, TORC_EXACT, -20, -25, 1, "--allow-p-error"},
        {TORC_CUSTOM, TORC_EXACT, -20, -25, NAN, "--allow-p-error"},
        {TORC_CUSTOM, TORC_EXACT, -20, -25, -20, NULL},
        {TORC_CUSTOM, TORC_ROUNDED, -20, -25, -10, NULL},
        {TORC_CUSTOM, TORC_EXACT, -20, -25, -20.01, "weaker than the -20.01"},
        {TORC_CUSTOM, TORC_EXACT, 0, -25, -20, "weaker than the -20.00"},
    };
    torc_spec spec = sample_spec();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        spec.profile = rows[i].profile;
        spec.contract = rows[i].contract;
        spec.log2_p_error_circuit = rows[i].circuit;
        spec.log2_p_error_lookup = rows[i].lookup;
        const torc_status refused = isnan(rows[i].circuit) ? TORC_E_FORMAT : TORC_E_SECURITY;
        expect(&spec, rows[i].allow, rows[i].words == NULL ? TORC_OK : refused,
               rows[i].words == NULL ? "" : rows[i].words);
    }
    torc_spec_free(&spec);
}

Test(accept, malformed_claims_are_refused_before_they_are_compared)
{
    torc_spec spec = sample_spec();
    spec.inputs[0].encoding_bits = 3;
    expect(&spec, 0, TORC_E_FORMAT, "encoding_bits 3");
    spec.inputs[0].encoding_bits = 63;
    expect(&spec, 0, TORC_E_FORMAT, "encoding_bits 63");
    spec.inputs[0].encoding_bits = 4;
    spec.outputs[1].width = 0;
    expect(&spec, 0, TORC_E_FORMAT, "'count' has width 0");
    torc_spec_free(&spec);
}
