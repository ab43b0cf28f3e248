/* Replaces everything that ciphertext arithmetic cannot do by lookups: floats between an integer
 * and an integer, functions, comparisons, user tables. What cannot become a table is refused with
 * the graph highlighted; plain float leftovers are left for the check stage. */
#include "frontend/fuse.h"

#include "frontend/compile.h"
#include "frontend/graph_node.h"
#include "frontend/lookup_table.h"
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

typedef struct fuser {
    const torc_graph *g; /* measured */
    torc_evaluator *e;
    torc_group_finder finder;
    torc_group *groups; /* [node]; of terminals that are needed */
    bool *is_needed;    /* [node] */
    uint32_t *new_id;   /* [node] in out */
    uint32_t *body_id;  /* [node] in the body being built */
    torc_graph *out;
    torc_problems problems;
} fuser;

/* --- bodies ----------------------------------------------------------------------------------- */

/* A constant with the value of a fixed node. */
static torc_value add_fixed(torc_graph *out, const fuser *f, uint32_t id)
{
    const torc_node *node = &f->g->nodes[id];
    torc_node constant = {.tag = node->tag,
                          .where = node->where,
                          .constant = torc_evaluator_values(f->e)[id],
                          .measured = true,
                          .min = node->min,
                          .max = node->max};
    return torc_graph_add(out, TORC_OP_CONSTANT, NULL, 0, &constant);
}

static void add_body_input(torc_graph *body, fuser *f, uint32_t source)
{
    const torc_node *node = &f->g->nodes[source];
    double min = 0;
    double max = 0;
    (void)torc_node_range(node, &min, &max);
    torc_node input = {.name = node->op == TORC_OP_INPUT ? node->name : (char[]){"input"},
                       .tag = (char[]){""},
                       .where = (char[]){""},
                       .type = node->type};
    input.type.bits = torc_range_bits(min, max, &input.type.is_signed);
    f->body_id[source] = torc_graph_add(body, TORC_OP_INPUT, NULL, 0, &input).id;
}

static void add_member(torc_graph *body, fuser *f, uint32_t id)
{
    const torc_node *node = &f->g->nodes[id];
    torc_value operands[3];
    for (uint32_t i = 0; i < node->input_count; i++) {
        const uint32_t operand = node->inputs[i];
        if (f->body_id[operand] == UINT32_MAX) { /* only constants are not there yet */
            f->body_id[operand] = add_fixed(body, f, operand).id;
        }
        operands[i].id = f->body_id[operand];
    }
    f->body_id[id] = torc_graph_add(body, node->op, operands, node->input_count, node).id;
}

/* The group as a graph of its own. */
static torc_status build_body(torc_ctx *ctx, fuser *f, torc_graph **out, const torc_group *group)
{
    torc_graph *body = NULL;
    *out = NULL;
    TORC_TRY(torc_graph_create(ctx, &body));
    for (uint32_t id = 0; id < f->g->node_count; id++) {
        f->body_id[id] = UINT32_MAX;
    }
    add_body_input(body, f, group->source);
    for (uint32_t id = group->source + 1; id <= group->terminal; id++) {
        if (group->is_member[id]) {
            add_member(body, f, id);
        }
    }
    torc_output(body, NULL, (torc_value){f->body_id[group->terminal]});
    torc_status s = torc_graph_status(ctx, body);
    if (s != TORC_OK) {
        torc_graph_free(body);
        return s;
    }
    *out = body;
    return TORC_OK;
}

/* --- which nodes are needed ------------------------------------------------------------------- */

static torc_status group_mixes(torc_ctx *ctx, fuser *f, bool *mixes, const torc_group *group)
{
    torc_graph *body = NULL;
    int64_t *source_of = NULL;
    uint32_t mixing = UINT32_MAX;
    TORC_TRY(build_body(ctx, f, &body, group));
    const torc_status s = torc_body_elements(ctx, &source_of, &mixing, body);
    *mixes = mixing != UINT32_MAX;
    free(source_of);
    torc_graph_free(body);
    return s;
}

/* Going up past sums of different elements would mix them: then the group stays below. */
static torc_status find_group(torc_ctx *ctx, fuser *f, torc_group *group, uint32_t id)
{
    bool mixes = false;
    TORC_TRY(torc_group_find(ctx, group, &f->finder, id, false));
    if (group->kind == TORC_GROUP_FOUND) {
        TORC_TRY(group_mixes(ctx, f, &mixes, group));
    }
    if (mixes) {
        torc_group_free(group);
        TORC_TRY(torc_group_find(ctx, group, &f->finder, id, true));
    }
    return TORC_OK;
}

