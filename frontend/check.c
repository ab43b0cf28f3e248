/* What encryption cannot do yet, all of it in one message: the graph with notes, then, for every
 * value that is too wide for a lookup, the operations that made it so wide. */
#include "frontend/check.h"

#include "frontend/compile.h"
#include "frontend/graph_node.h"
#include "runtime/memstream.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_LOOKUP_BITS = 8,
    MAX_VIRTUAL_LOOKUP_BITS = 16,
    MAX_LINEAR_BITS = 62, /* a sign and a padding bit stand above */
    MAX_CHAINS = 3,
};

typedef struct checker {
    torc_ctx *ctx;
    const torc_graph *g;
    uint32_t max_lookup_bits;
    torc_note *notes;
    uint32_t count, capacity;
    uint32_t *wide; /* [wide_count] values that are too wide for a lookup */
    uint32_t wide_count;
    torc_status status; /* of the first problem, or out of memory */
    bool is_broken;
} checker;

/* Adds a note unless it has been said before. */
static void add_note(checker *k, uint32_t node, const char *format, ...) TORC_PRINTF(3, 4);
static void add_note(checker *k, uint32_t node, const char *format, ...)
{
    void *grown = k->notes;
    if (k->is_broken ||
        torc_grow(k->ctx, &grown, k->count, &k->capacity, sizeof *k->notes) != TORC_OK) {
        k->is_broken = true;
        return;
    }
    k->notes = grown;
    torc_note *note = &k->notes[k->count];
    note->node = node;
    va_list args;
    va_start(args, format);
    vsnprintf(note->text, sizeof note->text, format, args);
    va_end(args);
    for (uint32_t i = 0; i < k->count; i++) {
        if (k->notes[i].node == node && strcmp(k->notes[i].text, note->text) == 0) {
            return; /* said before */
        }
    }
    k->count++;
}

static void add_problem(checker *k, torc_status status)
{
    if (k->status == TORC_OK) {
        k->status = status;
    }
}

/* " (call 7: add)", to end a note with the place. */
#define PLACE_BYTES 100
static const char *place(char out[PLACE_BYTES], const torc_node *node)
{
    out[0] = '\0';
    if (node->where && node->where[0]) {
        snprintf(out, PLACE_BYTES, " (%.90s)", TORC_PRINTABLE(node->where));
    }
    return out;
}
#define PLACE(node) place((char[PLACE_BYTES]){0}, node)

/* --- rules ------------------------------------------------------------------------------------ */

static void check_lookup(checker *k, uint32_t id)
{
    const torc_node *node = &k->g->nodes[id];
    const uint32_t source = node->inputs[0];
    const bool is_subgraph = node->op == TORC_OP_SUBGRAPH;
    const uint32_t bits = is_subgraph ? k->g->nodes[source].type.bits : node->lookup.index_bits;
    if (!is_subgraph && bits <= k->max_lookup_bits) {
        return;
    }
    add_problem(k, TORC_E_WIDTH);
    add_note(k, source, "this %u-bit value is used as an input to a table lookup", bits);
    add_note(k, id, "but only up to %u-bit table lookups are supported%s", k->max_lookup_bits,
             PLACE(node));
    for (uint32_t i = 0; i < k->wide_count; i++) {
        if (k->wide[i] == source) {
            return;
        }
    }
    k->wide[k->wide_count++] = source;
}

static void check_float(checker *k, uint32_t id)
{
    const torc_node *node = &k->g->nodes[id];
    bool is_output = false;
    for (uint32_t i = 0; i < k->g->output_count; i++) {
        is_output |= k->g->outputs[i].node == id;
    }
    add_problem(k, TORC_E_UNSUPPORTED);
    add_note(k, id, "only integers are supported%s%s",
             is_output ? "; cast this output to an integer" : "", PLACE(node));
}

static const char *operation(torc_op op)
{
    switch (op) {
    case TORC_OP_DOT: return "dot products";
    case TORC_OP_MATMUL: return "matrix multiplications";
    case TORC_OP_CONV2D: return "convolutions";
    default: return "multiplications";
    }
}

static bool is_clear_input(const torc_graph *g, uint32_t id)
{
    return !g->nodes[id].type.encrypted && g->nodes[id].op != TORC_OP_CONSTANT;
}

