/* Lowering: integer op-graph -> program. Each linear subgraph becomes the affine rows of what is
 * read (lookup inputs, outputs); all lookups of one dependency level become one instruction. */
#include "frontend/lower.h"

#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

torc_status torc_lower_push_instr(torc_lowering *low, const torc_instr *instr)
{
    torc_program *program = &low->c->program;
    if (program->instr_count == low->instr_capacity) {
        low->instr_capacity = low->instr_capacity == 0 ? 16 : 2 * low->instr_capacity;
        torc_instr *grown = realloc(program->instrs, low->instr_capacity * sizeof *grown);
        uint32_t **rows = realloc(low->c->instr_row, low->instr_capacity * sizeof *rows);
        program->instrs = grown != NULL ? grown : program->instrs;
        low->c->instr_row = rows != NULL ? rows : low->c->instr_row;
        if (grown == NULL || rows == NULL) {
            return torc_fail(low->ctx, TORC_E_MEMORY, "out of memory while lowering");
        }
    }
    low->c->instr_row[program->instr_count] = NULL;
    program->instrs[program->instr_count++] = *instr;
    return TORC_OK;
}

static size_t node_elements(const torc_node *node)
{
    return torc_shape_count(node->type.rank, node->type.shape);
}

static void find_levels(torc_lowering *low)
{
    for (uint32_t id = 0; id < low->g->node_count; id++) {
        const torc_node *node = &low->g->nodes[id];
        uint32_t level = 0;
        for (uint32_t i = 0; i < node->input_count; i++) {
            const uint32_t before = low->level[node->inputs[i]];
            level = before > level ? before : level;
        }
        low->level[id] = level + (node->op == TORC_OP_LOOKUP);
        low->level_count = low->level[id] > low->level_count ? low->level[id] : low->level_count;
    }
}

static torc_status number_inputs(torc_lowering *low)
{
    for (uint32_t i = 0; i < low->c->input_count; i++) {
        const torc_node *node = &low->g->nodes[low->input[i]];
        uint32_t *next = node->type.encrypted ? &low->source_count : &low->clear_count;
        if (node_elements(node) > TORC_MAX_ELEMENTS - *next) {
            return torc_fail(low->ctx, TORC_E_WIDTH, "input '%s': more than %u elements",
                             node->name, TORC_MAX_ELEMENTS);
        }
        low->first_source[low->input[i]] = *next;
        *next += (uint32_t)node_elements(node);
    }
    low->fresh_count = low->source_count;
    low->c->program.clear_count = low->clear_count;
    return TORC_ALLOC(low->ctx, low->clear_max, low->clear_count);
}

/* Lookup outputs are numbered level by level, so that a level is one block. */
static void number_lookups(torc_lowering *low)
{
    for (uint32_t level = 1; level <= low->level_count; level++) {
        for (uint32_t id = 0; id < low->g->node_count; id++) {
            if (low->g->nodes[id].op == TORC_OP_LOOKUP && low->level[id] == level) {
                low->first_source[id] = low->source_count;
                low->source_count += (uint32_t)node_elements(&low->g->nodes[id]);
            }
        }
    }
    low->element_count = low->source_count;
}

static void bound_clear_input(torc_lowering *low, uint32_t id)
{
    const torc_type *type = &low->g->nodes[id].type;
    const double largest = exp2(type->is_signed ? type->bits - 1 : type->bits);
    for (size_t e = 0; e < node_elements(&low->g->nodes[id]); e++) {
        low->clear_max[low->first_source[id] + e] = largest;
    }
}

static torc_status apply_linear_node(torc_lowering *low, uint32_t id)
{
    const torc_node *node = &low->g->nodes[id];
    const torc_affine **operand = NULL;
    TORC_TRY(TORC_ALLOC(low->ctx, operand, node->input_count));
    for (uint32_t i = 0; i < node->input_count; i++) {
        operand[i] = &low->affine[node->inputs[i]];
    }
    const torc_status status = torc_affine_apply(low->ctx, &low->affine[id], low->g, node, operand);
    free(operand);
    char place[TORC_PLACE_BYTES];
    return status == TORC_OK
               ? status
               : torc_fail_prefix(low->ctx, status, "%s", torc_graph_place(place, low->g, id));
}

