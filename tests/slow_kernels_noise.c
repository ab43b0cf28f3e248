/* Noise of bootstrap and keyswitch, mean and variance, against the formulas at the actual key
 * weights:
 *   bootstrap  n l (k+1) N vb (B^2+2)/12  +  h (1 + H) B^(-2l)/12  +  n V_FFT
 *   g > 1      n/g [2 (2^g-1) l (k+1) N vb (B^2+2)/12  +  (1 + H) B^(-2l)/12  +  V_FFT,g]
 *   keyswitch  kN l' vk (B'^2+2)/12 + H B'^(-2l')/12  +  2^-64/12
 * vb = (2^(2b+1) + 1) / 6 * 2^-128, vk likewise with 2^-64;  h, H: weights of the small, the big
 * key. Each term alone (no key noise; nothing dropped by the decomposition), then together at
 * production parameters, with several keys, plain and extended. Bounds at odds of 1e-6 for T
 * samples: 5 sqrt(2/T) for the variance, 5 / sqrt(T) standard deviations for the mean. */
#include "tests/kernel_keys.h"
#include "tests/kernel_oracles.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

enum { BATCH = 16, INDEX_BITS = 3, ENTRIES = 8 };

typedef struct noise_case {
    const char *name;
    torc_shape shape;
    int key_noise_log2; /* negative: none */
    int samples;
    int keys;
} noise_case;

static const noise_case cases[] = {
    {"key noise", {1, 1024, 100, 0, 12, 4, 1, 1, 1, 0}, 32, 1024, 3},
    {"key noise, k = 3", {3, 256, 100, 0, 12, 4, 1, 1, 1, 0}, 32, 1024, 3},
    {"key noise, extended", {1, 256, 100, 2, 12, 4, 1, 1, 1, 0}, 32, 1024, 3},
    {"rounding", {1, 1024, 200, 0, 15, 1, 1, 1, 1, 0}, -1, 1024, 3},
    {"rounding, two levels", {2, 512, 200, 0, 7, 2, 1, 1, 1, 0}, -1, 1024, 3},
    {"rounding, extended", {1, 512, 200, 3, 15, 1, 1, 1, 1, 0}, -1, 512, 3},
    {"4 bits, 2^-40", {1, 2048, 860, 0, 23, 1, 1, 1, 1, 0}, 17, 512, 3},
    {"4 bits, extended", {1, 2048, 860, 1, 23, 1, 1, 1, 1, 0}, 17, 256, 1},
    {"N = 4096", {1, 4096, 900, 0, 22, 1, 1, 1, 1, 0}, 3, 256, 1},
    {"key noise, g = 2", {1, 1024, 100, 0, 12, 4, 1, 1, 2, 0}, 32, 1024, 3},
    {"key noise, g = 3", {3, 256, 99, 0, 12, 4, 1, 1, 3, 0}, 32, 1024, 3},
    {"key noise, g = 3, extended", {1, 256, 99, 2, 12, 4, 1, 1, 3, 0}, 32, 1024, 3},
    {"rounding, g = 2", {1, 1024, 200, 0, 15, 1, 1, 1, 2, 0}, -1, 1024, 3},
    {"rounding, g = 3", {2, 512, 198, 0, 7, 2, 1, 1, 3, 0}, -1, 1024, 3},
    {"rounding, g = 2, extended", {1, 512, 200, 3, 15, 1, 1, 1, 2, 0}, -1, 512, 3},
    {"4 bits, g = 2", {1, 2048, 860, 0, 22, 1, 1, 1, 2, 0}, 17, 512, 3},
    {"4 bits, g = 3", {1, 2048, 858, 0, 22, 1, 1, 1, 3, 0}, 17, 512, 3},
    {"4 bits, g = 3, extended", {1, 2048, 858, 1, 22, 1, 1, 1, 3, 0}, 17, 256, 1},
};

static double weight(const uint64_t *bits, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)bits[i];
    }
    return sum;
}

