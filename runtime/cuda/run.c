/* A whole program in one launch: recorded once as a CUDA graph, with a mark before each instruction
 * so that the time of linear layers and lookups is known; then replayed for every batch of the same
 * number of samples. */
#include "runtime/cuda/engine.h"
#include "runtime/status.h"

void torc_cuda_graph_drop(cuda_target *target)
{
    torc_gpu_graph_destroy(target->graph);
    target->graph = NULL;
}

static int queue_all(cuda_target *t)
{
    int error = torc_gpu_event_record(t->marks[0], t->stream);
    for (uint32_t i = 0; i < t->program->instr_count && error == 0; i++) {
        error = torc_cuda_queue(t, i);
        if (error == 0) {
            error = torc_gpu_event_record(t->marks[i + 1], t->stream);
        }
    }
    return error;
}

/* The recording ends whatever happened in it: the stream is usable afterwards. */
static int record(cuda_target *t)
{
    int error = torc_gpu_graph_begin(t->stream);
    if (error != 0) {
        return error;
    }
    error = queue_all(t);
    const int ended = torc_gpu_graph_end(error == 0 ? &t->graph : NULL, t->stream);
    return error != 0 ? error : ended;
}

static int read_marks(const cuda_target *t, torc_phase_seconds *out)
{
    int error = 0;
    *out = (torc_phase_seconds){0};
    for (uint32_t i = 0; i < t->program->instr_count && error == 0; i++) {
        double seconds = 0;
        error = torc_gpu_event_seconds(&seconds, t->marks[i], t->marks[i + 1]);
        *(t->program->instrs[i].kind == TORC_INSTR_LINEAR ? &out->linear : &out->lookup) += seconds;
    }
    return error;
}

torc_status torc_cuda_start(torc_ctx *ctx, cuda_target *t, size_t samples)
{
    if (t->base.overlap && samples != t->inbox_samples) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "cuda: %zu samples were asked for, inputs of %zu were written", samples,
                         t->inbox_samples);
    }
    TORC_TRY(torc_cuda_lay_out(ctx, t, samples));
    if (t->base.overlap) {
        TORC_TRY(torc_cuda_check(ctx, t, torc_cuda_inbox_take(t), "taking the inputs"));
    }
    if (t->graph == NULL) {
        TORC_TRY(torc_cuda_check(ctx, t, record(t), "recording the circuit"));
    }
    return torc_cuda_check(ctx, t, torc_gpu_graph_launch(t->graph, t->stream),
                           "starting the circuit");
}

torc_status torc_cuda_finish(torc_ctx *ctx, cuda_target *t, torc_phase_seconds *phases)
{
    int error = torc_gpu_stream_wait(t->stream);
    if (error == 0) {
        error = read_marks(t, phases);
    }
    return torc_cuda_check(ctx, t, error, "running the circuit");
}
