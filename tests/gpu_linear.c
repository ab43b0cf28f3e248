/* Linear layers of the CUDA kernels against the reference, bit for bit: sizes around every tile,
 * both layouts of a batch, all kinds of weights, absent inputs; words outside the outputs stay as
 * they are. */
#include "tests/gpu_test.h"
#include "tests/kernel_keys.h"

typedef struct linear_case {
    uint32_t groups, outs, ins, words, samples;
    bool own_weights, own_constants;
    char weights; /* 's'mall: 32 bits, 'w'ide: 64, 'c'lear: small times clear values */
    uint32_t terms;
    bool in_samples; /* elements lie in samples, else samples in elements */
} linear_case;

/* A layer on the host, its copy on the device, and the array that both work on. */
typedef struct linear_world {
    uint32_t input_count, element_count;
    uint32_t first_input, first_output; /* whichever stands behind ends with the array */
    size_t array_words;
    torc_elements host, device;
    torc_clear_values host_clear, device_clear;
    torc_linear_layer layer, device_layer;
} linear_world;

enum { GAP_WORDS = 3, CLEAR_COUNT = 5, SPARE_SAMPLES = 2 };

static uint64_t random_word(test_rng *rng)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     UINT64_MAX,
                                     0x80000000u,
                                     0x7fffffffu,
                                     0xffffffffu,
                                     (uint64_t)1 << 32,
                                     (uint64_t)1 << 63,
                                     0x7fffffff80000000u};
    const uint64_t r = rng_next(rng);
    return r % 8 == 0 ? edges[r / 8 % (sizeof edges / sizeof *edges)] : rng_next(rng);
}

static uint64_t *random_words(test_rng *rng, size_t count)
{
    uint64_t *words = test_alloc(count * sizeof *words);
    for (size_t i = 0; i < count; i++) {
        words[i] = random_word(rng);
    }
    return words;
}

/* Indices below `limit`, one in `absent_of` absent. */
static uint32_t *random_indices(test_rng *rng, size_t count, uint32_t limit, uint32_t absent_of)
{
    uint32_t *index = test_alloc(count * sizeof *index);
    for (size_t i = 0; i < count; i++) {
        const uint64_t r = rng_next(rng);
        index[i] = r % absent_of == 0 ? TORC_ABSENT : (uint32_t)(r >> 32) % limit;
    }
    return index;
}

static void make_array(linear_world *w, const linear_case *c, test_rng *rng)
{
    const size_t capacity = c->samples + SPARE_SAMPLES;
    const size_t sample_words =
        c->in_samples ? w->element_count * (size_t)c->words + GAP_WORDS : c->words;
    const size_t element_words = c->in_samples ? c->words : capacity * c->words + GAP_WORDS;
    w->array_words =
        (w->element_count - 1) * element_words + (c->samples - 1) * sample_words + c->words;
    w->host =
        (torc_elements){random_words(rng, w->array_words), element_words, sample_words, c->words};
    w->device = w->host;
    w->device.words = gpu_test_upload(w->host.words, w->array_words * sizeof(uint64_t));
    w->host_clear =
        (torc_clear_values){(const int64_t *)random_words(rng, CLEAR_COUNT * capacity), capacity};
    w->device_clear = w->host_clear;
    w->device_clear.value =
        gpu_test_upload(w->host_clear.value, CLEAR_COUNT * capacity * sizeof(int64_t));
}

static void make_weights(linear_world *w, const linear_case *c, test_rng *rng)
{
    const size_t count = (size_t)(c->own_weights ? c->groups : 1) * c->outs * c->ins;
    const uint64_t *wide = random_words(rng, count);
    int32_t *small = test_alloc(count * sizeof *small);
    for (size_t i = 0; i < count; i++) {
        small[i] = (int32_t)(uint32_t)wide[i];
    }
    if (c->weights == 'w') {
        w->layer.weight_i64 = (const int64_t *)wide;
    } else {
        w->layer.weight_i32 = small;
    }
    if (c->weights == 'c') {
        w->layer.weight_clear = random_indices(rng, count, CLEAR_COUNT, 3);
    }
    w->device_layer.weight_i32 =
        c->weights == 'w' ? NULL : gpu_test_upload(small, count * sizeof *small);
    w->device_layer.weight_i64 =
        c->weights != 'w' ? NULL : gpu_test_upload(wide, count * sizeof *wide);
    w->device_layer.weight_clear =
        c->weights != 'c' ? NULL : gpu_test_upload(w->layer.weight_clear, count * sizeof(uint32_t));
}

