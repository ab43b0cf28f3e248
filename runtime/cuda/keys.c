/* Evaluation keys onto the device. They travel as a seed and bodies: bodies are copied in pieces,
 * masks expanded there, rows transformed there. The host waits for each piece: progress is true,
 * and an error is found where it happened.
 *
 * A piece of the bootstrap key is a number of GLWE rows: bodies u64 [rows][N], then whole rows
 * u64 [rows][k+1][N]. One of the keyswitch key is a number of mask words, a multiple of 32: bodies
 * u32 [words][l'], then rows u32 [words][l'][n+1]. */
#include "runtime/cuda/engine.h"
#include "runtime/rng.h"
#include "runtime/status.h"

#include <string.h>

/* What one piece holds in the staging block. */
typedef struct piece {
    size_t count; /* rows or words, at most */
    size_t body_bytes;
} piece;

static size_t glwe_bytes(const torc_shape *s)
{
    return (size_t)(s->glwe_dim + 1) * s->poly_size * sizeof(uint64_t);
}

static size_t aligned(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

static piece bootstrap_piece(const cuda_target *t)
{
    const size_t body = t->shape.poly_size * sizeof(uint64_t);
    const size_t room = t->plan.key_staging - 16;
    const size_t count = room / (body + glwe_bytes(&t->shape));
    return (piece){count, aligned(count * body)};
}

static piece keyswitch_piece(const cuda_target *t)
{
    const size_t levels = t->shape.ks_level_count;
    const size_t body = levels * sizeof(uint32_t);
    const size_t row = levels * (t->shape.lwe_dim + 1) * sizeof(uint32_t);
    const size_t count =
        (t->plan.key_staging - 16) / (body + row) / CUDA_WORD_STEP * CUDA_WORD_STEP;
    return (piece){count, aligned(count * body)};
}

static torc_expansion rows_of(const torc_evaluation_keys *keys, torc_mask_domain domain,
                              size_t first_row)
{
    torc_expansion e = {.domain = domain, .first_row = first_row};
    memcpy(e.seed, keys->seed, sizeof e.seed);
    return e;
}

static int load_glwe_rows(const cuda_target *t, const torc_evaluation_keys *keys, uint8_t *staging,
                          const piece *p, size_t first, size_t count)
{
    const torc_shape *s = &t->shape;
    uint64_t *body = (uint64_t *)staging;
    uint64_t *rows = (uint64_t *)(staging + p->body_bytes);
    torc_expansion e = rows_of(keys, TORC_MASK_BOOTSTRAP, first);
    e.outer_count = (uint32_t)count;
    e.inner_count = 1;
    e.outer_stride = glwe_bytes(s) / sizeof *rows;
    e.mask_words = s->glwe_dim * s->poly_size;
    e.body_words = s->poly_size;
    int error = torc_gpu_copy_in(body, keys->bootstrap_body + first * s->poly_size,
                                 count * s->poly_size * sizeof *body, t->stream);
    if (error == 0) {
        error = torc_gpu_expand_u64(rows, body, &e, t->stream);
    }
    if (error == 0) {
        error = torc_gpu_bootstrap_key_rows(t->bootstrap_key, first, (uint32_t)count, rows, s,
                                            t->stream);
    }
    return error;
}

static int load_lwe_rows(const cuda_target *t, const torc_evaluation_keys *keys, uint8_t *staging,
                         const piece *p, size_t first, size_t count)
{
    const torc_shape *s = &t->shape;
    const size_t levels = s->ks_level_count;
    uint32_t *body = (uint32_t *)staging;
    uint32_t *rows = (uint32_t *)(staging + p->body_bytes);
    torc_expansion e = rows_of(keys, TORC_MASK_KEYSWITCH, first * levels);
    e.outer_count = (uint32_t)(count * levels);
    e.inner_count = 1;
    e.outer_stride = s->lwe_dim + 1;
    e.mask_words = s->lwe_dim;
    e.body_words = 1;
    int error = torc_gpu_copy_in(body, keys->keyswitch_body + first * levels,
                                 count * levels * sizeof *body, t->stream);
    if (error == 0) {
        error = torc_gpu_expand_u32(rows, body, &e, t->stream);
    }
    if (error == 0) {
        error = torc_gpu_keyswitch_key(t->keyswitch_key, rows, (uint32_t)first, (uint32_t)count, s,
                                       t->stream);
    }
    return error;
}

typedef int load_fn(const cuda_target *t, const torc_evaluation_keys *keys, uint8_t *staging,
                    const piece *p, size_t first, size_t count);

/* Progress runs from `begin` to `end`. */
static int load_pieces(torc_ctx *ctx, const cuda_target *t, const torc_evaluation_keys *keys,
                       uint8_t *staging, load_fn *load, const piece *p, size_t total, double begin,
                       double end)
{
    int error = 0;
    for (size_t first = 0; first < total && error == 0; first += p->count) {
        const size_t left = total - first;
        error = load(t, keys, staging, p, first, left < p->count ? left : p->count);
        if (error == 0) {
            error = torc_gpu_stream_wait(t->stream);
        }
        const double done = left < p->count ? 1 : (double)(first + p->count) / (double)total;
        torc_progress(ctx, "keys", begin + (end - begin) * done);
    }
    return error;
}

torc_status torc_cuda_keys_load(torc_ctx *ctx, cuda_target *target,
                                const torc_evaluation_keys *keys)
{
    const piece rows = bootstrap_piece(target);
    const piece words = keyswitch_piece(target);
    void *staging = NULL;
    int error = torc_gpu_alloc(&staging, target->plan.key_staging);
    if (error == 0) {
        error = torc_gpu_fft_tables(target->bootstrap_key, target->shape.poly_size, target->stream);
    }
    if (error == 0) {
        error = load_pieces(ctx, target, keys, staging, load_glwe_rows, &rows,
                            torc_evk_bootstrap_rows(&keys->params), 0, 0.9);
    }
    if (error == 0) {
        error = load_pieces(ctx, target, keys, staging, load_lwe_rows, &words,
                            torc_params_big_dim(&keys->params), 0.9, 1);
    }
    (void)torc_gpu_stream_wait(target->stream); /* nothing uses the staging from here on */
    torc_gpu_free(staging);
    return torc_cuda_check(ctx, target, error, "loading the evaluation keys");
}
