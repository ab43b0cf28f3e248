/* What tests of the blind rotation share, whatever its form: keys on the device, batches of random
 * inputs, runs, and the comparison of all 2^v N coefficients of every result with the naively
 * rotated table. Noise: gpu_rotation_noise.h. */
#ifndef TORC_TESTS_GPU_ROTATION_H
#define TORC_TESTS_GPU_ROTATION_H

#include "tests/gpu_test.h"
#include "tests/kernel_keys.h"
#include "tests/kernel_oracles.h"

#include <math.h>

static inline uint32_t rotation_log2(uint32_t power)
{
    uint32_t log = 0;
    while (power > 1) {
        power >>= 1;
        log++;
    }
    return log;
}

static inline uint32_t rotation_size(const torc_shape *s) /* N' = 2^v N */
{
    return s->poly_size << s->extended_log2;
}

static inline size_t rotation_part_words(const torc_shape *s)
{
    return (size_t)(s->glwe_dim + 1) * s->poly_size;
}

static inline size_t rotation_big_words(const torc_shape *s)
{
    return (size_t)s->glwe_dim * s->poly_size + 1;
}

/* --- keys --- */

typedef struct rotation_key {
    test_keys keys;
    int noise_log2;
    void *device; /* freed by gpu_test_free_all */
} rotation_key;

/* The device's form of a bootstrap key, some hundred rows at a time. */
static inline void *rotation_key_upload(const test_keys *keys)
{
    const torc_shape *s = &keys->shape;
    const size_t words = keys_row_words(s);
    const size_t count = keys_row_count(s);
    const size_t at_once = count < 300 ? count : 300;
    uint64_t *rows = (uint64_t *)gpu_test_room(at_once * words * sizeof *rows);
    void *key = gpu_test_room(torc_gpu_bootstrap_key_bytes(s));

    GPU_OK(torc_gpu_fft_tables(key, s->poly_size, gpu_test.stream));
    for (size_t first = 0; first < count; first += at_once) {
        const size_t some = count - first < at_once ? count - first : at_once;
        GPU_OK(torc_gpu_copy_in(rows, keys->ggsw + first * words, some * words * sizeof *rows,
                                gpu_test.stream));
        GPU_OK(torc_gpu_bootstrap_key_rows(key, first, (uint32_t)some, rows, s, gpu_test.stream));
        GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
    }
    return key;
}

/* Random keys; noise TUniform(noise_log2) in units of 2^-64, negative: none. */
static inline rotation_key rotation_key_make(const torc_shape *shape, test_rng *rng, int noise_log2)
{
    rotation_key key = {.noise_log2 = noise_log2};
    keys_make(&key.keys, shape, rng, noise_log2, -1);
    key.device = rotation_key_upload(&key.keys);
    return key;
}

static inline void rotation_key_free(rotation_key *key)
{
    keys_free(&key->keys);
    gpu_test_free_all();
}

/* --- batches --- */

#define ROTATION_TABLES 3 /* the first with as many entries as fit */

/* Random inputs and, after rotation_run, the results. */
typedef struct rotation_batch {
    torc_shape shape;
    uint32_t count, stride;
    uint32_t cluster; /* of torc_gpu_rotate_args */
    uint32_t index_bits[ROTATION_TABLES];
    uint64_t *entry;       /* [ROTATION_TABLES][stride] */
    uint32_t *table_index; /* [count] */
    uint32_t *exponent;    /* [count][n] */
    uint32_t *body;        /* [count] */
    int64_t *error;        /* [count] */
    uint64_t *out;         /* [count][2^o][kN + 1] */
    uint64_t *accumulator; /* [count][2^v][k + 1][N] */
} rotation_batch;

/* The table with the most entries: two neighbours alike, as every table must have. */
static inline uint32_t rotation_most_bits(const torc_shape *s)
{
    return rotation_log2(rotation_size(s)) - s->outputs_log2 - 1;
}

typedef enum rotation_inputs {
    ROTATION_VARIED, /* long and short tables; often exponents 0, N', 2N' - 1 */
    ROTATION_RANDOM, /* as noise wants them: the table with the most entries, any exponents */
} rotation_inputs;

/* Modulo 2N'. */
static inline uint32_t rotation_exponent(const torc_shape *s, rotation_inputs inputs, test_rng *rng)
{
    const uint32_t period = 2 * rotation_size(s);
    const uint64_t draw = rng_next(rng);
    const uint32_t special[] = {0, period / 2, period - 1};
    return inputs == ROTATION_VARIED && draw % 16 < 3 ? special[draw % 16]
                                                      : (uint32_t)(draw >> 32) % period;
}

