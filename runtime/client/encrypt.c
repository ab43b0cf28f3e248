/* Encryption: seeded LWE ciphertexts under the big key, one fresh seed a call.
 *   body = <mask(row), key> + noise + m * 2^(63-W)
 * Rows are numbered through all encrypted parts, so no mask serves twice. */
#include "runtime/client/secret_key.h"
#include "runtime/status.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* word[count] holds clear integers and receives the bodies. masks: [threads][kN]. */
static void encrypt_words(uint64_t *word, const int64_t *noise, uint64_t *masks, size_t count,
                          const torc_ciphertexts *ct, const torc_ct_part *part,
                          const torc_secret_key *secret, uint32_t encoding_bits)
{
    const size_t dim = ct->big_dim;
#pragma omp parallel for schedule(static) if (count >= TORC_PARALLEL_MIN)
    for (size_t i = 0; i < count; i++) {
        uint64_t *mask = masks + (size_t)omp_get_thread_num() * dim;
        torc_mask_expand_u64(mask, dim, ct->seed, TORC_MASK_CIPHERTEXT, part->row_begin + i);
        word[i] = torc_secret_dot(mask, secret->big, dim) + (uint64_t)noise[i] +
                  torc_encode((int64_t)word[i], encoding_bits);
    }
}

static torc_status encrypt_part(torc_ctx *ctx, torc_ct_part *part, const torc_ciphertexts *ct,
                                const torc_port *port, const torc_secret_key *secret)
{
    const size_t count = ct->samples * part->count;
    int64_t *noise = NULL;
    uint64_t *masks = NULL;
    if (!port->encrypted) {
        return TORC_OK;
    }
    TORC_TRY(TORC_ALLOC(ctx, noise, count));
    const torc_status status = TORC_ALLOC(ctx, masks, (size_t)omp_get_max_threads() * ct->big_dim);
    if (status == TORC_OK) {
        torc_random_tuniform(noise, count, secret->params.glwe_noise_log2);
        encrypt_words(part->word, noise, masks, count, ct, part, secret, port->encoding_bits);
        torc_wipe(noise, count * sizeof *noise);
    }
    free(masks);
    free(noise);
    return status;
}

/* Gives the part its name, clear values and mask rows; *next_row moves on. */
static torc_status fill_part(torc_ctx *ctx, torc_ct_part *part, uint64_t *saturated,
                             uint64_t *next_row, const torc_ciphertexts *ct, const torc_port *port,
                             const torc_tensor *input)
{
    const size_t name_size = strlen(port->name) + 1;
    TORC_TRY(TORC_ALLOC(ctx, part->name, name_size));
    memcpy(part->name, port->name, name_size);
    part->form = port->encrypted ? TORC_CT_SEEDED : TORC_CT_CLEAR;
    part->count = torc_shape_count(port->rank, port->shape);
    TORC_TRY(TORC_ALLOC(ctx, part->value, torc_tensor_count(input)));
    TORC_TRY(torc_port_quantize(ctx, part->value, saturated, port, input));
    if (port->encrypted) {
        part->row_begin = *next_row;
        *next_row += ct->samples * part->count;
    }
    return TORC_OK;
}

/* All inputs are checked before the first one is encrypted. */
static torc_status fill_parts(torc_ctx *ctx, torc_ciphertexts *ct, uint64_t *saturated,
                              const torc_spec *spec, const torc_tensor *inputs)
{
    uint64_t next_row = 0;
    TORC_TRY(torc_spec_samples(ctx, &ct->samples, spec, inputs));
    TORC_TRY(TORC_ALLOC(ctx, ct->parts, spec->input_count));
    ct->part_count = spec->input_count;
    for (uint32_t i = 0; i < spec->input_count; i++) {
        TORC_TRY(
            fill_part(ctx, &ct->parts[i], saturated, &next_row, ct, &spec->inputs[i], &inputs[i]));
    }
    return TORC_OK;
}

static torc_status encrypt_parts(torc_ctx *ctx, torc_ciphertexts *ct, const torc_spec *spec,
                                 const torc_secret_key *secret)
{
    torc_random_seed(ct->seed);
    for (uint32_t i = 0; i < spec->input_count; i++) {
        TORC_TRY(encrypt_part(ctx, &ct->parts[i], ct, &spec->inputs[i], secret));
    }
    return TORC_OK;
}

torc_status torc_encrypt(torc_ctx *ctx, torc_ciphertexts **out, uint64_t *saturated,
                         const torc_spec *spec, const torc_secret_key *secret,
                         const torc_tensor *inputs, double allow_log2_p_error)
{
    torc_ciphertexts *ct = NULL;
    uint64_t clipped = 0;
    *out = NULL;
    TORC_TRY(torc_spec_accept(ctx, spec, allow_log2_p_error));
    TORC_TRY(torc_secret_key_fits(ctx, secret, spec));
    TORC_TRY(torc_random_init(ctx));
    TORC_TRY(TORC_ALLOC(ctx, ct, 1));
    ct->big_dim = torc_params_big_dim(&spec->params);
    memcpy(ct->circuit_id, spec->circuit_id, sizeof ct->circuit_id);
    memcpy(ct->key_id, secret->key_id, sizeof ct->key_id);
    torc_status status = fill_parts(ctx, ct, &clipped, spec, inputs);
    if (status == TORC_OK) {
        status = encrypt_parts(ctx, ct, spec, secret);
    }
    if (status != TORC_OK) {
        torc_ciphertexts_free(ct);
        return status;
    }
    if (saturated != NULL) {
        *saturated = clipped;
    }
    *out = ct;
    return TORC_OK;
}
