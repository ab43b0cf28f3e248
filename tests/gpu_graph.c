/* Graphs: what was recorded gives the same words at every launch as the calls themselves, and every
 * kernel can be recorded; events inside graphs; recordings that fail. */
#include "tests/gpu_test.h"
#include "tests/gpu_toy_lookup.h"

#define WORDS 1000
#define BYTES (WORDS * sizeof(uint64_t))

/* --- lookups --- */

static torc_gpu_graph recorded(toy_lookup *t, int (*queue)(toy_lookup *t))
{
    torc_gpu_graph graph = NULL;
    GPU_OK(torc_gpu_graph_begin(t->stream));
    GPU_OK(queue(t));
    GPU_OK(torc_gpu_graph_end(&graph, t->stream));
    GPU_CHECK(graph != NULL, "a recording without a graph");
    return graph;
}

static void launch(torc_gpu_graph graph, torc_gpu_stream stream)
{
    GPU_OK(torc_gpu_graph_launch(graph, stream));
    GPU_OK(torc_gpu_stream_wait(stream));
}

/* New words at every launch; the expected ones are of the same calls without a graph. */
static void compare_launches(toy_lookup *t, torc_gpu_graph graph)
{
    const size_t bytes = toy_words(t) * sizeof(uint64_t);
    uint64_t *expected = test_alloc(bytes);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        toy_fill(t, seed);
        GPU_OK(toy_queue(t));
        GPU_OK(torc_gpu_stream_wait(t->stream));
        memcpy(expected, t->host_out, bytes);
        memset(t->host_out, 0, bytes);
        launch(graph, t->stream);
        GPU_CHECK(memcmp(t->host_out, expected, bytes) == 0, "N=%u form %d: launch %d differs",
                  t->shape.poly_size, (int)t->form, (int)seed);
    }
    free(expected);
}

static void lookups_are_recorded(void)
{
    static const struct {
        uint32_t poly_size, grouping;
        torc_gpu_form form;
        uint32_t batch;
    } rows[] = {{256, 1, TORC_GPU_FORM_GLOBAL, 3},
                {512, 2, TORC_GPU_FORM_ANY, 2},
                {2048, 2, TORC_GPU_FORM_THROUGHPUT, 3},
                {2048, 2, TORC_GPU_FORM_LATENCY, 2},
                {2048, 2, TORC_GPU_FORM_ANY, 1}};
    const size_t count = gpu_test_is_toy() ? 2 : sizeof rows / sizeof *rows;
    for (size_t i = 0; i < count; i++) {
        const torc_shape shape = toy_shape(rows[i].poly_size, rows[i].grouping);
        toy_lookup t;
        GPU_OK(toy_open(&t, &shape, rows[i].form, rows[i].batch));
        torc_gpu_graph keys = recorded(&t, toy_queue_keys);
        launch(keys, t.stream);
        torc_gpu_graph lookup = recorded(&t, toy_queue);
        compare_launches(&t, lookup);
        torc_gpu_graph_destroy(keys);
        torc_gpu_graph_destroy(lookup);
        toy_close(&t);
    }
}

/* --- all other kernels: from `in` to `out` --- */

#define SIZE       256u
#define GLWE_WORDS (2 * SIZE)
#define ROOM_WORDS (8 * SIZE)
#define ROOM_BYTES (ROOM_WORDS * sizeof(uint64_t))
#define ELEMENTS   3u

static struct {
    uint64_t *in, *out; /* [ROOM_WORDS] */
    void *tables;
    uint32_t *index; /* 0 .. ELEMENTS - 1 */
} room;

static torc_elements elements_at(uint64_t *words, uint32_t element_words)
{
    return (torc_elements){.words = words,
                           .element_stride = element_words,
                           .sample_stride = (size_t)ELEMENTS * element_words,
                           .element_words = element_words};
}

