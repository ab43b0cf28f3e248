/* Writes a choice of integers as an op-graph: matmul, add and lookup for every layer. */
#include "frontend/quantize.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct emitter {
    torc_ctx *ctx;
    torc_compilation *c;
    const torc_quant_try *t;
    const torc_quant_plan *plan;
    torc_graph *g;
    torc_value *source; /* [source] flat, one axis */
    torc_value *sum;    /* [layer] constant included; TORC_NO_VALUE: not emitted yet */
} emitter;

static torc_node *node_of(const emitter *e, torc_value value)
{
    return torc_graph_node(e->g, value);
}

static const torc_node *float_node(const emitter *e, uint32_t id)
{
    return &e->plan->g->nodes[id];
}

/* Adds a node whose origin is that of a node of the float graph. */
static torc_value add_node(emitter *e, torc_op op, const torc_value *inputs, uint32_t input_count,
                           torc_node attributes, uint32_t origin)
{
    attributes.where = float_node(e, origin)->where;
    attributes.tag = float_node(e, origin)->tag;
    return torc_graph_add(e->g, op, inputs, input_count, &attributes);
}

static torc_value add_constant(emitter *e, torc_tensor tensor, uint32_t origin)
{
    return add_node(e, TORC_OP_CONSTANT, NULL, 0, (torc_node){.constant = tensor}, origin);
}

static torc_value reshape(emitter *e, torc_value value, const torc_type *to)
{
    const torc_type *from = &node_of(e, value)->type;
    bool same =
        from->rank == to->rank && memcmp(from->shape, to->shape, to->rank * sizeof *to->shape) == 0;
    return same ? value : torc_reshape(e->g, value, to->rank, to->shape);
}

static torc_value flatten(emitter *e, torc_value value)
{
    const torc_type *type = &node_of(e, value)->type;
    torc_type flat = {.rank = 1, .shape = {torc_shape_count(type->rank, type->shape)}};
    return reshape(e, value, &flat);
}

static void declare(emitter *e, torc_value value, int64_t min, int64_t max)
{
    torc_node *node = node_of(e, value);
    if (node) { /* else the graph keeps a mistake */
        node->declared = true;
        node->declared_min = min;
        node->declared_max = max;
    }
}

/* --- a layer -------------------------------------------------------------------------------------
 */

/* Which sources a layer reads, and the column where each begins; *columns is their total length. */
static torc_status find_columns(emitter *e, uint32_t *column, size_t *columns,
                                const torc_real_rows *rows)
{
    const torc_quant_plan *plan = e->plan;
    bool *is_read;
    TORC_TRY(TORC_ALLOC(e->ctx, is_read, plan->element_count));
    for (size_t t = 0; t < rows->begin[rows->count]; t++) {
        is_read[rows->term[t].source] = true;
    }
    *columns = 0;
    for (uint32_t i = 0; i < plan->source_count; i++) {
        const torc_quant_source *s = &plan->sources[i];
        column[i] = TORC_QUANT_NONE;
        for (uint32_t k = 0; k < s->count && column[i] == TORC_QUANT_NONE; k++) {
            if (is_read[s->first + k]) {
                column[i] = (uint32_t)*columns;
            }
        }
        *columns += column[i] == TORC_QUANT_NONE ? 0 : s->count;
    }
    free(is_read);
    return TORC_OK;
}

/* [row][column] integer weights. */
static torc_status make_matrix(emitter *e, torc_tensor *out, const torc_real_rows *rows,
                               const torc_quant_fit *fit, const uint32_t *column, size_t columns)
{
    size_t shape[2] = {rows->count, columns};
    TORC_TRY(torc_tensor_create(e->ctx, out, TORC_I64, 2, shape));
    for (size_t r = 0; r < rows->count; r++) {
        for (size_t t = rows->begin[r]; t < rows->begin[r + 1]; t++) {
            uint32_t element = rows->term[t].source;
            uint32_t source = torc_quant_owner(e->plan, element);
            uint32_t first = e->plan->sources[source].first;
            out->i64[r * columns + column[source] + (element - first)] = fit->weight[t];
        }
    }
    return TORC_OK;
}

