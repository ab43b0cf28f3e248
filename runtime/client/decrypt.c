/* Decryption: phases, decoding, the user's numbers. What comes from the server is untrusted: it is
 * held against the specification before the key is used, and nothing about noise is ever reported.
 */
#include "runtime/client/secret_key.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

static uint64_t phase_of(const torc_secret_key *secret, const uint64_t *lwe)
{
    const size_t dim = torc_params_big_dim(&secret->params);
    return lwe[dim] - torc_secret_dot(lwe, secret->big, dim);
}

void torc_secret_phase(uint64_t *phase, const torc_secret_key *secret, const uint64_t *lwe,
                       size_t count)
{
    const size_t words = torc_params_big_words(&secret->params);
#pragma omp parallel for schedule(static) if (count >= TORC_PARALLEL_MIN)
    for (size_t i = 0; i < count; i++) {
        phase[i] = phase_of(secret, lwe + i * words);
    }
}

static torc_status check_part(torc_ctx *ctx, const torc_ct_part *part, const torc_port *port)
{
    const size_t count = torc_shape_count(port->rank, port->shape);
    const bool is_clear = part->form == TORC_CT_CLEAR;
    if (strcmp(part->name, port->name) != 0) {
        return torc_fail(ctx, TORC_E_MISMATCH,
                         "ciphertexts: part '%s' where the circuit has output '%s'",
                         TORC_PRINTABLE(part->name), port->name);
    }
    if (part->count != count) {
        return torc_fail(ctx, TORC_E_MISMATCH, "ciphertexts: output '%s' has %zu elements, not %zu",
                         port->name, part->count, count);
    }
    if (is_clear == port->encrypted) {
        return torc_fail(ctx, TORC_E_MISMATCH,
                         "ciphertexts: output '%s' is %s, the circuit says %s", port->name,
                         is_clear ? "clear" : "encrypted", is_clear ? "encrypted" : "clear");
    }
    return TORC_OK;
}

static torc_status check_ids(torc_ctx *ctx, const torc_ciphertexts *ct, const torc_spec *spec,
                             const torc_secret_key *secret)
{
    if (memcmp(ct->circuit_id, spec->circuit_id, TORC_ID_BYTES) != 0) {
        return torc_fail(
            ctx, TORC_E_MISMATCH,
            "ciphertexts: they belong to another circuit than '%s' (circuit_id differs)",
            spec->circuit_name);
    }
    if (memcmp(ct->key_id, secret->key_id, TORC_KEY_ID_BYTES) != 0) {
        return torc_fail(ctx, TORC_E_MISMATCH,
                         "ciphertexts: they belong to another key (key_id differs); use the secret "
                         "key that encrypted the inputs");
    }
    if (ct->big_dim != torc_params_big_dim(&secret->params)) {
        return torc_fail(ctx, TORC_E_MISMATCH, "ciphertexts: dimension %u, the key has %u",
                         ct->big_dim, torc_params_big_dim(&secret->params));
    }
    return TORC_OK;
}

static torc_status check_result(torc_ctx *ctx, const torc_ciphertexts *ct, const torc_spec *spec,
                                const torc_secret_key *secret)
{
    TORC_TRY(check_ids(ctx, ct, spec, secret));
    if (!ct->is_result) {
        return torc_fail(
            ctx, TORC_E_MISMATCH,
            "ciphertexts: inputs of a run, not results; run the circuit on them first");
    }
    if (ct->part_count != spec->output_count || ct->samples == 0) {
        return torc_fail(ctx, TORC_E_MISMATCH,
                         "ciphertexts: %u results of %zu samples, the circuit has %u outputs",
                         ct->part_count, ct->samples, spec->output_count);
    }
    for (uint32_t i = 0; i < spec->output_count; i++) {
        TORC_TRY(check_part(ctx, &ct->parts[i], &spec->outputs[i]));
    }
    return TORC_OK;
}

/* value[samples][count]. lwe: [threads][kN+1]. */
static void decrypt_part(int64_t *value, uint64_t *lwe, const torc_ciphertexts *ct,
                         const torc_ct_part *part, const torc_port *port,
                         const torc_secret_key *secret)
{
    const size_t words = (size_t)ct->big_dim + 1;
    const size_t total = ct->samples * part->count;
    if (part->form == TORC_CT_CLEAR) {
        memcpy(value, part->value, total * sizeof *value);
        return;
    }
#pragma omp parallel for schedule(static) if (total >= TORC_PARALLEL_MIN)
    for (size_t i = 0; i < total; i++) {
        uint64_t *mine = lwe + (size_t)omp_get_thread_num() * words;
        torc_ct_expand(mine, ct, part, i / part->count, i % part->count);
        value[i] = torc_decode(phase_of(secret, mine), port->encoding_bits, port->is_signed);
    }
}

static torc_status decrypt_values(torc_ctx *ctx, int64_t **values, const torc_spec *spec,
                                  const torc_secret_key *secret, const torc_ciphertexts *ct)
{
    uint64_t *lwe = NULL;
    const size_t words = (size_t)ct->big_dim + 1;
    for (uint32_t i = 0; i < spec->output_count; i++) {
        TORC_TRY(TORC_ALLOC(ctx, values[i], ct->samples * ct->parts[i].count));
    }
    TORC_TRY(TORC_ALLOC(ctx, lwe, (size_t)omp_get_max_threads() * words));
    for (uint32_t i = 0; i < spec->output_count; i++) {
        decrypt_part(values[i], lwe, ct, &ct->parts[i], &spec->outputs[i], secret);
    }
    free(lwe);
    return TORC_OK;
}

torc_status torc_decrypt(torc_ctx *ctx, torc_tensor *outputs, const torc_spec *spec,
                         const torc_secret_key *secret, const torc_ciphertexts *ct)
{
    /* A custom bound was accepted when the inputs were encrypted; the rest is demanded again. */
    const double allow = spec->profile == TORC_CUSTOM ? spec->log2_p_error_circuit : 0;
    int64_t **values = NULL;
    TORC_TRY(torc_spec_accept(ctx, spec, allow));
    TORC_TRY(torc_secret_key_fits(ctx, secret, spec));
    TORC_TRY(check_result(ctx, ct, spec, secret));
    TORC_TRY(TORC_ALLOC(ctx, values, spec->output_count));
    torc_status status = decrypt_values(ctx, values, spec, secret, ct);
    if (status == TORC_OK) {
        status = torc_spec_finish(ctx, outputs, spec, (const int64_t *const *)values, ct->samples);
    }
    for (uint32_t i = 0; i < spec->output_count; i++) {
        free(values[i]);
    }
    free(values);
    return status;
}
