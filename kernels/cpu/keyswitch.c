/* Keyswitch of a batch as a matrix product modulo 2^32 (formula: kernels/ref/keyswitch.c; same
 * bits). small[b][w] = round(body_b) [w = n] - sum_r digit[r][b] * key[r][w],   r = i*l' + j < kN
 * l' Blocked over rows, so that a panel of the key and the digits stay in the first two caches, and
 * in tiles of TILE ciphertexts by one panel of columns, kept in registers.
 *
 * Layouts: key u32 [panels][rows][PANEL], columns beyond n are zero; digit u32 [rows of a
 * block][batch rounded up to TILE]; sum u32 [panels][batch rounded up][PANEL]. */
#include "kernels/cpu/table.h"

#include <string.h>

enum {
    LANES = 2 * VECTOR_WIDTH, /* 32-bit lanes of a vector */
    PANEL = 2 * LANES,
    TILE = VECTOR_LOG2 == 3 ? 8 : 4,
    BLOCK_ROWS = 256
};

static size_t key_rows(const torc_shape *shape)
{
    return (size_t)shape->glwe_dim * shape->poly_size * shape->ks_level_count;
}

static size_t panel_count(const torc_shape *shape)
{
    return (shape->lwe_dim + 1 + PANEL - 1) / PANEL;
}

static size_t padded_batch(uint32_t batch)
{
    return (batch + TILE - 1) / TILE * (size_t)TILE;
}

size_t TORC_CPU(keyswitch_key_bytes)(const torc_shape *shape)
{
    return panel_count(shape) * key_rows(shape) * PANEL * sizeof(uint32_t);
}

void TORC_CPU(keyswitch_key_row)(void *key, size_t row, const uint32_t *lwe,
                                 const torc_shape *shape)
{
    const uint32_t words = shape->lwe_dim + 1;
    uint32_t *out = (uint32_t *)key + row * PANEL;
    for (uint32_t first = 0; first < words; first += PANEL, out += key_rows(shape) * PANEL) {
        for (uint32_t w = 0; w < PANEL; w++) {
            out[w] = first + w < words ? lwe[first + w] : 0;
        }
    }
}

size_t TORC_CPU(keyswitch_scratch_bytes)(const torc_shape *shape, uint32_t batch)
{
    return padded_batch(batch) * (BLOCK_ROWS + panel_count(shape) * PANEL) * sizeof(uint32_t);
}

/* digit[level][padded batch] of mask word i, all levels. One offset makes every digit a bit field
 * minus B'/2; words with the choosing bit have digits in (-B'/2, B'/2], so one less everywhere. */
static void digits_of_word(uint32_t *digit, const uint64_t *const *in, uint32_t word,
                           uint32_t batch, const torc_shape *shape)
{
    const uint32_t base_log = shape->ks_base_log;
    const uint32_t levels = shape->ks_level_count;
    const uint32_t kept_bits = base_log * levels;
    const size_t stride = padded_batch(batch);
    const uint32_t half_base = (uint32_t)1 << (base_log - 1);
    const uint32_t base_mask = 2 * half_base - 1;
    uint64_t units = 0;

    for (uint32_t j = 0; j < levels; j++) {
        units += (uint64_t)1 << (64 - base_log * (j + 1));
    }
    for (uint32_t b = 0; b < batch; b++) {
        const uint64_t chosen = in[b][word] >> (62 - kept_bits) & 1;
        const uint64_t rounded = in[b][word] + ((uint64_t)1 << (63 - kept_bits));
        const uint64_t fields = rounded + (half_base - chosen) * units;
        for (uint32_t j = 0; j < levels; j++) {
            const uint32_t field = (uint32_t)(fields >> (64 - base_log * (j + 1))) & base_mask;
            digit[j * stride + b] = field - half_base + (uint32_t)chosen;
        }
    }
}

/* sum[TILE][PANEL] += digits of a row block times a panel of the key. */
INLINE void tile_multiply_add(uint32_t *sum, const uint32_t *digit, size_t stride,
                              const uint32_t *key, size_t rows)
{
    vec_u32 low[TILE];
    vec_u32 high[TILE];
    for (int b = 0; b < TILE; b++) {
        low[b] = load_u32(sum + b * PANEL);
        high[b] = load_u32(sum + b * PANEL + LANES);
    }
    for (size_t r = 0; r < rows; r++, key += PANEL, digit += stride) {
        const vec_u32 key_low = load_u32(key);
        const vec_u32 key_high = load_u32(key + LANES);
        for (int b = 0; b < TILE; b++) {
            const vec_u32 d = splat_u32(digit[b]);
            low[b] += d * key_low;
            high[b] += d * key_high;
        }
    }
    for (int b = 0; b < TILE; b++) {
        store_u32(sum + b * PANEL, low[b]);
        store_u32(sum + b * PANEL + LANES, high[b]);
    }
}

static void results(uint32_t *small, const uint32_t *sum, const uint64_t *const *in,
                    const uint64_t *offset, uint32_t batch, const torc_shape *shape)
{
    const uint32_t n = shape->lwe_dim;
    const size_t big_dim = (size_t)shape->glwe_dim * shape->poly_size;
    for (uint32_t b = 0; b < batch; b++) {
        uint32_t *out = small + (size_t)b * (n + 1);
        for (uint32_t w = 0; w <= n; w++) {
            out[w] = -sum[(w / PANEL * padded_batch(batch) + b) * PANEL + w % PANEL];
        }
        out[n] += (uint32_t)((in[b][big_dim] + offset[b] + ((uint64_t)1 << 31)) >> 32);
    }
}

void TORC_CPU(keyswitch)(uint32_t *small, const uint64_t *const *in, const uint64_t *offset,
                         uint32_t batch, const void *key, const torc_shape *shape, void *scratch)
{
    const size_t stride = padded_batch(batch);
    const size_t rows = key_rows(shape);
    const uint32_t levels = shape->ks_level_count;
    const uint32_t block_words = BLOCK_ROWS / levels;
    const uint32_t big_dim = shape->glwe_dim * shape->poly_size;
    uint32_t *digit = scratch;
    uint32_t *sum = digit + stride * BLOCK_ROWS;

    memset(scratch, 0, TORC_CPU(keyswitch_scratch_bytes)(shape, batch));
    for (uint32_t word = 0; word < big_dim; word += block_words) {
        const uint32_t count = big_dim - word < block_words ? big_dim - word : block_words;
        for (uint32_t i = 0; i < count; i++) {
            digits_of_word(digit + (size_t)i * levels * stride, in, word + i, batch, shape);
        }
        for (size_t panel = 0; panel < panel_count(shape); panel++) {
            const uint32_t *block =
                (const uint32_t *)key + (panel * rows + (size_t)word * levels) * PANEL;
            for (size_t b = 0; b < stride; b += TILE) {
                tile_multiply_add(sum + (panel * stride + b) * PANEL, digit + b, stride, block,
                                  (size_t)count * levels);
            }
        }
    }
    results(small, sum, in, offset, batch, shape);
}
