/* What the emulated device can hold, and which launches it refuses, with the codes of CUDA. */
#include "kernels/emu/device.h"

#include <vector>

#define DEFAULT_SHARED_BYTES ((size_t)48 << 10) /* that every kernel may use */

typedef struct device_limits {
    size_t shared_bytes; /* of a block, and of a multiprocessor */
    uint32_t cluster_blocks;
    uint32_t multiprocessors;
} device_limits;

static const device_limits limits = {(size_t)227 << 10, 8, 132};

typedef struct allowance {
    const void *kernel;
    size_t shared_bytes;
} allowance;

static std::vector<allowance> &allowances(void)
{
    static std::vector<allowance> *all = new std::vector<allowance>;
    return *all;
}

static size_t allowed_bytes(const void *kernel)
{
    for (const allowance &a : allowances()) {
        if (a.kernel == kernel) {
            return a.shared_bytes;
        }
    }
    return DEFAULT_SHARED_BYTES;
}

cudaError_t emu_allow_shared(const void *kernel, size_t shared_bytes)
{
    if (shared_bytes > limits.shared_bytes) {
        return cudaErrorInvalidValue;
    }
    for (allowance &a : allowances()) {
        if (a.kernel == kernel) {
            a.shared_bytes =
                shared_bytes > DEFAULT_SHARED_BYTES ? shared_bytes : DEFAULT_SHARED_BYTES;
            return cudaSuccess;
        }
    }
    allowances().push_back(
        {kernel, shared_bytes > DEFAULT_SHARED_BYTES ? shared_bytes : DEFAULT_SHARED_BYTES});
    return cudaSuccess;
}

cudaError_t emu_launch_check(const void *kernel, const emu_launch *launch)
{
    const uint32_t threads = launch->threads.x, blocks = launch->grid.x;
    if (blocks == 0 || blocks > 0x7fffffffu || threads == 0 || threads > EMU_MAX_THREADS) {
        return cudaErrorInvalidConfiguration;
    }
    if (threads % EMU_WARP_LANES != 0) {
        return cudaErrorInvalidConfiguration; /* our own rule: gpu_grid */
    }
    if (launch->cluster > limits.cluster_blocks || blocks % launch->cluster != 0) {
        return cudaErrorInvalidClusterSize;
    }
    if (launch->shared_bytes > allowed_bytes(kernel)) {
        return cudaErrorInvalidValue;
    }
    return cudaSuccess;
}

cudaError_t emu_clusters_at_once(int *count, const void *kernel, const emu_launch *launch)
{
    const cudaError_t error = emu_launch_check(kernel, launch);
    *count = error == cudaSuccess ? (int)(limits.multiprocessors / launch->cluster) : 0;
    return error;
}

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = 1;
    return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t error)
{
    switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInvalidConfiguration: return "invalid configuration argument";
    case cudaErrorNoDevice: return "no CUDA-capable device is detected";
    case cudaErrorInvalidResourceHandle: return "invalid resource handle";
    case cudaErrorLaunchOutOfResources: return "too many resources requested for launch";
    case cudaErrorNotSupported: return "operation not supported";
    case cudaErrorInvalidClusterSize: return "cluster misconfiguration";
    }
    return "unknown error";
}
