/* One complete choice of integers: fits every layer in order, with windows and source widths chosen
 * by the error that they cause on the inputset. */
#include "frontend/quantize.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>

/* One more bit of window or weights doubles the weights, and with them the noise that parameters
 * must bear: it must bring the squared error down by this factor at least. */
#define WORTH 0.85

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

uint32_t torc_quant_entry_bits(const torc_options *options)
{
    return options->lookup_bits + 3 > 8 && !options->exact ? options->lookup_bits + 3 : 8;
}

static uint32_t default_bits(const chooser *c, uint32_t source)
{
    uint32_t bits = c->plan->sources[source].input == TORC_QUANT_NONE
                        ? torc_quant_entry_bits(c->plan->options)
                        : c->plan->options->input_bits;
    return bits < c->max_bits ? bits : c->max_bits;
}

/* Most bits that the integers of an output may take: those of the layers that share a source with
 * it. */
static uint32_t output_limit(const chooser *c, uint32_t layer)
{
    enum { MAX_OUTPUT_BITS = 48 };
    uint32_t shared = c->component_bits[c->plan->layers[layer].component];
    return shared ? shared : MAX_OUTPUT_BITS;
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
    enum { ENOUGH_ROWS = 64 }; /* a choice needs no more; refusing a layer needs them all */
    size_t rows = c->plan->layers[layer].rows.count;
    bool all = c->plan->options->exact || rows <= ENOUGH_ROWS;
    uint32_t stride = all ? 1 : (uint32_t)(rows / ENOUGH_ROWS);
    torc_quant_fit fit;
    bool fits;
    *error = INFINITY;
    TORC_TRY(torc_quant_fit_layer(c->ctx, &fit, &fits, needed, c->t, layer, window_bits, stride));
    torc_status status = fits ? layer_error(c, error, layer, &fit) : TORC_OK;
    torc_quant_fit_free(&fit);
    return status;
}

/* The best window under the rounded contract, where lookups read its top bits. */
static torc_status choose_window(chooser *c, double *best, uint32_t *window_bits, uint32_t *needed,
                                 uint32_t layer)
{
    uint32_t low;
    uint32_t high;
    *best = INFINITY;
    torc_quant_window_range(c->t, layer, &low, &high);
    for (uint32_t w = low; w <= high; w++) {
        double error;
        TORC_TRY(measure_window(c, &error, needed, layer, w));
        if (error < WORTH * *best) {
            *best = error;
            *window_bits = w;
        }
    }
    return TORC_OK;
}

/* Error of a layer with its sources as they are fixed now. Under the exact contract its window is
 * what a lookup can read; a component's first layer chooses for all of them. */
static torc_status measure_layer(chooser *c, double *error, uint32_t *window_bits, uint32_t *needed,
                                 uint32_t layer)
{
    uint32_t shared = c->component_bits[c->plan->layers[layer].component];
    if (c->plan->options->exact || shared) {
        *window_bits = shared ? shared : c->plan->options->lookup_bits;
        return measure_window(c, error, needed, layer, *window_bits);
    }
    return choose_window(c, error, window_bits, needed, layer);
}

/* Error of an output with weights of some width. */
static torc_status measure_output_bits(chooser *c, double *error, uint32_t layer,
                                       uint32_t weight_bits)
{
    const torc_quant_layer *l = &c->plan->layers[layer];
    torc_quant_fit fit;
    *error = 0;
    TORC_TRY(torc_quant_fit_output(c->ctx, &fit, c->t, layer, weight_bits, output_limit(c, layer)));
    for (size_t i = 0; i < l->rows.count * c->plan->samples; i++) {
        double off = fit.scale[i / c->plan->samples] * fit.value[i] - l->real[i];
        *error += off * off;
    }
    torc_quant_fit_free(&fit);
    return TORC_OK;
}

static torc_status measure_output(chooser *c, double *best, uint32_t *weight_bits, uint32_t layer)
{
    *best = INFINITY;
    for (uint32_t bits = 2; bits <= c->plan->options->weight_bits; bits++) {
        double error;
        TORC_TRY(measure_output_bits(c, &error, layer, bits));
        if (error < WORTH * *best) {
            *best = error;
            *weight_bits = bits;
        }
    }
    return TORC_OK;
}

/* --- widths of sources ---------------------------------------------------------------------------
 */

/* Sources that a layer reads: those whose width is open, and whether some are fixed already. */
typedef struct reads {
    bool *open; /* [source] */
    uint32_t open_count;
    bool any_fixed;
} reads;

static torc_status find_reads(const chooser *c, reads *r, uint32_t layer)
{
    const torc_quant_plan *plan = c->plan;
    const torc_real_rows *rows = &plan->layers[layer].rows;
    *r = (reads){0};
    TORC_TRY(TORC_ALLOC(c->ctx, r->open, plan->source_count));
    for (size_t t = 0; t < rows->begin[rows->count]; t++) {
        uint32_t source = torc_quant_owner(plan, rows->term[t].source);
        bool is_open = c->t->source_bits[source] == 0;
        r->open_count += is_open && !r->open[source];
        r->open[source] = is_open;
        r->any_fixed = r->any_fixed || !is_open;
    }
    return TORC_OK;
}

