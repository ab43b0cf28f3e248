/* Memory of the shadow, and what the host does to device memory: see shadow.h. Marks of the host
 * have the time at which it acted: before the next launch, so all of that comes after. */
#include "kernels/emu/check/shadow.h"

#include "kernels/emu/device.h"
#include "kernels/emu/hooks.h"

#include <stdlib.h>
#include <sys/mman.h>

#define SHARED_BYTES ((size_t)EMU_MAX_CLUSTER * EMU_SHARED_STRIDE)
#define PAGE_BYTES                                                                \
    ((size_t)4096) /* of memory.cpp: an allocation shares its pages with no other \
                    */
#define PAGE_WORDS (PAGE_BYTES / SHADOW_WORD_BYTES)

static shadow_word shared_words[SHARED_BYTES / SHADOW_WORD_BYTES];
static shadow_word **device_pages; /* [pages of device memory], each [PAGE_WORDS] */

static void *map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    if (p == MAP_FAILED) {
        emu_fail(emu_site{}, "no memory for the shadow of the check form");
    }
    return p;
}

bool shadow_is_shared(const void *p)
{
    return emu_shared_base != NULL &&
           (size_t)((const unsigned char *)p - emu_shared_base) < SHARED_BYTES;
}

static shadow_word *device_word(size_t offset)
{
    shadow_word *page = device_pages[offset / PAGE_BYTES];
    return page == NULL ? NULL : page + offset % PAGE_BYTES / SHADOW_WORD_BYTES;
}

shadow_word *shadow_at(const void *p)
{
    const size_t shared = (size_t)((const unsigned char *)p - emu_shared_base);
    if (shared < SHARED_BYTES) {
        return shared_words + shared / SHADOW_WORD_BYTES;
    }
    return emu_device_address(p) && device_pages != NULL
               ? device_word((size_t)((const unsigned char *)p - emu_device_base))
               : NULL;
}

/* --- allocations --- */

static void mark_nowhere(shadow_word *from, const shadow_word *end)
{
    for (; from < end; from++) {
        from->write = {0, 0, 0, MARK_NOWHERE};
    }
}

/* Of an allocation, the whole pages that hold it. */
typedef struct span {
    size_t begin, bytes; /* from the start of device memory */
    size_t first_page, page_count;
} span;

static span span_of(const void *p, size_t bytes)
{
    span s;
    s.begin = (size_t)((const unsigned char *)p - emu_device_base);
    s.bytes = bytes;
    s.first_page = s.begin / PAGE_BYTES;
    s.page_count = (s.begin + bytes + PAGE_BYTES - 1) / PAGE_BYTES - s.first_page;
    return s;
}

/* Words that lie partly beside the allocation count as beside it: a load of them is wrong. */
void emu_hook_allocate(const void *p, size_t bytes)
{
    if (device_pages == NULL) {
        device_pages = (shadow_word **)map(emu_device_bytes / PAGE_BYTES * sizeof *device_pages);
    }
    const span s = span_of(p, bytes);
    const size_t words = s.page_count * PAGE_WORDS;
    shadow_word *all = (shadow_word *)map(words * sizeof *all);
    for (size_t i = 0; i < s.page_count; i++) {
        device_pages[s.first_page + i] = all + i * PAGE_WORDS;
    }
    shadow_word *own = device_word(s.begin);
    mark_nowhere(all, own);
    mark_nowhere(own + bytes / SHADOW_WORD_BYTES, all + words);
}

void emu_hook_free(const void *p, size_t bytes)
{
    const span s = span_of(p, bytes);
    munmap(device_pages[s.first_page], s.page_count * PAGE_WORDS * sizeof(shadow_word));
    for (size_t i = 0; i < s.page_count; i++) {
        device_pages[s.first_page + i] = NULL;
    }
}

/* --- copies and fills of the host --- */

void emu_hook_host_write(const void *p, size_t bytes)
{
    const mark host = {order_now, 0, 0, MARK_ONE};
    const unsigned char *at = (const unsigned char *)p;
    for (size_t i = 0; i < bytes; i += SHADOW_WORD_BYTES) {
        shadow_word *word = shadow_at(at + i);
        if (word->write.kind != MARK_NOWHERE) {
            *word = {host, mark{}, mark{}};
        }
    }
}

void emu_hook_host_read(const void *p, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)p;
    for (size_t i = 0; i < bytes; i += SHADOW_WORD_BYTES) {
        const shadow_word *word = shadow_at(at + i);
        if (word->write.kind != MARK_NOWHERE && word->write.time == 0) {
            char what[160];
            emu_device_describe(what, sizeof what, at + i);
            emu_fail(emu_site{}, "a copy of %zu bytes reads %s, which nothing has written", bytes,
                     what);
        }
    }
}