static inline rotation_batch rotation_batch_make(const torc_shape *shape, uint32_t count,
                                                 rotation_inputs inputs, test_rng *rng)
{
    const uint32_t most = rotation_most_bits(shape);
    const uint32_t bits[] = {most, most / 2, 1};
    const int64_t cell = ((int64_t)1 << 31) / rotation_size(shape) << shape->outputs_log2;
    const int64_t most_error = shape->lwe_dim * cell / 2;
    rotation_batch b = {.shape = *shape, .count = count};

    b.stride = (1u << (most + shape->outputs_log2)) + 6; /* more than a table needs */
    b.entry = (uint64_t *)test_alloc((size_t)ROTATION_TABLES * b.stride * sizeof *b.entry);
    b.table_index = (uint32_t *)test_alloc(count * sizeof *b.table_index);
    b.exponent = (uint32_t *)test_alloc((size_t)count * shape->lwe_dim * sizeof *b.exponent);
    b.body = (uint32_t *)test_alloc(count * sizeof *b.body);
    b.error = (int64_t *)test_alloc(count * sizeof *b.error);
    b.out = (uint64_t *)test_alloc((count * rotation_big_words(shape) << shape->outputs_log2) *
                                   sizeof *b.out);
    b.accumulator = (uint64_t *)test_alloc(
        (count * rotation_part_words(shape) << shape->extended_log2) * sizeof *b.accumulator);
    memcpy(b.index_bits, bits, sizeof bits);
    rng_words(rng, b.entry, (size_t)ROTATION_TABLES * b.stride);
    for (uint32_t c = 0; c < count; c++) {
        b.table_index[c] = inputs == ROTATION_VARIED ? c % ROTATION_TABLES : 0;
        b.body[c] = (uint32_t)rng_next(rng);
        b.error[c] = (int64_t)(rng_next(rng) % (uint64_t)(2 * most_error + 1)) - most_error;
    }
    for (size_t i = 0; i < (size_t)count * shape->lwe_dim; i++) {
        b.exponent[i] = rotation_exponent(shape, inputs, rng);
    }
    return b;
}

static inline void rotation_batch_free(rotation_batch *b)
{
    free(b->entry);
    free(b->table_index);
    free(b->exponent);
    free(b->body);
    free(b->error);
    free(b->out);
    free(b->accumulator);
}

/* Rotates; leaves outputs and whole accumulators in b. The error of the call, before any check. */
static inline int rotation_try(rotation_batch *b, const rotation_key *key, torc_gpu_form form)
{
    const torc_shape *s = &b->shape;
    const size_t n = s->lwe_dim;
    const size_t count = b->count;
    const size_t out_bytes = (count * rotation_big_words(s) << s->outputs_log2) * sizeof *b->out;
    const size_t accumulator_bytes =
        (count * rotation_part_words(s) << s->extended_log2) * sizeof *b->accumulator;
    const torc_gpu_rotate_args call = {
        .key = key->device,
        .in = {.exponent = (uint32_t *)gpu_test_upload(b->exponent, count * n * 4),
               .body = (uint32_t *)gpu_test_upload(b->body, count * 4),
               .error = (int64_t *)gpu_test_upload(b->error, count * 8)},
        .table = (uint64_t *)gpu_test_upload(b->entry, (size_t)ROTATION_TABLES * b->stride * 8),
        .index_bits = (uint32_t *)gpu_test_upload(b->index_bits, sizeof b->index_bits),
        .table_index = (uint32_t *)gpu_test_upload(b->table_index, count * 4),
        .table_stride = b->stride,
        .batch = b->count,
        .accumulator = (uint64_t *)gpu_test_room(accumulator_bytes),
        .scratch = gpu_test_room(torc_gpu_rotate_scratch_bytes(s, b->count)),
        .form = form,
        .cluster = b->cluster};
    uint64_t *out = (uint64_t *)gpu_test_room(out_bytes);
    const int error = torc_gpu_rotate(out, &call, s, gpu_test.stream);

    if (error == 0) {
        gpu_test_download(b->out, out, out_bytes);
        gpu_test_download(b->accumulator, call.accumulator, accumulator_bytes);
    }
    return error;
}

/* --- comparison --- */

