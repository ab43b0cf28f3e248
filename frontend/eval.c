/* The clear evaluator: walks the nodes in order, gives each op its operands in the shape and type
 * that it reads. The definition of the language is the ops' own files. */
#include "frontend/eval.h"

#include "frontend/op.h"
#include "frontend/view.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FIXED_OPERANDS = 3 };

struct torc_evaluator {
    const torc_graph *g;
    torc_tensor *values; /* [node_count] */
    bool *is_fixed;      /* [node_count] */
    uint64_t *magnitude; /* [node_count] largest |integer| of fixed nodes */
    uint32_t *inputs;    /* node of each input */
    uint32_t input_count;
    uint64_t *scratch[MAX_FIXED_OPERANDS]; /* operands broadcast or converted, [largest value] */
};

/* --- one node --------------------------------------------------------------------------------- */

static void convert(torc_dtype to, void *data, torc_dtype from, size_t count)
{
    for (size_t i = 0; from == TORC_I64 && to == TORC_F64 && i < count; i++) {
        int64_t integer = 0;
        memcpy(&integer, (char *)data + i * sizeof integer, sizeof integer);
        const double real = (double)integer;
        memcpy((char *)data + i * sizeof real, &real, sizeof real);
    }
}

/* Operand i of a cellwise op, broadcast to the node's shape. */
static torc_cells operand_cells(torc_evaluator *e, const torc_node *node, uint32_t i)
{
    const uint32_t id = node->inputs[i];
    const torc_type *from = &e->g->nodes[id].type;
    const torc_dtype reads = torc_op_reads(e->g, node, i);
    const size_t count = torc_shape_count(node->type.rank, node->type.shape);
    torc_cells cells = {.dtype = reads, .data = e->values[id].data};
    if (count == torc_tensor_count(&e->values[id]) && reads == from->dtype) {
        return cells; /* ones in front of the shape change nothing */
    }
    const torc_view view = torc_view_broadcast(from, &node->type);
    torc_view_gather(e->scratch[i], e->values[id].data, &view);
    convert(reads, e->scratch[i], from->dtype, count);
    cells.data = e->scratch[i];
    return cells;
}

static torc_status eval_cells(torc_ctx *ctx, torc_evaluator *e, const torc_node *node,
                              torc_tensor *out)
{
    torc_cells in[MAX_FIXED_OPERANDS];
    for (uint32_t i = 0; i < node->input_count; i++) {
        in[i] = operand_cells(e, node, i);
    }
    const torc_cells result = {.dtype = out->dtype, .data = out->data};
    return torc_op_cells(ctx, node, result, in, torc_tensor_count(out), NULL);
}

static uint64_t largest(const torc_tensor *t)
{
    uint64_t max = 0;
    const size_t count = torc_tensor_count(t);
    for (size_t i = 0; i < count; i++) {
        const uint64_t size = t->i64[i] < 0 ? 0 - (uint64_t)t->i64[i] : (uint64_t)t->i64[i];
        max = size > max ? size : max;
    }
    return max;
}

static uint64_t operand_magnitude(const torc_evaluator *e, uint32_t node)
{
    return e->is_fixed[node] ? e->magnitude[node] : largest(&e->values[node]);
}

/* Every partial sum is bounded by terms * |a| * |b| (a bias counts as a term of |a| * |b| or more).
 */
static bool sums_fit(const torc_evaluator *e, const torc_node *node, const torc_tensor *const *in)
{
    if (node->type.dtype == TORC_F64) {
        return true;
    }
    double bound = (double)operand_magnitude(e, node->inputs[0]);
    for (uint32_t i = 1; i < node->input_count; i++) {
        const double size = (double)operand_magnitude(e, node->inputs[i]);
        bound = i == 2 ? fmax(bound, size) : bound * size;
    }
    return bound * (double)torc_op_term_count(node, in) < 0x1p62;
}

static torc_status eval_linear(torc_ctx *ctx, torc_evaluator *e, const torc_node *node,
                               torc_tensor *out)
{
    torc_tensor converted[MAX_FIXED_OPERANDS];
    const torc_tensor *in[MAX_FIXED_OPERANDS];
    for (uint32_t i = 0; i < node->input_count; i++) {
        const torc_tensor *value = &e->values[node->inputs[i]];
        in[i] = value;
        if (value->dtype != out->dtype) {
            const size_t count = torc_tensor_count(value);
            memcpy(e->scratch[i], value->data, count * sizeof(uint64_t));
            convert(out->dtype, e->scratch[i], value->dtype, count);
            converted[i] = *value;
            converted[i].dtype = out->dtype;
            converted[i].data = e->scratch[i];
            in[i] = &converted[i];
        }
    }
    return torc_op_linear(ctx, node, out, in, sums_fit(e, node, in));
}

