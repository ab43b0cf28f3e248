/* One complete choice of integers: fits every layer in order, with windows and source widths chosen
 * by the error that they cause on the inputset. */
#include "frontend/quantize.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>

/* A wider window, hence larger weights and more noise, must be worth this factor in error. */
#define WORTH 0.97

typedef struct chooser {
    torc_ctx *ctx;
    torc_quant_try *t;
    const torc_quant_plan *plan;
    uint32_t max_bits;        /* of a source */
    uint32_t *component_bits; /* window that the component's first layer took; 0: none yet */
} chooser;

static uint32_t index_bits(const chooser *c, uint32_t window_bits)
{
    uint32_t p = c->plan->options->lookup_bits;
    return p < window_bits ? p : window_bits;
}

static uint32_t default_bits(const chooser *c, uint32_t source)
{
    uint32_t bits = c->plan->sources[source].input == TORC_QUANT_NONE
                        ? TORC_QUANT_OUTPUT_BITS
                        : c->plan->options->input_bits;
    return bits < c->max_bits ? bits : c->max_bits;
}

/* --- tables of a fitted layer --------------------------------------------------------------------
 */

/* Error of all functions of the layer, before their values are rounded. */
static torc_status layer_error(chooser *c, double *error, uint32_t layer, const torc_quant_fit *fit)
{
    *error = 0;
    for (uint32_t i = 0; i < c->plan->source_count; i++) {
        if (c->plan->sources[i].layer != layer) {
            continue;
        }
        torc_quant_table table;
        TORC_TRY(torc_quant_table_create(c->ctx, &table, c->plan, i, fit,
                                         index_bits(c, fit->window_bits)));
        *error += torc_quant_table_error(c->plan, i, &table, fit);
        torc_quant_table_free(&table);
    }
    return TORC_OK;
}

/* Fits with one window and measures it; a fit that does not exist has an infinite error. */
static torc_status measure_window(chooser *c, double *error, uint32_t *needed, uint32_t layer,
                                  uint32_t window_bits)
{
    torc_quant_fit fit;
    bool fits;
    *error = INFINITY;
    TORC_TRY(torc_quant_fit_layer(c->ctx, &fit, &fits, needed, c->t, layer, window_bits));
    torc_status status = fits ? layer_error(c, error, layer, &fit) : TORC_OK;
    torc_quant_fit_free(&fit);
    return status;
}

/* --- rounded contract: any window, lookups read its top bits
 * ----------------------------------------- */

static torc_status choose_window(chooser *c, uint32_t *window_bits, uint32_t layer)
{
    uint32_t low;
    uint32_t high;
    uint32_t needed;
    double best = INFINITY;
    torc_quant_window_range(c->t, layer, &low, &high);
    *window_bits = high;
    for (uint32_t w = low; w <= high; w++) {
        double error;
        TORC_TRY(measure_window(c, &error, &needed, layer, w));
        if (error < WORTH * best) {
            best = error;
            *window_bits = w;
        }
    }
    return TORC_OK;
}

/* --- exact contract: the window is what a lookup can read, sources get what fits it
 * -------------------- */

static torc_status fix_open_sources(chooser *c, const bool *open, uint32_t bits)
{
    for (uint32_t i = 0; i < c->plan->source_count; i++) {
        if (open[i]) {
            uint32_t most = default_bits(c, i);
            TORC_TRY(torc_quant_fix_source(c->ctx, c->t, i, bits < most ? bits : most));
        }
    }
    return TORC_OK;
}

/* open[source]: the layer reads it and its width is not fixed yet. */
static void find_open_sources(const chooser *c, bool *open, uint32_t layer)
{
    const torc_real_rows *rows = &c->plan->layers[layer].rows;
    uint32_t source = 0;
    for (size_t t = 0; t < rows->begin[rows->count]; t++) {
        uint32_t element = rows->term[t].source;
        while (element < c->plan->sources[source].first ||
               element >= c->plan->sources[source].first + c->plan->sources[source].count) {
            source = (source + 1) % c->plan->source_count;
        }
        open[source] = c->t->source_bits[source] == 0;
    }
}

