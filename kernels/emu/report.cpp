/* How a mistake ends the program: one line on the error output, exit code EMU_EXIT_CODE. Also for
 * addresses that the processor refuses: those of device memory in host code, outside allocations,
 * and below a thread's stack. */
#include "kernels/emu/access.h"
#include "kernels/emu/device.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

[[noreturn]] static void end(void)
{
    fflush(NULL);
    _exit(EMU_EXIT_CODE);
}

void emu_fail(emu_site at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "emu: ");
    if (at.file != NULL) {
        fprintf(stderr, "%s:%u: ", at.file, at.line);
    }
    vfprintf(stderr, format, arguments);
    if (emu_self != NULL) {
        fprintf(stderr, " [block %u thread %u]", emu_self->block->index.x, emu_self->thread.x);
    }
    fprintf(stderr, "\n");
    va_end(arguments);
    end();
}

static const char *kind_name(emu_kind kind)
{
    switch (kind) {
    case EMU_SHARED: return "shared access";
    case EMU_GLOBAL: return "global access";
    case EMU_READONLY: return "read-only access";
    case EMU_STREAM: return "stream access";
    case EMU_REMOTE: return "remote access";
    case EMU_COPY_FROM: return "asynchronous copy from";
    case EMU_COPY_TO: return "asynchronous copy to";
    }
    return "access";
}

void emu_bad_access(emu_kind kind, const void *p, uint32_t bytes, emu_site at)
{
    if ((uintptr_t)p % bytes != 0) {
        emu_fail(at, "%s of %u bytes at %p: not aligned", kind_name(kind), bytes, p);
    }
    if (kind == EMU_SHARED || kind == EMU_COPY_TO) {
        emu_fail(at, "%s of %u bytes at byte %zd of the block's %zu of shared memory",
                 kind_name(kind), bytes, (const unsigned char *)p - emu_self->block->shared,
                 emu_self->block->shared_bytes);
    }
    emu_fail(at, "%s of %u bytes at %p: not device memory", kind_name(kind), bytes, p);
}

void emu_unwritten(emu_kind kind, const void *p, emu_site at)
{
    emu_fail(at, "%s at %p: reads what nothing has written yet", kind_name(kind), p);
}

/* --- addresses that the processor refuses --- */

static struct sigaction action_before;

static bool below_stack(const void *p)
{
    return emu_self != NULL && p < emu_self->stack_low &&
           (const unsigned char *)p >= (const unsigned char *)emu_self->stack_low - 4096;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    const void *p = info->si_addr;
    if (emu_device_address(p)) {
        char what[160];
        emu_device_describe(what, sizeof what, p);
        emu_fail(emu_site{}, "%s uses %s",
                 emu_self != NULL ? "the kernel" : "host code, without a copy,", what);
    }
    if (below_stack(p)) {
        emu_fail(emu_site{}, "the thread's stack is full");
    }
    if (emu_self != NULL) {
        emu_fail(emu_site{}, "the kernel uses address %p: no memory of the device", p);
    }
    sigaction(signal, &action_before, NULL); /* not ours: the instruction runs again and faults */
}

void emu_catch_faults(void)
{
    static bool caught;
    static unsigned char stack[64 << 10];
    if (caught) {
        return;
    }
    caught = true;
    stack_t alternate = {};
    alternate.ss_sp = stack;
    alternate.ss_size = sizeof stack;
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    if (sigaltstack(&alternate, NULL) != 0 || sigaction(SIGSEGV, &action, &action_before) != 0) {
        emu_fail(emu_site{}, "the handler of bad addresses cannot be set");
    }
}
