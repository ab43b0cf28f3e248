/* Finding what one table can compute: from an integer result back to the lowest single value on
 * which everything depends. Encrypted values outside are never looked at twice: the walk only goes
 * up. */
#include "frontend/fuse.h"
#include "frontend/lookup_table.h"
#include "frontend/op.h"
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

bool torc_needs_table(const torc_graph *g, uint32_t id)
{
    const torc_node *node = &g->nodes[id];
    if (!node->type.encrypted || node->op == TORC_OP_INPUT) {
        return node->type.encrypted && node->type.dtype == TORC_F64;
    }
    const bool is_square = node->op == TORC_OP_MUL && g->nodes[node->inputs[0]].type.encrypted &&
                           g->nodes[node->inputs[1]].type.encrypted;
    return node->type.dtype == TORC_F64 || torc_op_class_of(node->op) == TORC_CLASS_FUSE ||
           is_square;
}

static bool is_fusable(const torc_node *node)
{
    switch (node->op) {
    case TORC_OP_RESHAPE:
    case TORC_OP_TRANSPOSE:
    case TORC_OP_INDEX: return true;
    default: return torc_op_is_cellwise(node->op);
    }
}

static void add_start(torc_group *group, uint32_t id)
{
    if (!group->is_start[id]) {
        group->is_start[id] = true;
        group->start_count++;
    }
}

/* Takes a node and all floats above it into the group; integers above become starts. */
static void absorb(const torc_group_finder *f, torc_group *group, uint32_t id)
{
    const torc_node *node = &f->g->nodes[id];
    group->is_member[id] = true;
    if (group->kind == TORC_GROUP_FOUND && node->op == TORC_OP_INPUT) {
        group->kind = TORC_GROUP_FLOAT_INPUT;
    } else if (group->kind == TORC_GROUP_FOUND && !is_fusable(node)) {
        group->kind = TORC_GROUP_BLOCKED;
        group->blocker = id;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        const uint32_t operand = node->inputs[i];
        if (torc_evaluator_is_fixed(f->e, operand) || group->is_member[operand]) {
            continue;
        }
        if (f->g->nodes[operand].type.dtype == TORC_F64) {
            absorb(f, group, operand);
        } else {
            add_start(group, operand);
        }
    }
}

static uint32_t last_start(const torc_group_finder *f, const torc_group *group)
{
    for (uint32_t id = f->g->node_count; id-- > 0;) {
        if (group->is_start[id]) {
            return id;
        }
    }
    return UINT32_MAX;
}

/* An integer may be computed inside the table instead of before it. */
static bool is_expandable(const torc_group_finder *f, uint32_t id)
{
    return f->g->nodes[id].type.encrypted && is_fusable(&f->g->nodes[id]);
}

/* Element i of the node depends on elements i of its variable operands alone: going up through such
 * nodes can never mix elements. */
static bool is_aligned(const torc_group_finder *f, uint32_t id)
{
    const torc_node *node = &f->g->nodes[id];
    for (uint32_t i = 0; i < node->input_count; i++) {
        const torc_type *type = &f->g->nodes[node->inputs[i]].type;
        if (!torc_evaluator_is_fixed(f->e, node->inputs[i]) &&
            (type->rank != node->type.rank ||
             memcmp(type->shape, node->type.shape, type->rank * sizeof *type->shape) != 0)) {
            return false;
        }
    }
    return is_expandable(f, id) && torc_op_is_cellwise(node->op);
}

static void expand(const torc_group_finder *f, torc_group *group, uint32_t id)
{
    group->is_start[id] = false;
    group->start_count--;
    absorb(f, group, id);
}

typedef bool may_expand_fn(const torc_group_finder *f, uint32_t id);

/* The latest start cannot be the common ancestor of the others, so it must go inside. */
static void reduce(const torc_group_finder *f, torc_group *group, may_expand_fn *may_expand)
{
    while (group->kind == TORC_GROUP_FOUND && group->start_count > 1) {
        const uint32_t id = last_start(f, group);
        if (!may_expand(f, id)) {
            group->kind = TORC_GROUP_MULTIPLE_INPUTS;
            return;
        }
        expand(f, group, id);
    }
    group->source = last_start(f, group);
    if (group->kind == TORC_GROUP_FOUND && !f->g->nodes[group->source].type.encrypted) {
        group->kind = TORC_GROUP_MULTIPLE_INPUTS; /* clear at run time: no table can be built */
    }
}

