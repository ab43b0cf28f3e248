/* Tables: the element-wise function of a layer, evaluated at the centre of every bin, and its
 * rounding to integers. */
#include "frontend/quantize.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void torc_quant_table_free(torc_quant_table *table)
{
    free(table->real);
    free(table->entry);
    *table = (torc_quant_table){0};
}

/* --- the function between a layer and a source, as a graph of its own ---------------------------
 */

typedef struct region {
    torc_ctx *ctx;
    const torc_graph *from;
    torc_graph *graph;
    uint32_t *copy; /* old id -> new id; NONE: not copied yet */
} region;

/* Copies node id and what it needs, in order; operands have smaller ids. */
static torc_status copy_node(region *r, uint32_t id)
{
    const torc_node *node = &r->from->nodes[id];
    torc_value *inputs;
    TORC_TRY(TORC_ALLOC(r->ctx, inputs, node->input_count));
    for (uint32_t i = 0; i < node->input_count; i++) {
        inputs[i].id = r->copy[node->inputs[i]];
    }
    r->copy[id] = torc_graph_add(r->graph, node->op, inputs, node->input_count, node).id;
    free(inputs);
    return torc_graph_status(r->ctx, r->graph);
}

/* needed[id]: between the key (left out) and the last node, constants included. */
static void mark_region(const torc_graph *g, bool *needed, uint32_t key, uint32_t last)
{
    needed[last] = true;
    for (uint32_t id = last + 1; id-- > 0;) {
        for (uint32_t i = 0; needed[id] && i < g->nodes[id].input_count; i++) {
            needed[g->nodes[id].inputs[i]] = g->nodes[id].inputs[i] != key;
        }
    }
}

/* The graph of the function, applied to [bins][shape of the key]: constants broadcast along the
 * bins. */
static torc_status build_region(region *r, uint32_t key, uint32_t last, size_t bins)
{
    const torc_type *type = &r->from->nodes[key].type;
    size_t shape[TORC_MAX_RANK] = {bins};
    bool *needed;
    if (type->rank + 1 > TORC_MAX_RANK) {
        return torc_fail(r->ctx, TORC_E_UNSUPPORTED, "%s: %u axes, at most %d are supported",
                         r->from->nodes[key].where, type->rank, TORC_MAX_RANK - 1);
    }
    memcpy(shape + 1, type->shape, type->rank * sizeof *shape);
    TORC_TRY(TORC_ALLOC(r->ctx, needed, last + 1));
    mark_region(r->from, needed, key, last);
    r->copy[key] = torc_input(r->graph, "z", true, TORC_F64, type->rank + 1, shape).id;
    torc_status status = TORC_OK;
    for (uint32_t id = 0; id <= last && status == TORC_OK; id++) {
        if (needed[id]) {
            status = copy_node(r, id);
        }
    }
    free(needed);
    return status;
}

/* y[bins][...] = f(z[bins][...]) */
static torc_status evaluate_region(torc_ctx *ctx, torc_tensor *y, const torc_graph *g, uint32_t key,
                                   uint32_t last, double *z, size_t bins)
{
    region r = {.ctx = ctx, .from = g};
    torc_tensor *values = NULL;
    TORC_TRY(torc_graph_create(ctx, &r.graph));
    torc_status status = TORC_ALLOC(ctx, r.copy, last + 1);
    if (status == TORC_OK) {
        status = build_region(&r, key, last, bins);
    }
    if (status == TORC_OK) {
        const torc_type *type = &r.graph->nodes[r.copy[key]].type;
        torc_tensor in = {.dtype = TORC_F64, .rank = type->rank};
        memcpy(in.shape, type->shape, sizeof in.shape);
        in.f64 = z; /* borrowed */
        status = torc_graph_eval(ctx, &values, r.graph, &in);
    }
    if (status == TORC_OK) {
        *y = values[r.copy[last]];
        values[r.copy[last]] = (torc_tensor){0};
        for (uint32_t i = 0; i < r.graph->node_count; i++) {
            torc_tensor_free(&values[i]);
        }
    }
    free(values);
    free(r.copy);
    torc_graph_free(r.graph);
    return status;
}

/* --- real tables ---------------------------------------------------------------------------------
 */

