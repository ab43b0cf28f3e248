/* Keyswitch of a batch as a matrix product modulo 2^32 (formula: kernels/ref/keyswitch.c; same
 * bits).  small[b][w] = round(body_b) [w = n] - sum_r digit[r][b] * key[r][w]
 * The halves of keyswitch.h are multiplied two rows at once and summed in 32 bits; the sums of high
 * halves count 2^16 times. Blocked over rows: a panel of a block of the key and the digits of a
 * tile of ciphertexts stay in the first cache, the digits of a block in the second. Sums of a tile
 * stay in registers through a block.
 *
 * Layouts: digit u32 [tiles of ciphertexts][pairs of a block][ciphertexts of the tile], first row
 * of the pair in the lower half; sum u32 [panels][batch][LANES]. */
#include "kernels/cpu/keyswitch.h"

#include "kernels/cpu/table.h"

#include <string.h>

enum { TILE = VECTOR_LOG2 == 3 ? 8 : 4 };

size_t TORC_CPU(keyswitch_scratch_bytes)(const torc_shape *shape, uint32_t batch)
{
    return batch * ((size_t)block_pairs(shape) + (size_t)panel_count(shape) * LANES) *
           sizeof(uint32_t);
}

/* Rows of digits of the words of a block. One offset makes every digit a bit field minus B'/2;
 * words with the choosing bit have digits in (-B'/2, B'/2], so one less everywhere. */
static void cut_digits(uint16_t *row, const uint64_t *words, const torc_shape *shape)
{
    const uint32_t base_log = shape->ks_base_log;
    const uint32_t kept_bits = base_log * shape->ks_level_count;
    const uint64_t half_base = (uint64_t)1 << (base_log - 1);
    uint64_t units = 0;

    for (uint32_t j = 0; j < shape->ks_level_count; j++) {
        units += (uint64_t)1 << (64 - base_log * (j + 1));
    }
    for (uint32_t i = 0; i < block_words(shape); i++) {
        const uint64_t chosen = words[i] >> (62 - kept_bits) & 1;
        const uint64_t rounded = words[i] + ((uint64_t)1 << (63 - kept_bits));
        uint64_t fields = rounded + (half_base - chosen) * units;
        for (uint32_t j = 0; j < shape->ks_level_count; j++, fields <<= base_log) {
            const uint64_t digit = (fields >> (64 - base_log)) - half_base + chosen;
            *row++ = (uint16_t)digit;
            if (digit_halves(shape) == 2) {
                *row++ = (uint16_t)((digit >> HALF_BITS) + (digit >> (HALF_BITS - 1) & 1));
            }
        }
    }
}

/* Ciphertexts of the tile that begins at `first`. */
INLINE uint32_t tile_width(uint32_t first, uint32_t batch)
{
    return batch - first < TILE ? batch - first : TILE;
}

static void block_digits(uint32_t *digit, const torc_keyswitch_job *job, uint32_t word,
                         const torc_shape *shape)
{
    const uint32_t pairs = block_pairs(shape);
    uint16_t row[BLOCK_ROWS];

    for (uint32_t b = 0; b < job->batch; b++) {
        const uint32_t first = b / TILE * TILE;
        const uint32_t width = tile_width(first, job->batch);
        uint32_t *out = digit + (size_t)first * pairs + b % TILE;
        cut_digits(row, job->in[b] + word, shape);
        for (uint32_t p = 0; p < pairs; p++) {
            out[(size_t)p * width] = row[2 * p] | (uint32_t)row[2 * p + 1] << HALF_BITS;
        }
    }
}

/* sum[count][LANES] += digits times a panel of a block; `width` words between two pairs of digits.
 */
INLINE void tile_multiply_add(uint32_t *sum, const uint32_t *digit, uint32_t width,
                              const uint32_t *key, uint32_t pairs, int count)
{
    vec_u32 low[TILE];
    vec_u32 high[TILE];
    for (int b = 0; b < count; b++) {
        low[b] = splat_u32(0);
        high[b] = splat_u32(0);
    }
    for (uint32_t p = 0; p < pairs; p++, key += 2 * LANES, digit += width) {
        const vec_u32 key_low = load_u32(key);
        const vec_u32 key_high = load_u32(key + LANES);
        for (int b = 0; b < count; b++) {
            const vec_u32 d = splat_u32(digit[b]);
            low[b] = dot_s16(low[b], d, key_low);
            high[b] = dot_s16(high[b], d, key_high);
        }
    }
    for (int b = 0; b < count; b++) {
        store_u32(sum + b * LANES, load_u32(sum + b * LANES) + low[b] + (high[b] << HALF_BITS));
    }
}

static void panel_multiply_add(uint32_t *sum, const uint32_t *digit, const uint32_t *key,
                               uint32_t batch, uint32_t pairs)
{
    uint32_t b = 0;
    for (; b + TILE <= batch; b += TILE) {
        tile_multiply_add(sum + (size_t)b * LANES, digit + (size_t)b * pairs, TILE, key, pairs,
                          TILE);
    }
    const uint32_t width = batch - b;
    digit += (size_t)b * pairs;
    for (; b + 2 <= batch; b += 2, digit += 2) {
        tile_multiply_add(sum + (size_t)b * LANES, digit, width, key, pairs, 2);
    }
    if (b < batch) {
        tile_multiply_add(sum + (size_t)b * LANES, digit, width, key, pairs, 1);
    }
}

/* Columns of panels begin .. end - 1. */
static void results(const torc_keyswitch_job *job, const uint32_t *sum, uint32_t begin,
                    uint32_t end, const torc_shape *shape)
{
    const uint32_t n = shape->lwe_dim;
    for (uint32_t panel = begin; panel < end; panel++) {
        const uint32_t left = n + 1 - panel * LANES;
        for (uint32_t b = 0; b < job->batch; b++) {
            const uint32_t *from = sum + ((size_t)panel * job->batch + b) * LANES;
            uint32_t *to = job->small + (size_t)b * (n + 1) + (size_t)panel * LANES;
            for (uint32_t w = 0; w < LANES && w < left; w++) {
                to[w] = -from[w];
            }
        }
    }
    for (uint32_t b = 0; b < job->batch && end == panel_count(shape); b++) {
        const uint64_t body = job->in[b][big_words(shape)] + job->offset[b];
        job->small[(size_t)b * (n + 1) + n] += (uint32_t)((body + ((uint64_t)1 << 31)) >> 32);
    }
}

void TORC_CPU(keyswitch)(const torc_keyswitch_job *job, const torc_shape *shape)
{
    const uint32_t panels = panel_count(shape);
    const uint32_t parts = job->part_count == 0 ? 1 : job->part_count;
    const uint32_t begin = (uint32_t)((uint64_t)panels * job->part / parts);
    const uint32_t end = (uint32_t)((uint64_t)panels * (job->part + 1) / parts);
    const size_t panel_sums = (size_t)job->batch * LANES;
    const uint32_t *key = job->key;
    uint32_t *sum = job->scratch;
    uint32_t *digit = sum + panels * panel_sums;

    memset(sum + begin * panel_sums, 0, (end - begin) * panel_sums * sizeof *sum);
    for (uint32_t word = 0; word < big_words(shape) && begin < end; word += block_words(shape)) {
        block_digits(digit, job, word, shape);
        for (uint32_t panel = begin; panel < end; panel++) {
            panel_multiply_add(sum + panel * panel_sums, digit, key + panel * panel_words(shape),
                               job->batch, block_pairs(shape));
        }
        key += panels * panel_words(shape);
    }
    results(job, sum, begin, end, shape);
}
