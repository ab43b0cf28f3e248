/* cp.async with late completion. A copy poisons its destination when it starts; the bytes, as the
 * source has them then, arrive when a wait of the same thread needs them, or, in random order, at
 * once for some. So whoever reads too early sees poison, and whoever reuses the destination or
 * changes the source too early spoils the data. */
#include "kernels/emu/calls.h"
#include "kernels/emu/schedule.h"

#include <stdlib.h>
#include <string.h>

#define COPY_BYTES 16

static void arrive(const emu_copy *copy)
{
    memcpy(copy->to, copy->from, COPY_BYTES);
}

static void remember(emu_fiber *fiber, emu_copy copy)
{
    if (fiber->copy_count == fiber->copy_room) {
        fiber->copy_room = fiber->copy_room == 0 ? 32 : 2 * fiber->copy_room;
        fiber->copies = (emu_copy *)realloc(fiber->copies, fiber->copy_room * sizeof(emu_copy));
        if (fiber->copies == NULL) {
            emu_fail(emu_site{}, "no memory for %zu copies of one thread", fiber->copy_room);
        }
    }
    fiber->copies[fiber->copy_count++] = copy;
}

void emu_copy_start(void *shared, const void *global)
{
    const uint64_t poison[COPY_BYTES / 8] = {EMU_POISON, EMU_POISON};
    const emu_copy copy = {shared, global, emu_self->open_group};
    if (emu_option_order() == EMU_RANDOM && emu_random_below(4) == 0) {
        arrive(&copy);
        return;
    }
    memcpy(shared, poison, COPY_BYTES);
    remember(emu_self, copy);
}

void emu_copy_commit(void)
{
    emu_self->open_group++;
}

void emu_copy_wait(uint32_t pending)
{
    emu_fiber *fiber = emu_self;
    size_t done = 0;
    while (done < fiber->copy_count && fiber->copies[done].group + pending < fiber->open_group) {
        arrive(&fiber->copies[done++]);
    }
    fiber->copy_count -= done;
    memmove(fiber->copies, fiber->copies + done, fiber->copy_count * sizeof(emu_copy));
}

void emu_copies_end(void)
{
    if (emu_self->copy_count > 0) {
        emu_fail(emu_site{},
                 "the thread ends with %zu asynchronous copies that it did not wait "
                 "for",
                 emu_self->copy_count);
    }
}