/* Real value at the centre of bin u for channel e. */
static double bin_centre(const torc_quant_fit *fit, uint32_t e, size_t u, uint32_t index_bits)
{
    double width = exp2(fit->window_bits - index_bits);
    return fit->shift[e] + fit->scale[e] * (((double)u + 0.5) * width - 0.5);
}

/* An undefined entry repeats the nearest defined one; calibration never reads it, because the float
 * run was finite everywhere. */
static torc_status fill_undefined(torc_ctx *ctx, torc_quant_table *table, double *row, size_t bins,
                                  const char *where)
{
    for (size_t u = 0; u < bins; u++) {
        if (isfinite(row[u])) {
            continue;
        }
        size_t best = SIZE_MAX;
        for (size_t k = 0; k < bins; k++) {
            size_t distance = k > u ? k - u : u - k;
            size_t least = best > u ? best - u : u - best;
            if (k != u && isfinite(row[k]) && (best == SIZE_MAX || distance < least)) {
                best = k;
            }
        }
        if (best == SIZE_MAX) {
            return torc_fail(ctx, TORC_E_UNSUPPORTED,
                             "%s: the function is not defined anywhere in its calibrated range",
                             where);
        }
        row[u] = row[best];
        table->filled_count++;
    }
    return TORC_OK;
}

static torc_status take_values(torc_ctx *ctx, torc_quant_table *table, const torc_tensor *y,
                               uint32_t count, uint32_t stride, const char *where)
{
    size_t bins = (size_t)1 << table->index_bits;
    for (uint32_t e = 0; e < count; e += stride) {
        double *row = table->real + e * bins;
        for (size_t u = 0; u < bins; u++) {
            size_t at = u * count + e;
            row[u] = y->dtype == TORC_F64 ? y->f64[at] : (double)y->i64[at];
        }
        TORC_TRY(fill_undefined(ctx, table, row, bins, where));
    }
    return TORC_OK;
}

torc_status torc_quant_table_create(torc_ctx *ctx, torc_quant_table *out,
                                    const torc_quant_plan *plan, uint32_t source,
                                    const torc_quant_fit *fit, uint32_t index_bits)
{
    const torc_quant_source *s = &plan->sources[source];
    size_t bins = (size_t)1 << index_bits;
    torc_quant_table table = {.index_bits = index_bits};
    torc_tensor y = {0};
    double *z;
    TORC_TRY(TORC_ALLOC(ctx, z, bins * s->count));
    for (size_t u = 0; u < bins; u++) {
        for (uint32_t e = 0; e < s->count; e++) {
            z[u * s->count + e] = bin_centre(fit, e, u, index_bits);
        }
    }
    torc_status status =
        evaluate_region(ctx, &y, plan->g, plan->layers[s->layer].node, s->node, z, bins);
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, table.real, bins * s->count);
    }
    if (status == TORC_OK) {
        status = take_values(ctx, &table, &y, s->count, fit->stride, plan->g->nodes[s->node].where);
    }
    free(z);
    torc_tensor_free(&y);
    if (status != TORC_OK) {
        torc_quant_table_free(&table);
        return status;
    }
    *out = table;
    return TORC_OK;
}

/* Bin of an accumulator; the fit keeps the inputset inside the window. */
static size_t bin_of(double value, const torc_quant_fit *fit, uint32_t index_bits)
{
    return (size_t)value >> (fit->window_bits - index_bits);
}

double torc_quant_table_error(const torc_quant_plan *plan, uint32_t source,
                              const torc_quant_table *table, const torc_quant_fit *fit)
{
    const torc_quant_source *s = &plan->sources[source];
    size_t bins = (size_t)1 << table->index_bits;
    double error = 0;
    for (uint32_t e = 0; e < s->count; e += fit->stride) {
        const double *real = plan->real + (size_t)(s->first + e) * plan->samples;
        const double *value = fit->value + (size_t)e * plan->samples;
        double sum = 0;
        for (size_t k = 0; k < plan->samples; k++) {
            double y = table->real[e * bins + bin_of(value[k], fit, table->index_bits)];
            sum += (y - real[k]) * (y - real[k]);
        }
        error += plan->importance[s->first + e] * sum;
    }
    return error / (double)plan->samples;
}

/* --- integers ------------------------------------------------------------------------------------
 */

/* Largest magnitude in a row of the table, and whether anything is negative. */
static double magnitude(const double *row, size_t count, bool *negative)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs(row[i]));
        *negative = *negative || row[i] < 0;
    }
    return largest;
}

