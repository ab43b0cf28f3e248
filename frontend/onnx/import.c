/* ONNX file -> float op-graph of one sample. Walks the nodes that the wanted output needs, in file
 * order; what an operator means stands in op_*.c. Trailing element-wise functions of the output
 * become client steps. */
#include "frontend/onnx/import.h"

#include "runtime/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_OPSET = 7, MAX_OPSET = 28, MAX_BATCH = 1 << 20 };

/* --- which nodes are needed ---------------------------------------------------------------------
 */

static uint32_t index_of(const torc_onnx_import *m, const char *name)
{
    return torc_onnx_names_find(&m->names, name);
}

/* Numbers all values of the file: initializers, other inputs, outputs of nodes. The reader has
 * checked that names are unique. */
static torc_status number_values(torc_onnx_import *m)
{
    const Onnx__Graph *g = m->file.model->graph;
    TORC_TRY(torc_onnx_names_create(m->ctx, &m->names, torc_onnx_name_count(g)));
    for (size_t i = 0; i < g->n_initializer; i++) {
        torc_onnx_names_add(&m->names, g->initializer[i]->name, m->names.count);
    }
    for (size_t i = 0; i < g->n_input; i++) {
        if (index_of(m, g->input[i]->name) == TORC_ONNX_NO_NAME) {
            torc_onnx_names_add(&m->names, g->input[i]->name, m->names.count);
        }
    }
    for (size_t i = 0; i < g->n_node; i++) {
        for (size_t k = 0; k < g->node[i]->n_output; k++) {
            if (g->node[i]->output[k][0]) {
                torc_onnx_names_add(&m->names, g->node[i]->output[k], m->names.count);
            }
        }
    }
    m->value_count = m->names.count;
    return TORC_ALLOC(m->ctx, m->values, m->value_count);
}

/* wanted[value]; nodes are in order, so one sweep backwards finds everything. */
static void mark_wanted(const torc_onnx_import *m, bool *wanted, const char *output)
{
    const Onnx__Graph *g = m->file.model->graph;
    wanted[index_of(m, output)] = true;
    for (size_t i = g->n_node; i-- > 0;) {
        const Onnx__Node *node = g->node[i];
        bool needed = false;
        for (size_t k = 0; k < node->n_output; k++) {
            needed |= node->output[k][0] && wanted[index_of(m, node->output[k])];
        }
        for (size_t k = 0; needed && k < node->n_input; k++) {
            if (node->input[k][0]) {
                wanted[index_of(m, node->input[k])] = true;
            }
        }
    }
}

static bool is_float_type(int32_t t)
{
    return t == 1 || t == 10 || t == 11 || t == 16; /* float, float16, double, bfloat16 */
}

/* The last output of floats; sequences and maps (ZipMap's) count as such, labels do not. */
static const char *default_output(const Onnx__Graph *g)
{
    for (size_t i = g->n_output; i-- > 0;) {
        const Onnx__Type *type = g->output[i]->type;
        if (!type || !type->tensor_type || !type->tensor_type->has_elem_type ||
            is_float_type(type->tensor_type->elem_type)) {
            return g->output[i]->name;
        }
    }
    return g->output[g->n_output - 1]->name;
}

static torc_status choose_output(torc_onnx_import *m, const char **out, const char *wanted)
{
    const Onnx__Graph *g = m->file.model->graph;
    char names[512] = "";
    if (!wanted) {
        *out = default_output(g);
        return TORC_OK;
    }
    *out = NULL;
    for (size_t i = 0; i < g->n_output; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s'%s'", used ? ", " : "",
                 TORC_PRINTABLE(g->output[i]->name));
        if (strcmp(g->output[i]->name, wanted) == 0) {
            *out = g->output[i]->name;
        }
    }
    if (wanted && !*out) {
        return torc_fail(m->ctx, TORC_E_ARGUMENT, "no output is named '%s'; the model has %s",
                         TORC_PRINTABLE(wanted), names);
    }
    return TORC_OK;
}

