/* Blind rotation: the reference polynomial by polynomial, the CPU kernels entry by entry. */
#include "tests/cpu_tables.h"
#include "tests/kernel_keys.h"
#include "tests/kernel_oracles.h"

#include <criterion/criterion.h>
#include <math.h>

typedef struct rotate_case {
    uint32_t glwe_dim, poly_size, lwe_dim, extended_log2, base_log, level_count;
} rotate_case;

static torc_shape shape_of(const rotate_case *c)
{
    return (torc_shape){.glwe_dim = c->glwe_dim,
                        .poly_size = c->poly_size,
                        .lwe_dim = c->lwe_dim,
                        .extended_log2 = c->extended_log2,
                        .base_log = c->base_log,
                        .level_count = c->level_count,
                        .ks_base_log = 1,
                        .ks_level_count = 1};
}

Test(kernels_rotate, table_polynomial_repeats_each_entry)
{
    const torc_shape s = {.poly_size = 512, .extended_log2 = 2};
    uint64_t entry[8];
    uint64_t poly[2048];
    test_rng rng = {51};
    rng_words(&rng, entry, 8);
    torc_ref_table_polynomial(poly, entry, 3, &s);
    for (uint32_t phase = 0; phase < 2048; phase++) { /* in units of 1/4096 of the torus */
        cr_expect_eq(poly[phase], entry[(uint32_t)floor(phase / 4096.0 * 16)]);
    }
}

/* Coefficient 0 of every part after rotation is what naive_rotated says, all N 2^v of them. */
static void expect_rotated(const test_keys *keys, const double *const *fourier, test_rng *rng)
{
    const torc_shape *s = &keys->shape;
    const uint32_t parts = (uint32_t)1 << s->extended_log2;
    const uint32_t size = s->poly_size * parts;
    const size_t words = keys_row_words(s);
    uint64_t *acc = test_alloc(words * parts * sizeof *acc);
    uint64_t *scratch = test_alloc(words * (parts + 1) * sizeof *scratch);
    uint64_t *poly = test_alloc(size * sizeof *poly);
    uint64_t *phase = test_alloc(s->poly_size * sizeof *phase);
    uint32_t *exponent = test_alloc((s->lwe_dim + 1) * sizeof *exponent);
    int64_t shift = 0;

    rng_words(rng, poly, size);
    for (uint32_t i = 0; i <= s->lwe_dim; i++) {
        exponent[i] = (uint32_t)(rng_next(rng) % (2 * size));
        shift += i == s->lwe_dim ? -(int64_t)exponent[i] : (int64_t)(exponent[i] * keys->small[i]);
    }
    torc_ref_blind_rotate(acc, scratch, poly, exponent, fourier, s);
    for (uint32_t r = 0; r < parts; r++) {
        torc_ref_glwe_phase(phase, acc + r * words, keys->big, s->glwe_dim, s->poly_size);
        for (uint32_t i = 0; i < s->poly_size; i++) {
            const uint64_t expected = naive_rotated(poly, size, shift, i * parts + r);
            cr_assert(fabs(torus_fraction(phase[i] - expected)) < 0x1p-20,
                      "N=%u v=%u: coefficient %u of part %u", s->poly_size, s->extended_log2, i, r);
        }
    }
    free(acc);
    free(scratch);
    free(poly);
    free(phase);
    free(exponent);
}

Test(kernels_rotate, every_coefficient_is_that_of_the_rotated_polynomial)
{
    static const rotate_case cases[] = {{1, 256, 12, 0, 16, 2},
                                        {1, 256, 12, 1, 16, 2},
                                        {2, 256, 8, 2, 16, 2},
                                        {1, 256, 10, 3, 12, 3}};
    for (size_t row = 0; row < sizeof cases / sizeof *cases; row++) {
        const torc_shape s = shape_of(&cases[row]);
        const size_t step_words = keys_row_count(&s) / s.lwe_dim * keys_row_words(&s);
        const double *steps[16];
        test_rng rng = {500 + row};
        test_keys keys;
        keys_make(&keys, &s, &rng, 10, -1);
        double *fourier = test_alloc(s.lwe_dim * step_words * sizeof *fourier);
        for (uint32_t i = 0; i < s.lwe_dim; i++) {
            torc_ref_ggsw_forward(fourier + i * step_words, keys.ggsw + i * step_words, &s);
            steps[i] = fourier + i * step_words;
        }
        for (int repeat = 0; repeat < 3; repeat++) {
            expect_rotated(&keys, steps, &rng);
        }
        free(fourier);
        keys_free(&keys);
    }
}

