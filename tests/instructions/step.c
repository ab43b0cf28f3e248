/* The trap flag raises SIGTRAP after every instruction; an instruction that the processor does not
 * know raises SIGILL. The handler finds the registers in the signal frame, changes them there, and
 * the return from the signal loads them.
 *
 * Registers 0 .. 15 have their low 32 bytes in the frame and the rest here; the rest becomes zero
 * when the processor executes a VEX instruction that writes the register. Registers 16 .. 31 and
 * the masks are here alone.
 *
 * A call that leaves .text returns to step_return, which raises SIGILL; a function of .text that a
 * library calls in between raises it at its first instruction of AVX-512. No vector register keeps
 * its value over either: the ABI says so. */
#include "tests/instructions/step.h"

#include "tests/instructions/execute.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    TRAP_FLAG = 0x100,
    MAX_DEPTH = 32,
    OWN_WORDS = 4,            /* first word of a register that the frame does not hold */
    FRAME_MAGIC = 0x46505853, /* "FPXS": the frame has more than the registers of SSE */
    FRAME_MAGIC_AT = 464,
    FRAME_SSE_AT = 160,
    FRAME_PRESENT_AT = 512, /* bit 1: SSE, bit 2: the upper halves of AVX are not all zero */
    FRAME_AVX_AT = 576
};

static disassembly *code;
static machine state;
static const instruction *last; /* executes now, unless a library does */
static uint64_t returns[MAX_DEPTH];
static size_t depth;

extern const char step_return[];
__asm__(".text\n.globl step_return\nstep_return: ud2\n");

static void fail(const char *what, const instruction *in, uint64_t address)
{
    (void)fprintf(stderr, "instructions: %s: %s at %lx, in %s\n", what,
                  in == NULL ? "" : in->mnemonic, (unsigned long)address,
                  in == NULL ? "a library" : code->functions[in->function]);
    _exit(1);
}

/* Of AVX-512: an EVEX prefix, or an instruction on masks. */
static bool is_foreign(const instruction *in)
{
    enum { EVEX = 0x62 };
    return *(const uint8_t *)(uintptr_t)in->address == EVEX || in->mnemonic[0] == 'k';
}

/* --- registers ---------------------------------------------------------------------------------
 */

static void registers_load(const ucontext_t *context)
{
    const uint8_t *frame = (const uint8_t *)context->uc_mcontext.fpregs;
    uint32_t magic = 0;
    uint64_t present = 0;
    memcpy(&magic, frame + FRAME_MAGIC_AT, sizeof magic);
    memcpy(&present, frame + FRAME_PRESENT_AT, sizeof present);
    if (magic != FRAME_MAGIC) {
        fail("this machine has no AVX", NULL, 0);
    }
    for (size_t i = 0; i < 16; i++) {
        memset(state.v[i].byte, 0, 32);
        if ((present & 2) != 0) {
            memcpy(state.v[i].byte, frame + FRAME_SSE_AT + 16 * i, 16);
        }
        if ((present & 4) != 0) {
            memcpy(state.v[i].byte + 16, frame + FRAME_AVX_AT + 16 * i, 16);
        }
    }
}

static void registers_store(ucontext_t *context)
{
    uint8_t *frame = (uint8_t *)context->uc_mcontext.fpregs;
    uint64_t present = 0;
    memcpy(&present, frame + FRAME_PRESENT_AT, sizeof present);
    present |= 7;
    memcpy(frame + FRAME_PRESENT_AT, &present, sizeof present);
    for (size_t i = 0; i < 16; i++) {
        memcpy(frame + FRAME_SSE_AT + 16 * i, state.v[i].byte, 16);
        memcpy(frame + FRAME_AVX_AT + 16 * i, state.v[i].byte + 16, 16);
    }
}

static void clear_rest(size_t reg)
{
    memset(&state.v[reg].u64[OWN_WORDS], 0, sizeof state.v[reg] - OWN_WORDS * sizeof(uint64_t));
}