/* --- sources -------------------------------------------------------------------------------------
 */

static torc_status import_initializers(torc_onnx_import *m, const bool *wanted)
{
    const Onnx__Graph *g = m->file.model->graph;
    for (size_t i = 0; i < g->n_initializer; i++) {
        const Onnx__Tensor *t = g->initializer[i];
        torc_onnx_value *v = &m->values[index_of(m, t->name)];
        if (!wanted[v - m->values]) {
            continue;
        }
        snprintf(m->where, sizeof m->where, "initializer '%s'", TORC_PRINTABLE(t->name));
        TORC_TRY(torc_onnx_tensor(m->ctx, &v->constant, &m->file, t, m->where));
        v->kind = TORC_ONNX_CONSTANT;
        v->is_ready = true;
    }
    return TORC_OK;
}

/* The length of axis 0: a number, or 1 when it is symbolic. All inputs agree. */
static torc_status read_batch(torc_onnx_import *m, const Onnx__Dimension *dim)
{
    int64_t batch = dim->has_dim_value && dim->dim_value > 0 ? dim->dim_value : 1;
    if (batch > MAX_BATCH || (m->batch != 0 && m->batch != batch)) {
        return torc_fail(m->ctx, TORC_E_UNSUPPORTED,
                         "%s: a batch of %lld; all inputs need the same, at most %d", m->where,
                         (long long)batch, MAX_BATCH);
    }
    m->batch = batch;
    return TORC_OK;
}

static torc_status read_input_shape(torc_onnx_import *m, size_t *shape, uint32_t *rank,
                                    const Onnx__Value *input)
{
    const Onnx__TensorType *type = input->type ? input->type->tensor_type : NULL;
    if (!type || !type->shape || type->shape->n_dim < 1 || type->shape->n_dim > TORC_MAX_RANK) {
        return torc_fail(m->ctx, TORC_E_UNSUPPORTED,
                         "%s: a tensor with 1 to %d axes is needed, the first one the batch",
                         m->where, TORC_MAX_RANK);
    }
    if (strstr(torc_onnx_type_name(type->elem_type), "string") ||
        strstr(torc_onnx_type_name(type->elem_type), "unknown")) {
        return torc_fail(m->ctx, TORC_E_UNSUPPORTED, "%s: element type %d; numbers are needed",
                         m->where, type->elem_type);
    }
    *rank = (uint32_t)type->shape->n_dim - 1;
    size_t count = 1;
    for (uint32_t i = 0; i < *rank; i++) {
        const Onnx__Dimension *dim = type->shape->dim[i + 1];
        if (!dim->has_dim_value || dim->dim_value <= 0 ||
            (uint64_t)dim->dim_value > TORC_ONNX_MAX_ELEMENTS / count) {
            char length[32] = "symbolic";
            if (dim->has_dim_value) {
                snprintf(length, sizeof length, "%lld long", (long long)dim->dim_value);
            }
            return torc_fail(m->ctx, TORC_E_UNSUPPORTED,
                             "%s: axis %u is %s; only axis 0, the batch, may be symbolic, and a "
                             "sample has at most %zu elements",
                             m->where, i + 1, length, TORC_ONNX_MAX_ELEMENTS);
        }
        shape[i] = (size_t)dim->dim_value;
        count *= shape[i];
    }
    return read_batch(m, type->shape->dim[0]);
}

static torc_status import_inputs(torc_onnx_import *m, const bool *wanted)
{
    const Onnx__Graph *g = m->file.model->graph;
    for (size_t i = 0; i < g->n_input; i++) {
        torc_onnx_value *v = &m->values[index_of(m, g->input[i]->name)];
        if (v->is_ready || !wanted[v - m->values]) {
            continue; /* has an initializer, or the result does not depend on it */
        }
        snprintf(m->where, sizeof m->where, "input '%s'", TORC_PRINTABLE(g->input[i]->name));
        TORC_TRY(read_input_shape(m, v->shape, &v->rank, g->input[i]));
        v->kind = TORC_ONNX_DATA;
        v->node = torc_input(m->graph, g->input[i]->name, true, TORC_F64, v->rank, v->shape);
        v->is_ready = true;
    }
    return TORC_OK;
}

