/* Spectra of monomials X^a, a few points at a time.
 *   point j of block b of the transform has the root e((q_b + 2N s_j / FFT_BLOCK) / 2N), e(t) =
 *   exp(2 i pi t), q_b odd, s_j a permutation of 0 .. FFT_BLOCK - 1 that is the same in all blocks
 *   X^a there:  e(a q_b / 2N)  times  e((a s_j mod FFT_BLOCK) / FFT_BLOCK)
 * the first a scalar of the block, the second one of FFT_BLOCK rows: one complex product a point.
 * Both tables are rounded from long double, angles reduced first (fft.c says why). */
#ifndef TORC_KERNELS_CPU_MONOMIAL_H
#define TORC_KERNELS_CPU_MONOMIAL_H

#include "kernels/cpu/fft.h"

#include <stddef.h>

typedef struct monomial_table {
    uint32_t exponent_mask; /* 2N - 1 */
    const double *root;     /* [2N][re, im] of e(i / 2N) */
    const uint32_t *block;  /* [M / FFT_BLOCK] q_b */
    const double *row;      /* [FFT_BLOCK][re, im][FFT_BLOCK] */
} monomial_table;

typedef struct monomial {
    uint32_t exponent; /* modulo 2N */
    const double *row; /* [re, im][FFT_BLOCK] */
} monomial;

typedef struct complex_vec {
    vec_f64 re, im;
} complex_vec;

/* Imaginary parts `imag` doubles behind the real ones. */
INLINE complex_vec load_complex(const double *at, size_t imag)
{
    return (complex_vec){load_f64(at), load_f64(at + imag)};
}
INLINE void store_complex(double *at, size_t imag, complex_vec x)
{
    store_f64(at, x.re);
    store_f64(at + imag, x.im);
}

/* N in 256, 512, .. 4096. Built once for all sizes, from any thread. */
const monomial_table *TORC_CPU(monomial_table)(uint32_t poly_size);

INLINE monomial monomial_of(const monomial_table *table, uint32_t exponent)
{
    return (monomial){exponent & table->exponent_mask,
                      table->row + (size_t)(exponent % FFT_BLOCK) * 2 * FFT_BLOCK};
}

/* The scalar of a block, the same in all lanes. */
INLINE complex_vec monomial_scalar(const monomial_table *table, const monomial *m, uint32_t block)
{
    const double *root =
        table->root + 2 * (size_t)((m->exponent * table->block[block]) & table->exponent_mask);
    return (complex_vec){splat_f64(root[0]), splat_f64(root[1])};
}

/* a b. */
INLINE complex_vec complex_mul(complex_vec a, complex_vec b)
{
    return (complex_vec){fused_sub(a.re * b.re, a.im, b.im), fused_add(a.re * b.im, a.im, b.re)};
}

/* c + a b. */
INLINE complex_vec complex_add(complex_vec c, complex_vec a, complex_vec b)
{
    return (complex_vec){fused_sub(fused_add(c.re, a.re, b.re), a.im, b.im),
                         fused_add(fused_add(c.im, a.re, b.im), a.im, b.re)};
}

/* The product of a scalar and one vector of a row. */
INLINE complex_vec row_times(complex_vec scalar, const double *row)
{
    return complex_mul(scalar, load_complex(row, FFT_BLOCK));
}

/* X^a at the points of vector v of the block that has this scalar. */
INLINE complex_vec monomial_at(const monomial *m, complex_vec scalar, uint32_t v)
{
    return row_times(scalar, m->row + (size_t)v * VECTOR_WIDTH);
}

#endif
