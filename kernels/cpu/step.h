/* The passes of a classic step that see words of the accumulator, each in a source of its own:
 * step_wide.c for words of 64 bits, step_narrow.c for 32 (rotate.h says when). */
#ifndef TORC_KERNELS_CPU_STEP_H
#define TORC_KERNELS_CPU_STEP_H

#include "kernels/cpu/rotate.h"

/* Polynomials of one column: digits are those of Y^shift from - to. */
typedef struct digit_source {
    const void *from;
    const void *to;
    uint32_t shift; /* [0, 2N) */
} digit_source;

/* Rotate, subtract, cut the digit of `level`, first pass of the transform. spectrum [re, im][M]. */
void TORC_CPU(digits_wide)(double *spectrum, const digit_source *source, uint32_t level,
                           const torc_shape *shape);
void TORC_CPU(digits_narrow)(double *spectrum, const digit_source *source, uint32_t level,
                             const torc_shape *shape);
/* Last pass of the inverse transform; to += the words nearest to it; the pad of `to`. */
void TORC_CPU(update_wide)(uint64_t *to, const double *spectrum, const torc_shape *shape);
void TORC_CPU(update_narrow)(uint32_t *to, const double *spectrum, const torc_shape *shape);

/* What is added in front of all digits: half of every base and half of the last unit kept, so that
 * each digit is a plain bit field minus B/2. A fraction of a turn, 2^-64. */
INLINE uint64_t digit_offset(const torc_shape *shape)
{
    uint64_t offset = (uint64_t)1 << (63 - shape->base_log * shape->level_count);
    for (uint32_t j = 0; j < shape->level_count; j++) {
        offset += (uint64_t)1 << (63 - shape->base_log * j);
    }
    return offset;
}

/* One of the 2R streams of words that a radix-R butterfly reads, stream 2c + h at coefficient
 * c * quarter + h * M: where it begins in a polynomial that is turned by `shift`. Between two
 * multiples of `quarter` no stream changes its sign. */
typedef struct stream_place {
    uint32_t index;
    bool negative;
} stream_place;

INLINE stream_place stream_at(int stream, uint32_t shift, uint32_t half, uint32_t quarter,
                              uint32_t start)
{
    const uint32_t place = (uint32_t)(stream / 2) * quarter + (uint32_t)(stream % 2) * half + start;
    const uint32_t origin = (place - shift) & (4 * half - 1);
    return (stream_place){origin & (2 * half - 1), origin >= 2 * half};
}

#endif
