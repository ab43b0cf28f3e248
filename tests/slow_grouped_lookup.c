/* Whole lookups with grouped keys as a client makes them, at parameters of the search: keyswitch,
 * modulus switch, grouped rotation and extraction of kernels/ref, every index decrypted; the noise
 * of the looked-up values against the prediction. Prints how long a key takes. */
#include "frontend/optimize.h"
#include "kernels/kernels.h"
#include "runtime/client/secret_key.h"
#include "tests/common/sample_spec.h"
#include "tests/kernel_keys.h"
#include "tests/kernel_oracles.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

enum { INDEX_BITS = 4, ENTRIES = 16 };

typedef struct grouped_server {
    torc_shape shape;
    double *fourier;
    const double **steps;
    double *bundle;
    uint32_t *keyswitch;
    uint64_t *acc, *scratch, *poly;
} grouped_server;

static torc_shape shape_of(const torc_params *p)
{
    return (torc_shape){.glwe_dim = p->glwe_dim,
                        .poly_size = p->poly_size,
                        .lwe_dim = p->lwe_dim,
                        .extended_log2 = p->extended_log2,
                        .base_log = p->bootstrap.base_log,
                        .level_count = p->bootstrap.level_count,
                        .ks_base_log = p->keyswitch.base_log,
                        .ks_level_count = p->keyswitch.level_count,
                        .grouping = p->grouping};
}

static grouped_server server_make(const torc_evaluation_keys *keys)
{
    grouped_server s = {.shape = shape_of(&keys->params)};
    const size_t parts = (size_t)1 << s.shape.extended_log2;
    const size_t words = keys_row_words(&s.shape);
    const size_t rows = (size_t)(s.shape.glwe_dim + 1) * s.shape.level_count; /* of a GGSW */
    const size_t ggsw_count = torc_evk_bootstrap_rows(&keys->params) / rows;
    uint64_t *ggsw = test_alloc(rows * words * sizeof *ggsw);

    s.fourier = test_alloc(ggsw_count * rows * words * sizeof *s.fourier);
    s.steps = test_alloc(s.shape.lwe_dim * sizeof *s.steps);
    s.bundle = test_alloc(rows * words * sizeof *s.bundle);
    s.acc = test_alloc(words * parts * sizeof *s.acc);
    s.scratch = test_alloc(words * (parts + 1) * sizeof *s.scratch);
    s.poly = test_alloc(s.shape.poly_size * parts * sizeof *s.poly);
    for (size_t i = 0; i < ggsw_count; i++) {
        for (size_t row = 0; row < rows; row++) {
            torc_evk_expand_glwe(ggsw + row * words, keys, i * rows + row);
        }
        torc_ref_ggsw_forward(s.fourier + i * rows * words, ggsw, &s.shape);
    }
    for (size_t i = 0; i < torc_params_step_count(&keys->params); i++) {
        s.steps[i] = s.fourier + i * keys_terms(&s.shape) * rows * words;
    }
    const size_t lwe_words = (size_t)s.shape.lwe_dim + 1;
    s.keyswitch =
        test_alloc(torc_evk_keyswitch_rows(&keys->params) * lwe_words * sizeof *s.keyswitch);
    for (size_t row = 0; row < torc_evk_keyswitch_rows(&keys->params); row++) {
        torc_evk_expand_lwe(s.keyswitch + row * lwe_words, keys, row);
    }
    free(ggsw);
    return s;
}

static void server_free(grouped_server *s)
{
    free(s->fourier);
    free(s->steps);
    free(s->bundle);
    free(s->keyswitch);
    free(s->acc);
    free(s->scratch);
    free(s->poly);
}

