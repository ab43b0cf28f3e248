/* The primitives of the device that kernels use, each behind one short function: memory accesses,
 * asynchronous copies, barriers, clusters, shuffles, launch. Kernels call nothing else of the
 * device, so accesses can be counted here, and the same sources run on a CPU: under nvcc the
 * functions stand in gpu_device.h, under another compiler in kernels/emu/gpu_emu.h, with the same
 * names and meanings. Nothing here may know any kernel.
 *
 *   access      types: uint32_t (4 bytes), uint64_t and double (8), double2 and uint4 (16);
 *               addresses are multiples of the size
 *   shared      memory of the block       global    memory of the device, coherent
 *   read-only   global memory that nothing writes while the kernel runs
 *   stream      read-only, past the first-level cache: what every block reads once
 *   remote      shared memory of another block of the cluster
 *
 * Devices before sm_90 have no clusters: there a block is a cluster of one. A block whose shared
 * memory others use must pass a cluster barrier after their last access, before it ends, and
 * nobody uses it before the first one.
 *
 * Rules that both need: all threads pass every block, cluster and warp barrier and every shuffle,
 * which stands on one source line; no thread ends before one; no thread waits in a loop for
 * another; sums in memory of integers only; multiply-adds that are meant are written as fma(). */
#ifndef TORC_CUDA_GPU_H
#define TORC_CUDA_GPU_H

#ifdef __CUDACC__
#include <cuda_runtime.h>
#else
#include "kernels/emu/cuda_words.h"
#include "kernels/emu/runtime_api.h"
#endif

#include <stddef.h>
#include <stdint.h>

#define GPU_WARP_LANES 32u
#define GPU_FULL_MASK  0xffffffffu

/* Returns the error of a failed call from the calling function. */
#define GPU_TRY(call)                         \
    do {                                      \
        const cudaError_t gpu_error = (call); \
        if (gpu_error != cudaSuccess) {       \
            return gpu_error;                 \
        }                                     \
    } while (0)

typedef struct gpu_grid {
    uint32_t blocks, threads; /* a multiple of `cluster`; a multiple of 32 */
    size_t shared_bytes;      /* dynamic; above 48 KiB call gpu_allow_shared first */
    cudaStream_t stream;
    uint32_t cluster; /* blocks of a cluster; 0 and 1: no clusters */
} gpu_grid;

#ifdef __CUDACC__
#include "kernels/cuda/gpu_device.h"
#else
#include "kernels/emu/gpu_emu.h"
#endif

/* --- indices --- */

__device__ __forceinline__ uint32_t gpu_lane(void)
{
    return threadIdx.x % GPU_WARP_LANES;
}

__device__ __forceinline__ uint32_t gpu_warp(void)
{
    return threadIdx.x / GPU_WARP_LANES;
}

#endif
