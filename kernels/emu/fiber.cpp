/* Fibers: a stack for every CUDA thread, the switch from one to another, and the set of those that
 * may run. Switching is a dozen instructions; a thread that waits switches straight to the next.
 *
 * The ready set is a stack: what a barrier releases runs before everything older, so one warp runs
 * ahead as far as barriers let it. Forward and reverse differ in the order in which a barrier
 * pushes; random takes any element. */
#include "kernels/emu/schedule.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)64 << 10)
#define GUARD_BYTES ((size_t)4 << 10)
#define MAX_FIBERS  (EMU_MAX_CLUSTER * EMU_MAX_THREADS)

emu_fiber *emu_self;

static unsigned char *stacks; /* [MAX_FIBERS], each a guard page and a stack */
static uint32_t stacks_open;  /* so many of them may be used */
static emu_fiber *ready[MAX_FIBERS];
static uint32_t ready_count;
static void *host_stack_pointer;
static bool random_order;

/* --- switch: callee-saved registers on the stack, stack pointer to *save, the other's from load
 * --- */

extern "C" EMU_HIDDEN void emu_switch(void **save, void *load);

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl emu_switch\n"
        ".hidden emu_switch\n"
        ".type emu_switch, @function\n"
        "emu_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size emu_switch, . - emu_switch\n");

/* Six registers, the address to go to, and the return address it will never use. */
static void *first_frame(void *top, void (*enter)(void))
{
    void **frame = (void **)top - 8;
    for (int i = 0; i < 8; i++) {
        frame[i] = NULL;
    }
    frame[6] = (void *)enter;
    return frame;
}
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl emu_switch\n"
        ".hidden emu_switch\n"
        ".type emu_switch, %function\n"
        "emu_switch:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size emu_switch, . - emu_switch\n");

/* Twenty registers, of which x30 is the address to go to. */
static void *first_frame(void *top, void (*enter)(void))
{
    void **frame = (void **)top - 20;
    for (int i = 0; i < 20; i++) {
        frame[i] = NULL;
    }
    frame[11] = (void *)enter;
    return frame;
}
#else
#error "no switch for this processor"
#endif

/* --- stacks --- */

static void open_stacks(uint32_t count)
{
    const size_t each = GUARD_BYTES + STACK_BYTES;
    if (stacks == NULL) {
        void *p = mmap(NULL, MAX_FIBERS * each, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) {
            emu_fail(emu_site{}, "no addresses for the stacks of threads");
        }
        stacks = (unsigned char *)p;
    }
    for (; stacks_open < count; stacks_open++) {
        if (mprotect(stacks + stacks_open * each + GUARD_BYTES, STACK_BYTES,
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
    fiber->stack_low = stacks + number * (GUARD_BYTES + STACK_BYTES) + GUARD_BYTES;
    fiber->stack_high = (unsigned char *)fiber->stack_low + STACK_BYTES;
    /* Staggered: else the hot ends of all stacks compete for the same sets of the cache. */
    const size_t stagger = 64 * (size_t)(number * 5 % 61);
    fiber->stack_pointer = first_frame((unsigned char *)fiber->stack_high - stagger, enter);
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
        emu_switch(&from->stack_pointer, host_stack_pointer);
        return;
    }
    emu_fiber *to = take_ready();
    if (to != from) {
        emu_self = to;
        emu_switch(&from->stack_pointer, to->stack_pointer);
    }
}

void emu_fibers_run(void)
{
    if (ready_count > 0) {
        random_order = emu_option_order() == EMU_RANDOM;
        emu_self = take_ready();
        emu_switch(&host_stack_pointer, emu_self->stack_pointer);
    }
}
