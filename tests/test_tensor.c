/* Shapes and owning arrays. */
#include "runtime/torc_base.h"

#include <criterion/criterion.h>
#include <string.h>

Test(tensor, count_is_the_product_and_never_wraps)
{
    cr_expect_eq(torc_shape_count(0, NULL), 1);
    cr_expect_eq(torc_shape_count(3, (size_t[]){2, 3, 4}), 24);
    cr_expect_eq(torc_shape_count(2, (size_t[]){5, 0}), 0);
    cr_expect_eq(torc_shape_count(2, (size_t[]){SIZE_MAX, 2}), SIZE_MAX);
    cr_expect_eq(torc_shape_count(3, (size_t[]){SIZE_MAX, 2, 0}), 0);
}

Test(tensor, creation_zeroes_and_freeing_leaves_nothing)
{
    torc_tensor t;
    cr_assert_eq(torc_tensor_create(NULL, &t, TORC_F64, 2, (size_t[]){3, 5}), TORC_OK);
    cr_expect_eq(t.rank, 2);
    cr_expect_eq(t.shape[1], 5);
    cr_expect_eq(torc_tensor_count(&t), 15);
    for (size_t i = 0; i < 15; i++) {
        cr_expect_eq(t.f64[i], 0.0);
    }
    torc_tensor_free(&t);
    cr_expect_null(t.data);
    cr_expect_eq(t.rank, 0);
    torc_tensor_free(&t);
    torc_tensor_free(NULL);
    cr_assert_eq(torc_tensor_create(NULL, &t, TORC_I64, 0, NULL), TORC_OK);
    t.i64[0] = 7;
    cr_expect_eq(torc_tensor_count(&t), 1);
    torc_tensor_free(&t);
    cr_assert_eq(torc_tensor_create(NULL, &t, TORC_I64, 1, (size_t[]){0}), TORC_OK);
    torc_tensor_free(&t);
}

Test(tensor, impossible_shapes_are_refused_with_the_reason)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_tensor t;
    size_t shape[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    cr_expect_eq(torc_tensor_create(ctx, &t, TORC_F64, 9, shape), TORC_E_ARGUMENT);
    cr_expect(strstr(torc_ctx_message(ctx), "rank 9"));
    cr_expect(strstr(torc_ctx_message(ctx), "at most 8"));
    cr_expect_null(t.data);
    size_t huge[2] = {SIZE_MAX / 4, 8};
    cr_expect_eq(torc_tensor_create(ctx, &t, TORC_F64, 2, huge), TORC_E_ARGUMENT);
    cr_expect(strstr(torc_ctx_message(ctx), "more elements"));
    size_t big[1] = {PTRDIFF_MAX / 8};
    cr_expect_eq(torc_tensor_create(ctx, &t, TORC_F64, 1, big), TORC_E_MEMORY);
    cr_expect_null(t.data);
    torc_ctx_free(ctx);
}
