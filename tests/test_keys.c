/* Fresh keys at real parameters: every row holds exactly the noise it should, no randomness serves
 * twice, and what the client does not trust is refused. */
#include "kernels/kernels.h"
#include "tests/common/key_rows.h"
#include "tests/common/sample_spec.h"
#include "tests/common/seeded_random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct key_pair {
    torc_secret_key *secret;
    torc_evaluation_keys *keys;
} key_pair;

static key_pair make_keys(const torc_params *params)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_spec spec = sample_spec();
    key_pair pair;
    spec.params = *params;
    cr_assert_eq(torc_keygen(ctx, &pair.secret, &pair.keys, &spec, 0), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    torc_spec_free(&spec);
    torc_ctx_free(ctx);
    return pair;
}

static void free_keys(key_pair *pair)
{
    torc_secret_key_free(pair->secret);
    torc_evk_free(pair->keys);
}

static torc_params with_gadgets(torc_params params, torc_gadget bootstrap, torc_gadget keyswitch)
{
    params.bootstrap = bootstrap;
    params.keyswitch = keyswitch;
    return params;
}

static torc_params with_grouping(torc_params params, uint32_t grouping)
{
    params.grouping = grouping;
    return params;
}

/* Rows from everywhere: the step is prime to the number of rows of a GGSW. */
static void add_some_glwe_rows(tuniform_stats *stats, const key_pair *pair, size_t count)
{
    const size_t row_count = torc_evk_bootstrap_rows(&pair->keys->params);
    const size_t step = row_count / count | 1;
    for (size_t row = 0; row < row_count; row += step) {
        key_rows_add_glwe(stats, pair->keys, pair->secret, row);
    }
    key_rows_add_glwe(stats, pair->keys, pair->secret, row_count - 1);
}

Test(keys, fresh_rows_hold_exactly_their_noise)
{
    const torc_params sets[] = {
        sample_params(860, 1, 2048),
        with_gadgets(sample_params(742, 2, 1024), (torc_gadget){12, 3}, (torc_gadget){2, 8}),
        with_gadgets(sample_params(600, 4, 512), (torc_gadget){21, 3}, (torc_gadget){32, 1}),
        with_gadgets(sample_params(500, 1, 4096), (torc_gadget){1, 1}, (torc_gadget){1, 1}),
        with_grouping(sample_params(600, 2, 512), 2),
        with_grouping(sample_params(600, 2, 512), 3),
        with_grouping(sample_params(600, 2, 512), 4),
    };
    seeded_random_start(41);
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        tuniform_stats glwe = {.bound_log2 = sets[s].glwe_noise_log2};
        tuniform_stats lwe = {.bound_log2 = sets[s].lwe_noise_log2};
        char label[64];
        for (int k = 0; k < 3; k++) {
            key_pair pair = make_keys(&sets[s]);
            add_some_glwe_rows(&glwe, &pair, sets[s].poly_size == 4096 ? 3 : 20);
            for (size_t row = 0; row < torc_evk_keyswitch_rows(&sets[s]); row++) {
                key_rows_add_lwe(&lwe, pair.keys, pair.secret, row);
            }
            free_keys(&pair);
        }
        snprintf(label, sizeof label, "set %zu, bootstrap key", s);
        tuniform_expect(&glwe, label);
        snprintf(label, sizeof label, "set %zu, keyswitch key", s);
        tuniform_expect(&lwe, label);
    }
}

/* Of the 2^g - 1 terms of a step one holds 1 unless all key bits are 0, and every term does so
 * somewhere: decrypted from the last row of each GGSW. */
