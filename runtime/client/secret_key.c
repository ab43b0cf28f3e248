/* Memory of secret keys, and what may be asked of one. */
#include "runtime/client/secret_key.h"

#include "runtime/status.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

torc_status torc_secret_key_create(torc_ctx *ctx, torc_secret_key **out, const torc_params *params)
{
    const size_t big_dim = torc_params_big_dim(params);
    const size_t count = big_dim + params->lwe_dim;
    torc_secret_key *secret = NULL;
    *out = NULL;
    TORC_TRY(torc_random_init(ctx)); /* libsodium must be ready for the guarded block */
    TORC_TRY(TORC_ALLOC(ctx, secret, 1));
    secret->params = *params;
    secret->big = sodium_allocarray(count, sizeof *secret->big);
    if (secret->big == NULL) {
        free(secret);
        return torc_fail(ctx, TORC_E_MEMORY, "secret key: no guarded memory for %zu words", count);
    }
    memset(secret->big, 0, count * sizeof *secret->big);
    secret->small = params->lwe_dim > 0 ? secret->big + big_dim : NULL;
    *out = secret;
    return TORC_OK;
}

/* Best effort: without the protection the key works all the same. */
void torc_secret_key_seal(torc_secret_key *secret)
{
    const int unprotected = sodium_mprotect_readonly(secret->big);
    (void)unprotected;
}

void torc_secret_key_free(torc_secret_key *secret)
{
    if (secret == NULL) {
        return;
    }
    sodium_free(secret->big); /* wipes */
    free(secret);
}

const torc_params *torc_secret_key_params(const torc_secret_key *secret)
{
    return &secret->params;
}

const uint8_t *torc_secret_key_id(const torc_secret_key *secret)
{
    return secret->key_id;
}

torc_status torc_secret_key_fits(torc_ctx *ctx, const torc_secret_key *secret,
                                 const torc_spec *spec)
{
    uint8_t of_key[TORC_FINGERPRINT_BYTES];
    uint8_t of_spec[TORC_FINGERPRINT_BYTES];
    torc_params_fingerprint(of_key, &secret->params);
    torc_params_fingerprint(of_spec, &spec->params);
    if (memcmp(of_key, of_spec, sizeof of_key) != 0) {
        return torc_fail(ctx, TORC_E_MISMATCH,
                         "secret key: made for other parameters (%02x%02x%02x%02x...) than circuit "
                         "'%s' (%02x%02x%02x%02x...); make keys for this circuit",
                         of_key[0], of_key[1], of_key[2], of_key[3], spec->circuit_name, of_spec[0],
                         of_spec[1], of_spec[2], of_spec[3]);
    }
    return TORC_OK;
}
