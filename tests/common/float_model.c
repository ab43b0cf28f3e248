#include "tests/common/float_model.h"

#include "frontend/eval.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double test_element(const torc_tensor *t, size_t i)
{
    return t->dtype == TORC_F64 ? t->f64[i] : (double)t->i64[i];
}

/* --- client steps: torc_spec_finish takes integers, so floats pass as multiples of 2^-32 --------
 */

typedef struct collector {
    uint32_t node;
    size_t count;
    int64_t *value;
    double unit; /* 0: the values are integers already */
} collector;

static torc_status collect(torc_ctx *ctx, void *user, size_t sample, torc_status status,
                           const torc_tensor *values)
{
    collector *c = user;
    (void)ctx;
    TORC_TRY(status);
    for (size_t i = 0; i < c->count; i++) {
        const torc_tensor *v = &values[c->node];
        c->value[sample * c->count + i] =
            c->unit > 0 ? (int64_t)llrint(v->f64[i] / c->unit) : v->i64[i];
    }
    return TORC_OK;
}

static torc_status finish(torc_ctx *ctx, torc_tensor *out, const torc_graph *g, const collector *c,
                          torc_real *real, size_t samples)
{
    const torc_type *type = &g->nodes[c->node].type;
    torc_port port = {.name = g->outputs[0].name,
                      .rank = type->rank,
                      .is_float = true,
                      .scale_count = real->count,
                      .real_scale = real->scale,
                      .real_offset = real->offset};
    memcpy(port.shape, type->shape, sizeof port.shape);
    torc_spec spec = {
        .output_count = 1, .outputs = &port, .post_count = g->post_count, .posts = g->posts};
    const int64_t *values[1] = {c->value};
    return torc_spec_finish(ctx, out, &spec, values, samples);
}

static torc_status run(torc_ctx *ctx, torc_tensor *out, const torc_graph *g, const torc_tensor *x,
                       torc_real *real, double unit)
{
    uint32_t node = g->outputs[0].node;
    const torc_type *type = &g->nodes[node].type;
    collector c = {.node = node, .count = torc_shape_count(type->rank, type->shape), .unit = unit};
    TORC_TRY(TORC_ALLOC(ctx, c.value, c.count * x->shape[0]));
    torc_status status = torc_graph_eval_each(ctx, g, x, collect, &c);
    if (status == TORC_OK) {
        status = finish(ctx, out, g, &c, real, x->shape[0]);
    }
    free(c.value);
    return status;
}

torc_status test_run_float(torc_ctx *ctx, torc_tensor *out, const torc_graph *g,
                           const torc_tensor *x)
{
    double scale = 0x1p-32;
    double offset = 0;
    torc_real real = {.count = 1, .scale = &scale, .offset = &offset};
    return run(ctx, out, g, x, &real, scale);
}

torc_status test_quantize(torc_ctx *ctx, torc_compilation *c, const torc_graph *g,
                          const torc_tensor *x, const torc_options *options)
{
    *c = (torc_compilation){.options = *options, .inputset = x, .samples = x->shape[0]};
    torc_options *o = &c->options;
    o->lookup_bits = o->lookup_bits ? o->lookup_bits : o->exact ? 8 : 5;
    o->input_bits = o->input_bits ? o->input_bits : 4;
    o->weight_bits = o->weight_bits ? o->weight_bits : 6;
    o->output_bits = o->output_bits ? o->output_bits : 6;
    c->input_count = torc_graph_input_nodes(g, NULL, 0);
    c->output_count = g->output_count;
    TORC_TRY(TORC_ALLOC(ctx, c->input_real, c->input_count));
    TORC_TRY(TORC_ALLOC(ctx, c->output_real, c->output_count));
    TORC_TRY(TORC_ALLOC(ctx, c->output_range, c->output_count));
    TORC_TRY(torc_graph_copy(ctx, &c->graph, g));
    return torc_stage_quantize(ctx, c);
}

static void free_reals(torc_real *reals, uint32_t count)
{
    for (uint32_t i = 0; reals && i < count; i++) {
        free(reals[i].scale);
        free(reals[i].offset);
    }
    free(reals);
}

void test_compilation_free(torc_compilation *c)
{
    for (uint32_t i = 0; c->integers && i < c->input_count; i++) {
        torc_tensor_free(&c->integers[i]);
    }
    free(c->integers);
    free_reals(c->input_real, c->input_count);
    free_reals(c->output_real, c->output_count);
    free(c->output_range);
    torc_graph_free(c->graph);
    *c = (torc_compilation){0};
}

/* x[rows][count] -> integers as the client makes them. */
static torc_status quantize_input(torc_ctx *ctx, torc_tensor *q, const torc_compilation *c,
                                  const torc_tensor *x)
{
    uint32_t id;
    uint64_t saturated = 0;
    torc_graph_input_nodes(c->graph, &id, 1);
    const torc_node *node = &c->graph->nodes[id];
    torc_port port = {.name = node->name,
                      .rank = node->type.rank,
                      .is_float = true,
                      .width = 16,
                      .min = node->declared_min,
                      .max = node->declared_max,
                      .scale_count = c->input_real[0].count,
                      .real_scale = c->input_real[0].scale,
                      .real_offset = c->input_real[0].offset};
    memcpy(port.shape, node->type.shape, sizeof port.shape);
    TORC_TRY(torc_tensor_create(ctx, q, TORC_I64, x->rank, x->shape));
    return torc_port_quantize(ctx, q->i64, &saturated, &port, x);
}

torc_status test_run_quantized(torc_ctx *ctx, torc_tensor *out, const torc_compilation *c,
                               const torc_tensor *x)
{
    torc_tensor q = {0};
    torc_status status = quantize_input(ctx, &q, c, x);
    if (status == TORC_OK) {
        status = run(ctx, out, c->graph, &q, &c->output_real[0], 0);
    }
    torc_tensor_free(&q);
    return status;
}

/* --- comparing
 * ------------------------------------------------------------------------------------ */

double test_difference(const torc_tensor *a, const torc_tensor *b)
{
    double worst = 0;
    if (a->rank != b->rank || memcmp(a->shape, b->shape, a->rank * sizeof *a->shape) != 0) {
        return INFINITY;
    }
    for (size_t i = 0; i < torc_tensor_count(a); i++) {
        worst = fmax(worst, fabs(test_element(a, i) - test_element(b, i)));
    }
    return worst;
}

static size_t argmax(const torc_tensor *t, size_t row, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        best = test_element(t, row * count + i) > test_element(t, row * count + best) ? i : best;
    }
    return best;
}

double test_same_labels(const torc_tensor *a, const torc_tensor *b)
{
    size_t rows = a->shape[0];
    size_t count = torc_tensor_count(a) / rows;
    size_t same = 0;
    for (size_t r = 0; r < rows; r++) {
        same += argmax(a, r, count) == argmax(b, r, count);
    }
    return (double)same / (double)rows;
}

double test_signal_to_noise_db(const torc_tensor *a, const torc_tensor *b)
{
    size_t rows = b->shape[0];
    size_t count = torc_tensor_count(b) / rows;
    double signal = 0;
    double noise = 0;
    for (size_t i = 0; i < count; i++) {
        double mean = 0;
        for (size_t r = 0; r < rows; r++) {
            mean += test_element(b, r * count + i) / (double)rows;
        }
        for (size_t r = 0; r < rows; r++) {
            double x = test_element(b, r * count + i);
            double error = test_element(a, r * count + i) - x;
            signal += (x - mean) * (x - mean);
            noise += error * error;
        }
    }
    return 10 * log10(signal / noise);
}