static torc_status compose_rows(torc_lowering *low)
{
    for (uint32_t id = 0; id < low->g->node_count; id++) {
        const torc_node *node = &low->g->nodes[id];
        const bool is_source = node->op == TORC_OP_INPUT || node->op == TORC_OP_LOOKUP;
        if (!is_source) {
            TORC_TRY(apply_linear_node(low, id));
            continue;
        }
        const bool clear = !node->type.encrypted;
        if (clear) {
            bound_clear_input(low, id);
        }
        TORC_TRY(torc_affine_sources(low->ctx, &low->affine[id], node_elements(node),
                                     low->first_source[id], clear));
    }
    return TORC_OK;
}

/* Phase of m = window_min is moved to the middle of the first unit of bin 0: see program.h. */
static uint64_t window_offset(const torc_lookup_attr *attr)
{
    const uint32_t w = attr->window_bits;
    return ((uint64_t)1 << (62 - w)) - ((uint64_t)1 << (62 - attr->index_bits)) -
           ((uint64_t)attr->window_min << (63 - w));
}

static torc_status add_tables(torc_lowering *low, uint32_t id, uint32_t *first)
{
    torc_program *program = &low->c->program;
    const torc_lookup_attr *attr = &low->g->nodes[id].lookup;
    const uint32_t encoding = torc_lower_encoding(low, id);
    const size_t size = (size_t)1 << attr->index_bits;
    torc_table *grown =
        realloc(program->tables, (program->table_count + attr->table_count) * sizeof *grown);
    if (grown == NULL) {
        return torc_fail(low->ctx, TORC_E_MEMORY, "out of memory for tables");
    }
    program->tables = grown;
    *first = program->table_count;
    for (uint32_t t = 0; t < attr->table_count; t++) {
        torc_table table = {.index_bits = attr->index_bits};
        TORC_TRY(TORC_ALLOC(low->ctx, table.entry, size));
        for (size_t u = 0; u < size; u++) {
            table.entry[u] = torc_encode(attr->entry[t * size + u], encoding);
        }
        program->tables[program->table_count++] = table;
    }
    return TORC_OK;
}

typedef struct level_fill { /* the lookup instruction of one level while it is filled */
    torc_lookup *lookup;
    uint32_t *row;
} level_fill;

/* An element that is one source plus a constant is read in place; its constant joins the offset. */
static bool read_in_place(const torc_lowering *low, uint32_t node, size_t e, uint32_t shift,
                          uint32_t *element, int64_t *constant)
{
    *constant = 0;
    *element = torc_affine_alias(&low->affine[node], e, constant);
    return *element != TORC_NO_SOURCE && shift == 0;
}

static bool all_in_place(const torc_lowering *low, uint32_t node, uint32_t shift)
{
    uint32_t element;
    int64_t constant;
    for (size_t e = 0; e < low->affine[node].row_count; e++) {
        if (!read_in_place(low, node, e, shift, &element, &constant)) {
            return false;
        }
    }
    return true;
}

