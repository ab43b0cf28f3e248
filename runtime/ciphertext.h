/* Ciphertexts as they travel: one named tensor a port, for a batch of samples. */
#ifndef TORC_CIPHERTEXT_H
#define TORC_CIPHERTEXT_H

#include "runtime/evaluation_keys.h"
#include "runtime/spec.h"

typedef enum torc_ct_form {
    TORC_CT_SEEDED, /* body[samples][count] u64; mask row = row_begin + sample*count + e */
    TORC_CT_FULL,   /* lwe[samples][count][kN+1] u64, mask then body */
    TORC_CT_CLEAR,  /* int64 value[samples][count], not encrypted */
} torc_ct_form;

typedef struct torc_ct_part {
    char *name;
    torc_ct_form form;
    size_t count;        /* elements a sample */
    uint64_t row_begin;  /* SEEDED */
    union {
        uint64_t *word;
        int64_t *value;
    };
} torc_ct_part;

typedef struct torc_ciphertexts {
    bool is_result;      /* outputs of a run, else inputs */
    uint32_t big_dim;
    size_t samples;
    uint8_t circuit_id[TORC_ID_BYTES];
    uint8_t key_id[TORC_KEY_ID_BYTES];
    uint8_t seed[TORC_SEED_BYTES];
    uint32_t part_count;
    torc_ct_part *parts;
} torc_ciphertexts;

void torc_ciphertexts_free(torc_ciphertexts *ct); /* frees ct too; NULL is fine */
/* Rows of seeded parts follow each other from 0, in the order of the parts: a file cannot use a mask
 * row twice. Saving anything else is E_INTERNAL. An existing file is replaced. */
TORC_MUST_CHECK torc_status torc_ciphertexts_save(torc_ctx *ctx, const torc_ciphertexts *ct, const char *path);
TORC_MUST_CHECK torc_status torc_ciphertexts_load(torc_ctx *ctx, torc_ciphertexts **out, const char *path);

/* One element of one sample as a full LWE ciphertext, out[kN+1]; not for TORC_CT_CLEAR. */
void torc_ct_expand(uint64_t *out, const torc_ciphertexts *ct, const torc_ct_part *part, size_t sample,
                    size_t element);

#endif
