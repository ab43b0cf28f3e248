/* Linear layer on ciphertexts: out[o] = sum_i weight[o][i] in[i], words modulo 2^64.
 * Weights of a few bits and several outputs have a kernel of their own (linear_narrow.c). For all
 * others a tile of outputs by a tile of words stays in registers while the inputs stream past.
 * Exact, the same bits everywhere.
 *
 * Layouts: in[i], out[o] point to u64 [words]; weight i64 [out_count][in_count]; in[i] NULL:
 * absent. */
#include "kernels/cpu/linear_narrow.h"
#include "kernels/cpu/table.h"

enum { OUT_TILE = 4, VECTORS = VECTOR_LOG2 == 3 ? 4 : 2, WORD_TILE = VECTORS * VECTOR_WIDTH };

INLINE void tile(uint64_t *const *out, const uint64_t *const *in, const int64_t *weight,
                 uint32_t outs, uint32_t in_count, size_t word)
{
    vec_u64 sum[OUT_TILE][VECTORS];
    for (uint32_t o = 0; o < outs; o++) {
        for (int v = 0; v < VECTORS; v++) {
            sum[o][v] = splat_u64(0);
        }
    }
    for (uint32_t i = 0; i < in_count; i++) {
        if (in[i] == NULL) {
            continue;
        }
        for (int v = 0; v < VECTORS; v++) {
            const vec_u64 x = load_u64(in[i] + word + (size_t)v * VECTOR_WIDTH);
            for (uint32_t o = 0; o < outs; o++) {
                sum[o][v] += x * splat_u64((uint64_t)weight[(size_t)o * in_count + i]);
            }
        }
    }
    for (uint32_t o = 0; o < outs; o++) {
        for (int v = 0; v < VECTORS; v++) {
            store_u64(out[o] + word + (size_t)v * VECTOR_WIDTH, sum[o][v]);
        }
    }
}

static void tail_word(uint64_t *const *out, const uint64_t *const *in, const int64_t *weight,
                      uint32_t outs, uint32_t in_count, size_t word)
{
    for (uint32_t o = 0; o < outs; o++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < in_count; i++) {
            if (in[i] != NULL) {
                sum += in[i][word] * (uint64_t)weight[(size_t)o * in_count + i];
            }
        }
        out[o][word] = sum;
    }
}

static uint64_t largest(const int64_t *weight, size_t count)
{
    uint64_t found = 1;
    for (size_t i = 0; i < count; i++) {
        const uint64_t size = weight[i] < 0 ? 0 - (uint64_t)weight[i] : (uint64_t)weight[i];
        found = size > found ? size : found;
    }
    return found;
}

static void wide(uint64_t *const *out, const uint64_t *const *in, const int64_t *weight,
                 uint32_t out_count, uint32_t in_count, size_t words)
{
    size_t word = 0;
    for (; word + WORD_TILE <= words; word += WORD_TILE) {
        uint32_t o = 0;
        for (; o + OUT_TILE <= out_count; o += OUT_TILE) {
            tile(out + o, in, weight + (size_t)o * in_count, OUT_TILE, in_count, word);
        }
        for (; o < out_count; o++) {
            tile(out + o, in, weight + (size_t)o * in_count, 1, in_count, word);
        }
    }
    for (; word < words; word++) {
        tail_word(out, in, weight, out_count, in_count, word);
    }
}

void TORC_CPU(linear)(uint64_t *const *out, const uint64_t *const *in, const int64_t *weight,
                      uint32_t out_count, uint32_t in_count, size_t words)
{
    const uint64_t weight_max = largest(weight, (size_t)out_count * in_count);
    /* cutting limbs pays with a few outputs only */
    if (weight_max <= NARROW_WEIGHT_MAX && out_count >= OUT_TILE) {
        TORC_CPU(linear_narrow)(out, in, weight, out_count, in_count, words, weight_max);
    } else {
        wide(out, in, weight, out_count, in_count, words);
    }
}
