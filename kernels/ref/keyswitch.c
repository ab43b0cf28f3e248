/* Keyswitch from the big key (64-bit words) to the small one (32-bit words).
 *   small = (0, round(body)) - sum_{i < kN} sum_{j < l'} digit_j(mask_i) * row_{i,j}     (mod 2^32)
 * Row (i, j) is an LWE encryption of S_i * 2^(32 - base_log' (j+1)) under the small key; the digits
 * are those of the whole 64-bit word, so that sum_j digit_j 2^(64 - base_log' (j+1)) is the word up
 * to 2^(63 - base_log' l'); base_log' * l' <= 32. Noise added (torus): kN l' vk (B'^2+2)/12 +
 * weight(S) B'^(-2l')/12 + 2^-64/12.
 *
 * Layouts: big u64 [kN + 1]; key u32 [kN][l'][n + 1]; small u32 [n + 1]. Integer arithmetic, exact:
 * every implementation gives the same bits.
 *
 * Chillotti, Gama, Georgieva, Izabachene: TFHE (J. Cryptology 2020), section 4.1. */
#include "kernels/kernels.h"

#include <string.h>

void torc_ref_keyswitch(uint32_t *small, const uint64_t *big, const uint32_t *key,
                        const torc_shape *shape)
{
    const uint32_t big_dim = shape->glwe_dim * shape->poly_size;
    const uint32_t words = shape->lwe_dim + 1;
    int64_t digit[64];

    memset(small, 0, words * sizeof *small);
    small[shape->lwe_dim] = (uint32_t)((big[big_dim] + ((uint64_t)1 << 31)) >> 32);
    for (uint32_t i = 0; i < big_dim; i++) {
        torc_ref_decompose(digit, big[i], shape->ks_base_log, shape->ks_level_count);
        for (uint32_t j = 0; j < shape->ks_level_count; j++) {
            const uint32_t *row = key + ((size_t)i * shape->ks_level_count + j) * words;
            for (uint32_t w = 0; w < words; w++) {
                small[w] -= (uint32_t)digit[j] * row[w];
            }
        }
    }
}
