/* One keyswitch of a batch, given on the host, by the device and by the reference. */
#ifndef TORC_TESTS_KEYSWITCH_TRIAL_H
#define TORC_TESTS_KEYSWITCH_TRIAL_H

#include "tests/gpu_test.h"
#include "tests/kernel_keys.h"

typedef struct keyswitch_case {
    uint32_t glwe_dim, poly_size, lwe_dim, base_log, level_count, extended_log2, outputs_log2;
    uint32_t batch;
} keyswitch_case;

static inline torc_shape shape_of(const keyswitch_case *c)
{
    return (torc_shape){.glwe_dim = c->glwe_dim,
                        .poly_size = c->poly_size,
                        .lwe_dim = c->lwe_dim,
                        .extended_log2 = c->extended_log2,
                        .base_log = 10,
                        .level_count = 1,
                        .ks_base_log = c->base_log,
                        .ks_level_count = c->level_count,
                        .outputs_log2 = c->outputs_log2};
}

static inline size_t big_dim(const torc_shape *s)
{
    return (size_t)s->glwe_dim * s->poly_size;
}

typedef struct trial {
    torc_shape shape;
    uint32_t batch, slots;
    uint32_t *rows;         /* [kN][l'][n + 1] */
    uint64_t *big;          /* [slots][kN + 1] */
    const uint32_t *index;  /* [batch] or NULL */
    const uint64_t *offset; /* [batch] or NULL */
} trial;

/* The key goes in by two calls, the second part first. */
static inline void *device_key(const trial *t)
{
    const torc_shape *s = &t->shape;
    const uint32_t dim = (uint32_t)big_dim(s);
    const uint32_t cut = dim / 2 - 32;
    const size_t row_words = (size_t)s->ks_level_count * (s->lwe_dim + 1);
    const uint32_t *rows = gpu_test_upload(t->rows, dim * row_words * sizeof *rows);
    void *key = gpu_test_room(torc_gpu_keyswitch_key_bytes(s));

    GPU_OK(torc_gpu_keyswitch_key(key, rows + cut * row_words, cut, dim - cut, s, gpu_test.stream));
    GPU_OK(torc_gpu_keyswitch_key(key, rows, 0, cut, s, gpu_test.stream));
    return key;
}

static inline torc_gpu_keyswitch_args device_args(const trial *t)
{
    const size_t big_bytes = t->slots * (big_dim(&t->shape) + 1) * sizeof *t->big;
    return (torc_gpu_keyswitch_args){
        .key = device_key(t),
        .in = gpu_test_upload(t->big, big_bytes),
        .index = t->index == NULL ? NULL : gpu_test_upload(t->index, t->batch * sizeof *t->index),
        .offset =
            t->offset == NULL ? NULL : gpu_test_upload(t->offset, t->batch * sizeof *t->offset),
        .scratch = gpu_test_room(torc_gpu_keyswitch_scratch_bytes(&t->shape, t->batch)),
        .batch = t->batch};
}

/* small[batch][n + 1] of the device. */
static inline void small_of_device(uint32_t *small, const trial *t)
{
    const size_t bytes = (size_t)t->batch * (t->shape.lwe_dim + 1) * sizeof *small;
    const torc_gpu_keyswitch_args args = device_args(t);
    uint32_t *device = gpu_test_room(bytes);

    GPU_OK(torc_gpu_keyswitch_small(device, &args, &t->shape, gpu_test.stream));
    gpu_test_download(small, device, bytes);
    gpu_test_free_all();
}

static inline void small_of_reference(uint32_t *small, const trial *t)
{
    const torc_shape *s = &t->shape;
    const size_t words = big_dim(s) + 1;
    uint64_t *big = test_alloc(words * sizeof *big);

    for (uint32_t b = 0; b < t->batch; b++) {
        const size_t slot = t->index == NULL ? b : t->index[b];
        memcpy(big, t->big + slot * words, words * sizeof *big);
        big[words - 1] += t->offset == NULL ? 0 : t->offset[b];
        torc_ref_keyswitch(small + (size_t)b * (s->lwe_dim + 1), big, t->rows, s);
    }
    free(big);
}

/* What the device makes of the batch with its modulus switch. */
typedef struct trial_switched {
    uint32_t *exponent, *body;
    int64_t *error;
} trial_switched;

static inline trial_switched switched_of_device(const trial *t)
{
    const size_t exponent_bytes = (size_t)t->batch * t->shape.lwe_dim * sizeof(uint32_t);
    const size_t body_bytes = t->batch * sizeof(uint32_t);
    const size_t error_bytes = t->batch * sizeof(int64_t);
    const torc_gpu_keyswitch_args args = device_args(t);
    const torc_gpu_switched out = {.exponent = gpu_test_room(exponent_bytes),
                                   .body = gpu_test_room(body_bytes),
                                   .error = gpu_test_room(error_bytes)};
    const trial_switched got = {.exponent = test_alloc(exponent_bytes),
                                .body = test_alloc(body_bytes),
                                .error = test_alloc(error_bytes)};

    GPU_OK(torc_gpu_keyswitch(&out, &args, &t->shape, gpu_test.stream));
    gpu_test_download(got.exponent, out.exponent, exponent_bytes);
    gpu_test_download(got.body, out.body, body_bytes);
    gpu_test_download(got.error, out.error, error_bytes);
    gpu_test_free_all();
    return got;
}

static inline void switched_free(trial_switched *s)
{
    free(s->exponent);
    free(s->body);
    free(s->error);
}

/* 2^32 over the number of exponents that the masks of a shape can become. */
static inline int64_t cell_of(const torc_shape *s)
{
    return ((int64_t)1 << (31 + s->outputs_log2)) / ((int64_t)s->poly_size << s->extended_log2);
}

/* What the rotation makes of body and error, ref/modulus_switch.c. */
static inline uint32_t body_exponent(uint32_t body, int64_t error, const torc_shape *s)
{
    const int64_t twice = 2 * (int64_t)body + error;
    const int64_t cells = ((int64_t)1 << 32) / cell_of(s);
    const int64_t below = (twice % (2 * cell_of(s)) + 2 * cell_of(s)) % (2 * cell_of(s));
    const int64_t whole = (twice - below) / (2 * cell_of(s));
    return (uint32_t)((whole % cells + cells) % cells) << s->outputs_log2;
}

#endif
