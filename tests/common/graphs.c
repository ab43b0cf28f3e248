#include "tests/common/graphs.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

void expect_sound(const torc_graph *g)
{
    cr_assert_eq(g->status, TORC_OK, "%s", g->message ? g->message : "?");
}

void expect_mistake(const torc_graph *g, torc_status status, const char *const *words)
{
    cr_assert_eq(g->status, status, "status %d: %s", (int)g->status,
                 g->message ? g->message : "none");
    for (; *words; words++) {
        cr_expect(strstr(g->message, *words), "'%s' is not in: %s", *words, g->message);
    }
}

torc_graph *new_graph(void)
{
    torc_graph *g = NULL;
    cr_assert_eq(torc_graph_create(NULL, &g), TORC_OK);
    return g;
}

torc_value input_i64(torc_graph *g, const char *name, uint32_t rank, const size_t *shape)
{
    return torc_input(g, name, true, TORC_I64, rank, shape);
}

torc_value input_f64(torc_graph *g, const char *name, uint32_t rank, const size_t *shape)
{
    return torc_input(g, name, true, TORC_F64, rank, shape);
}

static torc_tensor tensor_of(torc_dtype dtype, uint32_t rank, const size_t *shape, const void *data)
{
    torc_tensor t;
    cr_assert_eq(torc_tensor_create(NULL, &t, dtype, rank, shape), TORC_OK);
    memcpy(t.data, data, torc_tensor_count(&t) * sizeof(int64_t));
    return t;
}

torc_tensor tensor_i64(uint32_t rank, const size_t *shape, const int64_t *data)
{
    return tensor_of(TORC_I64, rank, shape, data);
}

torc_tensor tensor_f64(uint32_t rank, const size_t *shape, const double *data)
{
    return tensor_of(TORC_F64, rank, shape, data);
}

torc_tensor range_i64(int64_t first, size_t count, uint32_t rank, const size_t *shape)
{
    torc_tensor t;
    cr_assert_eq(torc_tensor_create(NULL, &t, TORC_I64, rank, shape), TORC_OK);
    cr_assert_eq(torc_tensor_count(&t), count);
    for (size_t i = 0; i < count; i++) {
        t.i64[i] = first + (int64_t)i;
    }
    return t;
}

torc_status run_stages(torc_ctx *ctx, torc_compilation *c, const torc_graph *g,
                       const torc_tensor *inputset, const char *last)
{
    static const struct {
        const char *name;
        torc_status (*run)(torc_ctx *ctx, torc_compilation *c);
    } stages[] = {{"measure", torc_stage_measure},
                  {"fuse", torc_stage_fuse},
                  {"width", torc_stage_width},
                  {"check", torc_stage_check}};
    c->inputset = inputset;
    torc_status s = torc_graph_copy(ctx, &c->graph, g);
    for (size_t i = 0; s == TORC_OK && i < sizeof stages / sizeof *stages; i++) {
        s = stages[i].run(ctx, c);
        if (strcmp(stages[i].name, last) == 0) {
            break;
        }
    }
    return s;
}

void end_stages(torc_compilation *c)
{
    torc_graph_free(c->graph);
    c->graph = NULL;
}

uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}
