/* Host side of the rotation skeleton: its tables, and the exact result for keys that are multiples
 * of the gadget. It must not know the device. */
#ifndef TORC_BENCH_GPU_ROTATION_ORACLE_H
#define TORC_BENCH_GPU_ROTATION_ORACLE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct complex_pair {
    double re, im;
} complex_pair;

static inline complex_pair oracle_root(uint64_t k, uint64_t order) /* exp(2 pi i k / order) */
{
    const long double angle = 6.283185307179586476925286766559L * (long double)(k % order) / order;
    const complex_pair z = {(double)cosl(angle), (double)sinl(angle)};
    return z;
}

static inline uint32_t oracle_reverse(uint32_t x, int bits)
{
    uint32_t y = 0;
    for (int i = 0; i < bits; i++) {
        y |= (x >> i & 1) << (bits - 1 - i);
    }
    return y;
}

/* forward[16][32], middle[32][32], root[128]: layouts in fft_warp.cuh and
 * blind_rotate_skeleton.cuh; angles in units of 2 pi / 8192 and 2 pi / 4096. */
static inline void oracle_tables(complex_pair *forward, complex_pair *middle, complex_pair *root)
{
    for (uint32_t lane = 0; lane < 32; lane++) {
        const uint32_t theta = 64 * (1 + 4 * oracle_reverse(lane, 5)); /* of 8192 */
        for (int s = 0; s < 5; s++) {
            for (uint32_t g = 0; g < 1u << s; g += 2) {
                const uint32_t row = s == 0 ? 0 : (1u << s) / 2 + g / 2;
                const uint64_t turn = theta + 8192ull * oracle_reverse(g, s);
                forward[row * 32 + lane] = oracle_root(turn, 8192ull << (s + 1));
            }
        }
        for (uint32_t j = 0; j < 32; j++) {
            const uint64_t turn = (uint64_t)(1 + 4 * oracle_reverse(lane, 5)) * j;
            middle[j * 32 + lane] = oracle_root(4096 - turn % 4096, 4096);
        }
    }
    for (uint32_t k = 0; k < 64; k++) {
        root[k] = oracle_root(k, 64);
        root[64 + k] = oracle_root(k, 4096);
    }
}

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