/* --- nodes ---------------------------------------------------------------------------------------
 */

static const char *domain_of(const Onnx__Node *node)
{
    const char *domain = node->domain ? node->domain : "";
    return strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

static int64_t opset_of(const torc_onnx_import *m, const char *domain)
{
    const Onnx__Model *model = m->file.model;
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const char *name = model->opset_import[i]->domain ? model->opset_import[i]->domain : "";
        if (strcmp(strcmp(name, "ai.onnx") == 0 ? "" : name, domain) == 0) {
            return model->opset_import[i]->version;
        }
    }
    return 0;
}

static torc_status find_op(torc_onnx_import *m, const torc_onnx_op **op)
{
    const char *domain = domain_of(m->node);
    const char *label = domain[0] ? domain : "ai.onnx";
    m->opset = opset_of(m, domain);
    *op = torc_onnx_op_find(domain, m->node->op_type);
    if (!*op) {
        char *names;
        bool is_ml = strcmp(domain, "ai.onnx.ml") == 0;
        TORC_TRY(torc_onnx_op_names(m->ctx, &names, is_ml ? domain : ""));
        torc_fail(
            m->ctx, TORC_E_UNSUPPORTED,
            "%s: operator %s of opset %lld, domain %s, is not supported; supported of %s are %s",
            m->where, TORC_PRINTABLE(m->node->op_type), (long long)m->opset, TORC_PRINTABLE(label),
            is_ml ? domain : "ai.onnx", names);
        free(names);
        return TORC_E_UNSUPPORTED;
    }
    if (domain[0] == '\0' && (m->opset < MIN_OPSET || m->opset > MAX_OPSET)) {
        return torc_onnx_refuse(m, "the model uses opset %lld; %d to %d are supported",
                                (long long)m->opset, MIN_OPSET, MAX_OPSET);
    }
    return TORC_OK;
}

static torc_status check_inputs(torc_onnx_import *m, const torc_onnx_op *op, bool *any_data,
                                bool *any_tail)
{
    uint32_t count = torc_onnx_input_count(m);
    if (count < op->min_inputs || m->node->n_input > op->max_inputs) {
        return torc_fail(m->ctx, TORC_E_FORMAT, "%s: %zu inputs, wanted %u to %u", m->where,
                         m->node->n_input, op->min_inputs, op->max_inputs);
    }
    for (uint32_t i = 0; i < count; i++) {
        const torc_onnx_value *v = torc_onnx_in(m, i);
        if (!v && i < op->min_inputs) {
            return torc_fail(m->ctx, TORC_E_FORMAT, "%s: input %u is missing", m->where, i);
        }
        if (v && !v->is_ready) {
            return torc_onnx_refuse(m, "it uses '%s', a secondary output that is not computed",
                                    TORC_PRINTABLE(m->node->input[i]));
        }
        *any_data |= v && v->kind != TORC_ONNX_CONSTANT;
        *any_tail |= v && v->kind == TORC_ONNX_TAIL;
    }
    return TORC_OK;
}

static torc_status check_size(torc_onnx_import *m, const torc_onnx_value *v)
{
    if (torc_shape_count(v->rank, v->shape) > TORC_ONNX_MAX_ELEMENTS) {
        return torc_onnx_refuse(m, "its result has more than %zu elements", TORC_ONNX_MAX_ELEMENTS);
    }
    return TORC_OK;
}

