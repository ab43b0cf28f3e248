/* The op-graph as a container: adding nodes, the first mistake, outputs, deep copies. Types are
 * inferred by op_shape.c; nothing here knows what an op computes. */
#include "frontend/graph.h"

#include "frontend/graph_node.h"
#include "frontend/op.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct op_row {
    const char *name;
    torc_op_class class;
} op_row;

static const op_row op_table[] = {
#define X(op, name, class) {name, TORC_CLASS_##class},
#include "frontend/op.def"
#undef X
};

const char *torc_op_name(torc_op op)
{
    return op_table[op].name;
}

torc_op_class torc_op_class_of(torc_op op)
{
    return op_table[op].class;
}

torc_status torc_graph_create(torc_ctx *ctx, torc_graph **out)
{
    return TORC_ALLOC(ctx, *out, 1);
}

static void free_post(torc_post *post)
{
    free(post->name);
    free(post->labels);
}

void torc_graph_free(torc_graph *graph)
{
    if (!graph) {
        return;
    }
    for (uint32_t i = 0; i < graph->node_count; i++) {
        torc_node_clear(&graph->nodes[i]);
    }
    for (uint32_t i = 0; i < graph->output_count; i++) {
        free(graph->outputs[i].name);
    }
    for (uint32_t i = 0; i < graph->post_count; i++) {
        free_post(&graph->posts[i]);
    }
    free(graph->nodes);
    free(graph->outputs);
    free(graph->posts);
    free(graph->message);
    free(graph->tag);
    free(graph);
}

torc_status torc_graph_status(torc_ctx *ctx, const torc_graph *graph)
{
    if (graph->status == TORC_OK) {
        return TORC_OK;
    }
    return torc_fail(ctx, graph->status, "%s", graph->message ? graph->message : "out of memory");
}

torc_value torc_graph_mistake(torc_graph *g, torc_status status, const char *format, ...)
{
    if (g->status == TORC_OK) {
        g->status = status;
        va_list args;
        va_start(args, format);
        if (vasprintf(&g->message, format, args) < 0) {
            g->message = NULL;
        }
        va_end(args);
    }
    return TORC_NO_VALUE;
}

torc_node *torc_graph_node(const torc_graph *g, torc_value value)
{
    return value.id < g->node_count ? &g->nodes[value.id] : NULL;
}

uint32_t torc_graph_input_nodes(const torc_graph *g, uint32_t *ids, uint32_t capacity)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->node_count; i++) {
        if (g->nodes[i].op != TORC_OP_INPUT) {
            continue;
        }
        uint32_t place = 0; /* inputs with a smaller ordinal */
        for (uint32_t j = 0; j < g->node_count; j++) {
            place += g->nodes[j].op == TORC_OP_INPUT && g->nodes[j].ordinal < g->nodes[i].ordinal;
        }
        if (place < capacity) {
            ids[place] = i;
        }
        count++;
    }
    return count;
}

const char *torc_graph_place(char out[TORC_PLACE_BYTES], const torc_graph *g, uint32_t node)
{
    const torc_node *n = &g->nodes[node];
    if (n->where && n->where[0]) {
        snprintf(out, TORC_PLACE_BYTES, "%s", TORC_PRINTABLE(n->where));
    } else {
        snprintf(out, TORC_PLACE_BYTES, "%%%u (%s)", node, torc_op_name(n->op));
    }
    return out;
}

/* --- adding ----------------------------------------------------------------------------------- */

/* Inputs keep their places: 1, 2, ... each once. */
static bool place_input(torc_graph *g, torc_node *node)
{
    uint32_t next = 1;
    for (uint32_t i = 0; i < g->node_count; i++) {
        const torc_node *other = &g->nodes[i];
        if (other->op != TORC_OP_INPUT) {
            continue;
        }
        next = other->ordinal >= next ? other->ordinal + 1 : next;
        if (other->ordinal == node->ordinal || strcmp(other->name, node->name) == 0) {
            torc_graph_mistake(g, TORC_E_ARGUMENT,
                               "%s: an earlier input is also called '%s'; give each its own name",
                               node->where, TORC_PRINTABLE(node->name));
            return false;
        }
    }
    node->ordinal = node->ordinal ? node->ordinal : next;
    return true;
}

static bool operands_are_known(torc_graph *g, const torc_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] >= g->node_count) {
            torc_graph_mistake(g, TORC_E_ARGUMENT, "%s: operand %u is not a value of this graph",
                               node->where, i + 1);
            return false;
        }
    }
    return true;
}

/* Gives the node what the caller left open: tag, where, operands. */
static torc_status complete(torc_graph *g, torc_node *node, torc_op op, const torc_value *inputs,
                            uint32_t input_count)
{
    node->op = op;
    free(node->inputs);
    TORC_TRY(TORC_ALLOC(NULL, node->inputs, input_count));
    node->input_count = input_count;
    for (uint32_t i = 0; i < input_count; i++) {
        node->inputs[i] = inputs[i].id;
    }
    if (!node->tag) {
        node->tag = strdup(g->tag ? g->tag : "");
    }
    if (!node->where) {
        const char *name = op == TORC_OP_UNARY || op == TORC_OP_CALLBACK ? node->name : NULL;
        if (asprintf(&node->where, "call %u: %s", ++g->call_count, name ? name : torc_op_name(op)) <
            0) {
            node->where = NULL;
        }
    }
    return node->tag && node->where ? TORC_OK : TORC_E_MEMORY;
}

