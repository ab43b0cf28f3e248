/* Tabulating a fused body. Output elements fall into classes that meet the same constants; a class
 * is evaluated once, over all values of the input at a time, never a whole tensor a value. */
#include "frontend/lookup_table.h"

#include "frontend/op.h"
#include "frontend/view.h"
#include "runtime/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPERANDS = 3 };
#define MAX_ROW_CELLS ((size_t)1 << 26) /* of one node: 512 MiB */

static bool is_move(torc_op op)
{
    return torc_op_class_of(op) == TORC_CLASS_MOVE;
}

static size_t cell_count(const torc_node *node)
{
    return torc_shape_count(node->type.rank, node->type.shape);
}

/* --- classes ---------------------------------------------------------------------------------- */

typedef struct class_key {
    uint32_t part[MAX_OPERANDS]; /* the operands' classes, or the bits of a constant */
} class_key;

/* Elements of one node that meet the same constants share a class. */
typedef struct classes {
    uint32_t count;
    uint32_t *of;    /* [element] */
    class_key *keys; /* [count] */
    int64_t *rows;   /* [count][value] results, floats or integers; a constant: [count] */
    bool *undefined; /* [count][value] */
    bool *outside;   /* [count][value] some integer on the way has left its measured bounds */
} classes;

typedef struct tabulation {
    const torc_graph *body;
    classes *nodes;                 /* [node] */
    uint32_t *slots;                /* hash table of class numbers + 1 */
    size_t slot_count;              /* a power of two */
    int64_t *scratch[MAX_OPERANDS]; /* [value] */
    size_t value_count;
    int64_t first_value;
} tabulation;

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

/* The class of a key, a new one when it is seen for the first time. */
static uint32_t intern(tabulation *t, classes *c, const class_key *key)
{
    uint64_t hash = 0;
    for (int i = 0; i < MAX_OPERANDS; i++) {
        hash = mix(hash, key->part[i]);
    }
    for (size_t slot = hash & (t->slot_count - 1);; slot = (slot + 1) & (t->slot_count - 1)) {
        if (t->slots[slot] == 0) {
            c->keys[c->count] = *key;
            t->slots[slot] = ++c->count;
            return c->count - 1;
        }
        const uint32_t found = t->slots[slot] - 1;
        if (memcmp(&c->keys[found], key, sizeof *key) == 0) {
            return found;
        }
    }
}

static class_key constant_key(const torc_tensor *constant, size_t element)
{
    const uint64_t bits = (uint64_t)constant->i64[element];
    return (class_key){{(uint32_t)bits, (uint32_t)(bits >> 32), 0}};
}

/* Sets the classes of a node's elements; views are walked one operand at a time. */
static torc_status classify(torc_ctx *ctx, tabulation *t, uint32_t id)
{
    const torc_node *node = &t->body->nodes[id];
    classes *c = &t->nodes[id];
    const size_t count = cell_count(node);
    uint64_t *gathered = NULL;
    class_key *keys = NULL;
    TORC_TRY(TORC_ALLOC(ctx, c->of, count));
    TORC_TRY(TORC_ALLOC(ctx, c->keys, count));
    torc_status s = TORC_ALLOC(ctx, gathered, count);
    s = s == TORC_OK ? TORC_ALLOC(ctx, keys, count) : s;
    for (uint32_t j = 0; s == TORC_OK && j < node->input_count; j++) {
        const classes *operand = &t->nodes[node->inputs[j]];
        const size_t operand_count = cell_count(&t->body->nodes[node->inputs[j]]);
        uint64_t *wide = NULL;
        s = TORC_ALLOC(ctx, wide, operand_count);
        for (size_t i = 0; s == TORC_OK && i < operand_count; i++) {
            wide[i] = operand->of[i];
        }
        if (s == TORC_OK) {
            const torc_view view = torc_view_operand(t->body, node, j);
            torc_view_gather(gathered, wide, &view);
        }
        for (size_t i = 0; s == TORC_OK && i < count; i++) {
            keys[i].part[j] = (uint32_t)gathered[i];
        }
        free(wide);
    }
    memset(t->slots, 0, t->slot_count * sizeof *t->slots);
    for (size_t i = 0; s == TORC_OK && i < count; i++) {
        if (node->op == TORC_OP_CONSTANT) {
            keys[i] = constant_key(&node->constant, i);
        }
        c->of[i] = intern(t, c, &keys[i]);
    }
    free(gathered);
    free(keys);
    return s;
}

