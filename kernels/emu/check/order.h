/* Which accesses are ordered. Two of different threads are when a chain of barriers lies between:
 * a barrier orders what all who meet did before against what all of them do after.
 *
 * Warps meet as a whole (order.cpp sees to it), so clocks are kept by warps. Time counts the events
 * of the whole program (launches, starts of gangs, barriers); the time of a warp is that of its
 * last one. known[w][u] is the last time of warp u whose accesses come before those that warp w
 * makes now: the vector clocks of Mattern (1989), by barriers instead of messages. Lanes of one
 * warp obey the same rule, known[w][w] = time of w - 1. Times never return, so a mark of an earlier
 * gang or launch shows that it is one. */
#ifndef TORC_EMU_CHECK_ORDER_H
#define TORC_EMU_CHECK_ORDER_H

#include "kernels/emu/state.h"

#define ORDER_WARPS (EMU_MAX_CLUSTER * EMU_MAX_WARPS)

/* What a mark stands for. */
typedef enum mark_kind {
    MARK_ONE,    /* one thread's access; time 0: none */
    MARK_COPY,   /* cp.async, still under way */
    MARK_CROWD,  /* several threads of this gang: `time` is the number of a crowd (crowd.h) */
    MARK_GANGS,  /* threads of several gangs of the launch, one of them named */
    MARK_NOWHERE /* no memory of any allocation */
} mark_kind;

/* Who accessed a word: thread by its number in the gang, site by its number (site.h). */
typedef struct mark {
    uint64_t time : 36, thread : 13, site : 12, kind : 3;
} mark;

/* The running thread, as accesses are judged. */
typedef struct order_self {
    mark mine; /* of an access now */
    uint32_t warp, lane;
    const uint64_t *known; /* [warps of the gang] */
} order_self;

extern EMU_HIDDEN uint64_t order_now;    /* the last event's time */
extern EMU_HIDDEN uint64_t order_launch; /* when the launch began */
extern EMU_HIDDEN uint64_t order_gang;   /* when the gang began */
extern EMU_HIDDEN uint32_t order_warps;  /* of the gang */
extern EMU_HIDDEN uint64_t order_known[ORDER_WARPS][ORDER_WARPS];

static inline order_self order_self_now(uint32_t site)
{
    order_self self;
    self.warp = emu_self->number / EMU_WARP_LANES;
    self.lane = emu_self->number % EMU_WARP_LANES;
    self.known = order_known[self.warp];
    self.mine = {self.known[self.warp] + 1, emu_self->number, site, MARK_ONE};
    return self;
}

/* Whether accesses of this gang, at `time` by a thread, come before the running thread's next. */
static inline bool order_before(const order_self *self, uint64_t time, uint32_t thread)
{
    return thread == self->mine.thread || time <= self->known[thread / EMU_WARP_LANES];
}

/* The first block of the gang that ran at `time` in this launch. */
uint32_t order_first_block(uint64_t time);

#endif