/* Evaluates m->out in the scratch graph that m->graph is. */
static torc_status evaluate_constant(torc_onnx_import *m)
{
    torc_tensor *values = NULL;
    TORC_TRY(check_size(m, &m->out));
    m->folded_elements += torc_shape_count(m->out.rank, m->out.shape);
    if (m->folded_elements > 4 * TORC_ONNX_MAX_ELEMENTS) {
        return torc_onnx_refuse(m, "constants of more than 2^28 elements are computed so far");
    }
    torc_status status = torc_graph_eval(m->ctx, &values, m->graph, NULL);
    if (status != TORC_OK) {
        return torc_fail_prefix(m->ctx, status, "%s", m->where);
    }
    torc_tensor result = values[m->out.node.id];
    values[m->out.node.id] = (torc_tensor){0};
    for (uint32_t i = 0; i < m->graph->node_count; i++) {
        torc_tensor_free(&values[i]);
    }
    free(values);
    torc_onnx_set_constant(m, &result);
    return TORC_OK;
}

static torc_status graph_status(torc_onnx_import *m)
{
    torc_status status = torc_graph_status(m->ctx, m->graph);
    return status == TORC_OK ? TORC_OK : torc_fail_prefix(m->ctx, status, "%s", m->where);
}

static torc_status fold(torc_onnx_import *m, const torc_onnx_op *op)
{
    torc_graph *kept = m->graph;
    torc_graph *scratch;
    TORC_TRY(torc_graph_create(m->ctx, &scratch));
    m->graph = scratch;
    torc_status status = op->import(m);
    if (status == TORC_OK) {
        status = graph_status(m);
    }
    if (status == TORC_OK && m->out.kind == TORC_ONNX_DATA) {
        status = evaluate_constant(m);
    }
    m->graph = kept;
    torc_graph_free(scratch);
    return status;
}

/* Gives the new nodes their origin. */
static torc_status label_nodes(torc_onnx_import *m, uint32_t from)
{
    for (uint32_t i = from; i < m->graph->node_count; i++) {
        torc_node *node = &m->graph->nodes[i];
        char *where = strdup(m->where);
        if (!where) {
            return torc_fail(m->ctx, TORC_E_MEMORY, "out of memory");
        }
        free(node->where);
        node->where = where;
    }
    return TORC_OK;
}

static torc_status run_op(torc_onnx_import *m, const torc_onnx_op *op)
{
    bool any_data = false;
    bool any_tail = false;
    TORC_TRY(check_inputs(m, op, &any_data, &any_tail));
    if (any_tail && !op->on_tail) {
        const Onnx__Node *first = NULL;
        for (uint32_t i = 0; i < torc_onnx_input_count(m) && !first; i++) {
            const torc_onnx_value *v = torc_onnx_in(m, i);
            first = v && v->kind == TORC_ONNX_TAIL ? v->first_step : NULL;
        }
        return torc_onnx_refuse(m,
                                "it needs the result of a %s, which runs at the client after "
                                "decryption; only %s",
                                first ? TORC_PRINTABLE(first->op_type) : "client step",
                                "element-wise functions, reshapes and labels can follow there");
    }
    if (any_tail) {
        return op->on_tail(m);
    }
    return any_data ? op->import(m) : fold(m, op);
}

static torc_status import_node(torc_onnx_import *m, size_t index)
{
    const Onnx__Node *node = m->file.model->graph->node[index];
    const torc_onnx_op *op;
    uint32_t from = m->graph->node_count;
    m->node = node;
    m->out = (torc_onnx_value){0};
    if (node->name && node->name[0]) {
        snprintf(m->where, sizeof m->where, "node '%s' (%s)", TORC_PRINTABLE(node->name),
                 TORC_PRINTABLE(node->op_type));
    } else {
        snprintf(m->where, sizeof m->where, "node %zu (%s)", index, TORC_PRINTABLE(node->op_type));
    }
    TORC_TRY(find_op(m, &op));
    TORC_TRY(run_op(m, op));
    torc_status status = graph_status(m);
    if (status == TORC_OK && m->out.kind != TORC_ONNX_CONSTANT) {
        status = check_size(m, &m->out);
    }
    if (status == TORC_OK) {
        status = label_nodes(m, from);
    }
    if (status != TORC_OK) {
        torc_onnx_value_free(&m->out);
        return status;
    }
    if (node->n_output > 0 && node->output[0][0]) {
        torc_onnx_value *v = &m->values[index_of(m, node->output[0])];
        *v = m->out;
        v->is_ready = true;
    } else {
        torc_onnx_value_free(&m->out);
    }
    return TORC_OK;
}

