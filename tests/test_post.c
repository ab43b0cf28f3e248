/* Output scaling and post steps, against hand-computed values. */
#include "runtime/status.h"
#include "tests/common/sample_spec.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A specification with one integer output of this shape. */
static torc_spec spec_of(uint32_t rank, const size_t *shape)
{
    torc_spec spec = sample_spec();
    free(spec.outputs[0].name);
    free(spec.outputs[0].real_scale);
    free(spec.outputs[0].real_offset);
    free(spec.outputs[1].name);
    spec.outputs[0] = sample_port("y", 10, true, rank, shape);
    spec.output_count = 1;
    return spec;
}

static torc_tensor finish(const torc_spec *spec, const int64_t *values, size_t samples)
{
    torc_tensor out;
    torc_ctx *ctx = torc_ctx_create();
    cr_assert_eq(torc_spec_check(ctx, spec), TORC_OK, "%s", torc_ctx_message(ctx));
    cr_assert_eq(torc_spec_finish(ctx, &out, spec, &values, samples), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    torc_ctx_free(ctx);
    return out;
}

static void expect_floats(const torc_tensor *out, const double *expected, size_t count)
{
    cr_assert_eq(out->dtype, TORC_F64);
    cr_assert_eq(torc_tensor_count(out), count);
    for (size_t i = 0; i < count; i++) {
        cr_expect_float_eq(out->f64[i], expected[i], 1e-12, "element %zu: %.17g, expected %.17g", i,
                           out->f64[i], expected[i]);
    }
}

static void expect_shape(const torc_tensor *out, uint32_t rank, const size_t *shape)
{
    cr_assert_eq(out->rank, rank);
    for (uint32_t i = 0; i < rank; i++) {
        cr_expect_eq(out->shape[i], shape[i]);
    }
}

Test(post, outputs_are_scaled_each_by_its_own_port)
{
    torc_spec spec = sample_spec();
    const int64_t scores[8] = {0, 1, -1, 100, 4, 5, 6, 7};
    const int64_t counts[2] = {3, 7};
    torc_tensor out[2];
    cr_assert_eq(torc_spec_finish(NULL, out, &spec, (const int64_t *const[]){scores, counts}, 2),
                 TORC_OK);
    expect_shape(&out[0], 2, (const size_t[]){2, 4});
    expect_floats(&out[0], (const double[]){1.5, 1.75, 1.25, 26.5, 2.5, 2.75, 3, 3.25}, 8);
    expect_shape(&out[1], 1, (const size_t[]){2});
    cr_expect_eq(out[1].dtype, TORC_I64);
    cr_expect_arr_eq(out[1].i64, counts, sizeof counts);
    torc_tensor_free(&out[0]);
    torc_tensor_free(&out[1]);
    torc_spec_free(&spec);
}

Test(post, one_scale_an_element_repeats_for_every_sample)
{
    torc_spec spec = spec_of(1, (const size_t[]){2});
    torc_port *port = &spec.outputs[0];
    port->is_float = true;
    port->scale_count = 2;
    port->real_scale = malloc(2 * sizeof(double));
    port->real_offset = malloc(2 * sizeof(double));
    memcpy(port->real_scale, (const double[]){2, -0.5}, 2 * sizeof(double));
    memcpy(port->real_offset, (const double[]){1, 0}, 2 * sizeof(double));
    torc_tensor out = finish(&spec, (const int64_t[]){1, 2, 3, 4}, 2);
    expect_floats(&out, (const double[]){3, -1, 7, -2}, 4);
    torc_tensor_free(&out);
    torc_spec_free(&spec);
}

/* softmax of (0, log 3): (1/4, 3/4), here with integers times log 3 by an affine step. */
Test(post, softmax_normalises_over_its_axis)
{
    for (int32_t axis = 0; axis < 2; axis++) {
        for (int is_log = 0; is_log < 2; is_log++) {
            torc_spec spec = spec_of(2, (const size_t[]){2, 2});
            sample_post(&spec, (torc_post){.kind = TORC_POST_AFFINE, .alpha = log(3)});
            sample_post(&spec,
                        (torc_post){.kind = is_log ? TORC_POST_LOG_SOFTMAX : TORC_POST_SOFTMAX,
                                    .axis = axis});
            torc_tensor out = finish(&spec, (const int64_t[]){0, 1, 2, 2, 1, 1, 1, 0}, 2);
            const double rows[2][8] = {
                {0.1, 0.25, 0.9, 0.75, 0.5, 0.75, 0.5, 0.25}, /* down: 3^0 : 3^2, 3^1 : 3^2, ... */
                {0.25, 0.75, 0.5, 0.5, 0.5, 0.5, 0.75, 0.25}, /* across */
            };
            for (size_t i = 0; i < 8; i++) {
                const double p = is_log ? exp(out.f64[i]) : out.f64[i];
                cr_expect_float_eq(p, rows[axis][i], 1e-12, "axis %d element %zu: %g", axis, i, p);
            }
            torc_tensor_free(&out);
            torc_spec_free(&spec);
        }
    }
}

Test(post, softmax_of_large_numbers_does_not_overflow)
{
    torc_spec spec = spec_of(1, (const size_t[]){2});
    sample_post(&spec, (torc_post){.kind = TORC_POST_AFFINE, .alpha = 1e6});
    sample_post(&spec, (torc_post){.kind = TORC_POST_LOG_SOFTMAX});
    torc_tensor out = finish(&spec, (const int64_t[]){500, -500}, 1);
    expect_floats(&out, (const double[]){0, -1e9}, 2);
    torc_tensor_free(&out);
    torc_spec_free(&spec);
}

Test(post, argmax_takes_the_first_of_equals_on_any_axis)
{
    static const int64_t values[12] = {1, 5, 5, 0, 2, 2, /**/ -3, -1, -2, 7, 7, 7};
    static const struct {
        int32_t axis;
        bool keep_dims;
        uint32_t rank;
        size_t shape[3];
        size_t count;
        int64_t expected[6];
    } rows[] = {
        {1, false, 2, {2, 2}, 4, {1, 1, 1, 0}},
        {1, true, 3, {2, 2, 1}, 4, {1, 1, 1, 0}},
        {0, false, 2, {2, 3}, 6, {0, 0, 0, 1, 1, 1}},
        {0, true, 3, {2, 1, 3}, 6, {0, 0, 0, 1, 1, 1}},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        for (int as_float = 0; as_float < 2; as_float++) {
            torc_spec spec = spec_of(2, (const size_t[]){2, 3});
            if (as_float) {
                sample_post(&spec, (torc_post){.kind = TORC_POST_AFFINE, .alpha = 0.1, .beta = 3});
            }
            sample_post(&spec, (torc_post){.kind = TORC_POST_ARGMAX,
                                           .axis = rows[r].axis,
                                           .keep_dims = rows[r].keep_dims});
            torc_tensor out = finish(&spec, values, 2);
            cr_expect_eq(out.dtype, TORC_I64);
            expect_shape(&out, rows[r].rank, rows[r].shape);
            cr_expect_arr_eq(out.i64, rows[r].expected, rows[r].count * sizeof(int64_t), "row %zu",
                             r);
            torc_tensor_free(&out);
            torc_spec_free(&spec);
        }
    }
}

Test(post, complement_puts_one_minus_p_in_front)
{
    torc_spec spec = spec_of(1, (const size_t[]){1});
    sample_post(&spec, (torc_post){.kind = TORC_POST_AFFINE, .alpha = 0.125});
    sample_post(&spec, (torc_post){.kind = TORC_POST_COMPLEMENT});
    torc_tensor out = finish(&spec, (const int64_t[]){1, 6}, 2);
    expect_shape(&out, 2, (const size_t[]){2, 2});
    expect_floats(&out, (const double[]){0.875, 0.125, 0.25, 0.75}, 4);
    torc_tensor_free(&out);
    torc_spec_free(&spec);
}

Test(post, functions_work_on_integers_and_take_their_parameters)
{
    torc_spec spec = spec_of(1, (const size_t[]){3});
    sample_post(
        &spec,
        (torc_post){.kind = TORC_POST_UNARY, .name = sample_text("leaky_relu"), .alpha = 0.5});
    sample_post(&spec, (torc_post){.kind = TORC_POST_UNARY, .name = sample_text("sigmoid")});
    torc_tensor out = finish(&spec, (const int64_t[]){-4, 0, 3}, 1);
    expect_floats(&out, (const double[]){1 / (1 + exp(2)), 0.5, 1 / (1 + exp(-3))}, 3);
    torc_tensor_free(&out);
    torc_spec_free(&spec);
}

static torc_post labels_of(size_t count, const int64_t *labels)
{
    torc_post post = {.kind = TORC_POST_LABELS, .label_count = count};
    post.labels = malloc(count * sizeof *labels);
    memcpy(post.labels, labels, count * sizeof *labels);
    return post;
}

Test(post, reshape_argmax_and_labels_chain)
{
    torc_spec spec = spec_of(1, (const size_t[]){6});
    sample_post(&spec, (torc_post){.kind = TORC_POST_RESHAPE, .rank = 2, .shape = {2, 3}});
    sample_post(&spec, (torc_post){.kind = TORC_POST_ARGMAX, .axis = 1});
    sample_post(&spec, labels_of(3, (const int64_t[]){-7, INT64_MAX, 9}));
    torc_tensor out = finish(&spec, (const int64_t[]){0, 1, 0, 5, 1, 2}, 1);
    expect_shape(&out, 2, (const size_t[]){1, 2});
    cr_expect_arr_eq(out.i64, ((const int64_t[]){INT64_MAX, -7}), 2 * sizeof(int64_t));
    torc_tensor_free(&out);
    torc_spec_free(&spec);
}

Test(post, an_index_without_a_label_is_refused_and_nothing_is_left)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_spec spec = spec_of(1, (const size_t[]){2});
    sample_post(&spec, labels_of(2, (const int64_t[]){10, 20}));
    const int64_t values[2][2] = {{1, 2}, {-1, 0}};
    for (size_t i = 0; i < 2; i++) {
        torc_tensor out;
        const int64_t *row = values[i];
        cr_expect_eq(torc_spec_finish(ctx, &out, &spec, &row, 1), TORC_E_INPUT);
        cr_expect_eq(out.data, NULL);
        cr_expect_neq(strstr(torc_ctx_message(ctx), "the model has 2 labels"), NULL);
    }
    torc_spec_free(&spec);
    torc_ctx_free(ctx);
}