/* --- rows ------------------------------------------------------------------------------------- */

static void convert_row(int64_t *row, torc_dtype from, torc_dtype to, size_t count)
{
    for (size_t i = 0; from == TORC_I64 && to == TORC_F64 && i < count; i++) {
        const double real = (double)row[i];
        memcpy(&row[i], &real, sizeof real);
    }
}

/* The values of an operand in one class, in the type that the op reads. */
static torc_cells operand_row(tabulation *t, const torc_node *node, uint32_t j, uint32_t class)
{
    const torc_node *operand = &t->body->nodes[node->inputs[j]];
    const classes *c = &t->nodes[node->inputs[j]];
    const torc_dtype reads = torc_op_reads(t->body, node, j);
    torc_cells cells = {.dtype = reads, .i64 = c->rows + (size_t) class * t->value_count};
    if (operand->op == TORC_OP_CONSTANT) {
        for (size_t v = 0; v < t->value_count; v++) {
            t->scratch[j][v] = c->rows[class];
        }
    } else if (operand->type.dtype != reads) {
        memcpy(t->scratch[j], cells.i64, t->value_count * sizeof *cells.i64);
    } else {
        return cells;
    }
    cells.i64 = t->scratch[j];
    convert_row(cells.i64, operand->type.dtype, reads, t->value_count);
    return cells;
}

/* A result has a mark (undefined, outside) where an operand has it; of `where`, only the chosen one
 * counts. */
static void spread(const tabulation *t, const torc_node *node, const bool *operand, uint32_t j,
                   const torc_cells *in, bool *marks)
{
    const bool is_branch = node->op == TORC_OP_WHERE && j > 0;
    for (size_t v = 0; v < t->value_count; v++) {
        const bool condition = in[0].dtype == TORC_F64 ? in[0].f64[v] != 0 : in[0].i64[v] != 0;
        marks[v] |= operand[v] && (!is_branch || condition == (j == 1));
    }
}

static void spread_marks(const tabulation *t, const torc_node *node, const class_key *key,
                         const torc_cells *in, bool *undefined, bool *outside)
{
    for (uint32_t j = 0; j < node->input_count; j++) {
        const classes *operand = &t->nodes[node->inputs[j]];
        const size_t first = (size_t)key->part[j] * t->value_count;
        if (operand->undefined) { /* constants have no marks */
            spread(t, node, operand->undefined + first, j, in, undefined);
            spread(t, node, operand->outside + first, j, in, outside);
        }
    }
}

/* An integer that the inputset never showed: what follows from it is not reached either. */
static void mark_outside(const tabulation *t, const torc_node *node, const int64_t *row,
                         const bool *undefined, bool *outside)
{
    for (size_t v = 0; node->measured && node->type.dtype == TORC_I64 && v < t->value_count; v++) {
        const double value = (double)row[v];
        outside[v] |= !undefined[v] && (value < node->min || value > node->max);
    }
}

static torc_status evaluate_class(torc_ctx *ctx, tabulation *t, uint32_t id, uint32_t class)
{
    const torc_node *node = &t->body->nodes[id];
    classes *c = &t->nodes[id];
    const class_key *key = &c->keys[class];
    const size_t first = (size_t) class * t->value_count;
    torc_cells in[MAX_OPERANDS] = {0};
    for (uint32_t j = 0; j < node->input_count; j++) {
        in[j] = operand_row(t, node, j, key->part[j]);
    }
    bool *undefined = c->undefined + first;
    if (is_move(node->op)) {
        memcpy(c->rows + first, in[0].i64, t->value_count * sizeof *c->rows);
    } else {
        const torc_cells out = {.dtype = node->type.dtype, .i64 = c->rows + first};
        TORC_TRY(torc_op_cells(ctx, node, out, in, t->value_count, undefined));
    }
    spread_marks(t, node, key, in, undefined, c->outside + first);
    mark_outside(t, node, c->rows + first, undefined, c->outside + first);
    return TORC_OK;
}