static bool node_is_wanted(const torc_onnx_import *m, const bool *wanted, const Onnx__Node *node)
{
    for (size_t k = 0; k < node->n_output; k++) {
        if (node->output[k][0] && wanted[index_of(m, node->output[k])]) {
            return true;
        }
    }
    return false;
}

/* --- the result ----------------------------------------------------------------------------------
 */

static torc_status finish(torc_onnx_import *m, const char *name)
{
    enum { MAX_STEPS = 16 };
    const torc_onnx_value *v = &m->values[index_of(m, name)];
    torc_post steps[MAX_STEPS];
    if (!v->is_ready) {
        return torc_fail(m->ctx, TORC_E_UNSUPPORTED,
                         "output '%s' is a secondary output that is not computed",
                         TORC_PRINTABLE(name));
    }
    if (v->kind == TORC_ONNX_CONSTANT) {
        return torc_fail(m->ctx, TORC_E_UNSUPPORTED, "output '%s' does not depend on any input",
                         TORC_PRINTABLE(name));
    }
    uint32_t id = v->node.id;
    uint32_t count = torc_onnx_peel(m->graph, &id, steps, MAX_STEPS);
    torc_output(m->graph, name, (torc_value){id});
    for (uint32_t i = count; i-- > 0;) {
        torc_graph_post(m->graph, &steps[i]);
    }
    for (uint32_t i = 0; i < v->post_count; i++) {
        torc_graph_post(m->graph, &v->posts[i]);
    }
    snprintf(m->where, sizeof m->where, "output '%s'", TORC_PRINTABLE(name));
    return graph_status(m);
}

static torc_status import_all(torc_onnx_import *m, const char *output_name)
{
    const Onnx__Graph *g = m->file.model->graph;
    const char *output;
    bool *wanted;
    TORC_TRY(choose_output(m, &output, output_name));
    TORC_TRY(number_values(m));
    TORC_TRY(TORC_ALLOC(m->ctx, wanted, m->value_count));
    mark_wanted(m, wanted, output);
    torc_status status = import_initializers(m, wanted);
    if (status == TORC_OK) {
        status = import_inputs(m, wanted);
    }
    for (size_t i = 0; i < g->n_node && status == TORC_OK; i++) {
        if (node_is_wanted(m, wanted, g->node[i])) {
            status = import_node(m, i);
        }
    }
    free(wanted);
    return status == TORC_OK ? finish(m, output) : status;
}

torc_status torc_import_onnx(torc_ctx *ctx, torc_graph **out, const char *path,
                             const char *output_name)
{
    torc_onnx_import m = {.ctx = ctx};
    torc_graph *whole = NULL;
    *out = NULL;
    TORC_TRY(torc_onnx_open(ctx, &m.file, path));
    torc_status status = torc_graph_create(ctx, &whole);
    if (status == TORC_OK) {
        m.graph = whole;
        status = import_all(&m, output_name);
        if (status == TORC_OK) {
            status = torc_graph_tidy(ctx, out, whole);
        }
        if (status != TORC_OK) {
            torc_fail_prefix(ctx, status, "%s", path);
        }
    }
    for (uint32_t i = 0; i < m.value_count && m.values; i++) {
        torc_onnx_value_free(&m.values[i]);
    }
    free(m.values);
    torc_onnx_names_free(&m.names);
    torc_onnx_close(&m.file);
    torc_graph_free(whole);
    return status;
}
