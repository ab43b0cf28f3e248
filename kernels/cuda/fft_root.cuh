/* Roots and butterflies of the transforms: what the compiler folds into instructions. It must not
 * know sizes or layouts.
 *
 * Constants are the compiler's arithmetic on a table, never the device's: the same bits everywhere.
 */
#ifndef TORC_CUDA_FFT_ROOT_CUH
#define TORC_CUDA_FFT_ROOT_CUH

#include "kernels/cuda/gpu.h"

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

/* The low `bits` bits of x in reverse order. No loop: the compiler leaves one in the kernels, and
 * then computes twiddles that are constants at run time. */
__host__ __device__ __forceinline__ constexpr uint32_t fft_reverse(uint32_t x, int bits)
{
    x = (x & 0x55555555u) << 1 | (x >> 1 & 0x55555555u);
    x = (x & 0x33333333u) << 2 | (x >> 2 & 0x33333333u);
    x = (x & 0x0f0f0f0fu) << 4 | (x >> 4 & 0x0f0f0f0fu);
    x = (x & 0x00ff00ffu) << 8 | (x >> 8 & 0x00ff00ffu);
    x = x << 16 | x >> 16;
    return bits == 0 ? 0 : x >> (32 - bits);
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

#endif
