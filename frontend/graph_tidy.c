/* Renumbering in printing order: first in first out from the sources, which start in breadth-first
 * order from the outputs. Tidying twice changes nothing. */
#include "frontend/graph_node.h"
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

typedef struct tidy {
    const torc_graph *g;
    bool *is_live;
    uint32_t *order;   /* [node_count] breadth-first queue, then the new order */
    uint32_t *sources; /* [node_count] */
    uint32_t source_count;
    uint32_t *waiting;    /* operands not yet numbered */
    uint32_t *user_start; /* [node_count + 1] users of node i: users[user_start[i]..) */
    uint32_t *users;
    uint32_t *new_id;
} tidy;

static void visit(tidy *t, uint32_t *count, uint32_t node)
{
    if (!t->is_live[node]) {
        t->is_live[node] = true;
        t->order[(*count)++] = node;
        if (t->g->nodes[node].input_count == 0) {
            t->sources[t->source_count++] = node;
        }
    }
}

/* Marks what the outputs need; unused inputs come last, in the user's order. */
static torc_status find_live(torc_ctx *ctx, tidy *t)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < t->g->output_count; i++) {
        visit(t, &count, t->g->outputs[i].node);
    }
    for (uint32_t head = 0; head < count; head++) {
        const torc_node *node = &t->g->nodes[t->order[head]];
        for (uint32_t i = 0; i < node->input_count; i++) {
            visit(t, &count, node->inputs[i]);
        }
    }
    uint32_t *inputs = NULL;
    TORC_TRY(TORC_ALLOC(ctx, inputs, t->g->node_count));
    const uint32_t input_count = torc_graph_input_nodes(t->g, inputs, t->g->node_count);
    for (uint32_t i = 0; i < input_count; i++) {
        visit(t, &count, inputs[i]);
    }
    free(inputs);
    return TORC_OK;
}

static void find_users(tidy *t)
{
    const uint32_t count = t->g->node_count;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; t->is_live[i] && j < t->g->nodes[i].input_count; j++) {
            t->user_start[t->g->nodes[i].inputs[j] + 1]++;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        t->user_start[i + 1] += t->user_start[i];
    }
    memset(t->waiting, 0, count * sizeof *t->waiting); /* first: users entered so far */
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; t->is_live[i] && j < t->g->nodes[i].input_count; j++) {
            const uint32_t operand = t->g->nodes[i].inputs[j];
            t->users[t->user_start[operand] + t->waiting[operand]++] = i;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        t->waiting[i] = t->g->nodes[i].input_count;
    }
}

/* order[0..returned) = live nodes, operands before users. */
static uint32_t number(tidy *t)
{
    uint32_t count = t->source_count;
    memcpy(t->order, t->sources, count * sizeof *t->order);
    for (uint32_t head = 0; head < count; head++) {
        const uint32_t node = t->order[head];
        t->new_id[node] = head;
        for (uint32_t i = t->user_start[node]; i < t->user_start[node + 1]; i++) {
            if (--t->waiting[t->users[i]] == 0) {
                t->order[count++] = t->users[i];
            }
        }
    }
    return count;
}

static torc_status rebuild(torc_ctx *ctx, torc_graph *out, const tidy *t, uint32_t count)
{
    TORC_TRY(TORC_ALLOC(ctx, out->nodes, count));
    out->node_capacity = count;
    for (uint32_t i = 0; i < count; i++) {
        torc_node *node = &out->nodes[i];
        TORC_TRY(torc_node_copy(ctx, node, &t->g->nodes[t->order[i]]));
        out->node_count++;
        for (uint32_t j = 0; j < node->input_count; j++) {
            node->inputs[j] = t->new_id[node->inputs[j]];
        }
    }
    return torc_graph_copy_frame(ctx, out, t->g, t->new_id);
}

static torc_status allocate(torc_ctx *ctx, tidy *t)
{
    const uint32_t count = t->g->node_count;
    size_t operand_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        operand_count += t->g->nodes[i].input_count;
    }
    TORC_TRY(TORC_ALLOC(ctx, t->is_live, count));
    TORC_TRY(TORC_ALLOC(ctx, t->order, count));
    TORC_TRY(TORC_ALLOC(ctx, t->sources, count));
    TORC_TRY(TORC_ALLOC(ctx, t->waiting, count));
    TORC_TRY(TORC_ALLOC(ctx, t->user_start, (size_t)count + 1));
    TORC_TRY(TORC_ALLOC(ctx, t->users, operand_count));
    return TORC_ALLOC(ctx, t->new_id, count);
}

static torc_status renumber(torc_ctx *ctx, torc_graph *out, tidy *t)
{
    TORC_TRY(allocate(ctx, t));
    TORC_TRY(find_live(ctx, t));
    find_users(t);
    return rebuild(ctx, out, t, number(t));
}

torc_status torc_graph_tidy(torc_ctx *ctx, torc_graph **out, const torc_graph *g)
{
    *out = NULL;
    TORC_TRY(torc_graph_status(ctx, g));
    torc_graph *tidied = NULL;
    TORC_TRY(torc_graph_create(ctx, &tidied));
    tidy t = {.g = g};
    torc_status s = renumber(ctx, tidied, &t);
    free(t.is_live);
    free(t.order);
    free(t.sources);
    free(t.waiting);
    free(t.user_start);
    free(t.users);
    free(t.new_id);
    if (s != TORC_OK) {
        torc_graph_free(tidied);
        return s;
    }
    *out = tidied;
    return TORC_OK;
}
