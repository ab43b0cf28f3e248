/* The negacyclic FFT of the CPU kernels: tree of roots, split real and imaginary parts.
 *   M = N/2;  z_j = a_j + i a_{j+M}, and the ring is C[X]/(X^M - i)
 *   a node holds a polynomial modulo X^L - e(t), e(t) = exp(2 i pi t); the root has L = M, t = 1/4
 *   X^L - e(t) = (X^(L/2) - e(t/2)) (X^(L/2) + e(t/2)):
 *     child 0 = low + e(t/2) high,  t' = t/2;      child 1 = low - e(t/2) high,  t' = t/2 + 1/2
 * Two or three levels at once are a radix-4 or radix-8 pass; the twiddles of a node are constants
 * of the whole node, so the vertical passes need no twist and no vector of twiddles. The last
 * levels (64, 16 or 4 points: W x W for W lanes) stay in registers: W vectors, half of the levels
 * across vectors, a transpose, the other half. The order of the result is the tree's, never undone:
 * the inverse takes it.
 *
 * Layouts: double re[M], then im[M], 64-byte aligned. Forward and inverse together multiply by M (a
 * factor folded into the bootstrap key). Products of spectra point by point are products modulo
 * X^N + 1. Error: fitted as fft_constant (kernels.c). */
#ifndef TORC_KERNELS_CPU_FFT_H
#define TORC_KERNELS_CPU_FFT_H

#include "kernels/cpu/vector.h"

#include <stddef.h>

enum {
    FFT_MIN_POLY = 256,
    FFT_MAX_POLY = 4096,
    FFT_MAX_HALF = FFT_MAX_POLY / 2,
    FFT_MAX_PASSES = 6,
    FFT_BLOCK = VECTOR_WIDTH * VECTOR_WIDTH, /* points of the register kernel */
    FFT_NODE_WORDS = 8,                      /* twiddles of a node, doubles */
    FFT_KERNEL_WORDS = FFT_NODE_WORDS * (1 + VECTOR_WIDTH)
};

/* Vertical passes from the root, then the register kernel: FFT_NODE_WORDS scalars for its first
 * half and FFT_NODE_WORDS vectors for its second, a block. */
typedef struct fft_plan {
    uint32_t half; /* M */
    uint32_t pass_count;
    struct fft_pass {
        uint32_t log2_radix;
        const double *forward; /* [nodes][FFT_NODE_WORDS] */
        const double *inverse;
    } pass[FFT_MAX_PASSES];
    const double *kernel_forward; /* [blocks][FFT_KERNEL_WORDS] */
    const double *kernel_inverse;
} fft_plan;

/* N in 256, 512, .. 4096. Built once for all sizes, from any thread. */
const fft_plan *TORC_CPU(fft_plan)(uint32_t poly_size);

/* The vertical passes from `first` on (the inverse: down to `first`), for the points begin .. end -
 * 1 alone: whole nodes of pass `first`. */
void TORC_CPU(fft_vertical_forward)(const fft_plan *plan, double *re, double *im, uint32_t first,
                                    uint32_t begin, uint32_t end);
void TORC_CPU(fft_vertical_inverse)(const fft_plan *plan, double *re, double *im, uint32_t first,
                                    uint32_t begin, uint32_t end);

/* Whole transforms in place. */
void TORC_CPU(fft_forward)(const fft_plan *plan, double *re, double *im);
void TORC_CPU(fft_inverse)(const fft_plan *plan, double *re, double *im);

/* (a, b) -> (a + w b, a - w b): four fused operations and two for 2a - (a + w b). */
INLINE void butterfly(vec_f64 *re, vec_f64 *im, int a, int b, vec_f64 w_re, vec_f64 w_im)
{
    const vec_f64 sum_re = fused_sub(fused_add(re[a], w_re, re[b]), w_im, im[b]);
    const vec_f64 sum_im = fused_add(fused_add(im[a], w_re, im[b]), w_im, re[b]);
    re[b] = twice_minus(re[a], sum_re);
    im[b] = twice_minus(im[a], sum_im);
    re[a] = sum_re;
    im[a] = sum_im;
}

