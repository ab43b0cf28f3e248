/* Fused graphs beside the graphs they came from. */
#include "tests/common/fusing.h"

#include "frontend/eval.h"
#include "runtime/status.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

uint32_t count_ops(const torc_graph *g, torc_op op)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->node_count; i++) {
        count += g->nodes[i].op == op;
    }
    return count;
}

const torc_node *only_lookup(const torc_graph *g)
{
    const torc_node *found = NULL;
    for (uint32_t i = 0; i < g->node_count; i++) {
        if (g->nodes[i].op == TORC_OP_LOOKUP) {
            cr_assert_null(found, "more than one lookup");
            found = &g->nodes[i];
        }
    }
    cr_assert_not_null(found, "no lookup");
    return found;
}

torc_graph *fuse(torc_graph *g, const torc_tensor *inputset)
{
    expect_sound(g);
    torc_ctx *ctx = torc_ctx_create();
    torc_graph *measured = NULL;
    torc_graph *fused = NULL;
    cr_assert_eq(torc_graph_tidy(ctx, &measured, g), TORC_OK);
    cr_assert_eq(torc_graph_measure(ctx, measured, inputset), TORC_OK, "%s", torc_ctx_message(ctx));
    torc_status s = torc_graph_fuse(ctx, &fused, measured);
    cr_assert_eq(s, TORC_OK, "%s", torc_ctx_message(ctx));
    for (uint32_t i = 0; i < fused->node_count; i++) {
        const torc_node *node = &fused->nodes[i];
        cr_expect(!torc_needs_table(fused, i), "node %u (%s) needs a table", i,
                  torc_op_name(node->op));
        cr_expect(node->measured && node->min <= node->max);
    }
    torc_graph_free(measured);
    torc_ctx_free(ctx);
    return fused;
}

typedef struct collected {
    const torc_graph *g;
    int64_t *out;
    size_t count; /* cells a sample */
} collected;

static torc_status keep(torc_ctx *ctx, void *user, size_t sample, torc_status status,
                        const torc_tensor *values)
{
    (void)ctx;
    collected *s = user;
    const torc_tensor *t = &values[s->g->outputs[0].node];
    if (status == TORC_OK) {
        memcpy(s->out + sample * s->count, t->i64, s->count * sizeof *t->i64);
    }
    return status;
}

static int64_t *eval_all(const torc_graph *g, const torc_tensor *inputset)
{
    torc_ctx *ctx = torc_ctx_create();
    const torc_type *type = &g->nodes[g->outputs[0].node].type;
    collected s = {.g = g, .count = torc_shape_count(type->rank, type->shape)};
    s.out = calloc(s.count * inputset->shape[0], sizeof *s.out);
    cr_assert_eq(torc_graph_eval_each(ctx, g, inputset, keep, &s), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    torc_ctx_free(ctx);
    return s.out;
}

void expect_same(const torc_graph *a, const torc_graph *b, const torc_tensor *inputset)
{
    const torc_type *type = &a->nodes[a->outputs[0].node].type;
    const size_t count = torc_shape_count(type->rank, type->shape) * inputset->shape[0];
    int64_t *expected = eval_all(a, inputset);
    int64_t *found = eval_all(b, inputset);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(found[i], expected[i], "cell %zu: %ld, not %ld", i, found[i], expected[i]);
    }
    free(expected);
    free(found);
}

torc_tensor all_values(int64_t first, size_t samples, size_t cells)
{
    torc_tensor t;
    cr_assert_eq(torc_tensor_create(NULL, &t, TORC_I64, 2, (size_t[]){samples, cells}), TORC_OK);
    for (size_t i = 0; i < samples * cells; i++) {
        t.i64[i] = first + (int64_t)(i / cells);
    }
    return t;
}