static void choose_scales(torc_quant_try *t, uint32_t source, uint32_t bits)
{
    const torc_quant_source *s = &t->plan->sources[source];
    const torc_quant_table *table = &t->tables[source];
    size_t bins = (size_t)1 << table->index_bits;
    bool negative = false;
    double whole = magnitude(table->real, bins * s->count, &negative);
    bool ignored = false;
    double levels = exp2(negative ? bits - 1 : bits) - 1;
    levels = levels < 1 ? 1 : levels; /* one signed bit: -1, 0 and 1 */
    for (uint32_t e = 0; e < s->count; e++) {
        double largest = s->is_output ? whole : magnitude(table->real + e * bins, bins, &ignored);
        /* A channel that is always 0 must not stretch the weights that read it: scale 0. */
        t->scale[s->first + e] = largest > 0 || !s->is_output ? largest / levels : 1;
        t->offset[s->first + e] = 0;
    }
}

static torc_status round_table(torc_ctx *ctx, torc_quant_try *t, uint32_t source)
{
    const torc_quant_source *s = &t->plan->sources[source];
    torc_quant_table *table = &t->tables[source];
    size_t bins = (size_t)1 << table->index_bits;
    if (!table->entry) {
        TORC_TRY(TORC_ALLOC(ctx, table->entry, bins * s->count));
    }
    for (size_t i = 0; i < bins * s->count; i++) {
        double scale = t->scale[s->first + i / bins];
        table->entry[i] = scale > 0 ? (int64_t)rint(table->real[i] / scale) : 0;
    }
    return TORC_OK;
}

static torc_status fix_lookup(torc_ctx *ctx, torc_quant_try *t, uint32_t source, uint32_t bits)
{
    const torc_quant_plan *plan = t->plan;
    const torc_quant_source *s = &plan->sources[source];
    const torc_quant_fit *fit = &t->fits[s->layer];
    choose_scales(t, source, bits);
    TORC_TRY(round_table(ctx, t, source));
    const torc_quant_table *table = &t->tables[source];
    size_t bins = (size_t)1 << table->index_bits;
    for (uint32_t e = 0; e < s->count; e++) {
        const double *value = fit->value + (size_t)e * plan->samples;
        double *q = t->q + (size_t)(s->first + e) * plan->samples;
        for (size_t k = 0; k < plan->samples; k++) {
            q[k] = (double)table->entry[e * bins + bin_of(value[k], fit, table->index_bits)];
        }
    }
    return TORC_OK;
}

static void range_of(const double *x, size_t count, double *low, double *high)
{
    *low = x[0];
    *high = x[0];
    for (size_t i = 1; i < count; i++) {
        *low = fmin(*low, x[i]);
        *high = fmax(*high, x[i]);
    }
}

/* x = offset + scale q over the calibrated range, of each element or of the whole input. An element
 * that never changes gets a step too small to matter. */
static void fix_input(torc_quant_try *t, uint32_t source, uint32_t bits)
{
    const torc_quant_plan *plan = t->plan;
    const torc_quant_source *s = &plan->sources[source];
    double levels = exp2(bits) - 1;
    const double *all = plan->real + (size_t)s->first * plan->samples;
    double low;
    double high;
    range_of(all, s->count * plan->samples, &low, &high);
    for (uint32_t e = 0; e < s->count; e++) {
        const double *x = all + (size_t)e * plan->samples;
        double *q = t->q + (size_t)(s->first + e) * plan->samples;
        if (!t->common_grid) {
            range_of(x, plan->samples, &low, &high);
        }
        double tiny = fmax(fabs(low), 1) * 0x1p-20;
        double scale = high > low ? (high - low) / levels : tiny;
        t->scale[s->first + e] = scale;
        t->offset[s->first + e] = low;
        for (size_t k = 0; k < plan->samples; k++) {
            q[k] = fmin(fmax(nearbyint((x[k] - low) / scale), 0), levels);
        }
    }
}

torc_status torc_quant_fix_source(torc_ctx *ctx, torc_quant_try *t, uint32_t source, uint32_t bits)
{
    t->source_bits[source] = bits;
    if (t->plan->sources[source].input != TORC_QUANT_NONE) {
        fix_input(t, source, bits);
        return TORC_OK;
    }
    return fix_lookup(ctx, t, source, bits);
}
