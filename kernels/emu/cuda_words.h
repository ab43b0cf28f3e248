/* The words of CUDA C++ that kernels use, for a C++20 compiler: keywords, vector types, integer and
 * floating-point functions of the device. Values only, no state: what depends on the running thread
 * is in gpu_emu.h. Names and meanings are those of the CUDA C++ Programming Guide. */
#ifndef TORC_EMU_CUDA_WORDS_H
#define TORC_EMU_CUDA_WORDS_H

#include <bit>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)

typedef struct dim3 {
    uint32_t x, y, z;
    constexpr dim3(uint32_t of_x = 1, uint32_t of_y = 1, uint32_t of_z = 1)
        : x(of_x), y(of_y), z(of_z)
    {
    }
} dim3;

/* EMU_VECTOR_n(type, element, bytes): a CUDA vector type, its alignment and its maker. */
#define EMU_VECTOR_2(type, element, bytes)               \
    typedef struct alignas(bytes) type {                 \
        element x, y;                                    \
    } type;                                              \
    static inline type make_##type(element x, element y) \
    {                                                    \
        return type{x, y};                               \
    }
#define EMU_VECTOR_4(type, element, bytes)                                     \
    typedef struct alignas(bytes) type {                                       \
        element x, y, z, w;                                                    \
    } type;                                                                    \
    static inline type make_##type(element x, element y, element z, element w) \
    {                                                                          \
        return type{x, y, z, w};                                               \
    }

EMU_VECTOR_2(double2, double, 16)
EMU_VECTOR_2(float2, float, 8)
EMU_VECTOR_2(uint2, uint32_t, 8)
EMU_VECTOR_2(int2, int32_t, 8)
EMU_VECTOR_2(ulonglong2, unsigned long long, 16)
EMU_VECTOR_4(uint4, uint32_t, 16)
EMU_VECTOR_4(int4, int32_t, 16)
#undef EMU_VECTOR_2
#undef EMU_VECTOR_4

/* --- bits of doubles --- */

static inline double __longlong_as_double(long long x)
{
    return std::bit_cast<double>(x);
}

static inline long long __double_as_longlong(double x)
{
    return std::bit_cast<long long>(x);
}

static inline double __hiloint2double(int high, int low)
{
    return std::bit_cast<double>((uint64_t)(uint32_t)high << 32 | (uint32_t)low);
}

static inline int __double2loint(double x)
{
    return (int)(uint32_t)std::bit_cast<uint64_t>(x);
}

static inline int __double2hiint(double x)
{
    return (int)(uint32_t)(std::bit_cast<uint64_t>(x) >> 32);
}

/* --- integers --- */

static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b)
{
    return (unsigned long long)(((unsigned __int128)a * b) >> 64);
}

static inline long long __mul64hi(long long a, long long b)
{
    return (long long)(((__int128)a * b) >> 64);
}

static inline unsigned int __umulhi(unsigned int a, unsigned int b)
{
    return (unsigned int)((uint64_t)a * b >> 32);
}

static inline int __popc(unsigned int x)
{
    return std::popcount(x);
}

static inline int __popcll(unsigned long long x)
{
    return std::popcount(x);
}

static inline int __clz(int x)
{
    return std::countl_zero((unsigned int)x);
}

static inline int __clzll(long long x)
{
    return std::countl_zero((unsigned long long)x);
}

static inline int __ffs(int x) /* 1 + index of the lowest set bit, 0 for none */
{
    return __builtin_ffs(x);
}

static inline unsigned int __brev(unsigned int x)
{
    x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
    x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
    x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
    return __builtin_bswap32(x);
}

static inline unsigned int min(unsigned int a, unsigned int b)
{
    return a < b ? a : b;
}

static inline unsigned int max(unsigned int a, unsigned int b)
{
    return a > b ? a : b;
}

/* High word of (high:low) << shift, shift modulo 32; low word of (high:low) >> shift. */
static inline unsigned int __funnelshift_l(unsigned int low, unsigned int high, unsigned int shift)
{
    const uint64_t both = (uint64_t)high << 32 | low;
    return (unsigned int)(both << (shift & 31) >> 32);
}

static inline unsigned int __funnelshift_r(unsigned int low, unsigned int high, unsigned int shift)
{
    const uint64_t both = (uint64_t)high << 32 | low;
    return (unsigned int)(both >> (shift & 31));
}

/* Byte i of the result is byte (selector >> 4i) & 7 of (y:x). */
static inline unsigned int __byte_perm(unsigned int x, unsigned int y, unsigned int selector)
{
    const uint64_t both = (uint64_t)y << 32 | x;
    unsigned int out = 0;
    for (int i = 0; i < 4; i++) {
        out |= (unsigned int)(both >> 8 * (selector >> 4 * i & 7) & 0xff) << 8 * i;
    }
    return out;
}

/* c + sum of four products of bytes. */
static inline int __dp4a(int a, int b, int c)
{
    for (int i = 0; i < 32; i += 8) {
        c = (int)((unsigned int)c + (unsigned int)((int8_t)(a >> i) * (int8_t)(b >> i)));
    }
    return c;
}

static inline unsigned int __dp4a(unsigned int a, unsigned int b, unsigned int c)
{
    for (int i = 0; i < 32; i += 8) {
        c += (uint32_t)(uint8_t)(a >> i) * (uint8_t)(b >> i);
    }
    return c;
}

/* --- conversions that round to nearest, ties to even --- */

static inline long long __double2ll_rn(double x)
{
    return llrint(x);
}

static inline int __double2int_rn(double x)
{
    return (int)lrint(x);
}

static inline double __ll2double_rn(long long x)
{
    return (double)x;
}

#endif
