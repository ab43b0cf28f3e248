/* Blocks that hold their multiprocessors for random times, so that the blocks of the kernel that is
 * started next, on another stream, begin apart: what depends on the order of blocks shows. For
 * repeats of gpu_digest on a device; the emulator has its own orders. */
#include "kernels/cuda/gpu.h"
#include "kernels/kernels_cuda.h"

#define DELAY_BLOCKS       264 /* two waves of an H200 */
#define DELAY_SHARED_BYTES (96 * 1024)
#define DELAY_NS_MAX       40000

__device__ __forceinline__ uint64_t delay_random(uint64_t z) /* splitmix64 */
{
    z *= 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

__global__ void delay_blocks(uint64_t seed)
{
    const uint64_t wait = delay_random(seed * DELAY_BLOCKS + blockIdx.x + 1) % DELAY_NS_MAX;
    const uint64_t start = gpu_nanoseconds();
    while (gpu_nanoseconds() - start < wait) {
    }
}

extern "C" int torc_bench_delay(torc_gpu_stream other, uint64_t seed)
{
    gpu_grid grid = {};
    grid.blocks = DELAY_BLOCKS;
    grid.threads = 32;
    grid.shared_bytes = DELAY_SHARED_BYTES;
    grid.stream = other;
    GPU_TRY(gpu_allow_shared(delay_blocks, grid.shared_bytes));
    return gpu_launch(&grid, delay_blocks, seed);
}
