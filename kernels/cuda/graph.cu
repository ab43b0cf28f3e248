/* Graphs: work of one stream, recorded, then launched any number of times.
 *
 * Recording is relaxed: a kernel's first use loads its code, which the stricter modes may refuse in
 * the thread that records. Calls that must not be recorded are found by the emulator. */
#include "kernels/cuda/gpu.h"
#include "kernels/kernels_cuda.h"

int torc_gpu_graph_begin(torc_gpu_stream stream)
{
    return cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed);
}

static int throw_away(int error)
{
    if (error == cudaErrorStreamCaptureInvalidated) {
        (void)cudaGetLastError();
        return cudaSuccess;
    }
    return error;
}

int torc_gpu_graph_end(torc_gpu_graph *out, torc_gpu_stream stream)
{
    cudaGraph_t recorded = NULL;
    if (out != NULL) {
        *out = NULL;
    }
    int error = cudaStreamEndCapture(stream, &recorded);
    if (out == NULL) {
        error = throw_away(error);
    } else if (error == cudaSuccess) {
        error = cudaGraphInstantiate(out, recorded, 0);
    }
    if (recorded != NULL) {
        (void)cudaGraphDestroy(recorded);
    }
    return error;
}

int torc_gpu_graph_launch(torc_gpu_graph graph, torc_gpu_stream stream)
{
    return cudaGraphLaunch(graph, stream);
}

void torc_gpu_graph_destroy(torc_gpu_graph graph)
{
    if (graph != NULL) {
        (void)cudaGraphExecDestroy(graph);
    }
}
