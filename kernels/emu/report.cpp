/* How a mistake ends the program: one line on the error output, exit code TORC_EMU_MISTAKE. Also
 * for addresses that the processor refuses: those of device memory in host code, outside
 * allocations, and below a thread's stack. */
#include "kernels/emu/access.h"
#include "kernels/emu/device.h"
#include "kernels/emu/emu.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

[[noreturn]] static void end(void)
{
    fflush(NULL);
    _exit(TORC_EMU_MISTAKE);
}

/* The compiler is given paths from the build folder. */
const char *emu_file(emu_site at)
{
    const char *file = at.file;
    while (strncmp(file, "../", 3) == 0) {
        file += 3;
    }
    return file;
}

void emu_fail(emu_site at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "emu: ");
    if (at.file != NULL) {
        fprintf(stderr, "%s:%u: ", emu_file(at), at.line);
    }
    vfprintf(stderr, format, arguments);
    if (emu_self != NULL) {
        fprintf(stderr, " [block %u thread %u]", emu_self->block->index.x, emu_self->thread.x);
    }
    fprintf(stderr, "\n");
    va_end(arguments);
    end();
}

static const char *name_of(const emu_access *a)
{
    static const char *const names[TORC_EMU_SPACES] = {
        "shared access", "global access",          "read-only access",    "stream access",
        "remote access", "asynchronous copy from", "asynchronous copy to"};
    return names[a->space];
}

void emu_bad_access(const emu_access *a)
{
    if ((uintptr_t)a->address % a->bytes != 0) {
        emu_fail(a->at, "%s, %u bytes at %p: not aligned", name_of(a), a->bytes, a->address);
    }
    if (a->space == TORC_EMU_SHARED || a->space == TORC_EMU_COPY_TO) {
        const emu_block *block = emu_self->block;
        emu_fail(a->at, "%s, %u bytes at byte %zd of the block's %zu of shared memory", name_of(a),
                 a->bytes, (const unsigned char *)a->address - block->shared, block->shared_bytes);
    }
    emu_fail(a->at, "%s, %u bytes at %p: not device memory", name_of(a), a->bytes, a->address);
}

void emu_unwritten(const emu_access *a)
{
    emu_fail(a->at, "%s at %p: reads what nothing has written yet", name_of(a), a->address);
}

/* --- addresses that the processor refuses --- */

static struct sigaction action_before;

static bool below_stack(const void *p)
{
    return emu_self != NULL && p < emu_self->stack_low &&
           (const unsigned char *)p >=
               (const unsigned char *)emu_self->stack_low - emu_page_bytes();
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
    if (emu_pinned_is_freed(p)) {
        emu_fail(emu_site{}, "host code uses pinned memory that has been freed");
    }
    if (below_stack(p)) {
        emu_fail(emu_site{}, "the thread's stack is full");
    }
    if (emu_self != NULL) {
        emu_fail(emu_site{}, "the kernel uses address %p: no memory of the device", p);
    }
    sigaction(signal, &action_before, NULL); /* not ours: the instruction runs again and faults */
}

static stack_t stack_before; /* of the thread that runs kernels: one at a time */

/* The handler's stack: a kernel's own may be full. */
void emu_begin_thread(void)
{
    static unsigned char stack[64 << 10];
    stack_t alternate = {};
    alternate.ss_sp = stack;
    alternate.ss_size = sizeof stack;
    if (sigaltstack(&alternate, &stack_before) != 0) {
        emu_fail(emu_site{}, "the handler of bad addresses gets no stack");
    }
}

void emu_end_thread(void)
{
    (void)sigaltstack(&stack_before, NULL);
}

static void catch_faults(void)
{
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    if (sigaction(SIGSEGV, &action, &action_before) != 0) {
        emu_fail(emu_site{}, "the handler of bad addresses cannot be set");
    }
}

/* Of a program that says all is well; another has said what is wrong. On a lost device nothing can
 * be freed. */
static void report_at_exit(int status, void *)
{
    if (status != 0 || emu_device_is_lost()) {
        return;
    }
    emu_streams_report_work();
    emu_device_report_leaks(true);
    emu_pinned_report_leaks(true);
    emu_streams_report_leaks(true);
    emu_events_report_leaks(true);
    emu_graphs_report_leaks(true);
}

void emu_begin(void)
{
    static bool begun;
    if (!begun) {
        begun = true;
        catch_faults();
        on_exit(report_at_exit, NULL);
    }
}
