/* The samplers' distributions and the mask streams against RFC 8439. */
#include "runtime/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Test(rng, tuniform_map_is_exact_for_small_bounds)
{
    for (uint32_t b = 0; b <= 12; b++) {
        int64_t bound = (int64_t)1 << b;
        uint32_t *hits = calloc((size_t)(2 * bound + 1), sizeof *hits);
        for (uint64_t bits = 0; bits < (uint64_t)4 << b; bits++) {
            int64_t value = torc_tuniform_from_bits(bits, b);
            cr_assert(value >= -bound && value <= bound, "b %u bits %lu", b, bits);
            hits[value + bound]++;
        }
        for (int64_t v = -bound; v <= bound; v++) {
            uint32_t expected = v == -bound || v == bound ? 1 : 2;
            cr_assert_eq(hits[v + bound], expected, "b %u value %ld", b, v);
        }
        free(hits);
    }
    cr_expect_eq(torc_tuniform_from_bits(UINT64_MAX, 62), (int64_t)1 << 62);
    cr_expect_eq(torc_tuniform_from_bits(0, 62), -((int64_t)1 << 62));
}

/* Mean 0 and variance (2^(2b+1) + 1) / 6, both ways of drawing; |z| < 6 fails once in 5e8. */
Test(rng, drawn_noise_has_the_right_mean_and_variance)
{
    enum { COUNT = 200000 };
    static const uint32_t bounds[] = {0, 1, 4, 17, 29, 30, 31, 46, 62};
    cr_assert_eq(torc_random_init(NULL), TORC_OK);
    int64_t *noise = malloc(COUNT * sizeof *noise);
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        double bound = ldexp(1, (int)bounds[i]);
        torc_random_tuniform(noise, COUNT, bounds[i]);
        double sum = 0;
        double sum_sq = 0;
        for (size_t j = 0; j < COUNT; j++) {
            double x = (double)noise[j] / bound;
            cr_assert(x >= -1 && x <= 1);
            sum += x;
            sum_sq += x * x;
        }
        double variance = (2 + 1 / (bound * bound)) / 6;
        cr_expect_lt(fabs(sum / sqrt(COUNT * variance)), 6, "b %u mean", bounds[i]);
        /* the fourth moment of a distribution inside [-1, 1] is at most its second */
        double spread = sqrt(COUNT * (variance - variance * variance));
        cr_expect_lt(fabs((sum_sq - COUNT * variance) / spread), 6, "b %u variance", bounds[i]);
    }
    free(noise);
}

Test(rng, key_bits_are_bits_and_balanced)
{
    enum { COUNT = 100003 };
    uint64_t *bits = malloc(COUNT * sizeof *bits);
    cr_assert_eq(torc_random_init(NULL), TORC_OK);
    torc_random_bits(bits, COUNT);
    double sum = 0;
    double pairs = 0;
    for (size_t i = 0; i < COUNT; i++) {
        cr_assert(bits[i] <= 1);
        sum += (double)bits[i];
        pairs += i > 0 && bits[i] == bits[i - 1] ? 1 : 0;
    }
    cr_expect_lt(fabs(sum - COUNT / 2.0) / sqrt(COUNT / 4.0), 6);
    cr_expect_lt(fabs(pairs - COUNT / 2.0) / sqrt(COUNT / 4.0), 6);
    free(bits);
}

Test(rng, seeds_differ)
{
    uint8_t a[TORC_SEED_BYTES];
    uint8_t b[TORC_SEED_BYTES];
    torc_random_seed(a);
    torc_random_seed(b);
    cr_expect(memcmp(a, b, sizeof a) != 0);
}