static torc_status need_operands(torc_ctx *ctx, fuser *f, uint32_t id)
{
    const torc_node *node = &f->g->nodes[id];
    if (torc_evaluator_is_fixed(f->e, id)) {
        return TORC_OK;
    }
    if (torc_needs_table(f->g, id) && node->type.dtype == TORC_I64) {
        torc_group *group = &f->groups[id];
        TORC_TRY(find_group(ctx, f, group, id));
        TORC_TRY(torc_explain_group(ctx, &f->problems, group));
        if (group->kind == TORC_GROUP_FOUND) {
            f->is_needed[group->source] = true;
            return TORC_OK;
        }
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        f->is_needed[node->inputs[i]] = true;
    }
    return TORC_OK;
}

static torc_status find_groups(torc_ctx *ctx, fuser *f)
{
    for (uint32_t i = 0; i < f->g->output_count; i++) {
        f->is_needed[f->g->outputs[i].node] = true;
        f->finder.user_count[f->g->outputs[i].node]++;
    }
    for (uint32_t id = 0; id < f->g->node_count; id++) {
        f->is_needed[id] |= f->g->nodes[id].op == TORC_OP_INPUT;
        for (uint32_t i = 0; i < f->g->nodes[id].input_count; i++) {
            f->finder.user_count[f->g->nodes[id].inputs[i]]++;
        }
    }
    for (uint32_t id = f->g->node_count; id-- > 0;) {
        if (f->is_needed[id]) {
            TORC_TRY(need_operands(ctx, f, id));
        }
    }
    return TORC_OK;
}

/* --- rebuilding ------------------------------------------------------------------------------- */

/* Facts of `range`, place of `place`: what a new node takes over. */
static torc_node facts_of(const torc_node *range, const torc_node *place)
{
    return (torc_node){.tag = place->tag,
                       .where = place->where,
                       .measured = range->measured,
                       .min = range->min,
                       .max = range->max,
                       .declared = range->declared,
                       .declared_min = range->declared_min,
                       .declared_max = range->declared_max};
}

static bool is_in_place(const torc_graph *body, const int64_t *source_of, const torc_type *from)
{
    const torc_type *to = &body->nodes[body->outputs[0].node].type;
    if (from->rank != to->rank ||
        memcmp(from->shape, to->shape, to->rank * sizeof *to->shape) != 0) {
        return false;
    }
    const size_t count = torc_shape_count(to->rank, to->shape);
    for (size_t i = 0; i < count; i++) {
        if (source_of[i] != (int64_t)i) {
            return false;
        }
    }
    return true;
}

/* A value too wide for any table stays a subgraph; the check stage says why that cannot be. */
static void add_subgraph(fuser *f, const torc_group *group, torc_graph *body)
{
    torc_node node = facts_of(&f->g->nodes[group->terminal], &f->g->nodes[group->terminal]);
    node.body = body;
    const torc_value source = {f->new_id[group->source]};
    f->new_id[group->terminal] = torc_graph_add(f->out, TORC_OP_SUBGRAPH, &source, 1, &node).id;
}

static torc_status add_lookup(torc_ctx *ctx, fuser *f, const torc_group *group,
                              const torc_graph *body, bool in_place)
{
    const torc_node *source = &f->g->nodes[group->source];
    const torc_node *terminal = &f->g->nodes[group->terminal];
    torc_node node = facts_of(terminal, terminal);
    double min = 0;
    double max = 0;
    (void)torc_node_range(source, &min, &max);
    torc_status s = torc_body_tabulate(ctx, &node.lookup, body, min, max);
    if (s != TORC_OK) {
        char place[TORC_PLACE_BYTES];
        return torc_fail_prefix(ctx, s, "%s", torc_graph_place(place, f->g, group->terminal));
    }
    torc_value input = {f->new_id[group->source]};
    if (!in_place) {
        const torc_node facts = facts_of(source, terminal);
        input = torc_fuse_replay(f->out, body, body->outputs[0].node, input, &facts);
    }
    f->new_id[group->terminal] = torc_graph_add(f->out, TORC_OP_LOOKUP, &input, 1, &node).id;
    free(node.lookup.entry);
    free(node.lookup.table_of);
    return TORC_OK;
}

/* The node of the graph that became node `id` of the body. */
static uint32_t original_of(const fuser *f, uint32_t id)
{
    uint32_t original = 0;
    while (f->body_id[original] != id) {
        original++;
    }
    return original;
}

