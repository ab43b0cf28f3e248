/* Key generation. Secret bits and noise come from the system, masks from a fresh public seed;
 * layouts and messages are those of runtime/evaluation_keys.h.
 *
 * All noise of a key is drawn first, in the order of its rows, into the place of the bodies: the
 * same randomness gives the same keys whatever the number of threads, and no thread waits for
 * another. */
#include "kernels/kernels.h"
#include "runtime/client/secret_key.h"
#include "runtime/status.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* body[N] += sum_c mask_c * key_c. mask: [k][N], filled here. */
static void add_glwe_mask(uint64_t *body, uint64_t *mask, const torc_evaluation_keys *keys,
                          const torc_secret_key *secret, size_t row)
{
    const torc_cpu_kernels *kernels = torc_cpu_kernels_get();
    const torc_params *p = &secret->params;
    torc_mask_expand_u64(mask, torc_params_big_dim(p), keys->seed, TORC_MASK_BOOTSTRAP, row);
    for (uint32_t c = 0; c < p->glwe_dim; c++) {
        const size_t at = (size_t)c * p->poly_size;
        kernels->negacyclic_add(body, mask + at, secret->big + at, p->poly_size);
    }
}

/* All ones when the GGSW holds 1, else 0: the key bits of its step are those of its term + 1, bit
 * by bit. At g = 1 the one term of a step holds the key bit itself. */
static uint64_t ggsw_bit_mask(const torc_secret_key *secret, size_t ggsw)
{
    const uint32_t g = secret->params.grouping;
    const size_t term_count = ((size_t)1 << g) - 1;
    const uint64_t set = ggsw % term_count + 1;
    const uint64_t *bits = secret->small + ggsw / term_count * g;
    uint64_t differs = 0;
    for (uint32_t b = 0; b < g; b++) {
        differs |= bits[b] ^ (set >> b & 1);
    }
    return differs - 1; /* differs is 0 or 1 */
}

/* Adds the GGSW's bit * 2^(64 - base_log (j+1)) times -s_big[c], or 1 when c = k; row = (c, j) of
 * the GGSW. The bits are masks: no branch depends on them. */
static void add_ggsw_message(uint64_t *body, const torc_secret_key *secret, size_t row)
{
    const torc_params *p = &secret->params;
    const uint32_t level = (uint32_t)(row % p->bootstrap.level_count);
    const size_t c = row / p->bootstrap.level_count % (p->glwe_dim + 1);
    const size_t ggsw = row / p->bootstrap.level_count / (p->glwe_dim + 1);
    const uint64_t gadget = (uint64_t)1 << (64 - p->bootstrap.base_log * (level + 1));
    const uint64_t message = gadget & ggsw_bit_mask(secret, ggsw);
    if (c == p->glwe_dim) {
        body[0] += message;
        return;
    }
    for (size_t x = 0; x < p->poly_size; x++) {
        body[x] -= message & (0 - secret->big[c * p->poly_size + x]);
    }
}

/* body holds the noise and receives the bodies. masks: [threads][k][N]. */
static void make_bootstrap_rows(torc_ctx *ctx, uint64_t *body, uint64_t *masks,
                                const torc_evaluation_keys *keys, const torc_secret_key *secret)
{
    const torc_params *p = &secret->params;
    const size_t row_count = torc_evk_bootstrap_rows(p);
    const size_t report = row_count / 100 + 1;
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < row_count; row++) {
        const size_t thread = (size_t)omp_get_thread_num();
        uint64_t *row_body = body + row * p->poly_size;
        add_glwe_mask(row_body, masks + thread * torc_params_big_dim(p), keys, secret, row);
        add_ggsw_message(row_body, secret, row);
        if (thread == 0 &&
            row % report == 0) { /* the first thread has the first share of the rows */
            const double share = (double)omp_get_num_threads() / (double)row_count;
            torc_progress(ctx, "bootstrap key", (double)row * share);
        }
    }
}

