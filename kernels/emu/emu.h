/* The emulator as tests see it, beside kernels_cuda.h: in which order threads run, and what the
 * device would have to do. Only programs that are linked against the emulator may include this. */
#ifndef TORC_EMU_H
#define TORC_EMU_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The exit code of a program in which the emulator has found a mistake. */
#define TORC_EMU_MISTAKE 97

/* The order for the launches that follow: "forward", "reverse" or "random" with a seed. Without a
 * call the environment's TORC_EMU_ORDER and TORC_EMU_SEED hold. */
void torc_emu_schedule(const char *order, uint64_t seed);

/* The devices: "sm_80", "sm_90" (default; environment: TORC_EMU_PROFILE), "sm_100", "sm_120";
 * "sm_70", for which no kernel is compiled; "none" for a machine without one, "old_driver" for one
 * whose driver is too old. A colon and a number after it limit the blocks of a cluster. */
void torc_emu_profile(const char *name);

/* --- faults --- */

/* The call-th call from now (1: the next) that can fail returns this error and does nothing; 0:
 * none will. Environment: TORC_EMU_FAIL=CALL:CODE. Every call of the CUDA runtime counts but those
 * that free or destroy and those for texts, versions and the last error. A wait that fails drops
 * the work of its stream. After a code that a device does not survive every call returns it, and
 * the work of all streams is dropped; what is freed then is freed. */
void torc_emu_fail(uint64_t call, int error);
uint64_t torc_emu_calls(void); /* that can fail, so far */
/* Live allocations, pinned ones, streams, events, graphs. */
uint64_t torc_emu_objects(void);
/* A new process: nothing of the device lives, nothing is lost, nothing will fail. */
void torc_emu_device_reset(void);

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

/* --- counts: what a device would have to do (count.cpp says how it is found) --- */

/* Of the accesses of one kind. Shared memory is shared, remote and copies to shared. */
typedef struct torc_emu_traffic {
    uint64_t instructions; /* of warps */
    uint64_t accesses;     /* of threads */
    uint64_t bytes;        /* that threads move */
    uint64_t wavefronts;   /* shared memory: passes over its 32 banks */
    uint64_t lines;        /* global memory: lines of 128 bytes an instruction touches, summed */
    uint64_t sectors;      /* global memory: sectors of 32 bytes an instruction touches, summed */
} torc_emu_traffic;

typedef struct torc_emu_counts {
    torc_emu_traffic of[TORC_EMU_SPACES][TORC_EMU_ACTIONS];
    uint64_t
        block_sectors; /* global memory: sectors that a block touches at all, summed over blocks */
    uint64_t blocks;   /* that ran; of phase 0 */
    uint64_t shuffles; /* of warps, of 4 bytes a lane */
    uint64_t warp_barriers, block_barriers, named_barriers,
        cluster_barriers; /* passed, each once */
} torc_emu_counts;

#define TORC_EMU_PHASES     16u
#define TORC_EMU_ALL_PHASES TORC_EMU_PHASES

/* Counts the launches that follow, from zero; or stops. */
void torc_emu_count(bool on);
/* Of one phase: what threads did after their gpu_mark(phase), phase 0 before any; or of all. */
void torc_emu_counts_read(torc_emu_counts *out, uint32_t phase);

/* Called with every launch that is queued from now on; kernel is the address of its function. NULL:
 * nobody is. */
typedef void torc_emu_launch_seen(const void *kernel, uint32_t threads, uint64_t shared_bytes);
void torc_emu_watch_launches(torc_emu_launch_seen *seen);

#ifdef __cplusplus
}
#endif

#endif
