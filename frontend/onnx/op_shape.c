/* Operators that only change shapes. The batch axis stays first and alone; whatever would merge it
 * with another axis, move it or cut it is refused. */
#include "frontend/onnx/import.h"
#include "runtime/status.h"

#include <string.h>

/* --- Reshape, Flatten, Squeeze, Unsqueeze -------------------------------------------------------
 */

/* A shape as an operator asks for it: -1 once at most, to be inferred. */
typedef struct wanted {
    uint32_t rank;
    int64_t shape[TORC_MAX_RANK];
} wanted;

/* Replaces -1 so that the product is count; E_FORMAT when none fits. */
static torc_status infer(torc_onnx_import *m, size_t *out, const wanted *w, size_t count)
{
    size_t known = 1;
    uint32_t open = UINT32_MAX;
    for (uint32_t i = 0; i < w->rank; i++) {
        if (w->shape[i] == -1 && open == UINT32_MAX) {
            open = i;
        } else if (w->shape[i] < 0 || (uint64_t)w->shape[i] > TORC_ONNX_MAX_ELEMENTS) {
            return torc_fail(m->ctx, TORC_E_FORMAT, "%s: axis %u of the new shape is %lld",
                             m->where, i, (long long)w->shape[i]);
        } else if (__builtin_mul_overflow(known, (size_t)w->shape[i], &known)) {
            return torc_fail(m->ctx, TORC_E_FORMAT, "%s: the new shape is too large", m->where);
        }
    }
    for (uint32_t i = 0; i < w->rank; i++) {
        out[i] = i == open ? (known ? count / known : 0) : (size_t)w->shape[i];
    }
    size_t found = open == UINT32_MAX ? known : known * out[open];
    if (found != count) {
        bool is_constant = torc_onnx_in(m, 0)->kind == TORC_ONNX_CONSTANT;
        return torc_fail(m->ctx, is_constant ? TORC_E_FORMAT : TORC_E_UNSUPPORTED,
                         "%s: the new shape does not hold the %zu elements of %s", m->where, count,
                         is_constant ? "the input" : "one sample, apart from those of others");
    }
    return TORC_OK;
}

static torc_status reshape_constant(torc_onnx_import *m, const torc_onnx_value *x, const wanted *w)
{
    size_t shape[TORC_MAX_RANK];
    TORC_TRY(infer(m, shape, w, torc_tensor_count(&x->constant)));
    torc_tensor t = {0};
    TORC_TRY(torc_tensor_create(m->ctx, &t, x->constant.dtype, w->rank, shape));
    if (torc_tensor_count(&t) > 0) {
        memcpy(t.data, x->constant.data, torc_tensor_count(&t) * sizeof(int64_t));
    }
    torc_onnx_set_constant(m, &t);
    return TORC_OK;
}

/* w[0] stands for the batch: its length, -1, or 1 (exporters that traced one sample write that). */
static torc_status reshape_data(torc_onnx_import *m, const torc_onnx_value *x, wanted *w)
{
    size_t shape[TORC_MAX_RANK];
    size_t count = torc_shape_count(x->rank, x->shape);
    if (w->rank == 0 || (w->shape[0] != -1 && w->shape[0] != m->batch)) {
        return torc_onnx_refuse(m, "the new shape must keep the batch axis (%lld) in front",
                                (long long)m->batch);
    }
    w->rank--;
    memmove(w->shape, w->shape + 1, w->rank * sizeof *w->shape);
    TORC_TRY(infer(m, shape, w, count));
    return torc_onnx_set_shape(m, x, w->rank, shape);
}

