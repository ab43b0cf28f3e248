/* Grouped blind rotation against the naively rotated polynomial, coefficient by coefficient: every
 * value of a group's key bits, every way the residues of its exponents can fall. */
#include "tests/kernel_keys.h"
#include "tests/kernel_oracles.h"

#include <criterion/criterion.h>
#include <math.h>

typedef struct rotation {
    test_keys keys;
    double *fourier;
    const double *steps[8];
    double *bundle;
    uint64_t *acc, *scratch, *poly, *phase;
} rotation;

static rotation rotation_make(const torc_shape *shape, test_rng *rng)
{
    const size_t parts = (size_t)1 << shape->extended_log2;
    const size_t words = keys_row_words(shape);
    const size_t ggsw_words = words * (shape->glwe_dim + 1) * shape->level_count;
    rotation r = {0};
    keys_make(&r.keys, shape, rng, 10, -1);
    r.fourier = test_alloc(keys_row_count(shape) * words * sizeof *r.fourier);
    r.bundle = test_alloc(ggsw_words * sizeof *r.bundle);
    r.acc = test_alloc(words * parts * sizeof *r.acc);
    r.scratch = test_alloc(words * (parts + 1) * sizeof *r.scratch);
    r.poly = test_alloc(shape->poly_size * parts * sizeof *r.poly);
    r.phase = test_alloc(shape->poly_size * sizeof *r.phase);
    return r;
}

static void rotation_free(rotation *r)
{
    keys_free(&r->keys);
    free(r->fourier);
    free(r->bundle);
    free(r->acc);
    free(r->scratch);
    free(r->poly);
    free(r->phase);
}

/* The bootstrap key again, for the small key as it now is. */
static void rotation_set_key(rotation *r, test_rng *rng)
{
    const torc_shape *s = &r->keys.shape;
    const size_t ggsw_words = keys_row_words(s) * (s->glwe_dim + 1) * s->level_count;
    for (size_t row = 0; row < keys_row_count(s); row++) {
        keys_bootstrap_row(&r->keys, rng, row, 10);
    }
    for (size_t ggsw = 0; ggsw < s->lwe_dim / keys_grouping(s) * keys_terms(s); ggsw++) {
        torc_ref_ggsw_forward(r->fourier + ggsw * ggsw_words, r->keys.ggsw + ggsw * ggsw_words, s);
    }
    for (size_t step = 0; step < s->lwe_dim / keys_grouping(s); step++) {
        r->steps[step] = r->fourier + step * keys_terms(s) * ggsw_words;
    }
}

/* All N 2^v coefficients. exponent[n + 1], modulo 2N 2^v. */
static void expect_rotated(rotation *r, const uint32_t *exponent, test_rng *rng)
{
    const torc_shape *s = &r->keys.shape;
    const uint32_t parts = (uint32_t)1 << s->extended_log2;
    const uint32_t size = s->poly_size * parts;
    /* dropped digits of production's base: 2^-22 / sqrt(12) times sqrt(1025) a step, 2^-18.8 */
    const double bound = s->base_log * s->level_count < 30 ? 0x1p-14 : 0x1p-20;
    int64_t shift = -(int64_t)exponent[s->lwe_dim];

    rng_words(rng, r->poly, size);
    for (uint32_t i = 0; i < s->lwe_dim; i++) {
        shift += (int64_t)(exponent[i] * r->keys.small[i]);
    }
    torc_ref_blind_rotate_grouped(r->acc, r->scratch, r->bundle, r->poly, exponent, r->steps, s);
    for (uint32_t part = 0; part < parts; part++) {
        torc_ref_glwe_phase(r->phase, r->acc + part * keys_row_words(s), r->keys.big, s->glwe_dim,
                            s->poly_size);
        for (uint32_t i = 0; i < s->poly_size; i++) {
            const uint64_t expected = naive_rotated(r->poly, size, shift, i * parts + part);
            cr_assert(fabs(torus_fraction(r->phase[i] - expected)) < bound,
                      "g=%u v=%u N=%u k=%u: coefficient %u of part %u", s->grouping,
                      s->extended_log2, s->poly_size, s->glwe_dim, i, part);
        }
    }
}

