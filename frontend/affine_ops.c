/* Affine rows of each op: which operand elements meet in which output element. The arithmetic on
 * rows is in affine.c; element orders are row-major throughout. */
#include "frontend/affine_rows.h"
#include "frontend/view.h"
#include "runtime/status.h"

#include <stdlib.h>

/* A position in a shape, counted like an odometer. */
typedef struct position {
    uint32_t rank;
    const size_t *shape;
    size_t at[TORC_MAX_RANK];
} position;

static position position_first(uint32_t rank, const size_t *shape)
{
    position p = {.rank = rank, .shape = shape};
    return p;
}

static void position_next(position *p)
{
    for (uint32_t axis = p->rank; axis-- > 0;) {
        if (++p->at[axis] < p->shape[axis]) {
            return;
        }
        p->at[axis] = 0;
    }
}

/* Index in `type` of the element that broadcasts to position p (trailing axes aligned). */
static size_t broadcast_index(const torc_type *type, const position *p)
{
    size_t index = 0;
    for (uint32_t axis = 0; axis < type->rank; axis++) {
        const size_t at = p->at[p->rank - type->rank + axis];
        index = index * type->shape[axis] + (type->shape[axis] == 1 ? 0 : at);
    }
    return index;
}

static const torc_type *operand_type(const torc_graph *g, const torc_node *node, uint32_t i)
{
    return &g->nodes[node->inputs[i]].type;
}

static torc_status apply_elementwise(torc_rows *rows, const torc_graph *g, const torc_node *node,
                                     const torc_affine *const *operand)
{
    position p = position_first(node->type.rank, node->type.shape);
    for (size_t r = 0; r < rows->out.row_count; r++, position_next(&p)) {
        const size_t a = broadcast_index(operand_type(g, node, 0), &p);
        const size_t b = node->input_count > 1 ? broadcast_index(operand_type(g, node, 1), &p) : 0;
        if (node->op == TORC_OP_MUL) {
            TORC_TRY(torc_rows_push_product(rows, operand[0], a, operand[1], b));
        } else {
            TORC_TRY(torc_rows_push_scaled(rows, operand[0], a, node->op == TORC_OP_NEG ? -1 : 1));
        }
        if (node->op == TORC_OP_ADD || node->op == TORC_OP_SUB) {
            TORC_TRY(torc_rows_push_scaled(rows, operand[1], b, node->op == TORC_OP_SUB ? -1 : 1));
        }
        TORC_TRY(torc_rows_end_row(rows));
    }
    return TORC_OK;
}

/* out[.., i, j] = sum_x a[.., i, x] b[.., x, j]; a missing row or column axis counts as 1. */
static torc_status apply_matmul(torc_rows *rows, const torc_graph *g, const torc_node *node,
                                const torc_affine *const *operand)
{
    const torc_type *a = operand_type(g, node, 0);
    const torc_type *b = operand_type(g, node, 1);
    const size_t inner = a->shape[a->rank - 1];
    const size_t row_count = a->rank > 1 ? a->shape[a->rank - 2] : 1;
    const size_t column_count = b->rank > 1 ? b->shape[b->rank - 1] : 1;
    torc_type batch_a = *a;
    torc_type batch_b = *b;
    batch_a.rank = a->rank > 2 ? a->rank - 2 : 0;
    batch_b.rank = b->rank > 2 ? b->rank - 2 : 0;
    const uint32_t kept = (a->rank > 1 ? 1u : 0u) + (b->rank > 1 ? 1u : 0u);
    position p = position_first(node->type.rank - kept, node->type.shape);
    const size_t batch_count = torc_shape_count(p.rank, p.shape);
    for (size_t batch = 0; batch < batch_count; batch++, position_next(&p)) {
        const size_t first_a = broadcast_index(&batch_a, &p) * row_count * inner;
        const size_t first_b = broadcast_index(&batch_b, &p) * inner * column_count;
        for (size_t cell = 0; cell < row_count * column_count; cell++) {
            const size_t i = cell / column_count;
            const size_t j = cell % column_count;
            for (size_t x = 0; x < inner; x++) {
                TORC_TRY(torc_rows_push_product(rows, operand[0], first_a + i * inner + x,
                                                operand[1], first_b + x * column_count + j));
            }
            TORC_TRY(torc_rows_end_row(rows));
        }
    }
    return TORC_OK;
}

