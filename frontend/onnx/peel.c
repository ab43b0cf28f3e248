/* Trailing functions of the output move to the client, where they need no lookup. */
#include "frontend/onnx/import.h"

#include <string.h>

/* x op c or c op x with one number c, as x * alpha + beta. */
static bool as_affine(const torc_graph *g, const torc_node *node, uint32_t *operand,
                      torc_post *post)
{
    if (node->input_count != 2) {
        return false;
    }
    bool first = g->nodes[node->inputs[1]].op == TORC_OP_CONSTANT;
    const torc_node *constant = &g->nodes[node->inputs[first ? 1 : 0]];
    *operand = node->inputs[first ? 0 : 1];
    if (constant->op != TORC_OP_CONSTANT || torc_tensor_count(&constant->constant) != 1 ||
        torc_shape_count(node->type.rank, node->type.shape) !=
            torc_shape_count(g->nodes[*operand].type.rank, g->nodes[*operand].type.shape)) {
        return false;
    }
    double c = torc_onnx_element(&constant->constant, 0);
    *post = (torc_post){.kind = TORC_POST_AFFINE, .alpha = 1};
    switch (node->op) {
    case TORC_OP_ADD: post->beta = c; return true;
    case TORC_OP_SUB:
        post->alpha = first ? 1 : -1;
        post->beta = first ? -c : c;
        return true;
    case TORC_OP_MUL: post->alpha = c; return true;
    case TORC_OP_DIV: post->alpha = 1 / c; return first && c != 0;
    default: return false;
    }
}

/* The step that makes node from *operand, when the client can do it. */
static bool as_step(const torc_graph *g, const torc_node *node, uint32_t *operand, torc_post *post)
{
    if (node->op == TORC_OP_UNARY) {
        *operand = node->inputs[0];
        *post = (torc_post){
            .kind = TORC_POST_UNARY, .name = node->name, .alpha = node->alpha, .beta = node->beta};
        return true;
    }
    if (node->op == TORC_OP_RESHAPE) {
        *operand = node->inputs[0];
        *post = (torc_post){.kind = TORC_POST_RESHAPE, .rank = node->type.rank};
        memcpy(post->shape, node->type.shape, sizeof post->shape);
        return true;
    }
    return as_affine(g, node, operand, post);
}

uint32_t torc_onnx_peel(const torc_graph *g, uint32_t *id, torc_post *steps, uint32_t capacity)
{
    uint32_t kept = 0;
    uint32_t count = 0;
    uint32_t at = *id;
    while (count < capacity) {
        uint32_t operand;
        if (!as_step(g, &g->nodes[at], &operand, &steps[count])) {
            break;
        }
        count++;
        at = operand;
        if (steps[count - 1].kind == TORC_POST_UNARY) {
            kept = count;
            *id = at;
        }
    }
    return kept;
}
