/* The end of the keyswitch: shares of the depth added, the body put in, and words stored or
 * switched to exponents (formula: ref/modulus_switch.c; the rotation finishes the body). Block =
 * one ciphertext; its columns side by side, shares in turn. */
#ifndef TORC_CUDA_KEYSWITCH_FINISH_CUH
#define TORC_CUDA_KEYSWITCH_FINISH_CUH

#include "kernels/cuda/keyswitch.cuh"

#define KEYSWITCH_FINISH_THREADS 256u

typedef struct keyswitch_finish_args {
    const uint32_t *sums;
    const uint64_t *in;
    const uint32_t *index;
    const uint64_t *offset; /* NULL: zeros */
    uint32_t batch, splits, big_dim, lwe_dim, panels;
    uint32_t cell_log2, outputs_log2; /* a cell of 2^cell_log2 words is an exponent times 2^o */
    torc_gpu_switched switched;       /* of the one kernel */
    uint32_t *small;                  /* of the other */
} keyswitch_finish_args;

/* sum over the shares of the depth. */
__device__ __forceinline__ uint32_t keyswitch_sum(const keyswitch_finish_args &args, uint32_t row,
                                                  uint32_t column)
{
    const size_t stride = (size_t)args.panels * KEYSWITCH_PANEL;
    uint32_t sum = 0;
    for (uint32_t split = 0; split < args.splits; split++) {
        sum += gpu_load_global(args.sums + ((size_t)split * args.batch + row) * stride + column);
    }
    return sum;
}

__device__ __forceinline__ uint32_t keyswitch_body(const keyswitch_finish_args &args, uint32_t row)
{
    const uint64_t *big = keyswitch_ciphertext(args.in, args.index, row, args.big_dim);
    const uint64_t offset = args.offset == NULL ? 0 : gpu_load_readonly(args.offset + row);
    const uint64_t body = gpu_load_readonly(big + args.big_dim) + offset;
    return (uint32_t)((body + ((uint64_t)1 << 31)) >> 32) - keyswitch_sum(args, row, args.lwe_dim);
}

__global__ void __launch_bounds__(KEYSWITCH_FINISH_THREADS)
    keyswitch_finish(keyswitch_finish_args args)
{
    const uint32_t row = blockIdx.x;
    uint32_t *out = args.small + (size_t)row * (args.lwe_dim + 1);

    for (uint32_t w = threadIdx.x; w < args.lwe_dim; w += KEYSWITCH_FINISH_THREADS) {
        gpu_store_global(out + w, 0u - keyswitch_sum(args, row, w));
    }
    if (threadIdx.x == 0) {
        gpu_store_global(out + args.lwe_dim, keyswitch_body(args, row));
    }
}

/* Exponents, and the sum of their errors by a tree in shared memory. */
__global__ void __launch_bounds__(KEYSWITCH_FINISH_THREADS)
    keyswitch_switch(keyswitch_finish_args args)
{
    GPU_DYNAMIC_SHARED(uint64_t, error); /* [KEYSWITCH_FINISH_THREADS], signed */
    const uint32_t row = blockIdx.x;
    const uint32_t half_cell = 1u << (args.cell_log2 - 1);
    uint32_t *out = args.switched.exponent + (size_t)row * args.lwe_dim;
    uint64_t own = 0;

    for (uint32_t w = threadIdx.x; w < args.lwe_dim; w += KEYSWITCH_FINISH_THREADS) {
        const uint32_t rounded = half_cell - keyswitch_sum(args, row, w); /* wraps: modulo 2N 2^v */
        gpu_store_global(out + w, rounded >> args.cell_log2 << args.outputs_log2);
        own += (uint64_t)half_cell - (rounded & (2 * half_cell - 1));
    }
    if (threadIdx.x == KEYSWITCH_FINISH_THREADS - 1) { /* has fewest columns */
        gpu_store_global(args.switched.body + row, keyswitch_body(args, row));
    }
    gpu_store_shared(error + threadIdx.x, own);
    for (uint32_t width = KEYSWITCH_FINISH_THREADS / 2; width > 0; width /= 2) {
        gpu_sync_block();
        if (threadIdx.x < width) {
            own += gpu_load_shared(error + threadIdx.x + width);
            gpu_store_shared(error + threadIdx.x, own);
        }
    }
    if (threadIdx.x == 0) {
        gpu_store_global((uint64_t *)args.switched.error + row, own);
    }
}

#endif
