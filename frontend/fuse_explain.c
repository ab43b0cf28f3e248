/* Why something cannot be fused: first line, then the graph with notes, as many as there are
 * problems. */
#include "frontend/fuse.h"
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

/* Every problem: its first line, the highlighted graph, a blank line between two of them. */
static torc_status add_problem(torc_ctx *ctx, torc_problems *p, const char *why,
                               const torc_note *notes, uint32_t count)
{
    char *text = NULL;
    TORC_TRY(torc_graph_highlight(ctx, &text, p->g, notes, count));
    fprintf(p->stream.file,
            "%sA subgraph within the function you are trying to compile cannot be fused because "
            "%s\n\n%s",
            p->count ? "\n\n" : "", why, text);
    p->count++;
    free(text);
    return TORC_OK;
}

static torc_note note(uint32_t node, const char *text)
{
    torc_note made = {.node = node};
    snprintf(made.text, sizeof made.text, "%s", text);
    return made;
}

static torc_status add_multiple_inputs(torc_ctx *ctx, torc_problems *p, const torc_group *group)
{
    torc_note *notes = NULL;
    uint32_t count = 0;
    TORC_TRY(TORC_ALLOC(ctx, notes, (size_t)group->start_count + 1));
    notes[count++] = note(group->terminal, "within this subgraph");
    for (uint32_t id = 0; id < p->g->node_count; id++) {
        if (group->is_start[id]) {
            notes[count++] = note(id, p->g->nodes[id].type.encrypted
                                          ? "this is one of the input nodes"
                                          : "this is one of the input nodes (clear, but only known "
                                            "at run time)");
        }
    }
    torc_status s = add_problem(ctx, p, "it has multiple input nodes", notes, count);
    free(notes);
    return s;
}

static torc_status add_blocked(torc_ctx *ctx, torc_problems *p, const torc_group *group)
{
    const torc_note notes[] = {note(group->blocker, "this node is not fusable"),
                               note(group->source, "with this input node")};
    return add_problem(ctx, p, "of a node, which is not fusable", notes, 2);
}

torc_status torc_explain_mixing(torc_ctx *ctx, torc_problems *p, const torc_group *group,
                                uint32_t node)
{
    const torc_type *a = &p->g->nodes[node].type;
    const torc_type *b = &p->g->nodes[group->source].type;
    const bool has_same_shape =
        a->rank == b->rank && memcmp(a->shape, b->shape, a->rank * sizeof *a->shape) == 0;
    const torc_note notes[] = {
        note(node, has_same_shape ? "this node combines different elements of the input node"
                                  : "this node has a different shape than the input node"),
        note(group->source, "with this input node")};
    return add_problem(ctx, p,
                       has_same_shape
                           ? "of a node, which combines different elements of the input node"
                           : "of a node, which has a different shape than the input node",
                       notes, 2);
}

torc_status torc_explain_group(torc_ctx *ctx, torc_problems *p, const torc_group *group)
{
    if (group->kind == TORC_GROUP_MULTIPLE_INPUTS &&
        p->g->nodes[group->terminal].op != TORC_OP_MUL) {
        return add_multiple_inputs(ctx, p, group);
    }
    if (group->kind == TORC_GROUP_BLOCKED && group->source != UINT32_MAX) {
        return add_blocked(ctx, p, group);
    }
    return TORC_OK;
}
