/* Expansion of masks that travel as a seed: ChaCha20, RFC 8439 section 2.3, 20 rounds.
 *   state   4 constants | 8 words of the seed | block counter | nonce: domain, row low, row high
 *   block   state + rounds(state); 16 words, read little-endian, two make a u64, low half first
 * Words 0 .. mask_words - 1 of a row are its mask, from block 0 on; the body follows as it is. The
 * domain keeps apart what shares a seed: rows of the bootstrap key 1, of the keyswitch key 2,
 * ciphertexts 3 (runtime/rng.h). Public values only. */
#include "kernels/kernels.h"

#include <string.h>

enum { BLOCK_WORDS = 16, DOUBLE_ROUNDS = 10 };

static uint32_t rotate_left(uint32_t x, int bits)
{
    return x << bits | x >> (32 - bits);
}

static void quarter_round(uint32_t *x, int a, int b, int c, int d)
{
    x[a] += x[b];
    x[d] = rotate_left(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rotate_left(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rotate_left(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rotate_left(x[b] ^ x[c], 7);
}

static void double_round(uint32_t *x)
{
    for (int column = 0; column < 4; column++) {
        quarter_round(x, column, 4 + column, 8 + column, 12 + column);
    }
    for (int diagonal = 0; diagonal < 4; diagonal++) {
        quarter_round(x, diagonal, 4 + (diagonal + 1) % 4, 8 + (diagonal + 2) % 4,
                      12 + (diagonal + 3) % 4);
    }
}

static uint32_t load_u32(const uint8_t *p) /* little-endian */
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void chacha20_block(uint32_t out[16], const uint8_t seed[32], uint32_t domain, uint64_t row,
                           uint32_t counter)
{
    uint32_t state[BLOCK_WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (size_t i = 0; i < 8; i++) {
        state[4 + i] = load_u32(seed + 4 * i);
    }
    state[12] = counter;
    state[13] = domain;
    state[14] = (uint32_t)row;
    state[15] = (uint32_t)(row >> 32);
    memcpy(out, state, sizeof state);
    for (int i = 0; i < DOUBLE_ROUNDS; i++) {
        double_round(out);
    }
    for (int i = 0; i < BLOCK_WORDS; i++) {
        out[i] += state[i];
    }
}

static void mask_u32(uint32_t *mask, uint32_t count, const torc_expansion *e, uint64_t row)
{
    uint32_t block[BLOCK_WORDS];
    for (uint32_t i = 0; i < count; i++) {
        if (i % BLOCK_WORDS == 0) {
            chacha20_block(block, e->seed, e->domain, row, i / BLOCK_WORDS);
        }
        mask[i] = block[i % BLOCK_WORDS];
    }
}

static void mask_u64(uint64_t *mask, uint32_t count, const torc_expansion *e, uint64_t row)
{
    uint32_t block[BLOCK_WORDS];
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = 2 * i % BLOCK_WORDS;
        if (at == 0) {
            chacha20_block(block, e->seed, e->domain, row, i / (BLOCK_WORDS / 2));
        }
        mask[i] = block[at] | (uint64_t)block[at + 1] << 32;
    }
}

static size_t row_place(const torc_expansion *e, size_t row)
{
    return row / e->inner_count * e->outer_stride + row % e->inner_count * e->inner_stride;
}

void torc_ref_expand_u64(uint64_t *out, const uint64_t *body, const torc_expansion *e)
{
    const size_t rows = (size_t)e->outer_count * e->inner_count;
    for (size_t r = 0; r < rows; r++) {
        uint64_t *to = out + row_place(e, r);
        mask_u64(to, e->mask_words, e, e->first_row + r);
        for (uint32_t w = 0; w < e->body_words; w++) {
            to[e->mask_words + w] = body[r * e->body_words + w];
        }
    }
}

void torc_ref_expand_u32(uint32_t *out, const uint32_t *body, const torc_expansion *e)
{
    const size_t rows = (size_t)e->outer_count * e->inner_count;
    for (size_t r = 0; r < rows; r++) {
        uint32_t *to = out + row_place(e, r);
        mask_u32(to, e->mask_words, e, e->first_row + r);
        for (uint32_t w = 0; w < e->body_words; w++) {
            to[e->mask_words + w] = body[r * e->body_words + w];
        }
    }
}
