/* Runs the blocks of a grid, cluster by cluster: gives every thread a fiber, every block fresh
 * shared memory full of poison, and sees how they end. */
#include "kernels/emu/count.h"
#include "kernels/emu/hooks.h"
#include "kernels/emu/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

emu_gang emu_running;
unsigned char *emu_shared_base;

static emu_warp *warps;
static void (*run_call)(const void *call);
static const void *running_call;

static void *map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    if (p == MAP_FAILED) {
        emu_fail(emu_site{}, "no memory for the emulated blocks");
    }
    return p;
}

static void allocate_once(void)
{
    if (emu_shared_base == NULL) {
        emu_shared_base = (unsigned char *)map(EMU_MAX_CLUSTER * EMU_SHARED_STRIDE);
        emu_running.fibers =
            (emu_fiber *)map(sizeof(emu_fiber) * EMU_MAX_CLUSTER * EMU_MAX_THREADS);
        warps = (emu_warp *)map(sizeof(emu_warp) * EMU_MAX_CLUSTER * EMU_MAX_WARPS);
    }
}

/* --- start --- */

static void barrier_begin(emu_barrier *barrier, emu_barrier_kind kind, uint32_t first,
                          uint32_t span)
{
    *barrier = emu_barrier{};
    barrier->kind = kind;
    barrier->first = first;
    barrier->span = span;
    barrier->expected = span;
}

static void poison(unsigned char *p, size_t bytes)
{
    const uint64_t pattern = EMU_POISON;
    for (size_t i = 0; i < bytes; i += 8) {
        __builtin_memcpy(p + i, &pattern, 8);
    }
}

static void enter_thread(void)
{
    run_call(running_call);
    emu_copies_end();
    emu_cluster_end();
    emu_self->ended = true;
    emu_next();
    abort(); /* nobody makes an ended thread ready */
}

static void thread_begin(emu_block *block, uint32_t thread)
{
    emu_fiber *fiber = &block->fibers[thread];
    const uint32_t number = block->rank * block->threads + thread;
    fiber->thread = dim3(thread, 0, 0);
    fiber->lane = thread % EMU_WARP_LANES;
    fiber->warp = &block->warps[thread / EMU_WARP_LANES];
    fiber->block = block;
    fiber->waits_at = NULL;
    fiber->phase = 0;
    fiber->ended = false;
    emu_fiber_prepare(fiber, number, enter_thread);
}

static void block_begin(emu_block *block, uint32_t rank, uint32_t index, uint32_t threads,
                        size_t shared_bytes)
{
    const uint32_t first = rank * threads;
    block->shared = emu_shared_base + rank * EMU_SHARED_STRIDE;
    block->shared_bytes = shared_bytes;
    poison(block->shared, (shared_bytes + 7) / 8 * 8);
    block->index = dim3(index, 0, 0);
    block->rank = rank;
    block->threads = block->alive = threads;
    block->fibers = emu_running.fibers + first;
    block->warps = warps + first / EMU_WARP_LANES;
    block->visited = false;
    barrier_begin(&block->barrier, EMU_BLOCK_BARRIER, first, threads);
    for (uint32_t i = 0; i < EMU_NAMED_BARRIERS; i++) {
        barrier_begin(&block->named[i], EMU_NAMED_BARRIER, first, threads);
    }
    for (uint32_t w = 0; w < threads / EMU_WARP_LANES; w++) {
        const uint32_t warp_first = first + w * EMU_WARP_LANES;
        emu_warp *warp = &block->warps[w];
        barrier_begin(&warp->barrier, EMU_WARP_BARRIER, warp_first, EMU_WARP_LANES);
        barrier_begin(&warp->exchange, EMU_SHUFFLE, warp_first, EMU_WARP_LANES);
        warp->window = 0;
    }
    emu_hook_block(block);
    for (uint32_t t = 0; t < threads; t++) {
        thread_begin(block, t);
    }
}

/* --- end --- */

/* Threads wait and none can run. */
static void report_stuck(void)
{
    for (uint32_t r = 0; r < emu_running.cluster; r++) {
        const emu_block *block = &emu_running.blocks[r];
        for (uint32_t t = 0; t < block->threads; t++) {
            const emu_barrier *barrier = block->fibers[t].waits_at;
            if (barrier != NULL) {
                emu_self = &block->fibers[t];
                emu_fail(barrier->where,
                         "deadlock: the %s barrier waits for %u threads, %u came, "
                         "%u of the block's have ended",
                         emu_barrier_name(barrier), barrier->expected, barrier->arrived,
                         block->threads - block->alive);
            }
        }
    }
}

/* --- grid --- */

static void run_gang(uint32_t first_block, size_t shared_bytes)
{
    emu_gang *gang = &emu_running;
    const bool reverse = emu_option_order() == EMU_REVERSE;
    const uint32_t threads = gang->threads.x, count = threads * gang->cluster;
    barrier_begin(&gang->barrier, EMU_CLUSTER_BARRIER, 0, count);
    for (uint32_t r = 0; r < gang->cluster; r++) {
        block_begin(&gang->blocks[r], r, first_block + r, threads, shared_bytes);
    }
    for (uint32_t i = 0; i < count; i++) {
        emu_ready_add(&gang->fibers[reverse ? i : count - 1 - i]);
    }
    emu_fibers_run();
    report_stuck();
    if (emu_counting) {
        emu_count_gang_end();
    }
}

static uint32_t *gang_order(uint32_t count)
{
    uint32_t *order = (uint32_t *)malloc(sizeof(uint32_t) * (count == 0 ? 1 : count));
    if (order == NULL) {
        emu_fail(emu_site{}, "no memory for a grid of %u clusters", count);
    }
    for (uint32_t i = 0; i < count; i++) {
        const emu_order how = emu_option_order();
        const uint32_t at = how == EMU_RANDOM ? emu_random_below(i + 1) : i;
        order[i] = order[at];
        order[at] = how == EMU_REVERSE ? count - 1 - i : i;
    }
    return order;
}

void emu_run_grid(dim3 grid, dim3 threads, uint32_t cluster, size_t shared_bytes,
                  void (*run)(const void *call), const void *call)
{
    allocate_once();
    emu_running.grid = grid;
    emu_running.threads = threads;
    emu_running.cluster = cluster;
    run_call = run;
    running_call = call;
    emu_hook_launch();
    const uint32_t gangs = grid.x / cluster;
    uint32_t *order = gang_order(gangs);
    for (uint32_t i = 0; i < gangs; i++) {
        run_gang(order[i] * cluster, shared_bytes);
    }
    free(order);
}
