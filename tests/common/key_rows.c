#include "tests/common/key_rows.h"

#include "kernels/kernels.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* Product over the bits b of the step of s_b or 1 - s_b, as the term's set has b or not. */
static uint64_t term_bit(const torc_secret_key *secret, size_t ggsw)
{
    const uint32_t g = secret->params.grouping;
    const size_t terms = ((size_t)1 << g) - 1;
    uint64_t product = 1;
    for (size_t b = 0; b < g; b++) {
        const uint64_t bit = secret->small[ggsw / terms * g + b];
        product *= (ggsw % terms + 1) >> b & 1 ? bit : 1 - bit;
    }
    return product;
}

/* message[N] of row (c, j) of GGSW i: its bit * 2^(64 - base_log (j+1)) * (-s_big[c] or 1). */
static void glwe_message(uint64_t *message, const torc_secret_key *secret, size_t row)
{
    const torc_params *p = &secret->params;
    const uint32_t l = p->bootstrap.level_count;
    const size_t i = row / (((size_t)p->glwe_dim + 1) * l);
    const size_t c = row % (((size_t)p->glwe_dim + 1) * l) / l;
    const uint32_t j = (uint32_t)(row % l);
    const uint64_t factor = term_bit(secret, i) << (64 - p->bootstrap.base_log * (j + 1));
    for (size_t x = 0; x < p->poly_size; x++) {
        const uint64_t one = x == 0;
        message[x] =
            c < p->glwe_dim ? 0 - factor * secret->big[c * p->poly_size + x] : factor * one;
    }
}

void key_rows_add_glwe(tuniform_stats *stats, const torc_evaluation_keys *keys,
                       const torc_secret_key *secret, size_t row)
{
    const torc_params *p = &secret->params;
    uint64_t *glwe = malloc(((size_t)p->glwe_dim + 3) * p->poly_size * sizeof *glwe);
    cr_assert_neq(glwe, NULL);
    uint64_t *phase = glwe + ((size_t)p->glwe_dim + 1) * p->poly_size;
    uint64_t *message = phase + p->poly_size;
    torc_evk_expand_glwe(glwe, keys, row);
    torc_ref_glwe_phase(phase, glwe, secret->big, p->glwe_dim, p->poly_size);
    glwe_message(message, secret, row);
    for (size_t x = 0; x < p->poly_size; x++) {
        tuniform_add(stats, (int64_t)(phase[x] - message[x]));
    }
    free(glwe);
}

void key_rows_add_lwe(tuniform_stats *stats, const torc_evaluation_keys *keys,
                      const torc_secret_key *secret, size_t row)
{
    const torc_params *p = &secret->params;
    const size_t i = row / p->keyswitch.level_count;
    const uint32_t j = (uint32_t)(row % p->keyswitch.level_count);
    const uint32_t message = (uint32_t)secret->big[i] << (32 - p->keyswitch.base_log * (j + 1));
    uint32_t *lwe = malloc(((size_t)p->lwe_dim + 1) * sizeof *lwe);
    cr_assert_neq(lwe, NULL);
    torc_evk_expand_lwe(lwe, keys, row);
    tuniform_add(stats, (int32_t)(torc_ref_lwe_phase32(lwe, secret->small, p->lwe_dim) - message));
    free(lwe);
}