static double predicted(const test_keys *keys, int key_noise_log2, const double *fft_constants)
{
    const torc_shape *s = &keys->shape;
    const double g = s->grouping;
    const double size = s->poly_size;
    const double products = s->level_count * (s->glwe_dim + 1.0) * size;
    const double base_sq = exp2(2.0 * s->base_log);
    const double big = 1 + weight(keys->big, (size_t)s->glwe_dim * s->poly_size);
    const double terms = g > 1 ? 2 * (exp2(g) - 1) : 1;
    const double key_noise =
        key_noise_log2 < 0 ? 0 : (exp2(2 * key_noise_log2 + 1) + 1) / 6 * exp2(-128);
    const double rounded_steps = g > 1 ? s->lwe_dim / g : weight(keys->small, s->lwe_dim);
    const double rounding = exp2(-2.0 * s->base_log * s->level_count) / 12;
    const double fft =
        fft_constants[s->grouping - 1] * exp2(-106) * base_sq * products * log2(size) * big;
    return s->lwe_dim / g * terms * (products * key_noise * (base_sq + 2) / 12 + fft) +
           rounded_steps * big * rounding;
}

typedef struct moments {
    double mean;
    double variance; /* about 0 */
} moments;

static moments measure(const torc_cpu_kernels *cpu, const test_keys *keys, int samples,
                       test_rng *rng)
{
    const torc_shape *s = &keys->shape;
    const size_t words = (size_t)s->glwe_dim * s->poly_size + 1;
    const size_t small_words = (size_t)s->lwe_dim + 1;
    void *key = keys_cpu_bootstrap(keys, cpu);
    void *scratch = test_alloc(cpu->bootstrap_scratch_bytes(s, BATCH));
    uint64_t *out = test_alloc(BATCH * words * sizeof *out);
    uint32_t *small = test_alloc(BATCH * small_words * sizeof *small);
    uint64_t entry[ENTRIES];
    const uint64_t *entries[BATCH];
    uint64_t *outs[BATCH];
    uint32_t bits[BATCH];
    uint32_t index[BATCH];
    moments m = {0, 0};

    rng_words(rng, entry, ENTRIES);
    for (size_t b = 0; b < BATCH; b++) {
        entries[b] = entry;
        outs[b] = out + b * words;
        bits[b] = INDEX_BITS;
    }
    for (int first = 0; first < samples; first += BATCH) {
        for (uint32_t b = 0; b < BATCH; b++) {
            index[b] = (uint32_t)(rng_next(rng) % ENTRIES);
            keys_encrypt_small(small + b * small_words, keys, rng, index[b] << (31 - INDEX_BITS),
                               -1);
        }
        cpu->bootstrap(outs, small, entries, bits, BATCH, key, s, scratch);
        for (uint32_t b = 0; b < BATCH; b++) {
            const uint64_t phase = torc_ref_lwe_phase(outs[b], keys->big, (uint32_t)words - 1);
            const double error = torus_fraction(phase - entry[index[b]]);
            m.mean += error / samples;
            m.variance += error * error / samples;
        }
    }
    free(key);
    free(scratch);
    free(out);
    free(small);
    return m;
}

Test(kernels_noise, bootstrap_noise_is_predicted, .timeout = 1500)
{
    const torc_cpu_kernels *cpu = torc_cpu_kernels_get();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const noise_case *c = &cases[i];
        for (int k = 0; k < c->keys; k++) {
            test_rng rng = {2000 + 10 * i + (uint64_t)k};
            test_keys keys;
            keys_make(&keys, &c->shape, &rng, c->key_noise_log2, -1);
            const double expected = predicted(&keys, c->key_noise_log2, cpu->fft_constant);
            const moments m = measure(cpu, &keys, c->samples, &rng);
            const double mean = m.mean / sqrt(expected);
            const double ratio = m.variance / expected;
            printf("%-8s %-26s key %d: std 2^%.2f, variance / predicted %.3f, mean / std %+.3f\n",
                   cpu->name, c->name, k, log2(m.variance) / 2, ratio, mean);
            cr_expect(fabs(ratio - 1) < 5 * sqrt(2.0 / c->samples), "%s key %d: ratio %g", c->name,
                      k, ratio);
            cr_expect(fabs(mean) < 5 / sqrt(c->samples), "%s key %d: mean %g std", c->name, k,
                      mean);
            keys_free(&keys);
        }
    }
}

typedef struct keyswitch_case {
    const char *name;
    torc_shape shape;
    int key_noise_log2;
} keyswitch_case;