/* The widths of the open sources that give the least error; *needed is set when none fits. */
static torc_status search_source_bits(chooser *c, const bool *open, uint32_t *best_bits,
                                      uint32_t *needed, uint32_t layer, uint32_t window_bits)
{
    double best = INFINITY;
    uint32_t least = UINT32_MAX;
    *best_bits = 0;
    for (uint32_t bits = 1; bits <= TORC_QUANT_OUTPUT_BITS && bits <= c->max_bits; bits++) {
        double error;
        TORC_TRY(fix_open_sources(c, open, bits));
        TORC_TRY(measure_window(c, &error, needed, layer, window_bits));
        if (error < best) {
            best = error;
            *best_bits = bits;
        }
        least = *needed < least ? *needed : least;
    }
    *needed = *best_bits ? 0 : least;
    return TORC_OK;
}

static torc_status choose_exact(chooser *c, uint32_t *window_bits, uint32_t layer)
{
    uint32_t best_bits;
    uint32_t needed = 0;
    bool *open;
    *window_bits = c->plan->options->lookup_bits;
    TORC_TRY(TORC_ALLOC(c->ctx, open, c->plan->source_count));
    find_open_sources(c, open, layer);
    torc_status status = search_source_bits(c, open, &best_bits, &needed, layer, *window_bits);
    if (status == TORC_OK && needed) {
        status = torc_fail(c->ctx, TORC_E_WIDTH,
                           "%s: with inputs of 1 bit and weights -1, 0, 1 its sums still take %u "
                           "bits, an exact lookup reads %u; drop --exact, raise --bits (at most 8) "
                           "or make the layer narrower",
                           c->plan->g->nodes[c->plan->layers[layer].node].where, needed,
                           c->plan->options->lookup_bits);
    }
    if (status == TORC_OK) {
        status = fix_open_sources(c, open, best_bits);
    }
    free(open);
    return status;
}

/* --- layers in order -----------------------------------------------------------------------------
 */

static torc_status make_tables(chooser *c, uint32_t layer)
{
    const torc_quant_fit *fit = &c->t->fits[layer];
    for (uint32_t i = 0; i < c->plan->source_count; i++) {
        if (c->plan->sources[i].layer == layer) {
            TORC_TRY(torc_quant_table_create(c->ctx, &c->t->tables[i], c->plan, i, fit,
                                             index_bits(c, fit->window_bits)));
            if (!c->plan->options->exact) {
                TORC_TRY(torc_quant_fix_source(c->ctx, c->t, i, default_bits(c, i)));
            }
        }
    }
    return TORC_OK;
}

static torc_status fit_lookup_layer(chooser *c, uint32_t layer)
{
    uint32_t *shared = &c->component_bits[c->plan->layers[layer].component];
    uint32_t window_bits;
    uint32_t needed;
    bool fits;
    if (c->plan->options->exact) {
        TORC_TRY(choose_exact(c, &window_bits, layer));
    } else if (*shared) {
        window_bits = *shared;
    } else {
        TORC_TRY(choose_window(c, &window_bits, layer));
    }
    *shared = window_bits;
    TORC_TRY(
        torc_quant_fit_layer(c->ctx, &c->t->fits[layer], &fits, &needed, c->t, layer, window_bits));
    if (!fits) { /* only a window that was forced by another layer of the component can be too small
                  */
        return torc_fail(c->ctx, TORC_E_WIDTH, "%s: its sums take %u bits, %u are available",
                         c->plan->g->nodes[c->plan->layers[layer].node].where, needed, window_bits);
    }
    return make_tables(c, layer);
}

static torc_status fit_output_layer(chooser *c, uint32_t layer)
{
    enum { MAX_OUTPUT_BITS = 48 };
    uint32_t shared = c->component_bits[c->plan->layers[layer].component];
    return torc_quant_fit_output(c->ctx, &c->t->outputs[layer], c->t, layer,
                                 shared ? shared : MAX_OUTPUT_BITS);
}

static torc_status fit_all(chooser *c)
{
    const torc_quant_plan *plan = c->plan;
    for (uint32_t i = 0; i < plan->source_count && !plan->options->exact; i++) {
        if (plan->sources[i].input != TORC_QUANT_NONE) {
            TORC_TRY(torc_quant_fix_source(c->ctx, c->t, i, default_bits(c, i)));
        }
    }
    for (uint32_t l = 0; l < plan->layer_count; l++) {
        if (plan->layers[l].feeds_lookup) {
            TORC_TRY(fit_lookup_layer(c, l));
        }
    }
    for (uint32_t i = 0; i < plan->source_count; i++) {
        if (c->t->source_bits[i] == 0) {
            TORC_TRY(torc_quant_fix_source(c->ctx, c->t, i, default_bits(c, i)));
        }
    }
    for (uint32_t l = 0; l < plan->layer_count; l++) {
        if (plan->layers[l].is_output) {
            TORC_TRY(fit_output_layer(c, l));
        }
    }
    return TORC_OK;
}

