/* The small part of the CUDA runtime interface that torc uses, as the emulator provides it. Names,
 * codes and meanings are those of the CUDA Runtime API reference; where that leaves a choice, the
 * one that shows more mistakes is taken:
 *
 *   - work on a stream starts when somebody waits for that stream, a host buffer of a copy is read
 *     or written then and not before;
 *   - device memory is poisoned, no address is given twice, and no host code can touch it;
 *   - freeing what is no allocation, or leaving allocations or streams at exit, ends the program
 *     with a report. */
#ifndef TORC_EMU_RUNTIME_API_H
#define TORC_EMU_RUNTIME_API_H

#include <stddef.h>

typedef enum cudaError {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInvalidConfiguration = 9,
    cudaErrorNoDevice = 100,
    cudaErrorInvalidResourceHandle = 400,
    cudaErrorLaunchOutOfResources = 701,
    cudaErrorNotSupported = 801,
    cudaErrorInvalidClusterSize = 912
} cudaError_t;

typedef enum cudaMemcpyKind {
    cudaMemcpyHostToDevice = 1,
    cudaMemcpyDeviceToHost = 2,
    cudaMemcpyDeviceToDevice = 3
} cudaMemcpyKind;

typedef struct CUstream_st *cudaStream_t;

#define cudaStreamNonBlocking 1u

const char *cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetDeviceCount(int *count);

cudaError_t cudaMalloc(void **out, size_t bytes);
cudaError_t cudaFree(void *p);

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned int flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream); /* waits, where the device might not */
cudaError_t cudaStreamSynchronize(cudaStream_t stream);

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemsetAsync(void *to, int byte, size_t bytes, cudaStream_t stream);

#endif