/* What the instruction that the processor has just executed did to the rest. */
static void after(const instruction *in)
{
    if (in->mnemonic[0] != 'v') {
        return;
    }
    if (strncmp(in->mnemonic, "vzero", 5) == 0) {
        for (size_t i = 0; i < 16; i++) {
            clear_rest(i);
        }
    } else if (in->op[0].kind == VECTOR) {
        clear_rest((size_t)in->op[0].reg);
    }
}

/* --- signals -----------------------------------------------------------------------------------
 */

static bool is_call(const instruction *in)
{
    return strncmp(in->mnemonic, "call", 4) == 0 || strncmp(in->mnemonic, "jmp", 3) == 0;
}

/* Into a library, or back to it. */
static void leave(ucontext_t *context)
{
    greg_t *general = context->uc_mcontext.gregs;
    if (last != NULL && is_call(last)) {
        uint64_t *top = (uint64_t *)(uintptr_t)general[REG_RSP];
        if (depth == MAX_DEPTH) {
            fail("calls are too deep", last, last->address);
        }
        returns[depth++] = *top;
        *top = (uint64_t)(uintptr_t)step_return;
    }
    general[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    last = NULL;
}

static instruction *execute_here(ucontext_t *context, instruction *in)
{
    registers_load(context);
    state.general = context->uc_mcontext.gregs;
    while (in != NULL && is_foreign(in)) {
        const char *failure = execute(&state, in);
        if (failure != NULL) {
            fail(failure, in, in->address);
        }
        in->executed++;
        state.general[REG_RIP] = (greg_t)in->next;
        in = disassembly_at(code, in->next);
    }
    registers_store(context);
    return in;
}

static void go_on(ucontext_t *context)
{
    instruction *in = disassembly_at(code, (uint64_t)context->uc_mcontext.gregs[REG_RIP]);
    if (in != NULL && is_foreign(in)) {
        in = execute_here(context, in);
    }
    if (in == NULL) {
        leave(context);
        return;
    }
    in->executed++;
    last = in;
}

static void trapped(int number, siginfo_t *info, void *user)
{
    ucontext_t *context = user;
    (void)number, (void)info;
    if (last != NULL) {
        after(last);
    }
    if ((context->uc_mcontext.gregs[REG_EFL] & TRAP_FLAG) == 0) { /* step_end */
        last = NULL;
        return;
    }
    go_on(context);
}

static void unknown(int number, siginfo_t *info, void *user)
{
    ucontext_t *context = user;
    greg_t *general = context->uc_mcontext.gregs;
    (void)number, (void)info;
    if ((uint64_t)general[REG_RIP] == (uint64_t)(uintptr_t)step_return && depth > 0) {
        general[REG_RIP] = (greg_t)returns[--depth];
    } else {
        const instruction *in = disassembly_at(code, (uint64_t)general[REG_RIP]);
        if (in == NULL || !is_foreign(in) || depth == 0) {
            fail("illegal instruction", in, (uint64_t)general[REG_RIP]);
        }
        for (size_t i = 0; i < 16; i++) {
            clear_rest(i);
        }
    }
    general[REG_EFL] |= TRAP_FLAG;
    go_on(context);
}

void step_install(disassembly *d)
{
    struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};
    code = d;
    (void)sigaction(SIGTRAP, &action, NULL);
    action.sa_sigaction = unknown;
    (void)sigaction(SIGILL, &action, NULL);
}

void step_begin(void)
{
    last = NULL;
    __asm__ volatile("pushfq; orq %0, (%%rsp); popfq" ::"i"(TRAP_FLAG) : "memory", "cc");
}

void step_end(void)
{
    __asm__ volatile("pushfq; andq %0, (%%rsp); popfq" ::"i"(~TRAP_FLAG) : "memory", "cc");
}