/* Parts are joined along the axis: one run of each part, then the next outer place. */
static void eval_concat(const torc_evaluator *e, const torc_node *node, torc_tensor *out)
{
    const size_t inner =
        torc_shape_count(out->rank - (uint32_t)node->axis - 1, out->shape + node->axis + 1);
    const size_t outer = torc_shape_count((uint32_t)node->axis, out->shape);
    const size_t row = out->shape[node->axis] * inner;
    size_t before = 0;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const torc_tensor *part = &e->values[node->inputs[i]];
        const size_t run = part->shape[node->axis] * inner;
        for (size_t o = 0; o < outer; o++) {
            uint64_t *to = (uint64_t *)out->data + o * row + before;
            memcpy(to, (const uint64_t *)part->data + o * run, run * sizeof *to);
            convert(out->dtype, to, part->dtype, run);
        }
        before += run;
    }
}

/* Outside the window the nearest entry is read. */
static void eval_lookup(const torc_node *node, torc_tensor *out, const torc_tensor *in)
{
    const torc_lookup_attr *l = &node->lookup;
    const int64_t last = (int64_t)((UINT64_C(1) << l->window_bits) - 1);
    const uint32_t shift = l->window_bits - l->index_bits;
    const size_t count = torc_tensor_count(out);
    for (size_t i = 0; i < count; i++) {
        int64_t place = 0;
        if (__builtin_sub_overflow(in->i64[i], l->window_min, &place)) {
            place = in->i64[i] < 0 ? 0 : last;
        }
        place = place < 0 ? 0 : place > last ? last : place;
        const size_t table = l->table_of ? l->table_of[i] : 0;
        out->i64[i] = l->entry[(table << l->index_bits) + (size_t)(place >> shift)];
    }
}

static torc_status eval_subgraph(torc_ctx *ctx, const torc_node *node, torc_tensor *out,
                                 const torc_tensor *in)
{
    torc_tensor *values = NULL;
    TORC_TRY(torc_graph_eval(ctx, &values, node->body, in));
    const torc_tensor *result = &values[node->body->outputs[0].node];
    memcpy(out->data, result->data, torc_tensor_count(out) * sizeof(uint64_t));
    for (uint32_t i = 0; i < node->body->node_count; i++) {
        torc_tensor_free(&values[i]);
    }
    free(values);
    return TORC_OK;
}

static torc_status eval_node(torc_ctx *ctx, torc_evaluator *e, uint32_t id)
{
    const torc_node *node = &e->g->nodes[id];
    torc_tensor *out = &e->values[id];
    const torc_tensor *first = node->input_count ? &e->values[node->inputs[0]] : out;
    switch (node->op) {
    case TORC_OP_INPUT: return TORC_OK;
    case TORC_OP_CONSTANT:
        memcpy(out->data, node->constant.data, torc_tensor_count(out) * sizeof(uint64_t));
        return TORC_OK;
    case TORC_OP_DOT:
    case TORC_OP_MATMUL:
    case TORC_OP_SUM:
    case TORC_OP_CONV2D: return eval_linear(ctx, e, node, out);
    case TORC_OP_RESHAPE:
    case TORC_OP_TRANSPOSE:
    case TORC_OP_INDEX: {
        const torc_view view = torc_view_move(node, &e->g->nodes[node->inputs[0]].type);
        torc_view_gather(out->data, first->data, &view);
        return TORC_OK;
    }
    case TORC_OP_CONCAT: eval_concat(e, node, out); return TORC_OK;
    case TORC_OP_LOOKUP: eval_lookup(node, out, first); return TORC_OK;
    case TORC_OP_SUBGRAPH: return eval_subgraph(ctx, node, out, first);
    default: return eval_cells(ctx, e, node, out);
    }
}

static torc_status eval_named(torc_ctx *ctx, torc_evaluator *e, uint32_t id)
{
    torc_status s = eval_node(ctx, e, id);
    if (s != TORC_OK) {
        char place[TORC_PLACE_BYTES];
        return torc_fail_prefix(ctx, s, "%s", torc_graph_place(place, e->g, id));
    }
    return TORC_OK;
}

/* --- a graph ---------------------------------------------------------------------------------- */

static torc_status allocate(torc_ctx *ctx, torc_evaluator *e)
{
    const uint32_t count = e->g->node_count;
    size_t max_cells = 1;
    TORC_TRY(TORC_ALLOC(ctx, e->values, count));
    TORC_TRY(TORC_ALLOC(ctx, e->is_fixed, count));
    TORC_TRY(TORC_ALLOC(ctx, e->magnitude, count));
    TORC_TRY(TORC_ALLOC(ctx, e->inputs, count));
    e->input_count = torc_graph_input_nodes(e->g, e->inputs, count);
    for (uint32_t i = 0; i < count; i++) {
        const torc_type *type = &e->g->nodes[i].type;
        TORC_TRY(torc_tensor_create(ctx, &e->values[i], type->dtype, type->rank, type->shape));
        const size_t cells = torc_tensor_count(&e->values[i]);
        max_cells = cells > max_cells ? cells : max_cells;
    }
    for (int i = 0; i < MAX_FIXED_OPERANDS; i++) {
        TORC_TRY(TORC_ALLOC(ctx, e->scratch[i], max_cells));
    }
    return TORC_OK;
}