/* out, in [kN + 1] */
static void server_lookup(grouped_server *s, uint64_t *out, uint64_t *in, const uint64_t *entry)
{
    const size_t big_dim = (size_t)s->shape.glwe_dim * s->shape.poly_size;
    uint32_t *small = test_alloc(((size_t)s->shape.lwe_dim + 1) * sizeof *small);
    uint32_t *exponent = test_alloc(((size_t)s->shape.lwe_dim + 1) * sizeof *exponent);

    in[big_dim] += (uint64_t)1 << (62 - INDEX_BITS);
    torc_ref_keyswitch(small, in, s->keyswitch, &s->shape);
    torc_ref_modulus_switch(exponent, small, &s->shape);
    torc_ref_table_polynomial(s->poly, entry, INDEX_BITS, &s->shape);
    torc_ref_blind_rotate_grouped(s->acc, s->scratch, s->bundle, s->poly, exponent, s->steps,
                                  &s->shape);
    torc_ref_sample_extract(out, s->acc, s->shape.glwe_dim, s->shape.poly_size);
    free(small);
    free(exponent);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static torc_params search_params(uint32_t grouping)
{
    /* transforms cost, products do not: the search takes all the grouping it may */
    const torc_machine machine = {
        .threads = 1, .fft_ns_per_butterfly = 1, .keyswitch_ns_per_mac = 0.001};
    const torc_noise_row row = {TORC_ROW_LOOKUP_EXACT, INDEX_BITS, 0.0, 25.0, 0.0, 64};
    const torc_search search = {.rows = &row,
                                .row_count = 1,
                                .log2_p_circuit = -40.0,
                                .machine = &machine,
                                .lookup_count = 64,
                                .max_grouping = grouping};
    torc_params params;
    cr_assert_eq(torc_optimize(NULL, &params, &search), TORC_OK);
    cr_assert_eq(params.grouping, grouping);
    return params;
}

Test(grouped_lookup, every_index_of_a_fresh_key_is_looked_up, .timeout = 600)
{
    test_rng rng = {8000};
    for (uint32_t g = 2; g <= 3; g++) {
        torc_spec spec = sample_spec();
        torc_secret_key *secret = NULL;
        torc_evaluation_keys *keys = NULL;
        spec.params = search_params(g);
        const uint32_t dim = torc_params_big_dim(&spec.params);
        const double start = seconds_now();
        cr_assert_eq(torc_keygen(NULL, &secret, &keys, &spec, 0), TORC_OK);
        const double keygen_seconds = seconds_now() - start;
        grouped_server server = server_make(keys);
        uint64_t *in = test_alloc((dim + (size_t)1) * sizeof *in);
        uint64_t *out = test_alloc((dim + (size_t)1) * sizeof *out);
        torc_noise noise;
        double sum_sq = 0;

        torc_noise_typical(&noise, &spec.params);
        for (uint32_t index = 0; index < 2 * ENTRIES; index++) {
            uint64_t entry[ENTRIES];
            rng_words(&rng, entry, ENTRIES);
            rng_words(&rng, in, dim);
            in[dim] =
                torc_ref_lwe_body(in, secret->big, 0, (uint64_t)index << (63 - INDEX_BITS), dim);
            server_lookup(&server, out, in, entry);
            const uint64_t expected = index < ENTRIES ? entry[index] : -entry[index - ENTRIES];
            const double error =
                torus_fraction(torc_ref_lwe_phase(out, secret->big, dim) - expected);
            cr_expect(fabs(error) < 8 * sqrt(noise.bootstrap), "g=%u index %u: error %g", g, index,
                      error);
            sum_sq += error * error / (2 * ENTRIES);
        }
        printf("g=%u v=%u k=%u N=%u n=%u base 2^%u l=%u: key %.0f MB in %.2f s, variance / "
               "predicted %.2f\n",
               g, spec.params.extended_log2, spec.params.glwe_dim, spec.params.poly_size,
               spec.params.lwe_dim, spec.params.bootstrap.base_log,
               spec.params.bootstrap.level_count,
               (double)torc_params_key_bytes_seeded(&spec.params) / 1e6, keygen_seconds,
               sum_sq / noise.bootstrap);
        /* 32 samples: odds of 1e-6 are 5 sqrt(2 / 32) */
        cr_expect(fabs(sum_sq / noise.bootstrap - 1) < 5 * sqrt(2.0 / (2 * ENTRIES)), "g=%u", g);
        free(in);
        free(out);
        server_free(&server);
        torc_secret_key_free(secret);
        torc_evk_free(keys);
        torc_spec_free(&spec);
    }
}
