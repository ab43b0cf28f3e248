/* The program verifier: after it passes, every backend may index without checking again. It trusts
 * only that the arrays are as long as their counts say, and works in time and memory linear in the
 * program. Must not know encodings, keys or backends.
 *
 * depth[element]: lookups on the longest path to the value that the element holds now, or
 * NOT_WRITTEN. Reuse of an element by the memory plan is an ordinary overwrite. */
#include "runtime/program.h"
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

#define NOT_WRITTEN UINT32_MAX
#define MAX_TOTAL_WRITES \
    ((uint64_t)1 << 28) /* ends the walk of a hostile program within a second */

typedef struct checker {
    torc_ctx *ctx;
    const torc_program *program;
    uint32_t *depth;     /* [element_count] */
    bool *clear_written; /* [clear_count] */
    uint64_t write_count;
    uint32_t lookup_instr_count; /* so far */
    uint32_t instr;              /* being checked */
} checker;

static const char *kind_name(const checker *c)
{
    return c->program->instrs[c->instr].kind == TORC_INSTR_LINEAR ? "linear" : "lookup";
}

/* --- tables and places ---------------------------------------------------------------------------
 */

static torc_status check_tables(const checker *c, uint32_t max_index_bits)
{
    const torc_program *p = c->program;
    for (uint32_t i = 0; i < p->table_count; i++) {
        const uint32_t bits = p->tables[i].index_bits;
        if (bits < 1 || bits > max_index_bits) {
            return torc_fail(c->ctx, TORC_E_FORMAT,
                             "program: table %u has %u index bits, allowed are 1 to %u", i, bits,
                             max_index_bits);
        }
        if (p->tables[i].entry == NULL) {
            return torc_fail(c->ctx, TORC_E_FORMAT, "program: table %u has no entries", i);
        }
    }
    return TORC_OK;
}

static torc_status check_place_array(const checker *c, const torc_place *place, const char *what,
                                     uint32_t index)
{
    if (place->count == 0 || place->element == NULL) {
        return torc_fail(c->ctx, TORC_E_FORMAT, "program: %s %u has no elements", what, index);
    }
    const uint32_t limit = place->encrypted ? c->program->element_count : c->program->clear_count;
    for (uint32_t i = 0; i < place->count; i++) {
        if (place->element[i] >= limit) {
            return torc_fail(
                c->ctx, TORC_E_FORMAT, "program: %s %u stands at %s %u, there are only %u", what,
                index, place->encrypted ? "element" : "clear element", place->element[i], limit);
        }
    }
    return TORC_OK;
}

static torc_status check_inputs(checker *c)
{
    for (uint32_t p = 0; p < c->program->input_count; p++) {
        const torc_place *place = &c->program->inputs[p];
        TORC_TRY(check_place_array(c, place, "input", p));
        for (uint32_t i = 0; i < place->count; i++) {
            const uint32_t e = place->element[i];
            const bool taken = place->encrypted ? c->depth[e] != NOT_WRITTEN : c->clear_written[e];
            if (taken) {
                return torc_fail(c->ctx, TORC_E_FORMAT,
                                 "program: input %u writes %s %u, which an input wrote already", p,
                                 place->encrypted ? "element" : "clear element", e);
            }
            if (place->encrypted) {
                c->depth[e] = 0;
            } else {
                c->clear_written[e] = true;
            }
        }
    }
    return TORC_OK;
}

static torc_status check_outputs(const checker *c)
{
    for (uint32_t p = 0; p < c->program->output_count; p++) {
        const torc_place *place = &c->program->outputs[p];
        TORC_TRY(check_place_array(c, place, "output", p));
        for (uint32_t i = 0; i < place->count; i++) {
            const uint32_t e = place->element[i];
            const bool written =
                place->encrypted ? c->depth[e] != NOT_WRITTEN : c->clear_written[e];
            if (!written) {
                return torc_fail(c->ctx, TORC_E_FORMAT,
                                 "program: output %u stands at %s %u, which nothing writes", p,
                                 place->encrypted ? "element" : "clear element", e);
            }
        }
    }
    return TORC_OK;
}

