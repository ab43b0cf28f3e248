/* Composes affine nodes of a float graph into rows over source elements. */
#include "frontend/quantize_rows.h"

#include "runtime/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TERMS ((size_t)1 << 27) /* of one node: 2 GiB */

void torc_real_rows_free(torc_real_rows *rows)
{
    free(rows->begin);
    free(rows->term);
    free(rows->bias);
    *rows = (torc_real_rows){0};
}

/* --- building rows one after the other -----------------------------------------------------------
 */

/* The row at hand is dense: sum[source], and the list of sources that were touched. */
typedef struct builder {
    torc_ctx *ctx;
    torc_real_rows out;
    size_t row;
    size_t term_count, term_capacity;
    double *sum;
    bool *is_touched;
    uint32_t *touched;
    uint32_t touched_count;
} builder;

static void builder_free(builder *b)
{
    free(b->sum);
    free(b->is_touched);
    free(b->touched);
}

static torc_status builder_begin(torc_ctx *ctx, builder *b, size_t count, uint32_t source_count)
{
    *b = (builder){.ctx = ctx, .out = {.count = count}};
    torc_status status = TORC_ALLOC(ctx, b->out.begin, count + 1);
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, b->out.bias, count);
    }
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, b->sum, source_count);
    }
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, b->is_touched, source_count);
    }
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, b->touched, source_count);
    }
    if (status != TORC_OK) {
        torc_real_rows_free(&b->out);
        builder_free(b);
    }
    return status;
}

/* Adds factor * row r of `in` to the row at hand. */
static void builder_add(builder *b, const torc_real_rows *in, size_t r, double factor)
{
    if (factor == 0) {
        return;
    }
    b->out.bias[b->row] += factor * in->bias[r];
    for (size_t t = in->begin[r]; t < in->begin[r + 1]; t++) {
        uint32_t source = in->term[t].source;
        if (!b->is_touched[source]) {
            b->is_touched[source] = true;
            b->touched[b->touched_count++] = source;
        }
        b->sum[source] += factor * in->term[t].weight;
    }
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static torc_status reserve(builder *b, size_t count)
{
    if (count > MAX_TERMS) {
        return torc_fail(b->ctx, TORC_E_UNSUPPORTED,
                         "a linear layer needs more than 2^27 weights; use smaller layers");
    }
    if (count > b->term_capacity) {
        size_t capacity = 2 * count;
        torc_real_term *term = realloc(b->out.term, capacity * sizeof *term);
        if (!term) {
            return torc_fail(b->ctx, TORC_E_MEMORY, "out of memory: %zu weights", capacity);
        }
        b->out.term = term;
        b->term_capacity = capacity;
    }
    return TORC_OK;
}

static torc_status builder_end_row(builder *b)
{
    TORC_TRY(reserve(b, b->term_count + b->touched_count));
    qsort(b->touched, b->touched_count, sizeof *b->touched, by_number);
    for (uint32_t i = 0; i < b->touched_count; i++) {
        uint32_t source = b->touched[i];
        if (b->sum[source] != 0) {
            b->out.term[b->term_count++] = (torc_real_term){source, b->sum[source]};
        }
        b->sum[source] = 0;
        b->is_touched[source] = false;
    }
    b->touched_count = 0;
    b->row++;
    b->out.begin[b->row] = b->term_count;
    return TORC_OK;
}

/* Hands the rows over on TORC_OK, frees them otherwise; returns status. */
static torc_status builder_finish(builder *b, torc_status status, torc_real_rows *out)
{
    builder_free(b);
    if (status == TORC_OK) {
        *out = b->out;
    } else {
        torc_real_rows_free(&b->out);
    }
    return status;
}

torc_status torc_real_rows_sources(torc_ctx *ctx, torc_real_rows *out, size_t count, uint32_t first)
{
    torc_real_rows rows = {.count = count};
    torc_status status = TORC_ALLOC(ctx, rows.begin, count + 1);
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, rows.term, count);
    }
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, rows.bias, count);
    }
    if (status != TORC_OK) {
        torc_real_rows_free(&rows);
        return status;
    }
    for (size_t r = 0; r < count; r++) {
        rows.term[r] = (torc_real_term){first + (uint32_t)r, 1};
        rows.begin[r + 1] = r + 1;
    }
    *out = rows;
    return TORC_OK;
}

torc_status torc_real_rows_constant(torc_ctx *ctx, torc_real_rows *out, const torc_tensor *value)
{
    torc_real_rows rows = {.count = torc_tensor_count(value)};
    TORC_TRY(TORC_ALLOC(ctx, rows.begin, rows.count + 1));
    torc_status status = TORC_ALLOC(ctx, rows.bias, rows.count);
    if (status != TORC_OK) {
        torc_real_rows_free(&rows);
        return status;
    }
    for (size_t r = 0; r < rows.count; r++) {
        rows.bias[r] = value->dtype == TORC_F64 ? value->f64[r] : (double)value->i64[r];
    }
    *out = rows;
    return TORC_OK;
}

/* --- element-wise --------------------------------------------------------------------------------
 */