Test(keys, one_term_of_a_grouped_step_holds_the_key_bits)
{
    seeded_random_start(44);
    for (uint32_t g = 1; g <= 4; g++) {
        const torc_params params = with_grouping(sample_params(600, 1, 2048), g);
        const size_t terms = ((size_t)1 << g) - 1;
        const size_t rows = ((size_t)params.glwe_dim + 1) * params.bootstrap.level_count;
        key_pair pair = make_keys(&params);
        uint64_t glwe[2 * 2048];
        uint64_t lwe[2049];
        size_t seen[16] = {0};
        for (size_t step = 0; step < 600 / g; step++) {
            size_t value = 0;
            size_t ones = 0;
            for (size_t b = 0; b < g; b++) {
                value |= (size_t)pair.secret->small[step * g + b] << b;
            }
            for (size_t t = 1; t <= terms; t++) {
                torc_evk_expand_glwe(glwe, pair.keys, (step * terms + t) * rows - 1);
                torc_ref_sample_extract(lwe, glwe, 1, 2048);
                const uint64_t phase = torc_ref_lwe_phase(lwe, pair.secret->big, 2048);
                const uint32_t kept = params.bootstrap.base_log * params.bootstrap.level_count;
                const size_t bit = (phase + ((uint64_t)1 << (63 - kept))) >> (64 - kept);
                cr_assert_eq(bit, t == value, "g=%u step %zu term %zu", g, step, t);
                ones += bit;
            }
            cr_expect_eq(ones, value != 0);
            seen[value]++;
        }
        for (size_t value = 0; value <= terms; value++) {
            cr_expect_gt(seen[value], 0);
        }
        free_keys(&pair);
    }
}

static double weight_z(const uint64_t *bits, size_t count)
{
    size_t weight = 0;
    for (size_t i = 0; i < count; i++) {
        cr_assert_leq(bits[i], 1);
        weight += bits[i];
    }
    return ((double)weight - (double)count / 2) / sqrt((double)count / 4);
}

Test(keys, secret_bits_are_fair_and_the_two_keys_are_independent)
{
    const torc_params params = sample_params(860, 1, 2048);
    uint64_t big[8 * 2048];
    uint64_t same[8 * 860];
    seeded_random_start(42);
    for (size_t k = 0; k < 8; k++) {
        key_pair pair = make_keys(&params);
        memcpy(big + k * 2048, pair.secret->big, 2048 * sizeof *big);
        for (size_t i = 0; i < 860; i++) {
            same[k * 860 + i] = pair.secret->small[i] == pair.secret->big[i];
        }
        cr_expect_lt(fabs(weight_z(pair.secret->small, 860)), 4.9);
        free_keys(&pair);
    }
    cr_expect_lt(fabs(weight_z(big, 8 * (size_t)2048)), 4.9);
    cr_expect_lt(fabs(weight_z(same, 8 * (size_t)860)), 4.9, "small key follows the big one");
    cr_expect(memcmp(big, big + 2048, 2048 * sizeof *big) != 0);
}

