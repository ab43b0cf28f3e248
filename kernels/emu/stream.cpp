/* Streams: queues of copies, fills and launches, done when somebody waits for the stream. Work of
 * two streams has no order unless somebody waits between; only the waited stream moves. */
#include "kernels/emu/emu.h"
#include "kernels/emu/device.h"
#include "kernels/emu/hooks.h"
#include "kernels/emu/schedule.h"

#include <string.h>
#include <vector>

std::recursive_mutex emu_host_lock;

typedef enum work_kind { COPY, FILL, LAUNCH } work_kind;

typedef struct work {
    work_kind kind;
    void *to;
    const void *from;
    size_t bytes;
    int byte;
    emu_launch launch;
} work;

typedef struct CUstream_st {
    std::vector<work> queue;
    bool destroyed;
} CUstream_st;

static std::vector<CUstream_st *> &streams(void) /* [0] is the default stream; never destroyed */
{
    static auto *all = new std::vector<CUstream_st *>(1, new CUstream_st());
    return *all;
}

static CUstream_st *stream_of(cudaStream_t stream) /* NULL: no stream */
{
    if (stream == NULL) {
        return streams()[0];
    }
    for (CUstream_st *s : streams()) {
        if (s == stream && !s->destroyed) {
            return s;
        }
    }
    return NULL;
}

void emu_streams_report_work(void)
{
    for (const CUstream_st *s : streams()) {
        if (!s->queue.empty()) {
            emu_fail(emu_site{}, "at exit nobody has waited for %zu operations of a stream",
                     s->queue.size());
        }
    }
}

void emu_streams_report_leaks(void)
{
    size_t count = 0;
    for (const CUstream_st *s : streams()) {
        count += !s->destroyed && s != streams()[0];
    }
    if (count > 0) {
        emu_fail(emu_site{}, "at exit %zu streams are not destroyed", count);
    }
}

/* --- work --- */

static void do_launch(const emu_launch *l)
{
    emu_run_grid(l->grid, l->threads, l->cluster, l->shared_bytes, l->run, l->call);
    l->drop(l->call);
    emu_device_check_edges();
}

static void do_copy(const work *w)
{
    memcpy(w->to, w->from, w->bytes);
    if (emu_device_address(w->from)) {
        emu_hook_host_read(w->from, w->bytes);
    }
    if (emu_device_address(w->to)) {
        emu_hook_host_write(w->to, w->bytes);
    }
}

static void do_fill(const work *w)
{
    memset(w->to, w->byte, w->bytes);
    emu_hook_host_write(w->to, w->bytes);
}

static void do_work(const work *w)
{
    switch (w->kind) {
    case COPY: do_copy(w); break;
    case FILL: do_fill(w); break;
    case LAUNCH: do_launch(&w->launch); break;
    }
}

static void wait(CUstream_st *stream)
{
    if (stream->queue.empty()) {
        return;
    }
    emu_device_open();
    for (const work &w : stream->queue) {
        do_work(&w);
    }
    stream->queue.clear();
    emu_device_close();
}

void emu_streams_wait_all(void)
{
    for (CUstream_st *s : streams()) {
        wait(s);
    }
}

static cudaError_t queue(cudaStream_t stream, const work *w)
{
    CUstream_st *s = stream_of(stream);
    if (s == NULL) {
        return cudaErrorInvalidResourceHandle;
    }
    s->queue.push_back(*w);
    return cudaSuccess;
}

static torc_emu_launch_seen *launch_seen;

void torc_emu_watch_launches(torc_emu_launch_seen *seen)
{
    launch_seen = seen;
}

cudaError_t emu_launch_queue(const void *kernel, const emu_launch *launch, cudaStream_t stream)
{
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    work w = {};
    w.kind = LAUNCH;
    w.launch = *launch;
    cudaError_t error = emu_launch_check(kernel, launch);
    if (error == cudaSuccess) {
        error = queue(stream, &w);
    }
    if (error != cudaSuccess) {
        launch->drop(launch->call);
    } else if (launch_seen != NULL) {
        launch_seen(kernel, launch->threads.x, launch->shared_bytes);
    }
    return error;
}

/* --- runtime API --- */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned int flags)
{
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    if (flags != cudaStreamNonBlocking) {
        return cudaErrorInvalidValue;
    }
    emu_begin();
    *out = new CUstream_st();
    streams().push_back(*out);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    CUstream_st *s = stream_of(stream);
    if (s == NULL || stream == NULL) {
        return cudaErrorInvalidResourceHandle;
    }
    wait(s);
    s->destroyed = true; /* kept: its address must not come back */
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    CUstream_st *s = stream_of(stream);
    if (s == NULL) {
        return cudaErrorInvalidResourceHandle;
    }
    wait(s);
    return cudaSuccess;
}

/* Device side of a copy must be allocated, host side must be of the host. */
static bool plausible(const void *p, size_t bytes, bool device)
{
    return device ? emu_device_holds(p, bytes) : !emu_device_address(p) && p != NULL;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    if (bytes == 0) {
        return stream_of(stream) == NULL ? cudaErrorInvalidResourceHandle : cudaSuccess;
    }
    if (!plausible(to, bytes, kind != cudaMemcpyDeviceToHost) ||
        !plausible(from, bytes, kind != cudaMemcpyHostToDevice)) {
        return cudaErrorInvalidValue;
    }
    work w = {};
    w.kind = COPY;
    w.to = to;
    w.from = from;
    w.bytes = bytes;
    return queue(stream, &w);
}

cudaError_t cudaMemsetAsync(void *to, int byte, size_t bytes, cudaStream_t stream)
{
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    if (bytes > 0 && !emu_device_holds(to, bytes)) {
        return cudaErrorInvalidValue;
    }
    work w = {};
    w.kind = FILL;
    w.to = to;
    w.byte = byte;
    w.bytes = bytes;
    return queue(stream, &w);
}
