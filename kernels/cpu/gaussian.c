/* Normal deviates of a counter (ref/gaussian.c has the formulas): Box-Muller on splitmix64, with
 * polynomials in the place of ln, cos and sin, so that every loop is straight C that becomes
 * vectors, and no library decides about a bit. This file is compiled without contraction: addition,
 * multiplication, division and square root round the same way everywhere.
 *
 *   ln u = k ln 2 + 2 atanh(s),  s = (m - 1) / (m + 1),  u = m 2^k,  m in [1/sqrt 2, sqrt 2):
 *          |s| < 0.1716, series to s^15: relative error below 2^-46
 *   cos, sin of |angle| <= pi / 4: series to x^14 and x^13, error below 2^-45
 *
 * Error of a deviate against the exact functions: below 2^-42. */
#include "kernels/cpu/table.h"

#include <math.h>
#include <string.h>

enum { PAIRS = 32, DRAWS = 2 * PAIRS }; /* at once */
static const uint64_t step = 0x9e3779b97f4a7c15u;
static const uint64_t one_bits = (uint64_t)1023 << 52;
static const uint64_t root_half_bits = 0x3fe6a09e667f3bcdu;
static const uint64_t exponent_bias = 64; /* keeps the exponents of u >= 2^-52 above zero */

INLINE double as_double(uint64_t bits)
{
    double x = 0;
    memcpy(&x, &bits, sizeof x);
    return x;
}

INLINE uint64_t as_bits(double x)
{
    uint64_t bits = 0;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

INLINE uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Of 0 < u <= 1. */
INLINE double natural_log(double u)
{
    const uint64_t bits = as_bits(u);
    const uint64_t k_biased = (bits - root_half_bits + (exponent_bias << 52)) >> 52;
    const double m = as_double(bits - ((k_biased - exponent_bias) << 52));
    const double k = as_double(k_biased | as_bits(0x1p52)) - (0x1p52 + (double)exponent_bias);
    const double s = (m - 1) / (m + 1);
    const double w = s * s;
    double series = 1.0 / 15;
    series = series * w + 1.0 / 13;
    series = series * w + 1.0 / 11;
    series = series * w + 1.0 / 9;
    series = series * w + 1.0 / 7;
    series = series * w + 1.0 / 5;
    series = series * w + 1.0 / 3;
    series = series * w + 1;
    return k * 0x1.62e42fefa39efp-1 + 2 * s * series;
}

INLINE double cosine(double w) /* of sqrt(w) */
{
    double series = -1.0 / 87178291200;
    series = series * w + 1.0 / 479001600;
    series = series * w - 1.0 / 3628800;
    series = series * w + 1.0 / 40320;
    series = series * w - 1.0 / 720;
    series = series * w + 1.0 / 24;
    series = series * w - 1.0 / 2;
    return series * w + 1;
}

INLINE double sine(double x, double w) /* w = x^2 */
{
    double series = 1.0 / 6227020800;
    series = series * w - 1.0 / 39916800;
    series = series * w + 1.0 / 362880;
    series = series * w - 1.0 / 5040;
    series = series * w + 1.0 / 120;
    series = series * w - 1.0 / 6;
    return (series * w + 1) * x;
}

/* out[DRAWS], the draws from `counter` on; magic 1.5 2^52 grid rounds, 0 does not. */
static void draw(double *out, uint64_t counter, double std, double magic)
{
    for (uint64_t p = 0; p < PAIRS; p++) {
        const uint64_t z1 = mix(counter + (2 * p + 1) * step);
        const uint64_t z2 = mix(counter + (2 * p + 2) * step);
        const double u = 2 - as_double(z1 >> 12 | one_bits);
        const double angle = (as_double((z2 << 2) >> 12 | one_bits) - 1.5) * 1.57079632679489661923;
        const double r = std * sqrt(-2 * natural_log(u));
        const double w = angle * angle;
        const uint64_t a = as_bits(r * cosine(w)) ^ (z2 << 1 & (uint64_t)1 << 63);
        const uint64_t b = as_bits(r * sine(angle, w));
        const uint64_t exchange = (a ^ b) & (0 - (z2 >> 63));
        out[2 * p] = (as_double(a ^ exchange) + magic) - magic;
        out[2 * p + 1] = (as_double(b ^ exchange) + magic) - magic;
    }
}

void TORC_CPU(gaussian)(double *out, size_t count, uint64_t counter, double std, double grid)
{
    const double magic = 0x1.8p52 * grid;
    double last[DRAWS];
    size_t i = 0;
    for (; i + DRAWS <= count; i += DRAWS) {
        draw(out + i, counter + i * step, std, magic);
    }
    if (i < count) {
        draw(last, counter + i * step, std, magic);
        memcpy(out + i, last, (count - i) * sizeof *out);
    }
}
