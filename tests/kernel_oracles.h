/* Naive oracles for the kernel tests: definitions, term by term, sharing nothing with kernels/. */
#ifndef TORC_TESTS_KERNEL_ORACLES_H
#define TORC_TESTS_KERNEL_ORACLES_H

#include <stdint.h>

/* out += a * b in Z/2^64[X]/(X^N + 1), any words. */
static inline void naive_product_add(uint64_t *out, const uint64_t *a, const uint64_t *b,
                                     uint32_t poly_size)
{
    for (uint32_t i = 0; i < poly_size; i++) {
        for (uint32_t j = 0; j < poly_size; j++) {
            const uint64_t term = a[i] * b[j];
            if (i + j < poly_size) {
                out[i + j] += term;
            } else {
                out[i + j - poly_size] -= term;
            }
        }
    }
}

/* Coefficient i of X^shift p, p of `size` coefficients, any shift. */
static inline uint64_t naive_rotated(const uint64_t *p, uint32_t size, int64_t shift, uint32_t i)
{
    const int64_t period = 2 * (int64_t)size;
    const int64_t from = ((int64_t)i - shift % period + 2 * period) % period;
    return from < (int64_t)size ? p[from] : -p[from - (int64_t)size];
}

/* x as a signed fraction of the torus. */
static inline double torus_fraction(uint64_t x)
{
    return (double)(int64_t)x * 0x1p-64;
}

#endif
