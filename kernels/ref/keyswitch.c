/* Keyswitch from the big key (64-bit words) to the small one (32-bit words).
 *   small = (0, round(body)) - sum_{i < kN} sum_{j < l'} digit_j(mask_i) * row_{i,j}     (mod 2^32)
 * Row (i, j) is an LWE encryption of S_i * 2^(32 - base_log' (j+1)) under the small key; the digits
 * are those of the whole 64-bit word, so that sum_j digit_j 2^(64 - base_log' (j+1)) is the word up
 * to 2^(63 - base_log' l'); base_log' * l' <= 32.
 *
 * Digits of mean zero: those in [-B'/2, B'/2) have mean -1/2, and one key would move every phase by
 * the same half of the sum of its noises (0.2 standard deviations at B' = 8, 0.9 at B' = 2). A bit
 * of the word that is dropped anyway, the second below the last kept one, chooses between that set
 * and its negative, (-B'/2, B'/2].
 *
 * Noise added (torus): kN l' vk (B'^2+2)/12 + weight(S) B'^(-2l')/12 + 2^-64/12, mean 0.
 *
 * Layouts: big u64 [kN + 1]; key u32 [kN][l'][n + 1]; small u32 [n + 1]. Integer arithmetic, exact:
 * every implementation gives the same bits.
 *
 * Chillotti, Gama, Georgieva, Izabachene: TFHE (J. Cryptology 2020), section 4.1. */
#include "kernels/kernels.h"

#include <stdbool.h>
#include <string.h>

static void unbiased_digits(int64_t *digit, uint64_t x, uint32_t base_log, uint32_t level_count)
{
    const bool negate = (x >> (62 - base_log * level_count) & 1) != 0;
    torc_ref_decompose(digit, negate ? -x : x, base_log, level_count);
    for (uint32_t j = 0; j < level_count && negate; j++) {
        digit[j] = -digit[j];
    }
}

void torc_ref_keyswitch(uint32_t *small, const uint64_t *big, const uint32_t *key,
                        const torc_shape *shape)
{
    const uint32_t big_dim = shape->glwe_dim * shape->poly_size;
    const uint32_t words = shape->lwe_dim + 1;
    int64_t digit[64];

    memset(small, 0, words * sizeof *small);
    small[shape->lwe_dim] = (uint32_t)((big[big_dim] + ((uint64_t)1 << 31)) >> 32);
    for (uint32_t i = 0; i < big_dim; i++) {
        unbiased_digits(digit, big[i], shape->ks_base_log, shape->ks_level_count);
        for (uint32_t j = 0; j < shape->ks_level_count; j++) {
            const uint32_t *row = key + ((size_t)i * shape->ks_level_count + j) * words;
            for (uint32_t w = 0; w < words; w++) {
                small[w] -= (uint32_t)digit[j] * row[w];
            }
        }
    }
}
