/* Events: a record is a mark in a stream's queue, with a life of its own; an event names the last
 * of its marks. */
#include "kernels/emu/queue.h"

#include <time.h>

static emu_handles<CUevent_st> &events(void) /* never destroyed: used at exit */
{
    static auto *all = new emu_handles<CUevent_st>;
    return *all;
}

bool emu_event_lives(const CUevent_st *event)
{
    return events().has(event);
}

size_t emu_events_report_leaks(bool report)
{
    const size_t count = events().live.size();
    if (report && count > 0) {
        emu_fail(emu_site{}, "at exit %zu events are not destroyed", count);
    }
    return count;
}

void emu_events_end_all(void)
{
    events().end_all();
}

std::shared_ptr<emu_place> emu_place_make(CUstream_st *stream)
{
    std::shared_ptr<emu_place> mark = std::make_shared<emu_place>();
    mark->stream = stream;
    return mark;
}

void emu_place_reach(emu_place *mark)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    mark->done = true;
    mark->seconds = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* --- runtime API --- */

static cudaError_t create(cudaEvent_t *out, unsigned int flags)
{
    if (flags != cudaEventDefault) {
        return cudaErrorInvalidValue;
    }
    emu_begin();
    *out = events().add(emu_device_now());
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned int flags)
{
    return emu_call([&] { return create(out, flags); });
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    return emu_call_free([&] {
        if (!events().has(event)) {
            return cudaErrorInvalidResourceHandle;
        }
        events().end(event);
        return cudaSuccess;
    });
}

static cudaError_t record(cudaEvent_t event, cudaStream_t stream, unsigned int flags)
{
    CUstream_st *s = emu_stream_of(stream);
    if (s == NULL || !events().has(event) || event->device != s->device) {
        return cudaErrorInvalidResourceHandle;
    }
    if ((flags == cudaEventRecordExternal) != (s->recorded != NULL)) {
        return flags == cudaEventRecordExternal ? cudaErrorInvalidValue : cudaErrorNotSupported;
    }
    emu_work w = {};
    w.kind = EMU_MARK;
    w.event = event;
    if (s->recorded == NULL) {
        w.mark = event->mark = emu_place_make(s);
    }
    return emu_queue(s, &w);
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned int flags)
{
    return emu_call([&] { return record(event, stream, flags); });
}

static cudaError_t wait_event(cudaStream_t stream, cudaEvent_t event, unsigned int flags)
{
    CUstream_st *s = emu_stream_of(stream);
    if (s == NULL || !events().has(event)) {
        return cudaErrorInvalidResourceHandle;
    }
    if ((flags == cudaEventWaitExternal) != (s->recorded != NULL)) {
        return flags == cudaEventWaitExternal ? cudaErrorInvalidValue
                                              : cudaErrorStreamCaptureIsolation;
    }
    emu_work w = {};
    w.kind = EMU_AWAIT;
    w.event = event;
    w.mark = event->mark;
    return s->recorded == NULL && w.mark == NULL ? cudaSuccess : emu_queue(s, &w);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int flags)
{
    return emu_call([&] { return wait_event(stream, event, flags); });
}

static cudaError_t synchronize(cudaEvent_t event)
{
    if (!events().has(event)) {
        return cudaErrorInvalidResourceHandle;
    }
    emu_forbid_recording("a wait for an event");
    if (event->mark != NULL) {
        emu_stream_run(event->mark->stream, event->mark.get());
    }
    return cudaSuccess;
}

/* A wait that fails says that the work has failed: none of it happens. */
cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    return emu_call([&] { return synchronize(event); },
                    [&] {
                        if (events().has(event) && event->mark != NULL) {
                            emu_stream_drop(event->mark->stream);
                        }
                    });
}

static cudaError_t query(cudaEvent_t event)
{
    if (!events().has(event)) {
        return cudaErrorInvalidResourceHandle;
    }
    emu_forbid_recording("a question about an event");
    emu_place *mark = event->mark.get();
    if (mark == NULL || mark->done) {
        return cudaSuccess;
    }
    if (mark->asked++ == 0) {
        return cudaErrorNotReady;
    }
    emu_stream_run(mark->stream, mark);
    return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event)
{
    return emu_call([&] { return query(event); });
}

static cudaError_t elapsed(float *milliseconds, cudaEvent_t from, cudaEvent_t to)
{
    if (!events().has(from) || !events().has(to) || from->device != to->device ||
        from->mark == NULL || to->mark == NULL) {
        return cudaErrorInvalidResourceHandle;
    }
    if (!from->mark->done || !to->mark->done) {
        return cudaErrorNotReady;
    }
    *milliseconds = (float)(1e3 * (to->mark->seconds - from->mark->seconds));
    return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t from, cudaEvent_t to)
{
    return emu_call([&] { return elapsed(milliseconds, from, to); });
}