static void make_terms(linear_world *w, const linear_case *c, test_rng *rng)
{
    const uint32_t outputs = w->element_count - w->input_count;
    uint32_t *to = random_indices(rng, c->terms, outputs < 3 ? outputs : 3, UINT32_MAX);
    for (uint32_t t = 0; t < c->terms; t++) {
        to[t] += w->first_output; /* few outputs: most terms share theirs */
    }
    w->layer.clear_term_count = c->terms;
    w->layer.clear_term_out = to;
    w->layer.clear_term_element = random_indices(rng, c->terms, CLEAR_COUNT, UINT32_MAX);
    w->layer.clear_term_scale = random_words(rng, c->terms);
    w->device_layer.clear_term_count = c->terms;
    w->device_layer.clear_term_out = gpu_test_upload(to, c->terms * sizeof *to);
    w->device_layer.clear_term_element =
        gpu_test_upload(w->layer.clear_term_element, c->terms * sizeof(uint32_t));
    w->device_layer.clear_term_scale =
        gpu_test_upload(w->layer.clear_term_scale, c->terms * sizeof(uint64_t));
}

/* Inputs are numbered from 0 so far. */
static void shift_gather(uint32_t *gather, size_t count, uint32_t first_input)
{
    for (size_t i = 0; i < count; i++) {
        gather[i] += gather[i] == TORC_ABSENT ? 0 : first_input;
    }
}

/* `gather` is taken over; NULL: random inputs, one in six absent. */
static linear_world make_world(const linear_case *c, uint32_t input_count, uint32_t *gather,
                               test_rng *rng)
{
    const size_t gather_count = (size_t)c->groups * c->ins;
    const size_t constant_count = (size_t)(c->own_constants ? c->groups : 1) * c->outs;
    const uint32_t outputs = c->groups * c->outs;
    const bool groups_inside = rng_next(rng) % 2 == 0;
    const bool inputs_first = rng_next(rng) % 2 == 0;
    linear_world w = {.input_count = input_count,
                      .element_count = input_count + outputs,
                      .first_input = inputs_first ? 0 : outputs,
                      .first_output = inputs_first ? input_count : 0};
    w.layer = (torc_linear_layer){.group_count = c->groups,
                                  .out_count = c->outs,
                                  .in_count = c->ins,
                                  .weight_groups = c->own_weights ? c->groups : 1,
                                  .constant_groups = c->own_constants ? c->groups : 1,
                                  .out = w.first_output,
                                  .out_group_stride = groups_inside ? 1 : c->outs,
                                  .out_stride = groups_inside ? c->groups : 1};
    make_array(&w, c, rng);
    w.device_layer = w.layer;
    gather = gather != NULL ? gather : random_indices(rng, gather_count, input_count, 6);
    shift_gather(gather, gather_count, w.first_input);
    w.layer.gather = gather;
    w.device_layer.gather = gpu_test_upload(w.layer.gather, gather_count * sizeof(uint32_t));
    w.layer.constant = random_words(rng, constant_count);
    w.device_layer.constant = gpu_test_upload(w.layer.constant, constant_count * sizeof(uint64_t));
    make_weights(&w, c, rng);
    make_terms(&w, c, rng);
    return w;
}

static void free_world(linear_world *w)
{
    void *owned[] = {w->host.words,
                     (void *)w->host_clear.value,
                     (void *)w->layer.gather,
                     (void *)w->layer.weight_i32,
                     (void *)w->layer.weight_i64,
                     (void *)w->layer.weight_clear,
                     (void *)w->layer.constant,
                     (void *)w->layer.clear_term_out,
                     (void *)w->layer.clear_term_element,
                     (void *)w->layer.clear_term_scale};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        free(owned[i]);
    }
    gpu_test_free_all();
}

static void check_case(const linear_case *c, uint32_t input_count, uint32_t *gather, test_rng *rng)
{
    char what[120];
    linear_world w = make_world(c, input_count, gather, rng);
    (void)snprintf(what, sizeof what, "%u groups of %u x %u, %u words, %u samples, weights %c%s%s",
                   c->groups, c->outs, c->ins, c->words, c->samples, c->weights,
                   c->own_weights ? ", own" : "", c->in_samples ? ", in samples" : "");
    GPU_OK(torc_gpu_linear(&w.device, &w.device, &w.device_clear, &w.device_layer, c->samples,
                           gpu_test.stream));
    torc_ref_linear(&w.host, &w.host, &w.host_clear, &w.layer, c->samples);
    gpu_test_equal_u64(what, w.device.words, w.host.words, w.array_words);
    free_world(&w);
}

