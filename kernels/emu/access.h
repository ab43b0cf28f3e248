/* One access of one thread: emu_touch checks what every access must fulfil, cheaply enough for
 * whole bootstraps; loads also see memory that nothing has written.
 *
 *   shared, copies to shared   inside the block's shared memory, aligned
 *   global, read-only, stream  inside device memory, aligned (which allocation: page protection)
 *   remote                     checked where the address is made, emu_remote_pointer */
#ifndef TORC_EMU_ACCESS_H
#define TORC_EMU_ACCESS_H

#include "kernels/emu/emu.h"
#include "kernels/emu/state.h"

#include <string.h>

/* Kernels built with EMU_WATCH (check/) are instrumented for their plain accesses; those of the
 * wrappers stay apart, each told to emu_hook_access. */
#ifdef EMU_WATCH
#define EMU_ACCESS __attribute__((noinline, no_sanitize("thread")))
#else
#define EMU_ACCESS __forceinline__
#endif

typedef struct emu_access {
    torc_emu_space space;
    torc_emu_action action;
    const void *address;
    uint32_t bytes;
    emu_site at;
} emu_access;

void emu_hook_access(const emu_access *access); /* before it happens; with EMU_WATCH */

extern EMU_HIDDEN bool emu_counting;
void emu_count_access(const emu_access *access);

[[noreturn]] void emu_bad_access(const emu_access *access);
[[noreturn]] void emu_unwritten(const emu_access *access);

__forceinline__ bool emu_inside(const void *p, uint32_t bytes, const unsigned char *base,
                                size_t size)
{
    const size_t offset = (size_t)((const unsigned char *)p - base);
    return offset < size && size - offset >= bytes && (uintptr_t)p % bytes == 0;
}

__forceinline__ void emu_touch(const emu_access *a)
{
    const emu_block *block = emu_self->block;
    const bool fine = a->space == TORC_EMU_REMOTE ? true
                      : a->space == TORC_EMU_SHARED || a->space == TORC_EMU_COPY_TO
                          ? emu_inside(a->address, a->bytes, block->shared, block->shared_bytes)
                          : emu_inside(a->address, a->bytes, emu_device_base, emu_device_bytes);
    if (__builtin_expect(!fine, 0)) {
        emu_bad_access(a);
    }
#ifdef EMU_WATCH
    emu_hook_access(a);
#endif
    if (__builtin_expect(emu_counting, 0)) {
        emu_count_access(a);
    }
}

template <class type>
EMU_ACCESS type emu_load(torc_emu_space space, const type *p, emu_site at,
                         torc_emu_action action = TORC_EMU_LOAD)
{
    const emu_access access = {space, action, p, sizeof(type), at};
    emu_touch(&access);
    const type v = *p;
    if constexpr (sizeof(type) >= 8) { /* words of 4 bytes may have these bits by chance */
        uint64_t first;
        memcpy(&first, &v, 8);
        if (__builtin_expect(first == EMU_POISON, 0)) {
            emu_unwritten(&access);
        }
    }
    return v;
}

template <class type> EMU_ACCESS void emu_store(torc_emu_space space, type *p, type v, emu_site at)
{
    const emu_access access = {space, TORC_EMU_STORE, p, sizeof(type), at};
    emu_touch(&access);
    *p = v;
}

template <class type> EMU_ACCESS void emu_add(torc_emu_space space, type *p, type v, emu_site at)
{
    *p = (type)(emu_load(space, p, at, TORC_EMU_ADD) + v);
}

#endif
