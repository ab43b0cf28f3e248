/* Box-Muller on a counter: draw i of a stream depends on nothing but (stream, i), so that any split
 * over threads and blocks gives the same values. The bits are splitmix64's: predictable, and never
 * used to protect anything. */
#include "runtime/server/sim_noise.h"

#include <math.h>

#define GOLDEN 0x9e3779b97f4a7c15u /* 2^64 / golden ratio: the step of splitmix64 */

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* (0, 1]: 53 bits, never 0, for the logarithm. */
static double unit(uint64_t bits)
{
    return ((double)(bits >> 11) + 1.0) * 0x1p-53;
}

void torc_sim_noise(double *noise, size_t count, size_t first, double std, torc_sim_stream stream)
{
    const double two_pi = 6.283185307179586;
    const uint64_t key = mix(mix(mix(stream.seed + GOLDEN) + stream.call) + stream.element);
    for (size_t i = 0; i < count; i += 2) {
        const uint64_t counter = key + (first + i) * GOLDEN;
        const double radius = std * sqrt(-2.0 * log(unit(mix(counter + GOLDEN))));
        const double angle = two_pi * unit(mix(counter + 2 * GOLDEN));
        noise[i] = radius * cos(angle);
        if (i + 1 < count) {
            noise[i + 1] = radius * sin(angle);
        }
    }
}