static torc_status evaluate(torc_ctx *ctx, tabulation *t, uint32_t id)
{
    const torc_node *node = &t->body->nodes[id];
    classes *c = &t->nodes[id];
    if (node->op == TORC_OP_CONSTANT) {
        TORC_TRY(TORC_ALLOC(ctx, c->rows, c->count));
        for (uint32_t i = 0; i < c->count; i++) {
            c->rows[i] = (int64_t)(c->keys[i].part[0] | (uint64_t)c->keys[i].part[1] << 32);
        }
        return TORC_OK;
    }
    if (c->count > MAX_ROW_CELLS / t->value_count) {
        return torc_fail(ctx, TORC_E_UNSUPPORTED,
                         "%u different tables of %zu entries are too many; use fewer different "
                         "constants or a narrower value",
                         c->count, t->value_count);
    }
    TORC_TRY(TORC_ALLOC(ctx, c->rows, c->count * t->value_count));
    TORC_TRY(TORC_ALLOC(ctx, c->undefined, c->count * t->value_count));
    TORC_TRY(TORC_ALLOC(ctx, c->outside, c->count * t->value_count));
    for (size_t v = 0; node->op == TORC_OP_INPUT && v < t->value_count; v++) {
        c->rows[v] = t->first_value + (int64_t)v;
    }
    for (uint32_t i = 0; node->op != TORC_OP_INPUT && i < c->count; i++) {
        TORC_TRY(evaluate_class(ctx, t, id, i));
    }
    return TORC_OK;
}

/* --- the result ------------------------------------------------------------------------------- */

/* The first value of [from, count) that is not `undefined` when is_undefined, or that is otherwise.
 */
static size_t run_end(const bool *undefined, size_t from, size_t count, bool is_undefined)
{
    while (from < count && undefined[from] == is_undefined) {
        from++;
    }
    return from;
}

static torc_status refuse_undefined(torc_ctx *ctx, int64_t value, double min, double max)
{
    return torc_fail(ctx, TORC_E_INPUT,
                     "the function gives no integer for %" PRId64
                     ", which lies in the measured range [%.0f, %.0f]; clip its argument or "
                     "guard it with torc_where",
                     value, min, max);
}

/* Undefined runs take the nearer of their two neighbours. */
static torc_status fill_row(torc_ctx *ctx, const tabulation *t, uint64_t *filled, const classes *c,
                            uint32_t class, double min, double max)
{
    const size_t count = t->value_count;
    int64_t *row = c->rows + class * count;
    const bool *undefined = c->undefined + class * count;
    const bool *outside = c->outside + class * count;
    for (size_t first = run_end(undefined, 0, count, false); first < count;) {
        const size_t end = run_end(undefined, first, count, true);
        for (size_t v = first; v < end; v++) {
            const int64_t value = t->first_value + (int64_t)v;
            const bool is_reached = (double)value >= min && (double)value <= max && !outside[v];
            if (is_reached || (first == 0 && end == count)) {
                return refuse_undefined(ctx, value, min, max);
            }
            const bool takes_left = end == count || (first > 0 && v - first < end - v);
            row[v] = takes_left ? row[first - 1] : row[end];
        }
        *filled += end - first;
        first = run_end(undefined, end, count, false);
    }
    return TORC_OK;
}

static uint64_t row_hash(const int64_t *row, size_t count)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < count; i++) {
        hash = mix(hash, (uint64_t)row[i]);
    }
    return hash;
}

