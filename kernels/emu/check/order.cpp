/* Clocks of the warps: see order.h. */
#include "kernels/emu/check/order.h"

#include "kernels/emu/check/crowd.h"
#include "kernels/emu/hooks.h"
#include "kernels/emu/schedule.h"

#include <algorithm>
#include <vector>

#define TIME_LIMIT ((uint64_t)1 << 36) /* of a mark */

uint64_t order_now = 1, order_launch, order_gang; /* time 0: never */
uint32_t order_warps;
uint64_t order_known[ORDER_WARPS][ORDER_WARPS];

typedef struct gang_start {
    uint64_t time;
    uint32_t first_block;
} gang_start;

static std::vector<gang_start> &gangs(void) /* of the launch */
{
    static auto *all = new std::vector<gang_start>;
    return *all;
}

static uint64_t next_time(void)
{
    if (++order_now == TIME_LIMIT) {
        emu_fail(emu_site{}, "the check form counts %llu events and no more; take smaller sizes",
                 (unsigned long long)TIME_LIMIT);
    }
    return order_now;
}

/* --- starts --- */

void emu_hook_launch(void)
{
    order_launch = next_time();
    gangs().clear();
    crowds_begin_launch();
}

static void begin_gang(uint32_t first_block)
{
    order_gang = next_time();
    order_warps = emu_running.cluster * (emu_running.threads.x / EMU_WARP_LANES);
    gangs().push_back({order_gang, first_block});
    for (uint32_t w = 0; w < order_warps; w++) {
        std::fill_n(order_known[w], order_warps, order_gang - 1);
    }
    crowds_begin_gang(order_warps);
}

void emu_hook_block(const emu_block *block)
{
    if (block->rank == 0) {
        begin_gang(block->index.x);
    }
}

uint32_t order_first_block(uint64_t time)
{
    uint32_t first = 0;
    for (const gang_start &gang : gangs()) {
        if (gang.time <= time) {
            first = gang.first_block;
        }
    }
    return first;
}

/* --- barriers --- */

/* The warps that meet at the barrier, by number in the gang; returns how many. */
static uint32_t warps_at(const emu_barrier *barrier, uint32_t warps[ORDER_WARPS])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < barrier->span; i += EMU_WARP_LANES) {
        uint32_t lanes = 0;
        for (uint32_t lane = 0; lane < EMU_WARP_LANES; lane++) {
            lanes += emu_running.fibers[barrier->first + i + lane].waits_at == barrier;
        }
        if (lanes > 0 && lanes < EMU_WARP_LANES) {
            emu_fail(barrier->where, "%s barrier: %u of the 32 lanes of a warp meet there",
                     emu_barrier_name(barrier), lanes);
        }
        if (lanes > 0) {
            warps[count++] = (barrier->first + i) / EMU_WARP_LANES;
        }
    }
    return count;
}

void emu_hook_barrier(const emu_barrier *barrier)
{
    if (barrier->kind == EMU_SHUFFLE) {
        return; /* lanes meet, but their accesses to memory have no order by that */
    }
    uint32_t warps[ORDER_WARPS];
    uint64_t merged[ORDER_WARPS];
    const uint32_t count = warps_at(barrier, warps);
    std::fill_n(merged, order_warps, 0);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t u = 0; u < order_warps; u++) {
            merged[u] = std::max(merged[u], order_known[warps[i]][u]);
        }
    }
    const uint64_t time = next_time();
    for (uint32_t i = 0; i < count; i++) {
        merged[warps[i]] = time - 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        std::copy_n(merged, order_warps, order_known[warps[i]]);
    }
}