/* Element of an operand of shape `in` that meets element `index` of the broadcast shape `out`. */
static size_t broadcast(const torc_type *in, const torc_type *out, size_t index)
{
    size_t result = 0;
    size_t stride = 1;
    for (uint32_t i = 0; i < out->rank; i++) { /* from the last axis */
        uint32_t axis = out->rank - 1 - i;
        size_t at = index % out->shape[axis];
        index /= out->shape[axis];
        if (i < in->rank) {
            size_t length = in->shape[in->rank - 1 - i];
            result += length == 1 ? 0 : at * stride;
            stride *= length;
        }
    }
    return result;
}

typedef struct apply_args {
    const torc_graph *g;
    const torc_node *node;
    const torc_real_rows *const *operand;
} apply_args;

static const torc_type *type_of(const apply_args *a, uint32_t operand)
{
    return &a->g->nodes[a->node->inputs[operand]].type;
}

static torc_status apply_elementwise(builder *b, const apply_args *a)
{
    for (size_t r = 0; r < b->out.count; r++) {
        size_t x = broadcast(type_of(a, 0), &a->node->type, r);
        size_t y = a->node->input_count > 1 ? broadcast(type_of(a, 1), &a->node->type, r) : 0;
        const torc_real_rows *p = a->operand[0];
        const torc_real_rows *q = a->operand[a->node->input_count > 1 ? 1 : 0];
        switch (a->node->op) {
        case TORC_OP_ADD:
        case TORC_OP_SUB:
            builder_add(b, p, x, 1);
            builder_add(b, q, y, a->node->op == TORC_OP_ADD ? 1 : -1);
            break;
        case TORC_OP_NEG: builder_add(b, p, x, -1); break;
        case TORC_OP_CAST: builder_add(b, p, x, 1); break;
        case TORC_OP_DIV: builder_add(b, p, x, 1 / q->bias[y]); break;
        default: /* MUL: one side is clear */
            if (type_of(a, 0)->encrypted) {
                builder_add(b, p, x, q->bias[y]);
            } else {
                builder_add(b, q, y, p->bias[x]);
            }
        }
        TORC_TRY(builder_end_row(b));
    }
    return TORC_OK;
}

/* --- products ------------------------------------------------------------------------------------
 */

/* An operand of matmul as [batch...][rows][columns], vectors promoted as NumPy does. */
static torc_type promote(const torc_type *type, bool left)
{
    torc_type t = *type;
    if (t.rank == 1) {
        t.rank = 2;
        t.shape[left ? 1 : 0] = type->shape[0];
        t.shape[left ? 0 : 1] = 1;
    }
    return t;
}

/* The matrix of an operand for batch index `index` of the broadcast batch shape. */
static size_t matrix_of(const torc_type *t, const torc_type *batch, size_t index)
{
    torc_type outer = *t;
    outer.rank -= 2;
    return broadcast(&outer, batch, index);
}

static torc_status apply_matmul(builder *b, const apply_args *a)
{
    torc_type p = promote(type_of(a, 0), true);
    torc_type q = promote(type_of(a, 1), false);
    size_t rows = p.shape[p.rank - 2];
    size_t inner = p.shape[p.rank - 1];
    size_t columns = q.shape[q.rank - 1];
    torc_type batch = a->node->type; /* its leading axes */
    batch.rank = (p.rank > q.rank ? p.rank : q.rank) - 2;
    bool left_encrypted = type_of(a, 0)->encrypted;
    for (size_t r = 0; r < b->out.count; r++) {
        size_t column = r % columns;
        size_t row = r / columns % rows;
        size_t index = r / columns / rows;
        size_t p_at = (matrix_of(&p, &batch, index) * rows + row) * inner;
        size_t q_at = matrix_of(&q, &batch, index) * inner * columns + column;
        for (size_t k = 0; k < inner; k++) {
            size_t x = p_at + k;
            size_t y = q_at + k * columns;
            if (left_encrypted) {
                builder_add(b, a->operand[0], x, a->operand[1]->bias[y]);
            } else {
                builder_add(b, a->operand[1], y, a->operand[0]->bias[x]);
            }
        }
        TORC_TRY(builder_end_row(b));
    }
    return TORC_OK;
}

/* --- sums and moves ------------------------------------------------------------------------------
 */

/* origin[out element] of a node that moves elements: numbers them, and evaluates the node alone. */
static torc_status evaluate_numbers(torc_ctx *ctx, torc_tensor *out, const torc_graph *g,
                                    const torc_node *node, torc_tensor *numbers)
{
    torc_graph *alone = NULL;
    torc_tensor *values = NULL;
    torc_value *inputs = NULL;
    TORC_TRY(torc_graph_create(ctx, &alone));
    torc_status status = TORC_ALLOC(ctx, inputs, node->input_count);
    for (uint32_t i = 0; i < node->input_count && status == TORC_OK; i++) {
        const torc_type *t = &g->nodes[node->inputs[i]].type;
        char name[16];
        snprintf(name, sizeof name, "part%u", i);
        inputs[i] = torc_input(alone, name, true, TORC_I64, t->rank, t->shape);
    }
    torc_value moved = TORC_NO_VALUE;
    if (status == TORC_OK) {
        moved = torc_graph_add(alone, node->op, inputs, node->input_count, node);
        status = torc_graph_status(ctx, alone);
    }
    if (status == TORC_OK) {
        status = torc_graph_eval(ctx, &values, alone, numbers);
    }
    if (status == TORC_OK) {
        *out = values[moved.id];
        values[moved.id] = (torc_tensor){0};
        for (uint32_t i = 0; i < alone->node_count; i++) {
            torc_tensor_free(&values[i]);
        }
    }
    free(values);
    free(inputs);
    torc_graph_free(alone);
    return status;
}

