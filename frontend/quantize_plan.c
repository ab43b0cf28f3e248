/* Cuts a float graph into layers and sources, composes the layers' rows, and runs the float graph
 * over the inputset. Nothing here knows of integers. */
#include "frontend/eval.h"
#include "frontend/quantize.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How a node of the float graph is seen. `key` is the node that it is an element-wise function of.
 */
typedef struct role {
    bool is_affine; /* else an element-wise function that needs a lookup */
    uint32_t key;
    bool is_wanted;
    bool feeds_lookup; /* some lookup reads this node */
} role;

typedef struct planner {
    torc_ctx *ctx;
    torc_quant_plan *plan;
    const torc_graph *g;
    role *roles;
} planner;

static torc_status out_of_memory(torc_ctx *ctx)
{
    return torc_fail(ctx, TORC_E_MEMORY, "out of memory while quantising");
}

/* --- roles ---------------------------------------------------------------------------------------
 */

static bool same_shape(const torc_type *a, const torc_type *b)
{
    return a->rank == b->rank && memcmp(a->shape, b->shape, a->rank * sizeof *a->shape) == 0;
}

static uint32_t encrypted_inputs(const torc_graph *g, const torc_node *node)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->input_count; i++) {
        count += g->nodes[node->inputs[i]].type.encrypted;
    }
    return count;
}

/* The one key of all encrypted operands, or NONE when they differ or a shape changes. */
static uint32_t common_key(const planner *p, const torc_node *node)
{
    uint32_t key = TORC_QUANT_NONE;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const torc_node *operand = &p->g->nodes[node->inputs[i]];
        if (!operand->type.encrypted) {
            continue;
        }
        uint32_t candidate = p->roles[node->inputs[i]].key;
        if (!same_shape(&operand->type, &node->type) ||
            (key != TORC_QUANT_NONE && key != candidate)) {
            return TORC_QUANT_NONE;
        }
        key = candidate;
    }
    return key;
}

static bool is_elementwise_affine(const torc_graph *g, const torc_node *node)
{
    switch (node->op) {
    case TORC_OP_ADD:
    case TORC_OP_SUB:
    case TORC_OP_NEG: return true;
    case TORC_OP_MUL: return encrypted_inputs(g, node) == 1;
    case TORC_OP_DIV: return !g->nodes[node->inputs[1]].type.encrypted;
    case TORC_OP_CAST: return node->type.dtype == TORC_F64;
    default: return false;
    }
}

static bool is_structural(torc_op op)
{
    return op == TORC_OP_INPUT || op == TORC_OP_MATMUL || op == TORC_OP_DOT || op == TORC_OP_SUM ||
           op == TORC_OP_RESHAPE || op == TORC_OP_TRANSPOSE || op == TORC_OP_INDEX ||
           op == TORC_OP_CONCAT || op == TORC_OP_CONV2D;
}

static torc_status find_role(planner *p, uint32_t id)
{
    const torc_node *node = &p->g->nodes[id];
    role *r = &p->roles[id];
    if (is_structural(node->op)) {
        if ((node->op == TORC_OP_MATMUL || node->op == TORC_OP_DOT || node->op == TORC_OP_CONV2D) &&
            encrypted_inputs(p->g, node) > 1) {
            return torc_fail(p->ctx, TORC_E_UNSUPPORTED,
                             "%s: both operands are encrypted; one must be a constant",
                             node->where);
        }
        *r = (role){.is_affine = true, .key = id};
        return TORC_OK;
    }
    uint32_t key = common_key(p, node);
    r->is_affine = is_elementwise_affine(p->g, node);
    r->key = key != TORC_QUANT_NONE ? key : id;
    if (!r->is_affine && key == TORC_QUANT_NONE) {
        return torc_fail(
            p->ctx, TORC_E_UNSUPPORTED,
            "%s: '%s' joins encrypted values that come from different layers; a lookup "
            "reads one value",
            node->where, torc_op_name(node->op));
    }
    return TORC_OK;
}

/* Clear run-time inputs would make tables and weights depend on them. */
static torc_status check_input(planner *p, const torc_node *node)
{
    if (node->op == TORC_OP_INPUT && (!node->type.encrypted || node->type.dtype != TORC_F64)) {
        return torc_fail(p->ctx, TORC_E_UNSUPPORTED,
                         "input '%s' is %s beside encrypted floats; a float model takes encrypted "
                         "floats only",
                         TORC_PRINTABLE(node->name), node->type.encrypted ? "an integer" : "clear");
    }
    return TORC_OK;
}

