/* Noise rows: what the parameter search must satisfy, from the affine rows. Norms are exact per
 * source; lookups of equal kind and width whose norms agree to an eighth of a bit share a row,
 * rounded up. */
#include "frontend/lower.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>

/* Upper bound of the squared weight on each source, summed apart for inputs and lookup outputs. A
 * clear run-time factor counts with the largest magnitude it may take. */
static void add_norms(const torc_lowering *low, const torc_affine *affine, size_t r, double scale,
                      double *fresh, double *lookup)
{
    size_t t = affine->begin[r];
    while (t < affine->begin[r + 1]) {
        const uint32_t source = affine->term[t].source;
        double weight = 0;
        for (; t < affine->begin[r + 1] && affine->term[t].source == source; t++) {
            const uint32_t clear = affine->term[t].clear;
            weight += fabs((double)affine->term[t].weight) *
                      (clear == TORC_NO_SOURCE ? 1.0 : low->clear_max[clear]);
        }
        if (source != TORC_NO_SOURCE) {
            *(source < low->fresh_count ? fresh : lookup) += weight * weight * scale * scale;
        }
    }
}

static double round_up_norm(double norm_sq)
{
    return norm_sq == 0 ? 0 : exp2(ceil(log2(norm_sq) * 8 - 1e-9) / 8);
}

static bool same_row(const torc_noise_row *a, const torc_noise_row *b)
{
    return a->kind == b->kind && a->bits == b->bits && a->norm_sq_fresh == b->norm_sq_fresh &&
           a->norm_sq_lookup == b->norm_sq_lookup && a->max_std == b->max_std;
}

torc_status torc_lower_noise_row(torc_lowering *low, uint32_t *index, torc_row_kind kind,
                                 uint32_t bits, double max_std, uint32_t node, size_t r,
                                 uint32_t shift)
{
    torc_compilation *c = low->c;
    torc_noise_row row = {.kind = kind, .bits = bits, .max_std = max_std, .count = 1};
    add_norms(low, &low->affine[node], r, exp2(shift), &row.norm_sq_fresh, &row.norm_sq_lookup);
    row.norm_sq_fresh = round_up_norm(row.norm_sq_fresh);
    row.norm_sq_lookup = round_up_norm(row.norm_sq_lookup);
    for (uint32_t i = 0; i < c->row_count; i++) {
        if (same_row(&c->rows[i], &row)) {
            c->rows[i].count++;
            *index = i;
            return TORC_OK;
        }
    }
    if (c->row_count == low->row_capacity) {
        low->row_capacity = low->row_capacity == 0 ? 64 : 2 * low->row_capacity;
        torc_noise_row *rows = realloc(c->rows, low->row_capacity * sizeof *rows);
        if (rows == NULL) {
            return torc_fail(low->ctx, TORC_E_MEMORY, "out of memory for noise rows");
        }
        c->rows = rows;
    }
    *index = c->row_count;
    c->rows[c->row_count++] = row;
    return TORC_OK;
}
