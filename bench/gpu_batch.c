/* Times the batch kernels, linear layers, moves and expansion of seeds, through kernels_cuda.h
 * alone.
 *
 *   gpu_batch [--check]      --check: sizes a thousandth as large, one run; for the emulator
 *
 * One JSON object a row. Inputs are the streams of row numbers, so that the host can make any of
 * them again: of every layer one output is compared with the reference before it is timed; exit
 * code 1 when one differs. N = 2048, k = 1: ciphertexts of 2,049 words. */
#include "bench/gpu_clock.h"
#include "tests/gpu_test.h"
#include "tests/kernel_keys.h"

enum { WORDS = 2049, RUNS = 5, LAUNCHES = 10 };

typedef struct layer_shape {
    const char *name;
    uint32_t side; /* of a square image, windows of 3 x 3; 0: a dense layer */
    uint32_t groups, outs, ins, inputs, samples;
    bool wide; /* weights of 64 bits */
} layer_shape;

static const layer_shape layers[] = {
    {"dense_512x512_batch1", 0, 1, 512, 512, 512, 1, false},
    {"dense_512x512_batch64", 0, 1, 512, 512, 512, 64, false},
    {"dense_512x512_batch64_wide", 0, 1, 512, 512, 512, 64, true},
    {"dense_10x512_batch64", 0, 1, 10, 512, 512, 64, false},
    {"dense_4x512_batch64", 0, 1, 4, 512, 512, 64, false},
    {"convolution_64x64_on_8x8_batch4", 8, 64, 64, 576, 4096, 4, false},
    {"sums_of_2_batch1", 0, 16384, 1, 2, 16384, 1, false},
};

static bool is_check;
static test_rng rng = {7};

/* --- time --- */

/* Runs of several launches each; the row has the median, `work` is what one launch does. */
static void time_row(const char *name, double work, const char *unit, int (*launch)(const void *),
                     const void *arg)
{
    double seconds[RUNS];
    const int launches = is_check ? 1 : LAUNCHES;
    const int runs = is_check ? 1 : RUNS;
    for (int run = -1; run < runs; run++) { /* one to warm up */
        const double start = seconds_now();
        for (int i = 0; i < launches; i++) {
            GPU_OK(launch(arg));
        }
        GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
        seconds[run < 0 ? 0 : run] = (seconds_now() - start) / launches;
    }
    qsort(seconds, (size_t)runs, sizeof *seconds, compare_doubles);
    const double median = seconds[runs / 2];
    const double spread = seconds[runs - 1] - seconds[0];
    printf("{\"name\":\"batch_%s\",\"value\":%.6g,\"unit\":\"%s\",\"spread\":%.3g,\"repeats\":%d,"
           "\"ms\":%.6g,\"decides\":\"batch_kernels\"}\n",
           name, work / median, unit, work / median * spread / median, runs, 1e3 * median);
    (void)fflush(stdout);
}

/* --- linear layers --- */

typedef struct layer_world {
    torc_elements in, out;
    torc_linear_layer host, device;
    uint32_t samples;
} layer_world;

static torc_elements make_elements(uint32_t count, uint32_t samples)
{
    const size_t stride = (size_t)samples * WORDS;
    return (torc_elements){gpu_test_room(count * stride * sizeof(uint64_t)), stride, WORDS, WORDS};
}

/* Element e of sample s, all words: row e of the stream from word s * WORDS on. */
static torc_expansion stream_rows(uint32_t first, uint32_t rows, uint32_t words)
{
    return (torc_expansion){.seed = {1},
                            .domain = 3,
                            .first_row = first,
                            .outer_count = 1,
                            .inner_count = rows,
                            .inner_stride = words,
                            .mask_words = words};
}

static uint32_t *make_gather(const layer_shape *s)
{
    uint32_t *gather = test_alloc((size_t)s->groups * s->ins * sizeof *gather);
    for (uint32_t at = 0; at < s->groups * s->ins; at++) {
        const int side = (int)s->side;
        const int y = side == 0 ? 0 : (int)(at / s->ins) / side + (int)(at % 9) / 3 - 1;
        const int x = side == 0 ? 0 : (int)(at / s->ins) % side + (int)(at % 3) - 1;
        const int channel = (int)(at % s->ins / 9);
        if (side == 0) {
            gather[at] = s->groups == 1 ? at : (uint32_t)(rng_next(&rng) % s->inputs);
        } else {
            const bool is_inside = x >= 0 && x < side && y >= 0 && y < side;
            gather[at] = is_inside ? (uint32_t)((channel * side + y) * side + x) : TORC_ABSENT;
        }
    }
    return gather;
}

static void make_weights(layer_world *w, const layer_shape *s)
{
    const size_t count = (size_t)s->outs * s->ins;
    int32_t *narrow = test_alloc(count * sizeof *narrow);
    int64_t *wide = test_alloc(count * sizeof *wide);
    for (size_t i = 0; i < count; i++) {
        wide[i] = (int64_t)rng_next(&rng);
        narrow[i] = (int32_t)(rng_next(&rng) % 255) - 127;
    }
    w->host.weight_i32 = s->wide ? NULL : narrow;
    w->host.weight_i64 = s->wide ? wide : NULL;
    w->device.weight_i32 = s->wide ? NULL : gpu_test_upload(narrow, count * sizeof *narrow);
    w->device.weight_i64 = s->wide ? gpu_test_upload(wide, count * sizeof *wide) : NULL;
    free(s->wide ? (void *)narrow : (void *)wide);
}

