/* Affine rows -> linear instructions. Rows that read the same elements form a group, so that a
 * dense layer becomes one matrix and a convolution one group a position. */
#include "frontend/lower.h"
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

typedef struct rows_view { /* rows first .. first + count - 1 of a node */
    const torc_affine *affine;
    size_t first, count;
    size_t length; /* most terms with a source in a row; shorter rows gather nothing at their end */
    uint32_t shift, encoding;
} rows_view;

static size_t sourced_length(const torc_affine *affine, size_t r)
{
    size_t length = affine->begin[r + 1] - affine->begin[r];
    /* terms without a source sort last: TORC_NO_SOURCE is the largest id */
    while (length > 0 && affine->term[affine->begin[r] + length - 1].source == TORC_NO_SOURCE) {
        length--;
    }
    return length;
}

static bool same_sources(const rows_view *v, size_t r, size_t s)
{
    const torc_term *a = v->affine->term + v->affine->begin[v->first + r];
    const torc_term *b = v->affine->term + v->affine->begin[v->first + s];
    const size_t length = sourced_length(v->affine, v->first + r);
    if (sourced_length(v->affine, v->first + s) != length) {
        return false;
    }
    for (size_t t = 0; t < length; t++) {
        if (a[t].source != b[t].source) {
            return false;
        }
    }
    return true;
}

/* How rows fall into groups: row index = g * group_stride + o * out_stride. */
typedef struct grouping {
    size_t groups, outs, group_stride, out_stride;
} grouping;

static bool fits(const rows_view *v, const grouping *how)
{
    for (size_t g = 0; g < how->groups; g++) {
        for (size_t o = 1; o < how->outs; o++) {
            if (!same_sources(v, g * how->group_stride,
                              g * how->group_stride + o * how->out_stride)) {
                return false;
            }
        }
    }
    return true;
}

/* Tries one matrix, channel-major positions (convolutions), position-major, else a group a row. */
static grouping choose_grouping(const rows_view *v)
{
    size_t run = 1;
    while (run < v->count && same_sources(v, 0, run)) {
        run++;
    }
    if (run > 1 && v->count % run == 0) {
        const grouping blocks = {v->count / run, run, run, 1};
        if (fits(v, &blocks)) {
            return blocks;
        }
    }
    size_t period = 1;
    while (period < v->count && !same_sources(v, 0, period)) {
        period++;
    }
    if (period < v->count && v->count % period == 0) {
        const grouping interleaved = {period, v->count / period, 1, period};
        if (fits(v, &interleaved)) {
            return interleaved;
        }
    }
    const grouping single = {v->count, 1, 1, 1};
    return single;
}

static torc_status alloc_linear(torc_lowering *low, torc_linear *linear, size_t clear_terms)
{
    const size_t g = linear->group_count;
    const size_t weights = g * linear->out_count * linear->in_count;
    TORC_TRY(TORC_ALLOC(low->ctx, linear->gather, g * linear->in_count));
    TORC_TRY(TORC_ALLOC(low->ctx, linear->weight, weights));
    TORC_TRY(TORC_ALLOC(low->ctx, linear->constant, g * linear->out_count));
    TORC_TRY(TORC_ALLOC(low->ctx, linear->constant_turns, g * linear->out_count));
    TORC_TRY(TORC_ALLOC(low->ctx, linear->weight_clear, weights));
    if (clear_terms > 0) {
        TORC_TRY(TORC_ALLOC(low->ctx, linear->clear_term_out, clear_terms));
        TORC_TRY(TORC_ALLOC(low->ctx, linear->clear_term_element, clear_terms));
        TORC_TRY(TORC_ALLOC(low->ctx, linear->clear_term_scale, clear_terms));
    }
    return TORC_OK;
}

/* A constant or a clear addend m stands for m * 2^(63 - W + shift). */
static uint64_t torus_scale(const rows_view *v)
{
    return (uint64_t)1 << (63 - v->encoding + v->shift);
}

/* m * 2^(63 - W + shift) is its lowest 64 bits, taken as signed, and this many times 2^64. */
static int64_t whole_turns(const rows_view *v, int64_t m)
{
    const __int128 wide = (__int128)m * ((__int128)1 << (63 - v->encoding + v->shift));
    return (int64_t)((wide - (int64_t)(uint64_t)wide) >> 64);
}

static torc_status fill_row(torc_lowering *low, const rows_view *v, torc_linear *linear, size_t g,
                            size_t o, size_t r)
{
    const torc_affine *affine = v->affine;
    const size_t cell = g * linear->out_count + o;
    const torc_term *term = affine->term + affine->begin[v->first + r];
    const size_t term_count = affine->begin[v->first + r + 1] - affine->begin[v->first + r];
    const size_t sourced = sourced_length(affine, v->first + r);
    for (size_t t = 0; t < v->length; t++) {
        linear->gather[g * linear->in_count + t] = TORC_NO_ELEMENT;
        linear->weight_clear[cell * linear->in_count + t] = TORC_NO_SOURCE;
    }
    for (size_t t = 0; t < sourced; t++) {
        int64_t weight = 0;
        if (__builtin_mul_overflow(term[t].weight, (int64_t)1 << v->shift, &weight)) {
            return torc_fail(low->ctx, TORC_E_WIDTH, "a weight exceeds 64 bits");
        }
        linear->gather[g * linear->in_count + t] = term[t].source;
        linear->weight[cell * linear->in_count + t] = weight;
        linear->weight_clear[cell * linear->in_count + t] = term[t].clear;
    }
    for (size_t t = sourced; t < term_count; t++) {
        const uint64_t scale = (uint64_t)term[t].weight * torus_scale(v);
        if (term[t].clear == TORC_NO_SOURCE) {
            linear->constant[cell] = scale;
            linear->constant_turns[cell] = whole_turns(v, term[t].weight);
            continue;
        }
        const uint32_t i = linear->clear_term_count++;
        linear->clear_term_out[i] = linear->out + (uint32_t)r;
        linear->clear_term_element[i] = term[t].clear;
        linear->clear_term_scale[i] = scale;
    }
    return TORC_OK;
}

