/* One set of cryptographic parameters: literal -> checked -> fingerprint.
 *
 * Torus: 64-bit words. Big key: glwe_dim * poly_size bits; every ciphertext that a program holds is
 * an LWE ciphertext under it. Small key: lwe_dim bits, 32-bit torus, only between keyswitch and
 * blind rotation. Noise is TUniform(b): integers in [-2^b, 2^b], the two ends with half weight. */
#ifndef TORC_PARAMS_H
#define TORC_PARAMS_H

#include "runtime/torc_base.h"

typedef struct torc_gadget {
    uint32_t base_log;    /* B = 2^base_log */
    uint32_t level_count; /* digits kept */
} torc_gadget;

typedef struct torc_params {
    uint32_t glwe_dim;        /* k, 1..6 */
    uint32_t poly_size;       /* N, 256..4096, a power of two */
    uint32_t glwe_noise_log2; /* b of fresh ciphertexts and bootstrap key, units of 2^-64 */
    /* A circuit without lookups has no small key: lwe_dim = 0 and all that follows is 0. */
    uint32_t lwe_dim;        /* n */
    uint32_t lwe_noise_log2; /* b of the keyswitch key, units of 2^-32 */
    uint32_t extended_log2;  /* v, 0..5: accumulator of 2^v parts, modulus switch to 2N*2^v */
    uint32_t grouping;       /* g, key bits a blind-rotation step */
    torc_gadget bootstrap;
    torc_gadget keyswitch;
} torc_params;

#define TORC_FINGERPRINT_BYTES 32

static inline uint32_t torc_params_big_dim(const torc_params *p)
{
    return p->glwe_dim * p->poly_size;
}
static inline bool torc_params_has_lookup(const torc_params *p)
{
    return p->lwe_dim != 0;
}
static inline size_t torc_params_big_words(const torc_params *p)
{
    return (size_t)torc_params_big_dim(p) + 1;
}
static inline uint32_t torc_params_step_count(const torc_params *p)
{
    return p->grouping == 0 ? 0 : p->lwe_dim / p->grouping;
}

/* Ranges and divisibility only (E_PARAMETERS); security is runtime/security.h. */
TORC_MUST_CHECK torc_status torc_params_check(torc_ctx *ctx, const torc_params *params);

/* BLAKE2b-256 over a fixed-width encoding of every field: keys bind to it. */
void torc_params_fingerprint(uint8_t out[TORC_FINGERPRINT_BYTES], const torc_params *params);

/* Bytes: seeded evaluation keys on the wire (masks from a seed), and as the CPU engine holds them.
 */
size_t torc_params_key_bytes_seeded(const torc_params *params);
size_t torc_params_key_bytes_resident(const torc_params *params);

#endif
