/* Device memory: one range of addresses for all devices, given out from the bottom and never again;
 * how much of it a device has is counted apart. An allocation is aligned to 256 bytes and ends as
 * near to the end of a page as that allows; the page behind it belongs to nobody. Its bytes start
 * as poison, and so do the few beside it, which must stay so.
 *
 *   host code runs      no page can be used
 *   kernels and copies  the pages of live allocations of their devices (emu_device_show)
 *   freed               the pages are gone for ever */
#include "kernels/emu/hooks.h"
#include "kernels/emu/queue.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#define DEVICE_BYTES ((size_t)256 << 30) /* of addresses */
#define ALIGN_BYTES  ((size_t)256)

typedef struct allocation {
    unsigned char *pages, *begin;
    size_t page_bytes, bytes;
    int device;
    bool freed;
} allocation;

unsigned char *emu_device_base;
size_t emu_device_bytes;

static std::vector<allocation> &allocations(void) /* never destroyed: used at exit */
{
    static std::vector<allocation> *all = new std::vector<allocation>;
    return *all;
}

static size_t top;                   /* of the addresses given out */
static size_t used[EMU_MAX_DEVICES]; /* bytes */
static uint32_t shown;               /* devices whose pages can be used */

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

static bool is_shown(const allocation *a)
{
    return (shown >> a->device & 1) != 0;
}

void emu_device_show(uint32_t devices)
{
    const uint32_t changed = shown ^ devices;
    shown = devices;
    if (changed == 0) {
        return;
    }
    for (const allocation &a : allocations()) {
        if ((changed >> a.device & 1) != 0) {
            protect(&a, is_shown(&a) ? PROT_READ | PROT_WRITE : PROT_NONE);
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
    for (const allocation &a : allocations()) {
        if (!a.freed && is_shown(&a)) {
            check_edges(&a);
        }
    }
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

int emu_device_of(const void *p, size_t bytes)
{
    const allocation *a = allocation_at(p);
    const unsigned char *byte = (const unsigned char *)p;
    return a != NULL && !a->freed && byte >= a->begin &&
                   bytes <= (size_t)(a->begin + a->bytes - byte)
               ? a->device
               : -1;
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
    char where[32] = "";
    if (emu_device_count() > 1) {
        snprintf(where, sizeof where, " of device %d", a->device);
    }
    snprintf(out, room, "byte %zd of %s device allocation of %zu bytes%s",
             (const unsigned char *)p - a->begin, a->freed ? "a freed" : "the", a->bytes, where);
}

/* --- allocation --- */

size_t emu_device_report_leaks(bool report)
{
    size_t count = 0, bytes = 0;
    for (const allocation &a : allocations()) {
        count += !a.freed;
        bytes += a.freed ? 0 : a.bytes;
    }
    if (report && count > 0) {
        emu_fail(emu_site{}, "at exit %zu device allocations of %zu bytes are not freed", count,
                 bytes);
    }
    return count;
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

/* Room of the device in use for so many bytes, and addresses for them. */
static bool fits(size_t bytes)
{
    const size_t most = emu_option_memory(), taken = used[emu_device_now()];
    return bytes <= most && rounded(bytes, ALIGN_BYTES) <= most - taken &&
           rounded(bytes, emu_page_bytes()) + emu_page_bytes() <= DEVICE_BYTES - top;
}

static allocation place(size_t bytes)
{
    allocation a = {};
    a.device = emu_device_now();
    a.pages = emu_device_base + top;
    a.page_bytes = rounded(bytes, emu_page_bytes());
    a.bytes = bytes;
    a.begin = a.pages + a.page_bytes - rounded(bytes, ALIGN_BYTES);
    top += a.page_bytes + emu_page_bytes();
    used[a.device] += rounded(bytes, ALIGN_BYTES);
    return a;
}

static cudaError_t allocate(void **out, size_t bytes)
{
    *out = NULL;
    emu_forbid_recording("an allocation");
    reserve_once();
    if (bytes == 0) {
        return cudaSuccess;
    }
    if (!fits(bytes)) {
        return cudaErrorMemoryAllocation;
    }
    const allocation a = place(bytes);
    protect(&a, PROT_READ | PROT_WRITE);
    poison(a.pages, a.pages + a.page_bytes);
    protect(&a, PROT_NONE);
    allocations().push_back(a);
    emu_hook_allocate(a.begin, bytes);
    *out = a.begin;
    return cudaSuccess;
}

static void release(allocation *a)
{
    a->freed = true;
    used[a->device] -= rounded(a->bytes, ALIGN_BYTES);
    emu_hook_free(a->begin, a->bytes);
    mmap(a->pages, a->page_bytes, PROT_NONE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

static cudaError_t free_one(void *p)
{
    emu_forbid_recording("a free");
    emu_streams_wait_all(); /* as the device does */
    for (allocation &a : allocations()) {
        if (a.begin == p && !a.freed) {
            emu_device_show(1u << a.device);
            check_edges(&a);
            emu_device_show(0);
            release(&a);
            return cudaSuccess;
        }
    }
    char what[160];
    emu_device_describe(what, sizeof what, p);
    emu_fail(emu_site{}, "free of %s", what);
}

void emu_device_free_all(void)
{
    for (allocation &a : allocations()) {
        if (!a.freed) {
            release(&a);
        }
    }
}

/* --- runtime API --- */

cudaError_t cudaMalloc(void **out, size_t bytes)
{
    return emu_call([&] { return allocate(out, bytes); });
}

cudaError_t cudaFree(void *p)
{
    return p == NULL ? cudaSuccess : emu_call_free([&] { return free_one(p); });
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes)
{
    return emu_call([&] {
        *total_bytes = emu_option_memory();
        *free_bytes = *total_bytes - used[emu_device_now()];
        return cudaSuccess;
    });
}
