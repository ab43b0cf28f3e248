/* Devices and error codes. Host code; the one kernel is never launched: the runtime answers
 * questions about clusters for a kernel only. */
#include "kernels/cuda/gpu.h"
#include "kernels/kernels_cuda.h"

#include <stdio.h>

#define PROBE_CLUSTER 4u
#define PROBE_THREADS 256u

/* --- errors --- */

extern "C" const char *torc_gpu_error_text(int error)
{
    return cudaGetErrorString((cudaError_t)error);
}

extern "C" int torc_gpu_error_clear(void)
{
    return cudaGetLastError();
}

/* Those of which the CUDA Runtime API reference says that the process must be started again, and
 * memory and links that have lost bits. */
extern "C" bool torc_gpu_error_is_lost(int error)
{
    switch (error) {
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContained:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorContextIsDestroyed:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorTensorMemoryLeak:
    case cudaErrorMpsClientTerminated:
    case cudaErrorExternalDevice: return true;
    default: return false;
    }
}

extern "C" bool torc_gpu_error_is_memory(int error)
{
    return error == cudaErrorMemoryAllocation;
}

extern "C" bool torc_gpu_error_is_driver(int error)
{
    switch (error) {
    case cudaErrorInitializationError:
    case cudaErrorStubLibrary:
    case cudaErrorInsufficientDriver:
    case cudaErrorCallRequiresNewerDriver:
    case cudaErrorIncompatibleDriverContext:
    case cudaErrorUnsupportedPtxVersion:
    case cudaErrorSystemNotReady:
    case cudaErrorSystemDriverMismatch:
    case cudaErrorCompatNotSupportedOnDevice: return true;
    default: return false;
    }
}

/* --- devices --- */

extern "C" int torc_gpu_device_count(int *count)
{
    *count = 0;
    return cudaGetDeviceCount(count);
}

extern "C" int torc_gpu_device_use(int device)
{
    return cudaSetDevice(device);
}

__global__ void __launch_bounds__(PROBE_THREADS) device_probe(void) {}

/* Of the device in use. */
static int clusters_at_once(int *count, size_t shared_bytes)
{
    gpu_grid grid = {};
    grid.blocks = PROBE_CLUSTER;
    grid.threads = PROBE_THREADS;
    grid.shared_bytes = shared_bytes;
    grid.cluster = PROBE_CLUSTER;
    GPU_TRY(gpu_allow_shared(device_probe, shared_bytes));
    return gpu_clusters_at_once(count, &grid, device_probe);
}

/* 0 also where the device refuses the question: it has too few neighbours for such a cluster. */
static int read_clusters(torc_gpu_device *out, int device)
{
    int before = 0;
    if (out->major < 9) {
        return cudaSuccess;
    }
    GPU_TRY(cudaGetDevice(&before));
    GPU_TRY(cudaSetDevice(device));
    const int error = clusters_at_once(&out->clusters_of_4, out->shared_bytes);
    GPU_TRY(cudaSetDevice(before));
    if (error == cudaErrorInvalidClusterSize || error == cudaErrorNotSupported) {
        out->clusters_of_4 = 0;
        return cudaSuccess;
    }
    return error;
}

static int read_properties(torc_gpu_device *out, int device)
{
    cudaDeviceProp is;
    GPU_TRY(cudaGetDeviceProperties(&is, device));
    GPU_TRY(cudaDeviceGetAttribute(&out->clock_khz, cudaDevAttrClockRate, device));
    snprintf(out->name, sizeof out->name, "%.63s", is.name);
    out->major = is.major;
    out->minor = is.minor;
    out->multiprocessors = is.multiProcessorCount;
    out->memory_bytes = is.totalGlobalMem;
    out->l2_bytes = (size_t)is.l2CacheSize;
    out->shared_bytes = is.sharedMemPerBlockOptin;
    return cudaSuccess;
}

extern "C" int torc_gpu_device_read(torc_gpu_device *out, int device)
{
    torc_gpu_device read = {};
    *out = read;
    GPU_TRY(cudaDriverGetVersion(&out->driver_version));
    GPU_TRY(cudaRuntimeGetVersion(&out->runtime_version));
    read = *out;
    int error = read_properties(&read, device);
    if (error == cudaSuccess) {
        error = read_clusters(&read, device);
    }
    if (error == cudaSuccess) {
        *out = read;
    }
    return error;
}