/* One group: all 2^g keys; all residues of the exponents when they are few, else random ones. The
 * quotients are random, with 0 and the last often enough. */
Test(kernels_grouped, every_key_and_residue_of_a_group_rotates_every_coefficient)
{
    for (uint32_t g = 1; g <= 4; g++) {
        for (uint32_t v = 0; v <= 3; v++) {
            const torc_shape s = {.glwe_dim = 1,
                                  .poly_size = 256,
                                  .lwe_dim = g,
                                  .extended_log2 = v,
                                  .base_log = 16,
                                  .level_count = 2,
                                  .ks_base_log = 1,
                                  .ks_level_count = 1,
                                  .grouping = g};
            const uint32_t patterns = (uint32_t)1 << (g * v);
            const uint32_t tried = patterns < 16 ? patterns : 16;
            test_rng rng = {900 + 10 * g + v};
            rotation r = rotation_make(&s, &rng);
            uint32_t exponent[5];
            for (uint32_t key = 0; key < (uint32_t)1 << g; key++) {
                for (uint32_t b = 0; b < g; b++) {
                    r.keys.small[b] = key >> b & 1;
                }
                rotation_set_key(&r, &rng);
                for (uint32_t t = 0; t < tried; t++) {
                    const uint64_t pattern = tried == patterns ? t : rng_next(&rng);
                    for (uint32_t b = 0; b <= g; b++) {
                        const uint32_t residue = (uint32_t)(pattern >> (b * v) & ((1u << v) - 1));
                        const uint64_t draw = rng_next(&rng);
                        const uint32_t quotient = draw % 8 == 0   ? 0
                                                  : draw % 8 == 1 ? 2 * 256 - 1
                                                                  : (uint32_t)(draw >> 32) % 512;
                        exponent[b] = quotient << v | residue;
                    }
                    expect_rotated(&r, exponent, &rng);
                }
            }
            rotation_free(&r);
        }
    }
}

/* Several groups and other shapes; base and levels as production has them too. */
Test(kernels_grouped, several_steps_rotate_every_coefficient)
{
    static const torc_shape shapes[] = {
        {1, 256, 8, 0, 16, 2, 1, 1, 2, 0},  {2, 256, 6, 1, 16, 2, 1, 1, 2, 0},
        {1, 512, 9, 2, 12, 3, 1, 1, 3, 0},  {3, 256, 6, 0, 16, 2, 1, 1, 3, 0},
        {1, 256, 8, 3, 16, 2, 1, 1, 4, 0},  {1, 2048, 6, 0, 22, 1, 1, 1, 3, 0},
        {1, 2048, 6, 1, 22, 1, 1, 1, 2, 0}, {1, 256, 4, 1, 16, 2, 1, 1, 1, 0},
    };
    for (size_t row = 0; row < sizeof shapes / sizeof *shapes; row++) {
        const torc_shape *s = &shapes[row];
        const uint32_t period = 2 * (s->poly_size << s->extended_log2);
        test_rng rng = {950 + row};
        rotation r = rotation_make(s, &rng);
        rotation_set_key(&r, &rng);
        for (int repeat = 0; repeat < 2; repeat++) {
            uint32_t exponent[16];
            for (uint32_t i = 0; i <= s->lwe_dim; i++) {
                exponent[i] = (uint32_t)(rng_next(&rng) % period);
            }
            expect_rotated(&r, exponent, &rng);
        }
        rotation_free(&r);
    }
}

/* The spectrum of a monomial is what the transform of its coefficients gives. */
Test(kernels_grouped, monomials_are_transformed_monomials)
{
    for (uint32_t size = 256; size <= 4096; size *= 4) {
        for (uint32_t e = 0; e < 2 * size; e += size / 8 - 1) {
            double in[4096] = {0};
            double expected[4096];
            double got[4096];
            in[e % size] = e < size ? 1 : -1;
            torc_ref_fft_forward(expected, in, size);
            torc_ref_fft_monomial(got, e, size);
            for (uint32_t i = 0; i < size; i++) {
                cr_assert(fabs(got[i] - expected[i]) < 1e-14, "N=%u e=%u: word %u", size, e, i);
            }
        }
    }
}
