/* Keys and ciphertexts for the kernel tests, made from the kernels alone: splitmix64 for
 * everything, schoolbook or kernel products for bodies. Nothing here is fit for a real key. */
#ifndef TORC_TESTS_KERNEL_KEYS_H
#define TORC_TESTS_KERNEL_KEYS_H

#include "kernels/kernels.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct test_rng {
    uint64_t state;
} test_rng;

static inline uint64_t rng_next(test_rng *rng) /* splitmix64 */
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline void rng_words(test_rng *rng, uint64_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = rng_next(rng);
    }
}

static inline void rng_bits(test_rng *rng, uint64_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = rng_next(rng) >> 63;
    }
}

/* Integers in [-2^b, 2^b], the ends with half weight; none: 0. */
static inline int64_t rng_tuniform(test_rng *rng, int bound_log2)
{
    if (bound_log2 < 0) {
        return 0;
    }
    const uint64_t v = rng_next(rng) >> (62 - bound_log2);
    return (int64_t)((v + 1) >> 1) - ((int64_t)1 << bound_log2);
}

/* 64-byte aligned, zeroed; exits the test process when memory is short. */
static inline void *test_alloc(size_t bytes)
{
    const size_t rounded = (bytes + 63) & ~(size_t)63;
    void *memory = aligned_alloc(64, rounded == 0 ? 64 : rounded);
    if (memory == NULL) {
        abort();
    }
    memset(memory, 0, rounded);
    return memory;
}

/* out[N] += sum_c a[c][N] * b[c][N], b binary. */
static inline void keys_product_add(uint64_t *out, const uint64_t *a, const uint64_t *b,
                                    uint32_t count, uint32_t poly_size)
{
    const torc_cpu_kernels *cpu = torc_cpu_kernels_get();
    double *spectrum = test_alloc((size_t)count * poly_size * sizeof *spectrum);
    for (size_t c = 0; c < count; c++) {
        cpu->binary_spectrum(spectrum + c * poly_size, b + c * poly_size, poly_size);
    }
    cpu->negacyclic_add(out, a, spectrum, count, poly_size);
    free(spectrum);
}

typedef struct test_keys {
    torc_shape shape;
    uint64_t *small; /* [n] bits */
    uint64_t *big;   /* [kN] bits */
    uint64_t *ggsw;  /* [n/g][2^g-1][(k+1) l][k+1][N] */
    uint32_t *ksk;   /* [kN][l'][n+1] */
} test_keys;

static inline uint32_t keys_grouping(const torc_shape *s)
{
    return s->grouping == 0 ? 1 : s->grouping;
}

static inline size_t keys_terms(const torc_shape *s) /* GGSWs of a step */
{
    return ((size_t)1 << keys_grouping(s)) - 1;
}

static inline size_t keys_row_count(const torc_shape *s)
{
    return s->lwe_dim / keys_grouping(s) * keys_terms(s) * (s->glwe_dim + 1) * s->level_count;
}

static inline size_t keys_row_words(const torc_shape *s)
{
    return (size_t)(s->glwe_dim + 1) * s->poly_size;
}

/* 1 when the bits of the step's group, lowest first, are those of term + 1. */
static inline uint64_t keys_term_bit(const test_keys *keys, size_t ggsw)
{
    const uint32_t g = keys_grouping(&keys->shape);
    const uint64_t *group = keys->small + ggsw / keys_terms(&keys->shape) * g;
    uint64_t bits = 0;
    for (uint32_t b = 0; b < g; b++) {
        bits |= group[b] << b;
    }
    return bits == ggsw % keys_terms(&keys->shape) + 1;
}

/* Row r = (ggsw (k+1) + c) l + j of the bootstrap key. */
static inline void keys_bootstrap_row(test_keys *keys, test_rng *rng, size_t r, int noise_log2)
{
    const torc_shape *s = &keys->shape;
    const uint32_t j = (uint32_t)(r % s->level_count);
    const uint32_t c = (uint32_t)(r / s->level_count % (s->glwe_dim + 1));
    const uint64_t bit = keys_term_bit(keys, r / s->level_count / (s->glwe_dim + 1));
    const uint64_t unit = bit << (64 - s->base_log * (j + 1));
    const size_t big_dim = (size_t)s->glwe_dim * s->poly_size;
    uint64_t *mask = keys->ggsw + r * keys_row_words(s);
    uint64_t *body = mask + big_dim;

    rng_words(rng, mask, big_dim);
    for (uint32_t i = 0; i < s->poly_size; i++) {
        const uint64_t secret = c < s->glwe_dim ? -keys->big[c * s->poly_size + i] : i == 0;
        body[i] = (uint64_t)rng_tuniform(rng, noise_log2) + unit * secret;
    }
    keys_product_add(body, mask, keys->big, s->glwe_dim, s->poly_size);
}

