/* Operands and results of the node at hand. */
#include "frontend/onnx/import.h"
#include "runtime/status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

torc_status(torc_onnx_refuse)(torc_onnx_import *m, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return torc_fail(m->ctx, TORC_E_UNSUPPORTED, "%s: %s", m->where, text);
}

/* --- operands --------------------------------------------------------------------------------- */

uint32_t torc_onnx_input_count(const torc_onnx_import *m)
{
    return (uint32_t)m->node->n_input;
}

const torc_onnx_value *torc_onnx_in(const torc_onnx_import *m, uint32_t index)
{
    if (index >= m->node->n_input || m->node->input[index][0] == '\0') {
        return NULL;
    }
    return &m->values[torc_onnx_names_find(&m->names, m->node->input[index])];
}

torc_value torc_onnx_node(torc_onnx_import *m, const torc_onnx_value *value)
{
    if (value->kind != TORC_ONNX_CONSTANT) {
        return value->node;
    }
    const torc_tensor *t = &value->constant;
    return t->dtype == TORC_I64 ? torc_constant_i64(m->graph, t->i64, t->rank, t->shape)
                                : torc_constant_f64(m->graph, t->f64, t->rank, t->shape);
}

torc_status torc_onnx_constant(torc_onnx_import *m, const torc_tensor **out, uint32_t index,
                               const char *what)
{
    const torc_onnx_value *value = torc_onnx_in(m, index);
    if (!value) {
        return torc_fail(m->ctx, TORC_E_FORMAT, "%s: input %u (%s) is missing", m->where, index,
                         what);
    }
    if (value->kind != TORC_ONNX_CONSTANT) {
        return torc_onnx_refuse(
            m, "input %u (%s) depends on the model's input; it must be a constant", index, what);
    }
    *out = &value->constant;
    return TORC_OK;
}

double torc_onnx_element(const torc_tensor *tensor, size_t index)
{
    return tensor->dtype == TORC_I64 ? (double)tensor->i64[index] : tensor->f64[index];
}

torc_status torc_onnx_number(torc_onnx_import *m, double *out, uint32_t index, const char *what)
{
    const torc_tensor *t = NULL;
    TORC_TRY(torc_onnx_constant(m, &t, index, what));
    if (torc_tensor_count(t) != 1) {
        return torc_onnx_refuse(m, "input %u (%s) has %zu elements, 1 is supported", index, what,
                                torc_tensor_count(t));
    }
    *out = torc_onnx_element(t, 0);
    return TORC_OK;
}

torc_status torc_onnx_integers(torc_onnx_import *m, const int64_t **list, size_t *count,
                               uint32_t index, const char *what)
{
    const torc_tensor *t = NULL;
    TORC_TRY(torc_onnx_constant(m, &t, index, what));
    if (t->dtype != TORC_I64) {
        return torc_fail(m->ctx, TORC_E_FORMAT, "%s: input %u (%s) holds floats, not integers",
                         m->where, index, what);
    }
    *list = t->i64;
    *count = torc_tensor_count(t);
    return TORC_OK;
}

uint32_t torc_onnx_rank(const torc_onnx_value *value)
{
    return value->kind == TORC_ONNX_CONSTANT ? value->constant.rank : value->rank + 1;
}

size_t torc_onnx_dim(const torc_onnx_import *m, const torc_onnx_value *value, uint32_t axis)
{
    if (value->kind == TORC_ONNX_CONSTANT) {
        return value->constant.shape[axis];
    }
    return axis == 0 ? (size_t)m->batch : value->shape[axis - 1];
}

torc_status torc_onnx_axis(torc_onnx_import *m, uint32_t *out, const torc_onnx_value *value,
                           int64_t axis)
{
    int64_t rank = torc_onnx_rank(value);
    if (axis < -rank || axis >= rank) {
        return torc_fail(m->ctx, TORC_E_FORMAT,
                         "%s: axis %" PRId64 " of a value with %" PRId64 " axes", m->where, axis,
                         rank);
    }
    axis += axis < 0 ? rank : 0;
    if (value->kind != TORC_ONNX_CONSTANT && axis == 0) {
        return torc_onnx_refuse(m, "axis 0 is the batch; only the axes of one sample can be used");
    }
    *out = (uint32_t)axis - (value->kind != TORC_ONNX_CONSTANT);
    return TORC_OK;
}

