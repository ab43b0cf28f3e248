/* Bodies and phases of LWE and GLWE ciphertexts, for given masks, keys and noise.
 *   body  = sum_c mask_c * key_c + noise + message        (mod 2^64 or 2^32)
 *   phase = body - sum_c mask_c * key_c
 * GLWE words live in Z/2^64[X]/(X^N + 1). Key bits are 0 or 1.
 *
 * Keys are secret: no branch and no address here depends on a key bit. */
#include "kernels/kernels.h"

#include <string.h>

/* out += sign * a * b, where sign is 1 or -1 (as a word). */
static void negacyclic_multiply_add(uint64_t *out, const uint64_t *a, const uint64_t *b,
                                    uint64_t sign, uint32_t poly_size)
{
    for (uint32_t j = 0; j < poly_size; j++) { /* X^j */
        const uint64_t keep = sign * b[j];
        for (uint32_t i = 0; i < poly_size - j; i++) {
            out[i + j] += keep * a[i];
        }
        for (uint32_t i = poly_size - j; i < poly_size; i++) { /* X^N = -1 */
            out[i + j - poly_size] -= keep * a[i];
        }
    }
}

void torc_ref_negacyclic_add(uint64_t *out, const uint64_t *a, const uint64_t *b,
                             uint32_t poly_size)
{
    negacyclic_multiply_add(out, a, b, 1, poly_size);
}

void torc_ref_glwe_body(uint64_t *body, const uint64_t *mask, const uint64_t *key,
                        const int64_t *noise, const uint64_t *message, uint32_t glwe_dim,
                        uint32_t poly_size)
{
    for (uint32_t i = 0; i < poly_size; i++) {
        body[i] = (uint64_t)noise[i] + message[i];
    }
    for (uint32_t c = 0; c < glwe_dim; c++) {
        negacyclic_multiply_add(body, mask + (size_t)c * poly_size, key + (size_t)c * poly_size, 1,
                                poly_size);
    }
}

void torc_ref_glwe_phase(uint64_t *phase, const uint64_t *glwe, const uint64_t *key,
                         uint32_t glwe_dim, uint32_t poly_size)
{
    memcpy(phase, glwe + (size_t)glwe_dim * poly_size, poly_size * sizeof *phase);
    for (uint32_t c = 0; c < glwe_dim; c++) {
        negacyclic_multiply_add(phase, glwe + (size_t)c * poly_size, key + (size_t)c * poly_size,
                                UINT64_MAX, poly_size);
    }
}

static uint64_t lwe_product(const uint64_t *mask, const uint64_t *key, uint32_t dim)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < dim; i++) {
        sum += mask[i] * key[i];
    }
    return sum;
}

static uint32_t lwe_product32(const uint32_t *mask, const uint64_t *key, uint32_t dim)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < dim; i++) {
        sum += mask[i] * (uint32_t)key[i];
    }
    return sum;
}

uint64_t torc_ref_lwe_body(const uint64_t *mask, const uint64_t *key, int64_t noise,
                           uint64_t message, uint32_t dim)
{
    return lwe_product(mask, key, dim) + (uint64_t)noise + message;
}

uint32_t torc_ref_lwe_body32(const uint32_t *mask, const uint64_t *key, int64_t noise,
                             uint32_t message, uint32_t dim)
{
    return lwe_product32(mask, key, dim) + (uint32_t)noise + message;
}

uint64_t torc_ref_lwe_phase(const uint64_t *lwe, const uint64_t *key, uint32_t dim)
{
    return lwe[dim] - lwe_product(lwe, key, dim);
}

uint32_t torc_ref_lwe_phase32(const uint32_t *lwe, const uint64_t *key, uint32_t dim)
{
    return lwe[dim] - lwe_product32(lwe, key, dim);
}
