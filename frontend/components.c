/* Encoding widths. Values joined by linear operations form a component and share one encoding, the
 * widest of: its encrypted sources, the windows of its lookups, its outputs. Linear values in
 * between do not count: arithmetic is exact modulo 2^64, only what is read must fit. */
#include "frontend/lower.h"
#include "runtime/status.h"

static uint32_t find(uint32_t *parent, uint32_t node)
{
    while (parent[node] != node) {
        parent[node] = parent[parent[node]];
        node = parent[node];
    }
    return node;
}

static void unite(uint32_t *parent, uint32_t a, uint32_t b)
{
    parent[find(parent, a)] = find(parent, b);
}

uint32_t torc_lower_encoding(torc_lowering *low, uint32_t node)
{
    return low->encoding[find(low->parent, node)];
}

static void widen(torc_lowering *low, uint32_t node, uint32_t bits)
{
    uint32_t *encoding = &low->encoding[find(low->parent, node)];
    *encoding = bits > *encoding ? bits : *encoding;
}

static void unite_linear_nodes(torc_lowering *low)
{
    for (uint32_t id = 0; id < low->g->node_count; id++) {
        low->parent[id] = id;
    }
    for (uint32_t id = 0; id < low->g->node_count; id++) {
        const torc_node *node = &low->g->nodes[id];
        for (uint32_t i = 0; node->op != TORC_OP_LOOKUP && i < node->input_count; i++) {
            if (low->g->nodes[node->inputs[i]].type.encrypted) {
                unite(low->parent, id, node->inputs[i]);
            }
        }
    }
}

torc_status torc_lower_components(torc_lowering *low)
{
    unite_linear_nodes(low);
    for (uint32_t id = 0; id < low->g->node_count; id++) {
        const torc_node *node = &low->g->nodes[id];
        if (node->op == TORC_OP_INPUT || node->op == TORC_OP_LOOKUP) {
            widen(low, id, node->type.bits);
        }
        if (node->op == TORC_OP_LOOKUP) {
            widen(low, node->inputs[0], node->lookup.window_bits);
        }
    }
    for (uint32_t o = 0; o < low->g->output_count; o++) {
        const uint32_t id = low->g->outputs[o].node;
        widen(low, id, low->g->nodes[id].type.bits);
    }
    for (uint32_t id = 0; id < low->g->node_count; id++) {
        if (torc_lower_encoding(low, id) > 62) {
            char place[TORC_PLACE_BYTES];
            return torc_fail(low->ctx, TORC_E_WIDTH,
                             "%s: values joined here need %u bits, at most 62 fit; round earlier",
                             torc_graph_place(place, low->g, id), torc_lower_encoding(low, id));
        }
    }
    return TORC_OK;
}