/* One operand of a product must be clear, and not both known at run time only. */
static void check_product(checker *k, uint32_t id)
{
    const torc_node *node = &k->g->nodes[id];
    const torc_type *a = &k->g->nodes[node->inputs[0]].type;
    const torc_type *b = &k->g->nodes[node->inputs[1]].type;
    if (node->op == TORC_OP_CONV2D && b->encrypted) {
        add_problem(k, TORC_E_UNSUPPORTED);
        add_note(k, id, "weight is encrypted");
        add_note(k, id, "but convolutions with encrypted weights are not supported%s", PLACE(node));
    } else if (a->encrypted && b->encrypted) {
        add_problem(k, TORC_E_UNSUPPORTED);
        add_note(k, id, "both operands are encrypted");
        add_note(k, id, "but encrypted-encrypted %s are not supported%s", operation(node->op),
                 PLACE(node));
    } else if (is_clear_input(k->g, node->inputs[0]) && is_clear_input(k->g, node->inputs[1])) {
        add_problem(k, TORC_E_UNSUPPORTED);
        add_note(k, id, "lhs is clear and rhs is clear, both known at run time only");
        add_note(k, id, "but clear-clear %s are not supported%s", operation(node->op), PLACE(node));
    }
}

/* Functions that no table took in: of clear run-time values. */
static void check_function(checker *k, uint32_t id)
{
    const torc_node *node = &k->g->nodes[id];
    if (!node->type.encrypted) {
        add_problem(k, TORC_E_UNSUPPORTED);
        add_note(k, id, "operand is clear");
        add_note(k, id, "but functions of clear run-time values are not supported%s", PLACE(node));
    }
}

static void check_width(checker *k, uint32_t id)
{
    const torc_node *node = &k->g->nodes[id];
    if (node->type.bits > MAX_LINEAR_BITS) {
        add_problem(k, TORC_E_WIDTH);
        add_note(k, id, "this value has %u bits, only up to %d-bit values are supported%s",
                 node->type.bits, MAX_LINEAR_BITS, PLACE(node));
    }
}

static void check_node(checker *k, uint32_t id)
{
    const torc_node *node = &k->g->nodes[id];
    if (node->type.dtype == TORC_F64) {
        if (node->op != TORC_OP_CONSTANT) {
            check_float(k, id);
        }
        return;
    }
    check_width(k, id);
    switch (node->op) {
    case TORC_OP_LOOKUP:
    case TORC_OP_SUBGRAPH: check_lookup(k, id); break;
    case TORC_OP_MUL:
    case TORC_OP_MATMUL:
    case TORC_OP_DOT:
    case TORC_OP_CONV2D: check_product(k, id); break;
    default: break;
    }
    if (torc_op_class_of(node->op) == TORC_CLASS_FUSE && node->op != TORC_OP_SUBGRAPH) {
        check_function(k, id);
    }
}

/* --- the message ------------------------------------------------------------------------------ */

static torc_status report(checker *k)
{
    char *graph = NULL;
    char *text = NULL;
    torc_memstream stream;
    TORC_TRY(torc_graph_highlight(k->ctx, &graph, k->g, k->notes, k->count));
    torc_status s = torc_memstream_open(k->ctx, &stream);
    if (s == TORC_OK) {
        fprintf(stream.file, "Function you are trying to compile cannot be compiled\n\n%s\n",
                graph);
        for (uint32_t i = 0; i < k->wide_count && i < MAX_CHAINS; i++) {
            const uint32_t bits = k->g->nodes[k->wide[i]].type.bits;
            fprintf(stream.file, "\nwhy %%%u has %u bits:\n", k->wide[i], bits);
            torc_write_width_chain(stream.file, k->g, k->wide[i]);
        }
        if (k->wide_count > 0) {
            fprintf(stream.file, "narrow the inputs or the weights, %s",
                    k->max_lookup_bits == MAX_LOOKUP_BITS
                        ? "or compile with --virtual to study the circuit without encryption"
                        : "this limit holds without encryption too");
        }
        s = torc_memstream_close(k->ctx, &stream, &text);
    }
    if (s == TORC_OK) {
        size_t length = strlen(text);
        while (length > 0 && text[length - 1] == '\n') {
            text[--length] = '\0';
        }
        s = torc_fail(k->ctx, k->status, "%s", text);
    }
    free(graph);
    free(text);
    return s;
}

torc_status torc_stage_check(torc_ctx *ctx, torc_compilation *c)
{
    checker k = {.ctx = ctx, .g = c->graph};
    k.max_lookup_bits = c->options.is_virtual ? MAX_VIRTUAL_LOOKUP_BITS : MAX_LOOKUP_BITS;
    TORC_TRY(TORC_ALLOC(ctx, k.wide, c->graph->node_count));
    for (uint32_t id = 0; id < c->graph->node_count; id++) {
        check_node(&k, id);
    }
    torc_status s = k.is_broken ? TORC_E_MEMORY : TORC_OK;
    if (s == TORC_OK && k.count > 0) {
        s = report(&k);
    }
    free(k.notes);
    free(k.wide);
    return s;
}
