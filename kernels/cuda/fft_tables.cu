/* Fills the tables of fft_tables.h, each root rounded once from long double. Host code only. */
#include "kernels/cuda/fft_root.cuh"
#include "kernels/cuda/fft_tables.h"

#include <math.h>

/* *out = exp(2 pi i turn / order), and one further. */
static void put_root(double **out, uint64_t turn, uint64_t order)
{
    const long double angle =
        6.283185307179586476925286766559L * (long double)(turn % order) / (long double)order;
    *(*out)++ = (double)cosl(angle);
    *(*out)++ = (double)sinl(angle);
}

/* w of node g of level s below node `node` of level `above`: exp(i pi (1 + 4 rev) / 2^(above+s+2)),
 * rev = rev_(above+s)(2^s node + g). */
static void put_node(double **out, uint32_t node, int above, uint32_t g, int s)
{
    const uint64_t reversed = fft_reverse((node << s) + g, above + s);
    put_root(out, 1 + 4 * reversed, 1ull << (above + s + 3));
}

/* The first node of a row of a tree table: rows 0; 1; 2, 3; 4 .. 7; .. are levels 0, 1, 2, 3, .. */
static uint32_t row_node(uint32_t row, int *level)
{
    *level = 0;
    while (row >= 1u << *level) {
        ++*level;
    }
    return *level == 0 ? 0 : 2 * (row - (1u << *level) / 2);
}

static void fill_forward1(double **out, int p, int levels1)
{
    int level;
    for (uint32_t row = 0; row < 1u << levels1 >> 1; row++) {
        const uint32_t g = row_node(row, &level);
        for (uint32_t node = 0; node < 1u << p; node++) {
            put_node(out, node, p, g, level);
        }
    }
}

static void fill_forward2(double **out, int m, int levels2)
{
    const uint32_t below = (1u << (m - 5)) >> levels2; /* nodes that share x */
    int level;
    for (uint32_t row = 0; row < 1u << levels2 >> 1; row++) {
        const uint32_t g = row_node(row, &level);
        for (uint32_t i = 0; i < below * 32; i++) {
            put_node(out, i % 32 * below + i / 32, m - levels2, g, level);
        }
    }
}

static void fill_inverse2(double **out, int p, int levels2)
{
    const uint64_t order = 1ull << (p + levels2);
    for (uint32_t i = 0; i < order; i++) {
        const uint64_t turn = (uint64_t)fft_reverse(i & ((1u << p) - 1), p) * (i >> p);
        put_root(out, order - turn % order, order);
    }
}

/* Register q of a lane: value r of its node's transform; with a pass 2 the lane holds the low bits
 * of r. */
static void fill_middle(double **out, int log2_n, int p, int levels1, int levels2)
{
    const uint32_t lanes = 1u << (log2_n - 1 - p), low = 1u << levels2;
    const uint64_t order = 2ull << log2_n;
    for (uint32_t q = (uint32_t)fft_middle_skipped(log2_n, p); q < 1u << p; q++) {
        for (uint32_t lane = 0; lane < lanes; lane++) {
            const uint32_t node = levels2 > 0 ? lane / low : lane + lanes * (q >> levels1);
            const uint32_t r = levels2 > 0 ? q * low + lane % low : q & ((1u << levels1) - 1);
            const uint64_t turn = (uint64_t)r * (1 + 4 * fft_reverse(node, p));
            put_root(out, order - turn % order, order);
        }
    }
}

static void fill_roots(double **out, int log2_n)
{
    const uint64_t order = 2ull << log2_n;
    for (uint32_t k = 0; k < FFT_ROOT_LOW; k++) {
        put_root(out, k, order);
    }
    for (uint32_t k = 0; k < (1u << log2_n) / 32; k++) {
        put_root(out, FFT_ROOT_LOW * (uint64_t)k, order);
    }
}

/* From the place that is a multiple of 8 pairs away from `begin`. */
static void fill_all_roots(double *out, const double *begin, int log2_n)
{
    while ((out - begin) % 16 != 0) {
        *out++ = 0.0;
    }
    for (uint32_t k = 0; k < 2u << log2_n; k++) {
        put_root(&out, k, 2ull << log2_n);
    }
}

void fft_tables_fill(double *out, int log2_n, int p)
{
    const double *begin = out;
    const int m = log2_n - 1;
    const int levels1 = m - p < p ? m - p : p, levels2 = m - p - levels1;
    fill_forward1(&out, p, levels1);
    if (levels2 > 0) {
        fill_forward2(&out, m, levels2);
        fill_inverse2(&out, p, levels2);
    }
    fill_middle(&out, log2_n, p, levels1, levels2);
    fill_roots(&out, log2_n);
    fill_all_roots(out, begin, log2_n);
}
