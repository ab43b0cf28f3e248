/* Public evaluation keys as they travel: seeds and bodies. The client makes them, the server expands
 * them into a backend's own form. */
#ifndef TORC_EVALUATION_KEYS_H
#define TORC_EVALUATION_KEYS_H

#include "runtime/params.h"
#include "runtime/rng.h"

#define TORC_KEY_ID_BYTES 32

/* bootstrap_body[n][(k+1)*l][N]: row (c, j) of GGSW i holds the body of a GLWE encryption of
 *   s_small[i] * 2^(64 - base_log*(j+1)) * (-s_big[c] if c < k, 1 if c == k); index c*l + j.
 * keyswitch_body[kN][l']: LWE encryption of s_big[i] * 2^(32 - base_log'*(j+1)) under the small key.
 * Mask row of GLWE row r = (i*(k+1)*l + c*l + j): k*N words, domain BOOTSTRAP; of LWE row
 * i*l' + j: n 32-bit words, domain KEYSWITCH. Both from `seed`. body = sum mask*key + noise + message.
 * For grouping g > 1 step i holds 2^g - 1 terms: [n/g][2^g-1][(k+1)*l][N]. Term t - 1, in place of
 * s_small[i], has 1 when the g key bits from g i on, lowest first, are the bits of t, else 0. */
typedef struct torc_evaluation_keys {
    torc_params params;
    uint8_t key_id[TORC_KEY_ID_BYTES]; /* BLAKE2b over fingerprint, seed and digests of the bodies */
    uint8_t seed[TORC_SEED_BYTES];
    const uint64_t *bootstrap_body;
    const uint32_t *keyswitch_body;
    void *owner;                       /* a mapped reader, or NULL when the bodies are malloc'd */
} torc_evaluation_keys;

size_t torc_evk_bootstrap_rows(const torc_params *params); /* GLWE rows in all */
size_t torc_evk_keyswitch_rows(const torc_params *params);

/* E_ARGUMENT without keys, E_MISMATCH unless they belong to these parameters; `where` begins the
 * message. */
TORC_MUST_CHECK torc_status torc_evk_fits(torc_ctx *ctx, const torc_evaluation_keys *keys,
                                          const torc_params *params, const char *where);
void torc_evk_identify(torc_evaluation_keys *keys); /* computes key_id */
/* The same in two steps: the first takes nearly all of the time and needs the bootstrap bodies alone. */
void torc_evk_digest_bootstrap(uint8_t digest[TORC_DIGEST_BYTES], const torc_evaluation_keys *keys);
void torc_evk_identify_from(torc_evaluation_keys *keys, const uint8_t bootstrap_digest[TORC_DIGEST_BYTES]);
/* Loading checks parameters, security, sizes and key_id; the bodies stay in the mapped file. */
TORC_MUST_CHECK torc_status torc_evk_save(torc_ctx *ctx, const torc_evaluation_keys *keys, const char *path);
TORC_MUST_CHECK torc_status torc_evk_load(torc_ctx *ctx, torc_evaluation_keys **out, const char *path);
void torc_evk_free(torc_evaluation_keys *keys); /* frees keys too; NULL is fine */

/* Full rows: glwe[k+1][N] (masks, then body) of GLWE row r; lwe[n+1] of LWE row r. */
void torc_evk_expand_glwe(uint64_t *glwe, const torc_evaluation_keys *keys, size_t row);
void torc_evk_expand_lwe(uint32_t *lwe, const torc_evaluation_keys *keys, size_t row);

#endif
