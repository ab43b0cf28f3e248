/* Integer weights of one layer and the window of its lookups. */
#include "frontend/quantize.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One row being fitted: its terms, the products a_oi scale_i, and where the results go. */
typedef struct row_fit {
    const torc_quant_try *t;
    const torc_real_term *term;
    size_t term_count;
    double largest; /* of |a_oi scale_i| */
    int32_t *weight;
    double *target; /* [3][term_count] a_oi scale_i / s, and room for rounding */
    double *value;  /* [samples] sum w q, then v */
    double low, high;
} row_fit;

static double max_weight(const torc_quant_plan *plan)
{
    return exp2(plan->options->weight_bits - 1) - 1;
}

static double product(const row_fit *row, size_t i)
{
    return row->term[i].weight * row->t->scale[row->term[i].source];
}

static row_fit row_begin(const torc_quant_try *t, uint32_t layer, const torc_quant_fit *fit,
                         size_t r)
{
    const torc_real_rows *rows = &t->plan->layers[layer].rows;
    row_fit row = {.t = t,
                   .term = rows->term + rows->begin[r],
                   .term_count = rows->begin[r + 1] - rows->begin[r],
                   .weight = fit ? fit->weight + rows->begin[r] : NULL,
                   .target = fit ? fit->target + 3 * rows->begin[r] : NULL,
                   .value = fit ? fit->value + r * t->plan->samples : NULL};
    for (size_t i = 0; i < row.term_count; i++) {
        row.largest = fmax(row.largest, fabs(product(&row, i)));
    }
    return row;
}

static double real_range(const torc_quant_plan *plan, uint32_t layer, size_t r)
{
    const double *z = plan->layers[layer].real + r * plan->samples;
    double low = z[0];
    double high = z[0];
    for (size_t s = 1; s < plan->samples; s++) {
        low = fmin(low, z[s]);
        high = fmax(high, z[s]);
    }
    return high - low;
}

/* Rounds the weights at scale s and runs them over the inputset. */
static void run_row(row_fit *row, double s)
{
    size_t samples = row->t->plan->samples;
    memset(row->value, 0, samples * sizeof *row->value);
    for (size_t i = 0; i < row->term_count; i++) {
        row->target[i] = product(row, i) / s;
    }
    torc_quant_round(row->weight, row->target, row->term, row->term_count, &row->t->gram,
                     max_weight(row->t->plan), row->target + row->term_count);
    for (size_t i = 0; i < row->term_count; i++) {
        double w = row->weight[i];
        const double *q = row->t->q + (size_t)row->term[i].source * samples;
        for (size_t k = 0; w != 0 && k < samples; k++) {
            row->value[k] += w * q[k];
        }
    }
    row->low = row->value[0];
    row->high = row->value[0];
    for (size_t k = 1; k < samples; k++) {
        row->low = fmin(row->low, row->value[k]);
        row->high = fmax(row->high, row->value[k]);
    }
}

/* Units that stay free on each side of the calibrated range: 10 % of it and, under the rounded
 * contract, one bin (a quarter of the window when there are only two). */
static double margin_of(const torc_quant_plan *plan, const row_fit *row, uint32_t window_bits)
{
    double margin = ceil(TORC_QUANT_WIDEN * (row->high - row->low));
    if (!plan->options->exact) {
        uint32_t p =
            plan->options->lookup_bits < window_bits ? plan->options->lookup_bits : window_bits;
        double bin = exp2(window_bits - p);
        margin = fmax(margin, fmin(bin, exp2(window_bits) / 4));
    }
    return margin;
}

/* Finds the smallest scale at which the widened integer range fits the window. false: all weights
 * would vanish. */
static bool fit_row(const torc_quant_plan *plan, row_fit *row, double *scale, double range,
                    uint32_t window_bits)
{
    double limit = exp2(window_bits) - 1;
    double s = fmax(row->largest / max_weight(plan), range * (1 + 2 * TORC_QUANT_WIDEN) / limit);
    for (int i = 0; i < 200; i++) {
        if (s >= 2 * row->largest) {
            return false;
        }
        run_row(row, s);
        double needed = row->high - row->low + 2 * margin_of(plan, row, window_bits);
        if (needed <= limit) {
            *scale = s;
            return true;
        }
        s *= fmax(1.002, fmin(needed / limit, 1.1));
    }
    return false;
}

