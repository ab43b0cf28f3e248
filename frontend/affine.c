/* Storage of affine rows, and how products and sums of rows are formed. Knows no op: see
 * affine_ops.c. */
#include "frontend/affine_rows.h"
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

void torc_affine_free(torc_affine *affine)
{
    if (affine != NULL) {
        free(affine->begin);
        free(affine->term);
        *affine = (torc_affine){0};
    }
}

torc_status torc_rows_begin(torc_ctx *ctx, torc_rows *rows, size_t row_count)
{
    *rows = (torc_rows){.ctx = ctx};
    rows->out.row_count = row_count;
    return TORC_ALLOC(ctx, rows->out.begin, row_count + 1);
}

static torc_status grow(torc_rows *rows)
{
    if (rows->count == TORC_MAX_TERMS) {
        return torc_fail(rows->ctx, TORC_E_WIDTH,
                         "linear part has more than %u weights after composing its layers; "
                         "put a lookup between the layers",
                         TORC_MAX_TERMS);
    }
    const size_t capacity = rows->capacity == 0 ? 256 : 2 * rows->capacity;
    torc_term *term = realloc(rows->out.term, capacity * sizeof *term);
    if (term == NULL) {
        return torc_fail(rows->ctx, TORC_E_MEMORY, "out of memory for %zu weights", capacity);
    }
    rows->out.term = term;
    rows->capacity = capacity;
    return TORC_OK;
}

torc_status torc_rows_push(torc_rows *rows, torc_term term)
{
    if (rows->count == rows->capacity) {
        TORC_TRY(grow(rows));
    }
    rows->out.term[rows->count++] = term;
    return TORC_OK;
}

torc_status torc_rows_push_scaled(torc_rows *rows, const torc_affine *in, size_t row, int64_t scale)
{
    for (size_t t = in->begin[row]; t < in->begin[row + 1]; t++) {
        torc_term term = in->term[t];
        if (__builtin_mul_overflow(term.weight, scale, &term.weight)) {
            return torc_fail(rows->ctx, TORC_E_WIDTH, "a weight exceeds 64 bits");
        }
        TORC_TRY(torc_rows_push(rows, term));
    }
    return TORC_OK;
}

static torc_status multiply_terms(torc_rows *rows, torc_term a, torc_term b)
{
    if (a.source != TORC_NO_SOURCE && b.source != TORC_NO_SOURCE) {
        return torc_fail(rows->ctx, TORC_E_UNSUPPORTED,
                         "product of two encrypted values; rewrite it with table lookups: "
                         "((x+y)^2 - (x-y)^2) / 4");
    }
    if (a.clear != TORC_NO_SOURCE && b.clear != TORC_NO_SOURCE) {
        return torc_fail(rows->ctx, TORC_E_UNSUPPORTED,
                         "product of two clear run-time values; compute it before the circuit");
    }
    torc_term product = {.source = a.source != TORC_NO_SOURCE ? a.source : b.source,
                         .clear = a.clear != TORC_NO_SOURCE ? a.clear : b.clear};
    if (__builtin_mul_overflow(a.weight, b.weight, &product.weight)) {
        return torc_fail(rows->ctx, TORC_E_WIDTH, "a weight exceeds 64 bits");
    }
    return torc_rows_push(rows, product);
}

torc_status torc_rows_push_product(torc_rows *rows, const torc_affine *a, size_t row_a,
                                   const torc_affine *b, size_t row_b)
{
    for (size_t i = a->begin[row_a]; i < a->begin[row_a + 1]; i++) {
        for (size_t j = b->begin[row_b]; j < b->begin[row_b + 1]; j++) {
            TORC_TRY(multiply_terms(rows, a->term[i], b->term[j]));
        }
    }
    return TORC_OK;
}

static int compare_terms(const void *a, const void *b)
{
    const torc_term *x = a;
    const torc_term *y = b;
    if (x->source != y->source) {
        return x->source < y->source ? -1 : 1;
    }
    return (x->clear > y->clear) - (x->clear < y->clear);
}

/* Sorts the terms pushed since the row began, adds up equal keys, drops zeros. */
torc_status torc_rows_end_row(torc_rows *rows)
{
    torc_term *term = rows->out.term;
    const size_t first = rows->out.begin[rows->row];
    if (rows->count - first > 1) {
        qsort(term + first, rows->count - first, sizeof *term, compare_terms);
    }
    size_t last = first;
    for (size_t t = first; t < rows->count; t++) {
        if (last > first && compare_terms(&term[last - 1], &term[t]) == 0) {
            if (__builtin_add_overflow(term[last - 1].weight, term[t].weight,
                                       &term[last - 1].weight)) {
                return torc_fail(rows->ctx, TORC_E_WIDTH, "a weight exceeds 64 bits");
            }
        } else {
            term[last++] = term[t];
        }
        if (term[last - 1].weight == 0) {
            last--;
        }
    }
    rows->count = last;
    rows->out.begin[++rows->row] = last;
    return TORC_OK;
}

torc_status torc_rows_finish(torc_rows *rows, torc_status status, torc_affine *out)
{
    if (status == TORC_OK) {
        *out = rows->out;
    } else {
        torc_affine_free(&rows->out);
    }
    return status;
}

static torc_status push_sources(torc_rows *rows, size_t count, uint32_t first, bool clear)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t id = first + (uint32_t)i;
        const torc_term term = {.source = clear ? TORC_NO_SOURCE : id,
                                .clear = clear ? id : TORC_NO_SOURCE,
                                .weight = 1};
        TORC_TRY(torc_rows_push(rows, term));
        TORC_TRY(torc_rows_end_row(rows));
    }
    return TORC_OK;
}

torc_status torc_affine_sources(torc_ctx *ctx, torc_affine *out, size_t count, uint32_t first,
                                bool clear)
{
    torc_rows rows;
    *out = (torc_affine){0};
    TORC_TRY(torc_rows_begin(ctx, &rows, count));
    return torc_rows_finish(&rows, push_sources(&rows, count, first, clear), out);
}

uint32_t torc_affine_alias(const torc_affine *affine, size_t row, int64_t *constant)
{
    const torc_term *term = affine->term + affine->begin[row];
    const size_t count = affine->begin[row + 1] - affine->begin[row];
    if (count == 0 || count > 2 || term[0].weight != 1 || term[0].source == TORC_NO_SOURCE ||
        term[0].clear != TORC_NO_SOURCE) {
        return TORC_NO_SOURCE;
    }
    *constant = 0;
    if (count == 2) {
        if (term[1].source != TORC_NO_SOURCE || term[1].clear != TORC_NO_SOURCE) {
            return TORC_NO_SOURCE;
        }
        *constant = term[1].weight;
    }
    return term[0].source;
}
