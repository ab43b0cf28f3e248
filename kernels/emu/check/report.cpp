/* The words of the check form: see report.h. */
#include "kernels/emu/check/report.h"

#include "kernels/emu/check/shadow.h"
#include "kernels/emu/check/site.h"
#include "kernels/emu/device.h"

#include <stdio.h>

#define TEXT_BYTES 200

static const char *name_of(torc_emu_action action)
{
    static const char *const names[TORC_EMU_ACTIONS] = {"read", "write", "sum in memory"};
    return names[action];
}

void check_describe(char *out, size_t room, const void *p)
{
    if (!shadow_is_shared(p)) {
        emu_device_describe(out, room, p);
        return;
    }
    const size_t offset = (size_t)((const unsigned char *)p - emu_shared_base);
    const emu_block *block = &emu_running.blocks[offset / EMU_SHARED_STRIDE];
    snprintf(out, room, "byte %zu of the shared memory of block %u", offset % EMU_SHARED_STRIDE,
             block->index.x);
}

/* "block B thread T at FILE:LINE" */
static void describe_mark(char *out, size_t room, mark m)
{
    if (m.kind == MARK_CROWD) { /* of a gang that has ended: its members are forgotten */
        snprintf(out, room, "several threads of an earlier block");
        return;
    }
    const uint32_t threads = emu_running.threads.x;
    const uint32_t block = order_first_block(m.time) + m.thread / threads;
    const emu_site at = site_of(m.site);
    snprintf(out, room, "block %u thread %u at %s:%u", block, m.thread % threads,
             at.file == NULL ? "?" : emu_file(at), at.line);
}

void check_report_nowhere(const check_access *a)
{
    char what[TEXT_BYTES];
    check_describe(what, sizeof what, a->address);
    emu_fail(a->at, "out of bounds: %s of %u bytes at %s", name_of(a->action), a->bytes, what);
}

void check_report_unwritten(const check_access *a)
{
    char what[TEXT_BYTES];
    check_describe(what, sizeof what, a->address);
    emu_fail(a->at, "%s of %s, which nothing has written yet", name_of(a->action), what);
}

void check_report_copy(const check_access *a, mark copy)
{
    char what[TEXT_BYTES], who[TEXT_BYTES];
    check_describe(what, sizeof what, a->address);
    describe_mark(who, sizeof who, copy);
    emu_fail(a->at, "%s of %s%s: the copy of %s is under way, its thread has not waited",
             name_of(a->action), what,
             a->action == TORC_EMU_STORE ? "" : ", which nothing has written yet", who);
}

void check_report_race(const check_access *a, mark other, torc_emu_action action)
{
    char what[TEXT_BYTES], who[TEXT_BYTES];
    check_describe(what, sizeof what, a->address);
    describe_mark(who, sizeof who, other);
    emu_fail(a->at, "race: %s of %s, %s by %s%s, and nothing orders the two", name_of(a->action),
             what, name_of(action), other.kind == MARK_GANGS ? "several blocks, as by " : "", who);
}

void check_report_plain(const check_access *a)
{
    char what[TEXT_BYTES];
    check_describe(what, sizeof what, a->address);
    emu_fail(a->at, "plain %s of %u bytes at %s: kernels use the loads and stores of gpu.h",
             name_of(a->action), a->bytes, what);
}