static torc_status find_roles(planner *p)
{
    for (uint32_t id = 0; id < p->g->node_count; id++) {
        TORC_TRY(check_input(p, &p->g->nodes[id]));
        if (p->g->nodes[id].type.encrypted) {
            TORC_TRY(find_role(p, id));
        }
    }
    for (uint32_t i = 0; i < p->g->output_count; i++) {
        p->roles[p->g->outputs[i].node].is_wanted = true;
    }
    for (uint32_t id = p->g->node_count; id-- > 0;) {
        const torc_node *node = &p->g->nodes[id];
        if (!p->roles[id].is_wanted || !node->type.encrypted) {
            continue;
        }
        if (!p->roles[id].is_affine) {
            p->roles[p->roles[id].key].is_wanted = true;
            p->roles[p->roles[id].key].feeds_lookup = true;
        }
        for (uint32_t i = 0; p->roles[id].is_affine && i < node->input_count; i++) {
            p->roles[node->inputs[i]].is_wanted = true;
        }
    }
    return TORC_OK;
}

/* --- layers and sources --------------------------------------------------------------------------
 */

static bool is_output(const torc_graph *g, uint32_t id)
{
    for (uint32_t i = 0; i < g->output_count; i++) {
        if (g->outputs[i].node == id) {
            return true;
        }
    }
    return false;
}

static torc_status add_source(planner *p, uint32_t id, uint32_t input)
{
    torc_quant_plan *plan = p->plan;
    const torc_type *type = &p->g->nodes[id].type;
    size_t count = torc_shape_count(type->rank, type->shape);
    if (count > INT32_MAX - plan->element_count) {
        return torc_fail(p->ctx, TORC_E_UNSUPPORTED, "%s: more than 2^31 values in the model",
                         p->g->nodes[id].where);
    }
    plan->sources[plan->source_count++] =
        (torc_quant_source){.node = id,
                            .input = input,
                            .layer = TORC_QUANT_NONE,
                            .first = plan->element_count,
                            .count = (uint32_t)count,
                            .is_output = is_output(p->g, id) && input == TORC_QUANT_NONE};
    plan->element_count += (uint32_t)count;
    return TORC_OK;
}

/* Its number among the inputs in the user's order. */
static uint32_t input_place(const torc_graph *g, uint32_t id)
{
    uint32_t place = 0;
    for (uint32_t i = 0; i < g->node_count; i++) {
        place += g->nodes[i].op == TORC_OP_INPUT && g->nodes[i].ordinal < g->nodes[id].ordinal;
    }
    return place;
}

static torc_status find_layers(planner *p)
{
    torc_quant_plan *plan = p->plan;
    TORC_TRY(TORC_ALLOC(p->ctx, plan->sources, p->g->node_count));
    TORC_TRY(TORC_ALLOC(p->ctx, plan->layers, p->g->node_count));
    for (uint32_t id = 0; id < p->g->node_count; id++) {
        bool is_input = p->g->nodes[id].op == TORC_OP_INPUT;
        const role *r = &p->roles[id];
        if (is_input) {
            TORC_TRY(add_source(p, id, input_place(p->g, id))); /* even when nothing reads it */
        }
        if (!r->is_wanted || !p->g->nodes[id].type.encrypted) {
            continue;
        }
        if (!r->is_affine) {
            TORC_TRY(add_source(p, id, TORC_QUANT_NONE));
            plan->sources[plan->source_count - 1].layer = torc_quant_layer_of(plan, r->key);
        } else if (is_output(p->g, id) || r->feeds_lookup) {
            plan->layers[plan->layer_count++] = (torc_quant_layer){
                .node = id, .feeds_lookup = r->feeds_lookup, .is_output = is_output(p->g, id)};
        }
    }
    return TORC_OK;
}

uint32_t torc_quant_layer_of(const torc_quant_plan *plan, uint32_t node)
{
    for (uint32_t i = 0; i < plan->layer_count; i++) {
        if (plan->layers[i].node == node) {
            return i;
        }
    }
    return TORC_QUANT_NONE;
}

