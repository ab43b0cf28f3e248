/* The shadow: for each 4-byte word of shared and device memory, who wrote it last, who has read it
 * since, and who has added to it since. 24 bytes a word, of which the system hands out only what is
 * touched. */
#ifndef TORC_EMU_CHECK_SHADOW_H
#define TORC_EMU_CHECK_SHADOW_H

#include "kernels/emu/check/order.h"

#define SHADOW_WORD_BYTES 4u

typedef struct shadow_word {
    mark write;     /* time 0, or in shared memory before the gang: nobody yet */
    mark read, add; /* since that write */
} shadow_word;

/* The word at p and those behind it up to the end of its page; NULL where there is no memory of a
 * live allocation or of a block. */
shadow_word *shadow_at(const void *p);
bool shadow_is_shared(const void *p);

#endif
