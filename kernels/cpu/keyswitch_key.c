/* The keyswitch key in the form that keyswitch.h describes. Pairs of rows are independent: any
 * thread may fill any pair. */
#include "kernels/cpu/keyswitch.h"
#include "kernels/cpu/table.h"

#include <stdbool.h>

size_t TORC_CPU(keyswitch_key_bytes)(const torc_shape *shape)
{
    const size_t blocks = big_words(shape) / block_words(shape);
    return blocks * panel_count(shape) * panel_words(shape) * sizeof(uint32_t);
}

/* Pair `pair`, counted from the first of the key, of rows of halves: first, and 2^second_shift
 * times second. */
static void store_pair(uint32_t *key, size_t pair, const uint32_t *first, const uint32_t *second,
                       uint32_t second_shift, const torc_shape *shape)
{
    const size_t pairs = block_pairs(shape);
    const size_t words = (size_t)shape->lwe_dim + 1;
    const size_t panels = panel_count(shape);
    const size_t stride = panel_words(shape);
    uint32_t *out = key + pair / pairs * panels * stride + pair % pairs * 2 * LANES;

    for (size_t column = 0; column < panels * LANES; column += LANES, out += stride) {
        for (size_t w = 0; w < LANES; w++) {
            const bool is_there = column + w < words;
            const uint32_t a = is_there ? first[column + w] : 0;
            const uint32_t b = is_there ? second[column + w] << second_shift : 0;
            const uint32_t carry = (uint32_t)1 << (HALF_BITS - 1);
            out[w] = (a & 0xffff) | b << HALF_BITS;
            out[LANES + w] = (a + carry) >> HALF_BITS | ((b + carry) & 0xffff0000);
        }
    }
}

void TORC_CPU(keyswitch_key_rows)(void *key, size_t pair, const uint32_t *lwe,
                                  const torc_shape *shape)
{
    const uint32_t *second = lwe + shape->lwe_dim + 1;
    if (digit_halves(shape) == 1) {
        store_pair(key, pair, lwe, second, 0, shape);
    } else {
        store_pair(key, 2 * pair, lwe, lwe, HALF_BITS, shape);
        store_pair(key, 2 * pair + 1, second, second, HALF_BITS, shape);
    }
}