/* Keeps one copy of weights and constants when all groups have the same. */
static void share_weights(torc_linear *linear)
{
    const size_t block = (size_t)linear->out_count * linear->in_count;
    bool same_weight = true;
    bool same_constant = true;
    bool any_clear = false;
    bool any_turn = false;
    for (size_t g = 0; g < linear->group_count; g++) {
        same_weight = same_weight &&
                      memcmp(linear->weight, linear->weight + g * block,
                             block * sizeof *linear->weight) == 0 &&
                      memcmp(linear->weight_clear, linear->weight_clear + g * block,
                             block * sizeof *linear->weight_clear) == 0;
        const size_t first = g * linear->out_count;
        for (size_t o = 0; o < linear->out_count; o++) {
            same_constant = same_constant && linear->constant[first + o] == linear->constant[o] &&
                            linear->constant_turns[first + o] == linear->constant_turns[o];
            any_turn = any_turn || linear->constant_turns[first + o] != 0;
        }
    }
    for (size_t i = 0; i < linear->group_count * block; i++) {
        any_clear = any_clear || linear->weight_clear[i] != TORC_NO_SOURCE;
    }
    linear->weight_groups = same_weight ? 1 : linear->group_count;
    linear->constant_groups = same_constant ? 1 : linear->group_count;
    if (!any_turn) {
        free(linear->constant_turns);
        linear->constant_turns = NULL;
    }
    if (!any_clear) {
        free(linear->weight_clear);
        linear->weight_clear = NULL;
    }
}

static size_t count_clear_terms(const rows_view *v)
{
    size_t count = 0;
    for (size_t t = v->affine->begin[v->first]; t < v->affine->begin[v->first + v->count]; t++) {
        const torc_term *term = &v->affine->term[t];
        count += term->source == TORC_NO_SOURCE && term->clear != TORC_NO_SOURCE;
    }
    return count;
}

static torc_status fill_linear(torc_lowering *low, const rows_view *v, const grouping *how,
                               torc_linear *linear)
{
    TORC_TRY(alloc_linear(low, linear, count_clear_terms(v)));
    for (size_t g = 0; g < how->groups; g++) {
        for (size_t o = 0; o < how->outs; o++) {
            TORC_TRY(fill_row(low, v, linear, g, o, g * how->group_stride + o * how->out_stride));
        }
    }
    share_weights(linear);
    return TORC_OK;
}

static torc_status emit_run(torc_lowering *low, const rows_view *v, uint32_t level, uint32_t out)
{
    const grouping how = choose_grouping(v);
    torc_instr instr = {.kind = TORC_INSTR_LINEAR, .level = level};
    instr.linear.group_count = (uint32_t)how.groups;
    instr.linear.out_count = (uint32_t)how.outs;
    instr.linear.in_count = (uint32_t)v->length;
    instr.linear.out = out;
    instr.linear.out_group_stride = (uint32_t)how.group_stride;
    instr.linear.out_stride = (uint32_t)how.out_stride;
    torc_status status = fill_linear(low, v, &how, &instr.linear);
    if (status == TORC_OK) {
        status = torc_lower_push_instr(low, &instr);
    }
    if (status != TORC_OK) {
        torc_instr_free(&instr);
    }
    return status;
}

/* The longest run of rows from v->first on that pads to at most twice its terms. */
static void choose_run(rows_view *v)
{
    size_t terms = 0;
    v->count = 0;
    v->length = 0;
    while (v->first + v->count < v->affine->row_count) {
        const size_t length = sourced_length(v->affine, v->first + v->count);
        const size_t longest = length > v->length ? length : v->length;
        if (v->count > 0 && longest * (v->count + 1) > 2 * (terms + length) + 16) {
            return;
        }
        v->length = longest;
        terms += length;
        v->count++;
    }
}

static torc_status remember(torc_lowering *low, uint32_t node, uint32_t shift, uint32_t first)
{
    if (low->linear_count == low->linear_capacity) {
        low->linear_capacity = low->linear_capacity == 0 ? 16 : 2 * low->linear_capacity;
        torc_materialised *grown = realloc(low->linear, low->linear_capacity * sizeof *low->linear);
        if (grown == NULL) {
            return torc_fail(low->ctx, TORC_E_MEMORY, "out of memory while lowering");
        }
        low->linear = grown;
    }
    low->linear[low->linear_count++] = (torc_materialised){node, shift, first};
    return TORC_OK;
}

torc_status torc_lower_materialise(torc_lowering *low, uint32_t node, uint32_t shift,
                                   uint32_t level, uint32_t *first)
{
    for (uint32_t i = 0; i < low->linear_count; i++) {
        if (low->linear[i].node == node && low->linear[i].shift == shift) {
            *first = low->linear[i].first;
            return TORC_OK;
        }
    }
    const torc_affine *affine = &low->affine[node];
    *first = low->element_count;
    low->element_count += (uint32_t)affine->row_count;
    rows_view v = {.affine = affine, .shift = shift, .encoding = torc_lower_encoding(low, node)};
    for (size_t r = 0; r < affine->row_count; r += v.count) {
        v.first = r;
        choose_run(&v);
        TORC_TRY(emit_run(low, &v, level, *first + (uint32_t)r));
    }
    return remember(low, node, shift, *first);
}