/* --- taking in lookups ------------------------------------------------------------------------ */

static torc_status copy_group(torc_ctx *ctx, torc_group *out, const torc_group *in, uint32_t count)
{
    *out = *in;
    out->is_member = NULL;
    out->is_start = NULL;
    TORC_TRY(TORC_ALLOC(ctx, out->is_member, count));
    memcpy(out->is_member, in->is_member, count * sizeof *in->is_member);
    torc_status s = TORC_ALLOC(ctx, out->is_start, count);
    if (s != TORC_OK) {
        torc_group_free(out);
        return s;
    }
    memcpy(out->is_start, in->is_start, count * sizeof *in->is_start);
    return TORC_OK;
}

static uint32_t source_bits(const torc_group_finder *f, const torc_group *group)
{
    double min = 0;
    double max = 0;
    bool is_signed = false;
    (void)torc_node_range(&f->g->nodes[group->source], &min, &max);
    return torc_range_bits(min, max, &is_signed);
}

static uint32_t users_inside(const torc_group_finder *f, const torc_group *group, uint32_t id)
{
    uint32_t count = 0;
    for (uint32_t user = id + 1; user < f->g->node_count; user++) {
        const torc_node *node = &f->g->nodes[user];
        for (uint32_t i = 0; group->is_member[user] && i < node->input_count; i++) {
            count += node->inputs[i] == id;
        }
    }
    return count;
}

/* Reading further up pays when the value there is no wider (its noise is no larger either), or when
 * every lookup taken in has no other use and no fewer elements than the result. */
static bool is_worth(const torc_group_finder *f, const torc_group *larger, const torc_group *small)
{
    const torc_type *result = &f->g->nodes[larger->terminal].type;
    const size_t result_count = torc_shape_count(result->rank, result->shape);
    bool takes_in = false;
    bool saves = true;
    for (uint32_t id = 0; id < f->g->node_count; id++) {
        if (!larger->is_member[id] || small->is_member[id] || !torc_needs_table(f->g, id) ||
            f->g->nodes[id].type.dtype != TORC_I64) {
            continue;
        }
        const torc_type *type = &f->g->nodes[id].type;
        takes_in = true;
        saves = saves && users_inside(f, larger, id) == f->user_count[id] &&
                torc_shape_count(type->rank, type->shape) >= result_count;
    }
    const uint32_t bits = source_bits(f, larger);
    return bits <= source_bits(f, small) || (takes_in && saves && bits <= TORC_MAX_TABLE_BITS);
}

/* Goes up from the source as long as that is possible and keeps the last step that pays. */
static torc_status extend(torc_ctx *ctx, const torc_group_finder *f, torc_group *group,
                          may_expand_fn *may_expand)
{
    torc_group larger;
    TORC_TRY(copy_group(ctx, &larger, group, f->g->node_count));
    torc_status s = TORC_OK;
    while (s == TORC_OK && may_expand(f, larger.source)) {
        expand(f, &larger, larger.source);
        reduce(f, &larger, may_expand);
        if (larger.kind != TORC_GROUP_FOUND) {
            break;
        }
        if (is_worth(f, &larger, group)) {
            torc_group_free(group);
            s = copy_group(ctx, group, &larger, f->g->node_count);
        }
    }
    torc_group_free(&larger);
    return s;
}

torc_status torc_group_find(torc_ctx *ctx, torc_group *out, const torc_group_finder *f,
                            uint32_t terminal, bool aligned)
{
    torc_group group = {.kind = TORC_GROUP_FOUND, .terminal = terminal};
    *out = (torc_group){0};
    torc_status s = TORC_ALLOC(ctx, group.is_member, f->g->node_count);
    s = s == TORC_OK ? TORC_ALLOC(ctx, group.is_start, f->g->node_count) : s;
    if (s == TORC_OK) {
        absorb(f, &group, terminal);
        reduce(f, &group, is_expandable);
        s = group.kind == TORC_GROUP_FOUND
                ? extend(ctx, f, &group, aligned ? is_aligned : is_expandable)
                : TORC_OK;
    }
    if (s != TORC_OK) {
        torc_group_free(&group);
        return s;
    }
    *out = group;
    return TORC_OK;
}

void torc_group_free(torc_group *group)
{
    free(group->is_member);
    free(group->is_start);
    *group = (torc_group){0};
}