/* RFC 8439 A.1: test vectors 1 and 5 (block counter 0). */
Test(rng, mask_stream_is_chacha20_of_rfc_8439)
{
    static const uint8_t vector_1[64] = {
        0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53,
        0x86, 0xbd, 0x28, 0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a, 0xa8, 0x36,
        0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7, 0xda, 0x41, 0x59, 0x7c, 0x51, 0x57, 0x48,
        0x8d, 0x77, 0x24, 0xe0, 0x3f, 0xb8, 0xd8, 0x4a, 0x37, 0x6a, 0x43, 0xb8, 0xf4,
        0x15, 0x18, 0xa1, 0x1c, 0xc3, 0x87, 0xb6, 0x69, 0xb2, 0xee, 0x65, 0x86};
    static const uint8_t vector_5[64] = {
        0xc2, 0xc6, 0x4d, 0x37, 0x8c, 0xd5, 0x36, 0x37, 0x4a, 0xe2, 0x04, 0xb9, 0xef,
        0x93, 0x3f, 0xcd, 0x1a, 0x8b, 0x22, 0x88, 0xb3, 0xdf, 0xa4, 0x96, 0x72, 0xab,
        0x76, 0x5b, 0x54, 0xee, 0x27, 0xc7, 0x8a, 0x97, 0x0e, 0x0e, 0x95, 0x5c, 0x14,
        0xf3, 0xa8, 0x8e, 0x74, 0x1b, 0x97, 0xc2, 0x86, 0xf7, 0x5f, 0x8f, 0xc2, 0x99,
        0xe8, 0x14, 0x83, 0x62, 0xfa, 0x19, 0x8a, 0x39, 0x53, 0x1b, 0xed, 0x6d};
    static const uint8_t zero[TORC_SEED_BYTES] = {0};
    uint64_t words[8];
    uint32_t halves[16];
    torc_mask_expand_u64(words, 8, zero, (torc_mask_domain)0, 0);
    cr_expect_arr_eq(words, vector_1, 64);
    torc_mask_expand_u32(halves, 16, zero, (torc_mask_domain)0, (uint64_t)2 << 56);
    cr_expect_arr_eq(halves, vector_5, 64);
}

static void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
#define ROTATE(x, n) ((x) << (n) | (x) >> (32 - (n)))
    *a += *b, *d ^= *a, *d = ROTATE(*d, 16);
    *c += *d, *b ^= *c, *b = ROTATE(*b, 12);
    *a += *b, *d ^= *a, *d = ROTATE(*d, 8);
    *c += *d, *b ^= *c, *b = ROTATE(*b, 7);
}

/* One block by the definition: constants, key, counter, nonce as 32-bit words. */
static void chacha_block(uint32_t out[16], const uint32_t key[8], const uint32_t tail[4])
{
    uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    memcpy(in + 4, key, 32);
    memcpy(in + 12, tail, 16);
    memcpy(out, in, 64);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 4; i++) {
            quarter_round(out + i, out + 4 + i, out + 8 + i, out + 12 + i);
        }
        for (int i = 0; i < 4; i++) {
            quarter_round(out + i, out + 4 + (i + 1) % 4, out + 8 + (i + 2) % 4,
                          out + 12 + (i + 3) % 4);
        }
    }
    for (int i = 0; i < 16; i++) {
        out[i] += in[i];
    }
}

/* Nonce = domain, row (low word, high word); the counter runs over the blocks. */
Test(rng, mask_stream_layout_matches_an_independent_chacha20)
{
    uint32_t key[8];
    for (uint32_t i = 0; i < 8; i++) {
        key[i] = 0x9e3779b9U * (i + 1);
    }
    const uint64_t row = 0x0123456789abcdefULL;
    uint32_t expected[48];
    for (uint32_t block = 0; block < 3; block++) {
        uint32_t tail[4] = {block, TORC_MASK_KEYSWITCH, (uint32_t)row, (uint32_t)(row >> 32)};
        chacha_block(expected + 16 * block, key, tail);
    }
    uint32_t halves[41];
    torc_mask_expand_u32(halves, 41, (const uint8_t *)key, TORC_MASK_KEYSWITCH, row);
    cr_expect_arr_eq(halves, expected, sizeof halves);
    uint64_t words[19];
    torc_mask_expand_u64(words, 19, (const uint8_t *)key, TORC_MASK_KEYSWITCH, row);
    for (size_t i = 0; i < 19; i++) {
        cr_expect_eq(words[i], expected[2 * i] | (uint64_t)expected[2 * i + 1] << 32);
    }
    torc_mask_expand_u64(words, 19, (const uint8_t *)key, TORC_MASK_BOOTSTRAP, row);
    cr_expect(words[0] != (expected[0] | (uint64_t)expected[1] << 32));
}

/* BLAKE2b-256 of nothing, as b2sum -l 256 prints it. */
Test(rng, hash_is_blake2b_256)
{
    static const uint8_t empty[32] = {0x0e, 0x57, 0x51, 0xc0, 0x26, 0xe5, 0x43, 0xb2,
                                      0xe8, 0xab, 0x2e, 0xb0, 0x60, 0x99, 0xda, 0xa1,
                                      0xd1, 0xe5, 0xdf, 0x47, 0x77, 0x8f, 0x77, 0x87,
                                      0xfa, 0xab, 0x45, 0xcd, 0xf1, 0x2f, 0xe3, 0xa8};
    uint8_t hash[32];
    torc_hash(hash, "", 0);
    cr_expect_arr_eq(hash, empty, 32);
    torc_wipe(hash, sizeof hash);
    for (size_t i = 0; i < sizeof hash; i++) {
        cr_expect_eq(hash[i], 0);
    }
}
