/* What a form of the emulator that watches memory learns. The fast form links hooks_none.cpp, where
 * all of this is empty; another form defines the same functions.
 *
 * An access is described by emu_self (thread, warp, block, rank), the epochs of the barriers in
 * state.h at that time, and its place in the source. Addresses: shared memory from emu_shared_base,
 * EMU_SHARED_STRIDE for each block of the cluster; device memory from emu_device_base. */
#ifndef TORC_EMU_HOOKS_H
#define TORC_EMU_HOOKS_H

#include "kernels/emu/state.h"

/* A launch begins; all that came before on its stream has ended. */
void emu_hook_launch(void);
/* A block begins; nothing has written its shared memory. */
void emu_hook_block(const emu_block *block);
/* All have arrived, the waits_at of those that it releases still says so. */
void emu_hook_barrier(const emu_barrier *barrier);

/* cp.async of 16 bytes by emu_self: started, then arrived (the same thread waits for it). */
void emu_hook_copy_start(void *shared, const void *global);
void emu_hook_copy_arrive(void *shared, const void *global);

/* Device memory: given out, taken back, written or read by a copy or fill of the host. */
void emu_hook_allocate(const void *p, size_t bytes);
void emu_hook_free(const void *p, size_t bytes);
void emu_hook_host_write(const void *p, size_t bytes);
void emu_hook_host_read(const void *p, size_t bytes);

#endif
