/* Crowds: threads of one gang that read a word (or added to it) since it was last written, when
 * more than the last of them matters. For each warp: its last access and the lanes of that moment;
 * earlier ones of the same warp come before those. Crowds live as long as their gang; numbers never
 * return. */
#ifndef TORC_EMU_CHECK_CROWD_H
#define TORC_EMU_CHECK_CROWD_H

#include "kernels/emu/check/order.h"

extern EMU_HIDDEN uint64_t crowd_of_launch, crowd_of_gang; /* the first numbers of these */

void crowds_begin_launch(void);
void crowds_begin_gang(uint32_t warps);

/* A new crowd of one access, made by another thread. */
uint64_t crowd_make(mark first);
void crowd_join(uint64_t crowd, const order_self *self);
/* Whether all come before the running thread's next access; if not, *other is one that does not. */
bool crowd_before(uint64_t crowd, const order_self *self, mark *other);

#endif
