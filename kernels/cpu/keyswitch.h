/* How the keyswitch is laid out, shared by keyswitch_key.c and keyswitch.c. Words of the key and
 * digits are cut into signed 16-bit halves, so that one instruction multiplies two rows:
 *   key = low + 2^16 high (mod 2^32),  low in [-2^15, 2^15), high modulo 2^16
 *   digit of a base above 2^15 = low + 2^16 high: a second row, with 2^16 times the same key
 * Rows r = (i l' + j) halves + h for word i, level j, half h of the digit; pairs of rows (2p, 2p +
 * 1) stand in the lower and the upper 16 bits of a lane.
 *
 *   key   u32 [blocks of words][panels of LANES columns][pairs][low, high][LANES], the order in
 *         which it is read; a panel of a block stays in the first cache for the whole batch.
 * Columns beyond n are zero. */
#ifndef TORC_KERNELS_CPU_KEYSWITCH_H
#define TORC_KERNELS_CPU_KEYSWITCH_H

#include "kernels/cpu/vector.h"
#include "kernels/kernels.h"

enum {
    LANES = 2 * VECTOR_WIDTH, /* 32-bit lanes of a vector: columns of a panel */
    HALF_BITS = 16,
    BLOCK_ROWS = 512 /* at most; 2 BLOCK_ROWS LANES bytes of key a panel */
};

INLINE uint32_t digit_halves(const torc_shape *shape)
{
    return shape->ks_base_log < HALF_BITS ? 1 : 2;
}
INLINE uint32_t word_rows(const torc_shape *shape)
{
    return shape->ks_level_count * digit_halves(shape);
}
INLINE uint32_t big_words(const torc_shape *shape)
{
    return shape->glwe_dim * shape->poly_size;
}
/* A power of two, so that blocks are equal and have whole pairs; at least 8. */
INLINE uint32_t block_words(const torc_shape *shape)
{
    uint32_t words = 8;
    while (words < 256 && 2 * words * word_rows(shape) <= BLOCK_ROWS) {
        words *= 2;
    }
    return words;
}
INLINE uint32_t block_pairs(const torc_shape *shape)
{
    return block_words(shape) * word_rows(shape) / 2;
}
INLINE uint32_t panel_count(const torc_shape *shape)
{
    return (shape->lwe_dim + LANES) / LANES; /* n + 1 columns */
}
/* Words of one panel of one block. */
INLINE size_t panel_words(const torc_shape *shape)
{
    return (size_t)block_pairs(shape) * 2 * LANES;
}

#endif
