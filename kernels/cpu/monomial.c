/* The tables of monomial.h. */
#include "kernels/cpu/monomial.h"

#include <math.h>
#include <pthread.h>

enum {
    SIZE_COUNT = 5,
    ROOT_COUNT = 4 * FFT_MAX_POLY, /* 2N, summed over all sizes */
    BLOCK_COUNT = FFT_MAX_POLY / FFT_BLOCK
};

static double roots[2 * ROOT_COUNT] __attribute__((aligned(64)));
static uint32_t blocks[BLOCK_COUNT];
static double rows[FFT_BLOCK][2][FFT_BLOCK] __attribute__((aligned(64)));
static monomial_table tables[SIZE_COUNT];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void root_fill(double *re, double *im, uint32_t numerator, uint32_t denominator)
{
    const long double circle = 6.283185307179586476925286766559005768L;
    const long double turns = (long double)(numerator % denominator) / denominator;
    *re = (double)cosl(circle * turns);
    *im = (double)sinl(circle * turns);
}

static uint32_t reversed(uint32_t x, uint32_t bits)
{
    uint32_t out = 0;
    for (uint32_t b = 0; b < bits; b++) {
        out |= (x >> b & 1) << (bits - 1 - b);
    }
    return out;
}

/* The transform leaves leaf `lane` W + v of a block in lane `lane` of vector v. */
static uint32_t step_of_point(uint32_t point)
{
    const uint32_t leaf = point % VECTOR_WIDTH * VECTOR_WIDTH + point / VECTOR_WIDTH;
    return reversed(leaf, 2 * VECTOR_LOG2);
}

static void rows_fill(void)
{
    for (uint32_t a = 0; a < FFT_BLOCK; a++) {
        for (uint32_t point = 0; point < FFT_BLOCK; point++) {
            root_fill(&rows[a][0][point], &rows[a][1][point], a * step_of_point(point), FFT_BLOCK);
        }
    }
}

/* Leaf u of the tree of roots has the numerator 1 + 4 rev(u) of 2N; a block begins with its leaf of
 * the smallest. */
static void tables_fill(void)
{
    double *root = roots;
    uint32_t *block = blocks;
    rows_fill();
    for (uint32_t i = 0; i < SIZE_COUNT; i++) {
        const uint32_t order = (uint32_t)512 << i; /* 2N */
        const uint32_t count = order / 4 / FFT_BLOCK;
        tables[i] = (monomial_table){order - 1, root, block, &rows[0][0][0]};
        for (uint32_t a = 0; a < order; a++, root += 2) {
            root_fill(root, root + 1, a, order);
        }
        for (uint32_t b = 0; b < count; b++) {
            *block++ = 1 + 4 * reversed(b, (uint32_t)__builtin_ctz(count));
        }
    }
}

const monomial_table *TORC_CPU(monomial_table)(uint32_t poly_size)
{
    uint32_t index = 0;
    pthread_once(&tables_once, tables_fill);
    while (index + 1 < SIZE_COUNT && tables[index].exponent_mask + 1 < 2 * poly_size) {
        index++;
    }
    return &tables[index];
}
