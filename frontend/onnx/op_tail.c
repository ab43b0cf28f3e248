/* Operators at the end of a model that the client does after decryption: softmax, argmax, labels
 * and what skl2onnx writes around them. */
#include "frontend/onnx/import.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static torc_status not_constant(torc_onnx_import *m)
{
    if (torc_onnx_in(m, 0)->kind == TORC_ONNX_CONSTANT) {
        return torc_onnx_refuse(m, "its input is a constant");
    }
    return TORC_OK;
}

/* Before opset 13 the axes from `axis` on are one: softmax runs over all of them. */
static torc_status softmax_flat(torc_onnx_import *m, torc_post *post, uint32_t axis)
{
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    uint32_t rank = x->rank;
    size_t shape[TORC_MAX_RANK];
    memcpy(shape, x->shape, sizeof shape);
    torc_post flat = {.kind = TORC_POST_RESHAPE, .rank = axis + 1};
    torc_post back = {.kind = TORC_POST_RESHAPE, .rank = rank};
    memcpy(flat.shape, shape, axis * sizeof *shape);
    flat.shape[axis] = torc_shape_count(rank - axis, shape + axis);
    memcpy(back.shape, shape, sizeof shape);
    const torc_post *const steps[] = {&flat, post, &back};
    torc_onnx_value current = *x;
    for (size_t i = 0; i < 3; i++) {
        torc_status status = torc_onnx_set_step(m, &current, steps[i]);
        if (i > 0) {
            torc_onnx_value_free(&current);
        }
        TORC_TRY(status);
        current = m->out;
    }
    return TORC_OK;
}

torc_status torc_onnx_softmax(torc_onnx_import *m)
{
    int64_t axis;
    uint32_t graph_axis;
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    TORC_TRY(not_constant(m));
    TORC_TRY(torc_onnx_attr_int(m, &axis, "axis", m->opset < 13 ? 1 : -1));
    TORC_TRY(torc_onnx_axis(m, &graph_axis, x, axis));
    torc_post post = {.kind = strcmp(m->node->op_type, "Softmax") == 0 ? TORC_POST_SOFTMAX
                                                                       : TORC_POST_LOG_SOFTMAX,
                      .axis = (int32_t)graph_axis};
    torc_status status = m->opset < 13 && graph_axis + 1 < x->rank
                             ? softmax_flat(m, &post, graph_axis)
                             : torc_onnx_set_step(m, x, &post);
    m->out.is_integer = false;
    return status;
}

torc_status torc_onnx_argmax(torc_onnx_import *m)
{
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    int64_t axis;
    int64_t keep_dims;
    int64_t last;
    uint32_t graph_axis;
    TORC_TRY(not_constant(m));
    TORC_TRY(torc_onnx_attr_int(m, &axis, "axis", 0));
    TORC_TRY(torc_onnx_attr_int(m, &keep_dims, "keepdims", 1));
    TORC_TRY(torc_onnx_attr_int(m, &last, "select_last_index", 0));
    if (last) {
        return torc_onnx_refuse(m, "select_last_index; the first of equal scores wins");
    }
    TORC_TRY(torc_onnx_axis(m, &graph_axis, x, axis));
    torc_post post = {
        .kind = TORC_POST_ARGMAX, .axis = (int32_t)graph_axis, .keep_dims = keep_dims != 0};
    TORC_TRY(torc_onnx_set_step(m, x, &post));
    m->out.is_integer = true;
    m->out.shape[graph_axis] = 1;
    if (!keep_dims) {
        m->out.rank--;
        memmove(m->out.shape + graph_axis, m->out.shape + graph_axis + 1,
                (m->out.rank - graph_axis) * sizeof *m->out.shape);
    }
    return TORC_OK;
}

/* Names the columns; the numbers stay. */
torc_status torc_onnx_zipmap(torc_onnx_import *m)
{
    return torc_onnx_set_same(m, torc_onnx_in(m, 0));
}

/* --- concat(1 - p, p) ---------------------------------------------------------------------------
 */

static bool same_post(const torc_post *a, const torc_post *b)
{
    return a->kind == b->kind && a->axis == b->axis && a->alpha == b->alpha && a->beta == b->beta &&
           strcmp(a->name ? a->name : "", b->name ? b->name : "") == 0;
}

/* q is p's steps and then 1 - x. */
static bool tail_is_complement(const torc_onnx_value *q, const torc_onnx_value *p)
{
    if (q->kind != TORC_ONNX_TAIL || q->node.id != p->node.id || p->rank == 0 ||
        q->post_count != p->post_count + 1) {
        return false;
    }
    for (uint32_t i = 0; i < p->post_count; i++) {
        if (!same_post(&q->posts[i], &p->posts[i])) {
            return false;
        }
    }
    const torc_post *last = &q->posts[p->post_count];
    return last->kind == TORC_POST_AFFINE && last->alpha == -1 && last->beta == 1;
}