/* --- instructions --------------------------------------------------------------------------------
 */

/* Elements outer.first + a*outer.stride + b*inner.stride, a < outer.count, b < inner.count. */
typedef struct grid {
    uint64_t first;
    uint64_t outer_count, outer_stride;
    uint64_t inner_count, inner_stride;
} grid;

/* Whether the inner axis fits within one outer step, so that no element is written twice. */
static bool grid_nests(const grid *g)
{
    const bool inner_moves = g->inner_count == 1 || g->inner_stride != 0;
    const uint64_t span = (g->inner_count - 1) * g->inner_stride + 1;
    return inner_moves && (g->outer_count == 1 || g->outer_stride >= span);
}

static bool grid_holds(const grid *g, uint64_t element)
{
    if (element < g->first) {
        return false;
    }
    const uint64_t from_first = element - g->first;
    const uint64_t outer = g->outer_count == 1 ? 0 : from_first / g->outer_stride;
    const uint64_t rest = from_first - outer * g->outer_stride * (g->outer_count != 1);
    if (outer >= g->outer_count) {
        return false;
    }
    if (g->inner_count == 1) {
        return rest == 0;
    }
    return rest % g->inner_stride == 0 && rest / g->inner_stride < g->inner_count;
}

static torc_status grid_of_linear(const checker *c, grid *out, const torc_linear *a)
{
    const grid by_group = {a->out, a->group_count, a->out_group_stride, a->out_count,
                           a->out_stride};
    const grid by_output = {a->out, a->out_count, a->out_stride, a->group_count,
                            a->out_group_stride};
    const uint64_t last = a->out + (uint64_t)(a->group_count - 1) * a->out_group_stride;
    const uint64_t limit = c->program->element_count;
    /* Two products of 32-bit numbers and a third do not exceed 64 bits together only if checked. */
    uint64_t end = 0;
    if (__builtin_add_overflow(last, (uint64_t)(a->out_count - 1) * a->out_stride, &end) ||
        end >= limit) {
        return torc_fail(c->ctx, TORC_E_FORMAT,
                         "program: instruction %u (linear) writes beyond element %u", c->instr,
                         c->program->element_count - 1);
    }
    if (!grid_nests(&by_group) && !grid_nests(&by_output)) {
        return torc_fail(c->ctx, TORC_E_FORMAT,
                         "program: instruction %u (linear) writes an element twice (%u groups at "
                         "stride %u, %u outputs at stride %u)",
                         c->instr, a->group_count, a->out_group_stride, a->out_count,
                         a->out_stride);
    }
    *out = grid_nests(&by_group) ? by_group : by_output;
    return TORC_OK;
}

/* One element read by the current instruction, which writes `written`. */
static torc_status check_read(const checker *c, const grid *written, uint32_t element,
                              uint32_t *max_depth)
{
    if (element >= c->program->element_count) {
        return torc_fail(c->ctx, TORC_E_FORMAT,
                         "program: instruction %u (%s) reads element %u, there are only %u",
                         c->instr, kind_name(c), element, c->program->element_count);
    }
    if (c->depth[element] == NOT_WRITTEN) {
        return torc_fail(c->ctx, TORC_E_FORMAT,
                         "program: instruction %u (%s) reads element %u before anything wrote it",
                         c->instr, kind_name(c), element);
    }
    if (grid_holds(written, element)) {
        return torc_fail(c->ctx, TORC_E_FORMAT,
                         "program: instruction %u (%s) reads element %u and writes it too",
                         c->instr, kind_name(c), element);
    }
    if (c->depth[element] > *max_depth) {
        *max_depth = c->depth[element];
    }
    return TORC_OK;
}

static torc_status check_clear_read(const checker *c, uint32_t element)
{
    if (element >= c->program->clear_count || !c->clear_written[element]) {
        return torc_fail(c->ctx, TORC_E_FORMAT,
                         "program: instruction %u (linear) reads clear element %u, which no input "
                         "gives (there are %u)",
                         c->instr, element, c->program->clear_count);
    }
    return TORC_OK;
}