Test(post, steps_that_do_not_fit_are_refused)
{
    static const struct {
        const char *label;
        torc_post post;
        const char *words;
    } rows[] = {
        {"axis", {.kind = TORC_POST_SOFTMAX, .axis = 1}, "axis 1 of a result with 1 axes"},
        {"negative axis", {.kind = TORC_POST_ARGMAX, .axis = -1}, "axis -1"},
        {"no name", {.kind = TORC_POST_UNARY}, "unknown function"},
        {"reshape", {.kind = TORC_POST_RESHAPE, .rank = 1, .shape = {5}}, "does not hold 4"},
        {"float labels", {.kind = TORC_POST_LABELS}, "labels need integer indices"},
        {"kind", {.kind = (torc_post_kind)77}, "unknown kind 77"},
        {"nan", {.kind = TORC_POST_AFFINE, .alpha = NAN}, "not finite"},
    };
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_spec spec = sample_spec();
        sample_post(&spec, rows[i].post);
        cr_expect_eq(torc_spec_check(ctx, &spec), TORC_E_FORMAT, "%s", rows[i].label);
        cr_expect_neq(strstr(torc_ctx_message(ctx), rows[i].words), NULL, "%s: %s", rows[i].label,
                      torc_ctx_message(ctx));
        cr_expect_neq(strstr(torc_ctx_message(ctx), "post step 0"), NULL, "%s", rows[i].label);
        torc_spec_free(&spec);
    }
    torc_ctx_free(ctx);
}