static torc_status begin_node(torc_graph *g, torc_node *node, torc_op op, const torc_value *inputs,
                              uint32_t input_count, const torc_node *attributes)
{
    torc_node seed = attributes ? *attributes : (torc_node){0};
    seed.inputs = NULL;
    seed.input_count = 0;
    const torc_node *operand = input_count > 0 ? torc_graph_node(g, inputs[0]) : NULL;
    if (op == TORC_OP_LOOKUP && operand) {
        seed.type.rank = operand->type.rank; /* the length of table_of */
        memcpy(seed.type.shape, operand->type.shape, sizeof seed.type.shape);
    }
    TORC_TRY(torc_node_copy(NULL, node, &seed));
    return complete(g, node, op, inputs, input_count);
}

torc_value torc_graph_add(torc_graph *g, torc_op op, const torc_value *inputs, uint32_t input_count,
                          const torc_node *attributes)
{
    if (g->status != TORC_OK) {
        return TORC_NO_VALUE;
    }
    torc_node node = {0};
    void *nodes = g->nodes;
    torc_status s = begin_node(g, &node, op, inputs, input_count, attributes);
    if (s == TORC_OK) {
        s = torc_grow(NULL, &nodes, g->node_count, &g->node_capacity, sizeof *g->nodes);
        g->nodes = nodes;
    }
    if (s != TORC_OK) {
        torc_node_clear(&node);
        return torc_graph_mistake(g, TORC_E_MEMORY, "graph: out of memory after %u nodes",
                                  g->node_count);
    }
    if (!operands_are_known(g, &node) || !torc_op_infer(g, &node) ||
        (op == TORC_OP_INPUT && !place_input(g, &node))) {
        torc_node_clear(&node);
        return TORC_NO_VALUE;
    }
    g->nodes[g->node_count] = node;
    return (torc_value){g->node_count++};
}

void torc_output(torc_graph *g, const char *name, torc_value value)
{
    if (g->status != TORC_OK) {
        return;
    }
    char own_name[32];
    snprintf(own_name, sizeof own_name, g->output_count ? "output_%u" : "output", g->output_count);
    name = name && name[0] ? name : own_name;
    if (!torc_graph_node(g, value)) {
        torc_graph_mistake(g, TORC_E_ARGUMENT, "output '%s' is not a value of this graph",
                           TORC_PRINTABLE(name));
        return;
    }
    for (uint32_t i = 0; i < g->output_count; i++) {
        if (strcmp(g->outputs[i].name, name) == 0) {
            torc_graph_mistake(g, TORC_E_ARGUMENT,
                               "an earlier output is also called '%s'; give each its own name",
                               TORC_PRINTABLE(name));
            return;
        }
    }
    torc_graph_output *grown = reallocarray(g->outputs, g->output_count + 1, sizeof *g->outputs);
    char *copy = strdup(name);
    g->outputs = grown ? grown : g->outputs;
    if (!grown || !copy) {
        free(copy);
        torc_graph_mistake(g, TORC_E_MEMORY, "graph: out of memory");
        return;
    }
    g->outputs[g->output_count++] = (torc_graph_output){copy, value.id};
}

void torc_graph_post(torc_graph *g, const torc_post *post)
{
    if (g->status != TORC_OK) {
        return;
    }
    torc_post *grown = reallocarray(g->posts, g->post_count + 1, sizeof *g->posts);
    torc_post copy = *post;
    copy.name = post->name ? strdup(post->name) : NULL;
    copy.labels = post->labels ? calloc(post->label_count + 1, sizeof *post->labels) : NULL;
    g->posts = grown ? grown : g->posts;
    if (!grown || (post->name && !copy.name) || (post->labels && !copy.labels)) {
        free_post(&copy);
        torc_graph_mistake(g, TORC_E_MEMORY, "graph: out of memory");
        return;
    }
    if (post->labels) {
        memcpy(copy.labels, post->labels, post->label_count * sizeof *post->labels);
    }
    g->posts[g->post_count++] = copy;
}

/* --- copying ---------------------------------------------------------------------------------- */

torc_status torc_graph_copy_frame(torc_ctx *ctx, torc_graph *out, const torc_graph *g,
                                  const uint32_t *new_id)
{
    for (uint32_t i = 0; i < g->output_count; i++) {
        const uint32_t old = g->outputs[i].node;
        torc_output(out, g->outputs[i].name, (torc_value){new_id ? new_id[old] : old});
    }
    for (uint32_t i = 0; i < g->post_count; i++) {
        torc_graph_post(out, &g->posts[i]);
    }
    out->call_count = g->call_count;
    return torc_graph_status(ctx, out);
}

static torc_status copy_nodes(torc_ctx *ctx, torc_graph *out, const torc_graph *g)
{
    TORC_TRY(TORC_ALLOC(ctx, out->nodes, g->node_count));
    out->node_capacity = g->node_count;
    for (uint32_t i = 0; i < g->node_count; i++) {
        TORC_TRY(torc_node_copy(ctx, &out->nodes[i], &g->nodes[i]));
        out->node_count++;
    }
    return torc_graph_copy_frame(ctx, out, g, NULL);
}

torc_status torc_graph_copy(torc_ctx *ctx, torc_graph **out, const torc_graph *g)
{
    *out = NULL;
    TORC_TRY(torc_graph_status(ctx, g));
    torc_graph *copy = NULL;
    TORC_TRY(torc_graph_create(ctx, &copy));
    torc_status s = copy_nodes(ctx, copy, g);
    if (s != TORC_OK) {
        torc_graph_free(copy);
        return s;
    }
    *out = copy;
    return TORC_OK;
}
