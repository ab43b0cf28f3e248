/* clang-format off */
/* Noise of blind rotations against its formula, whatever the form.
 *
 * Variance of one coefficient, torus units. B, l: the gadget; H, h: ones of the big and the small key; S:
 * the big key; vb: variance of a fresh key row; c: torc_gpu_fft_constant; u = 2 (2^g - 1), 1 at g = 1.
 *
 *   V_key       n/g u l (k+1) N vb (B^2 + 2)/12
 *   V_rounding  n/g (1 + H) B^(-2l)/12
 *               g = 1: h (1 + H) (B^(-2l) - 2^-64)/12 + n (1 + H) 2^-64/12, its accumulator has 32 bits
 *   V_FFT       n/g u beta_g c 2^-106 B^2 l (k+1) N log2(N) (1 + H), beta = 1, 1.03, 1.07, 1.12: what a bundle adds
 *
 * The first step has a body alone: its masks are 0, so k/(k+1) of its key and FFT noise and H/(1+H) of its
 * rounding are missing. Its table is constant over long runs, where round-off gathers: with few entries
 * it has up to 60 times the FFT noise of another step. Noise tests take tables of many entries.
 *
 * Errors e of the masks reach the phase as e S, S binary, large at low frequencies: neighbouring
 * coefficients err together. Their spectrum does not,
 *   E |spectrum_m|^2 = N (V_key + (V_rounding + V_FFT) (1 + sum_c |S_c(r_m)|^2) / (1 + H)),
 * so the mean of |spectrum|^2 over its prediction is compared: for T polynomials it has T N/2 nearly
 * independent terms, each exponential with mean 1. */
/* clang-format on */
#ifndef TORC_TESTS_GPU_ROTATION_NOISE_H
#define TORC_TESTS_GPU_ROTATION_NOISE_H

#include "tests/gpu_rotation.h"

typedef struct rotation_variance {
    double key, rounding, fft;
} rotation_variance;

/* H: ones of the big key; rounded: steps whose rounding counts, at g = 1 the ones of the small key;
 * first: 1 when the first is among them. */
static inline rotation_variance rotation_predict(const torc_shape *s, int noise_log2, double H,
                                                 double rounded, double first)
{
    static const double beta[] = {1, 1, 1.03, 1.07, 1.12}; /* runtime/noise.c */
    const uint32_t g = keys_grouping(s);
    const double steps = (double)s->lwe_dim / g - s->glwe_dim / (s->glwe_dim + 1.0);
    const double base_sq = ldexp(1, 2 * (int)s->base_log);
    const double bundle = g == 1 ? 1 : 2 * (ldexp(1, (int)g) - 1);
    const double rows = s->level_count * (s->glwe_dim + 1.0) * s->poly_size;
    const double fresh = noise_log2 < 0 ? 0 : ldexp(ldexp(1, 2 * noise_log2 + 1) + 1, -128) / 6;
    const double kept = ldexp(1, -2 * (int)(s->base_log * s->level_count));
    rotation_variance v;

    v.key = steps * bundle * rows * fresh * (base_sq + 2) / 12;
    const double words = g == 1 ? 0x1p-64 : 0;
    v.rounding = ((rounded - first) * (1 + H) + first) * (kept - words) / 12;
    v.rounding += s->lwe_dim * (1 + H) * words / 12;
    v.fft = steps * bundle * beta[g] * torc_gpu_fft_constant(s) * base_sq * 0x1p-106 * rows *
            log2(s->poly_size) * (1 + H);
    return v;
}

/* Running sums over polynomials. */
typedef struct rotation_noise {
    rotation_variance predicted;
    double variance;     /* of a coefficient, predicted */
    double bound;        /* of a coefficient's error, whatever the table */
    double gain[2048];   /* [N/2] (1 + sum_c |S_c(r_m)|^2) / (1 + H) */
    double mean_gain;    /* the same for the mean of the N coefficients, times 1/N */
    double plain, ratio; /* sums of error^2 / N and of |spectrum|^2 / expected / (N/2) */
    double inverse;      /* sum of the same without V_fft, over gain: what fits c */
    double mean;         /* sum of means */
    uint32_t polynomials;
} rotation_noise;

