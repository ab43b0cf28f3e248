/* Ports of the specification: names, shapes, encodings and scales of inputs and outputs. */
#include "frontend/compile.h"
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

static torc_status copy_doubles(torc_ctx *ctx, double **out, const double *in, uint32_t count)
{
    TORC_TRY(TORC_ALLOC(ctx, *out, count));
    memcpy(*out, in, count * sizeof **out);
    return TORC_OK;
}

static torc_status fill_port(torc_ctx *ctx, torc_port *port, const char *name,
                             const torc_node *node, const torc_real *real, uint32_t encoding)
{
    port->name = strdup(name);
    if (port->name == NULL) {
        return torc_fail(ctx, TORC_E_MEMORY, "out of memory for a name");
    }
    port->rank = node->type.rank;
    memcpy(port->shape, node->type.shape, sizeof port->shape);
    port->is_signed = node->type.is_signed;
    port->width = node->type.bits;
    port->encoding_bits = encoding;
    port->min = (int64_t)node->min;
    port->max = (int64_t)node->max;
    port->is_float = real != NULL && real->count > 0;
    if (port->is_float) {
        port->scale_count = real->count;
        TORC_TRY(copy_doubles(ctx, &port->real_scale, real->scale, real->count));
        TORC_TRY(copy_doubles(ctx, &port->real_offset, real->offset, real->count));
    }
    return TORC_OK;
}

torc_status torc_input_port(torc_ctx *ctx, torc_compilation *c, uint32_t i, uint32_t node,
                            uint32_t encoding)
{
    const torc_node *input = &c->graph->nodes[node];
    c->inputs[i].encrypted = input->type.encrypted;
    return fill_port(ctx, &c->inputs[i], input->name, input, &c->input_real[i],
                     input->type.encrypted ? encoding : input->type.bits);
}

torc_status torc_output_port(torc_ctx *ctx, torc_compilation *c, uint32_t o, uint32_t encoding)
{
    const torc_graph_output *output = &c->graph->outputs[o];
    c->outputs[o].encrypted = true;
    return fill_port(ctx, &c->outputs[o], output->name, &c->graph->nodes[output->node],
                     &c->output_real[o], encoding);
}
