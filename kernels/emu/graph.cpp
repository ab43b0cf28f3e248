/* Graphs: what a stream was told while it was recorded; a launch queues all of it again. Kernel
 * arguments are those of the recording; memory and events are looked at when a launch runs.
 *
 * A thread that records may only queue. CUDA refuses part of the rest, depending on the mode and on
 * the driver; here all of it is a mistake. */
#include "kernels/emu/queue.h"

static emu_handles<CUgraph_st> &graphs(void) /* never destroyed: used at exit */
{
    static auto *all = new emu_handles<CUgraph_st>;
    return *all;
}

static emu_handles<CUgraphExec_st> &executables(void)
{
    static auto *all = new emu_handles<CUgraphExec_st>;
    return *all;
}

static thread_local int recordings; /* of this thread, that have not ended */

void emu_forbid_recording(const char *what)
{
    if (recordings > 0) {
        emu_fail(emu_site{}, "%s in a thread that records a graph", what);
    }
}

/* --- reports --- */

size_t emu_graphs_report_leaks(bool report)
{
    const size_t count = graphs().live.size() + executables().live.size();
    if (report && count > 0) {
        emu_fail(emu_site{}, "at exit %zu graphs are not destroyed", count);
    }
    return count;
}

void emu_graphs_end_all(void)
{
    graphs().end_all();
    executables().end_all();
    recordings = 0;
}

/* --- recording --- */

cudaError_t emu_record(CUstream_st *stream, const emu_work *w)
{
    if (stream->broken) {
        return cudaErrorStreamCaptureInvalidated;
    }
    stream->recorded->work.push_back(*w);
    return cudaSuccess;
}

static cudaError_t begin(cudaStream_t stream)
{
    CUstream_st *s = emu_stream_of(stream);
    if (s == NULL) {
        return cudaErrorInvalidResourceHandle;
    }
    if (stream == NULL) {
        return cudaErrorStreamCaptureUnsupported;
    }
    if (s->recorded != NULL) {
        return cudaErrorIllegalState;
    }
    s->recorded = graphs().add(s->device);
    s->broken = false;
    s->recorder = std::this_thread::get_id();
    recordings++;
    return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode)
{
    return emu_call([&] { return begin(stream); });
}

/* Whatever else: the recording ends. */
static CUgraph_st *end_recording(CUstream_st *s)
{
    CUgraph_st *graph = s->recorded;
    if (s->recorder != std::this_thread::get_id()) {
        emu_fail(emu_site{}, "a recording is ended by another thread than has begun it");
    }
    recordings--;
    s->recorded = NULL;
    if (s->broken) {
        graphs().end(graph);
        graph->work.clear();
        return NULL;
    }
    return graph;
}

static cudaError_t end(cudaStream_t stream, cudaGraph_t *out)
{
    CUstream_st *s = emu_stream_of(stream);
    *out = NULL;
    if (s == NULL) {
        return cudaErrorInvalidResourceHandle;
    }
    if (s->recorded == NULL) {
        return cudaErrorIllegalState;
    }
    *out = end_recording(s);
    return *out == NULL ? cudaErrorStreamCaptureInvalidated : cudaSuccess;
}

/* One that fails throws the recording away. */
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *out)
{
    return emu_call([&] { return end(stream, out); },
                    [&] {
                        CUstream_st *s = emu_stream_of(stream);
                        *out = NULL;
                        if (s != NULL && s->recorded != NULL) {
                            s->broken = true;
                            end_recording(s);
                        }
                    });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *out)
{
    return emu_call([&] {
        const CUstream_st *s = emu_stream_of(stream);
        if (s == NULL) {
            return cudaErrorInvalidResourceHandle;
        }
        *out = s->recorded == NULL ? cudaStreamCaptureStatusNone
               : s->broken         ? cudaStreamCaptureStatusInvalidated
                                   : cudaStreamCaptureStatusActive;
        return cudaSuccess;
    });
}

/* --- launching --- */

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph, unsigned long long)
{
    return emu_call([&] {
        if (!graphs().has(graph)) {
            return cudaErrorInvalidValue;
        }
        *out = executables().add(graph->device);
        (*out)->work = graph->work;
        return cudaSuccess;
    });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    return emu_call_free([&] {
        if (!graphs().has(graph)) {
            return cudaErrorInvalidValue;
        }
        graphs().end(graph);
        graph->work.clear();
        return cudaSuccess;
    });
}

/* Destroyed while launches wait: those hold what they need. */
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph)
{
    return emu_call_free([&] {
        if (!executables().has(graph)) {
            return cudaErrorInvalidValue;
        }
        executables().end(graph);
        graph->work.clear();
        return cudaSuccess;
    });
}

/* A node becomes work of this launch; false: there is nothing to do. */
static bool bring(emu_work *w, CUstream_st *stream)
{
    if (w->event != NULL && !emu_event_lives(w->event)) {
        emu_fail(emu_site{}, "a graph is launched that uses an event which is destroyed");
    }
    switch (w->kind) {
    case EMU_LAUNCH: emu_launch_tell(w->launch.get()); return true;
    case EMU_MARK: w->mark = w->event->mark = emu_place_make(stream); return true;
    case EMU_AWAIT: w->mark = w->event->mark; return w->mark != NULL;
    default: return true;
    }
}

static void queue_mark(CUstream_st *stream, emu_work_kind kind,
                       const std::shared_ptr<emu_place> &mark)
{
    emu_work w = {};
    w.kind = kind;
    w.mark = mark;
    (void)emu_queue(stream, &w);
}

static cudaError_t launch(CUgraphExec_st *graph, CUstream_st *stream)
{
    if (stream->recorded != NULL) {
        stream->broken = true;
        return cudaErrorStreamCaptureUnsupported;
    }
    if (graph->device != stream->device || graph->device != emu_device_now()) {
        emu_fail(
            emu_site{},
            "a graph of device %d is launched on a stream of device %d, and device %d is in use",
            graph->device, stream->device, emu_device_now());
    }
    if (graph->last != NULL) {
        queue_mark(stream, EMU_AWAIT, graph->last);
    }
    for (emu_work w : graph->work) {
        if (bring(&w, stream)) {
            (void)emu_queue(stream, &w);
        }
    }
    graph->last = emu_place_make(stream);
    queue_mark(stream, EMU_MARK, graph->last);
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream)
{
    return emu_call([&] {
        CUstream_st *s = emu_stream_of(stream);
        if (s == NULL) {
            return cudaErrorInvalidResourceHandle;
        }
        return executables().has(graph) ? launch(graph, s) : cudaErrorInvalidValue;
    });
}