/* The same with i w in place of w. */
INLINE void butterfly_turned(vec_f64 *re, vec_f64 *im, int a, int b, vec_f64 w_re, vec_f64 w_im)
{
    const vec_f64 sum_re = fused_sub(fused_sub(re[a], w_re, im[b]), w_im, re[b]);
    const vec_f64 sum_im = fused_sub(fused_add(im[a], w_re, re[b]), w_im, im[b]);
    re[b] = twice_minus(re[a], sum_re);
    im[b] = twice_minus(im[a], sum_im);
    re[a] = sum_re;
    im[a] = sum_im;
}

/* z -> z conj(w). */
INLINE void multiply_conj(vec_f64 *re, vec_f64 *im, vec_f64 w_re, vec_f64 w_im)
{
    const vec_f64 x = *re;
    *re = fused_add(x * w_re, *im, w_im);
    *im = fused_sub(*im * w_re, x, w_im);
}

/* (a, b) -> (a + b, (a - b) conj(w)); turned: conj(i w). */
INLINE void butterfly_inverse(vec_f64 *re, vec_f64 *im, int a, int b, vec_f64 w_re, vec_f64 w_im)
{
    vec_f64 d_re = re[a] - re[b];
    vec_f64 d_im = im[a] - im[b];
    re[a] += re[b];
    im[a] += im[b];
    multiply_conj(&d_re, &d_im, w_re, w_im);
    re[b] = d_re;
    im[b] = d_im;
}

INLINE void butterfly_inverse_turned(vec_f64 *re, vec_f64 *im, int a, int b, vec_f64 w_re,
                                     vec_f64 w_im)
{
    vec_f64 d_re = im[a] - im[b]; /* -i (a - b) */
    vec_f64 d_im = re[b] - re[a];
    re[a] += re[b];
    im[a] += im[b];
    multiply_conj(&d_re, &d_im, w_re, w_im);
    re[b] = d_re;
    im[b] = d_im;
}

/* Twiddles w of a node at t, forward: w1 = e(t/2), w2 = e(t/4), w3 = e(t/8), w3' = e(t/8 + 1/8), as
 * far as the radix needs them; inverse radix 4 takes w1, w2, w1 w2. re and im alternate. */
INLINE void radix_forward(int log2_radix, vec_f64 *re, vec_f64 *im, const vec_f64 *w)
{
    const int radix = 1 << log2_radix;
    for (int a = 0; a < radix / 2; a++) {
        butterfly(re, im, a, a + radix / 2, w[0], w[1]);
    }
    if (log2_radix == 2) {
        butterfly(re, im, 0, 1, w[2], w[3]);
        butterfly_turned(re, im, 2, 3, w[2], w[3]);
    }
    if (log2_radix == 3) {
        for (int a = 0; a < 2; a++) {
            butterfly(re, im, a, a + 2, w[2], w[3]);
            butterfly_turned(re, im, a + 4, a + 6, w[2], w[3]);
        }
        butterfly(re, im, 0, 1, w[4], w[5]);
        butterfly_turned(re, im, 2, 3, w[4], w[5]);
        butterfly(re, im, 4, 5, w[6], w[7]);
        butterfly_turned(re, im, 6, 7, w[6], w[7]);
    }
}

