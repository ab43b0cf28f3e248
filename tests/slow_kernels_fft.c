/* The round-off of every CPU transform against the constants stored beside it.
 *
 * Key bits of zero, keys without noise: the phase that leaves a bootstrap is that of the table plus
 * the steps' FFT round-off and what a step drops: with g > 1 key bits what the digits leave out, with
 * g = 1 and accumulators of 32 bits (kernels/cpu/rotate.h) what those do; bases are so large that
 * this is small, and it is taken off. V_FFT = c_g 2^-106 B^2 l (k+1) N log2(N) (1 +
 * weight)   a step, g > 1: times 2 (2^g - 1) dropped = (1 + weight) B^(-2l) / 12,  weight: of the
 * actual big key One sample is one bootstrap; 1024 samples bound c to 24 % at odds of 1e-6 (5
 * standard deviations of sqrt(2/1024)). */
#include "tests/cpu_tables.h"
#include "tests/kernel_keys.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

enum { BITS_FEW = 12, BITS = 72, SAMPLES = 1024, BATCH = 16, INDEX_BITS = 8, ENTRIES = 256 };

typedef struct fft_case {
    uint32_t glwe_dim, poly_size, level_count, base_log, grouping;
} fft_case;

static const fft_case cases[] = {
    {6, 256, 1, 18, 1},  {4, 256, 2, 12, 1},  {4, 512, 1, 23, 1},  {2, 512, 3, 8, 1},
    {2, 1024, 1, 23, 1}, {1, 1024, 2, 15, 1}, {3, 1024, 1, 20, 1}, {1, 2048, 1, 23, 1},
    {1, 2048, 2, 15, 1}, {1, 2048, 4, 9, 1},  {2, 2048, 1, 22, 1}, {1, 4096, 1, 22, 1},
    {1, 4096, 2, 15, 1}, {6, 256, 1, 26, 2},  {4, 512, 1, 26, 2},  {2, 512, 3, 12, 2},
    {2, 1024, 1, 26, 2}, {1, 2048, 1, 26, 2}, {1, 2048, 2, 20, 2}, {1, 4096, 1, 26, 2},
    {6, 256, 1, 26, 3},  {4, 512, 1, 26, 3},  {2, 512, 3, 12, 3},  {2, 1024, 1, 26, 3},
    {1, 2048, 1, 26, 3}, {1, 2048, 2, 20, 3}, {1, 4096, 1, 26, 3},
};

static double key_weight(const test_keys *keys)
{
    uint64_t weight = 0;
    for (uint32_t i = 0; i < keys->shape.glwe_dim * keys->shape.poly_size; i++) {
        weight += keys->big[i];
    }
    return (double)weight;
}

/* Masks of whole cells, so that the modulus switch adds nothing: every table of 2^8 entries is read
 * right, and a table of short runs keeps the first step from costing more than others. */
static void encrypt_in_cells(uint32_t *small, const test_keys *keys, test_rng *rng, uint32_t index)
{
    const uint32_t cell = UINT32_MAX / (2 * keys->shape.poly_size) + 1;
    keys_encrypt_small(small, keys, rng, index << (31 - INDEX_BITS), -1);
    for (uint32_t i = 0; i < keys->shape.lwe_dim; i++) { /* the key is zero: no phase changes */
        small[i] -= small[i] % cell;
    }
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
            encrypt_in_cells(small + b * small_words, keys, rng, index[b]);
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

/* The unit below which a step forgets: of the digits, or of short words, or none. */
static double dropped_log2(const fft_case *c)
{
    if (c->grouping > 1) {
        return -(double)c->base_log * c->level_count;
    }
    const bool has_short_words = c->level_count == 1 && c->base_log >= 18 && c->base_log <= 26;
    return has_short_words ? -32 : -64;
}

/* Variance of the round-off of `bits` key bits, in units of
 * B^2 l (k+1) N log2(N) (1 + weight) 2^-106, g > 1: times 2 (2^g - 1). */
static double relative_variance(const torc_cpu_kernels *cpu, const fft_case *c, uint32_t bits,
                                uint64_t seed)
{
    const torc_shape shape = {.glwe_dim = c->glwe_dim,
                              .poly_size = c->poly_size,
                              .lwe_dim = bits,
                              .base_log = c->base_log,
                              .level_count = c->level_count,
                              .ks_base_log = 1,
                              .ks_level_count = 1,
                              .grouping = c->grouping};
    const double bundle = c->grouping > 1 ? 2 * (exp2(c->grouping) - 1) : 1;
    test_rng rng = {seed};
    test_keys keys;
    keys_make_with_small(&keys, &shape, &rng, false, -1, -1);
    const double variance = measure(cpu, &keys, &rng);
    const double dropped =
        bits / c->grouping * (1 + key_weight(&keys)) * exp2(2 * dropped_log2(c)) / 12;
    const double unit = bundle * exp2(2.0 * c->base_log - 106) * c->level_count *
                        (c->glwe_dim + 1) * c->poly_size * log2(c->poly_size) *
                        (1 + key_weight(&keys));
    keys_free(&keys);
    return (variance - dropped) / unit;
}

static double fitted_constant(const torc_cpu_kernels *cpu, const fft_case *c, uint64_t seed)
{
    return c->grouping *
           (relative_variance(cpu, c, BITS, seed) - relative_variance(cpu, c, BITS_FEW, seed)) /
           (BITS - BITS_FEW);
}

static void expect_constant(const torc_cpu_kernels *cpu, uint32_t grouping)
{
    const double stored = cpu->fft_constant[grouping - 1];
    double largest = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const fft_case *c = &cases[i];
        if (c->grouping != grouping) {
            continue;
        }
        const double constant = fitted_constant(cpu, c, 1000 + i);
        largest = fmax(largest, constant);
        printf("%-8s g=%u k=%u N=%u l=%u B=2^%u: c = %.5f\n", cpu->name, grouping, c->glwe_dim,
               c->poly_size, c->level_count, c->base_log, constant);
        cr_expect(constant < 1.24 * stored, "%s row %zu: %g above the stored %g", cpu->name, i,
                  constant, stored);
    }
    cr_expect(largest > 0.76 * stored, "%s g=%u: largest %g, stored %g: refit", cpu->name, grouping,
              largest, stored);
    printf("%-8s g=%u largest %.5f, stored %.5f\n", cpu->name, grouping, largest, stored);
}

Test(kernels_fft, round_off_stays_below_the_stored_constants, .timeout = 1800)
{
    for (size_t isa = 0; isa < CPU_TABLES; isa++) {
        const torc_cpu_kernels *cpu = cpu_table(isa);
        for (uint32_t g = 1; cpu != NULL && g <= TORC_CPU_GROUPING_MAX; g++) {
            expect_constant(cpu, g);
        }
    }
}
