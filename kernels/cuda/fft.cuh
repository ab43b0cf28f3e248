/* clang-format off */
/* Negacyclic FFT in registers and shared memory: N = 256 .. 4096, a few lanes a polynomial.
 *
 *   M = N/2 complex points (X^M = i folds the halves), m = log2 M, P = 2^p points a lane, p <= 5,
 *   L = M/P lanes a polynomial: 4, 8, 16, 32, 64 for N = 256 .. 4096 at p = 5
 *
 *   forward   real a[N]  ->  a(x_t),  x_t = exp(i pi (1 + 4t) / N),  t = 0 .. M-1, no scale
 *   inverse   its inverse times M (keys carry the 1/M)
 *
 * Forward is the tree of remainders: node h of level s, a remainder modulo X^(M/2^s) - z, splits by
 * w = sqrt(z) = exp(i pi (1 + 4 rev_s(h)) / 2^(s+2)); a butterfly (a, b) -> (a + w b, a - w b) is 6 fused
 * instructions. e = 0 .. M-1 is the place in the tree: leaf e holds root t = rev_m(e). Passes of p, p and
 * the remaining levels, an exchange through the slab between them; pass 0 has constants, the others
 * a table row a node (its odd neighbour is i times it).
 * Inverse is the cyclic transform sum_t exp(-2 pi i t j / M), the twist exp(-i pi j / N) folded into
 * the table of the last exchange but for exp(-i pi q / 2P) of register q, which is left to the caller.
 *
 * Layouts (register q of lane j)
 *   coefficients  v[q] = a[c] + i a[c + M], c = L q + j
 *   spectrum      point y = 32 row + x of the slab, x = e >> (m-5), row = e mod (M/32); in roots:
 *                 t = rev_5(x) + 32 rev_(m-5)(row). Neighbouring x stand in neighbouring lanes.
 *                 The order does not depend on p: one key serves every plan.
 *   slab          double2 [fft_plan::slab], shared, one a polynomial
 *   tables        double2, shared, of the block: fft_tables.h
 *
 * FP64 instructions a lane (P = 32): forward 3 m P = 960 at N = 2048; inverse 3 m P less the trivial
 * twiddles, 4 P an exchange, 4 P for the last twist = 1,024. Points: 128 registers.
 *
 * The tree: Bernstein, "The tangent FFT" (2007), section 2. Passes: Bailey, "FFTs in external or
 * hierarchical memory" (1990). */
/* clang-format on */
#ifndef TORC_CUDA_FFT_CUH
#define TORC_CUDA_FFT_CUH

#include "kernels/cuda/fft_root.cuh"
#include "kernels/cuda/fft_tables.h"

template <int log2_n, int p> struct fft_plan {
    static constexpr int m = log2_n - 1;
    static constexpr int size = 1 << m; /* M */
    static constexpr int log2_points = p;
    static constexpr int points = 1 << p;
    static constexpr int lanes = size / points;
    static constexpr int levels1 = m - p < p ? m - p : p; /* of pass 1 */
    static constexpr int levels2 = m - p - levels1;       /* of pass 2, often none */
    static constexpr int block1 = size >> p;              /* points of a node before pass 1 */
    static constexpr int stride1 = 1 << levels2;          /* and before pass 2 */
    static constexpr int rows = size / 32;                /* of the spectrum */
    static constexpr int nodes2 = rows >> levels2;        /* of pass 2 below one x */
    static constexpr int last = levels2 > 0 ? 2 : 1;      /* pass */
    /* Lanes read nodes in turn: their places must differ by odd multiples of stride1. */
    static constexpr int slab_nodes = points * (block1 + stride1);
    static constexpr int slab_leaves = levels2 > 0 ? 32 * (rows + 1) : 0;
    static constexpr int slab_used = slab_nodes > slab_leaves ? slab_nodes : slab_leaves;
    /* Two polynomials of 4 lanes share a quarter warp: their slabs stand 4 modulo 8 apart. */
    static constexpr int slab = lanes == 4 ? slab_used + (12 - slab_used % 8) % 8 : slab_used;
    /* Offsets of the tables. */
    static constexpr fft_table_sizes sizes = fft_table_sizes_of(log2_n, p);
    static constexpr int forward1 = 0;
    static constexpr int forward2 = sizes.forward1;
    static constexpr int inverse2 = forward2 + sizes.forward2;
    static constexpr int middle = inverse2 + sizes.inverse2;
    static constexpr int skipped = fft_middle_skipped(log2_n, p); /* rows of middle */
    static constexpr int root_low = middle + sizes.middle;
    static constexpr int root_high = root_low + FFT_ROOT_LOW;
    static constexpr int table_count = fft_table_count(sizes);
};

