/* Noise of grouped blind rotation, reference kernels, real dimensions.
 *
 * Round-off: one step against the same step in integers modulo 2^64. Its variance per coefficient
 * is c_g 2^-106 B^2 l (k+1) N log2(N): printed as c_1 of the plain product and as the bundle factor
 * beta_g = c_g / (c_1 2 (2^g - 1)).
 *
 * Rotation: whole bootstraps, the error of all N coefficients of the accumulator against
 * runtime/noise_terms.h. Errors e of the masks reach the phase as e S. A binary S is large at low
 * frequencies, so neighbouring coefficients err together; their spectrum does not:
 *   E |spectrum_m|^2 = N (V_key + (V_rounding + V_fft) (1 + sum_c |S_c(r_m)|^2) / (1 + H))
 * The mean of |spectrum|^2 over its prediction has N/2 terms a rotation, so odds of 1e-6 bound it
 * by 5 / sqrt(T N/2) for T rotations, plus what the fit of c_g leaves open. */
#include "runtime/noise_terms.h"
#include "tests/kernel_keys.h"
#include "tests/kernel_oracles.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#define REF_FFT_CONSTANT 0.0098 /* c_1 of kernels/ref */

typedef struct rotator {
    test_keys keys;
    double *fourier;
    const double **steps;
    double *bundle;
    uint64_t *acc, *scratch;
} rotator;

static size_t ggsw_words(const torc_shape *s)
{
    return keys_row_words(s) * (s->glwe_dim + 1) * s->level_count;
}

static rotator rotator_make(const torc_shape *s, test_rng *rng, int noise_log2)
{
    const size_t ggsw_count = s->lwe_dim / keys_grouping(s) * keys_terms(s);
    const size_t parts = (size_t)1 << s->extended_log2;
    rotator r = {0};
    keys_make(&r.keys, s, rng, noise_log2, -1);
    r.fourier = test_alloc(ggsw_count * ggsw_words(s) * sizeof *r.fourier);
    r.steps = test_alloc(s->lwe_dim * sizeof *r.steps);
    r.bundle = test_alloc(ggsw_words(s) * sizeof *r.bundle);
    r.acc = test_alloc(keys_row_words(s) * parts * sizeof *r.acc);
    r.scratch = test_alloc(keys_row_words(s) * (parts + 1) * sizeof *r.scratch);
    for (size_t i = 0; i < ggsw_count; i++) {
        torc_ref_ggsw_forward(r.fourier + i * ggsw_words(s), r.keys.ggsw + i * ggsw_words(s), s);
    }
    for (size_t i = 0; i < s->lwe_dim / keys_grouping(s); i++) {
        r.steps[i] = r.fourier + i * keys_terms(s) * ggsw_words(s);
    }
    return r;
}

static void rotator_free(rotator *r)
{
    keys_free(&r->keys);
    free(r->fourier);
    free(r->steps);
    free(r->bundle);
    free(r->acc);
    free(r->scratch);
}

static void rotate(rotator *r, const uint64_t *poly, const uint32_t *exponent, uint32_t lwe_dim)
{
    torc_shape s = r->keys.shape;
    s.lwe_dim = lwe_dim;
    torc_ref_blind_rotate_grouped(r->acc, r->scratch, r->bundle, poly, exponent, r->steps, &s);
}

static torc_params params_of(const torc_shape *s, uint32_t glwe_noise_log2)
{
    return (torc_params){.glwe_dim = s->glwe_dim,
                         .poly_size = s->poly_size,
                         .glwe_noise_log2 = glwe_noise_log2,
                         .lwe_dim = s->lwe_dim,
                         .extended_log2 = s->extended_log2,
                         .grouping = s->grouping,
                         .bootstrap = {s->base_log, s->level_count}};
}

/* --- round-off ----------------------------------------------------------------------------------
 */