torc_status torc_onnx_reshape(torc_onnx_import *m)
{
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    const int64_t *list;
    size_t count;
    int64_t allow_zero;
    TORC_TRY(torc_onnx_integers(m, &list, &count, 1, "shape"));
    TORC_TRY(torc_onnx_attr_int(m, &allow_zero, "allowzero", 0));
    if (count > TORC_MAX_RANK) {
        return torc_onnx_refuse(m, "%zu axes, at most %d are supported", count, TORC_MAX_RANK);
    }
    if (x->kind == TORC_ONNX_TAIL && x->is_row) { /* [1][batch] of one label a sample */
        return count == 1 ? torc_onnx_set_shape(m, x, 0, x->shape)
                          : torc_onnx_refuse(m, "labels can only become one list");
    }
    wanted w = {.rank = (uint32_t)count};
    for (uint32_t i = 0; i < w.rank; i++) {
        w.shape[i] = list[i];
        if (list[i] == 0 && !allow_zero) { /* copies that axis */
            if (i >= torc_onnx_rank(x)) {
                return torc_fail(m->ctx, TORC_E_FORMAT, "%s: axis %u to copy is not there",
                                 m->where, i);
            }
            w.shape[i] = (int64_t)torc_onnx_dim(m, x, i);
        }
    }
    return x->kind == TORC_ONNX_CONSTANT ? reshape_constant(m, x, &w) : reshape_data(m, x, &w);
}

torc_status torc_onnx_flatten(torc_onnx_import *m)
{
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    int64_t axis;
    int64_t rank = torc_onnx_rank(x);
    TORC_TRY(torc_onnx_attr_int(m, &axis, "axis", 1));
    if (axis < -rank || axis > rank) {
        return torc_fail(m->ctx, TORC_E_FORMAT, "%s: axis %lld of a value with %lld axes", m->where,
                         (long long)axis, (long long)rank);
    }
    axis += axis < 0 ? rank : 0;
    size_t before = 1;
    size_t after = 1;
    for (uint32_t i = 0; i < (uint32_t)rank; i++) {
        *(i < axis ? &before : &after) *= torc_onnx_dim(m, x, i); /* below the element limit */
    }
    wanted w = {.rank = 2, .shape = {(int64_t)before, (int64_t)after}};
    if (x->kind == TORC_ONNX_CONSTANT) {
        return reshape_constant(m, x, &w);
    }
    if (before != (size_t)m->batch || axis == 0) {
        return torc_onnx_refuse(m, "axis %lld merges the batch with other axes", (long long)axis);
    }
    return reshape_data(m, x, &w);
}

/* Axes: an attribute before opset 13, an optional input since. *count 0: none were given. */
static torc_status axes_of(torc_onnx_import *m, const int64_t **axes, size_t *count)
{
    *axes = NULL;
    *count = 0;
    if (m->opset < 13) {
        return torc_onnx_attr_ints(m, axes, count, "axes");
    }
    return torc_onnx_in(m, 1) ? torc_onnx_integers(m, axes, count, 1, "axes") : TORC_OK;
}

torc_status torc_onnx_squeeze(torc_onnx_import *m)
{
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    const size_t *dims = x->kind == TORC_ONNX_CONSTANT ? x->constant.shape : x->shape;
    uint32_t rank = x->kind == TORC_ONNX_CONSTANT ? x->constant.rank : x->rank;
    bool drop[TORC_MAX_RANK] = {false};
    const int64_t *axes;
    size_t count;
    TORC_TRY(axes_of(m, &axes, &count));
    for (uint32_t i = 0; i < rank; i++) {
        drop[i] = count == 0 && dims[i] == 1;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t axis;
        TORC_TRY(torc_onnx_axis(m, &axis, x, axes[i]));
        if (dims[axis] != 1) {
            return torc_fail(m->ctx, TORC_E_FORMAT, "%s: axis %lld has length %zu, not 1", m->where,
                             (long long)axes[i], dims[axis]);
        }
        drop[axis] = true;
    }
    size_t shape[TORC_MAX_RANK];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < rank; i++) {
        if (!drop[i]) {
            shape[kept++] = dims[i];
        }
    }
    return torc_onnx_set_shape(m, x, kept, shape);
}