static torc_status make_numbers(torc_ctx *ctx, torc_tensor *numbers, const apply_args *a)
{
    int64_t next = 0;
    for (uint32_t i = 0; i < a->node->input_count; i++) {
        const torc_type *t = type_of(a, i);
        TORC_TRY(torc_tensor_create(ctx, &numbers[i], TORC_I64, t->rank, t->shape));
        for (size_t k = 0; k < torc_tensor_count(&numbers[i]); k++) {
            numbers[i].i64[k] = next++;
        }
    }
    return TORC_OK;
}

static torc_status apply_move(builder *b, const apply_args *a)
{
    torc_tensor *numbers = NULL;
    torc_tensor origin = {0};
    TORC_TRY(TORC_ALLOC(b->ctx, numbers, a->node->input_count));
    torc_status status = make_numbers(b->ctx, numbers, a);
    if (status == TORC_OK) {
        status = evaluate_numbers(b->ctx, &origin, a->g, a->node, numbers);
    }
    for (size_t r = 0; r < b->out.count && status == TORC_OK; r++) {
        size_t at = (size_t)origin.i64[r];
        uint32_t part = 0;
        while (at >= a->operand[part]->count) {
            at -= a->operand[part]->count;
            part++;
        }
        builder_add(b, a->operand[part], at, 1);
        status = builder_end_row(b);
    }
    for (uint32_t i = 0; i < a->node->input_count; i++) {
        torc_tensor_free(&numbers[i]);
    }
    free(numbers);
    torc_tensor_free(&origin);
    return status;
}

/* Element of the result that element `index` of the operand is added to. */
static size_t sum_target(const torc_type *in, const bool *is_summed, size_t index)
{
    size_t result = 0;
    size_t stride = 1;
    for (uint32_t axis = in->rank; axis-- > 0;) {
        size_t at = index % in->shape[axis];
        index /= in->shape[axis];
        if (!is_summed[axis]) {
            result += at * stride;
            stride *= in->shape[axis];
        }
    }
    return result;
}

static torc_status apply_sum(builder *b, const apply_args *a)
{
    const torc_type *in = type_of(a, 0);
    bool is_summed[TORC_MAX_RANK] = {false};
    for (uint32_t i = 0; i < in->rank; i++) {
        is_summed[i] = a->node->axis_count == 0;
    }
    for (uint32_t i = 0; i < a->node->axis_count; i++) {
        int32_t axis = a->node->axes[i];
        is_summed[axis < 0 ? axis + (int32_t)in->rank : axis] = true;
    }
    for (size_t r = 0; r < b->out.count; r++) {
        for (size_t i = 0; i < a->operand[0]->count; i++) {
            if (sum_target(in, is_summed, i) == r) {
                builder_add(b, a->operand[0], i, 1);
            }
        }
        TORC_TRY(builder_end_row(b));
    }
    return TORC_OK;
}

/* --- one node ------------------------------------------------------------------------------------
 */

static torc_status apply(builder *b, const apply_args *a)
{
    switch (a->node->op) {
    case TORC_OP_ADD:
    case TORC_OP_SUB:
    case TORC_OP_NEG:
    case TORC_OP_MUL:
    case TORC_OP_DIV:
    case TORC_OP_CAST: return apply_elementwise(b, a);
    case TORC_OP_MATMUL:
    case TORC_OP_DOT: return apply_matmul(b, a);
    case TORC_OP_SUM: return apply_sum(b, a);
    case TORC_OP_RESHAPE:
    case TORC_OP_TRANSPOSE:
    case TORC_OP_INDEX:
    case TORC_OP_CONCAT: return apply_move(b, a);
    default:
        return torc_fail(b->ctx, TORC_E_UNSUPPORTED,
                         "%s: quantising '%s' of floats is not supported", a->node->where,
                         torc_op_name(a->node->op));
    }
}

torc_status torc_real_rows_apply(torc_ctx *ctx, torc_real_rows *out, const torc_graph *g,
                                 const torc_node *node, const torc_real_rows *const *operand,
                                 uint32_t source_count)
{
    builder b;
    apply_args args = {g, node, operand};
    size_t count = torc_shape_count(node->type.rank, node->type.shape);
    TORC_TRY(builder_begin(ctx, &b, count, source_count));
    return builder_finish(&b, apply(&b, &args), out);
}
