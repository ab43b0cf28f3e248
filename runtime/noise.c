/* Variance of every operation of the engine, in torus units (an error e in 64-bit words counts as
 * e / 2^64). Must not know about: circuits, costs, how keys are stored.
 *
 *   k, N      GLWE dimension, polynomial size; the big key has kN bits, H of them ones
 *   n         bits of the small key, h of them ones
 *   B, l      bootstrap gadget (B = 2^base_log, l levels)      B', l'   keyswitch gadget
 *   vb, vk    variance of the noise in the bootstrap key, in the keyswitch key
 *   w         2N 2^v, modulus after the switch                  g       key bits a step
 *
 * Keys are binary, digits balanced: a digit in [-B/2, B/2) has mean square (B^2 + 2) / 12; a value
 * rounded to a step s has error variance s^2 / 12. Rounded masks count once for every one of the
 * key, so their terms carry H or h; published tables take half the dimension there. Sources:
 * zama-ai/tfhe-rs, core_crypto/commons/noise_formulas; zama-ai/concrete, noise-model; where they
 * differ from each other or from us the formula says so. */
#include "runtime/noise_terms.h"
#include "runtime/security.h"

#include <math.h>

#define FFT_MARGIN        1.1
#define FFT_MANTISSA_BITS 53

/* Integers in [-2^b, 2^b], the two ends with half weight: (2^(2b+1) + 1) / 6 units squared. */
double torc_tuniform_variance(uint32_t bound_log2, uint32_t log2_modulus)
{
    const double units = (ldexp(1.0, 2 * (int)bound_log2 + 1) + 1.0) / 6.0;

    return ldexp(units, -2 * (int)log2_modulus);
}

static double digit_square(torc_gadget gadget)
{
    return (ldexp(1.0, 2 * (int)gadget.base_log) + 2.0) / 12.0;
}

/* Variance of what the gadget drops of a torus value: steps of B^-l. */
static double dropped_variance(torc_gadget gadget)
{
    return ldexp(1.0, -2 * (int)(gadget.base_log * gadget.level_count)) / 12.0;
}

/* Nonempty subsets of a group's key bits: terms of the key of one step. */
static double subset_count(uint32_t grouping)
{
    return ldexp(1.0, (int)grouping) - 1.0;
}

double torc_variance_fresh(const torc_params *params)
{
    return torc_tuniform_variance(params->glwe_noise_log2, 64);
}

/* A step: l (k+1) N vb (B^2+2)/12. A grouped step multiplies each of its 2^g - 1 keys by X^a - 1,
 * which doubles the variance (tfhe-rs counts 2^g: its key format has the selector inside). */
double torc_variance_bootstrap_key(const torc_params *params)
{
    const double keys = params->grouping > 1 ? 2.0 * subset_count(params->grouping) : 1.0;
    const double rows = (double)params->bootstrap.level_count * (params->glwe_dim + 1.0) *
                        (double)params->poly_size;

    return torc_params_step_count(params) * keys * rows * torc_variance_fresh(params) *
           digit_square(params->bootstrap);
}

/* A classic step multiplies by its key bit: h steps of n leave (1 + H) B^-2l / 12. A grouped step
 * always does (concrete halves it there too: optimistic). */
double torc_variance_bootstrap_rounding(const torc_params *params, const torc_noise_keys *keys)
{
    const double steps = params->grouping > 1 ? torc_params_step_count(params) : keys->small_weight;

    return steps * (1.0 + keys->big_weight) * dropped_variance(params->bootstrap);
}

/* What forming a bundle adds to the round-off of a product with it: products of g roots, sums of
 * 2^g - 1 terms. Fitted on kernels/ref, N = 512 .. 4096 (tests/slow_kernels_grouped.c). */
static double bundle_factor(uint32_t grouping)
{
    static const double fitted[] = {1.03, 1.07, 1.12};

    return fitted[grouping - 2];
}

/* A step: c 2^-106 B^2 l (k+1) N log2(N) (1 + H). The errors of the k masks reach the phase through
 * the key: the factor 1 + H, missing in concrete's fit. A bundle is larger than a key by the root
 * of 2 (2^g - 1), and its errors with it. */