torc_status torc_onnx_unsqueeze(torc_onnx_import *m)
{
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    const int64_t *axes;
    size_t count;
    TORC_TRY(axes_of(m, &axes, &count));
    uint32_t hidden = x->kind != TORC_ONNX_CONSTANT;
    int64_t rank = torc_onnx_rank(x) + (int64_t)(count < TORC_MAX_RANK ? count : TORC_MAX_RANK);
    bool added[TORC_MAX_RANK] = {false};
    if (rank > TORC_MAX_RANK || count == 0) {
        return torc_onnx_refuse(m, "%zu axes to insert into %u", count, torc_onnx_rank(x));
    }
    for (size_t i = 0; i < count; i++) {
        int64_t axis = axes[i] + (axes[i] < 0 ? rank : 0);
        if (axis < 0 || axis >= rank || added[axis]) {
            return torc_fail(m->ctx, TORC_E_FORMAT, "%s: axis %lld is out of range or given twice",
                             m->where, (long long)axes[i]);
        }
        if (hidden && axis == 0) {
            return torc_onnx_refuse(m, "an axis in front of the batch");
        }
        added[axis] = true;
    }
    size_t shape[TORC_MAX_RANK];
    const size_t *dims = hidden ? x->shape : x->constant.shape;
    for (uint32_t i = hidden, from = 0; i < (uint32_t)rank; i++) {
        shape[i - hidden] = added[i] ? 1 : dims[from++];
    }
    return torc_onnx_set_shape(m, x, (uint32_t)rank - hidden, shape);
}

/* --- Transpose, Concat, Slice, Gather -----------------------------------------------------------
 */

torc_status torc_onnx_transpose(torc_onnx_import *m)
{
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    uint32_t hidden = x->kind != TORC_ONNX_CONSTANT;
    uint32_t rank = torc_onnx_rank(x);
    const int64_t *perm;
    size_t count;
    uint32_t axes[TORC_MAX_RANK] = {0};
    TORC_TRY(torc_onnx_attr_ints(m, &perm, &count, "perm"));
    if (count != 0 && count != rank) {
        return torc_fail(m->ctx, TORC_E_FORMAT, "%s: perm has %zu entries for %u axes", m->where,
                         count, rank);
    }
    for (uint32_t i = 0; i < rank; i++) {
        int64_t from = count ? perm[i] : (int64_t)(rank - 1 - i);
        if (from < 0 || from >= rank) {
            return torc_fail(m->ctx, TORC_E_FORMAT, "%s: perm holds %lld", m->where,
                             (long long)from);
        }
        if (hidden && (i == 0) != (from == 0)) {
            return torc_onnx_refuse(m, "moves the batch axis");
        }
        if (i >= hidden) {
            axes[i - hidden] = (uint32_t)from - hidden;
        }
    }
    torc_onnx_set_node(m, torc_transpose(m->graph, torc_onnx_node(m, x), axes));
    return TORC_OK;
}

/* Lists of integers, such as shapes; parts may be empty. */
static torc_status concat_lists(torc_onnx_import *m)
{
    size_t total = 0;
    for (uint32_t i = 0; i < torc_onnx_input_count(m); i++) {
        total += torc_onnx_in(m, i)->constant.shape[0]; /* a few thousand at most */
    }
    torc_tensor t;
    if (total > TORC_ONNX_MAX_ELEMENTS) {
        return torc_onnx_refuse(m, "more than %zu elements", TORC_ONNX_MAX_ELEMENTS);
    }
    TORC_TRY(torc_tensor_create(m->ctx, &t, TORC_I64, 1, &total));
    size_t used = 0;
    for (uint32_t i = 0; i < torc_onnx_input_count(m); i++) {
        const torc_tensor *part = &torc_onnx_in(m, i)->constant;
        if (part->shape[0] > 0) {
            memcpy(t.i64 + used, part->i64, part->shape[0] * sizeof *t.i64);
        }
        used += part->shape[0];
    }
    torc_onnx_set_constant(m, &t);
    return TORC_OK;
}

static bool is_list(const torc_onnx_value *v)
{
    return v->kind == TORC_ONNX_CONSTANT && v->constant.rank == 1 && v->constant.dtype == TORC_I64;
}