/* All sources that the layer reads, side by side. */
static torc_status join_sources(emitter *e, torc_value *out, const uint32_t *column)
{
    torc_value *parts;
    uint32_t count = 0;
    TORC_TRY(TORC_ALLOC(e->ctx, parts, e->plan->source_count));
    for (uint32_t i = 0; i < e->plan->source_count; i++) {
        if (column[i] != TORC_QUANT_NONE) {
            parts[count++] = e->source[i];
        }
    }
    *out = count == 1 ? parts[0] : torc_concat(e->g, parts, count, 0);
    free(parts);
    return TORC_OK;
}

/* The first source stands in for a layer that reads none (all its weights are 0). */
static void need_a_source(emitter *e, uint32_t *column, size_t *columns)
{
    if (*columns == 0) {
        column[0] = 0;
        *columns = e->plan->sources[0].count;
    }
}

static torc_status emit_sum(emitter *e, torc_value *out, uint32_t layer, const torc_quant_fit *fit)
{
    const torc_quant_layer *l = &e->plan->layers[layer];
    uint32_t *column;
    size_t columns;
    torc_tensor matrix = {0};
    torc_value x = TORC_NO_VALUE;
    TORC_TRY(TORC_ALLOC(e->ctx, column, e->plan->source_count));
    torc_status status = find_columns(e, column, &columns, &l->rows);
    if (status == TORC_OK) {
        need_a_source(e, column, &columns);
        status = make_matrix(e, &matrix, &l->rows, fit, column, columns);
    }
    if (status == TORC_OK) {
        status = join_sources(e, &x, column);
    }
    if (status == TORC_OK) {
        torc_value product_of[2] = {add_constant(e, matrix, l->node), x};
        torc_value product = add_node(e, TORC_OP_MATMUL, product_of, 2, (torc_node){0}, l->node);
        torc_tensor constant = {.rank = 1, .shape = {l->rows.count}, .i64 = fit->constant};
        torc_value sum_of[2] = {product, add_constant(e, constant, l->node)};
        *out = add_node(e, TORC_OP_ADD, sum_of, 2, (torc_node){0}, l->node);
    }
    torc_tensor_free(&matrix);
    free(column);
    return status;
}

/* --- a lookup ------------------------------------------------------------------------------------
 */

/* Equal tables are stored once. table_of is NULL when one serves all. */
static torc_status share_tables(torc_ctx *ctx, torc_lookup_attr *attr,
                                const torc_quant_table *table, uint32_t count)
{
    size_t bins = (size_t)1 << table->index_bits;
    TORC_TRY(TORC_ALLOC(ctx, attr->entry, bins * count));
    TORC_TRY(TORC_ALLOC(ctx, attr->table_of, count));
    for (uint32_t e = 0; e < count; e++) {
        const int64_t *row = table->entry + e * bins;
        uint32_t at = 0;
        while (at < attr->table_count &&
               memcmp(attr->entry + at * bins, row, bins * sizeof *row) != 0) {
            at++;
        }
        if (at == attr->table_count) {
            memcpy(attr->entry + at * bins, row, bins * sizeof *row);
            attr->table_count++;
        }
        attr->table_of[e] = at;
    }
    if (attr->table_count == 1) {
        free(attr->table_of);
        attr->table_of = NULL;
    }
    return TORC_OK;
}

static torc_status emit_lookup(emitter *e, uint32_t source)
{
    const torc_quant_source *s = &e->plan->sources[source];
    const torc_quant_fit *fit = &e->t->fits[s->layer];
    const torc_quant_table *table = &e->t->tables[source];
    torc_lookup_attr attr = {.index_bits = table->index_bits,
                             .window_bits = fit->window_bits,
                             .filled_count = table->filled_count};
    if (e->sum[s->layer].id == TORC_NO_VALUE.id) {
        TORC_TRY(emit_sum(e, &e->sum[s->layer], s->layer, fit));
        declare(e, e->sum[s->layer], 0, ((int64_t)1 << fit->window_bits) - 1);
    }
    torc_status status = share_tables(e->ctx, &attr, table, s->count);
    if (status == TORC_OK) {
        e->source[source] =
            add_node(e, TORC_OP_LOOKUP, &e->sum[s->layer], 1, (torc_node){.lookup = attr}, s->node);
        if (attr.window_bits > attr.index_bits) {
            e->c->contract = TORC_ROUNDED;
        }
    }
    free(attr.entry);
    free(attr.table_of);
    return status;
}

