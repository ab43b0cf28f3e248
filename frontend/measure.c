/* Bounds of every node over the inputset. A NaN is refused in the inputset, and wherever it reaches
 * a result; one that a `where` leaves unchosen is not. */
#include "frontend/compile.h"
#include "frontend/eval.h"
#include "frontend/graph.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>

typedef struct bounds {
    double min, max;
} bounds;

typedef struct measurement {
    const torc_graph *g;
    bounds *of; /* [node_count] */
} measurement;

static bool has_nan(const torc_tensor *t)
{
    const size_t count = torc_tensor_count(t);
    for (size_t i = 0; t->dtype == TORC_F64 && i < count; i++) {
        if (isnan(t->f64[i])) {
            return true;
        }
    }
    return false;
}

/* Names the first node with a NaN, when there is one; operands come before users. */
static torc_status explain_nan(torc_ctx *ctx, const torc_graph *g, const torc_tensor *values,
                               torc_status status)
{
    for (uint32_t i = 0; i < g->node_count; i++) {
        if (has_nan(&values[i])) {
            char place[TORC_PLACE_BYTES];
            return torc_fail(ctx, TORC_E_INPUT,
                             "%s gives NaN, which reaches a result; keep its operand inside the "
                             "domain of the function",
                             torc_graph_place(place, g, i));
        }
    }
    return status;
}

static void widen(bounds *b, const torc_tensor *t)
{
    const size_t count = torc_tensor_count(t);
    double min = b->min;
    double max = b->max;
    for (size_t i = 0; i < count; i++) {
        const double x = t->dtype == TORC_I64 ? (double)t->i64[i] : t->f64[i];
        min = x < min ? x : min; /* false for NaN */
        max = x > max ? x : max;
    }
    b->min = min;
    b->max = max;
}

static torc_status measure_sample(torc_ctx *ctx, void *user, size_t sample, torc_status status,
                                  const torc_tensor *values)
{
    (void)sample;
    const measurement *m = user;
    if (status != TORC_OK) {
        return status == TORC_E_INPUT ? explain_nan(ctx, m->g, values, status) : status;
    }
    for (uint32_t i = 0; i < m->g->output_count; i++) {
        if (has_nan(&values[m->g->outputs[i].node])) {
            return explain_nan(ctx, m->g, values, TORC_E_INPUT);
        }
    }
    for (uint32_t i = 0; i < m->g->node_count; i++) {
        widen(&m->of[i], &values[i]);
    }
    return TORC_OK;
}

torc_status torc_graph_measure(torc_ctx *ctx, torc_graph *g, const torc_tensor *inputset)
{
    TORC_TRY(torc_graph_status(ctx, g));
    measurement m = {.g = g};
    TORC_TRY(TORC_ALLOC(ctx, m.of, g->node_count));
    for (uint32_t i = 0; i < g->node_count; i++) {
        m.of[i] = (bounds){INFINITY, -INFINITY};
    }
    torc_status s = torc_graph_eval_each(ctx, g, inputset, measure_sample, &m);
    for (uint32_t i = 0; s == TORC_OK && i < g->node_count; i++) {
        const bool is_seen = m.of[i].min <= m.of[i].max; /* else NaN everywhere, never chosen */
        g->nodes[i].measured = true;
        g->nodes[i].min = is_seen ? m.of[i].min : 0;
        g->nodes[i].max = is_seen ? m.of[i].max : 0;
    }
    free(m.of);
    return s;
}

torc_status torc_stage_measure(torc_ctx *ctx, torc_compilation *c)
{
    if (c->graph->output_count == 0) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "graph: it has no output; call torc_output");
    }
    torc_graph *tidied = NULL;
    TORC_TRY(torc_graph_tidy(ctx, &tidied, c->graph));
    torc_graph_free(c->graph);
    c->graph = tidied;
    return torc_graph_measure(ctx, c->graph, c->integers ? c->integers : c->inputset);
}