torc_status torc_onnx_concat(torc_onnx_import *m)
{
    enum { MAX_PARTS = 64 };
    uint32_t count = torc_onnx_input_count(m);
    torc_value parts[MAX_PARTS];
    int64_t axis;
    uint32_t graph_axis;
    bool all_lists = true;
    if (count == 2 && torc_onnx_in(m, 1)->kind == TORC_ONNX_DATA && torc_onnx_is_complement(m)) {
        return torc_onnx_concat_tail(m);
    }
    TORC_TRY(torc_onnx_attr_int(m, &axis, "axis", 1));
    if (count > MAX_PARTS) {
        return torc_onnx_refuse(m, "%u parts, at most %d are supported", count, MAX_PARTS);
    }
    for (uint32_t i = 0; i < count; i++) {
        const torc_onnx_value *v = torc_onnx_in(m, i);
        if (v->kind != torc_onnx_in(m, 0)->kind) {
            return torc_onnx_refuse(m, "joins constants with data that depends on the input");
        }
        all_lists &= is_list(v);
    }
    TORC_TRY(torc_onnx_axis(m, &graph_axis, torc_onnx_in(m, 0), axis));
    if (all_lists) {
        return concat_lists(m);
    }
    for (uint32_t i = 0; i < count; i++) {
        parts[i] = torc_onnx_node(m, torc_onnx_in(m, i));
    }
    torc_onnx_set_node(m, torc_concat(m->graph, parts, count, (int32_t)graph_axis));
    return TORC_OK;
}

/* Start, end and step of one axis, resolved against its length as ONNX says. */
static torc_status resolve_slice(torc_onnx_import *m, torc_slice *out, size_t length, int64_t start,
                                 int64_t end, int64_t step)
{
    int64_t n = (int64_t)length;
    if (step <= 0) {
        return torc_onnx_refuse(m, "step %lld; positive steps are supported", (long long)step);
    }
    start = start < -n ? 0 : start < 0 ? start + n : start > n ? n : start;
    end = end < -n ? 0 : end < 0 ? end + n : end > n ? n : end;
    *out = (torc_slice){.start = start, .stop = end > start ? end : start, .step = step};
    return TORC_OK;
}

static torc_status slice_list(torc_onnx_import *m, const torc_tensor *in, const torc_slice *s)
{
    size_t count = (size_t)((s->stop - s->start + s->step - 1) / s->step);
    torc_tensor t;
    TORC_TRY(torc_tensor_create(m->ctx, &t, TORC_I64, 1, &count));
    for (size_t i = 0; i < count; i++) {
        t.i64[i] = in->i64[s->start + (int64_t)i * s->step];
    }
    torc_onnx_set_constant(m, &t);
    return TORC_OK;
}

/* starts, ends, axes, steps: attributes before opset 10, inputs since. */
static torc_status slice_lists(torc_onnx_import *m, const int64_t **lists, size_t *counts)
{
    static const char *const names[] = {"starts", "ends", "axes", "steps"};
    for (uint32_t i = 0; i < 4; i++) {
        lists[i] = NULL;
        counts[i] = 0;
        if (m->opset < 10 && i < 3) {
            TORC_TRY(torc_onnx_attr_ints(m, &lists[i], &counts[i], names[i]));
        } else if (m->opset >= 10 && (i < 2 || torc_onnx_in(m, i + 1))) {
            TORC_TRY(torc_onnx_integers(m, &lists[i], &counts[i], i + 1, names[i]));
        }
    }
    if (counts[1] != counts[0] || (counts[2] && counts[2] != counts[0]) ||
        (counts[3] && counts[3] != counts[0])) {
        return torc_fail(m->ctx, TORC_E_FORMAT, "%s: starts, ends, axes and steps differ in length",
                         m->where);
    }
    return TORC_OK;
}

