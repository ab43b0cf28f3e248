/* Keys, encryption and decryption on several threads, for the thread sanitizer: plain main, no test
 * framework. The results are checked too. */
#include "runtime/torc_client.h"
#include "tests/common/check.h"
#include "tests/common/sample_spec.h"

#include <omp.h>
#include <stdlib.h>

enum { SAMPLES = 64 };

/* One integer in, its phase out, for each sample. */
static void check_phases(torc_ctx *ctx, const torc_secret_key *secret, const torc_ciphertexts *ct,
                         const torc_tensor *input)
{
    const size_t words = (size_t)ct->big_dim + 1;
    uint64_t *lwe = malloc(SAMPLES * words * sizeof *lwe);
    uint64_t phase[SAMPLES];
    CHECK(ctx, lwe != NULL);
    for (size_t i = 0; i < SAMPLES; i++) {
        torc_ct_expand(lwe + i * words, ct, &ct->parts[1], i, 0);
    }
    torc_secret_phase(phase, secret, lwe, SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++) {
        CHECK(ctx, torc_decode(phase[i], 6, true) == input->i64[i]);
    }
    free(lwe);
}

int main(void)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_spec spec = sample_spec();
    torc_secret_key *secret = NULL;
    torc_evaluation_keys *keys = NULL;
    torc_ciphertexts *ct = NULL;
    torc_tensor inputs[2];
    omp_set_num_threads(4);
    spec.params = sample_params(450, 4, 256);
    CHECK(ctx, torc_keygen(ctx, &secret, &keys, &spec, 0) == TORC_OK);
    CHECK(ctx,
          torc_tensor_create(ctx, &inputs[0], TORC_F64, 3, (size_t[]){SAMPLES, 2, 3}) == TORC_OK);
    CHECK(ctx, torc_tensor_create(ctx, &inputs[1], TORC_I64, 1, (size_t[]){SAMPLES}) == TORC_OK);
    for (size_t i = 0; i < SAMPLES; i++) {
        inputs[1].i64[i] = (int64_t)i - 32;
    }
    CHECK(ctx, torc_encrypt(ctx, &ct, NULL, &spec, secret, inputs, 0) == TORC_OK);
    check_phases(ctx, secret, ct, &inputs[1]);
    torc_tensor_free(&inputs[0]);
    torc_tensor_free(&inputs[1]);
    torc_ciphertexts_free(ct);
    torc_secret_key_free(secret);
    torc_evk_free(keys);
    torc_spec_free(&spec);
    torc_ctx_free(ctx);
    return 0;
}