static int queue_linear(torc_gpu_stream stream)
{
    const torc_elements in = elements_at(room.in, SIZE + 1), out = elements_at(room.out, SIZE + 1);
    const torc_linear_layer layer = {.group_count = 1,
                                     .out_count = ELEMENTS,
                                     .in_count = ELEMENTS,
                                     .weight_groups = 1,
                                     .constant_groups = 1,
                                     .out_stride = 1,
                                     .gather = room.index,
                                     .weight_i64 = (const int64_t *)room.in,
                                     .constant = room.in};
    return torc_gpu_linear(&out, &in, NULL, &layer, 2, stream);
}

static int queue_gather(torc_gpu_stream stream)
{
    const torc_elements in = elements_at(room.in, SIZE + 1), out = elements_at(room.out, SIZE + 1);
    const torc_moves moves = {.count = ELEMENTS, .from = room.index, .offset = room.in};
    return torc_gpu_gather(&out, &in, &moves, 2, stream);
}

static int queue_extract(torc_gpu_stream stream)
{
    const torc_elements in = elements_at(room.in, GLWE_WORDS);
    const torc_elements out = elements_at(room.out, SIZE + 1);
    const torc_moves moves = {.count = ELEMENTS};
    return torc_gpu_extract(&out, &in, &moves, room.index, SIZE, 1, stream);
}

static int queue_convert(torc_gpu_stream stream)
{
    const torc_elements in = elements_at(room.in, SIZE + 1), out = elements_at(room.out, SIZE + 1);
    return torc_gpu_convert(&out, &in, NULL, 3, ELEMENTS, 2, stream);
}

static int queue_expand_u64(torc_gpu_stream stream)
{
    const torc_expansion e = {.seed = {5},
                              .outer_count = 1,
                              .inner_count = ELEMENTS,
                              .inner_stride = SIZE + 1,
                              .mask_words = SIZE,
                              .body_words = 1};
    return torc_gpu_expand_u64(room.out, room.in, &e, stream);
}

static int queue_expand_u32(torc_gpu_stream stream)
{
    const torc_expansion e = {.seed = {6},
                              .outer_count = 1,
                              .inner_count = ELEMENTS,
                              .inner_stride = SIZE + 1,
                              .mask_words = SIZE,
                              .body_words = 1};
    return torc_gpu_expand_u32((uint32_t *)room.out, (const uint32_t *)room.in, &e, stream);
}

/* Of words that are read as small integers: any doubles will do that are numbers. */
static int queue_transforms(torc_gpu_stream stream)
{
    const int error = torc_gpu_fft_inverse((double *)room.out, (const double *)room.in, ELEMENTS,
                                           room.tables, SIZE, stream);
    return error != 0 ? error
                      : torc_gpu_fft_forward((double *)room.out + ELEMENTS * SIZE,
                                             (const double *)room.out, ELEMENTS, room.tables, SIZE,
                                             stream);
}

static int queue_copy(torc_gpu_stream stream)
{
    return torc_gpu_copy(room.out, room.in, ROOM_BYTES, stream);
}

static void open_room(void)
{
    static const uint32_t index[ELEMENTS] = {0, 1, 2};
    uint64_t words[ROOM_WORDS];
    test_rng rng = {8};
    for (size_t i = 0; i < ROOM_WORDS; i++) { /* as doubles: from 1 to 2 */
        words[i] = rng_next(&rng) >> 12 | UINT64_C(0x3ff0000000000000);
    }
    room.in = gpu_test_upload(words, sizeof words);
    room.out = gpu_test_room(ROOM_BYTES);
    room.index = gpu_test_upload(index, sizeof index);
    room.tables = gpu_test_room(torc_gpu_fft_table_bytes(SIZE));
    GPU_OK(torc_gpu_fft_tables(room.tables, SIZE, gpu_test.stream));
}