static torc_status fix_open(chooser *c, const reads *r, uint32_t bits)
{
    for (uint32_t i = 0; i < c->plan->source_count; i++) {
        if (r->open[i]) {
            uint32_t most = default_bits(c, i);
            TORC_TRY(torc_quant_fix_source(c->ctx, c->t, i, bits < most ? bits : most));
        }
    }
    return TORC_OK;
}

/* Takes the moments of the layer's sources, whose integers must be there. */
static torc_status look_at(chooser *c, uint32_t layer)
{
    torc_quant_gram_free(&c->t->gram);
    return torc_quant_gram_create(c->ctx, &c->t->gram, c->t, layer);
}

/* Open sources take all their bits, unless sums must fit a lookup (exact contract) or the layer
 * also reads sources of a fixed width: then the coarser side would take all the bits of the
 * weights. */
static uint32_t fewest_bits(const chooser *c, const reads *r)
{
    bool search = r->open_count > 0 && (c->plan->options->exact || r->any_fixed);
    return search ? 1 : c->max_bits;
}

typedef struct choice {
    double error;
    uint32_t bits;
    uint32_t window_bits; /* of an output: the width of its weights */
    uint32_t needed;
} choice;

static torc_status measure_choice(chooser *c, choice *now, const reads *r, uint32_t layer,
                                  bool is_output)
{
    TORC_TRY(fix_open(c, r, now->bits));
    TORC_TRY(look_at(c, layer));
    return is_output ? measure_output(c, &now->error, &now->window_bits, layer)
                     : measure_layer(c, &now->error, &now->window_bits, &now->needed, layer);
}

/* The widths of the open sources, and the window, of least error. best->window_bits is 0 when
 * nothing fits; best->needed then is the least width that any choice needs. */
static torc_status choose(chooser *c, choice *best, const reads *r, uint32_t layer, bool is_output)
{
    uint32_t least = UINT32_MAX;
    const uint32_t fewest = fewest_bits(c, r);
    *best = (choice){.error = INFINITY, .bits = c->max_bits};
    for (uint32_t bits = c->max_bits; bits >= fewest; bits--) {
        choice now = {.bits = bits};
        TORC_TRY(measure_choice(c, &now, r, layer, is_output));
        if (now.error < WORTH * best->error) {
            *best = now;
        }
        least = now.needed < least ? now.needed : least;
    }
    best->needed = least;
    if (best->bits == fewest) { /* the last one tried */
        return TORC_OK;
    }
    TORC_TRY(fix_open(c, r, best->bits));
    return look_at(c, layer);
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
        }
    }
    return TORC_OK;
}

static torc_status refuse_layer(chooser *c, uint32_t layer, uint32_t needed)
{
    return torc_fail(
        c->ctx, TORC_E_WIDTH,
        "%s: with inputs of 1 bit and weights -1, 0, 1 its sums still take %u bits, an "
        "exact lookup reads %u; drop --exact, raise --bits (at most 8) or make the "
        "layer narrower",
        c->plan->g->nodes[c->plan->layers[layer].node].where, needed,
        c->plan->options->lookup_bits);
}

static torc_status fit_lookup_layer(chooser *c, uint32_t layer)
{
    reads r;
    choice best;
    bool fits = false;
    uint32_t needed = 0;
    TORC_TRY(find_reads(c, &r, layer));
    torc_status status = choose(c, &best, &r, layer, false);
    free(r.open);
    TORC_TRY(status);
    if (best.window_bits == 0) {
        return refuse_layer(c, layer, best.needed);
    }
    c->component_bits[c->plan->layers[layer].component] = best.window_bits;
    TORC_TRY(torc_quant_fit_layer(c->ctx, &c->t->fits[layer], &fits, &needed, c->t, layer,
                                  best.window_bits, 1));
    return fits ? make_tables(c, layer) : refuse_layer(c, layer, needed);
}

static torc_status fit_output_layer(chooser *c, uint32_t layer)
{
    reads r;
    choice best;
    TORC_TRY(find_reads(c, &r, layer));
    torc_status status = choose(c, &best, &r, layer, true);
    free(r.open);
    TORC_TRY(status);
    return torc_quant_fit_output(c->ctx, &c->t->outputs[layer], c->t, layer, best.window_bits,
                                 output_limit(c, layer));
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
    for (uint32_t l = 0; l < plan->layer_count; l++) {
        if (plan->layers[l].is_output) {
            TORC_TRY(fit_output_layer(c, l));
        }
    }
    for (uint32_t i = 0; i < plan->source_count; i++) { /* read by nothing, or outputs themselves */
        if (c->t->source_bits[i] == 0) {
            TORC_TRY(torc_quant_fix_source(c->ctx, c->t, i, default_bits(c, i)));
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
    torc_quant_gram_free(&t->gram);
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
