/* The words in which the check form reports; each ends the program. */
#ifndef TORC_EMU_CHECK_REPORT_H
#define TORC_EMU_CHECK_REPORT_H

#include "kernels/emu/check/order.h"
#include "kernels/emu/emu.h"

typedef struct check_access {
    const void *address; /* of the word in question */
    uint32_t bytes;      /* of the access */
    torc_emu_action action;
    emu_site at;
} check_access;

[[noreturn]] void check_report_nowhere(const check_access *access);
[[noreturn]] void check_report_unwritten(const check_access *access);
/* A copy to the word is under way. */
[[noreturn]] void check_report_copy(const check_access *access, mark copy);
/* `other`, not ordered before the access, did `action` on the word. */
[[noreturn]] void check_report_race(const check_access *access, mark other, torc_emu_action action);
/* An access of a kernel without the functions of gpu.h. */
[[noreturn]] void check_report_plain(const check_access *access);

/* Says in words what address p is. */
void check_describe(char *out, size_t room, const void *p);

#endif
