/* Places in kernels by number, so that a mark can hold one. */
#ifndef TORC_EMU_CHECK_SITE_H
#define TORC_EMU_CHECK_SITE_H

#include "kernels/emu/state.h"

#define SITES 4096u /* numbers of 12 bits; 0: not known */

uint32_t site_number(emu_site at);
emu_site site_of(uint32_t number);

#endif
