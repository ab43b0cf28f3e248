/* Runs kernels that hold one bug each: a kernel takes `bug`, 0 for the right one. Every case is a
 * process of its own, once right, which must end well, and once with the bug, which must end with
 * the emulator's exit code and a report that holds the words expected here. */
#ifndef TORC_EMU_CHECK_TEST_PLANTED_H
#define TORC_EMU_CHECK_TEST_PLANTED_H

#include "kernels/emu/test/mistake.h"

#define THREADS   128u /* of a block; grids are two blocks */
#define OUT_WORDS (4 * THREADS + 1)
#define OUT_BYTES (sizeof(uint32_t) * OUT_WORDS) /* 2 THREADS doubles and a word */

/* How the launch of a bug differs from that of the right kernel. */
typedef enum planted_launch {
    AS_EVER,
    SHORT_SHARED, /* 16 bytes less of shared memory */
    NOT_CLEARED,  /* nothing has written `out` */
    HOST_POINTER  /* `out` is memory of the host */
} planted_launch;

typedef struct planted {
    const char *name;
    void (*kernel)(double *out, uint32_t bug);
    uint32_t cluster;
    const char *words; /* of the report; NULL: must be silent, though `bug` is set */
    uint32_t bug;
    planted_launch launch;
} planted;

__device__ __forceinline__ uint32_t planted_index(void)
{
    return blockIdx.x * THREADS + threadIdx.x;
}

/* Words of the block's shared memory, all written before any thread goes on. */
__device__ __forceinline__ void planted_fill(double *x, uint32_t count)
{
    for (uint32_t i = threadIdx.x; i < count; i += THREADS) {
        gpu_store_shared(x + i, 0.0);
    }
    gpu_sync_block();
}

/* A row of the table, run right or with its bug. */
typedef struct planted_try {
    mistake is;
    const planted *row;
    uint32_t bug; /* 0: right */
} planted_try;

static inline void planted_run(const mistake *m)
{
    const planted_try *t = (const planted_try *)m; /* whose first member it is */
    const planted *p = t->row;
    torc_gpu_stream stream = NULL;
    double *device = NULL;
    static double host[OUT_WORDS];
    const planted_launch launch = t->bug == 0 ? AS_EVER : p->launch;
    must(torc_gpu_stream_create(&stream));
    must(torc_gpu_alloc((void **)&device, OUT_BYTES));
    if (launch != NOT_CLEARED) {
        must(torc_gpu_set_zero(device, OUT_BYTES, stream));
    }
    gpu_grid grid = {};
    grid.blocks = 2;
    grid.threads = THREADS;
    grid.shared_bytes = 16 * THREADS - (launch == SHORT_SHARED ? 16 : 0);
    grid.stream = stream;
    grid.cluster = p->cluster;
    must(gpu_launch(&grid, p->kernel, launch == HOST_POINTER ? host : device, t->bug));
    must(torc_gpu_stream_wait(stream));
    torc_gpu_free(device);
    torc_gpu_stream_destroy(stream);
    exit(0);
}

/* All of the table, or with arguments `name [bug]` that one in this process. The exit code. */
static inline int planted_main(int argc, char **argv, const planted *table, size_t count)
{
    int wrong = 0;
    for (size_t i = 0; i < count; i++) {
        const planted *p = &table[i];
        const planted_try right = {{p->name, NULL, 0, NULL, NULL}, p, 0};
        const planted_try with_bug = {{p->name, NULL, 0, NULL, p->words}, p, p->bug};
        if (argc == 1) {
            wrong += !mistake_is_found(&right.is, planted_run);
            wrong += !mistake_is_found(&with_bug.is, planted_run);
        } else if (strcmp(argv[1], p->name) == 0) {
            const planted_try asked = {right.is, p, argc > 2 ? (uint32_t)atoi(argv[2]) : p->bug};
            planted_run(&asked.is);
        }
    }
    printf("%zu kernels, each right and with its bug: %d wrong outcomes\n", count, wrong);
    return wrong == 0 ? 0 : 1;
}

/* A row of the table. */
#define PLANTED(name, cluster, words)           \
    {                                           \
#name, name, cluster, words, 1, AS_EVER \
    }
#define PLANTED_BUG(name, bug, words)       \
    {                                       \
#name, name, 1, words, bug, AS_EVER \
    }
#define PLANTED_LAUNCH(name, launch, words) \
    {                                       \
#name, name, 1, words, 1, launch    \
    }

#endif
