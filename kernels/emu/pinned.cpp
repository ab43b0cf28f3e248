/* Pinned memory of the host: pages of their own, poisoned, ending at a page that nobody may touch;
 * freed pages stay out of reach. */
#include "kernels/emu/queue.h"

#include <string.h>
#include <sys/mman.h>
#include <vector>

#define ALIGN_BYTES ((size_t)64)

typedef struct pinned {
    unsigned char *pages, *begin;
    size_t page_bytes, bytes; /* pages: without the last, which guards */
    bool freed;
} pinned;

static std::vector<pinned> &all(void) /* never destroyed: used at exit */
{
    static auto *them = new std::vector<pinned>;
    return *them;
}

static const pinned *pinned_at(const void *p)
{
    const unsigned char *byte = (const unsigned char *)p;
    for (const pinned &a : all()) {
        if (byte >= a.pages && byte < a.pages + a.page_bytes) {
            return &a;
        }
    }
    return NULL;
}

bool emu_pinned_holds(const void *p, size_t bytes)
{
    const pinned *a = pinned_at(p);
    const unsigned char *byte = (const unsigned char *)p;
    return a != NULL && !a->freed && byte >= a->begin &&
           bytes <= (size_t)(a->begin + a->bytes - byte);
}

bool emu_pinned_is_freed(const void *p)
{
    const pinned *a = pinned_at(p);
    return a != NULL && a->freed;
}

size_t emu_pinned_report_leaks(bool report)
{
    size_t count = 0, bytes = 0;
    for (const pinned &a : all()) {
        count += !a.freed;
        bytes += a.freed ? 0 : a.bytes;
    }
    if (report && count > 0) {
        emu_fail(emu_site{}, "at exit %zu pinned allocations of %zu bytes are not freed", count,
                 bytes);
    }
    return count;
}

static void release(pinned *a)
{
    a->freed = true;
    mmap(a->pages, a->page_bytes, PROT_NONE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

void emu_pinned_free_all(void)
{
    for (pinned &a : all()) {
        release(&a);
    }
}

/* --- runtime API --- */

static cudaError_t allocate(void **out, size_t bytes)
{
    const size_t page = emu_page_bytes(), page_bytes = (bytes + page - 1) / page * page;
    *out = NULL;
    emu_forbid_recording("an allocation");
    emu_begin();
    if (bytes == 0) {
        return cudaSuccess;
    }
    void *p = bytes > SIZE_MAX / 2 ? MAP_FAILED
                                   : mmap(NULL, page_bytes + page, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return cudaErrorMemoryAllocation;
    }
    pinned a = {};
    a.pages = (unsigned char *)p;
    a.page_bytes = page_bytes;
    a.bytes = bytes;
    a.begin = a.pages + page_bytes - (bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    const uint64_t pattern = EMU_POISON;
    for (size_t i = 0; i < page_bytes; i += sizeof pattern) {
        memcpy(a.pages + i, &pattern, sizeof pattern);
    }
    mprotect(a.pages + page_bytes, page, PROT_NONE);
    all().push_back(a);
    *out = a.begin;
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **out, size_t bytes)
{
    return emu_call([&] { return allocate(out, bytes); });
}

static bool uses(const emu_work *w, const void *what)
{
    const pinned *a = (const pinned *)what;
    return w->kind == EMU_COPY && (pinned_at(w->to) == a || pinned_at(w->from) == a);
}

static cudaError_t free_host(void *p)
{
    emu_forbid_recording("a free");
    for (pinned &a : all()) {
        if (a.begin == p && !a.freed) {
            if (emu_streams_have(uses, &a)) {
                emu_fail(emu_site{}, "free of pinned memory that a queued copy uses");
            }
            release(&a);
            return cudaSuccess;
        }
    }
    emu_fail(emu_site{}, "free of %p, which is no live pinned allocation", p);
}

cudaError_t cudaFreeHost(void *p)
{
    return p == NULL ? cudaSuccess : emu_call_free([&] { return free_host(p); });
}