/* noise bounds in units of 2^-64 and 2^-32, negative: no noise; random small key bits or all zero.
 */
static inline void keys_make_with_small(test_keys *keys, const torc_shape *shape, test_rng *rng,
                                        bool random_small, int glwe_noise_log2, int lwe_noise_log2)
{
    const size_t big_dim = (size_t)shape->glwe_dim * shape->poly_size;
    const size_t words = (size_t)shape->lwe_dim + 1;
    keys->shape = *shape;
    keys->small = test_alloc(shape->lwe_dim * sizeof(uint64_t));
    keys->big = test_alloc(big_dim * sizeof(uint64_t));
    keys->ggsw = test_alloc(keys_row_count(shape) * keys_row_words(shape) * sizeof(uint64_t));
    keys->ksk = test_alloc(big_dim * shape->ks_level_count * words * sizeof(uint32_t));
    if (random_small) {
        rng_bits(rng, keys->small, shape->lwe_dim);
    }
    rng_bits(rng, keys->big, big_dim);
    for (size_t r = 0; r < keys_row_count(shape); r++) {
        keys_bootstrap_row(keys, rng, r, glwe_noise_log2);
    }
    for (size_t r = 0; r < big_dim * shape->ks_level_count; r++) {
        uint32_t *row = keys->ksk + r * words;
        const uint32_t j = (uint32_t)(r % shape->ks_level_count);
        const uint32_t unit = (uint32_t)1 << (32 - shape->ks_base_log * (j + 1));
        for (uint32_t i = 0; i < shape->lwe_dim; i++) {
            row[i] = (uint32_t)rng_next(rng);
        }
        row[shape->lwe_dim] = torc_ref_lwe_body32(
            row, keys->small, rng_tuniform(rng, lwe_noise_log2),
            unit * (uint32_t)keys->big[r / shape->ks_level_count], shape->lwe_dim);
    }
}

static inline void keys_make(test_keys *keys, const torc_shape *shape, test_rng *rng,
                             int glwe_noise_log2, int lwe_noise_log2)
{
    keys_make_with_small(keys, shape, rng, true, glwe_noise_log2, lwe_noise_log2);
}

static inline void keys_free(test_keys *keys)
{
    free(keys->small);
    free(keys->big);
    free(keys->ggsw);
    free(keys->ksk);
}

/* Both keys in the form of one instruction set. */
static inline void *keys_cpu_bootstrap(const test_keys *keys, const torc_cpu_kernels *cpu)
{
    void *out = test_alloc(cpu->bootstrap_key_bytes(&keys->shape));
    for (size_t r = 0; r < keys_row_count(&keys->shape); r++) {
        cpu->bootstrap_key_row(out, r, keys->ggsw + r * keys_row_words(&keys->shape), &keys->shape);
    }
    for (size_t step = 0; step < keys->shape.lwe_dim / keys_grouping(&keys->shape); step++) {
        cpu->bootstrap_key_step(out, step, &keys->shape);
    }
    return out;
}

static inline void *keys_cpu_keyswitch(const test_keys *keys, const torc_cpu_kernels *cpu)
{
    const torc_shape *s = &keys->shape;
    void *out = test_alloc(cpu->keyswitch_key_bytes(s));
    for (size_t r = 0; r < (size_t)s->glwe_dim * s->poly_size * s->ks_level_count; r += 2) {
        cpu->keyswitch_key_rows(out, r / 2, keys->ksk + r * (s->lwe_dim + 1), s);
    }
    return out;
}

/* u64 [kN + 1] under the big key; u32 [n + 1] under the small one. */
static inline void keys_encrypt(uint64_t *lwe, const test_keys *keys, test_rng *rng,
                                uint64_t message, int noise_log2)
{
    const uint32_t dim = keys->shape.glwe_dim * keys->shape.poly_size;
    rng_words(rng, lwe, dim);
    lwe[dim] = torc_ref_lwe_body(lwe, keys->big, rng_tuniform(rng, noise_log2), message, dim);
}

static inline void keys_encrypt_small(uint32_t *lwe, const test_keys *keys, test_rng *rng,
                                      uint32_t message, int noise_log2)
{
    const uint32_t dim = keys->shape.lwe_dim;
    for (uint32_t i = 0; i < dim; i++) {
        lwe[i] = (uint32_t)rng_next(rng);
    }
    lwe[dim] = torc_ref_lwe_body32(lwe, keys->small, rng_tuniform(rng, noise_log2), message, dim);
}

#endif
