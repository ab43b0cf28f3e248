/* Operators that make, measure or convert constants, and those that pass their input on. */
#include "frontend/onnx/import.h"
#include "runtime/status.h"

#include <string.h>

torc_status torc_onnx_identity(torc_onnx_import *m)
{
    return torc_onnx_set_same(m, torc_onnx_in(m, 0));
}

torc_status torc_onnx_dropout(torc_onnx_import *m)
{
    if (torc_onnx_in(m, 2)) {
        double training;
        TORC_TRY(torc_onnx_number(m, &training, 2, "training_mode"));
        if (training != 0) {
            return torc_onnx_refuse(m, "training mode; export the model in evaluation mode");
        }
    }
    return torc_onnx_identity(m);
}

/* Between floats nothing happens: the graph computes in float64. */
torc_status torc_onnx_cast(torc_onnx_import *m)
{
    enum { FLOAT = 1, STRING = 8, FLOAT16 = 10, DOUBLE = 11, COMPLEX64 = 14, BFLOAT16 = 16 };
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    int64_t to;
    TORC_TRY(torc_onnx_attr_int(m, &to, "to", 0));
    bool to_float = to == FLOAT || to == FLOAT16 || to == DOUBLE || to == BFLOAT16;
    if (to < FLOAT || to == STRING || (to >= COMPLEX64 && to != BFLOAT16)) {
        return torc_onnx_refuse(m, "conversion to %s", torc_onnx_type_name((int32_t)to));
    }
    if (x->kind == TORC_ONNX_CONSTANT) {
        torc_value node = torc_onnx_node(m, x);
        torc_onnx_set_node(m, torc_cast(m->graph, node, to_float ? TORC_F64 : TORC_I64));
        return TORC_OK;
    }
    if (!to_float && !(x->kind == TORC_ONNX_TAIL && x->is_integer)) {
        return torc_onnx_refuse(m,
                                "conversion of data to %s drops its fraction; only constants, "
                                "indices and labels can become integers",
                                torc_onnx_type_name((int32_t)to));
    }
    return torc_onnx_set_same(m, x);
}

/* The shape as integers; a symbolic batch counts as 1. */
torc_status torc_onnx_shape(torc_onnx_import *m)
{
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    int64_t rank = torc_onnx_rank(x);
    int64_t start;
    int64_t end;
    TORC_TRY(torc_onnx_attr_int(m, &start, "start", 0));
    TORC_TRY(torc_onnx_attr_int(m, &end, "end", rank));
    start = start < -rank ? 0 : start < 0 ? start + rank : start > rank ? rank : start;
    end = end < -rank ? 0 : end < 0 ? end + rank : end > rank ? rank : end;
    size_t count = end > start ? (size_t)(end - start) : 0;
    torc_tensor t;
    TORC_TRY(torc_tensor_create(m->ctx, &t, TORC_I64, 1, &count));
    for (size_t i = 0; i < count; i++) {
        t.i64[i] = (int64_t)torc_onnx_dim(m, x, (uint32_t)start + (uint32_t)i);
    }
    torc_onnx_set_constant(m, &t);
    return TORC_OK;
}

static torc_status number_list(torc_onnx_import *m, const Onnx__Attribute *a)
{
    bool is_float = strncmp(a->name, "value_f", 7) == 0;
    bool is_scalar = strcmp(a->name, "value_float") == 0 || strcmp(a->name, "value_int") == 0;
    size_t count = is_scalar ? 1 : is_float ? a->n_floats : a->n_ints;
    torc_tensor t;
    TORC_TRY(
        torc_tensor_create(m->ctx, &t, is_float ? TORC_F64 : TORC_I64, is_scalar ? 0 : 1, &count));
    for (size_t i = 0; i < count; i++) {
        if (is_float) {
            t.f64[i] = (double)(is_scalar ? a->f : a->floats[i]);
        } else {
            t.i64[i] = is_scalar ? a->i : a->ints[i];
        }
    }
    torc_onnx_set_constant(m, &t);
    return TORC_OK;
}

torc_status torc_onnx_constant_op(torc_onnx_import *m)
{
    static const char *const lists[] = {"value_float", "value_int", "value_floats", "value_ints"};
    const Onnx__Attribute *a = torc_onnx_attr(m, "value");
    if (a && a->t) {
        torc_tensor t;
        TORC_TRY(torc_onnx_tensor(m->ctx, &t, &m->file, a->t, m->where));
        torc_onnx_set_constant(m, &t);
        return TORC_OK;
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        a = torc_onnx_attr(m, lists[i]);
        if (a) {
            return number_list(m, a);
        }
    }
    return torc_onnx_refuse(m, "it holds no number and no dense tensor of numbers");
}

torc_status torc_onnx_constant_of_shape(torc_onnx_import *m)
{
    const int64_t *list;
    size_t rank;
    size_t shape[TORC_MAX_RANK];
    size_t count = 1;
    TORC_TRY(torc_onnx_integers(m, &list, &rank, 0, "shape"));
    for (size_t i = 0; i < rank; i++) {
        if (rank > TORC_MAX_RANK || list[i] < 0 || (uint64_t)list[i] > TORC_ONNX_MAX_ELEMENTS ||
            (count *= (size_t)list[i]) > TORC_ONNX_MAX_ELEMENTS) {
            return torc_onnx_refuse(m, "a shape of %zu axes and more than %zu elements", rank,
                                    TORC_ONNX_MAX_ELEMENTS);
        }
        shape[i] = (size_t)list[i];
    }
    const Onnx__Attribute *a = torc_onnx_attr(m, "value");
    torc_tensor value = {0};
    torc_tensor t;
    if (a && a->t) {
        TORC_TRY(torc_onnx_tensor(m->ctx, &value, &m->file, a->t, m->where));
    }
    if (value.data && torc_tensor_count(&value) != 1) {
        torc_tensor_free(&value);
        return torc_fail(m->ctx, TORC_E_FORMAT, "%s: its value is not one number", m->where);
    }
    torc_dtype dtype = value.data ? value.dtype : TORC_F64;
    torc_status status = torc_tensor_create(m->ctx, &t, dtype, (uint32_t)rank, shape);
    for (size_t i = 0; status == TORC_OK && value.data && i < count; i++) {
        t.i64[i] = value.i64[0]; /* or the same 8 bytes of a double */
    }
    torc_tensor_free(&value);
    TORC_TRY(status);
    torc_onnx_set_constant(m, &t);
    return TORC_OK;
}
