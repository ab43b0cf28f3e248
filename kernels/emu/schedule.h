/* Inside the emulator: fibers, the set of those that may run, and the options. */
#ifndef TORC_EMU_SCHEDULE_H
#define TORC_EMU_SCHEDULE_H

#include "kernels/emu/state.h"

typedef enum emu_order { EMU_FORWARD, EMU_REVERSE, EMU_RANDOM } emu_order;

/* --- options (options.cpp): TORC_EMU_ORDER, TORC_EMU_SEED, read once --- */

emu_order emu_option_order(void);
/* Numbers for choices that a device leaves open; a sequence given by the seed. */
uint32_t emu_random_below(uint32_t count);
void emu_random_restart(void);

const char *emu_barrier_name(const emu_barrier *barrier);

/* --- fibers (fiber.cpp) --- */

/* Stack and start of fiber `number` of the gang; enter() runs on its first turn and must not
 * return. */
void emu_fiber_prepare(emu_fiber *fiber, uint32_t number, void (*enter)(void));

/* Runs fibers from the ready set until none is left; called on the host's stack. */
void emu_fibers_run(void);

/* --- the ready set (fiber.cpp) --- */

void emu_ready_add(emu_fiber *fiber); /* the last added runs first, or a random one */
/* Goes on with the next ready fiber; returns when somebody has made this one ready and it is its
 * turn. Does not return to a fiber that has ended. */
void emu_next(void);

/* --- ends (copy_async.cpp, cluster.cpp) --- */

void emu_copies_end(void);  /* of a thread: nothing may be under way */
void emu_cluster_end(void); /* of a thread; of its block with the last one */

/* --- gangs (gang.cpp) --- */

void emu_run_grid(dim3 grid, dim3 threads, uint32_t cluster, size_t shared_bytes,
                  void (*run)(const void *call), const void *call);

#endif