static torc_status eval_fixed(torc_ctx *ctx, torc_evaluator *e)
{
    for (uint32_t i = 0; i < e->g->node_count; i++) {
        const torc_node *node = &e->g->nodes[i];
        e->is_fixed[i] = node->op != TORC_OP_INPUT;
        for (uint32_t j = 0; j < node->input_count; j++) {
            e->is_fixed[i] &= e->is_fixed[node->inputs[j]];
        }
        if (e->is_fixed[i]) {
            TORC_TRY(eval_named(ctx, e, i));
            e->magnitude[i] = node->type.dtype == TORC_I64 ? largest(&e->values[i]) : 0;
        }
    }
    return TORC_OK;
}

torc_status torc_evaluator_create(torc_ctx *ctx, torc_evaluator **out, const torc_graph *g)
{
    *out = NULL;
    TORC_TRY(torc_graph_status(ctx, g));
    torc_evaluator *e = NULL;
    TORC_TRY(TORC_ALLOC(ctx, e, 1));
    e->g = g;
    torc_status s = allocate(ctx, e);
    if (s == TORC_OK) {
        s = eval_fixed(ctx, e);
    }
    if (s != TORC_OK) {
        torc_evaluator_free(e);
        return s;
    }
    *out = e;
    return TORC_OK;
}

void torc_evaluator_free(torc_evaluator *e)
{
    if (!e) {
        return;
    }
    for (uint32_t i = 0; e->values && i < e->g->node_count; i++) {
        torc_tensor_free(&e->values[i]);
    }
    for (int i = 0; i < MAX_FIXED_OPERANDS; i++) {
        free(e->scratch[i]);
    }
    free(e->values);
    free(e->is_fixed);
    free(e->magnitude);
    free(e->inputs);
    free(e);
}

const torc_tensor *torc_evaluator_values(const torc_evaluator *e)
{
    return e->values;
}

bool torc_evaluator_is_fixed(const torc_evaluator *e, uint32_t node)
{
    return e->is_fixed[node];
}

static torc_status take_integers(torc_ctx *ctx, int64_t *out, const torc_tensor *in)
{
    const size_t count = torc_tensor_count(in);
    for (size_t i = 0; i < count; i++) {
        const double x = in->f64[i];
        if (!(x >= -0x1p63 && x < 0x1p63) || x != floor(x)) {
            return torc_fail(ctx, TORC_E_INPUT, "element %zu is %g, an integer is expected", i, x);
        }
        out[i] = (int64_t)x;
    }
    return TORC_OK;
}

static torc_status take_input(torc_ctx *ctx, torc_evaluator *e, uint32_t id, const torc_tensor *in)
{
    torc_tensor *out = &e->values[id];
    if (in->rank != out->rank || memcmp(in->shape, out->shape, in->rank * sizeof *in->shape) != 0) {
        return torc_fail(ctx, TORC_E_INPUT, "shape %s found, %s expected", TORC_SHAPE_TEXT(in),
                         TORC_SHAPE_TEXT(out));
    }
    if (in->dtype == TORC_F64 && out->dtype == TORC_I64) {
        return take_integers(ctx, out->i64, in);
    }
    const size_t count = torc_tensor_count(out);
    memcpy(out->data, in->data, count * sizeof(uint64_t));
    convert(out->dtype, out->data, in->dtype, count);
    return TORC_OK;
}

torc_status torc_evaluator_run(torc_ctx *ctx, torc_evaluator *e, const torc_tensor *inputs)
{
    for (uint32_t i = 0; i < e->input_count; i++) {
        torc_status s = take_input(ctx, e, e->inputs[i], &inputs[i]);
        if (s != TORC_OK) {
            return torc_fail_prefix(ctx, s, "input '%s'",
                                    TORC_PRINTABLE(e->g->nodes[e->inputs[i]].name));
        }
    }
    for (uint32_t i = 0; i < e->g->node_count; i++) {
        if (!e->is_fixed[i]) {
            TORC_TRY(eval_named(ctx, e, i));
        }
    }
    return TORC_OK;
}

torc_status torc_graph_eval(torc_ctx *ctx, torc_tensor **values, const torc_graph *g,
                            const torc_tensor *inputs)
{
    *values = NULL;
    torc_evaluator *e = NULL;
    TORC_TRY(torc_evaluator_create(ctx, &e, g));
    torc_status s = torc_evaluator_run(ctx, e, inputs);
    if (s == TORC_OK) {
        *values = e->values;
        e->values = NULL;
    }
    torc_evaluator_free(e);
    return s;
}
