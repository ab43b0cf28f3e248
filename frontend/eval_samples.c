/* Clear evaluation over an inputset, sample by sample. */
#include "frontend/eval.h"
#include "frontend/op.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct inputset {
    const torc_graph *g;
    const torc_tensor *tensors; /* [count], the user's */
    uint32_t count;
    uint32_t *nodes;     /* [count] */
    torc_tensor *sample; /* [count], borrowing the data of tensors */
    size_t samples;
} inputset;

/* tensors[i] must be [samples][shape of input i]. */
static torc_status check_shapes(torc_ctx *ctx, inputset *set)
{
    set->samples = set->count ? set->tensors[0].shape[0] : 1;
    for (uint32_t i = 0; i < set->count; i++) {
        const torc_node *node = &set->g->nodes[set->nodes[i]];
        const torc_tensor *t = &set->tensors[i];
        const torc_type *type = &node->type;
        if (t->rank != type->rank + 1 ||
            memcmp(t->shape + 1, type->shape, type->rank * sizeof *type->shape) != 0) {
            return torc_fail(ctx, TORC_E_INPUT,
                             "inputset: input '%s': shape %s found, samples of %s expected",
                             TORC_PRINTABLE(node->name), TORC_SHAPE_TEXT(t), TORC_SHAPE_TEXT(type));
        }
        if (t->shape[0] != set->samples) {
            return torc_fail(ctx, TORC_E_INPUT,
                             "inputset: input '%s' has %zu samples, the first input has %zu",
                             TORC_PRINTABLE(node->name), t->shape[0], set->samples);
        }
    }
    if (set->samples == 0) {
        return torc_fail(
            ctx, TORC_E_INPUT,
            "inputset: it is empty; give samples that cover what the circuit will see");
    }
    return TORC_OK;
}

static torc_status check_finite(torc_ctx *ctx, const torc_node *node, const torc_tensor *t)
{
    const size_t count = t->dtype == TORC_F64 ? torc_tensor_count(t) : 0;
    const size_t cells = torc_shape_count(node->type.rank, node->type.shape);
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(t->f64[i])) {
            return torc_fail(ctx, TORC_E_INPUT,
                             "inputset: input '%s': sample %zu, element %zu is %s; only finite "
                             "numbers can be measured",
                             TORC_PRINTABLE(node->name), i / cells, i % cells,
                             isnan(t->f64[i]) ? "NaN" : "infinite");
        }
    }
    return TORC_OK;
}

static void take_sample(inputset *set, size_t number)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const torc_tensor *t = &set->tensors[i];
        const size_t count = torc_shape_count(t->rank - 1, t->shape + 1);
        torc_tensor *sample = &set->sample[i];
        *sample = (torc_tensor){.dtype = t->dtype, .rank = t->rank - 1};
        memcpy(sample->shape, t->shape + 1, sample->rank * sizeof *t->shape);
        sample->data = (uint64_t *)t->data + number * count;
    }
}

static torc_status eval_all(torc_ctx *ctx, inputset *set, torc_evaluator *e, torc_sample_fn *visit,
                            void *user)
{
    for (size_t i = 0; i < set->samples; i++) {
        take_sample(set, i);
        torc_status s = torc_evaluator_run(ctx, e, set->sample);
        torc_status seen = visit(ctx, user, i, s, torc_evaluator_values(e));
        if (seen != TORC_OK) {
            return torc_fail_prefix(ctx, seen, "inputset: sample %zu", i);
        }
    }
    return TORC_OK;
}

static torc_status run(torc_ctx *ctx, inputset *set, torc_evaluator *e, torc_sample_fn *visit,
                       void *user)
{
    const uint32_t capacity = set->g->node_count;
    TORC_TRY(TORC_ALLOC(ctx, set->nodes, capacity));
    set->count = torc_graph_input_nodes(set->g, set->nodes, capacity);
    TORC_TRY(TORC_ALLOC(ctx, set->sample, set->count));
    TORC_TRY(check_shapes(ctx, set));
    for (uint32_t i = 0; i < set->count; i++) {
        TORC_TRY(check_finite(ctx, &set->g->nodes[set->nodes[i]], &set->tensors[i]));
    }
    return eval_all(ctx, set, e, visit, user);
}

torc_status torc_graph_eval_each(torc_ctx *ctx, const torc_graph *g, const torc_tensor *tensors,
                                 torc_sample_fn *visit, void *user)
{
    torc_evaluator *e = NULL;
    TORC_TRY(torc_evaluator_create(ctx, &e, g));
    inputset set = {.g = g, .tensors = tensors};
    torc_status s = run(ctx, &set, e, visit, user);
    free(set.nodes);
    free(set.sample);
    torc_evaluator_free(e);
    return s;
}