/* A row that depends on nothing sits in the middle of the window. */
static void fit_constant_row(row_fit *row, double *scale)
{
    run_row(row, 1);
    *scale = 1;
}

/* Centres the range in the window; the table takes the mean error of the rounded weights back. */
static void centre_row(const torc_quant_plan *plan, uint32_t layer, torc_quant_fit *fit, size_t r,
                       const row_fit *row)
{
    const double *z = plan->layers[layer].real + r * plan->samples;
    double limit = exp2(fit->window_bits) - 1;
    double constant = floor((limit - (row->high - row->low)) / 2) - row->low;
    double sum = 0;
    fit->constant[r] = (int64_t)constant;
    for (size_t k = 0; k < plan->samples; k++) {
        row->value[k] += constant;
        sum += z[k] - fit->scale[r] * row->value[k];
    }
    fit->shift[r] = sum / (double)plan->samples;
}

/* The width that ternary weights need: the least that any scale gives. */
static uint32_t least_bits(const torc_quant_plan *plan, row_fit *row)
{
    run_row(row, 1.999999 * row->largest);
    uint32_t bits = 1;
    while (bits < 62 && row->high - row->low + 2 * margin_of(plan, row, bits) > exp2(bits) - 1) {
        bits++;
    }
    return bits;
}

/* Below about 10 ms, threads cost more than they bring. */
static bool is_long_work(const torc_quant_plan *plan, uint32_t layer)
{
    const torc_real_rows *rows = &plan->layers[layer].rows;
    return rows->begin[rows->count] * plan->samples > 10000000;
}

/* --- a layer that lookups read -------------------------------------------------------------------
 */

static torc_status fit_create(torc_ctx *ctx, torc_quant_fit *out, const torc_quant_plan *plan,
                              uint32_t layer)
{
    const torc_real_rows *rows = &plan->layers[layer].rows;
    torc_quant_fit fit = {0};
    torc_status status = TORC_ALLOC(ctx, fit.weight, rows->begin[rows->count]);
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, fit.target, 3 * rows->begin[rows->count]);
    }
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, fit.constant, rows->count);
    }
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, fit.scale, rows->count);
    }
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, fit.shift, rows->count);
    }
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, fit.value, rows->count * plan->samples); /* checked by the plan */
    }
    if (status != TORC_OK) {
        torc_quant_fit_free(&fit);
        return status;
    }
    *out = fit;
    return TORC_OK;
}

void torc_quant_fit_free(torc_quant_fit *fit)
{
    free(fit->weight);
    free(fit->target);
    free(fit->constant);
    free(fit->scale);
    free(fit->shift);
    free(fit->value);
    *fit = (torc_quant_fit){0};
}