/* Radix 4 of the inverse: all sums first, then three products. */
INLINE void radix4_inverse(vec_f64 *re, vec_f64 *im, const vec_f64 *w)
{
    const vec_f64 s0_re = re[0] + re[1];
    const vec_f64 s0_im = im[0] + im[1];
    const vec_f64 d0_re = re[0] - re[1];
    const vec_f64 d0_im = im[0] - im[1];
    const vec_f64 s1_re = re[2] + re[3];
    const vec_f64 s1_im = im[2] + im[3];
    const vec_f64 d1_re = im[2] - im[3]; /* -i times the difference */
    const vec_f64 d1_im = re[3] - re[2];
    re[0] = s0_re + s1_re;
    im[0] = s0_im + s1_im;
    re[1] = d0_re + d1_re;
    im[1] = d0_im + d1_im;
    re[2] = s0_re - s1_re;
    im[2] = s0_im - s1_im;
    re[3] = d0_re - d1_re;
    im[3] = d0_im - d1_im;
    multiply_conj(&re[1], &im[1], w[2], w[3]);
    multiply_conj(&re[2], &im[2], w[0], w[1]);
    multiply_conj(&re[3], &im[3], w[4], w[5]);
}

INLINE void radix_inverse(int log2_radix, vec_f64 *re, vec_f64 *im, const vec_f64 *w)
{
    if (log2_radix == 1) {
        butterfly_inverse(re, im, 0, 1, w[0], w[1]);
    }
    if (log2_radix == 2) {
        radix4_inverse(re, im, w);
    }
    if (log2_radix == 3) {
        butterfly_inverse(re, im, 0, 1, w[4], w[5]);
        butterfly_inverse_turned(re, im, 2, 3, w[4], w[5]);
        butterfly_inverse(re, im, 4, 5, w[6], w[7]);
        butterfly_inverse_turned(re, im, 6, 7, w[6], w[7]);
        for (int a = 0; a < 2; a++) {
            butterfly_inverse(re, im, a, a + 2, w[2], w[3]);
            butterfly_inverse_turned(re, im, a + 4, a + 6, w[2], w[3]);
        }
        for (int a = 0; a < 4; a++) {
            butterfly_inverse(re, im, a, a + 4, w[0], w[1]);
        }
    }
}

INLINE void splat_node(vec_f64 *w, const double *node)
{
    for (int i = 0; i < FFT_NODE_WORDS; i++) {
        w[i] = splat_f64(node[i]);
    }
}

/* What one butterfly of a vertical pass holds, x the real, y the imaginary parts: points of all its
 * children, `quarter` apart. */
typedef struct radix_points {
    vec_f64 x[8], y[8];
} radix_points;

INLINE void points_load(radix_points *p, int log2_radix, const double *re, const double *im,
                        size_t quarter)
{
    for (int c = 0; c < 1 << log2_radix; c++) {
        p->x[c] = load_f64(re + (size_t)c * quarter);
        p->y[c] = load_f64(im + (size_t)c * quarter);
    }
}

INLINE void points_store(double *re, double *im, int log2_radix, const radix_points *p,
                         size_t quarter)
{
    for (int c = 0; c < 1 << log2_radix; c++) {
        store_f64(re + (size_t)c * quarter, p->x[c]);
        store_f64(im + (size_t)c * quarter, p->y[c]);
    }
}

/* The register kernel on W vectors, twiddle = block's FFT_KERNEL_WORDS. */
INLINE void kernel_forward(vec_f64 *re, vec_f64 *im, const double *twiddle)
{
    vec_f64 w[FFT_NODE_WORDS];
    splat_node(w, twiddle);
    radix_forward(VECTOR_LOG2, re, im, w);
    transpose(re);
    transpose(im);
    radix_forward(VECTOR_LOG2, re, im, (const vec_f64 *)(twiddle + FFT_NODE_WORDS));
}

INLINE void kernel_inverse(vec_f64 *re, vec_f64 *im, const double *twiddle)
{
    vec_f64 w[FFT_NODE_WORDS];
    radix_inverse(VECTOR_LOG2, re, im, (const vec_f64 *)(twiddle + FFT_NODE_WORDS));
    transpose(re);
    transpose(im);
    splat_node(w, twiddle);
    radix_inverse(VECTOR_LOG2, re, im, w);
}

#endif
