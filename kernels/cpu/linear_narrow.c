/* Linear layer on ciphertexts with small weights, modulo 2^64:
 *   x = sum_{t < 4} 2^(16 t) limb_t,  limb_t in [-2^15, 2^15)
 *   sum_i w_i x_i = sum_t 2^(16 t) sum_i w_i limb_t(x_i),  inner sums in 32 bits
 * One instruction multiplies the limbs of two inputs by their weights and adds. A chunk has so few
 * inputs that no sum leaves 32 bits: count * max |w| < 2^16. Limbs of a chunk of inputs are cut
 * once for a block of words, in the first cache, and meet all outputs there. Exact, the same bits
 * everywhere.
 *
 * Layouts: limbs u32 [vectors of words][pairs of inputs][limbs 0 and 2, limbs 1 and 3][lanes],
 * first input of the pair in the lower half of a lane; weights u32 [outputs][pairs], alike. */
#include "kernels/cpu/linear_narrow.h"

#include <stdbool.h>
#include <string.h>

enum {
    OUT_TILE = VECTOR_LOG2 == 3 ? 8 : 4,
    OUT_GROUP = 128,
    CHUNK_INPUTS = 128,
    CHUNK_PAIRS = CHUNK_INPUTS / 2,
    BLOCK_WORDS = 32, /* read in one piece from every input */
    VECTORS = BLOCK_WORDS / VECTOR_WIDTH,
    LANES = 2 * VECTOR_WIDTH
};

/* Inputs that are there, from `*next` on. */
typedef struct chunk {
    uint32_t index[CHUNK_INPUTS];
    uint32_t count;
} chunk;

static void take_chunk(chunk *c, uint32_t *next, const uint64_t *const *in, uint32_t in_count,
                       uint32_t limit)
{
    c->count = 0;
    for (; *next < in_count && c->count < limit; ++*next) {
        if (in[*next] != NULL) {
            c->index[c->count++] = *next;
        }
    }
}

static void pack_weights(uint32_t *pairs, const chunk *c, const int64_t *weight, uint32_t out_count,
                         uint32_t in_count)
{
    for (uint32_t o = 0; o < out_count; o++, pairs += CHUNK_PAIRS, weight += in_count) {
        for (uint32_t i = 0; i < c->count; i += 2) {
            const uint32_t low = (uint32_t)weight[c->index[i]] & 0xffff;
            const uint32_t high = i + 1 < c->count ? (uint32_t)weight[c->index[i + 1]] : 0;
            pairs[i / 2] = low | high << 16;
        }
    }
}

/* One vector of words as limbs in [-2^15, 2^15): an offset of 2^15 in every field, taken off again
 * by turning its top bit. Past the end of the words: zeros. */
INLINE vec_u32 load_limbs(const uint64_t *words, size_t left)
{
    const vec_u64 offset = splat_u64(0x8000800080008000u);
    uint64_t end[VECTOR_WIDTH] = {0};
    if (left < VECTOR_WIDTH) {
        memcpy(end, words, left * sizeof *end);
        words = end;
    }
    return (vec_u32)((load_u64(words) + offset) ^ offset);
}

static void pack_limbs(uint32_t *limbs, const chunk *c, const uint64_t *const *in, size_t word,
                       size_t left)
{
    for (uint32_t i = 0; i < c->count; i += 2) {
        const uint64_t *first = in[c->index[i]] + word;
        const uint64_t *second = i + 1 < c->count ? in[c->index[i + 1]] + word : first;
        for (size_t v = 0; v < VECTORS && v * VECTOR_WIDTH < left; v++) {
            const vec_u32 a = load_limbs(first + v * VECTOR_WIDTH, left - v * VECTOR_WIDTH);
            const vec_u32 b = load_limbs(second + v * VECTOR_WIDTH, left - v * VECTOR_WIDTH);
            uint32_t *to = limbs + (v * CHUNK_PAIRS + i / 2) * 2 * LANES;
            store_u32(to, (a & 0xffff) | b << 16);
            store_u32(to + LANES, a >> 16 | (b & 0xffff0000));
        }
    }
}

/* Lower halves are signed sums, upper halves count 2^32 times. */
INLINE vec_u64 signed_halves(vec_u32 x)
{
    const vec_u64 words = (vec_u64)x;
    return words - ((words & 0x80000000u) << 1);
}