static bool is_reduced(const torc_node *node, uint32_t rank, uint32_t axis)
{
    if (node->axis_count == 0) {
        return true; /* no axes given: all */
    }
    for (uint32_t i = 0; i < node->axis_count; i++) {
        const int32_t given = node->axes[i];
        if ((uint32_t)(given < 0 ? given + (int32_t)rank : given) == axis) {
            return true;
        }
    }
    return false;
}

/* Each output element adds the sub-box of the input that its reduced axes span. */
static torc_status apply_sum(torc_rows *rows, const torc_graph *g, const torc_node *node,
                             const torc_affine *const *operand)
{
    const torc_type *in = operand_type(g, node, 0);
    size_t kept_shape[TORC_MAX_RANK];
    size_t summed_shape[TORC_MAX_RANK];
    for (uint32_t axis = 0; axis < in->rank; axis++) {
        const bool reduced = is_reduced(node, in->rank, axis);
        kept_shape[axis] = reduced ? 1 : in->shape[axis];
        summed_shape[axis] = reduced ? in->shape[axis] : 1;
    }
    position kept = position_first(in->rank, kept_shape);
    const size_t summed_count = torc_shape_count(in->rank, summed_shape);
    for (size_t r = 0; r < rows->out.row_count; r++, position_next(&kept)) {
        position summed = position_first(in->rank, summed_shape);
        for (size_t s = 0; s < summed_count; s++, position_next(&summed)) {
            position p = kept;
            for (uint32_t axis = 0; axis < in->rank; axis++) {
                p.at[axis] += summed.at[axis];
            }
            TORC_TRY(torc_rows_push_scaled(rows, operand[0], broadcast_index(in, &p), 1));
        }
        TORC_TRY(torc_rows_end_row(rows));
    }
    return TORC_OK;
}

typedef struct conv_view {
    const torc_type *x, *w, *out;
    const torc_conv2d_args *args;
} conv_view;

/* All kernel taps of output (image, channel, row, column) that fall inside the image. */
static torc_status push_conv_cell(torc_rows *rows, const conv_view *v, const size_t at[4],
                                  const torc_affine *const *operand)
{
    const size_t group_in = v->w->shape[1];
    const size_t group_out = v->w->shape[0] / v->args->groups;
    const size_t first_in = at[1] / group_out * group_in;
    for (size_t tap = 0; tap < group_in * v->w->shape[2] * v->w->shape[3]; tap++) {
        const size_t kx = tap % v->w->shape[3];
        const size_t ky = tap / v->w->shape[3] % v->w->shape[2];
        const size_t channel = tap / v->w->shape[3] / v->w->shape[2];
        const size_t y = at[2] * v->args->stride[0] + ky * v->args->dilation[0];
        const size_t x = at[3] * v->args->stride[1] + kx * v->args->dilation[1];
        if (y < v->args->pad[0] || y - v->args->pad[0] >= v->x->shape[2] || x < v->args->pad[1] ||
            x - v->args->pad[1] >= v->x->shape[3]) {
            continue;
        }
        const size_t in =
            ((at[0] * v->x->shape[1] + first_in + channel) * v->x->shape[2] + y - v->args->pad[0]) *
                v->x->shape[3] +
            x - v->args->pad[1];
        const size_t weight = at[1] * group_in * v->w->shape[2] * v->w->shape[3] + tap;
        TORC_TRY(torc_rows_push_product(rows, operand[0], in, operand[1], weight));
    }
    return TORC_OK;
}

static torc_status apply_conv2d(torc_rows *rows, const torc_graph *g, const torc_node *node,
                                const torc_affine *const *operand)
{
    const conv_view v = {operand_type(g, node, 0), operand_type(g, node, 1), &node->type,
                         &node->conv};
    position p = position_first(4, v.out->shape);
    for (size_t r = 0; r < rows->out.row_count; r++, position_next(&p)) {
        TORC_TRY(push_conv_cell(rows, &v, p.at, operand));
        if (node->input_count > 2) {
            TORC_TRY(torc_rows_push_scaled(rows, operand[2], p.at[1], 1));
        }
        TORC_TRY(torc_rows_end_row(rows));
    }
    return TORC_OK;
}

