/* The latency form to its callers: bundles by all multiprocessors, then each ciphertext on a
 * cluster. Scratch holds the bundles, so it is large: steps x inputs x columns x M complex numbers
 * a ciphertext, 20 MB at N = 2048, g = 3. */
#ifndef TORC_CUDA_ROTATE_LATENCY_H
#define TORC_CUDA_ROTATE_LATENCY_H

#include "kernels/cuda/rotate_start.cuh"
#include "kernels/kernels.h"

/* 0 for a shape that this form does not take. Batches beyond LATENCY_CHUNK go in turns. */
#define LATENCY_CHUNK 32u
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
