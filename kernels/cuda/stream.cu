/* Streams and events. Streams do not wait for the default stream. An event that is recorded, or
 * waited for, inside a graph is an external one: a node that acts at every launch; the runtime
 * accepts that flag while the stream is recorded and not otherwise. */
#include "kernels/cuda/gpu.h"
#include "kernels/kernels_cuda.h"

/* --- streams --- */

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

static int is_recorded(bool *out, torc_gpu_stream stream)
{
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    GPU_TRY(cudaStreamIsCapturing(stream, &status));
    *out = status != cudaStreamCaptureStatusNone;
    return cudaSuccess;
}

/* --- events --- */

int torc_gpu_event_create(torc_gpu_event *out)
{
    *out = NULL;
    return cudaEventCreateWithFlags(out, cudaEventDefault);
}

void torc_gpu_event_destroy(torc_gpu_event event)
{
    if (event != NULL) {
        (void)cudaEventDestroy(event);
    }
}

int torc_gpu_event_record(torc_gpu_event event, torc_gpu_stream stream)
{
    bool recorded = false;
    const int error = is_recorded(&recorded, stream);
    return error != 0
               ? error
               : cudaEventRecordWithFlags(
                     event, stream, recorded ? cudaEventRecordExternal : cudaEventRecordDefault);
}

int torc_gpu_stream_after(torc_gpu_stream stream, torc_gpu_event event)
{
    bool recorded = false;
    const int error = is_recorded(&recorded, stream);
    return error != 0 ? error
                      : cudaStreamWaitEvent(
                            stream, event, recorded ? cudaEventWaitExternal : cudaEventWaitDefault);
}

int torc_gpu_event_wait(torc_gpu_event event)
{
    return cudaEventSynchronize(event);
}

int torc_gpu_event_query(bool *done, torc_gpu_event event)
{
    const cudaError_t error = cudaEventQuery(event);
    *done = error == cudaSuccess;
    if (error == cudaErrorNotReady) {
        (void)cudaGetLastError(); /* no failure, but kept as one */
        return cudaSuccess;
    }
    return error;
}

int torc_gpu_event_seconds(double *out, torc_gpu_event from, torc_gpu_event to)
{
    float milliseconds = 0.0f;
    *out = 0.0;
    GPU_TRY(cudaEventElapsedTime(&milliseconds, from, to));
    *out = 1e-3 * (double)milliseconds;
    return cudaSuccess;
}
