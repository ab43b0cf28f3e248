/* Vectors of doubles and words, as wide as the instruction set this source is compiled for, and the
 * few operations that plain C cannot name. Everything else is written with GCC vector arithmetic.
 *
 * Every file of this folder but dispatch.c and team.c is compiled once for each instruction set;
 * TORC_CPU puts its name into the symbols: TORC_CPU(linear) is torc_cpu_linear_avx512. */
#ifndef TORC_KERNELS_CPU_VECTOR_H
#define TORC_KERNELS_CPU_VECTOR_H

#include <stdint.h>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

#define TORC_CPU_JOIN2(name, isa) torc_cpu_##name##_##isa
#define TORC_CPU_JOIN(name, isa)  TORC_CPU_JOIN2(name, isa)
#define TORC_CPU(name)            TORC_CPU_JOIN(name, TORC_CPU_ISA)
#define INLINE                    static inline __attribute__((always_inline))
#define NOINLINE                  __attribute__((noinline)) /* keeps its registers to itself */

#if defined(VECTOR_LOG2)
/* A test build brings intrinsics of that width (tests/common/avx512_emulated.h). */
#elif defined(__AVX512F__) && defined(__AVX512DQ__)
#define VECTOR_LOG2 3
#elif defined(__AVX2__) && defined(__FMA__)
#define VECTOR_LOG2 2
#else
#define VECTOR_LOG2 1
#endif
#define VECTOR_WIDTH (1 << VECTOR_LOG2) /* 64-bit lanes */
#define VECTOR_BYTES (8 * VECTOR_WIDTH)

typedef double vec_f64 __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef uint64_t vec_u64 __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef uint32_t vec_u32 __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef uint64_t vec_u64_unaligned
    __attribute__((vector_size(VECTOR_BYTES), may_alias, aligned(8)));
typedef uint32_t vec_u32_unaligned
    __attribute__((vector_size(VECTOR_BYTES), may_alias, aligned(4)));

INLINE vec_f64 load_f64(const double *p)
{
    return *(const vec_f64 *)p;
}
INLINE void store_f64(double *p, vec_f64 x)
{
    *(vec_f64 *)p = x;
}
INLINE vec_u64 load_u64(const uint64_t *p)
{
    return *(const vec_u64_unaligned *)p;
}
INLINE void store_u64(uint64_t *p, vec_u64 x)
{
    *(vec_u64_unaligned *)p = x;
}
INLINE vec_u32 load_u32(const uint32_t *p)
{
    return *(const vec_u32_unaligned *)p;
}
INLINE void store_u32(uint32_t *p, vec_u32 x)
{
    *(vec_u32_unaligned *)p = x;
}

/* p itself. The compiler then reaches p + constant from p, not from a register for each constant.
 */
INLINE const double *one_address(const double *p)
{
    __asm__("" : "+r"(p));
    return p;
}

/* fused_add = c + a b, fused_sub = c - a b, twice_minus = 2 a - c; fraction = x - round(x), exact,
 * within [-1/2, 1/2], for |x| < 2^51; torus_word = the word nearest to it. AVX-512 converts the
 * fraction f whole, and turns the single value out of range, 2^63, into the word that is meant.
 * Elsewhere f + 3 has the top 51 bits of f modulo 1 in its mantissa; the rest is far below the
 * transform's own error. Contraction cannot touch either form: no product takes part. */