uint32_t torc_quant_owner(const torc_quant_plan *plan, uint32_t element)
{
    uint32_t low = 0;
    uint32_t high = plan->source_count; /* the owner is in [low, high) */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (plan->sources[middle].first <= element) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t torc_quant_source_of(const torc_quant_plan *plan, uint32_t node)
{
    for (uint32_t i = 0; i < plan->source_count; i++) {
        if (plan->sources[i].node == node) {
            return i;
        }
    }
    return TORC_QUANT_NONE;
}

/* --- rows ----------------------------------------------------------------------------------------
 */

/* Rows of node id from those of its operands; clear operands are values of the graph itself. */
static torc_status compose_node(planner *p, torc_real_rows *rows, const torc_tensor *values,
                                uint32_t id)
{
    const torc_node *node = &p->g->nodes[id];
    uint32_t source = torc_quant_source_of(p->plan, id);
    if (source != TORC_QUANT_NONE) {
        const torc_quant_source *s = &p->plan->sources[source];
        return torc_real_rows_sources(p->ctx, &rows[id], s->count, s->first);
    }
    const torc_real_rows **operand = NULL;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers is wanted */
    TORC_TRY(TORC_ALLOC(p->ctx, operand, node->input_count));
    torc_status status = TORC_OK;
    for (uint32_t i = 0; i < node->input_count && status == TORC_OK; i++) {
        uint32_t input = node->inputs[i];
        if (!rows[input].begin) {
            status = torc_real_rows_constant(p->ctx, &rows[input], &values[input]);
        }
        operand[i] = &rows[input];
    }
    if (status == TORC_OK) {
        status =
            torc_real_rows_apply(p->ctx, &rows[id], p->g, node, operand, p->plan->element_count);
    }
    free(operand);
    return status;
}

/* A weight or bias that is not finite would turn into an arbitrary integer. */
static torc_status check_rows(planner *p, const torc_quant_layer *layer)
{
    for (size_t r = 0; r < layer->rows.count; r++) {
        bool finite = isfinite(layer->rows.bias[r]);
        for (size_t t = layer->rows.begin[r]; t < layer->rows.begin[r + 1]; t++) {
            finite = finite && isfinite(layer->rows.term[t].weight);
        }
        if (!finite) {
            return torc_fail(p->ctx, TORC_E_FORMAT,
                             "%s: a weight or bias of channel %zu is NaN or infinite",
                             p->g->nodes[layer->node].where, r);
        }
    }
    return TORC_OK;
}

static torc_status compose_rows(planner *p, const torc_tensor *values)
{
    torc_real_rows *rows;
    torc_status status = TORC_OK;
    TORC_TRY(TORC_ALLOC(p->ctx, rows, p->g->node_count));
    for (uint32_t id = 0; id < p->g->node_count && status == TORC_OK; id++) {
        if (p->g->nodes[id].type.encrypted && p->roles[id].is_wanted) {
            status = compose_node(p, rows, values, id);
        }
    }
    for (uint32_t i = 0; i < p->plan->layer_count && status == TORC_OK; i++) {
        torc_quant_layer *layer = &p->plan->layers[i];
        layer->rows = rows[layer->node];
        rows[layer->node] = (torc_real_rows){0};
        status = check_rows(p, layer);
    }
    for (uint32_t id = 0; id < p->g->node_count; id++) {
        torc_real_rows_free(&rows[id]);
    }
    free(rows);
    return status;
}

/* Layers that read a common source, directly or through others, get the same component. */
static void find_components(torc_quant_plan *plan, uint32_t *owner)
{
    for (uint32_t e = 0; e < plan->element_count; e++) {
        owner[e] = TORC_QUANT_NONE;
    }
    for (uint32_t l = 0; l < plan->layer_count; l++) {
        plan->layers[l].component = l;
    }
    for (uint32_t l = 0; l < plan->layer_count; l++) {
        const torc_real_rows *rows = &plan->layers[l].rows;
        for (size_t t = 0; t < rows->begin[rows->count]; t++) {
            uint32_t *other = &owner[rows->term[t].source];
            uint32_t mine = plan->layers[l].component;
            if (*other == TORC_QUANT_NONE) {
                *other = l;
            } else if (plan->layers[*other].component != mine) {
                for (uint32_t k = 0; k < plan->layer_count; k++) { /* few layers: no union-find */
                    if (plan->layers[k].component == mine) {
                        plan->layers[k].component = plan->layers[*other].component;
                    }
                }
            }
        }
    }
}

static void find_importance(torc_quant_plan *plan)
{
    for (uint32_t l = 0; l < plan->layer_count; l++) {
        const torc_real_rows *rows = &plan->layers[l].rows;
        for (size_t t = 0; t < rows->begin[rows->count]; t++) {
            plan->importance[rows->term[t].source] += rows->term[t].weight * rows->term[t].weight;
        }
    }
    for (uint32_t i = 0; i < plan->source_count; i++) {
        for (uint32_t e = 0; plan->sources[i].is_output && e < plan->sources[i].count; e++) {
            plan->importance[plan->sources[i].first + e] += 1;
        }
    }
}

/* --- the float run -------------------------------------------------------------------------------
 */

static void store(double *out, size_t samples, size_t sample, const torc_tensor *value)
{
    for (size_t i = 0; i < torc_tensor_count(value); i++) {
        out[i * samples + sample] =
            value->dtype == TORC_F64 ? value->f64[i] : (double)value->i64[i];
    }
}

/* Where calibration meets NaN, no table can be right. */
static torc_status check_source(planner *p, const torc_quant_source *s, const torc_tensor *value,
                                size_t sample)
{
    for (size_t i = 0; i < s->count && value->dtype == TORC_F64; i++) {
        if (!isfinite(value->f64[i])) {
            return torc_fail(
                p->ctx, TORC_E_INPUT,
                "%s: element %zu is %s for sample %zu of the inputset; the function is "
                "not defined there",
                p->g->nodes[s->node].where, i, isnan(value->f64[i]) ? "NaN" : "infinite", sample);
        }
    }
    return TORC_OK;
}

static torc_status store_sample(planner *p, const torc_tensor *values, size_t sample)
{
    torc_quant_plan *plan = p->plan;
    for (uint32_t i = 0; i < plan->source_count; i++) {
        const torc_quant_source *s = &plan->sources[i];
        TORC_TRY(check_source(p, s, &values[s->node], sample));
        store(plan->real + (size_t)s->first * plan->samples, plan->samples, sample,
              &values[s->node]);
    }
    for (uint32_t i = 0; i < plan->layer_count; i++) {
        store(plan->layers[i].real, plan->samples, sample, &values[plan->layers[i].node]);
    }
    return TORC_OK;
}

static torc_status visit_sample(torc_ctx *ctx, void *user, size_t sample, torc_status status,
                                const torc_tensor *values)
{
    planner *p = user;
    (void)ctx;
    TORC_TRY(status);
    if (sample == 0) {
        TORC_TRY(compose_rows(p, values)); /* clear operands have their values now */
    }
    return store_sample(p, values, sample);
}

static torc_status allocate_runs(planner *p)
{
    torc_quant_plan *plan = p->plan;
    size_t count;
    if (__builtin_mul_overflow((size_t)plan->element_count, plan->samples, &count)) {
        return out_of_memory(p->ctx);
    }
    TORC_TRY(TORC_ALLOC(p->ctx, plan->real, count));
    TORC_TRY(TORC_ALLOC(p->ctx, plan->importance, plan->element_count));
    for (uint32_t i = 0; i < plan->layer_count; i++) {
        const torc_type *type = &p->g->nodes[plan->layers[i].node].type;
        if (__builtin_mul_overflow(torc_shape_count(type->rank, type->shape), plan->samples,
                                   &count)) {
            return out_of_memory(p->ctx);
        }
        TORC_TRY(TORC_ALLOC(p->ctx, plan->layers[i].real, count));
    }
    return TORC_OK;
}

static torc_status make_plan(planner *p, const torc_compilation *c)
{
    TORC_TRY(TORC_ALLOC(p->ctx, p->roles, p->g->node_count));
    TORC_TRY(find_roles(p));
    TORC_TRY(find_layers(p));
    TORC_TRY(allocate_runs(p));
    TORC_TRY(torc_graph_eval_each(p->ctx, p->g, c->inputset, visit_sample, p));
    uint32_t *owner;
    TORC_TRY(TORC_ALLOC(p->ctx, owner, p->plan->element_count));
    find_components(p->plan, owner);
    free(owner);
    find_importance(p->plan);
    return TORC_OK;
}

torc_status torc_quant_plan_create(torc_ctx *ctx, torc_quant_plan *out, const torc_compilation *c)
{
    *out = (torc_quant_plan){.g = c->graph, .options = &c->options, .samples = c->samples};
    planner p = {.ctx = ctx, .plan = out, .g = c->graph};
    torc_status status = make_plan(&p, c);
    free(p.roles);
    if (status != TORC_OK) {
        torc_quant_plan_free(out);
    }
    return status;
}

void torc_quant_plan_free(torc_quant_plan *plan)
{
    for (uint32_t i = 0; i < plan->layer_count; i++) {
        torc_real_rows_free(&plan->layers[i].rows);
        free(plan->layers[i].real);
    }
    free(plan->layers);
    free(plan->sources);
    free(plan->real);
    free(plan->importance);
    *plan = (torc_quant_plan){0};
}