/* The level is at least the depth of what is read (a lookup may wait for a fuller batch), at most
 * the number of lookup instructions before. */
static torc_status check_level(const checker *c, uint32_t depth)
{
    const uint32_t level = c->program->instrs[c->instr].level;
    if (level < depth || level > c->lookup_instr_count) {
        return torc_fail(
            c->ctx, TORC_E_FORMAT,
            "program: instruction %u (%s) claims level %u, its operands allow %u to %u", c->instr,
            kind_name(c), level, depth, c->lookup_instr_count);
    }
    return TORC_OK;
}

static torc_status mark_written(checker *c, const grid *written, uint32_t depth)
{
    c->write_count += written->outer_count * written->inner_count;
    if (c->write_count > MAX_TOTAL_WRITES) {
        return torc_fail(c->ctx, TORC_E_FORMAT,
                         "program: instruction %u (%s) brings the elements written above %llu, the "
                         "limit of one program",
                         c->instr, kind_name(c), (unsigned long long)MAX_TOTAL_WRITES);
    }
    for (uint64_t a = 0; a < written->outer_count; a++) {
        uint32_t *row = c->depth + written->first + a * written->outer_stride;
        for (uint64_t b = 0; b < written->inner_count; b++) {
            row[b * written->inner_stride] = depth;
        }
    }
    return TORC_OK;
}

static torc_status check_linear_shape(const checker *c, const torc_linear *a)
{
    const bool counts = a->group_count >= 1 && a->out_count >= 1;
    const bool weights = a->weight_groups == 1 || a->weight_groups == a->group_count;
    const bool constants = a->constant_groups == 1 || a->constant_groups == a->group_count;
    size_t size = 0;
    const bool fits =
        !__builtin_mul_overflow((size_t)a->out_count * a->in_count, a->weight_groups, &size) &&
        size <= SIZE_MAX / sizeof(int64_t);
    if (!counts || !weights || !constants || !fits) {
        return torc_fail(c->ctx, TORC_E_FORMAT,
                         "program: instruction %u (linear) has impossible sizes: %u groups, %u "
                         "outputs, %u sources, %u weight groups, %u constant groups",
                         c->instr, a->group_count, a->out_count, a->in_count, a->weight_groups,
                         a->constant_groups);
    }
    const bool terms =
        a->clear_term_count == 0 ||
        (a->clear_term_out != NULL && a->clear_term_element != NULL && a->clear_term_scale != NULL);
    const bool sources = a->in_count == 0 || (a->gather != NULL && a->weight != NULL);
    if (!terms || !sources || a->constant == NULL) {
        return torc_fail(c->ctx, TORC_E_FORMAT, "program: instruction %u (linear) lacks an array",
                         c->instr);
    }
    return TORC_OK;
}

static torc_status check_linear_clear(const checker *c, const grid *written, const torc_linear *a)
{
    const size_t weight_count = (size_t)a->weight_groups * a->out_count * a->in_count;
    for (size_t i = 0; a->weight_clear != NULL && i < weight_count; i++) {
        if (a->weight_clear[i] != TORC_NO_ELEMENT) {
            TORC_TRY(check_clear_read(c, a->weight_clear[i]));
        }
    }
    for (uint32_t t = 0; t < a->clear_term_count; t++) {
        TORC_TRY(check_clear_read(c, a->clear_term_element[t]));
        if (!grid_holds(written, a->clear_term_out[t])) {
            return torc_fail(c->ctx, TORC_E_FORMAT,
                             "program: instruction %u (linear) adds clear term %u to element %u, "
                             "which it does not write",
                             c->instr, t, a->clear_term_out[t]);
        }
    }
    return TORC_OK;
}

