/* The emulator as tests see it, beside kernels_cuda.h: the order in which threads run. Only
 * programs that are linked against the emulator may include this. */
#ifndef TORC_EMU_H
#define TORC_EMU_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The order for the launches that follow: "forward", "reverse" or "random" with a seed. Without a
 * call the environment's TORC_EMU_ORDER and TORC_EMU_SEED hold. */
void torc_emu_schedule(const char *order, uint64_t seed);

#ifdef __cplusplus
}
#endif

#endif