/* --- ports ---------------------------------------------------------------------------------------
 */

static torc_status make_real(torc_ctx *ctx, torc_real *real, uint32_t count)
{
    real->count = count;
    TORC_TRY(TORC_ALLOC(ctx, real->scale, count));
    return TORC_ALLOC(ctx, real->offset, count);
}

static bool all_equal(const double *x, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        if (x[i] != x[0]) {
            return false;
        }
    }
    return true;
}

/* scale and offset of the elements of a source, one pair when they agree. */
static torc_status source_real(emitter *e, torc_real *real, const torc_quant_source *s)
{
    const double *scale = e->t->scale + s->first;
    const double *offset = e->t->offset + s->first;
    uint32_t count = all_equal(scale, s->count) && all_equal(offset, s->count) ? 1 : s->count;
    TORC_TRY(make_real(e->ctx, real, count));
    memcpy(real->scale, scale, count * sizeof *scale);
    memcpy(real->offset, offset, count * sizeof *offset);
    return TORC_OK;
}

/* The quantised inputset [samples][shape...]. */
static torc_status quantized_inputset(emitter *e, torc_tensor *out, const torc_quant_source *s)
{
    const torc_type *type = &float_node(e, s->node)->type;
    size_t samples = e->plan->samples;
    size_t shape[TORC_MAX_RANK] = {samples};
    memcpy(shape + 1, type->shape, type->rank * sizeof *shape);
    TORC_TRY(torc_tensor_create(e->ctx, out, TORC_I64, type->rank + 1, shape));
    for (uint32_t i = 0; i < s->count; i++) {
        const double *q = e->t->q + (size_t)(s->first + i) * samples;
        for (size_t k = 0; k < samples; k++) {
            out->i64[k * s->count + i] = (int64_t)q[k];
        }
    }
    return TORC_OK;
}

static torc_status emit_input(emitter *e, uint32_t source)
{
    const torc_quant_source *s = &e->plan->sources[source];
    const torc_node *old = float_node(e, s->node);
    torc_node attributes = {.name = old->name, .ordinal = old->ordinal, .type = old->type};
    attributes.type.dtype = TORC_I64;
    torc_value input = add_node(e, TORC_OP_INPUT, NULL, 0, attributes, s->node);
    TORC_TRY(torc_graph_status(e->ctx, e->g));
    declare(e, input, 0, ((int64_t)1 << e->t->source_bits[source]) - 1);
    e->source[source] = flatten(e, input);
    TORC_TRY(source_real(e, &e->c->input_real[s->input], s));
    return quantized_inputset(e, &e->c->integers[s->input], s);
}

/* Calibrated bounds of a whole output tensor. */
static void bounds(const double *x, size_t count, double *low, double *high)
{
    *low = x[0];
    *high = x[0];
    for (size_t i = 1; i < count; i++) {
        *low = fmin(*low, x[i]);
        *high = fmax(*high, x[i]);
    }
}

/* What --output-bits is a share of. An output that hardly ever changes has no range to speak of;
 * its size, or one step of its integers, stands in. */
static double calibrated_range(const emitter *e, const double *real, size_t count, double step)
{
    double low;
    double high;
    bounds(real, count, &low, &high);
    double size = fmax(fabs(low), fabs(high)) * exp2(-(double)e->c->options.output_bits);
    return fmax(high - low, size > 0 ? size : step);
}