static torc_status check_linear(checker *c, const torc_linear *a)
{
    grid written;
    uint32_t depth = 0;
    TORC_TRY(check_linear_shape(c, a));
    TORC_TRY(grid_of_linear(c, &written, a));
    const size_t gather_count = (size_t)a->group_count * a->in_count;
    for (size_t i = 0; i < gather_count; i++) {
        if (a->gather[i] != TORC_NO_ELEMENT) {
            TORC_TRY(check_read(c, &written, a->gather[i], &depth));
        }
    }
    TORC_TRY(check_linear_clear(c, &written, a));
    TORC_TRY(check_level(c, depth));
    return mark_written(c, &written, c->program->instrs[c->instr].level);
}

static torc_status check_lookup(checker *c, const torc_lookup *a)
{
    const grid written = {a->out, 1, 0, a->count, 1};
    uint32_t depth = 0;
    if (a->count == 0 || a->in == NULL || a->table == NULL || a->offset == NULL) {
        return torc_fail(c->ctx, TORC_E_FORMAT, "program: instruction %u (lookup) is empty",
                         c->instr);
    }
    if ((uint64_t)a->out + a->count > c->program->element_count) {
        return torc_fail(c->ctx, TORC_E_FORMAT,
                         "program: instruction %u (lookup) writes beyond element %u", c->instr,
                         c->program->element_count - 1);
    }
    for (uint32_t i = 0; i < a->count; i++) {
        TORC_TRY(check_read(c, &written, a->in[i], &depth));
        if (a->table[i] >= c->program->table_count) {
            return torc_fail(c->ctx, TORC_E_FORMAT,
                             "program: instruction %u (lookup) uses table %u, there are only %u",
                             c->instr, a->table[i], c->program->table_count);
        }
    }
    TORC_TRY(check_level(c, depth));
    c->lookup_instr_count++;
    return mark_written(c, &written, c->program->instrs[c->instr].level + 1);
}

static torc_status check_instrs(checker *c)
{
    for (c->instr = 0; c->instr < c->program->instr_count; c->instr++) {
        const torc_instr *instr = &c->program->instrs[c->instr];
        switch (instr->kind) {
        case TORC_INSTR_LINEAR: TORC_TRY(check_linear(c, &instr->linear)); break;
        case TORC_INSTR_LOOKUP: TORC_TRY(check_lookup(c, &instr->lookup)); break;
        default:
            return torc_fail(c->ctx, TORC_E_FORMAT, "program: instruction %u is of unknown kind %d",
                             c->instr, (int)instr->kind);
        }
    }
    return TORC_OK;
}

static torc_status check_counts(torc_ctx *ctx, const torc_program *p)
{
    if (p->element_count > TORC_MAX_ELEMENTS || p->clear_count > TORC_MAX_ELEMENTS) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "program: %u elements and %u clear elements, at most %u of each",
                         p->element_count, p->clear_count, TORC_MAX_ELEMENTS);
    }
    if (p->output_count == 0) {
        return torc_fail(ctx, TORC_E_FORMAT, "program: it has no output");
    }
    if ((p->inputs == NULL && p->input_count != 0) || p->outputs == NULL ||
        (p->tables == NULL && p->table_count != 0) || (p->instrs == NULL && p->instr_count != 0)) {
        return torc_fail(ctx, TORC_E_FORMAT, "program: an array is missing");
    }
    return TORC_OK;
}

torc_status torc_program_check(torc_ctx *ctx, const torc_program *program, uint32_t max_index_bits)
{
    TORC_TRY(check_counts(ctx, program));
    checker c = {.ctx = ctx, .program = program};
    torc_status s = TORC_ALLOC(ctx, c.depth, program->element_count);
    if (s == TORC_OK) {
        s = TORC_ALLOC(ctx, c.clear_written, program->clear_count);
    }
    if (s == TORC_OK) {
        memset(c.depth, 0xff, program->element_count * sizeof *c.depth); /* NOT_WRITTEN */
        s = check_tables(&c, max_index_bits);
    }
    if (s == TORC_OK) {
        s = check_inputs(&c);
    }
    if (s == TORC_OK) {
        s = check_instrs(&c);
    }
    if (s == TORC_OK) {
        s = check_outputs(&c);
    }
    free(c.depth);
    free(c.clear_written);
    return s;
}
