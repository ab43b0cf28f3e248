/* The exact result of rotations whose keys are multiples of the gadget. It must not know the
 * device. */
#ifndef TORC_BENCH_GPU_ROTATION_ORACLE_H
#define TORC_BENCH_GPU_ROTATION_ORACLE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static inline uint64_t oracle_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* One step on acc[2][2048], integers modulo B = units of the gadget, with the key kappa G:
 * acc_e += sum over subsets T, columns c of kappa[T][c][e] (X^(a_T) - 1) acc_c. */
static inline void oracle_step(int64_t acc[2][2048], const int8_t *kappa, const uint32_t *a, int g,
                               uint32_t base_log)
{
    int64_t out[2][2048];
    for (int i = 0; i < 2 * 2048; i++) {
        out[i / 2048][i % 2048] = acc[i / 2048][i % 2048];
    }
    for (int t = 1; t < 1 << g; t++) {
        uint32_t turn = 0;
        for (int bit = 0; bit < g; bit++) {
            turn += t >> bit & 1 ? a[bit] : 0;
        }
        for (int ce = 0; ce < 4; ce++) {
            const int64_t factor = kappa[4 * (t - 1) + ce];
            for (uint32_t i = 0; i < 2048; i++) {
                const uint32_t to = (i + turn) & 4095;
                out[ce % 2][to % 2048] += factor * (to < 2048 ? 1 : -1) * acc[ce / 2][i];
                out[ce % 2][i] -= factor * acc[ce / 2][i];
            }
        }
    }
    for (int i = 0; i < 2 * 2048; i++) {
        const int64_t base = 1ll << base_log;
        acc[i / 2048][i % 2048] = ((out[i / 2048][i % 2048] % base) + base) % base;
    }
}

/* Largest distance of result * B to acc modulo B; NaN counts as infinite. */
static inline double oracle_distance(const double *result, int64_t acc[2][2048], uint32_t base_log)
{
    const double base = (double)(1u << base_log);
    double worst = 0;
    for (int i = 0; i < 2 * 2048; i++) {
        const double turns = result[i] - (double)acc[i / 2048][i % 2048] / base;
        const double distance = fabs(turns - rint(turns)) * base;
        if (!(distance <= worst)) {
            worst = isnan(distance) ? INFINITY : distance;
        }
    }
    return worst;
}

#endif