/* --- results -----------------------------------------------------------------------------------
 */

void torc_onnx_set_node(torc_onnx_import *m, torc_value node)
{
    m->out = (torc_onnx_value){.kind = TORC_ONNX_DATA, .node = node};
    if (node.id != TORC_NO_VALUE.id) { /* else the graph keeps the mistake */
        const torc_type *type = &torc_graph_node(m->graph, node)->type;
        m->out.rank = type->rank;
        memcpy(m->out.shape, type->shape, sizeof m->out.shape);
    }
}

void torc_onnx_set_constant(torc_onnx_import *m, torc_tensor *tensor)
{
    m->out = (torc_onnx_value){.kind = TORC_ONNX_CONSTANT, .constant = *tensor};
    *tensor = (torc_tensor){0};
}

static void free_post(torc_post *post)
{
    free(post->name);
    free(post->labels);
}

void torc_onnx_value_free(torc_onnx_value *value)
{
    torc_tensor_free(&value->constant);
    for (uint32_t i = 0; i < value->post_count; i++) {
        free_post(&value->posts[i]);
    }
    free(value->posts);
    *value = (torc_onnx_value){0};
}

static torc_status copy_post(torc_ctx *ctx, torc_post *out, const torc_post *in)
{
    torc_post copy = *in;
    copy.name = NULL;
    copy.labels = NULL;
    if (in->name) {
        copy.name = strdup(in->name);
        if (!copy.name) {
            return torc_fail(ctx, TORC_E_MEMORY, "out of memory");
        }
    }
    if (in->label_count > 0) {
        torc_status status = TORC_ALLOC(ctx, copy.labels, in->label_count);
        if (status != TORC_OK) {
            free(copy.name);
            return status;
        }
        memcpy(copy.labels, in->labels, in->label_count * sizeof *in->labels);
    }
    *out = copy;
    return TORC_OK;
}

torc_status torc_onnx_set_step(torc_onnx_import *m, const torc_onnx_value *value,
                               const torc_post *post)
{
    torc_onnx_value out = *value;
    out.kind = TORC_ONNX_TAIL;
    out.post_count = 0;
    out.posts = NULL;
    out.constant = (torc_tensor){0};
    if (value->post_count == 0) {
        out.first_step = m->node;
    }
    torc_status status = TORC_ALLOC(m->ctx, out.posts, value->post_count + (post ? 1 : 0));
    for (uint32_t i = 0; i < value->post_count && status == TORC_OK; i++) {
        status = copy_post(m->ctx, &out.posts[i], &value->posts[i]);
        out.post_count += status == TORC_OK;
    }
    if (status == TORC_OK && post) {
        status = copy_post(m->ctx, &out.posts[out.post_count], post);
        out.post_count += status == TORC_OK;
    }
    if (status != TORC_OK) {
        torc_onnx_value_free(&out);
        return status;
    }
    m->out = out;
    return TORC_OK;
}

torc_status torc_onnx_set_same(torc_onnx_import *m, const torc_onnx_value *value)
{
    if (value->kind == TORC_ONNX_TAIL) {
        return torc_onnx_set_step(m, value, NULL);
    }
    torc_onnx_set_node(m, torc_onnx_node(m, value));
    return TORC_OK;
}

torc_status torc_onnx_set_shape(torc_onnx_import *m, const torc_onnx_value *value, uint32_t rank,
                                const size_t *shape)
{
    if (value->kind != TORC_ONNX_TAIL) {
        torc_onnx_set_node(m, torc_reshape(m->graph, torc_onnx_node(m, value), rank, shape));
        return TORC_OK;
    }
    torc_post post = {.kind = TORC_POST_RESHAPE, .rank = rank};
    memcpy(post.shape, shape, rank * sizeof *shape);
    TORC_TRY(torc_onnx_set_step(m, value, &post));
    m->out.rank = rank;
    memcpy(m->out.shape, post.shape, sizeof post.shape);
    m->out.is_row = false;
    return TORC_OK;
}