/* --- transforms of 2^levels registers --- */

/* Levels are template arguments, not a loop: bounds that depend on an outer loop keep the compiler
 * from unrolling, and the points would fall into memory. */

/* The tree below X^.. = i. */
template <int levels, int s = 0> __device__ __forceinline__ void fft_tree_constant(double2 *v)
{
    if constexpr (s < levels) {
        constexpr int half = (1 << levels) >> (s + 1);
#pragma unroll
        for (int node = 0; node < 1 << s; node++) {
            const int angle = (1 + 4 * (int)fft_reverse((uint32_t)node, s)) << (4 - s);
#pragma unroll
            for (int j = 0; j < half; j++) {
                const int at = 2 * half * node + j;
                fft_butterfly(v[at], v[at + half], fft_cos(angle), fft_sin(angle));
            }
        }
        fft_tree_constant<levels, s + 1>(v);
    }
}

/* The tree below any node: w of node g (even) at level s is table[(2^(s-1) + g/2) pitch], times i
 * for node g + 1. */
template <int levels, int s = 0>
__device__ __forceinline__ void fft_tree_table(double2 *v, const double2 *table, uint32_t pitch)
{
    if constexpr (s < levels) {
        constexpr int half = (1 << levels) >> (s + 1);
#pragma unroll
        for (int node = 0; node < 1 << s; node += 2) {
            const uint32_t row = s == 0 ? 0 : (1u << s) / 2 + (uint32_t)node / 2;
            const double2 w = gpu_load_shared(table + row * pitch);
#pragma unroll
            for (int j = 0; j < half; j++) {
                const int at = 2 * half * node + j;
                fft_butterfly(v[at], v[at + half], w.x, w.y);
                if constexpr (s > 0) {
                    fft_butterfly(v[at + 2 * half], v[at + 3 * half], -w.y, w.x);
                }
            }
        }
        fft_tree_table<levels, s + 1>(v, table, pitch);
    }
}

/* sum_s v[rev(s)] exp(-2 pi i s q / 2^levels), q in order. */
template <int levels, int level = 0> __device__ __forceinline__ void fft_cyclic_inverse(double2 *v)
{
    if constexpr (level < levels) {
        constexpr int h = 1 << level;
#pragma unroll
        for (int base = 0; base < 1 << levels; base += 2 * h) {
#pragma unroll
            for (int j = 0; j < h; j++) {
                if (j == 0) {
                    fft_butterfly_one(v[base], v[base + h]);
                } else if (2 * j == h) {
                    fft_butterfly_minus_i(v[base + j], v[base + h + j]);
                } else {
                    const int angle = -64 * j / h;
                    fft_butterfly(v[base + j], v[base + h + j], fft_cos(angle), fft_sin(angle));
                }
            }
        }
        fft_cyclic_inverse<levels, level + 1>(v);
    }
}

/* --- places of a lane's points --- */

/* Place in the tree of register q in passes 1 and 2; lane: of the polynomial. */
template <class plan>
__host__ __device__ __forceinline__ constexpr uint32_t fft_place1(uint32_t q, uint32_t lane)
{
    if constexpr (plan::levels2 == 0) { /* whole nodes, one a lane or several */
        const uint32_t node = lane + plan::lanes * (q >> plan::levels1);
        return plan::block1 * node + (q & ((1u << plan::levels1) - 1));
    } else { /* neighbours share a node */
        return plan::block1 * (lane / plan::stride1) + plan::stride1 * q + lane % plan::stride1;
    }
}

