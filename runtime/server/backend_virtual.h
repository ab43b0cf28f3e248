/* What the simulator asks of the virtual backend beyond the common interface. */
#ifndef TORC_BACKEND_VIRTUAL_H
#define TORC_BACKEND_VIRTUAL_H

#include "runtime/backend.h"

/* Adds to target->overflow_count the samples of an element whose value, before any reduction modulo
 * 1, lies outside [low, low + 1), -1 <= low < 0: those that decode to something else. */
void torc_virtual_count_outside(torc_target *target, uint32_t element, size_t samples, double low);

#endif