/* |transform|^2 of N reals at the N/2 roots. */
static inline void rotation_power(double *power, const double *in, uint32_t size)
{
    double out[4096];
    torc_ref_fft_forward(out, in, size);
    for (uint32_t m = 0; m < size / 2; m++) {
        power[m] = out[2 * m] * out[2 * m] + out[2 * m + 1] * out[2 * m + 1];
    }
}

static inline void rotation_noise_begin(rotation_noise *x, const rotation_key *key)
{
    const torc_shape *s = &key->keys.shape;
    const uint32_t size = s->poly_size;
    const bool is_classic = keys_grouping(s) == 1;
    double real[4096];
    double power[2048];
    double H = 0;
    double rounded = is_classic ? 0 : (double)s->lwe_dim / keys_grouping(s);

    memset(x, 0, sizeof *x);
    for (uint32_t m = 0; m < size / 2; m++) {
        x->gain[m] = 1;
    }
    for (uint32_t c = 0; c < s->glwe_dim; c++) {
        for (uint32_t i = 0; i < size; i++) {
            real[i] = (double)key->keys.big[c * size + i];
            H += real[i];
        }
        rotation_power(power, real, size);
        for (uint32_t m = 0; m < size / 2; m++) {
            x->gain[m] += power[m];
        }
    }
    for (uint32_t i = 0; i < s->lwe_dim && is_classic; i++) {
        rounded += (double)key->keys.small[i];
    }
    for (uint32_t i = 0; i < size; i++) {
        real[i] = 1;
    }
    rotation_power(power, real, size);
    for (uint32_t m = 0; m < size / 2; m++) {
        x->gain[m] /= 1 + H;
        x->mean_gain += 2 * x->gain[m] * power[m] / pow(size, 3);
    }
    x->predicted = rotation_predict(s, key->noise_log2, H, rounded,
                                    is_classic ? (double)key->keys.small[0] : 1);
    x->variance = x->predicted.key + x->predicted.rounding + x->predicted.fft;
    x->bound = 10 * sqrt(x->variance + x->predicted.fft * 60 * keys_grouping(s) / s->lwe_dim);
}

/* Adds the errors of one polynomial. */
static inline void rotation_noise_add(rotation_noise *x, const double *error, uint32_t size)
{
    const double masks = x->predicted.rounding + x->predicted.fft;
    double power[2048];

    rotation_power(power, error, size);
    for (uint32_t m = 0; m < size / 2; m++) {
        const double expected = x->predicted.key + masks * x->gain[m];
        x->ratio += power[m] / size / expected * 2 / size;
        x->inverse += (power[m] / size - x->predicted.key) / x->gain[m] * 2 / size;
    }
    for (uint32_t i = 0; i < size; i++) {
        x->plain += error[i] * error[i] / size;
        x->mean += error[i] / size;
    }
    x->polynomials++;
}

/* And of a whole batch. */
static inline void rotation_noise_add_batch(rotation_noise *x, const rotation_batch *b,
                                            const rotation_key *key)
{
    const uint32_t size = b->shape.poly_size;
    double *error = (double *)test_alloc(rotation_size(&b->shape) * sizeof *error);

    for (uint32_t c = 0; c < b->count; c++) {
        rotation_errors(error, b, key, c);
        for (uint32_t r = 0; r < (uint32_t)1 << b->shape.extended_log2; r++) {
            rotation_noise_add(x, error + (size_t)r * size, size);
        }
    }
    free(error);
}

static inline double rotation_noise_ratio(const rotation_noise *x)
{
    return x->ratio / x->polynomials;
}

