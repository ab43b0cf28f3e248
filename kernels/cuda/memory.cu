/* Device, streams and memory: the functions of kernels_cuda.h that run no kernel, each one call of
 * the CUDA runtime. Streams do not wait for the default stream. */
#include "kernels/cuda/gpu.h"
#include "kernels/kernels_cuda.h"

int torc_gpu_device_count(int *count)
{
    *count = 0;
    return cudaGetDeviceCount(count);
}

const char *torc_gpu_error_text(int error)
{
    return cudaGetErrorString((cudaError_t)error);
}

int torc_gpu_stream_create(torc_gpu_stream *out)
{
    *out = NULL;
    return cudaStreamCreateWithFlags(out, cudaStreamNonBlocking);
}

void torc_gpu_stream_destroy(torc_gpu_stream stream)
{
    if (stream != NULL) {
        (void)cudaStreamSynchronize(stream);
        (void)cudaStreamDestroy(stream);
    }
}

int torc_gpu_stream_wait(torc_gpu_stream stream)
{
    return cudaStreamSynchronize(stream);
}

int torc_gpu_alloc(void **out, size_t bytes)
{
    *out = NULL;
    return cudaMalloc(out, bytes);
}

void torc_gpu_free(void *p)
{
    (void)cudaFree(p);
}

int torc_gpu_copy_in(void *to, const void *host, size_t bytes, torc_gpu_stream stream)
{
    return cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, stream);
}

int torc_gpu_copy_out(void *host, const void *from, size_t bytes, torc_gpu_stream stream)
{
    return cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, stream);
}

int torc_gpu_set_zero(void *to, size_t bytes, torc_gpu_stream stream)
{
    return cudaMemsetAsync(to, 0, bytes, stream);
}
