/* cp.async with late completion. A copy poisons its destination when it starts; the bytes, as the
 * source has them then, arrive when a wait of the same thread needs them, or, in random order, at
 * once for some. So whoever reads too early sees poison, and whoever reuses the destination or
 * changes the source too early spoils the data. */
#include "kernels/emu/calls.h"
#include "kernels/emu/hooks.h"
#include "kernels/emu/schedule.h"

#include <string.h>
#include <vector>

#define COPY_BYTES 16

typedef struct copy {
    void *to;
    const void *from;
    uint64_t group;
    bool moved; /* before anybody waited */
} copy;

typedef struct pending {      /* of one thread */
    std::vector<copy> copies; /* oldest first */
    uint64_t open_group;      /* older ones are committed */
} pending;

static pending pending_of[EMU_MAX_CLUSTER * EMU_MAX_THREADS]; /* by number in the gang */

static void arrive(const copy *c)
{
    if (!c->moved) {
        memcpy(c->to, c->from, COPY_BYTES);
    }
    emu_hook_copy_arrive(c->to, c->from);
}

void emu_copy_start(void *shared, const void *global)
{
    const uint64_t poison[COPY_BYTES / 8] = {EMU_POISON, EMU_POISON};
    emu_hook_copy_start(shared, global);
    pending *mine = &pending_of[emu_self->number];
    const bool moves = emu_option_order() == EMU_RANDOM && emu_random_below(4) == 0;
    memcpy(shared, moves ? global : poison, COPY_BYTES);
    mine->copies.push_back({shared, global, mine->open_group, moves});
}

void emu_copy_commit(void)
{
    pending_of[emu_self->number].open_group++;
}

void emu_copy_wait(uint32_t pending_groups)
{
    pending *mine = &pending_of[emu_self->number];
    size_t done = 0;
    while (done < mine->copies.size() &&
           mine->copies[done].group + pending_groups < mine->open_group) {
        arrive(&mine->copies[done++]);
    }
    mine->copies.erase(mine->copies.begin(), mine->copies.begin() + (ptrdiff_t)done);
}

void emu_copies_end(void)
{
    const size_t count = pending_of[emu_self->number].copies.size();
    if (count > 0) {
        emu_fail(emu_site{},
                 "the thread ends with %zu asynchronous copies that it did not wait for", count);
    }
}
