/* The round-off of every CPU transform against the constant stored beside it.
 *
 * Key bits of zero, keys without noise: the phase that leaves a bootstrap is that of the table plus
 * n steps of FFT round-off and nothing else (neither key noise nor decomposition rounding takes
 * part). V_FFT = c 2^-106 B^2 l (k+1) N log2(N) (1 + weight)   a step,  weight: of the actual big
 * key One sample is one bootstrap of 64 steps; 1024 samples bound c to 24 % at odds of 1e-6 (5
 * standard deviations of sqrt(2/1024)). */
#include "tests/kernel_keys.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

enum { STEPS_FEW = 8, STEPS = 72, SAMPLES = 1024, BATCH = 16, INDEX_BITS = 5, ENTRIES = 32 };

typedef struct fft_case {
    uint32_t glwe_dim, poly_size, level_count, base_log;
} fft_case;

static const fft_case cases[] = {
    {6, 256, 1, 18},  {4, 256, 2, 12},  {4, 512, 1, 23},  {2, 512, 3, 8},   {2, 1024, 1, 23},
    {1, 1024, 2, 15}, {3, 1024, 1, 20}, {1, 2048, 1, 23}, {1, 2048, 2, 15}, {1, 2048, 4, 9},
    {2, 2048, 1, 22}, {1, 4096, 1, 22}, {1, 4096, 2, 15},
};

static double key_weight(const test_keys *keys)
{
    uint64_t weight = 0;
    for (uint32_t i = 0; i < keys->shape.glwe_dim * keys->shape.poly_size; i++) {
        weight += keys->big[i];
    }
    return (double)weight;
}

/* Variance of the phase error of SAMPLES bootstraps with random masks. */
static double measure(const torc_cpu_kernels *cpu, const test_keys *keys, test_rng *rng)
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
    double sum_sq = 0;

    rng_words(rng, entry, ENTRIES);
    for (size_t b = 0; b < BATCH; b++) {
        entries[b] = entry;
        outs[b] = out + b * words;
        bits[b] = INDEX_BITS;
    }
    for (int first = 0; first < SAMPLES; first += BATCH) {
        for (uint32_t b = 0; b < BATCH; b++) {
            index[b] = (uint32_t)(rng_next(rng) % ENTRIES);
            keys_encrypt_small(small + b * small_words, keys, rng, index[b] << (31 - INDEX_BITS),
                               -1);
        }
        cpu->bootstrap(outs, small, entries, bits, BATCH, key, s, scratch);
        for (uint32_t b = 0; b < BATCH; b++) {
            const uint64_t phase = torc_ref_lwe_phase(outs[b], keys->big, (uint32_t)words - 1);
            const double error = (double)(int64_t)(phase - entry[index[b]]) * 0x1p-64;
            sum_sq += error * error;
        }
    }
    free(key);
    free(scratch);
    free(out);
    free(small);
    return sum_sq / SAMPLES;
}

/* Variance after `steps` steps, in units of B^2 l (k+1) N log2(N) (1 + weight) 2^-106. */
static double relative_variance(const torc_cpu_kernels *cpu, const fft_case *c, uint32_t steps,
                                uint64_t seed)
{
    const torc_shape shape = {.glwe_dim = c->glwe_dim,
                              .poly_size = c->poly_size,
                              .lwe_dim = steps,
                              .base_log = c->base_log,
                              .level_count = c->level_count,
                              .ks_base_log = 1,
                              .ks_level_count = 1};
    test_rng rng = {seed};
    test_keys keys;
    keys_make_with_small(&keys, &shape, &rng, false, -1, -1);
    const double variance = measure(cpu, &keys, &rng);
    const double unit = exp2(2.0 * c->base_log - 106) * c->level_count * (c->glwe_dim + 1) *
                        c->poly_size * log2(c->poly_size) * (1 + key_weight(&keys));
    keys_free(&keys);
    return variance / unit;
}

static double fitted_constant(const torc_cpu_kernels *cpu, const fft_case *c, uint64_t seed)
{
    return (relative_variance(cpu, c, STEPS, seed) - relative_variance(cpu, c, STEPS_FEW, seed)) /
           (STEPS - STEPS_FEW);
}

Test(kernels_fft, round_off_stays_below_the_stored_constant, .timeout = 1200)
{
    static const char *const names[] = {"portable", "avx2", "avx512"};
    for (size_t isa = 0; isa < 3; isa++) {
        const torc_cpu_kernels *cpu = torc_cpu_kernels_named(names[isa]);
        double largest = 0;
        if (cpu == NULL) {
            continue;
        }
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            const fft_case *c = &cases[i];
            const double constant = fitted_constant(cpu, c, 1000 + i);
            largest = fmax(largest, constant);
            printf("%-8s k=%u N=%u l=%u B=2^%u: c = %.5f\n", cpu->name, c->glwe_dim, c->poly_size,
                   c->level_count, c->base_log, constant);
            cr_expect(constant < 1.24 * cpu->fft_constant, "%s row %zu: %g above the stored %g",
                      cpu->name, i, constant, cpu->fft_constant);
        }
        cr_expect(largest > 0.76 * cpu->fft_constant, "%s: largest %g, stored %g: refit", cpu->name,
                  largest, cpu->fft_constant);
        printf("%-8s largest %.5f, stored %.5f\n", cpu->name, largest, cpu->fft_constant);
    }
}