/* out[k+1][N] = (G + sum_T (X^(a_T) - 1) K_T) external-product in, all in integers. v = 0. */
static void exact_step(uint64_t *out, const uint64_t *in, const uint64_t *terms,
                       const uint32_t *exponent, const torc_shape *s)
{
    const size_t size = s->poly_size;
    const uint32_t columns = s->glwe_dim + 1;
    uint64_t *bundle = test_alloc(size * sizeof *bundle);
    uint64_t *digit = test_alloc(size * sizeof *digit);

    memset(out, 0, keys_row_words(s) * sizeof *out);
    for (uint32_t row = 0; row < columns * s->level_count; row++) {
        const uint32_t c = row / s->level_count;
        const uint32_t j = row % s->level_count;
        for (size_t i = 0; i < size; i++) {
            int64_t all[64];
            torc_ref_decompose_even(all, in[c * size + i], s->base_log, s->level_count);
            digit[i] = (uint64_t)all[j];
        }
        for (uint32_t d = 0; d < columns; d++) {
            memset(bundle, 0, size * sizeof *bundle);
            bundle[0] = c == d ? (uint64_t)1 << (64 - s->base_log * (j + 1)) : 0;
            for (uint32_t set = 1; set <= keys_terms(s); set++) {
                const uint64_t *term =
                    terms + (set - 1) * ggsw_words(s) + ((size_t)row * columns + d) * size;
                int64_t shift = 0;
                for (uint32_t b = 0; b < keys_grouping(s); b++) {
                    shift += set >> b & 1 ? exponent[b] : 0;
                }
                for (uint32_t i = 0; i < size; i++) {
                    bundle[i] += naive_rotated(term, s->poly_size, shift, i) - term[i];
                }
            }
            naive_product_add(out + d * size, digit, bundle, s->poly_size);
        }
    }
    free(bundle);
    free(digit);
}

/* Mean square error of the second of two steps (the first makes the masks random). */
static double step_error(const torc_shape *shape, uint64_t seed)
{
    const torc_shape *s = shape;
    const size_t words = keys_row_words(s);
    test_rng rng = {seed};
    rotator r = rotator_make(s, &rng, 17);
    uint64_t *poly = test_alloc(s->poly_size * sizeof *poly);
    uint64_t *first = test_alloc(words * sizeof *first);
    uint64_t *exact = test_alloc(words * sizeof *exact);
    uint32_t exponent[9];
    double sum = 0;

    rng_words(&rng, poly, s->poly_size);
    for (uint32_t i = 0; i <= s->lwe_dim; i++) {
        exponent[i] = (uint32_t)(rng_next(&rng) % (2 * s->poly_size));
    }
    const uint32_t body = exponent[s->grouping];
    exponent[s->grouping] = exponent[s->lwe_dim]; /* both runs start alike */
    rotate(&r, poly, exponent, s->grouping);
    exponent[s->grouping] = body;
    memcpy(first, r.acc, words * sizeof *first);
    rotate(&r, poly, exponent, s->lwe_dim);
    exact_step(exact, first, r.keys.ggsw + keys_terms(s) * ggsw_words(s), exponent + s->grouping,
               s);
    for (size_t i = 0; i < words; i++) {
        const double error = torus_fraction(r.acc[i] - exact[i]);
        sum += error * error / (double)words;
    }
    free(poly);
    free(first);
    free(exact);
    rotator_free(&r);
    return sum;
}

Test(grouped_noise, round_off_of_a_step_is_predicted, .timeout = 600)
{
    enum { KEYS = 3 };
    static const torc_shape shapes[] = {{1, 2048, 0, 0, 22, 1, 1, 1, 0, 0},
                                        {1, 1024, 0, 0, 15, 2, 1, 1, 0, 0},
                                        {2, 1024, 0, 0, 23, 1, 1, 1, 0, 0}};
    for (size_t row = 0; row < sizeof shapes / sizeof *shapes; row++) {
        for (uint32_t g = 1; g <= 4; g++) {
            torc_shape s = shapes[row];
            s.grouping = g;
            s.lwe_dim = 2 * g;
            double measured = 0;
            for (uint64_t key = 0; key < KEYS; key++) {
                measured += step_error(&s, 7000 + 100 * row + 10 * g + key) / KEYS;
            }
            const torc_noise_keys no_weight = {0, 0, REF_FFT_CONSTANT};
            const torc_params params = params_of(&s, 17);
            const double predicted = torc_variance_bootstrap_fft(&params, &no_weight) / 2;
            const double beta = measured / (REF_FFT_CONSTANT * exp2(2.0 * s.base_log - 106) *
                                            s.level_count * (double)keys_row_words(&s) *
                                            log2(s.poly_size) * 2 * (double)keys_terms(&s));
            printf("round-off k=%u N=%u base 2^%u l=%u g=%u: std 2^%.2f, variance / predicted "
                   "%.3f, beta %.3f\n",
                   s.glwe_dim, s.poly_size, s.base_log, s.level_count, g, log2(measured) / 2,
                   measured / predicted, beta);
            /* g = 1 in grouped form multiplies by (X^a - 1) K: twice the classic step */
            cr_expect(fabs(g == 1 ? beta - 1 : measured / predicted - 1) < 0.12,
                      "k=%u N=%u g=%u: %g", s.glwe_dim, s.poly_size, g, measured / predicted);
        }
    }
}

