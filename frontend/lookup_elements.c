/* Which element of a body's input every element of its nodes depends on. */
#include "frontend/lookup_table.h"
#include "frontend/view.h"
#include "runtime/status.h"

#include <stdlib.h>

enum { INDEPENDENT = -1 }; /* of the input */

/* map[element] for one node from the maps of its operands; false when an element mixes several. */
static bool map_node(int64_t *map, int64_t *scratch, const torc_graph *body, const torc_node *node,
                     int64_t *const *maps)
{
    const size_t count = torc_shape_count(node->type.rank, node->type.shape);
    for (size_t i = 0; i < count; i++) {
        map[i] = node->op == TORC_OP_INPUT ? (int64_t)i : INDEPENDENT;
    }
    for (uint32_t j = 0; j < node->input_count; j++) {
        const torc_view view = torc_view_operand(body, node, j);
        torc_view_gather(scratch, maps[node->inputs[j]], &view);
        for (size_t i = 0; i < count; i++) {
            if (map[i] == INDEPENDENT) {
                map[i] = scratch[i];
            } else if (scratch[i] != INDEPENDENT && scratch[i] != map[i]) {
                return false;
            }
        }
    }
    return true;
}

static torc_status map_body(torc_ctx *ctx, int64_t **maps, uint32_t *mixing, const torc_graph *body)
{
    for (uint32_t i = 0; i < body->node_count; i++) {
        int64_t *scratch = NULL;
        const size_t count = torc_shape_count(body->nodes[i].type.rank, body->nodes[i].type.shape);
        TORC_TRY(TORC_ALLOC(ctx, maps[i], count));
        TORC_TRY(TORC_ALLOC(ctx, scratch, count));
        const bool is_single = map_node(maps[i], scratch, body, &body->nodes[i], maps);
        free(scratch);
        if (!is_single) {
            *mixing = i;
            break;
        }
    }
    return TORC_OK;
}

torc_status torc_body_elements(torc_ctx *ctx, int64_t **source_of, uint32_t *mixing,
                               const torc_graph *body)
{
    int64_t **maps = NULL;
    *source_of = NULL;
    *mixing = UINT32_MAX;
    TORC_TRY(TORC_ALLOC(ctx, maps, body->node_count));
    torc_status s = map_body(ctx, maps, mixing, body);
    for (uint32_t i = 0; i < body->node_count; i++) {
        if (s == TORC_OK && *mixing == UINT32_MAX && i == body->outputs[0].node) {
            *source_of = maps[i];
        } else {
            free(maps[i]);
        }
    }
    free(maps);
    return s;
}
