/* Barriers: of a warp, a block, a cluster, and named ones. A thread that arrives too early stays
 * out of the ready set; the last to arrive puts all of them back, itself too. Threads that have
 * ended still count, as the rules of gpu.h want: who waits for one of them waits for ever, which
 * gang.cpp reports. */
#include "kernels/emu/calls.h"
#include "kernels/emu/count.h"
#include "kernels/emu/hooks.h"
#include "kernels/emu/schedule.h"

#include <string.h>

const char *emu_barrier_name(const emu_barrier *barrier)
{
    static const char *const names[] = {"warp", "shuffle's", "block", "named", "cluster"};
    return names[barrier->kind];
}

static void release(emu_barrier *barrier)
{
    emu_hook_barrier(barrier);
    if (emu_counting) {
        emu_count_barrier(barrier);
    }
    const bool reverse = emu_option_order() == EMU_REVERSE; /* runs the last pushed first */
    for (uint32_t i = 0; i < barrier->span; i++) {
        const uint32_t at = reverse ? i : barrier->span - 1 - i;
        emu_fiber *fiber = emu_running.fibers + barrier->first + at;
        if (fiber->waits_at == barrier) {
            fiber->waits_at = NULL;
            fiber->warp->window += fiber->lane == 0;
            emu_ready_add(fiber);
        }
    }
    barrier->arrived = 0;
    barrier->epoch++;
}

static bool same_site(emu_site a, emu_site b)
{
    return a.line == b.line && (a.file == b.file || strcmp(a.file, b.file) == 0);
}

void emu_wait(emu_barrier *barrier, emu_site at)
{
    if (barrier->arrived == 0) {
        barrier->where = at;
    } else if (!same_site(barrier->where, at)) {
        emu_fail(at, "divergent barrier: %u threads wait at the %s barrier of %s:%u",
                 barrier->arrived, emu_barrier_name(barrier), emu_file(barrier->where),
                 barrier->where.line);
    }
    emu_self->waits_at = barrier;
    if (++barrier->arrived == barrier->expected) {
        release(barrier);
    }
    emu_next();
}

void emu_wait_named(uint32_t id, uint32_t threads, emu_site at)
{
    if (id == 0 || id >= EMU_NAMED_BARRIERS || threads == 0 || threads % EMU_WARP_LANES != 0 ||
        threads > emu_running.threads.x) {
        emu_fail(at,
                 "named barrier %u of %u threads: ids are 1 .. 15, threads multiples of 32 "
                 "up to those of the block",
                 id, threads);
    }
    emu_barrier *barrier = &emu_self->block->named[id];
    if (barrier->arrived > 0 && barrier->expected != threads) {
        emu_fail(at, "named barrier %u: for %u threads here, for %u at %s:%u", id, threads,
                 barrier->expected, emu_file(barrier->where), barrier->where.line);
    }
    barrier->expected = threads;
    emu_wait(barrier, at);
}

/* Two boards in turn: a lane that is one exchange ahead writes the other one, and none can be two
 * ahead. */
const unsigned char (*emu_exchange(const void *v, uint32_t bytes, emu_site at))[EMU_EXCHANGE_BYTES]
{
    emu_warp *warp = emu_self->warp;
    unsigned char(*board)[EMU_EXCHANGE_BYTES] = warp->board[warp->exchange.epoch % 2];
    memcpy(board[emu_self->lane], v, bytes);
    if (emu_counting && emu_self->lane == 0) {
        emu_count_shuffle(bytes);
    }
    emu_wait(&warp->exchange, at);
    return board;
}

uint64_t emu_clock(void)
{
    static uint64_t now;
    return now += 64;
}

void emu_mark(uint32_t phase)
{
    emu_self->phase = phase % TORC_EMU_PHASES;
}
