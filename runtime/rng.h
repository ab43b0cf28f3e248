/* Randomness. Secrets and noise come from the kernel (getrandom, through libsodium); masks are
 * expanded from a public 256-bit seed by ChaCha20. There is no user seed: tests replace libsodium's
 * generator in their own process. */
#ifndef TORC_RNG_H
#define TORC_RNG_H

#include "runtime/torc_base.h"

#define TORC_SEED_BYTES   32
#define TORC_DIGEST_BYTES 32

/* Mask streams: one (domain, row) never serves two rows under one seed. */
typedef enum torc_mask_domain {
    TORC_MASK_BOOTSTRAP = 1,  /* row: GLWE row of the bootstrap key */
    TORC_MASK_KEYSWITCH = 2,  /* row: LWE row of the keyswitch key */
    TORC_MASK_CIPHERTEXT = 3, /* row: ciphertext of a file */
} torc_mask_domain;

/* E_RANDOM when the system generator cannot be initialised. Called by every function that needs it.
 */
TORC_MUST_CHECK torc_status torc_random_init(torc_ctx *ctx);

void torc_random_seed(uint8_t seed[TORC_SEED_BYTES]);
void torc_random_bits(uint64_t *out, size_t count); /* out[i] in {0, 1}, uniform */

/* TUniform(b): integers in [-2^b, 2^b], the two ends with half weight; constant time, no libm. */
void torc_random_tuniform(int64_t *out, size_t count, uint32_t bound_log2); /* b 0..62 */
/* The map behind it: bound_log2 + 2 uniform bits to one sample. */
int64_t torc_tuniform_from_bits(uint64_t bits, uint32_t bound_log2);

/* ChaCha20 (RFC 8439) keystream, little-endian words: key = seed, 96-bit nonce = domain (32 bits
 * LE), row (64 bits LE), block counter from 0. */
void torc_mask_expand_u64(uint64_t *out, size_t count, const uint8_t seed[TORC_SEED_BYTES],
                          torc_mask_domain domain, uint64_t row);
void torc_mask_expand_u32(uint32_t *out, size_t count, const uint8_t seed[TORC_SEED_BYTES],
                          torc_mask_domain domain, uint64_t row);

void torc_hash(uint8_t out[TORC_DIGEST_BYTES], const void *data, size_t size); /* BLAKE2b-256 */
void torc_wipe(void *data, size_t size);

#endif
