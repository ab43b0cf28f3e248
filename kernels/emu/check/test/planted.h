/* Runs kernels that hold one bug each: a kernel takes `bug`, 0 for the right one. Every case is a
 * process of its own, once right, which must end well, and once with the bug, which must end with
 * the emulator's exit code and a report that holds the words expected here. */
#ifndef TORC_EMU_CHECK_TEST_PLANTED_H
#define TORC_EMU_CHECK_TEST_PLANTED_H

#include "kernels/cuda/gpu.h"
#include "kernels/emu/emu.h"
#include "kernels/kernels_cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

static inline void planted_must(int error)
{
    if (error != 0) {
        fprintf(stderr, "planted: %s\n", torc_gpu_error_text(error));
        exit(1);
    }
}

[[noreturn]] static inline void planted_run(const planted *p, uint32_t bug)
{
    torc_gpu_stream stream = NULL;
    double *device = NULL;
    static double host[OUT_WORDS];
    const planted_launch launch = bug == 0 ? AS_EVER : p->launch;
    planted_must(torc_gpu_stream_create(&stream));
    planted_must(torc_gpu_alloc((void **)&device, OUT_BYTES));
    if (launch != NOT_CLEARED) {
        planted_must(torc_gpu_set_zero(device, OUT_BYTES, stream));
    }
    gpu_grid grid = {};
    grid.blocks = 2;
    grid.threads = THREADS;
    grid.shared_bytes = 16 * THREADS - (launch == SHORT_SHARED ? 16 : 0);
    grid.stream = stream;
    grid.cluster = p->cluster;
    planted_must(gpu_launch(&grid, p->kernel, launch == HOST_POINTER ? host : device, bug));
    planted_must(torc_gpu_stream_wait(stream));
    torc_gpu_free(device);
    torc_gpu_stream_destroy(stream);
    exit(0);
}

/* Exit code of a process that runs it, and what it says. */
static inline int planted_outcome(const planted *p, uint32_t bug, char *said, size_t room)
{
    int ends[2];
    if (pipe(ends) != 0) {
        exit(1);
    }
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        planted_run(p, bug);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got = 1; got > 0 && length + 1 < room; length += (size_t)got) {
        got = read(ends[0], said + length, room - 1 - length);
        got = got < 0 ? 0 : got;
    }
    said[length] = '\0';
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int planted_check(const planted *p, uint32_t bug, const char *words)
{
    char said[2000];
    const int code = planted_outcome(p, bug, said, sizeof said);
    const bool fine = words == NULL ? code == 0 && said[0] == '\0'
                                    : code == TORC_EMU_MISTAKE && strstr(said, words) != NULL;
    if (!fine) {
        fprintf(stderr, "planted: %s, bug %u: code %d, '%s', expected '%s'\n", p->name, bug, code,
                said, words == NULL ? "silence" : words);
    }
    return fine ? 0 : 1;
}

/* All of the table, or with arguments `name bug` that one in this process. Returns the exit code.
 */
static inline int planted_main(int argc, char **argv, const planted *table, size_t count)
{
    int wrong = 0;
    for (size_t i = 0; i < count; i++) {
        if (argc == 3 && strcmp(argv[1], table[i].name) == 0) {
            planted_run(&table[i], (uint32_t)atoi(argv[2]));
        }
    }
    for (size_t i = 0; i < count; i++) {
        wrong += planted_check(&table[i], 0, NULL);
        wrong += planted_check(&table[i], table[i].bug, table[i].words);
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
