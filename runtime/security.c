/* The security table: which noise a dimension needs, and the check that every loader runs.
 * Must not know about: failure probability, circuits, how noise is sampled.
 *
 *   log2 sigma(n) = max(slope n + bias, 2 - log2 q)        binary secret, n = kN for a GLWE key
 *
 * Source of slope and bias: zama-ai/concrete, tools/parameter-curves, curves_gen.rs (fits to the
 * lattice estimator, MATZOV cost, min of primal uSVP and dual hybrid). Run again with the estimator
 * of 2026 at n = 600 .. 2048: 128.3 .. 128.9 bits on the first, 132.0 .. 133.1 on the second.
 * The floor keeps sigma at 4 units of the last place: below it the discrete noise is no Gaussian.
 *
 * TUniform(b) has variance (2^(2b+1) + 1) / 6 units; b is the smallest whose standard deviation is
 * not below sigma on the 132-bit curve, so b(n) = ceil(log2 sigma + log2 q + 0.7925) above the
 * floor and 3 on it. zama-ai/tfhe-rs rounds a line fitted to the same curve, ceil(-0.025167785 n +
 * 64 + 4.10067100000001): equal or one more for n <= 2048. */
#include "runtime/security.h"

#include "runtime/noise.h"
#include "runtime/status.h"

#include <math.h>

#define SLOPE_128  (-0.025696778711484593)
#define BIAS_128   2.675931372549016
#define SLOPE_132  (-0.024891456582633045)
#define BIAS_132   2.65734593837534
#define FLOOR_LOG2 2.0

double torc_security_log2_std(uint32_t dim, uint32_t curve_bits, uint32_t log2_modulus)
{
    const bool margin = curve_bits != 128;
    const double slope = margin ? SLOPE_132 : SLOPE_128;
    const double bias = margin ? BIAS_132 : BIAS_128;

    return fmax(slope * (double)dim + bias, FLOOR_LOG2 - (double)log2_modulus);
}

uint32_t torc_security_tuniform_log2(uint32_t dim, uint32_t log2_modulus)
{
    if (dim < TORC_MIN_SECURE_DIM) {
        return 0;
    }
    const double variance = exp2(2.0 * torc_security_log2_std(dim, 132, log2_modulus));
    uint32_t bound_log2 = 1;
    while (torc_tuniform_variance(bound_log2, log2_modulus) < variance) {
        bound_log2++;
    }
    return bound_log2;
}

/* key names the key in messages; noise_log2 in units of 2^-log2_modulus. */
static torc_status check_key(torc_ctx *ctx, const char *key, uint64_t dim, uint32_t noise_log2,
                             uint32_t log2_modulus)
{
    if (dim < TORC_MIN_SECURE_DIM) {
        return torc_fail(ctx, TORC_E_SECURITY,
                         "security: %s has dimension %llu, at least %d is needed for %d bits; "
                         "compile the circuit again",
                         key, (unsigned long long)dim, TORC_MIN_SECURE_DIM, TORC_SECURITY_BITS);
    }
    /* The curve is on its floor long before this dimension: the clamp changes nothing. */
    const uint32_t curve_dim = dim > 65536 ? 65536 : (uint32_t)dim;
    const uint32_t limit = torc_security_tuniform_log2(curve_dim, log2_modulus);
    if (noise_log2 < limit) {
        return torc_fail(
            ctx, TORC_E_SECURITY,
            "security: %s of dimension %u has noise bound 2^%u, at least 2^%u (in units "
            "of 2^-%u) is needed for %d bits; compile the circuit again",
            key, curve_dim, noise_log2, limit, log2_modulus, TORC_SECURITY_BITS);
    }
    return TORC_OK;
}

torc_status torc_security_check(torc_ctx *ctx, const torc_params *params)
{
    const uint64_t big_dim = (uint64_t)params->glwe_dim * params->poly_size;

    TORC_TRY(
        check_key(ctx, "big key (glwe_dim * poly_size)", big_dim, params->glwe_noise_log2, 64));
    if (!torc_params_has_lookup(params)) {
        return TORC_OK;
    }
    return check_key(ctx, "small key (lwe_dim)", params->lwe_dim, params->lwe_noise_log2, 32);
}
