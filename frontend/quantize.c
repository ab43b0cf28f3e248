/* The quantise stage: a float model becomes an integer graph; graphs of integers pass untouched. */
#include "frontend/quantize.h"

#include "frontend/eval.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool has_encrypted_floats(const torc_graph *g)
{
    for (uint32_t i = 0; i < g->node_count; i++) {
        const torc_node *node = &g->nodes[i];
        if (node->op == TORC_OP_INPUT && node->type.encrypted && node->type.dtype == TORC_F64) {
            return true;
        }
    }
    return false;
}

/* --- choosing ------------------------------------------------------------------------------------
 */

/* Layers that share a source may need it narrower than the first of them chose. */
static torc_status try_grid(torc_ctx *ctx, torc_quant_try *out, const torc_quant_plan *plan,
                            bool common_grid)
{
    torc_status status = TORC_E_WIDTH;
    const uint32_t entry_bits = torc_quant_entry_bits(plan->options);
    const uint32_t input_bits = plan->options->input_bits;
    const uint32_t most = input_bits > entry_bits ? input_bits : entry_bits;
    for (uint32_t bits = most; bits > 0 && status == TORC_E_WIDTH; bits--) {
        status = torc_quant_try_create(ctx, out, plan, common_grid, bits);
        if (!plan->options->exact) {
            break;
        }
    }
    return status;
}

/* One step for a whole input, or one for each of its elements: whatever follows the float model
 * better.
 */
static torc_status choose(torc_ctx *ctx, torc_quant_try *out, const torc_quant_plan *plan)
{
    torc_quant_try other;
    TORC_TRY(try_grid(ctx, out, plan, true));
    if (try_grid(ctx, &other, plan, false) != TORC_OK) {
        return TORC_OK; /* the common grid alone fits */
    }
    if (other.signal_to_noise_db > out->signal_to_noise_db) {
        torc_quant_try_free(out);
        *out = other;
    } else {
        torc_quant_try_free(&other);
    }
    return TORC_OK;
}

/* --- agreement with the float model --------------------------------------------------------------
 */

typedef struct agreement {
    const torc_compilation *c;
    const torc_graph *g; /* the integer graph */
    const double *real;  /* of output 0, [element][samples] */
    uint32_t count;      /* its elements */
    size_t equal;
    double noise, signal, power; /* signal: around the means */
    const double *mean;          /* [element] */
} agreement;

static double output_element(const agreement *a, const torc_tensor *value, uint32_t i)
{
    const torc_real *real = &a->c->output_real[0];
    uint32_t k = real->count == 1 ? 0 : i;
    return real->offset[k] + real->scale[k] * (double)value->i64[i];
}

/* A single score means yes or no when the client turns it into a probability. */
static bool is_binary(const torc_graph *g)
{
    return g->post_count > 0 && g->posts[0].kind == TORC_POST_UNARY &&
           strcmp(g->posts[0].name, "sigmoid") == 0;
}

static torc_status compare_sample(torc_ctx *ctx, void *user, size_t sample, torc_status status,
                                  const torc_tensor *values)
{
    agreement *a = user;
    uint32_t best = 0;
    uint32_t real_best = 0;
    double top = -INFINITY;
    double real_top = -INFINITY;
    (void)ctx;
    TORC_TRY(status);
    for (uint32_t i = 0; i < a->count; i++) {
        double x = output_element(a, &values[a->g->outputs[0].node], i);
        double real = a->real[i * a->c->samples + sample];
        best = x > top ? i : best;
        real_best = real > real_top ? i : real_best;
        top = fmax(top, x);
        real_top = fmax(real_top, real);
        a->noise += (x - real) * (x - real);
        a->power += real * real;
        a->signal += (real - a->mean[i]) * (real - a->mean[i]);
    }
    bool same_side = !(a->count == 1 && is_binary(a->g)) || (top > 0) == (real_top > 0);
    a->equal += best == real_best && same_side;
    return TORC_OK;
}

/* Runs the integer graph itself on the quantised inputset. */
static torc_status measure_agreement(torc_ctx *ctx, torc_compilation *c, const torc_graph *g,
                                     const torc_quant_plan *plan)
{
    uint32_t node = plan->g->outputs[0].node;
    uint32_t layer = torc_quant_layer_of(plan, node);
    uint32_t source = torc_quant_source_of(plan, node);
    agreement a = {.c = c, .g = g};
    double *mean;
    if (layer != TORC_QUANT_NONE) {
        a.real = plan->layers[layer].real;
        a.count = (uint32_t)plan->layers[layer].rows.count;
    } else {
        a.real = plan->real + (size_t)plan->sources[source].first * plan->samples;
        a.count = plan->sources[source].count;
    }
    TORC_TRY(TORC_ALLOC(ctx, mean, a.count));
    for (uint32_t i = 0; i < a.count; i++) {
        for (size_t k = 0; k < plan->samples; k++) {
            mean[i] += a.real[i * plan->samples + k] / (double)plan->samples;
        }
    }
    a.mean = mean;
    torc_status status = torc_graph_eval_each(ctx, g, c->integers, compare_sample, &a);
    free(mean);
    TORC_TRY(status);
    c->has_agreement = true;
    c->labels_equal = (double)a.equal / (double)plan->samples;
    bool varies = a.signal > 1e-18 * a.power;
    c->signal_to_noise_db = varies ? 10 * log10(a.signal / fmax(a.noise, a.signal * 1e-20)) : 0;
    return TORC_OK;
}

torc_status torc_stage_quantize(torc_ctx *ctx, torc_compilation *c)
{
    torc_quant_plan plan;
    torc_quant_try best = {0};
    torc_graph *integer = NULL;
    if (!has_encrypted_floats(c->graph)) {
        return TORC_OK;
    }
    TORC_TRY(torc_quant_plan_create(ctx, &plan, c));
    torc_status status = choose(ctx, &best, &plan);
    if (status == TORC_OK) {
        status = torc_quant_emit(ctx, &integer, c, &best);
    }
    if (status == TORC_OK) {
        status = measure_agreement(ctx, c, integer, &plan);
    }
    torc_quant_try_free(&best);
    torc_quant_plan_free(&plan);
    if (status != TORC_OK) {
        torc_graph_free(integer);
        return status;
    }
    torc_graph_free(c->graph);
    c->graph = integer;
    return TORC_OK;
}