static torc_status emit_output_layer(emitter *e, torc_value *out, uint32_t output, uint32_t layer)
{
    const torc_quant_fit *fit = &e->t->outputs[layer];
    const torc_quant_layer *l = &e->plan->layers[layer];
    size_t count = l->rows.count * e->plan->samples;
    double low;
    double high;
    TORC_TRY(emit_sum(e, out, layer, fit));
    bounds(fit->value, count, &low, &high);
    double margin = ceil(TORC_QUANT_WIDEN * (high - low));
    declare(e, *out, (int64_t)(low - margin), (int64_t)(high + margin));
    TORC_TRY(make_real(e->ctx, &e->c->output_real[output], 1));
    e->c->output_real[output].scale[0] = fit->scale[0];
    e->c->output_range[output] = calibrated_range(e, l->real, count, fit->scale[0]);
    return TORC_OK;
}

static torc_status emit_output_source(emitter *e, torc_value *out, uint32_t output, uint32_t source)
{
    const torc_quant_source *s = &e->plan->sources[source];
    *out = e->source[source];
    TORC_TRY(source_real(e, &e->c->output_real[output], s));
    e->c->output_range[output] =
        calibrated_range(e, e->plan->real + (size_t)s->first * e->plan->samples,
                         s->count * e->plan->samples, e->c->output_real[output].scale[0]);
    return TORC_OK;
}

static torc_status emit_output(emitter *e, uint32_t output)
{
    const torc_graph_output *o = &e->plan->g->outputs[output];
    uint32_t layer = torc_quant_layer_of(e->plan, o->node);
    torc_value value = TORC_NO_VALUE;
    if (layer != TORC_QUANT_NONE) {
        TORC_TRY(emit_output_layer(e, &value, output, layer));
    } else {
        uint32_t source = torc_quant_source_of(e->plan, o->node);
        if (source == TORC_QUANT_NONE) {
            return torc_fail(e->ctx, TORC_E_UNSUPPORTED,
                             "output '%s' of a float model depends on no encrypted input", o->name);
        }
        TORC_TRY(emit_output_source(e, &value, output, source));
    }
    TORC_TRY(torc_graph_status(e->ctx, e->g));
    torc_node declared = *node_of(e, value);
    torc_value shaped = reshape(e, value, &float_node(e, o->node)->type);
    if (shaped.id != value.id && declared.declared) {
        declare(e, shaped, declared.declared_min, declared.declared_max);
    }
    torc_output(e->g, o->name, shaped);
    return TORC_OK;
}

/* --- the whole -----------------------------------------------------------------------------------
 */

static torc_status emit_all(emitter *e)
{
    const torc_quant_plan *plan = e->plan;
    TORC_TRY(TORC_ALLOC(e->ctx, e->source, plan->source_count));
    TORC_TRY(TORC_ALLOC(e->ctx, e->sum, plan->layer_count));
    TORC_TRY(TORC_ALLOC(e->ctx, e->c->integers, e->c->input_count));
    for (uint32_t l = 0; l < plan->layer_count; l++) {
        e->sum[l] = TORC_NO_VALUE;
    }
    e->c->contract = TORC_EXACT;
    for (uint32_t i = 0; i < plan->source_count; i++) {
        TORC_TRY(plan->sources[i].input != TORC_QUANT_NONE ? emit_input(e, i) : emit_lookup(e, i));
    }
    for (uint32_t i = 0; i < plan->g->output_count; i++) {
        TORC_TRY(emit_output(e, i));
    }
    for (uint32_t i = 0; i < plan->g->post_count; i++) {
        torc_graph_post(e->g, &plan->g->posts[i]);
    }
    return torc_graph_status(e->ctx, e->g);
}

torc_status torc_quant_emit(torc_ctx *ctx, torc_graph **out, torc_compilation *c,
                            const torc_quant_try *t)
{
    emitter e = {.ctx = ctx, .c = c, .t = t, .plan = t->plan};
    TORC_TRY(torc_graph_create(ctx, &e.g));
    torc_status status = emit_all(&e);
    if (status == TORC_OK) {
        status = torc_graph_tidy(ctx, out, e.g);
    }
    torc_graph_free(e.g);
    free(e.source);
    free(e.sum);
    return status;
}