static void every_kernel_is_recorded(void)
{
    static const struct {
        const char *name;
        int (*queue)(torc_gpu_stream stream);
    } rows[] = {{"linear", queue_linear},         {"gather", queue_gather},
                {"extract", queue_extract},       {"convert", queue_convert},
                {"expand_u64", queue_expand_u64}, {"expand_u32", queue_expand_u32},
                {"transforms", queue_transforms}, {"copy", queue_copy}};
    uint64_t expected[ROOM_WORDS], zeros[ROOM_WORDS] = {0};
    open_room();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_gpu_graph graph = NULL;
        GPU_OK(torc_gpu_set_zero(room.out, ROOM_BYTES, gpu_test.stream));
        GPU_OK(rows[i].queue(gpu_test.stream));
        gpu_test_download(expected, room.out, ROOM_BYTES);
        GPU_CHECK(memcmp(expected, zeros, ROOM_BYTES) != 0, "%s does nothing", rows[i].name);
        GPU_OK(torc_gpu_graph_begin(gpu_test.stream));
        GPU_OK(torc_gpu_set_zero(room.out, ROOM_BYTES, gpu_test.stream));
        GPU_OK(rows[i].queue(gpu_test.stream));
        GPU_OK(torc_gpu_graph_end(&graph, gpu_test.stream));
        GPU_OK(torc_gpu_set_zero(room.out, ROOM_BYTES, gpu_test.stream));
        gpu_test_equal_u64("while recorded", room.out, zeros, ROOM_WORDS);
        GPU_OK(torc_gpu_graph_launch(graph, gpu_test.stream));
        gpu_test_equal_u64(rows[i].name, room.out, expected, ROOM_WORDS);
        torc_gpu_graph_destroy(graph);
    }
}

/* --- events --- */

static torc_gpu_stream other;
static torc_gpu_event inside, before;

/* The graph waits for what another stream writes, and tells it when it has read that. */
static void events_act_at_every_launch(void)
{
    uint64_t words[2][WORDS];
    test_rng rng = {9};
    torc_gpu_graph graph = NULL;
    uint64_t *from = gpu_test_room(BYTES), *to = gpu_test_room(BYTES);
    uint64_t *last = gpu_test_room(BYTES);
    GPU_OK(torc_gpu_graph_begin(gpu_test.stream));
    GPU_OK(torc_gpu_stream_after(gpu_test.stream, before));
    GPU_OK(torc_gpu_copy(to, from, BYTES, gpu_test.stream));
    GPU_OK(torc_gpu_event_record(inside, gpu_test.stream));
    GPU_OK(torc_gpu_graph_end(&graph, gpu_test.stream));
    for (int i = 0; i < 2; i++) {
        rng_words(&rng, words[i], WORDS);
        GPU_OK(torc_gpu_copy_in(from, words[i], BYTES, other));
        GPU_OK(torc_gpu_event_record(before, other));
        GPU_OK(torc_gpu_graph_launch(graph, gpu_test.stream));
        GPU_OK(torc_gpu_stream_after(other, inside));
        GPU_OK(torc_gpu_copy(last, to, BYTES, other));
        GPU_OK(torc_gpu_stream_wait(other));
        gpu_test_equal_u64("behind an event of a graph", last, words[i], WORDS);
    }
    torc_gpu_graph_destroy(graph);
}

static void graphs_measure_time(void)
{
    double seconds = -1.0;
    torc_gpu_graph graph = NULL;
    void *p = gpu_test_room(BYTES);
    GPU_OK(torc_gpu_graph_begin(gpu_test.stream));
    GPU_OK(torc_gpu_event_record(before, gpu_test.stream));
    GPU_OK(torc_gpu_set_zero(p, BYTES, gpu_test.stream));
    GPU_OK(torc_gpu_event_record(inside, gpu_test.stream));
    GPU_OK(torc_gpu_graph_end(&graph, gpu_test.stream));
    GPU_OK(torc_gpu_graph_launch(graph, gpu_test.stream));
    GPU_OK(torc_gpu_event_wait(inside));
    GPU_OK(torc_gpu_event_seconds(&seconds, before, inside));
    GPU_CHECK(seconds >= 0.0 && seconds < 10.0, "a fill takes %g s", seconds);
    torc_gpu_graph_destroy(graph);
}

/* --- lives of graphs --- */

