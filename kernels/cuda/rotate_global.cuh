/* clang-format off */
/* The blind rotation through global memory: every shape, any device, no block holds more than a few
 * polynomials. Two kernels a step:
 *
 *   transform (rotate_global_transform.cuh)   inverse of the last product, digits, their spectra
 *   product   (rotate_global_product.cuh)     bundles of key terms times digit spectra
 *
 *   g = 2, 3   acc <- (G + sum_T (X^(a_T) - 1) K_T) ext-product acc      ref/blind_rotate_grouped.c
 *   g = 1      acc <- acc + K ext-product ((X^a - 1) acc)                ref/blind_rotate.c
 *
 * With g > 1 the product is the accumulator: the next transform rounds it to digits, exact up to one
 * torus unit, so nothing else is kept. With g = 1 the accumulator is words of 32 bits, and its rotation
 * gathers from all parts: the transform is two kernels there, one that adds, one that gathers.
 *
 * Shapes: k 1 .. 6, N 256 .. 4096, l 1 .. 3, base_log l <= 32, g 1 .. 3, v 0 .. 5. Shared memory: 90 KiB at
 * most. A batch is taken in pieces whose spectra stay in the second-level cache.
 *
 * What a step costs (k = l = 1, N = 2048, g = 3, v = 0): 1,152 clocks of a multiprocessor for each of two
 * polynomials, 302 for each of 32 rows of 4 ciphertexts, by FP64: 4,720 clocks a ciphertext. On 132
 * multiprocessors at 1.755 GHz, n = 864, that is 5.9 us a lookup if the exchange hides behind it; but a step
 * has two launches, so a piece lasts 1 ms at least: this form is for shapes and devices, not for speed.
 *
 * Global memory of a step and ciphertext, complex numbers of 16 bytes: 2^v (k+1) (2 l + 2) M by the two
 * kernels, plus the repeats by residues and columns that the first-level cache answers; and the key,
 * (2^g - 1) (k+1)^2 l M, once for every piece. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_GLOBAL_CUH
#define TORC_CUDA_ROTATE_GLOBAL_CUH

#include "kernels/cuda/rotate_start.cuh"
#include "kernels/kernels.h"

/* What lies between the kernels, and the shape. */
typedef struct rotate_global_work {
    double2 *spectra;    /* [batch][2^v][inputs][M] of digits, input c l + j */
    double2 *product;    /* [batch][2^v][k + 1][M] */
    uint32_t *word;      /* g = 1: accumulators [batch][2^v][k + 1][N], units of 2^-32 */
    const double2 *root; /* [2N] exp(i pi k / N): all_roots of fft_tables.h */
    double gadget0, gadget1, gadget2; /* B^-(j+1) / M */
    uint32_t glwe_dim, log2_n, level_count, grouping, extended_log2;
} rotate_global_work;

/* cudaErrorInvalidValue for a shape that no kernel takes, before anything is started. args->batch
 * ciphertexts; scratch: rotate_global_scratch_bytes, aligned to 16 bytes, free again behind the
 * call. */
int rotate_global(const rotate_args *args, const torc_shape *shape, void *scratch,
                  cudaStream_t stream);

/* 0 for a shape that no kernel takes. */
size_t rotate_global_scratch_bytes(const torc_shape *shape, uint32_t batch);

#endif