/* What ciphertext c is rotated by: -body exponent + sum a_i s_i, the body finished in rationals. */
static inline int64_t rotation_shift(const rotation_batch *b, const rotation_key *key, uint32_t c)
{
    const torc_shape *s = &b->shape;
    const int64_t outputs = (int64_t)1 << s->outputs_log2;
    const double cell = 0x1p31 / rotation_size(s) * (double)outputs;
    const uint32_t half_bin = (uint32_t)1 << (30 - b->index_bits[b->table_index[c]]);
    const uint32_t body = b->body[c] + half_bin;
    int64_t shift = -outputs * (int64_t)floor((body + (double)b->error[c] / 2) / cell);

    for (uint32_t i = 0; i < s->lwe_dim; i++) {
        shift += (int64_t)(b->exponent[(size_t)c * s->lwe_dim + i] * key->keys.small[i]);
    }
    return shift;
}

/* error[2^v][N] of ciphertext c: decrypted coefficients less those of the rotated table. */
static inline void rotation_errors(double *error, const rotation_batch *b, const rotation_key *key,
                                   uint32_t c)
{
    const torc_shape *s = &b->shape;
    const uint32_t parts = (uint32_t)1 << s->extended_log2;
    const uint32_t size = rotation_size(s);
    const uint32_t table = b->table_index[c];
    const int64_t shift = rotation_shift(b, key, c);
    uint64_t *poly = (uint64_t *)test_alloc(size * sizeof *poly);
    uint64_t *phase = (uint64_t *)test_alloc(s->poly_size * sizeof *phase);

    torc_ref_table_polynomial(poly, b->entry + (size_t)table * b->stride, b->index_bits[table], s);
    for (uint32_t r = 0; r < parts; r++) {
        const uint64_t *part = b->accumulator + ((size_t)c * parts + r) * rotation_part_words(s);
        torc_ref_glwe_phase(phase, part, key->keys.big, s->glwe_dim, s->poly_size);
        for (uint32_t i = 0; i < s->poly_size; i++) {
            error[(size_t)r * s->poly_size + i] =
                torus_fraction(phase[i] - naive_rotated(poly, size, shift, i * parts + r));
        }
    }
    free(poly);
    free(phase);
}

/* The results are the coefficients of the accumulators that they should be. */
static inline void rotation_expect_outputs(const rotation_batch *b, const char *what)
{
    const torc_shape *s = &b->shape;
    const size_t words = rotation_big_words(s) << s->outputs_log2;
    uint64_t *expected = (uint64_t *)test_alloc(words * sizeof *expected);

    for (uint32_t c = 0; c < b->count; c++) {
        torc_ref_extract_outputs(
            expected, b->accumulator + (c * rotation_part_words(s) << s->extended_log2), s);
        GPU_CHECK(memcmp(expected, b->out + c * words, words * sizeof *expected) == 0,
                  "%s: ciphertext %u is not extracted from its accumulator", what, c);
    }
    free(expected);
}

/* Every coefficient of every ciphertext within `bound` of the rotated table. */
static inline void rotation_expect_coefficients(const rotation_batch *b, const rotation_key *key,
                                                double bound, const char *what)
{
    const torc_shape *s = &b->shape;
    const size_t size = rotation_size(s);
    double *error = (double *)test_alloc(size * sizeof *error);

    for (uint32_t c = 0; c < b->count; c++) {
        size_t bad = 0;
        size_t first = 0;
        rotation_errors(error, b, key, c);
        for (size_t i = size; i-- > 0;) {
            if (!(fabs(error[i]) < bound)) {
                bad++;
                first = i;
            }
        }
        GPU_CHECK(bad == 0,
                  "%s: %zu of %zu coefficients of ciphertext %u of %u, the first %zu of part %zu: "
                  "%g from the table, at most %g",
                  what, bad, size, c, b->count, first % s->poly_size, first / s->poly_size,
                  error[first], bound);
    }
    free(error);
}

/* "k=1 N=2048 l=1 g=2 v=0", for messages. */
typedef struct rotation_name {
    char text[80];
} rotation_name;

static inline rotation_name rotation_name_of(const torc_shape *s)
{
    rotation_name name;
    snprintf(name.text, sizeof name.text, "k=%u N=%u l=%u g=%u v=%u o=%u n=%u", s->glwe_dim,
             s->poly_size, s->level_count, keys_grouping(s), s->extended_log2, s->outputs_log2,
             s->lwe_dim);
    return name;
}

#endif
