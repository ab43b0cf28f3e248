/* Streams: queues of copies, fills, launches and marks of events, done when somebody waits. Work of
 * two streams has no order but that of events: what is waited for moves, a stream that waits for an
 * event makes the other one run up to it, and nothing else happens; or, by option, all of it at
 * once, or some of it. */
#include "kernels/emu/emu.h"
#include "kernels/emu/queue.h"
#include "kernels/emu/schedule.h"

std::recursive_mutex emu_host_lock;

static emu_handles<CUstream_st> &streams(void) /* never destroyed: used at exit */
{
    static auto *all = new emu_handles<CUstream_st>;
    return *all;
}

static CUstream_st *default_stream(int device)
{
    static auto *all = new CUstream_st[EMU_MAX_DEVICES]();
    all[device].device = device;
    return &all[device];
}

CUstream_st *emu_stream_of(cudaStream_t stream)
{
    if (stream == NULL) {
        return default_stream(emu_device_now());
    }
    return streams().has(stream) ? stream : NULL;
}

template <class body> static void for_all(body f)
{
    for (int d = 0; d < emu_device_count(); d++) {
        f(default_stream(d));
    }
    for (CUstream_st *s : streams().live) {
        f(s);
    }
}

/* --- work --- */

static void do_launch(const emu_launch *l, int device)
{
    emu_device_show(1u << device);
    emu_run_grid(l->grid, l->threads, l->cluster, l->shared_bytes, l->run, l->call);
    emu_device_check_edges();
}

static void run_to(CUstream_st *stream, const emu_place *mark);

static void do_work(const CUstream_st *stream, const emu_work *w)
{
    switch (w->kind) {
    case EMU_COPY: emu_do_copy(w); break;
    case EMU_FILL: emu_do_fill(w); break;
    case EMU_LAUNCH: do_launch(w->launch.get(), stream->device); break;
    case EMU_MARK: emu_place_reach(w->mark.get()); break;
    case EMU_AWAIT: run_to(w->mark->stream, w->mark.get()); break;
    }
}

static void run_next(CUstream_st *stream)
{
    const emu_work w = stream->queue.front();
    stream->queue.pop_front();
    do_work(stream, &w);
}

static void run_to(CUstream_st *stream, const emu_place *mark)
{
    while (!stream->queue.empty() && (mark == NULL || !mark->done)) {
        run_next(stream);
    }
}

void emu_stream_run(CUstream_st *stream, const emu_place *mark)
{
    emu_begin_thread();
    run_to(stream, mark);
    emu_device_show(0);
    emu_end_thread();
}

void emu_streams_wait_all(void)
{
    for_all([](CUstream_st *s) { emu_stream_run(s, NULL); });
}

void emu_stream_drop(CUstream_st *stream)
{
    for (const emu_work &w : stream->queue) {
        if (w.kind == EMU_MARK) {
            emu_place_reach(w.mark.get());
        }
    }
    stream->queue.clear();
}

void emu_streams_drop_work(void)
{
    for_all(emu_stream_drop);
}

bool emu_streams_have(bool (*is)(const emu_work *w, const void *what), const void *what)
{
    bool have = false;
    for_all([&](CUstream_st *s) {
        for (const emu_work &w : s->queue) {
            have |= is(&w, what);
        }
    });
    return have;
}

/* Some streams do some of what waits in them. */
static void run_some(void)
{
    emu_begin_thread();
    for_all([](CUstream_st *s) {
        for (uint32_t left = emu_random_below((uint32_t)s->queue.size() + 1);
             left > 0 && !s->queue.empty(); left--) {
            run_next(s);
        }
    });
    emu_device_show(0);
    emu_end_thread();
}

static void run_ahead(CUstream_st *stream)
{
    switch (emu_option_streams()) {
    case EMU_STREAMS_EAGER: emu_stream_run(stream, NULL); break;
    case EMU_STREAMS_RANDOM: run_some(); break;
    default: break;
    }
}