static const keyswitch_case keyswitch_cases[] = {
    {"keyswitch, key noise", {1, 1024, 500, 0, 10, 1, 4, 8, 1, 0}, 10},
    {"keyswitch, rounding", {2, 512, 500, 0, 10, 1, 3, 4, 1, 0}, -1},
    {"keyswitch, production", {1, 2048, 860, 0, 23, 1, 3, 5, 1, 0}, 14},
};

static double predicted_keyswitch(const test_keys *keys, int key_noise_log2)
{
    const torc_shape *s = &keys->shape;
    const double big_dim = (double)s->glwe_dim * s->poly_size;
    const double key_noise =
        key_noise_log2 < 0 ? 0 : (exp2(2 * key_noise_log2 + 1) + 1) / 6 * exp2(-64);
    return big_dim * s->ks_level_count * key_noise * (exp2(2.0 * s->ks_base_log) + 2) / 12 +
           weight(keys->big, (size_t)big_dim) * exp2(-2.0 * s->ks_base_log * s->ks_level_count) /
               12 +
           exp2(-64) / 12;
}

static moments measure_keyswitch(const torc_cpu_kernels *cpu, const test_keys *keys, int samples,
                                 test_rng *rng)
{
    const torc_shape *s = &keys->shape;
    const uint32_t dim = s->glwe_dim * s->poly_size;
    const size_t small_words = (size_t)s->lwe_dim + 1;
    void *key = keys_cpu_keyswitch(keys, cpu);
    void *scratch = test_alloc(cpu->keyswitch_scratch_bytes(s, BATCH));
    uint64_t *big = test_alloc((size_t)BATCH * (dim + 1) * sizeof *big);
    uint32_t *small = test_alloc(BATCH * small_words * sizeof *small);
    const uint64_t *in[BATCH];
    const uint64_t offset[BATCH] = {0};
    moments m = {0, 0};

    for (int first = 0; first < samples; first += BATCH) {
        rng_words(rng, big, (size_t)BATCH * (dim + 1));
        for (size_t b = 0; b < BATCH; b++) {
            in[b] = big + b * (dim + 1);
        }
        const torc_keyswitch_job job = {.small = small,
                                        .in = in,
                                        .offset = offset,
                                        .batch = BATCH,
                                        .key = key,
                                        .scratch = scratch};
        cpu->keyswitch(&job, s);
        for (size_t b = 0; b < BATCH; b++) {
            const uint64_t phase =
                (uint64_t)torc_ref_lwe_phase32(small + b * small_words, keys->small, s->lwe_dim)
                << 32;
            const double error = torus_fraction(phase - torc_ref_lwe_phase(in[b], keys->big, dim));
            m.mean += error / samples;
            m.variance += error * error / samples;
        }
    }
    free(key);
    free(scratch);
    free(big);
    free(small);
    return m;
}

Test(kernels_noise, keyswitch_noise_is_predicted, .timeout = 600)
{
    enum { SAMPLES = 2048, KEYS = 3 };
    const torc_cpu_kernels *cpu = torc_cpu_kernels_get();
    for (size_t i = 0; i < sizeof keyswitch_cases / sizeof *keyswitch_cases; i++) {
        const keyswitch_case *c = &keyswitch_cases[i];
        for (uint64_t k = 0; k < KEYS; k++) {
            test_rng rng = {3000 + 10 * i + k};
            test_keys keys;
            keys_make(&keys, &c->shape, &rng, 17, c->key_noise_log2);
            const double expected = predicted_keyswitch(&keys, c->key_noise_log2);
            const moments m = measure_keyswitch(cpu, &keys, SAMPLES, &rng);
            const double mean = m.mean / sqrt(expected);
            const double ratio = m.variance / expected;
            printf("%-22s key %lu: std 2^%.2f, variance / predicted %.3f, mean / std %+.3f\n",
                   c->name, k, log2(m.variance) / 2, ratio, mean);
            cr_expect(fabs(ratio - 1) < 5 * sqrt(2.0 / SAMPLES), "%s key %lu: ratio %g", c->name, k,
                      ratio);
            cr_expect(fabs(mean) < 5 / sqrt(SAMPLES), "%s key %lu: mean %g std", c->name, k, mean);
            keys_free(&keys);
        }
    }
}