/* q's node subtracts p's node from ones. */
static bool data_is_complement(const torc_onnx_import *m, const torc_onnx_value *q,
                               const torc_onnx_value *p)
{
    if (q->kind != TORC_ONNX_DATA || p->rank == 0) {
        return false;
    }
    const torc_node *sub = torc_graph_node(m->graph, q->node);
    if (sub->op != TORC_OP_SUB || sub->inputs[1] != p->node.id) {
        return false;
    }
    const torc_node *one = &m->graph->nodes[sub->inputs[0]];
    if (one->op != TORC_OP_CONSTANT) {
        return false;
    }
    for (size_t i = 0; i < torc_tensor_count(&one->constant); i++) {
        if (torc_onnx_element(&one->constant, i) != 1) {
            return false;
        }
    }
    return q->rank == p->rank && memcmp(q->shape, p->shape, p->rank * sizeof *p->shape) == 0;
}

bool torc_onnx_is_complement(const torc_onnx_import *m)
{
    const torc_onnx_value *q = torc_onnx_in(m, 0);
    const torc_onnx_value *p = torc_onnx_in(m, 1);
    return torc_onnx_input_count(m) == 2 && p->kind != TORC_ONNX_CONSTANT &&
           (p->kind == TORC_ONNX_TAIL ? tail_is_complement(q, p) : data_is_complement(m, q, p));
}

torc_status torc_onnx_concat_tail(torc_onnx_import *m)
{
    const torc_onnx_value *p = torc_onnx_in(m, 1);
    int64_t axis;
    uint32_t graph_axis;
    if (!torc_onnx_is_complement(m)) {
        return torc_onnx_refuse(m, "after a step that the client does, only concat(1 - p, p)");
    }
    TORC_TRY(torc_onnx_attr_int(m, &axis, "axis", 1));
    TORC_TRY(torc_onnx_axis(m, &graph_axis, p, axis));
    torc_post post = {.kind = TORC_POST_COMPLEMENT, .axis = (int32_t)graph_axis};
    TORC_TRY(torc_onnx_set_step(m, p, &post));
    m->out.is_integer = false;
    m->out.shape[graph_axis] *= 2;
    return TORC_OK;
}

/* --- labels --------------------------------------------------------------------------------------
 */

static torc_status copy_labels(torc_onnx_import *m, torc_post *post, const torc_tensor *classes)
{
    post->label_count = torc_tensor_count(classes);
    TORC_TRY(TORC_ALLOC(m->ctx, post->labels, post->label_count));
    for (size_t i = 0; i < post->label_count; i++) {
        double value = torc_onnx_element(classes, i);
        if (!(fabs(value) <= 0x1p53) || value != floor(value)) {
            return torc_onnx_refuse(m, "label %zu is %g; labels are integers", i, value);
        }
        post->labels[i] = (int64_t)value;
    }
    return TORC_OK;
}

/* classes[index]: labels of an argmax; of data with constant indices, a choice of columns. */
torc_status torc_onnx_feature_extractor(torc_onnx_import *m)
{
    const torc_onnx_value *index = torc_onnx_in(m, 1);
    const torc_tensor *classes;
    if (!index || index->kind == TORC_ONNX_CONSTANT) {
        return torc_onnx_gather(m);
    }
    TORC_TRY(torc_onnx_constant(m, &classes, 0, "classes"));
    if (index->kind != TORC_ONNX_TAIL || !index->is_integer ||
        torc_shape_count(index->rank, index->shape) != 1) {
        return torc_onnx_refuse(m, "its indices must be those of one ArgMax");
    }
    torc_post scalar = {.kind = TORC_POST_RESHAPE};
    TORC_TRY(torc_onnx_set_step(m, index, &scalar));
    torc_onnx_value flat = m->out;
    torc_post post = {.kind = TORC_POST_LABELS};
    torc_status status = copy_labels(m, &post, classes);
    if (status == TORC_OK) {
        status = torc_onnx_set_step(m, &flat, &post);
    }
    free(post.labels);
    torc_onnx_value_free(&flat);
    TORC_TRY(status);
    m->out.rank = 0;
    m->out.is_row = true;
    return TORC_OK;
}

/* --- arithmetic with one number ------------------------------------------------------------------
 */

torc_status torc_onnx_affine_tail(torc_onnx_import *m)
{
    bool tail_first = torc_onnx_in(m, 0)->kind == TORC_ONNX_TAIL;
    const torc_onnx_value *x = torc_onnx_in(m, tail_first ? 0 : 1);
    const char *op = m->node->op_type;
    torc_post post = {.kind = TORC_POST_AFFINE, .alpha = 1};
    double c;
    TORC_TRY(torc_onnx_number(m, &c, tail_first ? 1 : 0, "the other operand"));
    if (strcmp(op, "Add") == 0) {
        post.beta = c;
    } else if (strcmp(op, "Sub") == 0) {
        post.alpha = tail_first ? 1 : -1;
        post.beta = tail_first ? -c : c;
    } else if (strcmp(op, "Mul") == 0) {
        post.alpha = c;
    } else if (tail_first && c != 0) {
        post.alpha = 1 / c;
    } else {
        return torc_onnx_refuse(m, "division by what the client computes, or by zero");
    }
    TORC_TRY(torc_onnx_set_step(m, x, &post));
    m->out.is_integer = false;
    return TORC_OK;
}
