/* The chain of operations that forced a width: from the value back through its widest operands. */
#include "frontend/check.h"
#include "runtime/text.h"

enum { MAX_CHAIN = 12 };

static void write_range(FILE *file, const torc_node *node)
{
    double min = 0;
    double max = 0;
    (void)torc_node_range(node, &min, &max);
    fprintf(file, "[%.0f, %.0f]", min, max);
}

static void write_operand(FILE *file, const torc_graph *g, uint32_t id)
{
    const torc_node *node = &g->nodes[id];
    fprintf(file, "%%%u (%u bit%s, ", id, node->type.bits, node->type.bits == 1 ? "" : "s");
    write_range(file, node);
    fputc(')', file);
}

static void write_pair(FILE *file, const torc_graph *g, const torc_node *node, const char *sign)
{
    write_operand(file, g, node->inputs[0]);
    fprintf(file, " %s ", sign);
    write_operand(file, g, node->inputs[1]);
}

static size_t elements(const torc_type *type)
{
    return torc_shape_count(type->rank, type->shape);
}

/* How many products of the two operands meet in one element. */
static size_t product_count(const torc_graph *g, const torc_node *node)
{
    const torc_type *a = &g->nodes[node->inputs[0]].type;
    const torc_type *b = &g->nodes[node->inputs[1]].type;
    return node->op == TORC_OP_CONV2D ? elements(b) / b->shape[0] : a->shape[a->rank - 1];
}

static void write_reason(FILE *file, const torc_graph *g, const torc_node *node)
{
    switch (node->op) {
    case TORC_OP_ADD: write_pair(file, g, node, "+"); break;
    case TORC_OP_SUB: write_pair(file, g, node, "-"); break;
    case TORC_OP_MUL: write_pair(file, g, node, "*"); break;
    case TORC_OP_MATMUL:
    case TORC_OP_DOT:
    case TORC_OP_CONV2D:
        fprintf(file, "of %zu products of ", product_count(g, node));
        write_pair(file, g, node, "*");
        break;
    case TORC_OP_SUM:
        fprintf(file, "of %zu terms of ",
                elements(&g->nodes[node->inputs[0]].type) / elements(&node->type));
        write_operand(file, g, node->inputs[0]);
        break;
    default:
        fputs("of ", file);
        write_operand(file, g, node->inputs[0]);
        break;
    }
}

static void write_link(FILE *file, const torc_graph *g, uint32_t id, bool is_last)
{
    const torc_node *node = &g->nodes[id];
    fprintf(file, "  %%%u %s: %u bit%s ", id,
            node->op == TORC_OP_INPUT ? TORC_PRINTABLE(node->name) : torc_op_name(node->op),
            node->type.bits, node->type.bits == 1 ? "" : "s");
    write_range(file, node);
    if (node->op == TORC_OP_INPUT) {
        fputs(node->declared ? ", an input (declared range)" : ", an input (range of the inputset)",
              file);
    } else if (node->op == TORC_OP_LOOKUP || node->op == TORC_OP_SUBGRAPH) {
        fputs(", results of a table", file);
    } else if (!is_last || node->input_count > 0) {
        fputs(" because ", file);
        write_reason(file, g, node);
    }
    if (node->tag && node->tag[0]) {
        fprintf(file, " @ %s", TORC_PRINTABLE(node->tag));
    }
    if (node->where && node->where[0]) {
        fprintf(file, " (%s)", TORC_PRINTABLE(node->where));
    }
    fputc('\n', file);
}

/* The operand that contributes most; clear ones only when there is no other. */
static uint32_t widest_operand(const torc_graph *g, const torc_node *node)
{
    uint32_t best = node->inputs[0];
    for (uint32_t i = 1; i < node->input_count; i++) {
        const torc_type *a = &g->nodes[best].type;
        const torc_type *b = &g->nodes[node->inputs[i]].type;
        if (b->encrypted && (!a->encrypted || b->bits > a->bits)) {
            best = node->inputs[i];
        }
    }
    return best;
}

void torc_write_width_chain(FILE *file, const torc_graph *g, uint32_t id)
{
    for (int i = 0; i < MAX_CHAIN; i++) {
        const torc_node *node = &g->nodes[id];
        const bool is_last =
            node->input_count == 0 || node->op == TORC_OP_LOOKUP || node->op == TORC_OP_SUBGRAPH;
        write_link(file, g, id, is_last);
        if (is_last) {
            return;
        }
        id = widest_operand(g, node);
    }
    fputs("  ...\n", file);
}