/* Launches on two streams come one behind the other; the graph may go before they end. */
static void launches_outlive_the_graph(void)
{
    uint64_t words[WORDS];
    test_rng rng = {10};
    torc_gpu_graph graph = NULL;
    rng_words(&rng, words, WORDS);
    uint64_t *first = gpu_test_upload(words, BYTES);
    uint64_t *second = gpu_test_zeros(BYTES), *third = gpu_test_zeros(BYTES);
    GPU_OK(torc_gpu_graph_begin(gpu_test.stream)); /* each launch moves the words on by one */
    GPU_OK(torc_gpu_copy(third, second, BYTES, gpu_test.stream));
    GPU_OK(torc_gpu_copy(second, first, BYTES, gpu_test.stream));
    GPU_OK(torc_gpu_graph_end(&graph, gpu_test.stream));
    GPU_OK(torc_gpu_graph_launch(graph, gpu_test.stream));
    GPU_OK(torc_gpu_graph_launch(graph, other));
    torc_gpu_graph_destroy(graph);
    GPU_OK(torc_gpu_stream_wait(other));
    gpu_test_equal_u64("two launches on", third, words, WORDS);
}

static void an_empty_graph_is_one(void)
{
    torc_gpu_graph graph = NULL;
    GPU_OK(torc_gpu_graph_begin(gpu_test.stream));
    GPU_OK(torc_gpu_graph_end(&graph, gpu_test.stream));
    launch(graph, gpu_test.stream);
    GPU_CHECK(graph != NULL, "no graph");
    torc_gpu_graph_destroy(graph);
}

static void recordings_can_be_thrown_away(void)
{
    const uint64_t zeros[WORDS] = {0};
    uint64_t *p = gpu_test_zeros(BYTES), *ones = gpu_test_room(BYTES);
    GPU_OK(torc_gpu_graph_begin(gpu_test.stream));
    GPU_OK(torc_gpu_copy(p, ones, BYTES, gpu_test.stream));
    GPU_OK(torc_gpu_graph_end(NULL, gpu_test.stream));
    gpu_test_equal_u64("thrown away", p, zeros, WORDS);
}

/* A wait spoils a recording; then there is no graph, and the stream is as before. */
static void a_wait_spoils_a_recording(void)
{
    for (int thrown_away = 0; thrown_away < 2; thrown_away++) {
        torc_gpu_graph graph = NULL;
        void *p = gpu_test_room(BYTES);
        GPU_OK(torc_gpu_graph_begin(gpu_test.stream));
        GPU_CHECK(torc_gpu_stream_wait(gpu_test.stream) != 0, "a recorded stream is waited for");
        GPU_CHECK(torc_gpu_set_zero(p, BYTES, gpu_test.stream) != 0, "a spoilt recording goes on");
        const int error = torc_gpu_graph_end(thrown_away ? NULL : &graph, gpu_test.stream);
        GPU_CHECK((error == 0) == (thrown_away == 1) && graph == NULL, "its end is %d", error);
        (void)torc_gpu_error_clear();
        GPU_OK(torc_gpu_set_zero(p, BYTES, gpu_test.stream));
        GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
    }
    GPU_CHECK(torc_gpu_graph_end(NULL, gpu_test.stream) != 0, "the end of no recording");
    (void)torc_gpu_error_clear();
}

int main(void)
{
    gpu_test_begin();
    GPU_OK(torc_gpu_stream_create(&other));
    GPU_OK(torc_gpu_event_create(&inside));
    GPU_OK(torc_gpu_event_create(&before));
    every_kernel_is_recorded();
    lookups_are_recorded();
    events_act_at_every_launch();
    graphs_measure_time();
    launches_outlive_the_graph();
    an_empty_graph_is_one();
    recordings_can_be_thrown_away();
    a_wait_spoils_a_recording();
    torc_gpu_event_destroy(inside);
    torc_gpu_event_destroy(before);
    torc_gpu_stream_destroy(other);
    return gpu_test_end();
}