/* --- whole rotations ----------------------------------------------------------------------------
 */

typedef struct spectral {
    double gain[4096];     /* [N/2] 1 + sum_c |S_c(r_m)|^2 */
    double expected[4096]; /* [N/2] of |spectrum_m|^2 */
    double variance;       /* of one coefficient */
    double mean_variance;  /* of the mean of the N coefficients of one rotation */
} spectral;

static void spectral_predict(spectral *p, const test_keys *keys, const torc_params *params)
{
    const torc_shape *s = &keys->shape;
    const uint32_t size = s->poly_size;
    double real[4096];
    double out[4096];
    torc_noise_keys weights = {0, 0, REF_FFT_CONSTANT};

    for (uint32_t m = 0; m < size / 2; m++) {
        p->gain[m] = 1;
    }
    for (uint32_t c = 0; c < s->glwe_dim; c++) {
        for (uint32_t i = 0; i < size; i++) {
            real[i] = (double)keys->big[c * size + i];
            weights.big_weight += real[i];
        }
        torc_ref_fft_forward(out, real, size);
        for (uint32_t m = 0; m < size / 2; m++) {
            p->gain[m] += out[2 * m] * out[2 * m] + out[2 * m + 1] * out[2 * m + 1];
        }
    }
    for (uint32_t i = 0; i < s->lwe_dim; i++) {
        weights.small_weight += (double)keys->small[i];
    }
    const double from_masks = (torc_variance_bootstrap_rounding(params, &weights) +
                               torc_variance_bootstrap_fft(params, &weights)) /
                              (1 + weights.big_weight);
    for (uint32_t i = 0; i < size; i++) {
        real[i] = 1;
    }
    torc_ref_fft_forward(out, real, size);
    p->variance = 0;
    p->mean_variance = 0;
    for (uint32_t m = 0; m < size / 2; m++) {
        p->expected[m] = size * (torc_variance_bootstrap_key(params) + from_masks * p->gain[m]);
        p->variance += 2 * p->expected[m] / pow(size, 2);
        p->mean_variance += 2 * p->expected[m] *
                            (out[2 * m] * out[2 * m] + out[2 * m + 1] * out[2 * m + 1]) /
                            pow(size, 4);
    }
}

typedef struct rotation_case {
    const char *name;
    torc_shape shape;
    int key_noise_log2;
    int rotations, keys;
} rotation_case;

/* One lookup of a random index, switched as in production. Adds |spectrum|^2 / expected and the
 * mean of the error to the sums; the entry itself must come out. */