template <class plan>
__host__ __device__ __forceinline__ constexpr uint32_t fft_node2(uint32_t q, uint32_t lane)
{
    return (q >> plan::levels2) * (plan::lanes / 32) + lane / 32; /* below x = lane % 32 */
}

template <class plan>
__host__ __device__ __forceinline__ constexpr uint32_t fft_place2(uint32_t q, uint32_t lane)
{
    return (lane % 32) * plan::rows + fft_node2<plan>(q, lane) * plan::stride1 + q % plan::stride1;
}

/* Where the slab keeps place e: apart by nodes of pass 1, by values of x, or as a spectrum. All
 * three add up over bits of e: what a lane gives and what a register gives are computed apart, the
 * latter by the compiler. */
template <class plan> __host__ __device__ __forceinline__ constexpr uint32_t fft_slab1(uint32_t e)
{
    return e + e / plan::block1 * plan::stride1;
}

template <class plan> __host__ __device__ __forceinline__ constexpr uint32_t fft_slab2(uint32_t e)
{
    return e + e / plan::rows;
}

template <class plan> __host__ __device__ __forceinline__ constexpr uint32_t fft_point(uint32_t e)
{
    return 32 * (e % plan::rows) + e / plan::rows;
}

/* All lanes of a polynomial, the block's polynomial-th; orders their accesses. */
template <class plan> __device__ __forceinline__ void fft_sync(uint32_t polynomial)
{
    if constexpr (plan::lanes <= 32) {
        gpu_sync_warp();
    } else {
        gpu_sync_named(1 + polynomial, plan::lanes);
    }
}

/* --- exchanges --- */

/* Where register q stands after pass 0, 1 or 2. */
template <class plan, int pass>
__host__ __device__ __forceinline__ constexpr uint32_t fft_place(uint32_t q, uint32_t lane)
{
    return pass == 0   ? plan::lanes * q + lane
           : pass == 1 ? fft_place1<plan>(q, lane)
                       : fft_place2<plan>(q, lane);
}

typedef enum fft_order { FFT_BY_NODE, FFT_BY_X, FFT_SPECTRUM } fft_order;

template <class plan, int order>
__host__ __device__ __forceinline__ constexpr uint32_t fft_where(uint32_t e)
{
    return order == FFT_BY_NODE ? fft_slab1<plan>(e)
           : order == FFT_BY_X  ? fft_slab2<plan>(e)
                                : fft_point<plan>(e);
}

template <class plan, int pass, int order>
__device__ __forceinline__ void fft_store(double2 *slab, const double2 *v, uint32_t lane)
{
    double2 *to = slab + fft_where<plan, order>(fft_place<plan, pass>(0, lane));
#pragma unroll
    for (uint32_t q = 0; q < plan::points; q++) {
        gpu_store_shared(to + fft_where<plan, order>(fft_place<plan, pass>(q, 0)), v[q]);
    }
}

template <class plan, int pass, int order>
__device__ __forceinline__ void fft_load(double2 *v, const double2 *slab, uint32_t lane)
{
    const double2 *from = slab + fft_where<plan, order>(fft_place<plan, pass>(0, lane));
#pragma unroll
    for (uint32_t q = 0; q < plan::points; q++) {
        v[q] = gpu_load_shared(from + fft_where<plan, order>(fft_place<plan, pass>(q, 0)));
    }
}

/* Registers of one pass to those of another. */
template <class plan, int from, int to, int order>
__device__ __forceinline__ void fft_exchange(double2 *v, double2 *slab, uint32_t polynomial,
                                             uint32_t lane)
{
    fft_store<plan, from, order>(slab, v, lane);
    fft_sync<plan>(polynomial);
    fft_load<plan, to, order>(v, slab, lane);
    fft_sync<plan>(polynomial);
}

/* --- whole transforms --- */

/* Coefficients v -> spectrum v, as the last pass leaves it. The slab's last readers have passed a
 * barrier; afterwards it may be written again. */
