/* Accesses that kernels make without gpu.h. The kernels are compiled with -fsanitize=thread, which
 * puts a call before each plain access to memory; the functions it calls stand here, and nothing of
 * ThreadSanitizer's own library is linked. gpu.h says that kernels make no such access to shared or
 * device memory (it would be neither counted nor checked): it is reported. So is a plain write to
 * any other memory than the thread's own stack. Plain reads of that are not looked at: arguments,
 * constants.
 *
 * memcpy, memmove and memset are names of the functions below in those kernels (CMakeLists.txt). */
#include "kernels/emu/check/report.h"
#include "kernels/emu/check/shadow.h"
#include "kernels/emu/device.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- where --- */

static int take_offset(struct dl_phdr_info *info, size_t size, void *offset)
{
    (void)size;
    *(uintptr_t *)offset = info->dlpi_addr;
    return 1; /* the first is the program itself */
}

/* The line of the instruction, as addr2line knows it; the program ends soon. */
static emu_site site_of_code(const void *code)
{
    static char text[300];
    uintptr_t offset = 0;
    dl_iterate_phdr(take_offset, &offset);
    snprintf(text, sizeof text, "addr2line -e /proc/%d/exe 0x%zx 2>/dev/null", (int)getpid(),
             (uintptr_t)code - offset - 1);
    FILE *answer = popen(text, "r");
    emu_site at = {"?", 0};
    if (answer != NULL) {
        char *colon = fgets(text, sizeof text, answer) == NULL ? NULL : strrchr(text, ':');
        if (colon != NULL) {
            *colon = '\0';
            at = {text, (uint32_t)strtoul(colon + 1, NULL, 10)};
        }
        pclose(answer);
    }
    return at;
}

/* --- judgement --- */

[[noreturn]] static void report(const void *p, size_t bytes, torc_emu_action action,
                                const void *code)
{
    const check_access access = {p, (uint32_t)bytes, action, site_of_code(code)};
    if (shadow_is_shared(p) || emu_device_address(p)) {
        check_report_plain(&access);
    }
    emu_fail(access.at, "a kernel writes %zu bytes at %p: no memory of the device", bytes, p);
}

static inline bool is_on_stack(const emu_fiber *fiber, const void *p)
{
    return p >= fiber->stack_low && p < fiber->stack_high;
}

/* Host code runs on another stack, maybe in another host thread while a kernel runs. */
static inline void plain(const void *p, size_t bytes, torc_emu_action action, const void *code)
{
    const emu_fiber *self = emu_self;
    if (self == NULL || is_on_stack(self, p) || !is_on_stack(self, __builtin_frame_address(0))) {
        return;
    }
    if (action == TORC_EMU_STORE || shadow_is_shared(p) || emu_device_address(p)) {
        report(p, bytes, action, code);
    }
}

#define CODE __builtin_return_address(0)

/* --- what the compiler calls --- */

#define PLAIN(name, action, bytes)          \
    extern "C" void __tsan_##name(void *p); \
    extern "C" void __tsan_##name(void *p)  \
    {                                       \
        plain(p, bytes, action, CODE);      \
    }
#define PLAIN_BOTH(bytes)                                       \
    PLAIN(read##bytes, TORC_EMU_LOAD, bytes)                    \
    PLAIN(write##bytes, TORC_EMU_STORE, bytes)                  \
    PLAIN(unaligned_read##bytes, TORC_EMU_LOAD, bytes)          \
    PLAIN(unaligned_write##bytes, TORC_EMU_STORE, bytes)        \
    PLAIN(volatile_read##bytes, TORC_EMU_LOAD, bytes)           \
    PLAIN(volatile_write##bytes, TORC_EMU_STORE, bytes)         \
    PLAIN(unaligned_volatile_read##bytes, TORC_EMU_LOAD, bytes) \
    PLAIN(unaligned_volatile_write##bytes, TORC_EMU_STORE, bytes)

PLAIN_BOTH(1)
PLAIN_BOTH(2)
PLAIN_BOTH(4)
PLAIN_BOTH(8)
PLAIN_BOTH(16)

extern "C" {
void __tsan_init(void);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
void __tsan_vptr_update(void **p, void *value);
void __tsan_vptr_read(void **p);
void __tsan_read_range(void *p, unsigned long bytes);
void __tsan_write_range(void *p, unsigned long bytes);
void *emu_plain_memcpy(void *to, const void *from, size_t bytes);
void *emu_plain_memmove(void *to, const void *from, size_t bytes);
void *emu_plain_memset(void *to, int byte, size_t bytes);

void __tsan_init(void) {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit(void) {}
void __tsan_vptr_update(void **, void *) {}
void __tsan_vptr_read(void **) {}

void __tsan_read_range(void *p, unsigned long bytes)
{
    plain(p, bytes, TORC_EMU_LOAD, CODE);
}

void __tsan_write_range(void *p, unsigned long bytes)
{
    plain(p, bytes, TORC_EMU_STORE, CODE);
}

void *emu_plain_memcpy(void *to, const void *from, size_t bytes)
{
    plain(from, bytes, TORC_EMU_LOAD, CODE);
    plain(to, bytes, TORC_EMU_STORE, CODE);
    return memcpy(to, from, bytes);
}

void *emu_plain_memmove(void *to, const void *from, size_t bytes)
{
    plain(from, bytes, TORC_EMU_LOAD, CODE);
    plain(to, bytes, TORC_EMU_STORE, CODE);
    return memmove(to, from, bytes);
}

void *emu_plain_memset(void *to, int byte, size_t bytes)
{
    plain(to, bytes, TORC_EMU_STORE, CODE);
    return memset(to, byte, bytes);
}
}
