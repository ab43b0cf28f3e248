/* Key generation. Secret bits and noise come from the system, masks from a fresh public seed;
 * layouts and messages are those of runtime/evaluation_keys.h.
 *
 * Noise is drawn in the order of the rows, a chunk of them at a time, into the place of the bodies:
 * the same randomness gives the same keys whatever the number of threads, and while one thread
 * waits for the system the others compute. */
#include "kernels/kernels.h"
#include "runtime/client/secret_key.h"
#include "runtime/status.h"

#include <omp.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK_ROWS = 8, KEYSWITCH_CHUNK_ROWS = 64, HUGE_PAGE_BYTES = 2 << 20 };

/* What all rows of a bootstrap key are made from. */
typedef struct bootstrap_job {
    const torc_evaluation_keys *keys;
    const torc_secret_key *secret;
    double *spectrum; /* [k][N] of the big key, as secret as that one */
    uint64_t *masks;  /* [threads][k][N] */
    uint64_t *body;   /* [rows][N] */
    pthread_mutex_t drawing;
    size_t next_row;
} bootstrap_job;

/* body[N] += sum_c mask_c * key_c. */
static void add_glwe_mask(uint64_t *body, const bootstrap_job *job, size_t row)
{
    const torc_params *p = &job->secret->params;
    const size_t big_dim = torc_params_big_dim(p);
    uint64_t *mask = job->masks + (size_t)omp_get_thread_num() * big_dim;
    torc_mask_expand_u64(mask, big_dim, job->keys->seed, TORC_MASK_BOOTSTRAP, row);
    torc_cpu_kernels_get()->negacyclic_add(body, mask, job->spectrum, p->glwe_dim, p->poly_size);
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

/* The next chunk of rows with its noise drawn, false past the last one: who takes a chunk draws for
 * it, one thread after the other, so that noise is drawn in the order of the rows. (A mutex sleeps;
 * an ordered loop of OpenMP would burn the time of a processor that others want.) */
static bool take_chunk(bootstrap_job *job, size_t *first, size_t *end)
{
    const torc_params *p = &job->secret->params;
    const size_t row_count = torc_evk_bootstrap_rows(p);
    pthread_mutex_lock(&job->drawing);
    const size_t left = row_count - job->next_row;
    const size_t count = left < CHUNK_ROWS ? left : CHUNK_ROWS;
    *first = job->next_row;
    *end = *first + count;
    job->next_row = *end;
    torc_random_tuniform((int64_t *)job->body + *first * p->poly_size, count * p->poly_size,
                         p->glwe_noise_log2);
    pthread_mutex_unlock(&job->drawing);
    return count > 0;
}

static void make_bootstrap_rows(torc_ctx *ctx, bootstrap_job *job)
{
    const torc_params *p = &job->secret->params;
    const double row_count = (double)torc_evk_bootstrap_rows(p);
#pragma omp parallel
    {
        size_t first = 0;
        size_t end = 0;
        while (take_chunk(job, &first, &end)) {
            for (size_t row = first; row < end; row++) {
                uint64_t *body = job->body + row * p->poly_size;
                add_glwe_mask(body, job, row);
                add_ggsw_message(body, job->secret, row);
            }
            if (omp_get_thread_num() == 0) {
                torc_progress(ctx, "bootstrap key", (double)first / row_count);
            }
        }
    }
}

/* The spectrum lies in guarded memory, which is wiped when freed; its size is a multiple of 64, so
 * that it begins at one as well. */
static torc_status transform_secret(torc_ctx *ctx, bootstrap_job *job)
{
    const torc_params *p = &job->secret->params;
    job->spectrum = sodium_allocarray(torc_params_big_dim(p), sizeof *job->spectrum);
    if (job->spectrum == NULL) {
        return torc_fail(ctx, TORC_E_MEMORY, "keygen: no guarded memory for %u words",
                         torc_params_big_dim(p));
    }
    for (size_t c = 0; c < p->glwe_dim; c++) {
        torc_cpu_kernels_get()->binary_spectrum(job->spectrum + c * p->poly_size,
                                                job->secret->big + c * p->poly_size, p->poly_size);
    }
    return TORC_OK;
}

/* Whole huge pages where there are many, not zeroed: noise is drawn into all of it. */
static torc_status alloc_body(torc_ctx *ctx, uint64_t **out, size_t words)
{
    const size_t bytes =
        (words * sizeof **out + HUGE_PAGE_BYTES - 1) & ~(size_t)(HUGE_PAGE_BYTES - 1);
    *out = aligned_alloc(HUGE_PAGE_BYTES, bytes);
    if (*out == NULL) {
        return torc_fail(ctx, TORC_E_MEMORY,
                         "keygen: %zu bytes for the bootstrap key not available", bytes);
    }
    (void)madvise(*out, bytes, MADV_HUGEPAGE); /* advice: without it all still works */
    return TORC_OK;
}

static torc_status make_bootstrap_key(torc_ctx *ctx, torc_evaluation_keys *keys,
                                      const torc_secret_key *secret)
{
    const torc_params *p = &secret->params;
    bootstrap_job job = {.keys = keys, .secret = secret, .drawing = PTHREAD_MUTEX_INITIALIZER};
    TORC_TRY(alloc_body(ctx, &job.body, torc_evk_bootstrap_rows(p) * p->poly_size));
    keys->bootstrap_body = job.body; /* keys own it from here */
    TORC_TRY(TORC_ALLOC(ctx, job.masks, (size_t)omp_get_max_threads() * torc_params_big_dim(p)));
    const torc_status status = transform_secret(ctx, &job);
    if (status == TORC_OK) {
        make_bootstrap_rows(ctx, &job);
    }
    sodium_free(job.spectrum);
    free(job.masks);
    return status;
}

/* What all rows of a keyswitch key are made from. */
typedef struct keyswitch_job {
    const torc_evaluation_keys *keys;
    const torc_secret_key *secret;
    int64_t *noise;  /* [rows] */
    uint32_t *masks; /* [threads][n] */
    uint32_t *body;  /* [rows] */
} keyswitch_job;

/* LWE row i*l' + j: s_big[i] * 2^(32 - base_log' (j+1)) under the small key. */
static void make_keyswitch_row(const keyswitch_job *job, size_t row)
{
    const torc_params *p = &job->secret->params;
    const uint32_t levels = p->keyswitch.level_count;
    const uint32_t level = (uint32_t)(row % levels);
    const uint32_t gadget = (uint32_t)1 << (32 - p->keyswitch.base_log * (level + 1));
    const uint32_t message = gadget & (uint32_t)(0 - job->secret->big[row / levels]);
    uint32_t *mask = job->masks + (size_t)omp_get_thread_num() * p->lwe_dim;
    torc_mask_expand_u32(mask, p->lwe_dim, job->keys->seed, TORC_MASK_KEYSWITCH, row);
    job->body[row] = torc_secret_dot32(mask, job->secret->small, p->lwe_dim) +
                     (uint32_t)job->noise[row] + message;
}

/* One thread digests the bodies of the bootstrap key meanwhile, which cannot be shared out. */
static void make_keyswitch_rows(uint8_t bootstrap_digest[TORC_DIGEST_BYTES],
                                const keyswitch_job *job)
{
    const size_t row_count = torc_evk_keyswitch_rows(&job->secret->params);
#pragma omp parallel
    {
#pragma omp single nowait
        torc_evk_digest_bootstrap(bootstrap_digest, job->keys);
#pragma omp for schedule(dynamic, KEYSWITCH_CHUNK_ROWS)
        for (size_t row = 0; row < row_count; row++) {
            make_keyswitch_row(job, row);
        }
    }
}

static torc_status make_keyswitch_key(torc_ctx *ctx, torc_evaluation_keys *keys,
                                      uint8_t bootstrap_digest[TORC_DIGEST_BYTES],
                                      const torc_secret_key *secret)
{
    const torc_params *p = &secret->params;
    const size_t row_count = torc_evk_keyswitch_rows(p);
    keyswitch_job job = {.keys = keys, .secret = secret};
    TORC_TRY(TORC_ALLOC(ctx, job.body, row_count));
    keys->keyswitch_body = job.body;
    TORC_TRY(TORC_ALLOC(ctx, job.noise, row_count));
    const torc_status status =
        TORC_ALLOC(ctx, job.masks, (size_t)omp_get_max_threads() * p->lwe_dim);
    if (status == TORC_OK) {
        torc_random_tuniform(job.noise, row_count, p->lwe_noise_log2);
        make_keyswitch_rows(bootstrap_digest, &job);
        torc_wipe(job.noise, row_count * sizeof *job.noise);
    }
    free(job.masks);
    free(job.noise);
    return status;
}

/* The seed alone identifies a key pair without lookups; nothing is expanded from it then. */
static torc_status make_keys(torc_ctx *ctx, torc_secret_key *secret, torc_evaluation_keys *keys)
{
    keys->params = secret->params;
    torc_random_seed(keys->seed);
    torc_random_bits(secret->big, torc_params_big_dim(&secret->params));
    if (torc_params_has_lookup(&secret->params)) {
        uint8_t digest[TORC_DIGEST_BYTES];
        torc_random_bits(secret->small, secret->params.lwe_dim);
        TORC_TRY(make_bootstrap_key(ctx, keys, secret));
        TORC_TRY(make_keyswitch_key(ctx, keys, digest, secret));
        torc_evk_identify_from(keys, digest);
    } else {
        torc_evk_identify(keys);
    }
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
