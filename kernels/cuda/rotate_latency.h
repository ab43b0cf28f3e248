/* The latency form to its callers: bundles by all multiprocessors, then each ciphertext on a
 * cluster. Scratch holds the bundles, so it is large: steps x inputs x columns x M complex numbers
 * a ciphertext, 20 MB at N = 2048, g = 3. */
#ifndef TORC_CUDA_ROTATE_LATENCY_H
#define TORC_CUDA_ROTATE_LATENCY_H

#include "kernels/cuda/rotate_start.cuh"
#include "kernels/kernels.h"

/* Of the shipped configurations, and g = 4 at k = 1, N = 2048, l = 1, v = 0. Four parts with two
 * digits each do not fit the registers. */
static constexpr bool rotate_latency_takes(int log2_n, int l, int g, int v)
{
    return log2_n <= 11 && g >= 2 && v <= (l == 1 ? 2 : 1);
}

/* Turns: a large batch is cut into equal parts of at most LATENCY_CHUNK ciphertexts whose bundles
 * take at most LATENCY_SCRATCH_BYTES. Half of 132: two clusters of 4 on each multiprocessor. */
#define LATENCY_CHUNK         66u
#define LATENCY_SCRATCH_BYTES ((size_t)3 << 29)

/* 0 for a shape that this form does not take. */
size_t rotate_latency_scratch_bytes(const torc_shape *shape, uint32_t batch);

/* On clusters of args->cluster blocks, 1, 2 or 4; 0: the largest of them that the device has.
 * scratch is free again behind the call. */
int rotate_latency(const rotate_args *args, const torc_shape *shape, void *scratch,
                   cudaStream_t stream);

/* Its first half (rotate_bundle.cu): the bundles of args->batch ciphertexts. roots: exp(i pi k /
 * N), k < 2N. */
int rotate_bundles(const rotate_args *args, const torc_shape *shape, const double2 *roots,
                   double2 *bundle, cudaStream_t stream);

#endif