static torc_status fill_lookup_node(torc_lowering *low, uint32_t id, level_fill *fill)
{
    const torc_node *node = &low->g->nodes[id];
    const torc_lookup_attr *attr = &node->lookup;
    const uint32_t in = node->inputs[0];
    const uint32_t shift = torc_lower_encoding(low, in) - attr->window_bits;
    const bool in_place = all_in_place(low, in, shift);
    const torc_row_kind kind =
        attr->window_bits == attr->index_bits ? TORC_ROW_LOOKUP_EXACT : TORC_ROW_LOOKUP_ROUNDED;
    uint32_t first = 0;
    uint32_t first_table = 0;
    if (!in_place) {
        TORC_TRY(torc_lower_materialise(low, in, shift, low->level[id] - 1, &first));
    }
    TORC_TRY(add_tables(low, id, &first_table));
    for (size_t e = 0; e < node_elements(node); e++) {
        const uint32_t i = fill->lookup->count++;
        int64_t constant = 0;
        fill->lookup->in[i] = first + (uint32_t)e;
        if (in_place) {
            (void)read_in_place(low, in, e, shift, &fill->lookup->in[i], &constant);
        }
        fill->lookup->table[i] = first_table + (attr->table_of == NULL ? 0 : attr->table_of[e]);
        fill->lookup->offset[i] =
            window_offset(attr) + ((uint64_t)constant << (63 - attr->window_bits));
        TORC_TRY(torc_lower_noise_row(low, &fill->row[i], kind, attr->index_bits, 0, in, e, shift));
    }
    return TORC_OK;
}

static uint32_t level_lookups(const torc_lowering *low, uint32_t level, uint32_t *first_source)
{
    uint32_t count = 0;
    for (uint32_t id = 0; id < low->g->node_count; id++) {
        if (low->g->nodes[id].op == TORC_OP_LOOKUP && low->level[id] == level) {
            *first_source = count == 0 ? low->first_source[id] : *first_source;
            count += (uint32_t)node_elements(&low->g->nodes[id]);
        }
    }
    return count;
}

static torc_status fill_level(torc_lowering *low, uint32_t level, level_fill *fill, uint32_t count)
{
    TORC_TRY(TORC_ALLOC(low->ctx, fill->lookup->in, count));
    TORC_TRY(TORC_ALLOC(low->ctx, fill->lookup->table, count));
    TORC_TRY(TORC_ALLOC(low->ctx, fill->lookup->offset, count));
    TORC_TRY(TORC_ALLOC(low->ctx, fill->row, count));
    for (uint32_t id = 0; id < low->g->node_count; id++) {
        if (low->g->nodes[id].op == TORC_OP_LOOKUP && low->level[id] == level) {
            TORC_TRY(fill_lookup_node(low, id, fill));
        }
    }
    return TORC_OK;
}

static torc_status emit_level(torc_lowering *low, uint32_t level)
{
    torc_instr instr = {.kind = TORC_INSTR_LOOKUP, .level = level - 1};
    level_fill fill = {.lookup = &instr.lookup};
    const uint32_t count = level_lookups(low, level, &instr.lookup.out);
    torc_status status = fill_level(low, level, &fill, count);
    if (status == TORC_OK) {
        status = torc_lower_push_instr(low, &instr);
    }
    if (status != TORC_OK) {
        torc_instr_free(&instr);
        free(fill.row);
        return status;
    }
    low->c->instr_row[low->c->program.instr_count - 1] = fill.row;
    return TORC_OK;
}

/* Standard deviation that --output-bits allows on the torus: a quarter of range / 2^bits. */
static double output_max_std(const torc_lowering *low, uint32_t o, uint32_t encoding)
{
    const torc_real *real = &low->c->output_real[o];
    const double range_units = low->c->output_range[o] / real->scale[0];
    return range_units * exp2(-(double)encoding - 1) * exp2(-(double)low->c->options.output_bits) /
           4;
}

