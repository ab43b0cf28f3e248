/* The AVX-512 kernels on a machine that has none. kernels/cpu is compiled once more with this
 * header in front of every file (cmake/avx512_emulated.cmake): the same sources and vectors of 512
 * bits, for AVX2. SIMDe gives the intrinsics; those that its version 0.7.4 lacks stand here, lane
 * by lane as Intel's manual defines them, one rounding each. GCC cuts plain vector arithmetic into
 * halves.
 *
 * What this does not show: that the compiler translates the AVX-512 build as well as it does this
 * one. */
#ifndef TORC_TESTS_AVX512_EMULATED_H
#define TORC_TESTS_AVX512_EMULATED_H

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <math.h>
#include <simde/x86/avx512.h>
#include <stdint.h>

#define VECTOR_LOG2 3 /* kernels/cpu/vector.h asks for the lanes and intrinsics of AVX-512 */

/* VREDUCEPD: x less x rounded; kernels ask for whole numbers, ties to even (imm8 = 8). */
static inline simde__m512d emulated_reduce_pd(simde__m512d x)
{
    simde__m512d rest = x;
    for (int lane = 0; lane < 8; lane++) {
        rest[lane] = x[lane] - nearbyint(x[lane]);
    }
    return rest;
}

/* VCVTPD2QQ: nearest integer, ties to even; -2^63, the "integer indefinite", for all that has none.
 */
static inline simde__m512i emulated_cvtpd_epi64(simde__m512d x)
{
    simde__m512i words = simde_mm512_setzero_si512();
    for (int lane = 0; lane < 8; lane++) {
        const int has_word = x[lane] >= -0x1p63 && x[lane] < 0x1p63;
        words[lane] = has_word ? (int64_t)nearbyint(x[lane]) : INT64_MIN;
    }
    return words;
}

/* VCVTDQ2PD of a half vector; VCVTPD2DQ: nearest integer, ties to even; -2^31 for all that has
 * none.
 */
static inline simde__m512d emulated_cvtepi32_pd(simde__m256i x)
{
    simde__m512d out = simde_mm512_setzero_pd();
    for (int lane = 0; lane < 8; lane++) {
        out[lane] = simde_mm256_extract_epi32(x, 0);
        x = simde_mm256_permutevar8x32_epi32(x, simde_mm256_set_epi32(0, 7, 6, 5, 4, 3, 2, 1));
    }
    return out;
}

static inline simde__m256i emulated_cvtpd_epi32(simde__m512d x)
{
    int32_t words[8] __attribute__((aligned(32)));
    for (int lane = 0; lane < 8; lane++) {
        const double nearest = nearbyint(x[lane]);
        words[lane] = nearest >= -0x1p31 && nearest < 0x1p31 ? (int32_t)nearest : INT32_MIN;
    }
    return simde_mm256_load_si256((const simde__m256i *)words);
}

/* VSHUFF64X2: quarters of a, then of b, two bits of `choice` each. */
static inline simde__m512d emulated_shuffle_f64x2(simde__m512d a, simde__m512d b, int choice)
{
    simde__m512d out = a;
    for (int lane = 0; lane < 8; lane++) {
        const int quarter = choice >> lane / 2 * 2 & 3;
        out[lane] = (lane < 4 ? a : b)[2 * quarter + lane % 2];
    }
    return out;
}

/* Macros of clang, which has all of these for functions with the right target. */
#undef _mm512_reduce_pd
#undef _mm512_shuffle_f64x2
#define _mm512_reduce_pd(x, imm8)                                     \
    ({                                                                \
        _Static_assert((imm8) == 8, "rounding that is not emulated"); \
        emulated_reduce_pd(x);                                        \
    })
#define _mm512_cvtpd_epi64(x)            emulated_cvtpd_epi64(x)
#define _mm512_cvtepi32_pd(x)            emulated_cvtepi32_pd(x)
#define _mm512_cvtpd_epi32(x)            emulated_cvtpd_epi32(x)
#define _mm512_shuffle_f64x2(a, b, imm8) emulated_shuffle_f64x2(a, b, imm8)

#endif
