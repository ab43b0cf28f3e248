/* Inside of a secret key. For runtime/client and for tests only: nothing else may see it. */
#ifndef TORC_SECRET_KEY_H
#define TORC_SECRET_KEY_H

#include "runtime/torc_client.h"

struct torc_secret_key {
    torc_params params;
    uint8_t key_id[TORC_KEY_ID_BYTES]; /* of the evaluation keys made with it */
    uint64_t *big;                     /* [kN] bits, 0 or 1: glwe_dim polynomials */
    uint64_t *small;                   /* [lwe_dim] bits; NULL without lookups */
};

/* Both arrays in one guarded block (locked, between guard pages, wiped when freed), zeroed. */
TORC_MUST_CHECK torc_status torc_secret_key_create(torc_ctx *ctx, torc_secret_key **out,
                                                   const torc_params *params);
/* Nothing may write the bits from here on. */
void torc_secret_key_seal(torc_secret_key *secret);

/* E_MISMATCH unless the key was made for these parameters. */
TORC_MUST_CHECK torc_status torc_secret_key_fits(torc_ctx *ctx, const torc_secret_key *secret,
                                                 const torc_spec *spec);

/* <mask, key> modulo 2^64 and 2^32, the key a mask for each word: no branch, no index and no
 * multiplication depends on a secret. */
static inline uint64_t torc_secret_dot(const uint64_t *mask, const uint64_t *key, size_t dim)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < dim; i++) {
        sum += mask[i] & (0 - key[i]);
    }
    return sum;
}

static inline uint32_t torc_secret_dot32(const uint32_t *mask, const uint64_t *key, size_t dim)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < dim; i++) {
        sum += mask[i] & (uint32_t)(0 - key[i]);
    }
    return sum;
}

/* Fewer ciphertexts than this are not worth waking the other threads (about 10 us each). */
#define TORC_PARALLEL_MIN 32

#endif
