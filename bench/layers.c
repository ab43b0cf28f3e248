/* torc_bench layers: linear layers on ciphertexts of 2,049 words, through a backend's own call. The
 * words are random; outputs are compared with the sum that they stand for. */
#include "bench/bench.h"
#include "runtime/rng.h"
#include "runtime/status.h"

#include <stdio.h>
#include <stdlib.h>

#define WEIGHT_MAX 15
#define ALONE                                                   \
    {                                                           \
        .glwe_dim = 1, .poly_size = 2048, .glwe_noise_log2 = 17 \
    } /* no lookup, no key */

typedef struct layer_shape {
    const char *name;
    uint32_t groups, outs, ins; /* of a group; groups share their weights */
    uint32_t inputs;            /* elements that are read */
} layer_shape;

static const layer_shape shapes[] = {
    {"dense_92x92", 1, 92, 92, 92},
    {"dense_92x784", 1, 92, 784, 784},
    {"dense_512x512", 1, 512, 512, 512},
    {"filter_3x3_on_28x28", 784, 1, 9, 784},
};

static const uint32_t default_batches[] = {1, 8, 64};
#define DEFAULT_BATCHES (sizeof default_batches / sizeof *default_batches)

typedef struct layer_bench {
    const bench_options *o;
    const bench_device *device;
    const layer_shape *shape;
    torc_program program; /* one instruction */
    torc_params params;
    torc_target *target;
    uint64_t *in; /* [inputs][samples][words] */
    size_t samples, words;
} layer_bench;

static const torc_linear *layer_of(const layer_bench *b)
{
    return &b->program.instrs[0].linear;
}

/* --- the program --- */

static torc_status fill_place(torc_ctx *ctx, torc_place **out, uint32_t *count, uint32_t elements,
                              uint32_t first)
{
    TORC_TRY(TORC_ALLOC(ctx, *out, 1));
    *count = 1;
    **out = (torc_place){.encrypted = true, .count = elements};
    TORC_TRY(TORC_ALLOC(ctx, (*out)->element, elements));
    for (uint32_t i = 0; i < elements; i++) {
        (*out)->element[i] = first + i;
    }
    return TORC_OK;
}

static torc_status fill_layer(torc_ctx *ctx, torc_linear *l, const layer_shape *s)
{
    *l = (torc_linear){.group_count = s->groups,
                       .out_count = s->outs,
                       .in_count = s->ins,
                       .weight_groups = 1,
                       .constant_groups = 1,
                       .out = s->inputs,
                       .out_group_stride = s->outs,
                       .out_stride = 1};
    TORC_TRY(TORC_ALLOC(ctx, l->gather, (size_t)s->groups * s->ins));
    TORC_TRY(TORC_ALLOC(ctx, l->weight, (size_t)s->outs * s->ins));
    TORC_TRY(TORC_ALLOC(ctx, l->constant, s->outs));
    for (uint32_t g = 0; g < s->groups; g++) {
        for (uint32_t i = 0; i < s->ins; i++) {
            l->gather[(size_t)g * s->ins + i] = (g + i) % s->inputs;
        }
    }
    for (size_t i = 0; i < (size_t)s->outs * s->ins; i++) {
        l->weight[i] = (int64_t)(i * 7 % (2 * WEIGHT_MAX + 1)) - WEIGHT_MAX;
    }
    return TORC_OK;
}

static torc_status fill_program(torc_ctx *ctx, torc_program *p, const layer_shape *s)
{
    const uint32_t outputs = s->groups * s->outs;
    p->element_count = s->inputs + outputs;
    TORC_TRY(fill_place(ctx, &p->inputs, &p->input_count, s->inputs, 0));
    TORC_TRY(fill_place(ctx, &p->outputs, &p->output_count, outputs, s->inputs));
    TORC_TRY(TORC_ALLOC(ctx, p->instrs, 1));
    p->instr_count = 1;
    return fill_layer(ctx, &p->instrs[0].linear, s);
}

/* --- measuring --- */

/* Output o of group g of every sample, word by word. */
static torc_status check(torc_ctx *ctx, bool *right, const layer_bench *b, uint32_t g, uint32_t o)
{
    const torc_linear *l = layer_of(b);
    const size_t count = b->samples * b->words;
    uint64_t *got = NULL;
    TORC_TRY(TORC_ALLOC(ctx, got, count));
    const torc_status s = b->target->backend->read(
        ctx, b->target, got, l->out + g * l->out_group_stride + o * l->out_stride, 1, b->samples);
    for (size_t i = 0; s == TORC_OK && i < count; i++) {
        uint64_t sum = 0;
        for (uint32_t j = 0; j < l->in_count; j++) {
            sum += (uint64_t)l->weight[(size_t)o * l->in_count + j] *
                   b->in[l->gather[(size_t)g * l->in_count + j] * count + i];
        }
        *right = *right && got[i] == sum;
    }
    free(got);
    return s;
}