static int compare_words(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* First 8 bytes of every mask row of both keys and of 3 key pairs, and the seeds: all different. */
Test(keys, no_seed_and_no_mask_row_repeats)
{
    const torc_params params = sample_params(860, 1, 2048);
    const size_t glwe_rows = torc_evk_bootstrap_rows(&params);
    const size_t lwe_rows = torc_evk_keyswitch_rows(&params);
    const size_t total = 3 * (1 + glwe_rows + lwe_rows);
    uint64_t *word = malloc(total * sizeof *word);
    uint64_t *glwe = malloc(2 * (size_t)2048 * sizeof *glwe);
    uint32_t *lwe = malloc(861 * sizeof *lwe);
    size_t count = 0;
    for (int k = 0; k < 3; k++) {
        key_pair pair = make_keys(&params);
        memcpy(&word[count++], pair.keys->seed, sizeof *word);
        for (size_t row = 0; row < glwe_rows; row++) {
            torc_evk_expand_glwe(glwe, pair.keys, row);
            word[count++] = glwe[0];
        }
        for (size_t row = 0; row < lwe_rows; row++) {
            torc_evk_expand_lwe(lwe, pair.keys, row);
            memcpy(&word[count++], lwe, sizeof *word);
        }
        free_keys(&pair);
    }
    cr_assert_eq(count, total);
    qsort(word, total, sizeof *word, compare_words);
    for (size_t i = 1; i < total; i++) {
        cr_assert_neq(word[i], word[i - 1]);
    }
    free(lwe);
    free(glwe);
    free(word);
}

Test(keys, the_number_of_threads_changes_nothing)
{
    const torc_params params = sample_params(700, 2, 1024);
    uint8_t id[3][TORC_KEY_ID_BYTES];
    const int threads[3] = {1, 2, 5};
    for (int i = 0; i < 3; i++) {
        omp_set_num_threads(threads[i]);
        seeded_random_start(43);
        key_pair pair = make_keys(&params);
        memcpy(id[i], pair.keys->key_id, sizeof id[i]);
        cr_expect_arr_eq(torc_secret_key_id(pair.secret), pair.keys->key_id, TORC_KEY_ID_BYTES);
        free_keys(&pair);
    }
    cr_expect_arr_eq(id[0], id[1], sizeof id[0]);
    cr_expect_arr_eq(id[0], id[2], sizeof id[0]);
}

Test(keys, a_circuit_without_lookups_needs_no_evaluation_keys)
{
    const torc_params params = sample_params_no_lookup();
    key_pair a = make_keys(&params);
    key_pair b = make_keys(&params);
    cr_expect_eq(a.keys->bootstrap_body, NULL);
    cr_expect_eq(a.keys->keyswitch_body, NULL);
    cr_expect_eq(a.secret->small, NULL);
    cr_expect(memcmp(a.keys->key_id, b.keys->key_id, TORC_KEY_ID_BYTES) != 0);
    cr_expect_lt(fabs(weight_z(a.secret->big, 1024)), 4.9);
    free_keys(&a);
    free_keys(&b);
}

Test(keys, the_key_id_covers_parameters_seed_and_bodies)
{
    const torc_params params = sample_params(500, 4, 512);
    key_pair pair = make_keys(&params);
    uint8_t *const places[] = {
        pair.keys->seed,
        (uint8_t *)pair.keys->bootstrap_body + 12345,
        (uint8_t *)pair.keys->keyswitch_body + 999,
        (uint8_t *)&pair.keys->params.lwe_noise_log2,
    };
    uint8_t id[TORC_KEY_ID_BYTES];
    memcpy(id, pair.keys->key_id, sizeof id);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        *places[i] ^= 1;
        torc_evk_identify(pair.keys);
        cr_expect(memcmp(id, pair.keys->key_id, sizeof id) != 0, "place %zu", i);
        *places[i] ^= 1;
    }
    torc_evk_identify(pair.keys);
    cr_expect_arr_eq(id, pair.keys->key_id, sizeof id);
    free_keys(&pair);
}

static void expect_refused(const torc_spec *spec, torc_status status, const char *words)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_secret_key *secret = (torc_secret_key *)1;
    torc_evaluation_keys *keys = (torc_evaluation_keys *)1;
    cr_expect_eq(torc_keygen(ctx, &secret, &keys, spec, 0), status, "%s", words);
    cr_expect_neq(strstr(torc_ctx_message(ctx), words), NULL, "%s", torc_ctx_message(ctx));
    cr_expect_eq(secret, NULL);
    cr_expect_eq(keys, NULL);
    torc_ctx_free(ctx);
}

Test(keys, a_specification_that_is_not_accepted_gets_no_keys)
{
    torc_spec spec = sample_spec();
    spec.params.lwe_noise_log2--;
    expect_refused(&spec, TORC_E_SECURITY, "small key");
    spec.params.lwe_noise_log2++;
    spec.profile = TORC_CUSTOM;
    expect_refused(&spec, TORC_E_SECURITY, "--allow-p-error");
    spec.is_virtual = true;
    expect_refused(&spec, TORC_E_SECURITY, "protects nothing");
    torc_spec_free(&spec);
}

static void watch(void *user, const char *what, double done)
{
    double *last = user;
    cr_expect_str_eq(what, "bootstrap key");
    cr_expect(done >= *last && done <= 1, "%g after %g", done, *last);
    *last = done;
}

Test(keys, progress_runs_from_0_to_1)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_spec spec = sample_spec();
    double last = 0;
    torc_secret_key *secret = NULL;
    torc_evaluation_keys *keys = NULL;
    torc_ctx_set_progress(ctx, watch, &last);
    cr_assert_eq(torc_keygen(ctx, &secret, &keys, &spec, 0), TORC_OK);
    cr_expect_float_eq(last, 1, 0);
    torc_secret_key_free(secret);
    torc_evk_free(keys);
    torc_spec_free(&spec);
    torc_ctx_free(ctx);
}