/* The constant c that would have predicted what was measured. */
static inline double rotation_noise_fft_constant(const rotation_noise *x, const torc_shape *s)
{
    const double fft = x->inverse / x->polynomials - x->predicted.rounding;
    return fft / x->predicted.fft * torc_gpu_fft_constant(s);
}

/* Standard deviations that the mean of all coefficients is away from 0. */
static inline double rotation_noise_mean(const rotation_noise *x, uint32_t size)
{
    const double variance =
        x->predicted.key / size + (x->predicted.rounding + x->predicted.fft) * x->mean_gain;
    return x->mean / x->polynomials / sqrt(variance / x->polynomials);
}

/* --- whole tests of a form --- */

/* `count` random rotations under a fresh key: all coefficients, and what is extracted. */
static inline void rotation_expect_form(const torc_shape *shape, uint32_t count, uint64_t seed,
                                        torc_gpu_form form)
{
    const rotation_name name = rotation_name_of(shape);
    test_rng rng = {seed};
    rotation_key key = rotation_key_make(shape, &rng, 10);
    rotation_batch b = rotation_batch_make(shape, count, ROTATION_VARIED, &rng);
    rotation_noise *noise = (rotation_noise *)test_alloc(sizeof *noise);

    rotation_noise_begin(noise, &key);
    GPU_OK(rotation_try(&b, &key, form));
    rotation_expect_coefficients(&b, &key, noise->bound, name.text);
    rotation_expect_outputs(&b, name.text);
    free(noise);
    rotation_batch_free(&b);
    rotation_key_free(&key);
}

/* Variance and mean over `keys` keys with `count` rotations each. The variance may be off by what
 * odds of 1e-6 allow and 2 % for the model; where round-off counts, above by the 10 % that the
 * search adds, below by as much as the kernel is better than torc_gpu_fft_constant. The mean may be
 * off by 5 standard deviations. */
static inline void rotation_expect_noise(const torc_shape *shape, int noise_log2, uint32_t count,
                                         uint32_t keys, uint64_t seed, torc_gpu_form form)
{
    const rotation_name name = rotation_name_of(shape);
    rotation_noise *x = (rotation_noise *)test_alloc(sizeof *x);
    double ratio = 0;
    double constant = 0;
    double mean = 0;
    double fft_share = 0;

    for (uint32_t k = 0; k < keys; k++) {
        test_rng rng = {seed + 1000 * k};
        rotation_key key = rotation_key_make(shape, &rng, noise_log2);
        rotation_batch b = rotation_batch_make(shape, count, ROTATION_RANDOM, &rng);
        rotation_noise_begin(x, &key);
        GPU_OK(rotation_try(&b, &key, form));
        rotation_noise_add_batch(x, &b, &key);
        ratio += rotation_noise_ratio(x) / keys;
        constant += rotation_noise_fft_constant(x, shape) / keys;
        mean += rotation_noise_mean(x, shape->poly_size) / sqrt(keys);
        fft_share = x->predicted.fft / x->variance;
        rotation_batch_free(&b);
        rotation_key_free(&key);
    }
    const double terms = (double)keys * x->polynomials * shape->poly_size / 2;
    const double slack = 5 / sqrt(terms) + 0.02;
    printf("%s 2^%u: std 2^%.2f, variance / predicted %.3f +- %.3f, mean %.1f, round-off %.2f, "
           "c %.4f\n",
           name.text, shape->base_log, log2(x->variance) / 2, ratio, 1 / sqrt(terms), mean,
           fft_share, fft_share > 0.5 ? constant : NAN);
    GPU_CHECK(ratio < 1 + slack + 0.1 * fft_share && ratio > 1 - slack - 0.5 * fft_share,
              "%s base 2^%u x %u: variance %.3f of the predicted one", name.text, shape->base_log,
              shape->level_count, ratio);
    GPU_CHECK(fabs(mean) < 5, "%s base 2^%u x %u: the mean is %.1f deviations away", name.text,
              shape->base_log, shape->level_count, mean);
    free(x);
}

#endif
