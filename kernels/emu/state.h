/* What the emulator knows about the running threads: one fiber per CUDA thread, 32 of them a warp,
 * warps a block, the blocks of one cluster a gang. A gang runs to its end before the next begins;
 * all of it on one host thread, so emu_self, the fiber that runs, is a plain pointer.
 *
 * Order of events, for whoever checks accesses: two accesses of different threads are ordered when
 * a barrier that both pass lies between. Each barrier counts its completions in `epoch`, and each
 * warp those of any kind that it has passed in `window`: so an access is described by its thread,
 * the window of its warp, and the epochs of its block and cluster barriers at that time. */
#ifndef TORC_EMU_STATE_H
#define TORC_EMU_STATE_H

#include "kernels/emu/cuda_words.h"
#include "kernels/emu/switch.h"

/* A place in a kernel's source. As default argument emu_here() is the place of the call. */
typedef struct emu_site {
    const char *file;
    uint32_t line;
} emu_site;

constexpr emu_site emu_here(const char *file = __builtin_FILE(), uint32_t line = __builtin_LINE())
{
    return emu_site{file, line};
}

#define EMU_WARP_LANES     32u
#define EMU_NAMED_BARRIERS 16u
#define EMU_MAX_THREADS    1024u /* of a block */
#define EMU_MAX_WARPS      (EMU_MAX_THREADS / EMU_WARP_LANES)
#define EMU_MAX_CLUSTER    8u
#define EMU_SHARED_STRIDE  ((size_t)256 << 10) /* from block to block of a cluster */
#define EMU_EXCHANGE_BYTES 32u                 /* that a lane shows its warp at once */
#define EMU_POISON         0x7FF4DEADBEEF5A5Au /* a NaN; as an integer, nothing plausible */

typedef enum emu_barrier_kind {
    EMU_WARP_BARRIER,
    EMU_SHUFFLE, /* any exchange between the lanes of a warp */
    EMU_BLOCK_BARRIER,
    EMU_NAMED_BARRIER,
    EMU_CLUSTER_BARRIER
} emu_barrier_kind;

/* Where threads wait for each other. Complete when `expected` have arrived; then those of `first`
 * .. first + span - 1 (fibers of the gang) that wait here may run again. */
typedef struct emu_barrier {
    uint32_t expected, arrived;
    uint32_t first, span;
    uint32_t epoch; /* completions since the block began */
    emu_site where; /* of the arrivals so far */
    emu_barrier_kind kind;
} emu_barrier;

struct emu_block;

typedef struct emu_warp {
    emu_barrier barrier, exchange;
    uint32_t window; /* barriers of any kind that the warp has passed */
    unsigned char board[2][EMU_WARP_LANES][EMU_EXCHANGE_BYTES]; /* alternating exchanges */
} emu_warp;

typedef struct emu_fiber {
    emu_context context; /* while it does not run */
    dim3 thread;         /* threadIdx */
    uint32_t number;     /* in the gang: rank * threads + threadIdx.x */
    uint32_t lane;
    emu_warp *warp;
    struct emu_block *block;
    emu_barrier *waits_at; /* NULL: runs or may run */
    uint32_t phase;        /* last gpu_mark */
    bool ended;
    void *stack_low, *stack_high;
} emu_fiber;

typedef struct emu_block {
    unsigned char *shared; /* its shared memory */
    size_t shared_bytes;
    dim3 index;    /* blockIdx */
    uint32_t rank; /* in the cluster */
    uint32_t threads, alive;
    emu_barrier barrier, named[EMU_NAMED_BARRIERS];
    emu_fiber *fibers; /* [threads] */
    emu_warp *warps;
    bool visited;           /* another block used its shared memory ... */
    uint32_t visited_epoch; /* ... in this epoch of the cluster's barrier, last */
    emu_site visited_where;
} emu_block;

/* The blocks that run together. */
typedef struct emu_gang {
    dim3 grid, threads;  /* gridDim, blockDim */
    uint32_t cluster;    /* blocks */
    emu_barrier barrier; /* of the cluster */
    emu_fiber *fibers;   /* [cluster * threads], in the order of their numbers */
    emu_block blocks[EMU_MAX_CLUSTER];
} emu_gang;

extern EMU_HIDDEN emu_fiber *emu_self; /* NULL while no kernel runs */
extern EMU_HIDDEN emu_gang emu_running;
extern EMU_HIDDEN unsigned char *emu_shared_base; /* [EMU_MAX_CLUSTER][EMU_SHARED_STRIDE] */
extern EMU_HIDDEN unsigned char *emu_device_base; /* device memory: one range of addresses */
extern EMU_HIDDEN size_t emu_device_bytes;

size_t emu_page_bytes(void); /* of memory protection here */

/* The file of a site, from the root of the sources. */
const char *emu_file(emu_site at);

/* Reports a mistake, with place and thread where one runs, and ends the program. */
[[noreturn]] void emu_fail(emu_site at, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

#endif