torc_status torc_onnx_slice(torc_onnx_import *m)
{
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    uint32_t hidden = x->kind != TORC_ONNX_CONSTANT;
    const int64_t *lists[4];
    size_t counts[4];
    torc_slice slices[TORC_MAX_RANK];
    TORC_TRY(slice_lists(m, lists, counts));
    uint32_t rank = torc_onnx_rank(x) - hidden;
    for (uint32_t i = 0; i < rank; i++) {
        slices[i] = (torc_slice){.start = 0, .stop = INT64_MAX, .step = 1};
    }
    for (size_t i = 0; i < counts[0]; i++) {
        uint32_t axis;
        TORC_TRY(torc_onnx_axis(m, &axis, x, counts[2] ? lists[2][i] : (int64_t)i));
        TORC_TRY(resolve_slice(m, &slices[axis], torc_onnx_dim(m, x, axis + hidden), lists[0][i],
                               lists[1][i], counts[3] ? lists[3][i] : 1));
    }
    if (is_list(x) && counts[0] == 1) {
        return slice_list(m, &x->constant, &slices[0]);
    }
    for (uint32_t i = 0; i < rank; i++) {
        if (slices[i].stop == slices[i].start) {
            return torc_onnx_refuse(m, "it selects nothing of axis %u", i + hidden);
        }
    }
    torc_onnx_set_node(m, torc_index(m->graph, torc_onnx_node(m, x), slices, rank));
    return TORC_OK;
}

/* Elements of a list: what exporters do to shapes. */
static torc_status gather_list(torc_onnx_import *m, const torc_tensor *in, const torc_tensor *at)
{
    torc_tensor t;
    int64_t length = (int64_t)in->shape[0];
    TORC_TRY(torc_tensor_create(m->ctx, &t, in->dtype, at->rank, at->shape));
    for (size_t i = 0; i < torc_tensor_count(at); i++) {
        int64_t index = at->i64[i] + (at->i64[i] < 0 ? length : 0);
        if (index < 0 || index >= length) {
            torc_tensor_free(&t);
            return torc_fail(m->ctx, TORC_E_FORMAT, "%s: index %lld of a list of %lld", m->where,
                             (long long)at->i64[i], (long long)length);
        }
        t.i64[i] = in->i64[index];
    }
    torc_onnx_set_constant(m, &t);
    return TORC_OK;
}

/* Entries `at` of one graph axis, side by side; a single number drops the axis. */
static torc_status gather_axis(torc_onnx_import *m, const torc_onnx_value *x, uint32_t axis,
                               const torc_tensor *at)
{
    enum { MAX_PARTS = 4096 };
    size_t count = torc_tensor_count(at);
    uint32_t rank = torc_onnx_rank(x) - (x->kind != TORC_ONNX_CONSTANT);
    if (at->rank > 1 || count == 0 || count > MAX_PARTS) {
        return torc_onnx_refuse(m, "%zu indices with %u axes; a list of up to %d is supported",
                                count, at->rank, MAX_PARTS);
    }
    torc_value node = torc_onnx_node(m, x);
    torc_value parts[MAX_PARTS];
    for (size_t i = 0; i < count; i++) {
        torc_slice slices[TORC_MAX_RANK];
        for (uint32_t k = 0; k < rank; k++) {
            slices[k] = (torc_slice){.start = 0, .stop = INT64_MAX, .step = 1};
        }
        int64_t index = at->i64[i];
        slices[axis] = at->rank == 0 ? (torc_slice){.start = index, .drop = true}
                                     : (torc_slice){.start = index,
                                                    .stop = index == -1 ? INT64_MAX : index + 1,
                                                    .step = 1};
        parts[i] = torc_index(m->graph, node, slices, rank);
    }
    torc_onnx_set_node(
        m, count == 1 ? parts[0] : torc_concat(m->graph, parts, (uint32_t)count, (int32_t)axis));
    return TORC_OK;
}

torc_status torc_onnx_gather(torc_onnx_import *m)
{
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    const torc_tensor *at;
    int64_t axis;
    uint32_t graph_axis;
    TORC_TRY(torc_onnx_constant(m, &at, 1, "indices"));
    TORC_TRY(torc_onnx_attr_int(m, &axis, "axis", strcmp(m->node->op_type, "Gather") ? -1 : 0));
    if (at->dtype != TORC_I64) {
        return torc_fail(m->ctx, TORC_E_FORMAT, "%s: the indices are not integers", m->where);
    }
    TORC_TRY(torc_onnx_axis(m, &graph_axis, x, axis));
    if (x->kind == TORC_ONNX_CONSTANT && x->constant.rank == 1) {
        return gather_list(m, &x->constant, at);
    }
    return gather_axis(m, x, graph_axis, at);
}
