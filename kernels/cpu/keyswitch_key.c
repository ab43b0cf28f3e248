/* The keyswitch key in the form that keyswitch.h describes. Rows are independent: any thread may
 * fill any row. */
#include "kernels/cpu/keyswitch.h"
#include "kernels/cpu/table.h"

size_t TORC_CPU(keyswitch_key_bytes)(const torc_shape *shape)
{
    const size_t blocks = big_words(shape) / block_words(shape);
    return blocks * panel_count(shape) * panel_words(shape) * sizeof(uint32_t);
}

/* Row `row` of halves, counted from the first of the key; key words times 2^shift. */
static void store_row(uint16_t *key, size_t row, const uint32_t *lwe, uint32_t shift,
                      const torc_shape *shape)
{
    const size_t block_rows = 2 * (size_t)block_pairs(shape);
    const size_t panels = panel_count(shape);
    const size_t panel_halves = 2 * panel_words(shape);
    const size_t in_block = row % block_rows;
    uint16_t *out =
        key + row / block_rows * panels * panel_halves + in_block / 2 * 4 * LANES + in_block % 2;

    for (size_t first = 0; first < panels * LANES; first += LANES, out += panel_halves) {
        const size_t left = shape->lwe_dim + 1 - first;
        for (size_t w = 0; w < LANES; w++) {
            const uint32_t word = w < left ? lwe[first + w] << shift : 0;
            const uint32_t low = word & 0xffff;
            out[2 * w] = (uint16_t)low;
            out[2 * (LANES + w)] = (uint16_t)((word >> HALF_BITS) + (low >> (HALF_BITS - 1)));
        }
    }
}

void TORC_CPU(keyswitch_key_row)(void *key, size_t row, const uint32_t *lwe,
                                 const torc_shape *shape)
{
    const uint32_t halves = digit_halves(shape);
    for (uint32_t half = 0; half < halves; half++) {
        store_row(key, row * halves + half, lwe, HALF_BITS * half, shape);
    }
}