INLINE void store_words(uint64_t *out, vec_u64 x, bool is_first, size_t left)
{
    uint64_t part[VECTOR_WIDTH];
    if (left >= VECTOR_WIDTH) {
        if (!is_first) {
            x += load_u64(out);
        }
        store_u64(out, x);
        return;
    }
    store_u64(part, x);
    for (size_t w = 0; w < left; w++) {
        out[w] = is_first ? part[w] : out[w] + part[w];
    }
}

/* out[outs] = or += one vector of words of a chunk. */
INLINE void tile(uint64_t *const *out, const uint32_t *limbs, const uint32_t *weights,
                 uint32_t outs, uint32_t pairs, bool is_first, size_t word, size_t left)
{
    vec_u32 even[OUT_TILE];
    vec_u32 odd[OUT_TILE];
    for (uint32_t o = 0; o < outs; o++) {
        even[o] = splat_u32(0);
        odd[o] = splat_u32(0);
    }
    for (uint32_t p = 0; p < pairs; p++, limbs += 2 * LANES) {
        const vec_u32 x_even = load_u32(limbs);
        const vec_u32 x_odd = load_u32(limbs + LANES);
        for (uint32_t o = 0; o < outs; o++) {
            const vec_u32 w = splat_u32(weights[o * CHUNK_PAIRS + p]);
            even[o] = dot_s16(even[o], w, x_even);
            odd[o] = dot_s16(odd[o], w, x_odd);
        }
    }
    for (uint32_t o = 0; o < outs; o++) {
        const vec_u64 sum = signed_halves(even[o]) + (signed_halves(odd[o]) << 16);
        store_words(out[o] + word, sum, is_first, left);
    }
}

static void block(uint64_t *const *out, const uint32_t *limbs, const uint32_t *weights,
                  uint32_t out_count, uint32_t pairs, bool is_first, size_t word, size_t left)
{
    for (size_t v = 0; v < VECTORS && v * VECTOR_WIDTH < left; v++) {
        const uint32_t *x = limbs + v * CHUNK_PAIRS * 2 * LANES;
        const size_t at = word + v * VECTOR_WIDTH;
        const size_t rest = left - v * VECTOR_WIDTH;
        uint32_t o = 0;
        for (; o + OUT_TILE <= out_count; o += OUT_TILE) {
            tile(out + o, x, weights + o * CHUNK_PAIRS, OUT_TILE, pairs, is_first, at, rest);
        }
        for (; o < out_count; o++) {
            tile(out + o, x, weights + o * CHUNK_PAIRS, 1, pairs, is_first, at, rest);
        }
    }
}

/* At most OUT_GROUP outputs. */
static void group(uint64_t *const *out, const uint64_t *const *in, const int64_t *weight,
                  uint32_t out_count, uint32_t in_count, size_t words, uint32_t chunk_limit)
{
    uint32_t limbs[VECTORS * CHUNK_PAIRS * 2 * LANES] __attribute__((aligned(64)));
    uint32_t weights[OUT_GROUP * CHUNK_PAIRS];
    uint32_t next = 0;
    bool is_first = true;
    chunk c;

    do { /* once for no input at all: zeros */
        take_chunk(&c, &next, in, in_count, chunk_limit);
        pack_weights(weights, &c, weight, out_count, in_count);
        for (size_t word = 0; word < words; word += BLOCK_WORDS) {
            pack_limbs(limbs, &c, in, word, words - word);
            block(out, limbs, weights, out_count, (c.count + 1) / 2, is_first, word, words - word);
        }
        is_first = false;
    } while (next < in_count);
}

void TORC_CPU(linear_narrow)(uint64_t *const *out, const uint64_t *const *in, const int64_t *weight,
                             uint32_t out_count, uint32_t in_count, size_t words,
                             uint64_t weight_max)
{
    const uint64_t fitting = 0xffff / weight_max & ~(uint64_t)1;
    const uint32_t limit = fitting < CHUNK_INPUTS ? (uint32_t)fitting : CHUNK_INPUTS;
    for (uint32_t o = 0; o < out_count; o += OUT_GROUP) {
        const uint32_t left = out_count - o;
        group(out + o, in, weight + (size_t)o * in_count, left < OUT_GROUP ? left : OUT_GROUP,
              in_count, words, limit);
    }
}
