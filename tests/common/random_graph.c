/* Draws operations on a pool of values, tracking intervals so that no table grows too wide. */
#include "tests/common/random_graph.h"

#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>

#define WIDTH   4 /* elements of every vector */
#define POOL    64
#define SAMPLES 24

typedef struct pooled {
    torc_value value;
    int64_t low, high;
    bool is_scalar;
} pooled;

typedef struct maker {
    torc_graph *g;
    uint64_t state;
    uint32_t lookup_bits;
    uint32_t count;
    pooled pool[POOL];
} maker;

uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static int64_t draw(uint64_t *state, int64_t low, int64_t high)
{
    return low + (int64_t)(random_next(state) % (uint64_t)(high - low + 1));
}

static void keep(maker *m, torc_value value, int64_t low, int64_t high, bool is_scalar)
{
    if (m->count < POOL && low > -4000 && high < 4000) {
        m->pool[m->count++] = (pooled){value, low, high, is_scalar};
    }
}

static const pooled *pick(maker *m)
{
    /* recent values more often, so that graphs grow deep */
    const uint32_t recent = m->count < 5 ? m->count : 5;
    return random_next(&m->state) % 3 != 0
               ? &m->pool[m->count - 1 - random_next(&m->state) % recent]
               : &m->pool[random_next(&m->state) % m->count];
}

static void make_sum(maker *m)
{
    const pooled a = *pick(m);
    const pooled b = *pick(m);
    const bool scalar = a.is_scalar && b.is_scalar;
    if (random_next(&m->state) % 2 == 0) {
        keep(m, torc_add(m->g, a.value, b.value), a.low + b.low, a.high + b.high, scalar);
    } else {
        keep(m, torc_sub(m->g, a.value, b.value), a.low - b.high, a.high - b.low, scalar);
    }
}

static void make_product(maker *m)
{
    const pooled a = *pick(m);
    const int64_t factor = draw(&m->state, -3, 3);
    const int64_t x = a.low * factor;
    const int64_t y = a.high * factor;
    keep(m, torc_mul(m->g, a.value, torc_scalar_i64(m->g, factor)), x < y ? x : y, x < y ? y : x,
         a.is_scalar);
}

static void make_matmul(maker *m)
{
    const pooled a = *pick(m);
    int64_t weight[WIDTH * WIDTH];
    if (a.is_scalar) {
        return;
    }
    for (int i = 0; i < WIDTH * WIDTH; i++) {
        weight[i] = draw(&m->state, -1, 1);
    }
    const int64_t largest = llabs(a.low) > llabs(a.high) ? llabs(a.low) : llabs(a.high);
    const torc_value w = torc_constant_i64(m->g, weight, 2, (size_t[]){WIDTH, WIDTH});
    keep(m, torc_matmul(m->g, w, a.value), -WIDTH * largest, WIDTH * largest, false);
}

static void make_scalar(maker *m)
{
    const pooled a = *pick(m);
    if (a.is_scalar) {
        return;
    }
    if (random_next(&m->state) % 2 == 0) {
        keep(m, torc_sum(m->g, a.value, NULL, 0, false), WIDTH * a.low, WIDTH * a.high, true);
    } else {
        const torc_slice slice = {.start = draw(&m->state, 0, WIDTH - 1), .drop = true};
        keep(m, torc_index(m->g, a.value, &slice, 1), a.low, a.high, true);
    }
}

static void make_move(maker *m)
{
    const pooled a = *pick(m);
    const torc_slice head = {.start = 0, .stop = 2, .step = 1};
    const torc_slice tail = {.start = 2, .stop = WIDTH, .step = 1};
    if (a.is_scalar) {
        return;
    }
    const torc_value parts[2] = {torc_index(m->g, a.value, &tail, 1),
                                 torc_index(m->g, torc_neg(m->g, a.value), &head, 1)};
    keep(m, torc_concat(m->g, parts, 2, 0), a.low < -a.high ? a.low : -a.high,
         a.high > -a.low ? a.high : -a.low, false);
}

/* Width of the interval as a table index; 0 when it is too wide. */
static uint32_t index_bits(const maker *m, const pooled *a)
{
    for (uint32_t bits = 1; bits <= m->lookup_bits; bits++) {
        const int64_t size = (int64_t)1 << bits;
        if ((a->low >= 0 && a->high < size) || (a->low >= -size / 2 && a->high < size / 2)) {
            return bits;
        }
    }
    return 0;
}

static void make_table(maker *m)
{
    const pooled a = *pick(m);
    const uint32_t bits = index_bits(m, &a);
    int64_t table[256];
    if (bits == 0) {
        return;
    }
    const int64_t span = draw(&m->state, 1, 7);
    const int64_t low = random_next(&m->state) % 2 == 0 ? 0 : -span;
    for (size_t i = 0; i < (size_t)1 << bits; i++) {
        table[i] = draw(&m->state, low, span);
    }
    keep(m, torc_table_lookup(m->g, a.value, table, (size_t)1 << bits), low, span, a.is_scalar);
}

