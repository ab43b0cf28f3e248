/* Device memory: one range of addresses, given out from the bottom and never again. An allocation
 * is aligned to 256 bytes and ends as near to the end of a page as that allows; the page behind it
 * belongs to nobody. Its bytes start as poison, and so do the few beside it, which must stay so.
 *
 *   host code runs      no page can be used
 *   kernels and copies  the pages of live allocations (emu_device_open, _close)
 *   freed               the pages are gone for ever */
#include "kernels/emu/device.h"
#include "kernels/emu/hooks.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#define DEVICE_BYTES \
    ((size_t)64 << 30) /* of addresses; how much a test can use is another matter */
#define ALIGN_BYTES ((size_t)256)

typedef struct allocation {
    unsigned char *pages, *begin;
    size_t page_bytes, bytes;
    bool freed;
} allocation;

unsigned char *emu_device_base;
size_t emu_device_bytes;

static std::vector<allocation> &allocations(void) /* never destroyed: used at exit */
{
    static std::vector<allocation> *all = new std::vector<allocation>;
    return *all;
}

static size_t top; /* of the addresses given out */
static int open_depth;

static size_t rounded(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

/* --- protection --- */

static void protect(const allocation *a, int how)
{
    if (!a->freed && mprotect(a->pages, a->page_bytes, how) != 0) {
        emu_fail(emu_site{}, "pages of device memory cannot be protected");
    }
}

void emu_device_open(void)
{
    if (open_depth++ == 0) {
        emu_begin_thread();
        for (const allocation &a : allocations()) {
            protect(&a, PROT_READ | PROT_WRITE);
        }
    }
}

void emu_device_close(void)
{
    if (--open_depth == 0) {
        for (const allocation &a : allocations()) {
            protect(&a, PROT_NONE);
        }
    }
}

/* --- poison --- */

static void poison(unsigned char *from, unsigned char *end)
{
    const uint64_t pattern = EMU_POISON; /* pages are aligned, so is the pattern */
    for (; from < end; from += 8) {
        memcpy(from, &pattern, 8);
    }
}

static bool poisoned(const unsigned char *from, const unsigned char *end)
{
    const uint64_t pattern = EMU_POISON;
    unsigned char bytes[8];
    memcpy(bytes, &pattern, 8);
    for (; from < end && (uintptr_t)from % 8 != 0; from++) {
        if (*from != bytes[(uintptr_t)from % 8]) {
            return false;
        }
    }
    for (; from < end; from += 8) { /* pages end on a multiple of 8, allocations begin on one */
        if (memcmp(from, bytes, 8) != 0) {
            return false;
        }
    }
    return true;
}

static void check_edges(const allocation *a)
{
    if (!poisoned(a->pages, a->begin) || !poisoned(a->begin + a->bytes, a->pages + a->page_bytes)) {
        emu_fail(emu_site{},
                 "bytes just beside a device allocation of %zu bytes at %p were "
                 "written",
                 a->bytes, (void *)a->begin);
    }
}

void emu_device_check_edges(void)
{
    emu_device_open();
    for (const allocation &a : allocations()) {
        if (!a.freed) {
            check_edges(&a);
        }
    }
    emu_device_close();
}

/* --- questions --- */

static const allocation *allocation_at(const void *p)
{
    const unsigned char *byte = (const unsigned char *)p;
    for (const allocation &a : allocations()) {
        if (byte >= a.pages && byte < a.pages + a.page_bytes) {
            return &a;
        }
    }
    return NULL;
}

bool emu_device_address(const void *p)
{
    const unsigned char *byte = (const unsigned char *)p;
    return emu_device_base != NULL && byte >= emu_device_base &&
           byte < emu_device_base + emu_device_bytes;
}

bool emu_device_holds(const void *p, size_t bytes)
{
    const allocation *a = allocation_at(p);
    const unsigned char *byte = (const unsigned char *)p;
    return a != NULL && !a->freed && byte >= a->begin &&
           bytes <= (size_t)(a->begin + a->bytes - byte);
}

void emu_device_describe(char *out, size_t room, const void *p)
{
    const allocation *a = allocation_at(p);
    if (a == NULL) { /* the page behind one */
        a = allocation_at((const unsigned char *)p - emu_page_bytes());
    }
    if (a == NULL) {
        snprintf(out, room, "device address %p, which belongs to no allocation", p);
        return;
    }
    snprintf(out, room, "byte %zd of %s device allocation of %zu bytes",
             (const unsigned char *)p - a->begin, a->freed ? "a freed" : "the", a->bytes);
}

/* --- allocation --- */

void emu_device_report_leaks(void)
{
    size_t count = 0, bytes = 0;
    for (const allocation &a : allocations()) {
        count += !a.freed;
        bytes += a.freed ? 0 : a.bytes;
    }
    if (count > 0) {
        emu_fail(emu_site{}, "at exit %zu device allocations of %zu bytes are not freed", count,
                 bytes);
    }
}

static void reserve_once(void)
{
    if (emu_device_base != NULL) {
        return;
    }
    void *p =
        mmap(NULL, DEVICE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        emu_fail(emu_site{}, "no addresses for device memory");
    }
    (void)madvise(p, DEVICE_BYTES, MADV_HUGEPAGE); /* protection of large keys changes faster */
    emu_device_base = (unsigned char *)p;
    emu_device_bytes = DEVICE_BYTES;
    emu_begin();
}

cudaError_t cudaMalloc(void **out, size_t bytes)
{
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    reserve_once();
    *out = NULL;
    if (bytes == 0) {
        return cudaSuccess;
    }
    const size_t page_bytes = rounded(bytes, emu_page_bytes());
    if (bytes > DEVICE_BYTES || page_bytes + emu_page_bytes() > DEVICE_BYTES - top) {
        return cudaErrorMemoryAllocation;
    }
    allocation a = {};
    a.pages = emu_device_base + top;
    a.page_bytes = page_bytes;
    a.bytes = bytes;
    a.begin = a.pages + page_bytes - rounded(bytes, ALIGN_BYTES);
    top += page_bytes + emu_page_bytes();
    protect(&a, PROT_READ | PROT_WRITE);
    poison(a.pages, a.pages + page_bytes);
    protect(&a, open_depth > 0 ? PROT_READ | PROT_WRITE : PROT_NONE);
    allocations().push_back(a);
    emu_hook_allocate(a.begin, bytes);
    *out = a.begin;
    return cudaSuccess;
}

cudaError_t cudaFree(void *p)
{
    if (p == NULL) {
        return cudaSuccess;
    }
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    emu_streams_wait_all(); /* as the device does */
    for (allocation &a : allocations()) {
        if (a.begin == p && !a.freed) {
            emu_device_open();
            check_edges(&a);
            emu_device_close();
            a.freed = true;
            emu_hook_free(a.begin, a.bytes);
            mmap(a.pages, a.page_bytes, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
            return cudaSuccess;
        }
    }
    char what[160];
    emu_device_describe(what, sizeof what, p);
    emu_fail(emu_site{}, "free of %s", what);
}