/* --- agreement -----------------------------------------------------------------------------------
 */

typedef struct power {
    double signal, noise;
} power;

/* out = offset + scale q against the float values, for one element of an output. */
static void add_power(power *p, const double *q, const double *real, double scale, double offset,
                      size_t samples)
{
    double mean = 0;
    for (size_t k = 0; k < samples; k++) {
        mean += real[k] / (double)samples;
    }
    for (size_t k = 0; k < samples; k++) {
        double error = offset + scale * q[k] - real[k];
        p->signal += (real[k] - mean) * (real[k] - mean);
        p->noise += error * error;
    }
}

static double signal_to_noise_db(const torc_quant_try *t)
{
    const torc_quant_plan *plan = t->plan;
    power p = {0, 0};
    for (uint32_t l = 0; l < plan->layer_count; l++) {
        for (size_t r = 0; plan->layers[l].is_output && r < plan->layers[l].rows.count; r++) {
            add_power(&p, t->outputs[l].value + r * plan->samples,
                      plan->layers[l].real + r * plan->samples, t->outputs[l].scale[r], 0,
                      plan->samples);
        }
    }
    for (uint32_t i = 0; i < plan->source_count; i++) {
        const torc_quant_source *s = &plan->sources[i];
        for (uint32_t e = s->first; s->is_output && e < s->first + s->count; e++) {
            add_power(&p, t->q + (size_t)e * plan->samples, plan->real + (size_t)e * plan->samples,
                      t->scale[e], t->offset[e], plan->samples);
        }
    }
    if (p.signal <= 0) {
        return 0;
    }
    return 10 * log10(p.signal / fmax(p.noise, p.signal * 1e-20));
}

/* --- the whole -----------------------------------------------------------------------------------
 */

static torc_status allocate(torc_ctx *ctx, torc_quant_try *t)
{
    const torc_quant_plan *plan = t->plan;
    TORC_TRY(TORC_ALLOC(ctx, t->source_bits, plan->source_count));
    TORC_TRY(TORC_ALLOC(ctx, t->scale, plan->element_count));
    TORC_TRY(TORC_ALLOC(ctx, t->offset, plan->element_count));
    TORC_TRY(TORC_ALLOC(ctx, t->q, plan->element_count * plan->samples));
    TORC_TRY(TORC_ALLOC(ctx, t->fits, plan->layer_count));
    TORC_TRY(TORC_ALLOC(ctx, t->outputs, plan->layer_count));
    return TORC_ALLOC(ctx, t->tables, plan->source_count);
}

void torc_quant_try_free(torc_quant_try *t)
{
    for (uint32_t l = 0; t->plan && l < t->plan->layer_count; l++) {
        if (t->fits) {
            torc_quant_fit_free(&t->fits[l]);
        }
        if (t->outputs) {
            torc_quant_fit_free(&t->outputs[l]);
        }
    }
    for (uint32_t i = 0; t->plan && t->tables && i < t->plan->source_count; i++) {
        torc_quant_table_free(&t->tables[i]);
    }
    free(t->source_bits);
    free(t->scale);
    free(t->offset);
    free(t->q);
    free(t->fits);
    free(t->outputs);
    free(t->tables);
    *t = (torc_quant_try){0};
}

torc_status torc_quant_try_create(torc_ctx *ctx, torc_quant_try *out, const torc_quant_plan *plan,
                                  bool common_grid, uint32_t max_bits)
{
    *out = (torc_quant_try){.plan = plan, .common_grid = common_grid};
    chooser c = {.ctx = ctx, .t = out, .plan = plan, .max_bits = max_bits};
    torc_status status = allocate(ctx, out);
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, c.component_bits, plan->layer_count);
    }
    if (status == TORC_OK) {
        status = fit_all(&c);
    }
    free(c.component_bits);
    if (status != TORC_OK) {
        torc_quant_try_free(out);
        return status;
    }
    out->signal_to_noise_db = signal_to_noise_db(out);
    return TORC_OK;
}
