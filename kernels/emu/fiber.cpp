/* Fibers: a stack for every CUDA thread, and the set of those that may run. A thread that waits
 * switches straight to the next.
 *
 * The ready set is a stack: what a barrier releases runs before everything older, so one warp runs
 * ahead as far as barriers let it. Forward and reverse differ in the order in which a barrier
 * pushes; random takes any element. */
#include "kernels/emu/schedule.h"

#include <sys/mman.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)64 << 10)
#define MAX_FIBERS  (EMU_MAX_CLUSTER * EMU_MAX_THREADS)

emu_fiber *emu_self;

static unsigned char *stacks; /* [MAX_FIBERS], each a guard page and a stack */
static uint32_t stacks_open;  /* so many of them may be used */
static emu_fiber *ready[MAX_FIBERS];
static uint32_t ready_count;
static emu_context host;
static bool random_order;

/* --- stacks --- */

size_t emu_page_bytes(void)
{
    static size_t bytes;
    if (bytes == 0) {
        bytes = (size_t)sysconf(_SC_PAGESIZE);
    }
    return bytes;
}

/* A guard page and a stack. */
static size_t stride_bytes(void)
{
    return emu_page_bytes() + STACK_BYTES;
}

static void open_stacks(uint32_t count)
{
    const size_t each = stride_bytes();
    if (stacks == NULL) {
        void *p = mmap(NULL, MAX_FIBERS * each, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) {
            emu_fail(emu_site{}, "no addresses for the stacks of threads");
        }
        stacks = (unsigned char *)p;
    }
    for (; stacks_open < count; stacks_open++) {
        if (mprotect(stacks + stacks_open * each + emu_page_bytes(), STACK_BYTES,
                     PROT_READ | PROT_WRITE) != 0) {
            emu_fail(emu_site{}, "no memory for the stacks of threads");
        }
    }
}

void emu_fiber_prepare(emu_fiber *fiber, uint32_t number, void (*enter)(void))
{
    if (number >= stacks_open) {
        open_stacks(number + 1);
    }
    fiber->number = number;
    fiber->stack_low = stacks + number * stride_bytes() + emu_page_bytes();
    fiber->stack_high = (unsigned char *)fiber->stack_low + STACK_BYTES;
    /* Staggered: else the hot ends of all stacks compete for the same sets of the cache. */
    const size_t stagger = 64 * (size_t)(number * 5 % 61);
    emu_context_prepare(&fiber->context, fiber->stack_low,
                        (unsigned char *)fiber->stack_high - stagger, enter);
}

/* --- ready set --- */

void emu_ready_add(emu_fiber *fiber)
{
    ready[ready_count++] = fiber;
}

static emu_fiber *take_ready(void)
{
    const uint32_t last = --ready_count;
    if (random_order) {
        const uint32_t any = emu_random_below(last + 1);
        emu_fiber *taken = ready[any];
        ready[any] = ready[last];
        return taken;
    }
    return ready[last];
}

void emu_next(void)
{
    emu_fiber *from = emu_self;
    if (__builtin_expect(ready_count == 0, 0)) {
        emu_self = NULL;
        emu_context_switch(&from->context, &host);
        return;
    }
    emu_fiber *to = take_ready();
    if (to != from) {
        emu_self = to;
        emu_context_switch(&from->context, &to->context);
    }
}

void emu_fibers_run(void)
{
    if (ready_count > 0) {
        random_order = emu_option_order() == EMU_RANDOM;
        emu_self = take_ready();
        emu_context_switch(&host, &emu_self->context);
    }
}