torc_status torc_quant_fit_layer(torc_ctx *ctx, torc_quant_fit *out, bool *fits,
                                 uint32_t *needed_bits, const torc_quant_try *t, uint32_t layer,
                                 uint32_t window_bits, uint32_t stride)
{
    const torc_quant_plan *plan = t->plan;
    size_t count = plan->layers[layer].rows.count;
    uint32_t needed = 0;
    bool parallel = is_long_work(plan, layer);
    TORC_TRY(fit_create(ctx, out, plan, layer));
    out->window_bits = window_bits;
    out->stride = stride;
#pragma omp parallel for reduction(max : needed) schedule(dynamic) if (parallel)
    for (size_t r = 0; r < count; r += stride) {
        row_fit row = row_begin(t, layer, out, r);
        if (row.largest == 0) {
            fit_constant_row(&row, &out->scale[r]);
        } else if (!fit_row(plan, &row, &out->scale[r], real_range(plan, layer, r), window_bits)) {
            uint32_t bits = least_bits(plan, &row);
            needed = bits > needed ? bits : needed;
            continue;
        }
        centre_row(plan, layer, out, r, &row);
    }
    *fits = needed == 0;
    *needed_bits = needed;
    return TORC_OK;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

void torc_quant_window_range(const torc_quant_try *t, uint32_t layer, uint32_t *low, uint32_t *high)
{
    enum { SPREAD = 3, MAX_ROWS = 4096, MAX_BITS = 40 };
    const torc_quant_plan *plan = t->plan;
    double bits[MAX_ROWS];
    size_t count = 0;
    for (size_t r = 0; r < plan->layers[layer].rows.count && count < MAX_ROWS; r++) {
        row_fit row = row_begin(t, layer, NULL, r);
        double range = real_range(plan, layer, r);
        if (row.largest > 0 && range > 0) {
            double units = max_weight(plan) * range / row.largest * (1 + 2 * TORC_QUANT_WIDEN);
            bits[count++] = fmin(fmax(log2(units), 1), MAX_BITS);
        }
    }
    if (count == 0) {
        *low = *high = plan->options->lookup_bits;
        return;
    }
    qsort(bits, count, sizeof *bits, by_value);
    double middle = bits[count / 2];
    *low = (uint32_t)fmax(floor(bits[0]), floor(middle) - SPREAD + 1);
    *high = (uint32_t)fmin(ceil(bits[count - 1]), ceil(middle) + SPREAD);
    *low = *low < 2 ? 2 : *low;
    *high = *high < *low ? *low : *high;
}

/* --- an output -----------------------------------------------------------------------------------
 */

/* Width of the integers of all rows together, their range widened. */
static uint32_t output_bits(const torc_quant_fit *fit, size_t count)
{
    double low = fit->value[0];
    double high = fit->value[0];
    for (size_t i = 1; i < count; i++) {
        low = fmin(low, fit->value[i]);
        high = fmax(high, fit->value[i]);
    }
    double margin = TORC_QUANT_WIDEN * (high - low);
    bool is_signed;
    return torc_range_bits(floor(low - margin), ceil(high + margin), &is_signed);
}

static void fit_output_row(const torc_quant_plan *plan, uint32_t layer, torc_quant_fit *fit,
                           size_t r, row_fit *row, double s)
{
    const double *z = plan->layers[layer].real + r * plan->samples;
    double sum = 0;
    run_row(row, s);
    for (size_t k = 0; k < plan->samples; k++) {
        sum += z[k] / s - row->value[k];
    }
    double constant = rint(sum / (double)plan->samples);
    fit->constant[r] = (int64_t)constant;
    fit->scale[r] = s;
    for (size_t k = 0; k < plan->samples; k++) {
        row->value[k] += constant;
    }
}

/* The scale at which the largest weight of the tensor takes these bits; for an output that
 * depends on nothing, one that keeps about 15 bits of its constants. */
static double output_scale(const torc_quant_try *t, uint32_t layer, uint32_t weight_bits)
{
    const torc_real_rows *rows = &t->plan->layers[layer].rows;
    double largest = 0;
    double bias = 0;
    for (size_t r = 0; r < rows->count; r++) {
        largest = fmax(largest, row_begin(t, layer, NULL, r).largest);
        bias = fmax(bias, fabs(rows->bias[r]));
    }
    if (largest == 0) {
        return bias > 0 ? bias / 32767 : 1;
    }
    return fmax(largest / (exp2(weight_bits - 1) - 1), bias / 0x1p40);
}

torc_status torc_quant_fit_output(torc_ctx *ctx, torc_quant_fit *out, const torc_quant_try *t,
                                  uint32_t layer, uint32_t weight_bits, uint32_t max_bits)
{
    const torc_quant_plan *plan = t->plan;
    size_t count = plan->layers[layer].rows.count;
    double s = output_scale(t, layer, weight_bits);
    bool parallel = is_long_work(plan, layer);
    TORC_TRY(fit_create(ctx, out, plan, layer));
    for (int i = 0; i < 64; i++) {
#pragma omp parallel for schedule(dynamic) if (parallel)
        for (size_t r = 0; r < count; r++) {
            row_fit row = row_begin(t, layer, out, r);
            fit_output_row(plan, layer, out, r, &row, s);
        }
        out->window_bits = output_bits(out, count * plan->samples);
        if (out->window_bits <= max_bits) {
            return TORC_OK;
        }
        s *= 2;
    }
    return TORC_OK;
}