static torc_status run_once(torc_ctx *ctx, double *seconds, const layer_bench *b)
{
    const double begin = torc_seconds_now();
    TORC_TRY(b->target->backend->linear(ctx, b->target, layer_of(b), b->samples));
    TORC_TRY(b->target->backend->sync(ctx, b->target));
    *seconds = torc_seconds_now() - begin;
    return TORC_OK;
}

static void print_row(const layer_bench *b, const bench_times *t, uint32_t runs, bool right)
{
    const torc_linear *l = layer_of(b);
    const double products =
        (double)l->group_count * l->out_count * l->in_count * (double)b->words * (double)b->samples;
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "bench", "layers");
    cJSON_AddStringToObject(line, "layer", b->shape->name);
    bench_add(line, "words", (double)b->words);
    bench_add(line, "batch", (double)b->samples);
    bench_add_times(line, "ms", t, 1e3);
    bench_add(line, "ms_per_sample", 1e3 * t->median / (double)b->samples);
    bench_add(line, "products_per_second", products / t->median);
    bench_add(line, "repeats", runs);
    cJSON_AddBoolToObject(line, "right", right);
    bench_describe(line, b->device, b->o);
    bench_print(line);
}

static torc_status measure(torc_ctx *ctx, const layer_bench *b)
{
    const uint32_t runs = b->o->repeats;
    double *seconds = NULL;
    bool right = true;
    TORC_TRY(TORC_ALLOC(ctx, seconds, runs));
    torc_status s = run_once(ctx, &seconds[0], b); /* warms up */
    for (uint32_t r = 0; s == TORC_OK && r < runs; r++) {
        s = run_once(ctx, &seconds[r], b);
    }
    if (s == TORC_OK) {
        s = check(ctx, &right, b, 0, 0);
    }
    if (s == TORC_OK) {
        s = check(ctx, &right, b, layer_of(b)->group_count - 1, layer_of(b)->out_count - 1);
    }
    if (s == TORC_OK) {
        const bench_times times = bench_summarise(seconds, runs);
        print_row(b, &times, runs, right);
        s = right ? TORC_OK
                  : torc_fail(ctx, TORC_E_MISMATCH_RESULT, "%s: a wrong sum", b->shape->name);
    }
    free(seconds);
    return s;
}

static torc_status open_and_measure(torc_ctx *ctx, layer_bench *b)
{
    static const uint8_t seed[TORC_SEED_BYTES] = {1};
    const torc_target_options options = {.capacity = b->samples,
                                         .threads = bench_threads(b->o),
                                         .device = b->device->choice.number[0]};
    const torc_backend *backend = b->device->choice.backend;
    TORC_TRY(fill_program(ctx, &b->program, b->shape));
    TORC_TRY(backend->open(ctx, &b->target, &b->program, &b->params, NULL, &options));
    b->words = b->target->element_words;
    const size_t count = b->shape->inputs * b->samples * b->words;
    TORC_TRY(TORC_ALLOC(ctx, b->in, count));
    torc_mask_expand_u64(b->in, count, seed, TORC_MASK_CIPHERTEXT, 0);
    TORC_TRY(backend->write(ctx, b->target, 0, b->shape->inputs, b->samples, b->in));
    return measure(ctx, b);
}

static torc_status measure_shape(torc_ctx *ctx, const bench_device *device,
                                 const layer_shape *shape, size_t samples, const bench_options *o)
{
    layer_bench b = {.o = o, .device = device, .shape = shape, .params = ALONE, .samples = samples};
    if (bench_seconds_left(o) == 0) {
        (void)fprintf(stderr, "torc_bench: %s: left out, no time\n", shape->name);
        return TORC_OK;
    }
    const torc_status s = open_and_measure(ctx, &b);
    if (b.target != NULL) {
        b.target->backend->close(b.target);
    }
    torc_program_free(&b.program);
    free(b.in);
    return s;
}

torc_status bench_layers(torc_ctx *ctx, const bench_options *o)
{
    const uint32_t *batches = o->batch_count == 0 ? default_batches : o->batch;
    const size_t count = o->batch_count == 0 ? DEFAULT_BATCHES : o->batch_count;
    bench_device device;
    torc_status s = bench_device_find(ctx, &device, o);
    for (size_t i = 0; s == TORC_OK && i < sizeof shapes / sizeof *shapes; i++) {
        const bool wanted = o->sets == NULL || bench_lists(o->sets, shapes[i].name);
        for (size_t j = 0; wanted && s == TORC_OK && j < count; j++) {
            s = measure_shape(ctx, &device, &shapes[i], batches[j], o);
        }
    }
    bench_device_free(&device);
    return s;
}
