/* Memory of the device, pinned memory of the host, copies: each one call of the CUDA runtime. */
#include "kernels/cuda/gpu.h"
#include "kernels/kernels_cuda.h"

int torc_gpu_memory(size_t *free_bytes, size_t *total_bytes)
{
    *free_bytes = *total_bytes = 0;
    return cudaMemGetInfo(free_bytes, total_bytes);
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

int torc_gpu_alloc_host(void **out, size_t bytes)
{
    *out = NULL;
    return cudaMallocHost(out, bytes);
}

void torc_gpu_free_host(void *p)
{
    (void)cudaFreeHost(p);
}

int torc_gpu_copy_in(void *to, const void *host, size_t bytes, torc_gpu_stream stream)
{
    return cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, stream);
}

int torc_gpu_copy_out(void *host, const void *from, size_t bytes, torc_gpu_stream stream)
{
    return cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, stream);
}

int torc_gpu_copy(void *to, const void *from, size_t bytes, torc_gpu_stream stream)
{
    return cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream);
}

int torc_gpu_set_zero(void *to, size_t bytes, torc_gpu_stream stream)
{
    return cudaMemsetAsync(to, 0, bytes, stream);
}