static torc_status fuse_body(torc_ctx *ctx, fuser *f, const torc_group *group, torc_graph *body)
{
    int64_t *source_of = NULL;
    uint32_t mixing = UINT32_MAX;
    TORC_TRY(torc_body_elements(ctx, &source_of, &mixing, body));
    if (mixing != UINT32_MAX) {
        f->new_id[group->terminal] = f->new_id[group->source]; /* the graph is not used any more */
        return torc_explain_mixing(ctx, &f->problems, group, original_of(f, mixing));
    }
    const torc_node *source = &f->g->nodes[group->source];
    const bool in_place = is_in_place(body, source_of, &source->type);
    free(source_of);
    double min = 0;
    double max = 0;
    bool is_signed = false;
    (void)torc_node_range(source, &min, &max);
    if (torc_range_bits(min, max, &is_signed) > TORC_MAX_TABLE_BITS) {
        add_subgraph(f, group, body);
        return TORC_OK;
    }
    return f->problems.count ? TORC_OK : add_lookup(ctx, f, group, body, in_place);
}

static torc_status fuse_group(torc_ctx *ctx, fuser *f, const torc_group *group)
{
    torc_graph *body = NULL;
    TORC_TRY(build_body(ctx, f, &body, group));
    torc_status s = fuse_body(ctx, f, group, body);
    torc_graph_free(body);
    return s;
}

static void copy_node(fuser *f, uint32_t id)
{
    const torc_node *node = &f->g->nodes[id];
    if (torc_evaluator_is_fixed(f->e, id)) {
        f->new_id[id] = add_fixed(f->out, f, id).id;
        return;
    }
    torc_value *operands = calloc((size_t)node->input_count + 1, sizeof *operands);
    if (!operands) {
        torc_graph_mistake(f->out, TORC_E_MEMORY, "fuse: out of memory");
        return;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        operands[i].id = f->new_id[node->inputs[i]];
    }
    f->new_id[id] = torc_graph_add(f->out, node->op, operands, node->input_count, node).id;
    free(operands);
}

static torc_status rebuild(torc_ctx *ctx, fuser *f)
{
    for (uint32_t id = 0; id < f->g->node_count; id++) {
        const torc_group *group = &f->groups[id];
        if (!f->is_needed[id]) {
            continue;
        }
        if (group->is_member && group->kind == TORC_GROUP_FOUND) {
            TORC_TRY(fuse_group(ctx, f, group));
        } else {
            copy_node(f, id);
        }
    }
    return TORC_OK;
}

/* --- the stage -------------------------------------------------------------------------------- */

static torc_status begin(torc_ctx *ctx, fuser *f)
{
    const uint32_t count = f->g->node_count;
    TORC_TRY(torc_evaluator_create(ctx, &f->e, f->g));
    f->finder = (torc_group_finder){.g = f->g, .e = f->e};
    TORC_TRY(TORC_ALLOC(ctx, f->finder.user_count, count));
    TORC_TRY(TORC_ALLOC(ctx, f->groups, count));
    TORC_TRY(TORC_ALLOC(ctx, f->is_needed, count));
    TORC_TRY(TORC_ALLOC(ctx, f->new_id, count));
    TORC_TRY(TORC_ALLOC(ctx, f->body_id, count));
    TORC_TRY(torc_graph_create(ctx, &f->out));
    return torc_memstream_open(ctx, &f->problems.stream);
}

static void end(fuser *f)
{
    for (uint32_t id = 0; f->groups && id < f->g->node_count; id++) {
        torc_group_free(&f->groups[id]);
    }
    free(f->groups);
    free(f->finder.user_count);
    free(f->is_needed);
    free(f->new_id);
    free(f->body_id);
    torc_graph_free(f->out);
    torc_evaluator_free(f->e);
}

static torc_status run(torc_ctx *ctx, fuser *f, torc_graph **out)
{
    TORC_TRY(find_groups(ctx, f));
    TORC_TRY(rebuild(ctx, f));
    if (f->problems.count > 0) {
        return TORC_OK;
    }
    TORC_TRY(torc_graph_status(ctx, f->out));
    TORC_TRY(torc_graph_copy_frame(ctx, f->out, f->g, f->new_id));
    return torc_graph_tidy(ctx, out, f->out);
}

torc_status torc_graph_fuse(torc_ctx *ctx, torc_graph **out, const torc_graph *g)
{
    fuser f = {.g = g, .problems.g = g};
    char *problems = NULL;
    *out = NULL;
    torc_status s = begin(ctx, &f);
    if (s == TORC_OK) {
        s = run(ctx, &f, out);
        torc_status closed = torc_memstream_close(ctx, &f.problems.stream, &problems);
        s = s == TORC_OK ? closed : s;
    }
    if (s == TORC_OK && f.problems.count > 0) {
        s = torc_fail(ctx, TORC_E_UNSUPPORTED, "%s", problems);
    }
    free(problems);
    end(&f);
    return s;
}

torc_status torc_stage_fuse(torc_ctx *ctx, torc_compilation *c)
{
    torc_graph *fused = NULL;
    TORC_TRY(torc_graph_fuse(ctx, &fused, c->graph));
    torc_graph_free(c->graph);
    c->graph = fused;
    return TORC_OK;
}
