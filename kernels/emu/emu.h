/* The emulator as tests see it, beside kernels_cuda.h: in which order threads run, and what the
 * device would have to do. Only programs that are linked against the emulator may include this. */
#ifndef TORC_EMU_H
#define TORC_EMU_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The exit code of a program in which the emulator has found a mistake. */
#define TORC_EMU_MISTAKE 97

/* The order for the launches that follow: "forward", "reverse" or "random" with a seed. Without a
 * call the environment's TORC_EMU_ORDER and TORC_EMU_SEED hold. */
void torc_emu_schedule(const char *order, uint64_t seed);

/* Where an access goes, as gpu.h names it. */
typedef enum torc_emu_space {
    TORC_EMU_SHARED,
    TORC_EMU_GLOBAL,
    TORC_EMU_READONLY,
    TORC_EMU_STREAM,
    TORC_EMU_REMOTE,
    TORC_EMU_COPY_FROM, /* the global side of an asynchronous copy */
    TORC_EMU_COPY_TO,   /* its shared side */
    TORC_EMU_SPACES
} torc_emu_space;

typedef enum torc_emu_action {
    TORC_EMU_LOAD,
    TORC_EMU_STORE,
    TORC_EMU_ADD, /* integer sum in memory */
    TORC_EMU_ACTIONS
} torc_emu_action;

#ifdef __cplusplus
}
#endif

#endif