static torc_status emit_output(torc_lowering *low, uint32_t o)
{
    const uint32_t id = low->g->outputs[o].node;
    const torc_node *node = &low->g->nodes[id];
    const uint32_t encoding = torc_lower_encoding(low, id);
    torc_place *place = &low->c->program.outputs[o];
    const bool in_place = all_in_place(low, id, 0);
    const bool rounded = low->c->contract == TORC_ROUNDED && low->c->output_real[o].count > 0;
    const double max_std = rounded ? output_max_std(low, o, encoding) : 0;
    uint32_t first = 0;
    TORC_TRY(torc_output_port(low->ctx, low->c, o, encoding));
    *place = (torc_place){.encrypted = true, .count = (uint32_t)node_elements(node)};
    TORC_TRY(TORC_ALLOC(low->ctx, place->element, place->count));
    TORC_TRY(TORC_ALLOC(low->ctx, low->c->output_row[o], place->count));
    bool plain = in_place;
    for (size_t e = 0; plain && e < place->count; e++) {
        int64_t constant = 0;
        plain = read_in_place(low, id, e, 0, &place->element[e], &constant) && constant == 0;
    }
    if (!plain) {
        TORC_TRY(torc_lower_materialise(low, id, 0, low->level[id], &first));
        for (uint32_t e = 0; e < place->count; e++) {
            place->element[e] = first + e;
        }
    }
    for (uint32_t e = 0; e < place->count; e++) {
        TORC_TRY(torc_lower_noise_row(low, &low->c->output_row[o][e],
                                      rounded ? TORC_ROW_OUTPUT_ROUNDED : TORC_ROW_OUTPUT_EXACT,
                                      encoding, max_std, id, e, 0));
    }
    return TORC_OK;
}

static torc_status place_inputs(torc_lowering *low)
{
    for (uint32_t i = 0; i < low->c->input_count; i++) {
        const uint32_t id = low->input[i];
        const torc_node *node = &low->g->nodes[id];
        torc_place *place = &low->c->program.inputs[i];
        TORC_TRY(torc_input_port(low->ctx, low->c, i, id, torc_lower_encoding(low, id)));
        *place =
            (torc_place){.encrypted = node->type.encrypted, .count = (uint32_t)node_elements(node)};
        TORC_TRY(TORC_ALLOC(low->ctx, place->element, place->count));
        for (uint32_t e = 0; e < place->count; e++) {
            place->element[e] = low->first_source[id] + e;
        }
    }
    return TORC_OK;
}

static torc_status emit(torc_lowering *low)
{
    torc_program *program = &low->c->program;
    program->input_count = low->c->input_count;
    program->output_count = low->c->output_count;
    TORC_TRY(TORC_ALLOC(low->ctx, program->inputs, program->input_count));
    TORC_TRY(TORC_ALLOC(low->ctx, program->outputs, program->output_count));
    TORC_TRY(TORC_ALLOC(low->ctx, low->c->output_row, program->output_count));
    TORC_TRY(place_inputs(low));
    for (uint32_t level = 1; level <= low->level_count; level++) {
        TORC_TRY(emit_level(low, level));
    }
    for (uint32_t o = 0; o < program->output_count; o++) {
        TORC_TRY(emit_output(low, o));
    }
    return torc_lower_plan_memory(low->ctx, program, low->element_count);
}

static torc_status lower(torc_lowering *low)
{
    const size_t count = low->g->node_count;
    TORC_TRY(TORC_ALLOC(low->ctx, low->level, count));
    TORC_TRY(TORC_ALLOC(low->ctx, low->first_source, count));
    TORC_TRY(TORC_ALLOC(low->ctx, low->input, low->c->input_count));
    TORC_TRY(TORC_ALLOC(low->ctx, low->affine, count));
    TORC_TRY(TORC_ALLOC(low->ctx, low->parent, count));
    TORC_TRY(TORC_ALLOC(low->ctx, low->encoding, count));
    torc_graph_input_nodes(low->g, low->input, low->c->input_count);
    find_levels(low);
    TORC_TRY(number_inputs(low));
    number_lookups(low);
    TORC_TRY(compose_rows(low));
    TORC_TRY(torc_lower_components(low));
    return emit(low);
}

static void lowering_free(torc_lowering *low)
{
    for (uint32_t id = 0; low->affine != NULL && id < low->g->node_count; id++) {
        torc_affine_free(&low->affine[id]);
    }
    free(low->level);
    free(low->first_source);
    free(low->input);
    free(low->clear_max);
    free(low->affine);
    free(low->parent);
    free(low->encoding);
    free(low->linear);
}

torc_status torc_stage_lower(torc_ctx *ctx, torc_compilation *c)
{
    torc_lowering low = {.ctx = ctx, .c = c, .g = c->graph};
    const torc_status status = lower(&low);
    lowering_free(&low);
    return status;
}
