/* Normal deviates of a counter, by Box and Muller (1958): draw i depends on nothing but its
 * counter, so that any split over threads and blocks gives the same values.
 *
 *   z_j = splitmix64(counter + j step), j = 1, 2                (two words for two draws)
 *   u = 1 - (z_1 >> 12) 2^-52 in (0, 1]                         r = sqrt(-2 ln u) <= 8.49
 *   f = (z_2 mod 2^62 >> 10) 2^-52 - 1/2 in [-1/2, 1/2)         angle = f pi / 2
 *   (a, b) = (+-r cos, r sin): bit 62 of z_2 chooses the sign, bit 63 exchanges the two,
 *   which turns a quarter of the circle into all of it
 *
 * The bits are predictable and never protect anything. The fast version has polynomials for ln, cos
 * and sin: within 2^-42 of this one (in units of std), and the same bits on every machine. Steele,
 * Lea, Flood (OOPSLA 2014) for splitmix64. */
#include "kernels/kernels.h"

#include <math.h>

#define STEP 0x9e3779b97f4a7c15u /* 2^64 / golden ratio */

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static double round_to(double x, double grid)
{
    return grid == 0 ? x : rint(x / grid) * grid;
}

void torc_ref_gaussian(double *out, size_t count, uint64_t counter, double std, double grid)
{
    const double pi = 3.14159265358979323846;
    for (size_t i = 0; i < count; i += 2) {
        const uint64_t z1 = mix(counter + (i + 1) * STEP);
        const uint64_t z2 = mix(counter + (i + 2) * STEP);
        const double u = 1 - (double)(z1 >> 12) * 0x1p-52;
        const double f = (double)((z2 << 2) >> 12) * 0x1p-52 - 0.5;
        const double r = std * sqrt(-2 * log(u));
        const double a = r * cos(f * pi / 2) * (z2 >> 62 & 1 ? -1 : 1);
        const double b = r * sin(f * pi / 2);
        const int exchange = z2 >> 63 != 0;
        out[i] = round_to(exchange ? b : a, grid);
        if (i + 1 < count) {
            out[i + 1] = round_to(exchange ? a : b, grid);
        }
    }
}