static layer_world make_layer(const layer_shape *s)
{
    layer_world w = {.in = make_elements(s->inputs, s->samples),
                     .out = make_elements(s->groups * s->outs, s->samples),
                     .samples = s->samples};
    const torc_expansion rows = stream_rows(0, s->inputs, s->samples * WORDS);
    uint64_t *constant = test_alloc(s->outs * sizeof *constant);
    rng_words(&rng, constant, s->outs);
    w.host = (torc_linear_layer){.group_count = s->groups,
                                 .out_count = s->outs,
                                 .in_count = s->ins,
                                 .weight_groups = 1,
                                 .constant_groups = 1,
                                 .out_group_stride = s->outs,
                                 .out_stride = 1,
                                 .constant = constant};
    w.device = w.host;
    w.host.gather = make_gather(s);
    w.device.gather = gpu_test_upload(w.host.gather, (size_t)s->groups * s->ins * sizeof(uint32_t));
    w.device.constant = gpu_test_upload(constant, s->outs * sizeof *constant);
    make_weights(&w, s);
    GPU_OK(torc_gpu_expand_u64(w.in.words, NULL, &rows, gpu_test.stream));
    return w;
}

static int launch_layer(const void *arg)
{
    const layer_world *w = arg;
    return torc_gpu_linear(&w->out, &w->in, NULL, &w->device, w->samples, gpu_test.stream);
}

/* Sample 0 of the last output of the middle group, from inputs that the host makes itself. */
static void check_layer(const layer_world *w, const layer_shape *s)
{
    const uint32_t group = s->groups / 2;
    const uint32_t last = s->outs - 1;
    const size_t row = (size_t)last * s->ins;
    uint64_t *in = test_alloc((size_t)s->ins * WORDS * sizeof *in);
    uint64_t *expected = test_alloc(WORDS * sizeof *expected);
    uint32_t *gather = test_alloc(s->ins * sizeof *gather);
    torc_linear_layer one = {.group_count = 1,
                             .out_count = 1,
                             .in_count = s->ins,
                             .weight_groups = 1,
                             .constant_groups = 1,
                             .gather = gather,
                             .constant = w->host.constant + last};
    one.weight_i32 = s->wide ? NULL : w->host.weight_i32 + row;
    one.weight_i64 = s->wide ? w->host.weight_i64 + row : NULL;
    for (uint32_t i = 0; i < s->ins; i++) {
        const uint32_t element = w->host.gather[(size_t)group * s->ins + i];
        const torc_expansion input = stream_rows(element, 1, WORDS);
        gather[i] = element == TORC_ABSENT ? TORC_ABSENT : i;
        torc_ref_expand_u64(in + (size_t)i * WORDS, NULL, &input);
    }
    const torc_elements from = {in, WORDS, WORDS, WORDS};
    const torc_elements to = {expected, WORDS, WORDS, WORDS};
    torc_ref_linear(&to, &from, NULL, &one, 1);
    GPU_OK(launch_layer(w));
    gpu_test_equal_u64(s->name,
                       w->out.words + ((size_t)group * s->outs + last) * w->out.element_stride,
                       expected, WORDS);
    free(in);
    free(expected);
    free(gather);
}

static void measure_layer(const layer_shape *s)
{
    layer_world w = make_layer(s);
    const double products = (double)s->groups * s->outs * s->ins * s->samples * WORDS;
    check_layer(&w, s);
    time_row(s->name, products, "products/s", launch_layer, &w);
    free((void *)w.host.gather);
    free((void *)w.host.constant);
    free((void *)w.host.weight_i32);
    free((void *)w.host.weight_i64);
    gpu_test_free_all();
}

static layer_shape scaled(const layer_shape *s)
{
    layer_shape small = *s;
    small.samples = 1;
    small.outs = s->outs > 16 ? 16 : s->outs;
    small.groups = s->side > 0 ? 9 : s->groups > 16 ? 16 : s->groups;
    small.side = s->side > 0 ? 3 : 0;
    small.ins = s->side > 0 ? 36 : s->ins > 65 ? 65 : s->ins;
    small.inputs = s->inputs > 65 ? 65 : s->inputs;
    return small;
}

/* --- moves and expansion: bytes written --- */

typedef struct bytes_world {
    torc_elements in, out;
    torc_moves moves;
    torc_expansion rows;
} bytes_world;

static int launch_gather(const void *arg)
{
    const bytes_world *w = arg;
    return torc_gpu_gather(&w->out, &w->in, &w->moves, 1, gpu_test.stream);
}

static int launch_expand(const void *arg)
{
    const bytes_world *w = arg;
    return torc_gpu_expand_u64(w->out.words, w->in.words, &w->rows, gpu_test.stream);
}

/* GLWE rows of a bootstrap key: 2048 words of mask, 2048 of body. */
static void measure_bytes(void)
{
    enum { MASK = 2048, ROW = 2 * MASK };
    const uint32_t elements = is_check ? 4 : 16384;
    const uint32_t rows = is_check ? 2 : 8192;
    bytes_world w = {.in = make_elements(elements, 1), .out = make_elements(elements, 1)};
    const torc_expansion all = stream_rows(0, elements, WORDS);
    w.moves.count = elements;
    w.rows = stream_rows(0, rows, MASK);
    w.rows.body_words = MASK;
    w.rows.inner_stride = ROW;
    GPU_OK(torc_gpu_expand_u64(w.in.words, NULL, &all, gpu_test.stream));
    time_row("gather", 8.0 * WORDS * elements, "bytes/s", launch_gather, &w);
    time_row("expand", 8.0 * ROW * rows, "bytes/s", launch_expand, &w);
    gpu_test_free_all();
}

int main(int argc, char **argv)
{
    is_check = argc > 1 && strcmp(argv[1], "--check") == 0;
    gpu_test_begin();
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        const layer_shape shape = is_check ? scaled(&layers[i]) : layers[i];
        measure_layer(&shape);
    }
    measure_bytes();
    return gpu_test_end();
}
