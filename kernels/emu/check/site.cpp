/* A table of places, open addressing: the number of a place is its slot. */
#include "kernels/emu/check/site.h"

static emu_site sites[SITES];

uint32_t site_number(emu_site at)
{
    const uint32_t start = (uint32_t)((uintptr_t)at.file >> 3) + at.line * 2654435761u;
    for (uint32_t i = 0; i < 64; i++) { /* further away: not worth its time, 0 */
        const uint32_t slot = (start + i) % (SITES - 1) + 1;
        if (sites[slot].file == at.file && sites[slot].line == at.line) {
            return slot;
        }
        if (sites[slot].file == NULL) {
            sites[slot] = at;
            return slot;
        }
    }
    return 0;
}

emu_site site_of(uint32_t number)
{
    return sites[number];
}