static void check_sizes(test_rng *rng)
{
    static const linear_case cases[] = {
        /* groups outs ins words samples own weights, constants, kind, terms, in samples */
        {1, 1, 1, 1, 1, false, false, 's', 0, false},
        {1, 16, 64, 257, 3, false, false, 's', 0, false},
        {1, 17, 65, 129, 65, false, false, 's', 2, false},
        {3, 5, 63, 2049, 1, true, true, 's', 0, true},
        {2, 20, 130, 255, 3, true, false, 's', 7, true},
        {2, 4, 67, 513, 3, false, true, 's', 0, true},
        {1, 3, 9, 33, 65, false, false, 's', 200, false},
        {5, 2, 1, 1025, 2, true, true, 's', 0, false},
        {40, 1, 2, 129, 65, true, true, 's', 3, false},
        {3, 1, 130, 1025, 3, false, false, 's', 0, true},
        {2, 7, 0, 65, 3, true, true, 's', 1, false},
        {1, 16, 65, 257, 3, false, false, 'w', 0, false},
        {2, 19, 70, 129, 3, true, true, 'w', 5, true},
        {3, 3, 66, 257, 3, true, false, 'w', 0, false},
        {4, 1, 5, 2049, 2, true, true, 'w', 0, true},
        {1, 16, 64, 257, 3, false, false, 'c', 0, false},
        {2, 18, 33, 129, 65, true, true, 'c', 9, true},
        {3, 4, 5, 257, 3, true, false, 'c', 0, false},
        {9, 1, 1, 1025, 65, true, true, 'c', 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const linear_case *c = &cases[i];
        const size_t products = (size_t)c->groups * c->outs * c->ins * c->words * c->samples;
        if (!gpu_test_is_toy() || products < 500000) {
            check_case(c, c->ins + 3, NULL, rng);
        }
    }
}

static void check_random(test_rng *rng)
{
    const int rounds = gpu_test_is_toy() ? 10 : 40;
    const uint32_t most_words = gpu_test_is_toy() ? 140 : 300;
    for (int i = 0; i < rounds; i++) {
        const linear_case c = {.groups = 1 + (uint32_t)(rng_next(rng) % 4),
                               .outs = 1 + (uint32_t)(rng_next(rng) % 40),
                               .ins = (uint32_t)(rng_next(rng) % 140),
                               .words = 1 + (uint32_t)(rng_next(rng) % most_words),
                               .samples = 1 + (uint32_t)(rng_next(rng) % 5),
                               .own_weights = rng_next(rng) % 2 == 0,
                               .own_constants = rng_next(rng) % 2 == 0,
                               .weights = "swc"[rng_next(rng) % 3],
                               .terms = (uint32_t)(rng_next(rng) % 4),
                               .in_samples = rng_next(rng) % 2 == 0};
        check_case(&c, 1 + (uint32_t)(rng_next(rng) % 20), NULL, rng);
    }
}

/* 3 x 3 windows over an image with borders of zeros: one group a position, the weights of all. */
static void check_convolution(test_rng *rng)
{
    enum { SIDE = 5, CHANNELS = 2, WINDOW = 9 };
    const linear_case c = {.groups = SIDE * SIDE,
                           .outs = 6,
                           .ins = CHANNELS * WINDOW,
                           .words = 129,
                           .samples = 3,
                           .weights = 's'};
    uint32_t *gather = test_alloc((size_t)c.groups * c.ins * sizeof *gather);
    for (uint32_t at = 0; at < c.groups * c.ins; at++) {
        const int channel = (int)(at % c.ins / WINDOW);
        const int y = (int)(at / c.ins / SIDE) + (int)(at % WINDOW / 3) - 1;
        const int x = (int)(at / c.ins % SIDE) + (int)(at % 3) - 1;
        const bool is_inside = x >= 0 && x < SIDE && y >= 0 && y < SIDE;
        gather[at] = is_inside ? (uint32_t)((channel * SIDE + y) * SIDE + x) : TORC_ABSENT;
    }
    check_case(&c, CHANNELS * SIDE * SIDE, gather, rng);
}

static int run(const linear_world *w, const torc_linear_layer *layer, bool with_clear,
               uint32_t words)
{
    torc_elements out = w->device;
    out.element_words = words;
    return torc_gpu_linear(&out, &w->device, with_clear ? &w->device_clear : NULL, layer, 3,
                           gpu_test.stream);
}

static void check_refusals(test_rng *rng)
{
    const linear_case c = {3, 2, 2, 17, 3, true, true, 'c', 1, false};
    linear_world w = make_world(&c, 4, NULL, rng);
    torc_linear_layer layer = w.device_layer;
    GPU_CHECK(run(&w, &layer, true, 17) == 0, "a valid layer was refused");
    GPU_CHECK(run(&w, &layer, false, 17) != 0, "no clear values");
    GPU_CHECK(run(&w, &layer, true, 16) != 0, "elements of other sizes");
    layer.weight_groups = 2;
    GPU_CHECK(run(&w, &layer, true, 17) != 0, "2 weight groups for 3 groups");
    layer = w.device_layer;
    layer.constant_groups = 0;
    GPU_CHECK(run(&w, &layer, true, 17) != 0, "no constants");
    layer = w.device_layer;
    layer.weight_i32 = NULL;
    GPU_CHECK(run(&w, &layer, true, 17) != 0, "no weights");
    layer = w.device_layer;
    layer.weight_clear = NULL;
    GPU_CHECK(torc_gpu_linear(&w.device, &w.device, &w.device_clear, &layer, 1u << 28,
                              gpu_test.stream) != 0,
              "2^32 columns");
    GPU_CHECK(torc_gpu_linear(&w.device, &w.device, &w.device_clear, &w.device_layer, 0,
                              gpu_test.stream) == 0,
              "no samples are no work");
    free_world(&w);
}

int main(void)
{
    test_rng rng = {91};
    gpu_test_begin();
    check_sizes(&rng);
    check_random(&rng);
    check_convolution(&rng);
    check_refusals(&rng);
    return gpu_test_end();
}
