/* The fast form watches nothing. */
#include "kernels/emu/hooks.h"

void emu_hook_launch(void) {}
void emu_hook_block(const emu_block *) {}
void emu_hook_barrier(const emu_barrier *) {}
void emu_hook_copy_start(void *, const void *) {}
void emu_hook_copy_arrive(void *, const void *) {}
void emu_hook_allocate(const void *, size_t) {}
void emu_hook_free(const void *, size_t) {}
void emu_hook_host_write(const void *, size_t) {}
void emu_hook_host_read(const void *, size_t) {}