/* number[class] = its table; equal rows are moved together, *table_count of them. */
static void share_rows(tabulation *t, classes *c, uint32_t *number, uint32_t *table_count)
{
    const size_t row_bytes = t->value_count * sizeof *c->rows;
    memset(t->slots, 0, t->slot_count * sizeof *t->slots);
    *table_count = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        int64_t *row = c->rows + (size_t)i * t->value_count;
        size_t slot = row_hash(row, t->value_count) & (t->slot_count - 1);
        while (t->slots[slot] != 0 &&
               memcmp(c->rows + (size_t)(t->slots[slot] - 1) * t->value_count, row, row_bytes) !=
                   0) {
            slot = (slot + 1) & (t->slot_count - 1);
        }
        if (t->slots[slot] == 0) {
            memmove(c->rows + (size_t)*table_count * t->value_count, row, row_bytes);
            t->slots[slot] = ++*table_count;
        }
        number[i] = t->slots[slot] - 1;
    }
}

static torc_status finish(torc_ctx *ctx, tabulation *t, torc_lookup_attr *out, double min,
                          double max)
{
    const uint32_t id = t->body->outputs[0].node;
    classes *c = &t->nodes[id];
    uint32_t *number = NULL;
    for (uint32_t i = 0; i < c->count; i++) {
        TORC_TRY(fill_row(ctx, t, &out->filled_count, c, i, min, max));
    }
    TORC_TRY(TORC_ALLOC(ctx, number, c->count));
    share_rows(t, c, number, &out->table_count);
    const size_t count = cell_count(&t->body->nodes[id]);
    for (size_t i = 0; i < count; i++) {
        c->of[i] = number[c->of[i]];
    }
    free(number);
    out->entry = c->rows;
    c->rows = NULL;
    if (out->table_count > 1) {
        out->table_of = c->of;
        c->of = NULL;
    }
    return TORC_OK;
}

static torc_status prepare(torc_ctx *ctx, tabulation *t)
{
    size_t largest = 1;
    for (uint32_t i = 0; i < t->body->node_count; i++) {
        const size_t count = cell_count(&t->body->nodes[i]);
        largest = count > largest ? count : largest;
    }
    for (t->slot_count = 2; t->slot_count < 2 * largest; t->slot_count *= 2) {
    }
    TORC_TRY(TORC_ALLOC(ctx, t->nodes, t->body->node_count));
    for (int i = 0; i < MAX_OPERANDS; i++) {
        TORC_TRY(TORC_ALLOC(ctx, t->scratch[i], t->value_count));
    }
    return TORC_ALLOC(ctx, t->slots, t->slot_count);
}

static torc_status tabulate(torc_ctx *ctx, tabulation *t, torc_lookup_attr *out, double min,
                            double max)
{
    TORC_TRY(prepare(ctx, t));
    for (uint32_t i = 0; i < t->body->node_count; i++) {
        TORC_TRY(classify(ctx, t, i));
        TORC_TRY(evaluate(ctx, t, i));
    }
    return finish(ctx, t, out, min, max);
}

static void end(tabulation *t)
{
    for (uint32_t i = 0; t->nodes && i < t->body->node_count; i++) {
        free(t->nodes[i].of);
        free(t->nodes[i].keys);
        free(t->nodes[i].rows);
        free(t->nodes[i].undefined);
        free(t->nodes[i].outside);
    }
    for (int i = 0; i < MAX_OPERANDS; i++) {
        free(t->scratch[i]);
    }
    free(t->nodes);
    free(t->slots);
}

torc_status torc_body_tabulate(torc_ctx *ctx, torc_lookup_attr *out, const torc_graph *body,
                               double min, double max)
{
    bool is_signed = false;
    *out = (torc_lookup_attr){0};
    const uint32_t bits = torc_range_bits(min, max, &is_signed);
    if (bits > TORC_MAX_TABLE_BITS) {
        return torc_fail(ctx, TORC_E_WIDTH, "a table for a %u-bit value, at most %d bits fit", bits,
                         TORC_MAX_TABLE_BITS);
    }
    tabulation t = {.body = body, .value_count = (size_t)1 << bits};
    t.first_value = is_signed ? -((int64_t)1 << (bits - 1)) : 0;
    torc_lookup_attr made = {.index_bits = bits, .window_bits = bits, .window_min = t.first_value};
    torc_status s = tabulate(ctx, &t, &made, min, max);
    end(&t);
    if (s == TORC_OK) {
        *out = made;
    }
    return s;
}
