/* How a rotation begins and ends: modulus switch, table to accumulator, accumulator to results.
 * With o = outputs_log2 a rotation has 2^o results: exponents are multiples of 2^o, the
 * coefficients s, s + 2^o, .. belong to table s, and coefficient s of the rotated accumulator is
 * its result (kernels/ref/modulus_switch.c, blind_rotate.c).
 * Accumulators here have words of 64 bits (rotate.h). */
#ifndef TORC_KERNELS_CPU_ACCUMULATOR_H
#define TORC_KERNELS_CPU_ACCUMULATOR_H

#include "kernels/cpu/rotate.h"

/* exponent u32 [n + 1], in [0, 2N 2^v); half_bin is added to the body of `small` first. */
void TORC_CPU(modulus_switch)(uint32_t *exponent, const uint32_t *small, uint32_t half_bin,
                              const torc_shape *shape);
/* (0, X^-back table): coefficient i is that of i + back; entry u64 [2^o][2^index_bits]. */
void TORC_CPU(accumulator_start)(uint64_t *accumulator, const uint64_t *entry, uint32_t index_bits,
                                 uint32_t back, const torc_shape *shape);
/* big u64 [2^o][kN + 1]: sample extraction of the coefficients 0 .. 2^o - 1. */
void TORC_CPU(accumulator_extract)(uint64_t *big, const uint64_t *accumulator,
                                   const torc_shape *shape);

/* Parts that results lie in: the first ones. */
INLINE uint32_t result_parts(const torc_shape *shape)
{
    const uint32_t least =
        shape->outputs_log2 < shape->extended_log2 ? shape->outputs_log2 : shape->extended_log2;
    return (uint32_t)1 << least;
}

#endif
