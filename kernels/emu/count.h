/* Inside the emulator: where counting is told what happens. */
#ifndef TORC_EMU_COUNT_H
#define TORC_EMU_COUNT_H

#include "kernels/emu/access.h"
#include "kernels/emu/emu.h"

/* One warp instruction: the lanes that take part and where each of them goes. */
typedef struct emu_instruction {
    uint32_t lanes; /* a bit for each */
    const void *address[EMU_WARP_LANES];
} emu_instruction;

/* What it costs (count_cost.cpp): adds to traffic. */
void emu_count_cost(torc_emu_traffic *traffic, const emu_instruction *instruction,
                    torc_emu_space space, torc_emu_action action, uint32_t bytes);

/* Events (count.cpp); called while emu_counting. */
void emu_count_barrier(const emu_barrier *barrier);
void emu_count_shuffle(uint32_t bytes);
void emu_count_gang_end(void); /* the blocks of emu_running have ended */

#endif