static void add_rotation(rotator *r, const spectral *p, test_rng *rng, double *ratio, double *plain,
                         double *mean)
{
    enum { INDEX_BITS = 4, ENTRIES = 16 };
    const torc_shape *s = &r->keys.shape;
    const uint32_t size = s->poly_size;
    const uint32_t index = (uint32_t)(rng_next(rng) % ENTRIES);
    uint32_t *small = test_alloc((s->lwe_dim + (size_t)1) * sizeof *small);
    uint32_t *exponent = test_alloc((s->lwe_dim + (size_t)1) * sizeof *exponent);
    uint64_t entry[ENTRIES];
    uint64_t poly[4096];
    uint64_t phase[4096];
    double error[4096];
    double out[4096];

    cr_assert_leq(size << s->extended_log2, 4096);
    rng_words(rng, entry, ENTRIES);
    keys_encrypt_small(small, &r->keys, rng,
                       (index << (31 - INDEX_BITS)) + ((uint32_t)1 << (30 - INDEX_BITS)), -1);
    torc_ref_modulus_switch(exponent, small, s);
    torc_ref_table_polynomial(poly, entry, INDEX_BITS, s);
    rotate(r, poly, exponent, s->lwe_dim);
    int64_t shift = -(int64_t)exponent[s->lwe_dim];
    for (uint32_t i = 0; i < s->lwe_dim; i++) {
        shift += (int64_t)(exponent[i] * r->keys.small[i]);
    }
    torc_ref_glwe_phase(phase, r->acc, r->keys.big, s->glwe_dim, size);
    const double bound = 8 * sqrt(p->variance);
    cr_expect(fabs(torus_fraction(phase[0] - entry[index])) < bound, "index %u", index);
    for (uint32_t i = 0; i < size; i++) {
        error[i] = torus_fraction(
            phase[i] - naive_rotated(poly, size << s->extended_log2, shift, i << s->extended_log2));
        *mean += error[i] / size;
        *plain += error[i] * error[i] / size;
    }
    torc_ref_fft_forward(out, error, size);
    for (uint32_t m = 0; m < size / 2; m++) {
        *ratio +=
            (out[2 * m] * out[2 * m] + out[2 * m + 1] * out[2 * m + 1]) / p->expected[m] / size * 2;
    }
    free(small);
    free(exponent);
}

Test(grouped_noise, rotation_noise_is_predicted, .timeout = 1500)
{
    static const rotation_case cases[] = {
        {"key noise, g = 2", {1, 1024, 100, 0, 12, 2, 1, 1, 2, 0}, 36, 4, 2},
        {"key noise, g = 3, v = 1", {1, 1024, 102, 1, 12, 2, 1, 1, 3, 0}, 36, 4, 2},
        {"rounding, g = 3", {1, 1024, 402, 0, 15, 1, 1, 1, 3, 0}, -1, 4, 2},
        {"rounding, g = 2, v = 2", {1, 1024, 400, 2, 15, 1, 1, 1, 2, 0}, -1, 2, 2},
        {"whole, g = 2", {1, 2048, 858, 0, 22, 1, 1, 1, 2, 0}, 17, 6, 3},
        {"whole, g = 3", {1, 2048, 858, 0, 22, 1, 1, 1, 3, 0}, 17, 6, 3},
        {"whole, g = 2, v = 1", {1, 2048, 858, 1, 22, 1, 1, 1, 2, 0}, 17, 2, 1},
    };
    for (size_t row = 0; row < sizeof cases / sizeof *cases; row++) {
        const rotation_case *c = &cases[row];
        for (int key = 0; key < c->keys; key++) {
            test_rng rng = {7500 + 10 * row + (uint64_t)key};
            rotator r = rotator_make(&c->shape, &rng, c->key_noise_log2);
            torc_params params =
                params_of(&c->shape, (uint32_t)(c->key_noise_log2 + (c->key_noise_log2 < 0)));
            spectral p;
            double ratio = 0;
            double plain = 0;
            double mean = 0;
            spectral_predict(&p, &r.keys, &params);
            for (int i = 0; i < c->rotations; i++) {
                add_rotation(&r, &p, &rng, &ratio, &plain, &mean);
            }
            const double total = c->rotations;
            const double mean_z = mean / total / sqrt(p.mean_variance / total);
            const double spectrum_ratio = ratio / total;
            const double variance_ratio = plain / total / p.variance;
            printf("%-24s key %d: std 2^%.2f, spectrum / predicted %.3f, variance / predicted "
                   "%.3f, mean %+.2f of its std\n",
                   c->name, key, log2(plain / total) / 2, spectrum_ratio, variance_ratio, mean_z);
            /* 4 %: the first step's masks are 0, the fit of the round-off */
            cr_expect(fabs(spectrum_ratio - 1) < 0.04 + 5 / sqrt(total * c->shape.poly_size / 2));
            cr_expect(variance_ratio > 0.4 && variance_ratio < 2, "%s key %d", c->name, key);
            cr_expect(fabs(mean_z) < 5, "%s key %d", c->name, key);
            rotator_free(&r);
        }
    }
}