#if VECTOR_LOG2 == 3
INLINE vec_f64 splat_f64(double x)
{
    return _mm512_set1_pd(x);
}
INLINE vec_u64 splat_u64(uint64_t x)
{
    return (vec_u64)_mm512_set1_epi64((long long)x);
}
INLINE vec_u32 splat_u32(uint32_t x)
{
    return (vec_u32)_mm512_set1_epi32((int)x);
}
INLINE vec_f64 fused_add(vec_f64 c, vec_f64 a, vec_f64 b)
{
    return _mm512_fmadd_pd(a, b, c);
}
INLINE vec_f64 fused_sub(vec_f64 c, vec_f64 a, vec_f64 b)
{
    return _mm512_fnmadd_pd(a, b, c);
}
INLINE vec_f64 twice_minus(vec_f64 a, vec_f64 c)
{
    return _mm512_fmsub_pd(a, splat_f64(2.0), c);
}
INLINE vec_f64 fraction(vec_f64 x)
{
    return _mm512_reduce_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
INLINE vec_u64 torus_word(vec_f64 x)
{
    return (vec_u64)_mm512_cvtpd_epi64(fraction(x) * 0x1p64);
}
#else
#if VECTOR_LOG2 == 2
INLINE vec_f64 splat_f64(double x)
{
    return _mm256_set1_pd(x);
}
INLINE vec_u64 splat_u64(uint64_t x)
{
    return (vec_u64)_mm256_set1_epi64x((long long)x);
}
INLINE vec_u32 splat_u32(uint32_t x)
{
    return (vec_u32)_mm256_set1_epi32((int)x);
}
INLINE vec_f64 fused_add(vec_f64 c, vec_f64 a, vec_f64 b)
{
    return _mm256_fmadd_pd(a, b, c);
}
INLINE vec_f64 fused_sub(vec_f64 c, vec_f64 a, vec_f64 b)
{
    return _mm256_fnmadd_pd(a, b, c);
}
INLINE vec_f64 twice_minus(vec_f64 a, vec_f64 c)
{
    return _mm256_fmsub_pd(a, splat_f64(2.0), c);
}
INLINE vec_f64 fraction(vec_f64 x)
{
    return x - _mm256_round_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
#else
INLINE vec_f64 splat_f64(double x)
{
    return (vec_f64){x, x};
}
INLINE vec_u64 splat_u64(uint64_t x)
{
    return (vec_u64){x, x};
}
INLINE vec_u32 splat_u32(uint32_t x)
{
    return (vec_u32){x, x, x, x};
}
INLINE vec_f64 fused_add(vec_f64 c, vec_f64 a, vec_f64 b)
{
    return c + a * b;
}
INLINE vec_f64 fused_sub(vec_f64 c, vec_f64 a, vec_f64 b)
{
    return c - a * b;
}
INLINE vec_f64 twice_minus(vec_f64 a, vec_f64 c)
{
    return a + a - c;
}
INLINE vec_f64 fraction(vec_f64 x)
{
    return x - ((x + 0x1.8p52) - 0x1.8p52);
}
#endif
INLINE vec_u64 torus_word(vec_f64 x)
{
    return (vec_u64)(fraction(x) + 3.0) << 13;
}
#endif

/* sum + a b over the two signed 16-bit halves of each lane, modulo 2^32. */
INLINE vec_u32 dot_s16(vec_u32 sum, vec_u32 a, vec_u32 b)
{
#if VECTOR_LOG2 == 3
    return (vec_u32)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
#elif VECTOR_LOG2 == 2
    return sum + (vec_u32)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return sum + (vec_u32)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
    typedef int32_t vec_s32 __attribute__((vector_size(VECTOR_BYTES)));
    const vec_u32 low = (vec_u32)((vec_s32)(a << 16) >> 16) * (vec_u32)((vec_s32)(b << 16) >> 16);
    return sum + low + (vec_u32)((vec_s32)a >> 16) * (vec_u32)((vec_s32)b >> 16);
#endif
}

/* Half a vector of signed 32-bit words to doubles, and doubles rounded to such words: 2^31 becomes
 * -2^31, the same word modulo 2^32. The compiler's own conversions of vectors take four operations.
 */
INLINE vec_f64 from_s32(const uint32_t *p)
{
#if VECTOR_LOG2 == 3
    return _mm512_cvtepi32_pd(_mm256_loadu_si256((const __m256i *)p));
#elif VECTOR_LOG2 == 2
    return _mm256_cvtepi32_pd(_mm_loadu_si128((const __m128i *)p));
#else
    return (vec_f64){(int32_t)p[0], (int32_t)p[1]};
#endif
}
INLINE void add_s32(uint32_t *p, vec_f64 x)
{
#if VECTOR_LOG2 == 3
    const __m256i word = _mm512_cvtpd_epi32(x);
    _mm256_storeu_si256((__m256i *)p, _mm256_add_epi32(_mm256_loadu_si256((__m256i *)p), word));
#elif VECTOR_LOG2 == 2
    const __m128i word = _mm256_cvtpd_epi32(x);
    _mm_storeu_si128((__m128i *)p, _mm_add_epi32(_mm_loadu_si128((__m128i *)p), word));
#else
    const vec_u64 word = (vec_u64)(x + 0x1.8p52); /* its low half */
    p[0] += (uint32_t)word[0];
    p[1] += (uint32_t)word[1];
#endif
}

/* x[r] lane c <-> x[c] lane r. */
#if VECTOR_LOG2 == 3
INLINE void transpose(vec_f64 *x)
{
    vec_f64 pair[8];
    vec_f64 quad[8];
    for (int r = 0; r < 8; r += 2) {
        pair[r] = _mm512_unpacklo_pd(x[r], x[r + 1]);
        pair[r + 1] = _mm512_unpackhi_pd(x[r], x[r + 1]);
    }
    for (int r = 0; r < 8; r += 4) {
        for (int odd = 0; odd < 2; odd++) {
            quad[r + odd] = _mm512_shuffle_f64x2(pair[r + odd], pair[r + 2 + odd], 0x88);
            quad[r + 2 + odd] = _mm512_shuffle_f64x2(pair[r + odd], pair[r + 2 + odd], 0xdd);
        }
    }
    for (int r = 0; r < 4; r++) {
        x[r] = _mm512_shuffle_f64x2(quad[r], quad[r + 4], 0x88);
        x[r + 4] = _mm512_shuffle_f64x2(quad[r], quad[r + 4], 0xdd);
    }
}
#elif VECTOR_LOG2 == 2
INLINE void transpose(vec_f64 *x)
{
    const vec_f64 low01 = _mm256_unpacklo_pd(x[0], x[1]);
    const vec_f64 high01 = _mm256_unpackhi_pd(x[0], x[1]);
    const vec_f64 low23 = _mm256_unpacklo_pd(x[2], x[3]);
    const vec_f64 high23 = _mm256_unpackhi_pd(x[2], x[3]);
    x[0] = _mm256_permute2f128_pd(low01, low23, 0x20);
    x[1] = _mm256_permute2f128_pd(high01, high23, 0x20);
    x[2] = _mm256_permute2f128_pd(low01, low23, 0x31);
    x[3] = _mm256_permute2f128_pd(high01, high23, 0x31);
}
#else
INLINE void transpose(vec_f64 *x)
{
    const vec_f64 first = {x[0][0], x[1][0]};
    const vec_f64 second = {x[0][1], x[1][1]};
    x[0] = first;
    x[1] = second;
}
#endif

#endif