Test(kernels_rotate, extraction_keeps_the_phase_of_coefficient_zero)
{
    enum { K = 2, N = 256 };
    test_rng rng = {52};
    uint64_t glwe[(K + 1) * N];
    uint64_t key[K * N];
    uint64_t lwe[K * N + 1];
    uint64_t phase[N];
    rng_words(&rng, glwe, (size_t)(K + 1) * N);
    rng_bits(&rng, key, (size_t)K * N);
    torc_ref_sample_extract(lwe, glwe, K, N);
    torc_ref_glwe_phase(phase, glwe, key, K, N);
    cr_expect_eq(torc_ref_lwe_phase(lwe, key, K * N), phase[0]);
}

/* Every entry of a different random table for each ciphertext of the batch, overflow half included.
 */
static void expect_bootstraps(const torc_cpu_kernels *cpu, const test_keys *keys, uint32_t bits_max,
                              test_rng *rng)
{
    enum { BATCH = 5, ROUNDS = 6 };
    const torc_shape *s = &keys->shape;
    const size_t big_words = (size_t)s->glwe_dim * s->poly_size + 1;
    const size_t small_words = (size_t)s->lwe_dim + 1;
    void *key = keys_cpu_bootstrap(keys, cpu);
    void *scratch = test_alloc(cpu->bootstrap_scratch_bytes(s, BATCH));
    uint64_t *out = test_alloc(BATCH * big_words * sizeof *out);
    uint32_t *small = test_alloc(BATCH * small_words * sizeof *small);
    uint64_t entry[BATCH][256];
    const uint64_t *entries[BATCH];
    uint64_t *outs[BATCH];
    uint32_t bits[BATCH];
    uint32_t index[BATCH];

    memset(scratch, 0xff, cpu->bootstrap_scratch_bytes(s, BATCH));
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t b = 0; b < BATCH; b++) {
            bits[b] = 1 + (uint32_t)(rng_next(rng) % bits_max);
            index[b] = (uint32_t)(rng_next(rng) >> (63 - bits[b]));
            entries[b] = entry[b];
            outs[b] = out + b * big_words;
            rng_words(rng, entry[b], 256);
            keys_encrypt_small(small + b * small_words, keys, rng, index[b] << (31 - bits[b]), -1);
        }
        cpu->bootstrap(outs, small, entries, bits, BATCH, key, s, scratch);
        for (uint32_t b = 0; b < BATCH; b++) {
            const uint64_t phase = torc_ref_lwe_phase(outs[b], keys->big, (uint32_t)big_words - 1);
            const uint32_t place = index[b] & (((uint32_t)1 << bits[b]) - 1);
            const uint64_t expected = place == index[b] ? entry[b][place] : -entry[b][place];
            cr_expect(fabs(torus_fraction(phase - expected)) < 0x1p-12,
                      "%s k=%u N=%u v=%u l=%u: P=%u, index %u, error %g", cpu->name, s->glwe_dim,
                      s->poly_size, s->extended_log2, s->level_count, bits[b], index[b],
                      torus_fraction(phase - expected));
        }
    }
    free(key);
    free(scratch);
    free(out);
    free(small);
}

/* The switch adds n/48 cells^2: with n = 12 a cell is never left by more than 4 (8 sigma), and
 * tables have at least 16 cells a bin. */
Test(kernels_rotate, every_instruction_set_reads_the_right_entry)
{
    static const rotate_case cases[] = {{1, 256, 12, 0, 16, 2},  {1, 256, 12, 5, 16, 2},
                                        {6, 256, 12, 1, 16, 2},  {2, 512, 12, 2, 12, 3},
                                        {1, 512, 12, 4, 8, 4},   {3, 1024, 12, 0, 16, 2},
                                        {1, 1024, 12, 3, 5, 8},  {1, 2048, 12, 1, 22, 1},
                                        {1, 4096, 12, 0, 22, 1}, {1, 4096, 12, 1, 15, 2}};
    for (size_t row = 0; row < sizeof cases / sizeof *cases; row++) {
        const torc_shape s = shape_of(&cases[row]);
        const uint32_t cells = s.poly_size << s.extended_log2;
        const uint32_t bits_max = cells >= 4096 ? 8 : cells >= 1024 ? 6 : 4;
        test_rng rng = {600 + row};
        test_keys keys;
        keys_make(&keys, &s, &rng, 10, -1);
        for (size_t isa = 0; isa < CPU_TABLES; isa++) {
            const torc_cpu_kernels *cpu = cpu_table(isa);
            if (cpu != NULL) {
                expect_bootstraps(cpu, &keys, bits_max, &rng);
            }
        }
        keys_free(&keys);
    }
}