static torc_status make_bootstrap_key(torc_ctx *ctx, torc_evaluation_keys *keys,
                                      const torc_secret_key *secret)
{
    const torc_params *p = &secret->params;
    const size_t word_count = torc_evk_bootstrap_rows(p) * p->poly_size;
    uint64_t *body = NULL;
    uint64_t *masks = NULL;
    TORC_TRY(TORC_ALLOC(ctx, body, word_count));
    keys->bootstrap_body = body; /* keys own it from here */
    TORC_TRY(TORC_ALLOC(ctx, masks, (size_t)omp_get_max_threads() * torc_params_big_dim(p)));
    torc_random_tuniform((int64_t *)body, word_count, p->glwe_noise_log2);
    make_bootstrap_rows(ctx, body, masks, keys, secret);
    free(masks);
    return TORC_OK;
}

/* LWE rows i*l' + j: s_big[i] * 2^(32 - base_log' (j+1)) under the small key. */
static void make_keyswitch_rows(uint32_t *body, const int64_t *noise, uint32_t *masks,
                                const torc_evaluation_keys *keys, const torc_secret_key *secret)
{
    const torc_params *p = &secret->params;
    const size_t row_count = torc_evk_keyswitch_rows(p);
    const uint32_t levels = p->keyswitch.level_count;
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < row_count; row++) {
        uint32_t *mask = masks + (size_t)omp_get_thread_num() * p->lwe_dim;
        const uint32_t level = (uint32_t)(row % levels);
        const uint32_t gadget = (uint32_t)1 << (32 - p->keyswitch.base_log * (level + 1));
        const uint32_t message = gadget & (uint32_t)(0 - secret->big[row / levels]);
        torc_mask_expand_u32(mask, p->lwe_dim, keys->seed, TORC_MASK_KEYSWITCH, row);
        body[row] =
            torc_secret_dot32(mask, secret->small, p->lwe_dim) + (uint32_t)noise[row] + message;
    }
}

static torc_status make_keyswitch_key(torc_ctx *ctx, torc_evaluation_keys *keys,
                                      const torc_secret_key *secret)
{
    const torc_params *p = &secret->params;
    const size_t row_count = torc_evk_keyswitch_rows(p);
    uint32_t *body = NULL;
    uint32_t *masks = NULL;
    int64_t *noise = NULL;
    TORC_TRY(TORC_ALLOC(ctx, body, row_count));
    keys->keyswitch_body = body;
    TORC_TRY(TORC_ALLOC(ctx, noise, row_count));
    const torc_status status = TORC_ALLOC(ctx, masks, (size_t)omp_get_max_threads() * p->lwe_dim);
    if (status == TORC_OK) {
        torc_random_tuniform(noise, row_count, p->lwe_noise_log2);
        make_keyswitch_rows(body, noise, masks, keys, secret);
        torc_wipe(noise, row_count * sizeof *noise);
    }
    free(masks);
    free(noise);
    return status;
}

/* The seed alone identifies a key pair without lookups; nothing is expanded from it then. */
static torc_status make_keys(torc_ctx *ctx, torc_secret_key *secret, torc_evaluation_keys *keys)
{
    keys->params = secret->params;
    torc_random_seed(keys->seed);
    torc_random_bits(secret->big, torc_params_big_dim(&secret->params));
    if (torc_params_has_lookup(&secret->params)) {
        torc_random_bits(secret->small, secret->params.lwe_dim);
        TORC_TRY(make_bootstrap_key(ctx, keys, secret));
        TORC_TRY(make_keyswitch_key(ctx, keys, secret));
    }
    torc_evk_identify(keys);
    memcpy(secret->key_id, keys->key_id, sizeof secret->key_id);
    torc_secret_key_seal(secret);
    torc_progress(ctx, "bootstrap key", 1);
    return TORC_OK;
}

torc_status torc_keygen(torc_ctx *ctx, torc_secret_key **secret, torc_evaluation_keys **evaluation,
                        const torc_spec *spec, double allow_log2_p_error)
{
    torc_secret_key *made = NULL;
    torc_evaluation_keys *keys = NULL;
    *secret = NULL;
    *evaluation = NULL;
    TORC_TRY(torc_spec_accept(ctx, spec, allow_log2_p_error));
    TORC_TRY(torc_secret_key_create(ctx, &made, &spec->params));
    torc_status status = TORC_ALLOC(ctx, keys, 1);
    if (status == TORC_OK) {
        status = make_keys(ctx, made, keys);
    }
    if (status != TORC_OK) {
        torc_evk_free(keys);
        torc_secret_key_free(made);
        return status;
    }
    *secret = made;
    *evaluation = keys;
    return TORC_OK;
}
