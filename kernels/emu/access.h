/* One access of one thread: emu_touch checks what every access must fulfil, cheaply enough for
 * whole bootstraps; loads also see memory that nothing has written.
 *
 *   shared, copies to shared   inside the block's shared memory, aligned
 *   global, read-only, stream  inside device memory, aligned (which allocation: page protection)
 *   remote                     checked where the address is made, emu_remote_pointer */
#ifndef TORC_EMU_ACCESS_H
#define TORC_EMU_ACCESS_H

#include "kernels/emu/state.h"

#include <string.h>

typedef enum emu_kind {
    EMU_SHARED,
    EMU_GLOBAL,
    EMU_READONLY,
    EMU_STREAM,
    EMU_REMOTE,
    EMU_COPY_FROM, /* the global side of cp.async */
    EMU_COPY_TO    /* its shared side */
} emu_kind;

[[noreturn]] void emu_bad_access(emu_kind kind, const void *p, uint32_t bytes, emu_site at);
[[noreturn]] void emu_unwritten(emu_kind kind, const void *p, emu_site at);

__forceinline__ bool emu_inside(const void *p, uint32_t bytes, const unsigned char *base,
                                size_t size)
{
    const size_t offset = (size_t)((const unsigned char *)p - base);
    return offset < size && size - offset >= bytes && (uintptr_t)p % bytes == 0;
}

__forceinline__ void emu_touch(emu_kind kind, const void *p, uint32_t bytes, emu_site at)
{
    const emu_block *block = emu_self->block;
    const bool fine = kind == EMU_REMOTE ? true
                      : kind == EMU_SHARED || kind == EMU_COPY_TO
                          ? emu_inside(p, bytes, block->shared, block->shared_bytes)
                          : emu_inside(p, bytes, emu_device_base, emu_device_bytes);
    if (__builtin_expect(!fine, 0)) {
        emu_bad_access(kind, p, bytes, at);
    }
}

template <class type> __forceinline__ type emu_load(emu_kind kind, const type *p, emu_site at)
{
    emu_touch(kind, p, sizeof(type), at);
    const type v = *p;
    if constexpr (sizeof(type) >= 8) { /* words of 4 bytes may have these bits by chance */
        uint64_t first;
        memcpy(&first, &v, 8);
        if (__builtin_expect(first == EMU_POISON, 0)) {
            emu_unwritten(kind, p, at);
        }
    }
    return v;
}

template <class type> __forceinline__ void emu_store(emu_kind kind, type *p, type v, emu_site at)
{
    emu_touch(kind, p, sizeof(type), at);
    *p = v;
}

template <class type> __forceinline__ void emu_add(emu_kind kind, type *p, type v, emu_site at)
{
    emu_store(kind, p, (type)(emu_load(kind, p, at) + v), at);
}

#endif
