/* Copies and fills. A buffer of the host is read or written when the stream comes to the copy; all
 * addresses are looked at twice: when the copy is queued, with CUDA's error codes, and when it
 * happens, where a buffer that is gone is a mistake. */
#include "kernels/emu/hooks.h"
#include "kernels/emu/queue.h"

#include <string.h>

/* --- the work --- */

static int device_now_of(const void *p, size_t bytes)
{
    const int device = emu_device_of(p, bytes);
    if (device < 0) {
        char what[160];
        emu_device_describe(what, sizeof what, p);
        emu_fail(emu_site{}, "a copy or fill of %zu bytes uses %s", bytes, what);
    }
    return device;
}

/* The bit of its device; 0 for host memory, which must still be there. */
static uint32_t side(const void *p, size_t bytes)
{
    if (emu_device_address(p)) {
        return 1u << device_now_of(p, bytes);
    }
    if (emu_pinned_is_freed(p)) {
        emu_fail(emu_site{}, "a copy uses pinned memory that has been freed");
    }
    return 0;
}

void emu_do_copy(const emu_work *w)
{
    const uint32_t to = side(w->to, w->bytes), from = side(w->from, w->bytes);
    emu_device_show(to | from);
    memcpy(w->to, w->from, w->bytes);
    if (from != 0) {
        emu_hook_host_read(w->from, w->bytes);
    }
    if (to != 0) {
        emu_hook_host_write(w->to, w->bytes);
    }
}

void emu_do_fill(const emu_work *w)
{
    emu_device_show(1u << device_now_of(w->to, w->bytes));
    memset(w->to, w->byte, w->bytes);
    emu_hook_host_write(w->to, w->bytes);
}

/* --- runtime API --- */

/* Device side of a copy must be allocated, host side must be of the host. */
static bool plausible(const void *p, size_t bytes, bool device)
{
    return device ? emu_device_of(p, bytes) >= 0 : !emu_device_address(p) && p != NULL;
}

static void check_recorded_side(const void *p, size_t bytes)
{
    if (!emu_device_address(p) && !emu_pinned_holds(p, bytes)) {
        emu_fail(emu_site{}, "a recorded copy uses host memory that is not pinned");
    }
}

static bool overlap(const void *a, const void *b, size_t bytes)
{
    const unsigned char *p = (const unsigned char *)a, *q = (const unsigned char *)b;
    return p < q + bytes && q < p + bytes;
}

static cudaError_t copy(const emu_work *w, cudaMemcpyKind kind, cudaStream_t stream)
{
    CUstream_st *s = emu_stream_of(stream);
    if (s == NULL) {
        return cudaErrorInvalidResourceHandle;
    }
    if (w->bytes == 0) {
        return cudaSuccess;
    }
    if (!plausible(w->to, w->bytes, kind != cudaMemcpyDeviceToHost) ||
        !plausible(w->from, w->bytes, kind != cudaMemcpyHostToDevice)) {
        return cudaErrorInvalidValue;
    }
    if (overlap(w->to, w->from, w->bytes)) {
        emu_fail(emu_site{}, "a copy of %zu bytes to what it copies", w->bytes);
    }
    if (s->recorded != NULL) {
        check_recorded_side(w->to, w->bytes);
        check_recorded_side(w->from, w->bytes);
    }
    return emu_queue(s, w);
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    emu_work w = {};
    w.kind = EMU_COPY;
    w.to = to;
    w.from = from;
    w.bytes = bytes;
    return emu_call([&] { return copy(&w, kind, stream); });
}

static cudaError_t fill(const emu_work *w, cudaStream_t stream)
{
    CUstream_st *s = emu_stream_of(stream);
    if (s == NULL) {
        return cudaErrorInvalidResourceHandle;
    }
    if (w->bytes == 0) {
        return cudaSuccess;
    }
    return emu_device_of(w->to, w->bytes) != s->device ? cudaErrorInvalidValue : emu_queue(s, w);
}

cudaError_t cudaMemsetAsync(void *to, int byte, size_t bytes, cudaStream_t stream)
{
    emu_work w = {};
    w.kind = EMU_FILL;
    w.to = to;
    w.byte = byte;
    w.bytes = bytes;
    return emu_call([&] { return fill(&w, stream); });
}
