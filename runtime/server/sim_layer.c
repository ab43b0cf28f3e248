/* A linear instruction as a layer of doubles, in the form that runs fastest.
 *
 * The compiler gives each output of a perceptron a group of its own, with the inputs whose weights
 * are not zero. Outputs that share their inputs run nearly twice as fast
 * (kernels/cpu/clear_linear.c), so groups of one output that read much the same inputs become one
 * group that reads them all. Any order of exact sums gives the same bits. */
#include "runtime/server/sim_layer.h"

#include "runtime/server/sim_torus.h"
#include "runtime/status.h"

#include <stdlib.h>

#define DENSE_WORK 1.5 /* multiply-adds of a dense layer that take as long as one of the others */

typedef struct arrays {
    uint32_t *gather;
    double *weight;
    double *constant;
} arrays;

static torc_status alloc_arrays(torc_ctx *ctx, torc_clear_layer *out, arrays *a)
{
    const size_t gathers = (size_t)out->group_count * out->in_count;
    const size_t weights = (size_t)out->weight_groups * out->out_count * out->in_count;
    const size_t constants = (size_t)out->constant_groups * out->out_count;
    TORC_TRY(TORC_ALLOC(ctx, a->gather, gathers));
    out->gather = a->gather;
    TORC_TRY(TORC_ALLOC(ctx, a->weight, weights));
    out->weight = a->weight;
    TORC_TRY(TORC_ALLOC(ctx, a->constant, constants));
    out->constant = a->constant;
    return TORC_OK;
}

static double constant_turns(const torc_linear *l, size_t at)
{
    return torc_sim_turns(l->constant[at]) +
           (l->constant_turns == NULL ? 0 : (double)l->constant_turns[at]);
}

/* --- as it is ------------------------------------------------------------------------------------
 */

static torc_status create_plain(torc_ctx *ctx, torc_clear_layer *out, const torc_linear *l,
                                const torc_program *program)
{
    arrays a = {0};
    *out = (torc_clear_layer){.group_count = l->group_count,
                              .out_count = l->out_count,
                              .in_count = l->in_count,
                              .weight_groups = l->weight_groups,
                              .constant_groups = l->constant_groups,
                              .out = l->out,
                              .out_group_stride = l->out_group_stride,
                              .out_stride = l->out_stride};
    TORC_TRY(alloc_arrays(ctx, out, &a));
    for (size_t i = 0; i < (size_t)l->group_count * l->in_count; i++) {
        const bool is_absent = l->gather[i] == TORC_NO_ELEMENT;
        a.gather[i] = is_absent ? program->element_count : l->gather[i];
    }
    for (size_t i = 0; i < (size_t)l->weight_groups * l->out_count * l->in_count; i++) {
        a.weight[i] = (double)l->weight[i];
    }
    for (size_t i = 0; i < (size_t)l->constant_groups * l->out_count; i++) {
        a.constant[i] = constant_turns(l, i);
    }
    return TORC_OK;
}

/* --- groups of one output as one group -----------------------------------------------------------
 */

/* column[element] = 1 + its place among the inputs of the whole layer, 0 where it is none. */
static uint32_t number_columns(uint32_t *column, size_t *terms, const torc_linear *l)
{
    uint32_t columns = 0;
    *terms = 0;
    for (size_t i = 0; i < (size_t)l->group_count * l->in_count; i++) {
        const uint32_t element = l->gather[i];
        if (element != TORC_NO_ELEMENT) {
            columns += column[element] == 0;
            column[element] = column[element] == 0 ? columns : column[element];
            ++*terms;
        }
    }
    return columns;
}

static torc_status create_dense(torc_ctx *ctx, torc_clear_layer *out, const torc_linear *l,
                                const uint32_t *column, uint32_t columns)
{
    arrays a = {0};
    *out = (torc_clear_layer){.group_count = 1,
                              .out_count = l->group_count,
                              .in_count = columns,
                              .weight_groups = 1,
                              .constant_groups = 1,
                              .out = l->out,
                              .out_stride = l->out_group_stride};
    TORC_TRY(alloc_arrays(ctx, out, &a));
    for (size_t g = 0; g < l->group_count; g++) {
        const int64_t *weight = l->weight + (l->weight_groups == 1 ? 0 : g) * l->in_count;
        for (size_t i = 0; i < l->in_count; i++) {
            const uint32_t element = l->gather[g * l->in_count + i];
            if (element != TORC_NO_ELEMENT) {
                a.gather[column[element] - 1] = element;
                a.weight[g * columns + column[element] - 1] += (double)weight[i];
            }
        }
        a.constant[g] = constant_turns(l, l->constant_groups == 1 ? 0 : g);
    }
    return TORC_OK;
}

torc_status torc_sim_layer_create(torc_ctx *ctx, torc_clear_layer *out, const torc_linear *linear,
                                  const torc_program *program)
{
    uint32_t *column = NULL;
    size_t terms = 0;
    if (linear->out_count != 1 || linear->group_count == 1) {
        return create_plain(ctx, out, linear, program);
    }
    TORC_TRY(TORC_ALLOC(ctx, column, program->element_count));
    const uint32_t columns = number_columns(column, &terms, linear);
    const bool is_dense = (double)columns * linear->group_count <= DENSE_WORK * (double)terms;
    const torc_status s = is_dense ? create_dense(ctx, out, linear, column, columns)
                                   : create_plain(ctx, out, linear, program);
    free(column);
    return s;
}

void torc_sim_layer_free(torc_clear_layer *layer)
{
    free((void *)layer->gather);
    free((void *)layer->weight);
    free((void *)layer->constant);
}