double torc_variance_bootstrap_fft(const torc_params *params, const torc_noise_keys *keys)
{
    const double bundle = params->grouping > 1 ? bundle_factor(params->grouping) * 2.0 *
                                                     subset_count(params->grouping)
                                               : 1.0;
    const double points = (double)params->poly_size * log2((double)params->poly_size);
    const double scale =
        ldexp(keys->fft_constant, 2 * ((int)params->bootstrap.base_log - FFT_MANTISSA_BITS));

    return torc_params_step_count(params) * bundle * scale * params->bootstrap.level_count *
           (params->glwe_dim + 1.0) * points * (1.0 + keys->big_weight);
}

/* Does not depend on the input's noise. Extending the accumulator (v) changes nothing: each of its
 * parts meets the same small key. */
double torc_variance_bootstrap(const torc_params *params, const torc_noise_keys *keys)
{
    return torc_variance_bootstrap_key(params) + torc_variance_bootstrap_rounding(params, keys) +
           torc_variance_bootstrap_fft(params, keys);
}

/* kN l' vk (B'^2+2)/12 on the 32-bit torus. */
double torc_variance_keyswitch_key(const torc_params *params)
{
    return (double)torc_params_big_dim(params) * params->keyswitch.level_count *
           torc_tuniform_variance(params->lwe_noise_log2, 32) * digit_square(params->keyswitch);
}

/* H B'^-2l' / 12, and the body rounded from 64 to 32 bits; masks come out on 32 bits exactly. */
double torc_variance_keyswitch_rounding(const torc_params *params, const torc_noise_keys *keys)
{
    return keys->big_weight * dropped_variance(params->keyswitch) + ldexp(1.0, -64) / 12.0;
}

double torc_variance_keyswitch(const torc_params *params, const torc_noise_keys *keys)
{
    return torc_variance_keyswitch_key(params) + torc_variance_keyswitch_rounding(params, keys);
}

/* Centred: half of each coefficient's error goes to the body, so it counts times s - 1/2, whose
 * square is 1/4 for every key: n (1/(48 w^2) + 1/(24 q^2)), q = 2^32, whatever the weight. The
 * body's own rounding is no noise (the half-cell shift makes the window symmetric). The same for
 * every g, since each coefficient is switched alone. tfhe-rs
 * centered_mean_shifted_modulus_switch.rs. */
double torc_variance_modulus_switch(const torc_params *params)
{
    const double cell = 1.0 / ((double)params->poly_size * ldexp(2.0, (int)params->extended_log2));

    return params->lwe_dim * (cell * cell / 48.0 + ldexp(1.0, -64) / 24.0);
}

static void sum_terms(torc_noise *out, const torc_params *params, const torc_noise_keys *keys)
{
    *out = (torc_noise){.fresh = torc_variance_fresh(params)};
    if (torc_params_has_lookup(params)) {
        out->bootstrap = torc_variance_bootstrap(params, keys);
        out->keyswitch = torc_variance_keyswitch(params, keys);
        out->modulus_switch = torc_variance_modulus_switch(params);
    }
}

void torc_noise_of(torc_noise *out, const torc_params *params, double big_weight,
                   double small_weight)
{
    const torc_noise_keys keys = {big_weight, small_weight, TORC_FFT_CONSTANT};

    sum_terms(out, params, &keys);
}

void torc_noise_typical(torc_noise *out, const torc_params *params)
{
    torc_noise_of(out, params, torc_params_big_dim(params) / 2.0, params->lwe_dim / 2.0);
}

static double heavy_weight(double dim)
{
    return dim / 2.0 + TORC_KEY_WEIGHT_SIGMAS * 0.5 * sqrt(dim);
}

torc_noise_keys torc_noise_keys_production(const torc_params *params)
{
    return (torc_noise_keys){heavy_weight(torc_params_big_dim(params)),
                             heavy_weight(params->lwe_dim), FFT_MARGIN * TORC_FFT_CONSTANT};
}

void torc_noise_production(torc_noise *out, const torc_params *params)
{
    const torc_noise_keys keys = torc_noise_keys_production(params);

    sum_terms(out, params, &keys);
}
