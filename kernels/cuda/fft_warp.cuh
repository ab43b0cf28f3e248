/* clang-format off */
/* Negacyclic FFT of a polynomial of N = 2048 coefficients in one warp: 1024 complex points, 32 of
 * them in the registers of each lane, one exchange through shared memory.
 *
 *   forward   real p[2048]  ->  p(x_(m,s)), 1024 roots of X^1024 = i, no scale
 *   inverse   its inverse times 1024 (keys carry the 1/1024)
 *   x_(m,s) = exp(i pi (1 + 4m + 128s) / 2048),   m, s = 0 .. 31
 *
 * Layouts (point q of lane j)
 *   coefficients   v[q] = p[32q + j] + i p[32q + j + 1024]      (X^1024 = i folds the halves)
 *   spectrum       v[q] = p(x_(m,s)), m = reverse(j), s = reverse(q): order of five bits reversed
 *   slab           double2 [32][33], shared, the warp's own (the 33 keeps columns apart)
 *   forward_table  double2 [16][32], middle_table double2 [32][32], shared, of the block; their
 *                  values: fft_tree_table, and exp(-i pi (1 + 4m) q / 2048) at [q][lane]
 *
 * Forward is a tree of remainders: modulo Z^32 - i in Z = X^32 over the registers (constants are
 * the same for all lanes), exchange, then modulo X^32 - exp(i pi (1 + 4m) / 64) in each lane. One
 * butterfly (a, b) -> (a + w b, a - w b) is 6 fused instructions: 960 a lane. Inverse is two cyclic
 * transforms of 32 points, a twist after each: 1024 a lane (the last twist is left to the caller,
 * who goes on point by point; it is counted here). Registers: 128 for the points; constants are
 * folded into the instructions, for which all loops are unrolled.
 *
 * Two passes over a square: Bailey, "FFTs in external or hierarchical memory" (1990). The tree:
 * Bernstein, "The tangent FFT" (2007), section 2. */
/* clang-format on */
#ifndef TORC_CUDA_FFT_WARP_CUH
#define TORC_CUDA_FFT_WARP_CUH

#include "kernels/cuda/gpu.h"

#define FFT_LANES         32
#define FFT_POINTS        32               /* of a lane */
#define FFT_PITCH         33               /* of a slab */
#define FFT_SLAB          (32 * FFT_PITCH) /* complex numbers */
#define FFT_FORWARD_TABLE (16 * 32)
#define FFT_MIDDLE_TABLE  (32 * 32)

/* cos(k pi / 64), k = 0 .. 32. */
static __device__ constexpr double fft_quarter[33] = {1.0,
                                                      0.9987954562051724,
                                                      0.9951847266721969,
                                                      0.989176509964781,
                                                      0.9807852804032304,
                                                      0.970031253194544,
                                                      0.9569403357322088,
                                                      0.9415440651830208,
                                                      0.9238795325112867,
                                                      0.9039892931234433,
                                                      0.881921264348355,
                                                      0.8577286100002721,
                                                      0.8314696123025452,
                                                      0.8032075314806449,
                                                      0.773010453362737,
                                                      0.7409511253549591,
                                                      0.7071067811865476,
                                                      0.6715589548470184,
                                                      0.6343932841636455,
                                                      0.5956993044924334,
                                                      0.5555702330196022,
                                                      0.5141027441932218,
                                                      0.47139673682599764,
                                                      0.4275550934302821,
                                                      0.3826834323650898,
                                                      0.33688985339222005,
                                                      0.2902846772544624,
                                                      0.2429801799032639,
                                                      0.19509032201612828,
                                                      0.14673047445536175,
                                                      0.0980171403295606,
                                                      0.049067674327418015,
                                                      0.0};

/* cos and sin of k pi / 64 for any k: the compiler's arithmetic, never the device's. */
__device__ __forceinline__ constexpr double fft_cos(int k)
{
    const int r = k & 127;
    const int h = r > 64 ? 128 - r : r;
    return h > 32 ? -fft_quarter[64 - h] : fft_quarter[h];
}

__device__ __forceinline__ constexpr double fft_sin(int k)
{
    return fft_cos(k - 32);
}

/* Order of five bits reversed. */
__host__ __device__ __forceinline__ constexpr int fft_reverse(int x)
{
    return (x & 1) << 4 | (x & 2) << 2 | (x & 4) | (x & 8) >> 2 | (x & 16) >> 4;
}

__device__ __forceinline__ double2 fft_multiply(double2 a, double2 b)
{
    return make_double2(fma(a.x, b.x, -a.y * b.y), fma(a.x, b.y, a.y * b.x));
}

/* (a, b) -> (a + w b, a - w b). */
__device__ __forceinline__ void fft_butterfly(double2 &a, double2 &b, double wr, double wi)
{
    const double re = fma(b.x, wr, fma(-b.y, wi, a.x));
    const double im = fma(b.y, wr, fma(b.x, wi, a.y));
    b = make_double2(fma(2.0, a.x, -re), fma(2.0, a.y, -im));
    a = make_double2(re, im);
}