cudaError_t emu_queue(CUstream_st *stream, const emu_work *w)
{
    if (stream->recorded != NULL) {
        return emu_record(stream, w);
    }
    stream->queue.push_back(*w);
    run_ahead(stream);
    return cudaSuccess;
}

/* --- reports --- */

void emu_streams_report_work(void)
{
    for_all([](CUstream_st *s) {
        if (!s->queue.empty()) {
            emu_fail(emu_site{}, "at exit nobody has waited for %zu operations of a stream",
                     s->queue.size());
        }
        if (s->recorded != NULL) {
            emu_fail(emu_site{}, "at exit a stream is still recorded");
        }
    });
}

size_t emu_streams_report_leaks(bool report)
{
    const size_t count = streams().live.size();
    if (report && count > 0) {
        emu_fail(emu_site{}, "at exit %zu streams are not destroyed", count);
    }
    return count;
}

void emu_streams_end_all(void)
{
    emu_streams_drop_work();
    streams().end_all();
}

/* --- launches --- */

static torc_emu_launch_seen *launch_seen;

void torc_emu_watch_launches(torc_emu_launch_seen *seen)
{
    launch_seen = seen;
}

void emu_launch_tell(const emu_launch *launch)
{
    if (launch_seen != NULL) {
        launch_seen(launch->kernel, launch->threads.x, launch->shared_bytes);
    }
}

static cudaError_t queue_launch(const std::shared_ptr<const emu_launch> &launch,
                                cudaStream_t stream)
{
    CUstream_st *s = emu_stream_of(stream);
    if (s == NULL || s->device != emu_device_now()) {
        return cudaErrorInvalidResourceHandle;
    }
    const cudaError_t error = emu_launch_check(launch->kernel, launch.get());
    if (error != cudaSuccess) {
        return error;
    }
    if (s->recorded == NULL) {
        emu_launch_tell(launch.get());
    }
    emu_work w = {};
    w.kind = EMU_LAUNCH;
    w.launch = launch;
    return emu_queue(s, &w);
}

cudaError_t emu_launch_queue(const void *kernel, const emu_launch *launch, cudaStream_t stream)
{
    std::shared_ptr<emu_launch> own(new emu_launch(*launch), [](emu_launch *l) {
        l->drop(l->call);
        delete l;
    });
    own->kernel = kernel;
    return emu_call([&] { return queue_launch(own, stream); });
}

/* --- runtime API --- */

static cudaError_t create(cudaStream_t *out, unsigned int flags)
{
    if (flags != cudaStreamNonBlocking) {
        return cudaErrorInvalidValue;
    }
    emu_begin();
    *out = streams().add(emu_device_now());
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned int flags)
{
    return emu_call([&] { return create(out, flags); });
}

static cudaError_t destroy(cudaStream_t stream)
{
    if (!streams().has(stream)) {
        return cudaErrorInvalidResourceHandle;
    }
    emu_forbid_recording("the end of a stream");
    if (stream->recorded != NULL) {
        emu_fail(emu_site{}, "a stream is destroyed while it is recorded");
    }
    emu_stream_run(stream, NULL);
    streams().end(stream);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    return emu_call_free([&] { return destroy(stream); });
}

static cudaError_t synchronize(cudaStream_t stream)
{
    CUstream_st *s = emu_stream_of(stream);
    if (s == NULL) {
        return cudaErrorInvalidResourceHandle;
    }
    if (s->recorded != NULL) {
        s->broken = true;
        return cudaErrorStreamCaptureUnsupported;
    }
    emu_forbid_recording("a wait for a stream");
    emu_stream_run(s, NULL);
    return cudaSuccess;
}

/* A wait that fails says that the work has failed. */
cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    return emu_call([&] { return synchronize(stream); },
                    [&] {
                        CUstream_st *s = emu_stream_of(stream);
                        if (s != NULL) {
                            emu_stream_drop(s);
                        }
                    });
}
