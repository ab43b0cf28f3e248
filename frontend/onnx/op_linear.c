/* Linear operators: element-wise arithmetic, Gemm, MatMul, BatchNormalization, Scaler, sums. */
#include "frontend/onnx/import.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A float constant of the graph from elements of t, the first `dropped` axes (of length 1) left
 * out. */
static torc_value float_node(torc_onnx_import *m, const torc_tensor *t, uint32_t dropped)
{
    const size_t *shape = t->shape + dropped;
    uint32_t rank = t->rank - dropped;
    if (t->dtype == TORC_F64) {
        return torc_constant_f64(m->graph, t->f64, rank, shape);
    }
    torc_tensor copy;
    if (torc_tensor_create(m->ctx, &copy, TORC_F64, rank, shape) != TORC_OK) {
        return torc_graph_mistake(m->graph, TORC_E_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < torc_tensor_count(t); i++) {
        copy.f64[i] = torc_onnx_element(t, i);
    }
    torc_value node = torc_constant_f64(m->graph, copy.f64, rank, shape);
    torc_tensor_free(&copy);
    return node;
}

/* Makes a constant broadcast against data of `rank` ONNX axes as it does with the batch axis there.
 */
static torc_status align(torc_onnx_import *m, torc_value *out, const torc_onnx_value *constant,
                         uint32_t rank)
{
    const torc_tensor *t = &constant->constant;
    if (t->rank > rank) {
        return torc_onnx_refuse(
            m, "a constant with %u axes meets data with %u; it may not have more", t->rank, rank);
    }
    if (t->rank == rank && t->shape[0] != 1) {
        return torc_onnx_refuse(m,
                                "a constant differs along the batch axis (its length there is "
                                "%zu, 1 is supported)",
                                t->shape[0]);
    }
    *out = float_node(m, t, t->rank == rank);
    return TORC_OK;
}

/* The two operands of an element-wise operator, ready to broadcast. */
static torc_status operands(torc_onnx_import *m, torc_value *a, torc_value *b)
{
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    const torc_onnx_value *y = torc_onnx_in(m, 1);
    bool x_constant = x->kind == TORC_ONNX_CONSTANT;
    bool y_constant = y->kind == TORC_ONNX_CONSTANT;
    if (!x_constant && !y_constant && x->rank != y->rank) {
        return torc_onnx_refuse(m, "operands with %u and %u axes would broadcast along the batch",
                                x->rank + 1, y->rank + 1);
    }
    if (x_constant && !y_constant) {
        TORC_TRY(align(m, a, x, torc_onnx_rank(y)));
    } else {
        *a = torc_onnx_node(m, x);
    }
    if (y_constant && !x_constant) {
        return align(m, b, y, torc_onnx_rank(x));
    }
    *b = torc_onnx_node(m, y);
    return TORC_OK;
}

torc_status torc_onnx_add(torc_onnx_import *m)
{
    torc_value a = TORC_NO_VALUE;
    torc_value b = TORC_NO_VALUE;
    TORC_TRY(operands(m, &a, &b));
    torc_onnx_set_node(m, torc_add(m->graph, a, b));
    return TORC_OK;
}

torc_status torc_onnx_sub(torc_onnx_import *m)
{
    torc_value a = TORC_NO_VALUE;
    torc_value b = TORC_NO_VALUE;
    TORC_TRY(operands(m, &a, &b));
    torc_onnx_set_node(m, torc_sub(m->graph, a, b));
    return TORC_OK;
}

torc_status torc_onnx_mul(torc_onnx_import *m)
{
    torc_value a = TORC_NO_VALUE;
    torc_value b = TORC_NO_VALUE;
    TORC_TRY(operands(m, &a, &b));
    torc_onnx_set_node(m, torc_mul(m->graph, a, b));
    return TORC_OK;
}

/* Integer arithmetic that exporters leave in shape computations; b is one number or as long as a.
 */
static torc_status integer_divide(torc_onnx_import *m, bool remainder)
{
    const int64_t *a;
    const int64_t *b;
    size_t a_count;
    size_t b_count;
    TORC_TRY(torc_onnx_integers(m, &a, &a_count, 0, "dividend"));
    TORC_TRY(torc_onnx_integers(m, &b, &b_count, 1, "divisor"));
    if (b_count != 1 && b_count != a_count) {
        return torc_onnx_refuse(m, "broadcasting integer division");
    }
    const torc_tensor *like = &torc_onnx_in(m, 0)->constant;
    torc_tensor out;
    TORC_TRY(torc_tensor_create(m->ctx, &out, TORC_I64, like->rank, like->shape));
    for (size_t i = 0; i < a_count; i++) {
        int64_t divisor = b[b_count == 1 ? 0 : i];
        if (divisor == 0 || divisor == -1 || a[i] < 0 || divisor < 0) { /* signs have two rules */
            torc_tensor_free(&out);
            return torc_onnx_refuse(m, "integer division of %lld by %lld", (long long)a[i],
                                    (long long)divisor);
        }
        out.i64[i] = remainder ? a[i] % divisor : a[i] / divisor;
    }
    torc_onnx_set_constant(m, &out);
    return TORC_OK;
}

static bool is_integer_constant(const torc_onnx_value *v)
{
    return v->kind == TORC_ONNX_CONSTANT && v->constant.dtype == TORC_I64;
}

torc_status torc_onnx_div(torc_onnx_import *m)
{
    if (is_integer_constant(torc_onnx_in(m, 0)) && is_integer_constant(torc_onnx_in(m, 1))) {
        return integer_divide(m, false);
    }
    torc_value a = TORC_NO_VALUE;
    torc_value b = TORC_NO_VALUE;
    TORC_TRY(operands(m, &a, &b));
    torc_onnx_set_node(m, torc_div(m->graph, a, b));
    return TORC_OK;
}

torc_status torc_onnx_mod(torc_onnx_import *m)
{
    return integer_divide(m, true);
}

/* --- products --------------------------------------------------------------------------------- */

/* A constant matrix stands for itself; a stack of them broadcasts over the axes in front. */
static torc_status align_matrix(torc_onnx_import *m, torc_value *out,
                                const torc_onnx_value *constant, uint32_t rank)
{
    if (constant->constant.rank <= 2) {
        *out = float_node(m, &constant->constant, 0);
        return TORC_OK;
    }
    return align(m, out, constant, rank);
}

torc_status torc_onnx_matmul(torc_onnx_import *m)
{
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    const torc_onnx_value *y = torc_onnx_in(m, 1);
    bool x_constant = x->kind == TORC_ONNX_CONSTANT;
    bool y_constant = y->kind == TORC_ONNX_CONSTANT;
    torc_value a = TORC_NO_VALUE;
    torc_value b = TORC_NO_VALUE;
    if (!x_constant && !y_constant) {
        return torc_onnx_refuse(m,
                                "both operands depend on the model's input; one must be constant");
    }
    if (x_constant && y_constant) {
        a = torc_onnx_node(m, x);
        b = torc_onnx_node(m, y);
    } else if (y_constant) {
        if (x->rank < 1) {
            return torc_onnx_refuse(m, "the product runs along the batch axis; give the model's "
                                       "input a batch axis in front");
        }
        a = x->node;
        TORC_TRY(align_matrix(m, &b, y, torc_onnx_rank(x)));
    } else {
        if (y->rank < 2) {
            return torc_onnx_refuse(m, "a constant on the left would mix the samples of a batch");
        }
        TORC_TRY(align_matrix(m, &a, x, torc_onnx_rank(y)));
        b = y->node;
    }
    torc_onnx_set_node(m, torc_matmul(m->graph, a, b));
    return TORC_OK;
}

/* out[k][n] = scale * (transposed ? w[n][k] : w[k][n]) */
static torc_status gemm_weights(torc_onnx_import *m, torc_tensor *out, const torc_tensor *w,
                                bool transposed, double scale)
{
    if (w->rank != 2) {
        return torc_fail(m->ctx, TORC_E_FORMAT, "%s: the weights have %u axes, not 2", m->where,
                         w->rank);
    }
    size_t shape[2] = {w->shape[transposed ? 1 : 0], w->shape[transposed ? 0 : 1]};
    TORC_TRY(torc_tensor_create(m->ctx, out, TORC_F64, 2, shape));
    for (size_t k = 0; k < shape[0]; k++) {
        for (size_t n = 0; n < shape[1]; n++) {
            size_t from = transposed ? n * shape[0] + k : k * shape[1] + n;
            out->f64[k * shape[1] + n] = scale * torc_onnx_element(w, from);
        }
    }
    return TORC_OK;
}

/* y + beta * C, with C a constant of shape [N], [1][N] or one number. */
static torc_status gemm_bias(torc_onnx_import *m, torc_value *y, double beta)
{
    const torc_onnx_value *c = torc_onnx_in(m, 2);
    if (!c || beta == 0) {
        return TORC_OK;
    }
    torc_value bias = TORC_NO_VALUE;
    if (c->kind == TORC_ONNX_CONSTANT) {
        TORC_TRY(align(m, &bias, c, 2));
    } else if (c->rank == 1) {
        bias = c->node;
    } else {
        return torc_onnx_refuse(m, "C has %u axes, 2 are supported", c->rank + 1);
    }
    if (beta != 1) {
        bias = torc_mul(m->graph, bias, torc_scalar_f64(m->graph, beta));
    }
    *y = torc_add(m->graph, *y, bias);
    return TORC_OK;
}

/* alpha A B + beta C, with B (and nearly always C) constant. */
torc_status torc_onnx_gemm(torc_onnx_import *m)
{
    double alpha;
    double beta;
    int64_t trans_a;
    int64_t trans_b;
    const torc_tensor *b;
    TORC_TRY(torc_onnx_attr_float(m, &alpha, "alpha", 1));
    TORC_TRY(torc_onnx_attr_float(m, &beta, "beta", 1));
    TORC_TRY(torc_onnx_attr_int(m, &trans_a, "transA", 0));
    TORC_TRY(torc_onnx_attr_int(m, &trans_b, "transB", 0));
    TORC_TRY(torc_onnx_constant(m, &b, 1, "B, the weights"));
    const torc_onnx_value *a = torc_onnx_in(m, 0);
    if (a->kind == TORC_ONNX_CONSTANT) {
        return torc_onnx_refuse(m, "A is constant; it must depend on the model's input");
    }
    if (trans_a || a->rank != 1) {
        return torc_onnx_refuse(m, "A is %s; it must be [batch][features]",
                                trans_a ? "transposed" : "not two-dimensional");
    }
    torc_tensor weights;
    TORC_TRY(gemm_weights(m, &weights, b, trans_b != 0, alpha));
    torc_value y = torc_matmul(m->graph, a->node, float_node(m, &weights, 0));
    torc_tensor_free(&weights);
    TORC_TRY(gemm_bias(m, &y, beta));
    torc_onnx_set_node(m, y);
    return TORC_OK;
}

/* --- per channel -------------------------------------------------------------------------------
 */

/* x * factor + shift along graph axis 0, the channels; both have `count` elements. */
static torc_value scale_channels(torc_onnx_import *m, const torc_onnx_value *x,
                                 const double *factor, const double *shift, size_t count)
{
    size_t shape[TORC_MAX_RANK] = {count};
    for (uint32_t i = 1; i < x->rank; i++) {
        shape[i] = 1;
    }
    torc_value y = torc_mul(m->graph, x->node, torc_constant_f64(m->graph, factor, x->rank, shape));
    return torc_add(m->graph, y, torc_constant_f64(m->graph, shift, x->rank, shape));
}

/* (x - mean) / sqrt(variance + epsilon) * scale + bias, folded into one factor and one shift. */
torc_status torc_onnx_batch_norm(torc_onnx_import *m)
{
    static const char *const names[] = {"X", "scale", "bias", "mean", "variance"};
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    const torc_tensor *t[5] = {NULL};
    double epsilon;
    int64_t training;
    TORC_TRY(torc_onnx_attr_float(m, &epsilon, "epsilon", 1e-5));
    TORC_TRY(torc_onnx_attr_int(m, &training, "training_mode", 0));
    if (training) {
        return torc_onnx_refuse(m, "training mode; export the model in evaluation mode");
    }
    if (x->kind == TORC_ONNX_CONSTANT || x->rank < 1) {
        return torc_onnx_refuse(m, "its input needs a batch axis and channels");
    }
    for (uint32_t i = 1; i < 5; i++) {
        TORC_TRY(torc_onnx_constant(m, &t[i], i, names[i]));
        if (torc_tensor_count(t[i]) != x->shape[0]) {
            return torc_fail(m->ctx, TORC_E_FORMAT, "%s: %s has %zu elements for %zu channels",
                             m->where, names[i], torc_tensor_count(t[i]), x->shape[0]);
        }
    }
    double *factor;
    TORC_TRY(TORC_ALLOC(m->ctx, factor, 2 * x->shape[0]));
    double *shift = factor + x->shape[0];
    for (size_t c = 0; c < x->shape[0]; c++) {
        factor[c] = torc_onnx_element(t[1], c) / sqrt(torc_onnx_element(t[4], c) + epsilon);
        shift[c] = torc_onnx_element(t[2], c) - torc_onnx_element(t[3], c) * factor[c];
    }
    torc_onnx_set_node(m, scale_channels(m, x, factor, shift, x->shape[0]));
    free(factor);
    return TORC_OK;
}

/* (x - offset) * scale, each one number or one a feature (the last axis). */
torc_status torc_onnx_scaler(torc_onnx_import *m)
{
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    static const char *const names[] = {"offset", "scale"};
    if (x->kind == TORC_ONNX_CONSTANT || x->rank != 1) {
        return torc_onnx_refuse(m, "its input must be [batch][features]");
    }
    torc_value y = x->node;
    for (int i = 0; i < 2; i++) {
        const float *list;
        size_t count;
        TORC_TRY(torc_onnx_attr_floats(m, &list, &count, names[i]));
        if (count == 0) {
            continue;
        }
        if (count != 1 && count != x->shape[0]) {
            return torc_fail(m->ctx, TORC_E_FORMAT, "%s: %s has %zu elements for %zu features",
                             m->where, names[i], count, x->shape[0]);
        }
        double *values;
        TORC_TRY(TORC_ALLOC(m->ctx, values, count));
        for (size_t k = 0; k < count; k++) {
            values[k] = (double)list[k];
        }
        torc_value constant = torc_constant_f64(m->graph, values, 1, &count);
        free(values);
        y = i == 0 ? torc_sub(m->graph, y, constant) : torc_mul(m->graph, y, constant);
    }
    torc_onnx_set_node(m, y);
    return TORC_OK;
}

/* --- sums --------------------------------------------------------------------------------------
 */

/* ReduceSum takes its axes as an input from opset 13, ReduceMean from 18; attributes before. */
static torc_status reduce_axes(torc_onnx_import *m, const int64_t **axes, size_t *count)
{
    if (torc_onnx_in(m, 1)) {
        return torc_onnx_integers(m, axes, count, 1, "axes");
    }
    return torc_onnx_attr_ints(m, axes, count, "axes");
}

torc_status torc_onnx_reduce(torc_onnx_import *m)
{
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    const int64_t *list;
    size_t count;
    int64_t keep_dims;
    int64_t no_op;
    int32_t axes[TORC_MAX_RANK];
    double terms = 1;
    TORC_TRY(reduce_axes(m, &list, &count));
    TORC_TRY(torc_onnx_attr_int(m, &keep_dims, "keepdims", 1));
    TORC_TRY(torc_onnx_attr_int(m, &no_op, "noop_with_empty_axes", 0));
    if (count == 0 && no_op) {
        return torc_onnx_set_same(m, x);
    }
    if (count == 0 || count > TORC_MAX_RANK) {
        return torc_onnx_refuse(m, "%zu axes; name 1 to %d, without the batch", count,
                                TORC_MAX_RANK);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t axis;
        TORC_TRY(torc_onnx_axis(m, &axis, x, list[i]));
        axes[i] = (int32_t)axis;
        terms *= (double)torc_onnx_dim(m, x, axis + (x->kind != TORC_ONNX_CONSTANT));
    }
    torc_value y = torc_sum(m->graph, torc_onnx_node(m, x), axes, (uint32_t)count, keep_dims != 0);
    if (strcmp(m->node->op_type, "ReduceMean") == 0) {
        y = torc_mul(m->graph, y, torc_scalar_f64(m->graph, 1 / terms));
    }
    torc_onnx_set_node(m, y);
    return TORC_OK;
}