template <class plan>
__device__ __forceinline__ void fft_forward_registers(double2 *v, double2 *slab,
                                                      const double2 *tables, uint32_t polynomial,
                                                      uint32_t lane)
{
    fft_tree_constant<plan::log2_points>(v);
    fft_exchange<plan, 0, 1, FFT_BY_NODE>(v, slab, polynomial, lane);
    const double2 *table1 = tables + plan::forward1 + fft_place1<plan>(0, lane) / plan::block1;
#pragma unroll
    for (uint32_t q = 0; q < plan::points; q += 1u << plan::levels1) {
        const uint32_t node = fft_place1<plan>(q, 0) / plan::block1;
        fft_tree_table<plan::levels1>(v + q, table1 + node, plan::points);
    }
    if constexpr (plan::levels2 > 0) {
        fft_exchange<plan, 1, 2, FFT_BY_X>(v, slab, polynomial, lane);
#pragma unroll
        for (uint32_t q = 0; q < plan::points; q += plan::stride1) {
            const uint32_t node = fft_node2<plan>(q, lane) * 32 + lane % 32;
            fft_tree_table<plan::levels2>(v + q, tables + plan::forward2 + node, 32 * plan::nodes2);
        }
    }
}

/* The same, spectrum in the slab: its next readers must pass a barrier. */
template <class plan>
__device__ __forceinline__ void fft_forward(double2 *v, double2 *slab, const double2 *tables,
                                            uint32_t polynomial, uint32_t lane)
{
    fft_forward_registers<plan>(v, slab, tables, polynomial, lane);
    fft_store<plan, plan::last, FFT_SPECTRUM>(slab, v, lane);
}

/* Spectrum v, as the last pass of forward leaves it -> coefficients v but for the last twist. The
 * slab as in fft_forward_registers. */
template <class plan>
__device__ __forceinline__ void fft_inverse_registers(double2 *v, double2 *slab,
                                                      const double2 *tables, uint32_t polynomial,
                                                      uint32_t lane)
{
    if constexpr (plan::levels2 > 0) {
#pragma unroll
        for (uint32_t q = 0; q < plan::points; q += plan::stride1) {
            const uint32_t node = (lane % 32) * plan::nodes2 + fft_node2<plan>(q, lane);
            fft_cyclic_inverse<plan::levels2>(v + q);
#pragma unroll
            for (uint32_t r = 1; r < plan::stride1; r++) {
                const double2 *twiddle = tables + plan::inverse2 + r * plan::points;
                v[q + r] = fft_multiply(v[q + r], gpu_load_shared(twiddle + node % plan::points));
            }
        }
        fft_exchange<plan, 2, 1, FFT_BY_X>(v, slab, polynomial, lane);
    }
#pragma unroll
    for (uint32_t q = 0; q < plan::points; q += 1u << plan::levels1) {
        fft_cyclic_inverse<plan::levels1>(v + q);
    }
    const double2 *middle = tables + plan::middle + lane - plan::skipped * plan::lanes;
#pragma unroll
    for (uint32_t q = 0; q < plan::points; q++) {
        if (plan::levels2 > 0 || q % (1u << plan::levels1) != 0) { /* else the twiddle is 1 */
            v[q] = fft_multiply(v[q], gpu_load_shared(middle + q * plan::lanes));
        }
    }
    fft_exchange<plan, 1, 0, FFT_BY_NODE>(v, slab, polynomial, lane);
    fft_cyclic_inverse<plan::log2_points>(v);
}

/* The same, spectrum in the slab, written before a barrier. */
template <class plan>
__device__ __forceinline__ void fft_inverse(double2 *v, double2 *slab, const double2 *tables,
                                            uint32_t polynomial, uint32_t lane)
{
    fft_load<plan, plan::last, FFT_SPECTRUM>(v, slab, lane);
    fft_sync<plan>(polynomial);
    fft_inverse_registers<plan>(v, slab, tables, polynomial, lane);
}

/* v exp(-i pi q / 2P): the last twist of register q. */
template <class plan> __device__ __forceinline__ double2 fft_last_twist(double2 v, int q)
{
    const int angle = q << (5 - plan::log2_points);
    return q == 0 ? v : fft_multiply(v, make_double2(fft_cos(angle), -fft_sin(angle)));
}

#endif