/* A float subgraph: cast(floor(3 * tanh(x / 4)) + x-free constants), fused into one table. */
static void make_float(maker *m)
{
    const pooled a = *pick(m);
    if (index_bits(m, &a) == 0) {
        return;
    }
    const torc_value x = torc_div(m->g, a.value, torc_scalar_f64(m->g, 4));
    const torc_value y = torc_mul(m->g, torc_function(m->g, x, "tanh"), torc_scalar_f64(m->g, 3));
    keep(m, torc_cast(m->g, torc_floor(m->g, y), TORC_I64), -3, 3, a.is_scalar);
}

static void make_comparison(maker *m)
{
    const pooled a = *pick(m);
    if (index_bits(m, &a) == 0) {
        return;
    }
    const torc_compare how = (torc_compare)(random_next(&m->state) % 6);
    const torc_value limit = torc_scalar_i64(m->g, draw(&m->state, a.low, a.high));
    keep(m, torc_compare_with(m->g, how, a.value, limit), 0, 1, a.is_scalar);
}

static void make_step(maker *m)
{
    switch (random_next(&m->state) % 10) {
    case 0:
    case 1: make_sum(m); break;
    case 2: make_product(m); break;
    case 3: make_matmul(m); break;
    case 4: make_scalar(m); break;
    case 5: make_move(m); break;
    case 6: make_float(m); break;
    case 7: make_comparison(m); break;
    default: make_table(m); break;
    }
}

static void make_inputs(maker *m, random_graph *out)
{
    static const char *const names[3] = {"x", "y", "z"};
    out->input_count = 1 + (uint32_t)(random_next(&m->state) % 3);
    for (uint32_t i = 0; i < out->input_count; i++) {
        const int64_t size = (int64_t)1 << draw(&m->state, 1, 3);
        const bool is_signed = random_next(&m->state) % 2 == 0;
        out->low[i] = is_signed ? -size / 2 : 0;
        out->high[i] = is_signed ? size / 2 - 1 : size - 1;
        keep(m, torc_input(m->g, names[i], true, TORC_I64, 1, (size_t[]){WIDTH}), out->low[i],
             out->high[i], false);
    }
}

/* One to three outputs; now and then an input, a constant, or the same value twice. */
static void make_outputs(maker *m)
{
    const uint32_t count = 1 + (uint32_t)(random_next(&m->state) % 3);
    static const char *const names[4] = {"a", "b", "c", "d"};
    for (uint32_t o = 0; o < count; o++) {
        torc_output(m->g, names[o], pick(m)->value);
    }
    switch (random_next(&m->state) % 8) {
    case 0: torc_output(m->g, names[3], m->pool[0].value); break;
    case 1: torc_output(m->g, names[3], torc_scalar_i64(m->g, 5)); break;
    case 2: torc_output(m->g, names[3], m->pool[m->count - 1].value); break;
    default: break;
    }
}

torc_status random_graph_inputs(torc_ctx *ctx, torc_tensor *inputs, const random_graph *g,
                                size_t samples, uint64_t seed)
{
    for (uint32_t i = 0; i < g->input_count; i++) {
        TORC_TRY(torc_tensor_create(ctx, &inputs[i], TORC_I64, 2, (size_t[]){samples, WIDTH}));
        for (size_t e = 0; e < samples * WIDTH; e++) {
            inputs[i].i64[e] = draw(&seed, g->low[i], g->high[i]);
        }
    }
    return TORC_OK;
}

torc_status random_graph_create(torc_ctx *ctx, random_graph *out, uint64_t seed, uint32_t steps,
                                uint32_t lookup_bits)
{
    maker m = {.state = seed, .lookup_bits = lookup_bits};
    *out = (random_graph){0};
    TORC_TRY(torc_graph_create(ctx, &out->graph));
    m.g = out->graph;
    make_inputs(&m, out);
    for (uint32_t s = 0; s < steps; s++) {
        make_step(&m);
    }
    make_outputs(&m);
    TORC_TRY(torc_graph_status(ctx, out->graph));
    TORC_TRY(TORC_ALLOC(ctx, out->inputset, out->input_count));
    return random_graph_inputs(ctx, out->inputset, out, SAMPLES, seed ^ 0x5eed);
}

void random_graph_free(random_graph *g)
{
    for (uint32_t i = 0; g->inputset != NULL && i < g->input_count; i++) {
        torc_tensor_free(&g->inputset[i]);
    }
    free(g->inputset);
    torc_graph_free(g->graph);
    *g = (random_graph){0};
}
