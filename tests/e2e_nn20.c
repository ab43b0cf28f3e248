/* NN-20 (models/nn20): what the compiler makes of it at full size, and a small one of the same kind
 * simulated and encrypted against the network computed here with loops. */
#include "models/nn20/nn20.h"

#include <criterion/criterion.h>
#include <string.h>

#define FULL_LOOKUPS (28 * 28 + 18 * 92)

static torc_ctx *ctx;

static torc_circuit *compiled(const nn20_shape *shape)
{
    const torc_options options = {0};
    torc_circuit *circuit = NULL;
    ctx = torc_ctx_create();
    cr_assert_eq(nn20_compile(ctx, &circuit, shape, &options), TORC_OK, "%s: %s", shape->name,
                 torc_ctx_message(ctx));
    return circuit;
}

static void expect_full(const nn20_shape *shape, torc_contract contract)
{
    torc_circuit *circuit = compiled(shape);
    cr_expect_eq(torc_program_lookup_count(&circuit->program), FULL_LOOKUPS);
    cr_expect_eq(torc_program_level_count(&circuit->program), 19);
    cr_expect_eq(circuit->spec.contract, contract);
    for (uint32_t t = 0; t < circuit->program.table_count; t++) {
        cr_expect_eq(circuit->program.tables[t].index_bits, NN20_BITS, "table %u", t);
    }
    cr_expect_leq(circuit->spec.log2_p_error_circuit, -40);
    torc_circuit_free(circuit);
    torc_ctx_free(ctx);
}

Test(nn20, ternary_rows_of_norm_36_are_exact_with_6_bits)
{
    torc_tensor weights = {0};
    for (uint32_t layer = 0; layer <= nn20_ternary.layers; layer++) {
        cr_assert_eq(nn20_weights(NULL, &weights, &nn20_ternary, layer), TORC_OK);
        for (size_t r = 0; r < weights.shape[0]; r++) {
            int64_t norm_sq = 0;
            for (size_t i = 0; i < weights.shape[1]; i++) {
                const int64_t w = weights.i64[r * weights.shape[1] + i];
                norm_sq += w * w;
            }
            cr_expect_eq(norm_sq, 36, "layer %u row %zu", layer, r);
        }
        torc_tensor_free(&weights);
    }
    expect_full(&nn20_ternary, TORC_EXACT);
}

Test(nn20, dense_rows_are_rounded_to_6_bits)
{
    expect_full(&nn20_dense, TORC_ROUNDED);
}

/* --- the small one, by loops --- */

static int64_t sign(int64_t x)
{
    return x < 0 ? -1 : 1;
}

static void convolve(int64_t *out, const int64_t *image, int side)
{
    torc_tensor filter = {0};
    cr_assert_eq(nn20_filter(NULL, &filter), TORC_OK);
    for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++) {
            int64_t sum = 0;
            for (int i = -1; i <= 1; i++) {
                for (int j = -1; j <= 1; j++) {
                    const bool inside = y + i >= 0 && y + i < side && x + j >= 0 && x + j < side;
                    sum += inside ? filter.i64[3 * (i + 1) + j + 1] * image[(y + i) * side + x + j]
                                  : 0;
                }
            }
            out[y * side + x] = sign(sum);
        }
    }
    torc_tensor_free(&filter);
}

static void expected_scores(int64_t scores[NN20_SCORES], const int64_t *image)
{
    int64_t x[64] = {0};
    convolve(x, image, (int)nn20_small.side);
    for (uint32_t layer = 0; layer <= nn20_small.layers; layer++) {
        torc_tensor w = {0};
        int64_t y[64] = {0};
        cr_assert_eq(nn20_weights(NULL, &w, &nn20_small, layer), TORC_OK);
        for (size_t r = 0; r < w.shape[0]; r++) {
            for (size_t i = 0; i < w.shape[1]; i++) {
                y[r] += w.i64[r * w.shape[1] + i] * x[i];
            }
        }
        for (size_t r = 0; r < w.shape[0]; r++) {
            x[r] = layer == nn20_small.layers ? y[r] : sign(y[r]);
        }
        torc_tensor_free(&w);
    }
    memcpy(scores, x, NN20_SCORES * sizeof *x);
}

Test(nn20, encrypted_equals_simulated_equals_computed)
{
    torc_circuit *circuit = compiled(&nn20_small);
    torc_session *session = NULL;
    torc_tensor images = {0};
    torc_tensor simulated = {0};
    torc_tensor decrypted = {0};
    cr_assert_eq(torc_program_lookup_count(&circuit->program), 3 * 3 + 2 * 4);
    cr_assert_eq(nn20_images(ctx, &images, &nn20_small, 2, 99), TORC_OK);
    cr_assert_eq(torc_simulate(ctx, &simulated, circuit, &images), TORC_OK);
    cr_assert_eq(torc_session_create(ctx, &session, circuit), TORC_OK);
    cr_assert_eq(torc_encrypt_run_decrypt(ctx, &decrypted, session, &images), TORC_OK);
    for (size_t sample = 0; sample < 2; sample++) {
        int64_t scores[NN20_SCORES];
        expected_scores(scores, images.i64 + sample * nn20_small.side * nn20_small.side);
        for (size_t i = 0; i < NN20_SCORES; i++) {
            const size_t at = sample * NN20_SCORES + i;
            cr_expect_eq(simulated.i64[at], scores[i], "sample %zu score %zu", sample, i);
            cr_expect_eq(decrypted.i64[at], scores[i], "sample %zu score %zu", sample, i);
        }
    }
    torc_tensor_free(&images);
    torc_tensor_free(&simulated);
    torc_tensor_free(&decrypted);
    torc_session_free(session);
    torc_circuit_free(circuit);
    torc_ctx_free(ctx);
}
