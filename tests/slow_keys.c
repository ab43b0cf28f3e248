/* The statistics of tests/test_keys.c and tests/test_encrypt.c on millions of samples and on the
 * system's own randomness. Scores are printed; only odds of 1e-6 fail. */
#include "tests/common/identity_spec.h"
#include "tests/common/key_rows.h"
#include "tests/common/sample_spec.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void report(const tuniform_stats *stats, const char *label)
{
    printf("%s: %lu samples, b = %u, z: mean %.2f, variance %.2f, chi-square %.2f\n", label,
           stats->count, stats->bound_log2, tuniform_mean_z(stats), tuniform_variance_z(stats),
           tuniform_chi_square_z(stats));
    tuniform_expect(stats, label);
}

static void add_key(tuniform_stats *glwe, tuniform_stats *lwe, const torc_params *params)
{
    torc_spec spec = sample_spec();
    torc_secret_key *secret = NULL;
    torc_evaluation_keys *keys = NULL;
    const size_t glwe_rows = torc_evk_bootstrap_rows(params);
    const size_t step = glwe_rows / 250 | 1;
    spec.params = *params;
    cr_assert_eq(torc_keygen(NULL, &secret, &keys, &spec, 0), TORC_OK);
    for (size_t row = 0; row < glwe_rows; row += step) {
        key_rows_add_glwe(glwe, keys, secret, row);
    }
    for (size_t row = 0; row < torc_evk_keyswitch_rows(params); row++) {
        key_rows_add_lwe(lwe, keys, secret, row);
    }
    torc_secret_key_free(secret);
    torc_evk_free(keys);
    torc_spec_free(&spec);
}

Test(slow_keys, rows_hold_exactly_their_noise)
{
    torc_params sets[] = {
        sample_params(860, 1, 2048),
        sample_params(742, 2, 1024),
        sample_params(700, 3, 512),
        sample_params(920, 1, 4096),
    };
    sets[1].bootstrap = (torc_gadget){15, 2};
    sets[2].bootstrap = (torc_gadget){10, 4};
    sets[2].keyswitch = (torc_gadget){1, 14};
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        tuniform_stats glwe = {.bound_log2 = sets[s].glwe_noise_log2};
        tuniform_stats lwe = {.bound_log2 = sets[s].lwe_noise_log2};
        for (int k = 0; k < 4; k++) {
            add_key(&glwe, &lwe, &sets[s]);
        }
        char label[64];
        snprintf(label, sizeof label, "set %zu, bootstrap key", s);
        report(&glwe, label);
        snprintf(label, sizeof label, "set %zu, keyswitch key", s);
        report(&lwe, label);
    }
}

static int compare_words(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Chance alone repeats 64 bits among these with odds of 2^-31. */
Test(slow_keys, a_hundred_thousand_encryptions_share_no_seed)
{
    enum { CALLS = 100000 };
    torc_spec spec = identity_spec();
    torc_secret_key *secret = NULL;
    torc_evaluation_keys *keys = NULL;
    torc_tensor inputs[3];
    uint64_t *seed = malloc(CALLS * sizeof *seed);
    tuniform_stats noise = {.bound_log2 = spec.params.glwe_noise_log2};
    uint64_t lwe[1025];
    identity_inputs(inputs, 1, 5);
    cr_assert_eq(torc_keygen(NULL, &secret, &keys, &spec, 0), TORC_OK);
    for (size_t i = 0; i < CALLS; i++) {
        torc_ciphertexts *ct = NULL;
        uint64_t phase = 0;
        cr_assert_eq(torc_encrypt(NULL, &ct, NULL, &spec, secret, inputs, 0), TORC_OK);
        memcpy(&seed[i], ct->seed, sizeof *seed);
        torc_ct_expand(lwe, ct, &ct->parts[1], 0, 0);
        torc_secret_phase(&phase, secret, lwe, 1);
        tuniform_add(&noise, (int64_t)(phase - torc_encode(inputs[1].i64[0], 8)));
        torc_ciphertexts_free(ct);
    }
    report(&noise, "one value encrypted again and again");
    qsort(seed, CALLS, sizeof *seed, compare_words);
    for (size_t i = 1; i < CALLS; i++) {
        cr_assert_neq(seed[i], seed[i - 1]);
    }
    free(seed);
    identity_free(inputs);
    torc_secret_key_free(secret);
    torc_evk_free(keys);
    torc_spec_free(&spec);
}
