/* What must hold after each stage: found here, a mistake of a pass is ours, not the user's. */
#include "frontend/compile.h"
#include "runtime/status.h"

torc_status torc_verify_graph(torc_ctx *ctx, const torc_compilation *c)
{
    for (uint32_t id = 0; id < c->graph->node_count; id++) {
        const torc_node *node = &c->graph->nodes[id];
        for (uint32_t i = 0; i < node->input_count; i++) {
            if (node->inputs[i] >= id) {
                return torc_fail(ctx, TORC_E_INTERNAL, "node %u reads node %u, which comes later",
                                 id, node->inputs[i]);
            }
        }
    }
    return torc_graph_status(ctx, c->graph);
}

torc_status torc_verify_measured(torc_ctx *ctx, const torc_compilation *c)
{
    for (uint32_t id = 0; id < c->graph->node_count; id++) {
        const torc_node *node = &c->graph->nodes[id];
        if (!node->measured || !(node->min <= node->max)) {
            return torc_fail(ctx, TORC_E_INTERNAL, "node %u (%s) has no bounds", id,
                             torc_op_name(node->op));
        }
    }
    return TORC_OK;
}

torc_status torc_verify_fused(torc_ctx *ctx, const torc_compilation *c)
{
    for (uint32_t id = 0; id < c->graph->node_count; id++) {
        const torc_node *node = &c->graph->nodes[id];
        const torc_lookup_attr *attr = &node->lookup;
        if (node->op == TORC_OP_LOOKUP &&
            (attr->index_bits == 0 || attr->index_bits > attr->window_bits ||
             attr->table_count == 0 || attr->entry == NULL)) {
            return torc_fail(ctx, TORC_E_INTERNAL, "node %u has a malformed table", id);
        }
    }
    return torc_verify_measured(ctx, c);
}

torc_status torc_verify_widths(torc_ctx *ctx, const torc_compilation *c)
{
    for (uint32_t id = 0; id < c->graph->node_count; id++) {
        const torc_node *node = &c->graph->nodes[id];
        if (node->type.dtype == TORC_I64 && node->type.bits == 0) {
            return torc_fail(ctx, TORC_E_INTERNAL, "node %u (%s) has no width", id,
                             torc_op_name(node->op));
        }
    }
    return TORC_OK;
}

torc_status torc_verify_program(torc_ctx *ctx, const torc_compilation *c)
{
    TORC_TRY(torc_program_check(ctx, &c->program,
                                c->options.is_virtual ? TORC_INDEX_BITS_VIRTUAL : TORC_INDEX_BITS));
    for (uint32_t i = 0; i < c->program.instr_count; i++) {
        if ((c->program.instrs[i].kind == TORC_INSTR_LOOKUP) != (c->instr_row[i] != NULL)) {
            return torc_fail(ctx, TORC_E_INTERNAL, "instruction %u lacks its noise rows", i);
        }
    }
    return TORC_OK;
}
