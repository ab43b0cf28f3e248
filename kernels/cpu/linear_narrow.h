/* Linear layers with weights of a few bits (linear_narrow.c); the table has only `linear`, which
 * chooses. */
#ifndef TORC_KERNELS_CPU_LINEAR_NARROW_H
#define TORC_KERNELS_CPU_LINEAR_NARROW_H

#include "kernels/cpu/vector.h"

#include <stddef.h>

/* A sum of limbs stays below 2^31 as long as its weights do not exceed 2^16 together. */
enum { NARROW_WEIGHT_MAX = 8191 };

/* Largest absolute weight is weight_max, 1 .. NARROW_WEIGHT_MAX; else as linear. */
void TORC_CPU(linear_narrow)(uint64_t *const *out, const uint64_t *const *in, const int64_t *weight,
                             uint32_t out_count, uint32_t in_count, size_t words,
                             uint64_t weight_max);

#endif