static torc_status copy_row(torc_rows *rows, const torc_affine *in, size_t row)
{
    TORC_TRY(torc_rows_push_scaled(rows, in, row, 1));
    return torc_rows_end_row(rows);
}

/* source[place] = row that stands at each place of a RESHAPE, TRANSPOSE or INDEX. */
static torc_status copy_moved(torc_rows *rows, const torc_graph *g, const torc_node *node,
                              const torc_affine *in, uint64_t *all, uint64_t *source)
{
    for (size_t r = 0; r < in->row_count; r++) {
        all[r] = r;
    }
    const torc_view view = torc_view_move(node, operand_type(g, node, 0));
    torc_view_gather(source, all, &view);
    for (size_t r = 0; r < rows->out.row_count; r++) {
        TORC_TRY(copy_row(rows, in, source[r]));
    }
    return TORC_OK;
}

static torc_status apply_move(torc_rows *rows, const torc_graph *g, const torc_node *node,
                              const torc_affine *in)
{
    uint64_t *all = NULL;
    uint64_t *source = NULL;
    torc_status status = TORC_ALLOC(rows->ctx, all, in->row_count);
    if (status == TORC_OK) {
        status = TORC_ALLOC(rows->ctx, source, rows->out.row_count);
    }
    if (status == TORC_OK) {
        status = copy_moved(rows, g, node, in, all, source);
    }
    free(all);
    free(source);
    return status;
}

static torc_status apply_concat(torc_rows *rows, const torc_graph *g, const torc_node *node,
                                const torc_affine *const *operand)
{
    const uint32_t axis =
        (uint32_t)(node->axis < 0 ? node->axis + (int32_t)node->type.rank : node->axis);
    position p = position_first(node->type.rank, node->type.shape);
    for (size_t r = 0; r < rows->out.row_count; r++, position_next(&p)) {
        position source = p;
        uint32_t part = 0;
        while (source.at[axis] >= operand_type(g, node, part)->shape[axis]) {
            source.at[axis] -= operand_type(g, node, part)->shape[axis];
            part++;
        }
        size_t index = 0;
        for (uint32_t a = 0; a < node->type.rank; a++) {
            index = index * operand_type(g, node, part)->shape[a] + source.at[a];
        }
        TORC_TRY(copy_row(rows, operand[part], index));
    }
    return TORC_OK;
}

static torc_status apply_constant(torc_rows *rows, const torc_node *node)
{
    for (size_t r = 0; r < rows->out.row_count; r++) {
        const torc_term term = {TORC_NO_SOURCE, TORC_NO_SOURCE, node->constant.i64[r]};
        TORC_TRY(torc_rows_push(rows, term));
        TORC_TRY(torc_rows_end_row(rows));
    }
    return TORC_OK;
}

static torc_status apply(torc_rows *rows, const torc_graph *g, const torc_node *node,
                         const torc_affine *const *operand)
{
    switch (node->op) {
    case TORC_OP_CONSTANT: return apply_constant(rows, node);
    case TORC_OP_ADD:
    case TORC_OP_SUB:
    case TORC_OP_NEG:
    case TORC_OP_MUL: return apply_elementwise(rows, g, node, operand);
    case TORC_OP_DOT:
    case TORC_OP_MATMUL: return apply_matmul(rows, g, node, operand);
    case TORC_OP_SUM: return apply_sum(rows, g, node, operand);
    case TORC_OP_CONV2D: return apply_conv2d(rows, g, node, operand);
    case TORC_OP_RESHAPE:
    case TORC_OP_TRANSPOSE:
    case TORC_OP_INDEX: return apply_move(rows, g, node, operand[0]);
    case TORC_OP_CONCAT: return apply_concat(rows, g, node, operand);
    default:
        return torc_fail(rows->ctx, TORC_E_INTERNAL, "%s: op '%s' is not linear", node->where,
                         torc_op_name(node->op));
    }
}

torc_status torc_affine_apply(torc_ctx *ctx, torc_affine *out, const torc_graph *g,
                              const torc_node *node, const torc_affine *const *operand)
{
    torc_rows rows;
    *out = (torc_affine){0};
    TORC_TRY(torc_rows_begin(ctx, &rows, torc_shape_count(node->type.rank, node->type.shape)));
    return torc_rows_finish(&rows, apply(&rows, g, node, operand), out);
}
