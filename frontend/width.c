/* Own widths: from ranges to bits. */
#include "frontend/compile.h"
#include "frontend/graph.h"
#include "runtime/status.h"

#include <math.h>

bool torc_node_range(const torc_node *node, double *min, double *max)
{
    if (node->declared) {
        *min = (double)node->declared_min;
        *max = (double)node->declared_max;
        return true;
    }
    *min = node->min;
    *max = node->max;
    return node->measured;
}

uint32_t torc_range_bits(double min, double max, bool *is_signed)
{
    *is_signed = min < 0;
    uint32_t bits = 1;
    if (min < 0) {
        while (bits < 64 && (min < -ldexp(1, (int)bits - 1) || max >= ldexp(1, (int)bits - 1))) {
            bits++;
        }
    } else {
        while (bits < 64 && max >= ldexp(1, (int)bits)) {
            bits++;
        }
    }
    return bits;
}

torc_status torc_stage_width(torc_ctx *ctx, torc_compilation *c)
{
    c->maximum_integer_bit_width = 0;
    for (uint32_t i = 0; i < c->graph->node_count; i++) {
        torc_node *node = &c->graph->nodes[i];
        double min = 0;
        double max = 0;
        if (node->type.dtype != TORC_I64) {
            continue;
        }
        if (!torc_node_range(node, &min, &max)) {
            char place[TORC_PLACE_BYTES];
            return torc_fail(ctx, TORC_E_INTERNAL, "width: %s has no measured range",
                             torc_graph_place(place, c->graph, i));
        }
        node->type.bits = torc_range_bits(min, max, &node->type.is_signed);
        if (node->type.bits > c->maximum_integer_bit_width) {
            c->maximum_integer_bit_width = node->type.bits;
        }
    }
    return TORC_OK;
}
