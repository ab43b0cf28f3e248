/* Crowds of the running gang in one array, a row for each: see crowd.h. */
#include "kernels/emu/check/crowd.h"

#include <vector>

typedef struct member { /* a warp */
    uint64_t time;      /* of its last access; 0: none */
    uint32_t lanes;     /* a bit each, that accessed then */
    uint32_t site;
} member;

uint64_t crowd_of_launch = 1, crowd_of_gang = 1;

static uint64_t next_crowd = 1;

static std::vector<member> &members(void) /* [crowds][order_warps] */
{
    static auto *all = new std::vector<member>;
    return *all;
}

static member *row(uint64_t crowd)
{
    return &members()[(crowd - crowd_of_gang) * order_warps];
}

void crowds_begin_launch(void)
{
    crowd_of_launch = next_crowd;
}

void crowds_begin_gang(uint32_t warps)
{
    (void)warps;
    crowd_of_gang = next_crowd;
    members().clear();
}

static void join(member *m, uint64_t time, uint32_t lane, uint32_t site)
{
    m->lanes = (m->time == time ? m->lanes : 0) | 1u << lane;
    m->time = time;
    m->site = site;
}

uint64_t crowd_make(mark first)
{
    const uint64_t crowd = next_crowd++;
    members().resize(members().size() + order_warps);
    join(row(crowd) + first.thread / EMU_WARP_LANES, first.time, first.thread % EMU_WARP_LANES,
         first.site);
    return crowd;
}

void crowd_join(uint64_t crowd, const order_self *self)
{
    join(row(crowd) + self->warp, self->mine.time, self->lane, self->mine.site);
}

bool crowd_before(uint64_t crowd, const order_self *self, mark *other)
{
    const member *all = row(crowd);
    for (uint32_t w = 0; w < order_warps; w++) {
        const uint32_t own = w == self->warp ? 1u << self->lane : 0, lanes = all[w].lanes & ~own;
        if (lanes != 0 && all[w].time > self->known[w]) {
            const uint32_t lane = (uint32_t)__builtin_ctz(lanes);
            *other = {all[w].time, w * EMU_WARP_LANES + lane, all[w].site, MARK_ONE};
            return false;
        }
    }
    return true;
}