/* The same for w = 1 and w = -i. */
__device__ __forceinline__ void fft_butterfly_one(double2 &a, double2 &b)
{
    const double2 t = b;
    b = make_double2(a.x - t.x, a.y - t.y);
    a = make_double2(a.x + t.x, a.y + t.y);
}

__device__ __forceinline__ void fft_butterfly_minus_i(double2 &a, double2 &b)
{
    const double2 t = b;
    b = make_double2(a.x - t.y, a.y + t.x);
    a = make_double2(a.x + t.y, a.y - t.x);
}

/* Tree over the registers, modulo Z^32 - i: node g of level s splits by w = exp(i pi (1 +
 * 4 reverse_s(g)) / 2^(s+2)). */
__device__ __forceinline__ void fft_tree_constant(double2 v[FFT_POINTS])
{
#pragma unroll
    for (int s = 0; s < 5; s++) {
        const int half = 16 >> s;
#pragma unroll
        for (int g = 0; g < 16; g++) {
#pragma unroll
            for (int j = 0; j < 16; j++) {
                if (g < 1 << s && j < half) {
                    const int node = fft_reverse(g) >> (5 - s);
                    const int angle = (1 + 4 * node) << (4 - s);
                    fft_butterfly(v[2 * half * g + j], v[2 * half * g + half + j], fft_cos(angle),
                                  fft_sin(angle));
                }
            }
        }
    }
}

/* The same tree below the lane's own root: w of node g at level s is table[row][lane] with row =
 * 2^(s-1) + g/2 (0 at s = 0), times i when g is odd. */
__device__ __forceinline__ void fft_tree_table(double2 v[FFT_POINTS], const double2 *table)
{
#pragma unroll
    for (int s = 0; s < 5; s++) {
        const int half = 16 >> s;
#pragma unroll
        for (int g = 0; g < 16; g += 2) {
            if (g < 1 << s) {
                const int row = s == 0 ? 0 : (1 << s) / 2 + g / 2;
                const double2 w = gpu_load_shared(table + row * FFT_LANES + gpu_lane());
#pragma unroll
                for (int j = 0; j < 16; j++) {
                    if (j < half) {
                        const int at = 2 * half * g + j;
                        fft_butterfly(v[at], v[at + half], w.x, w.y);
                        if (s > 0) {
                            const int odd = at + 2 * half;
                            fft_butterfly(v[odd], v[odd + half], -w.y, w.x);
                        }
                    }
                }
            }
        }
    }
}

/* sum_s v[reverse(s)] exp(-2 pi i s q / 32), q = 0 .. 31 in order. */
__device__ __forceinline__ void fft_cyclic_inverse(double2 v[FFT_POINTS])
{
#pragma unroll
    for (int h = 1; h < 32; h *= 2) {
#pragma unroll
        for (int base = 0; base < 32; base += 2) {
#pragma unroll
            for (int j = 0; j < 16; j++) {
                if (base % (2 * h) == 0 && j < h) {
                    double2 &a = v[base + j], &b = v[base + h + j];
                    const int angle = -64 * j / h;
                    if (j == 0) {
                        fft_butterfly_one(a, b);
                    } else if (2 * j == h) {
                        fft_butterfly_minus_i(a, b);
                    } else {
                        fft_butterfly(a, b, fft_cos(angle), fft_sin(angle));
                    }
                }
            }
        }
    }
}

/* Point q of lane j becomes point j of lane q. The slab is the warp's own; its last readers must
 * have passed a barrier. */
__device__ __forceinline__ void fft_exchange(double2 v[FFT_POINTS], double2 *slab)
{
    const uint32_t lane = gpu_lane();
#pragma unroll
    for (int q = 0; q < FFT_POINTS; q++) {
        gpu_store_shared(slab + q * FFT_PITCH + lane, v[q]);
    }
    gpu_sync_warp();
#pragma unroll
    for (int q = 0; q < FFT_POINTS; q++) {
        v[q] = gpu_load_shared(slab + lane * FFT_PITCH + q);
    }
    gpu_sync_warp();
}

__device__ __forceinline__ void fft_forward(double2 v[FFT_POINTS], double2 *slab,
                                            const double2 *forward_table)
{
    fft_tree_constant(v);
    fft_exchange(v, slab);
    fft_tree_table(v, forward_table);
}

/* All but the last twist: coefficient 32q + j (and its partner) is v[q] exp(-i pi q / 64). */
__device__ __forceinline__ void fft_inverse(double2 v[FFT_POINTS], double2 *slab,
                                            const double2 *middle_table)
{
    fft_cyclic_inverse(v);
#pragma unroll
    for (int q = 1; q < FFT_POINTS; q++) { /* row 0 of the table is 1 */
        v[q] = fft_multiply(v[q], gpu_load_shared(middle_table + q * FFT_LANES + gpu_lane()));
    }
    fft_exchange(v, slab);
    fft_cyclic_inverse(v);
}

/* v exp(-i pi q / 64). */
__device__ __forceinline__ double2 fft_last_twist(double2 v, int q)
{
    return q == 0 ? v : fft_multiply(v, make_double2(fft_cos(q), -fft_sin(q)));
}

#endif
