/* What devices say of themselves, and several of them: each has its streams and its memory, each
 * host thread uses one. With one device alone the first part remains. */
#include "tests/gpu_test.h"
#include "tests/gpu_toy_lookup.h"

#include <pthread.h>

static int device_count;

static void devices_are_described(void)
{
    for (int i = 0; i < device_count; i++) {
        torc_gpu_device d;
        GPU_OK(torc_gpu_device_read(&d, i));
        GPU_CHECK(d.name[0] != '\0' && d.major >= 7 && d.multiprocessors > 0 && d.clock_khz > 0 &&
                      d.memory_bytes > 0 && d.l2_bytes > 0 && d.shared_bytes >= 48 << 10,
                  "device %d: '%s' sm_%d%d, %d multiprocessors, %d kHz", i, d.name, d.major,
                  d.minor, d.multiprocessors, d.clock_khz);
        GPU_CHECK((d.clusters_of_4 > 0) == (d.major >= 9), "sm_%d%d with %d clusters of 4", d.major,
                  d.minor, d.clusters_of_4);
        GPU_CHECK(4 * d.clusters_of_4 <= d.multiprocessors, "%d clusters of 4 on %d",
                  d.clusters_of_4, d.multiprocessors);
        GPU_CHECK(d.runtime_version >= 12000 && d.driver_version >= d.runtime_version / 1000 * 1000,
                  "driver %d, runtime %d", d.driver_version, d.runtime_version);
    }
}

static void other_numbers_are_refused(void)
{
    static const int numbers[] = {-1, 1000};
    for (size_t i = 0; i < 2; i++) {
        torc_gpu_device d;
        GPU_CHECK(torc_gpu_device_read(&d, numbers[i]) != 0, "device %d is read", numbers[i]);
        GPU_CHECK(d.name[0] == '\0' && d.runtime_version > 0, "device %d is described", numbers[i]);
        GPU_CHECK(torc_gpu_device_use(numbers[i]) != 0, "device %d is used", numbers[i]);
    }
    (void)torc_gpu_error_clear();
}

static void kinds_of_errors_exclude_each_other(void)
{
    for (int error = 0; error < 1000; error++) {
        const int kinds = torc_gpu_error_is_lost(error) + torc_gpu_error_is_memory(error) +
                          torc_gpu_error_is_driver(error);
        GPU_CHECK(kinds <= 1, "error %d is of %d kinds", error, kinds);
    }
    GPU_CHECK(torc_gpu_error_is_lost(700) && torc_gpu_error_is_lost(719) &&
                  !torc_gpu_error_is_lost(0) && torc_gpu_error_is_driver(35),
              "kinds of known errors");
}

/* --- one device a thread --- */

typedef struct worker {
    int device;
    uint64_t seed;
    bool in_graph;
    uint64_t *out;
} worker;

/* Stands in a thread: errors end the program. */
static void run(const worker *w, toy_lookup *t)
{
    torc_gpu_graph graph = NULL;
    GPU_OK(toy_queue_keys(t));
    toy_fill(t, w->seed);
    if (w->in_graph) {
        GPU_OK(torc_gpu_graph_begin(t->stream));
    }
    GPU_OK(toy_queue(t));
    if (w->in_graph) {
        GPU_OK(torc_gpu_graph_end(&graph, t->stream));
        GPU_OK(torc_gpu_graph_launch(graph, t->stream));
    }
    GPU_OK(torc_gpu_stream_wait(t->stream));
    torc_gpu_graph_destroy(graph);
}

static void *work(void *argument)
{
    worker *w = argument;
    const torc_shape shape = toy_shape(256, 2);
    toy_lookup t;
    GPU_OK(torc_gpu_device_use(w->device));
    GPU_OK(toy_open(&t, &shape, TORC_GPU_FORM_ANY, 2));
    run(w, &t);
    w->out = test_alloc(toy_words(&t) * sizeof *w->out);
    memcpy(w->out, t.host_out, toy_words(&t) * sizeof *w->out);
    toy_close(&t);
    return NULL;
}

#define WORKERS 4

/* The same words from every device and thread; other words of another seed. */
static void threads_work_side_by_side(void)
{
    const size_t bytes = 2 * 257 * sizeof(uint64_t);
    worker workers[WORKERS];
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (worker){.device = i % device_count, .seed = 3, .in_graph = i % 2 == 1};
        workers[i].seed += i == WORKERS - 1;
        GPU_CHECK(pthread_create(&threads[i], NULL, work, &workers[i]) == 0, "no thread");
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        const bool same = memcmp(workers[i].out, workers[0].out, bytes) == 0;
        GPU_CHECK(same == (i < WORKERS - 1), "thread %d on device %d: other words", i,
                  workers[i].device);
    }
    for (int i = 0; i < WORKERS; i++) {
        free(workers[i].out);
    }
}

/* --- two devices in one thread --- */

#define WORDS 100
#define BYTES (WORDS * sizeof(uint64_t))

static void open_on(int device, torc_gpu_stream *stream, torc_gpu_event *event, uint64_t **p)
{
    GPU_OK(torc_gpu_device_use(device));
    GPU_OK(torc_gpu_stream_create(stream));
    GPU_OK(torc_gpu_event_create(event));
    GPU_OK(torc_gpu_alloc((void **)p, BYTES));
}

/* Words go to device 0, from there to device 1 behind an event, and back to the host. */
static void copies_pass_between_devices(void)
{
    uint64_t words[WORDS], got[WORDS] = {0};
    test_rng rng = {11};
    torc_gpu_stream stream[2];
    torc_gpu_event event[2];
    uint64_t *p[2];
    rng_words(&rng, words, WORDS);
    open_on(0, &stream[0], &event[0], &p[0]);
    open_on(1, &stream[1], &event[1], &p[1]);
    GPU_OK(torc_gpu_device_use(0));
    GPU_OK(torc_gpu_copy_in(p[0], words, BYTES, stream[0]));
    GPU_OK(torc_gpu_event_record(event[0], stream[0]));
    GPU_OK(torc_gpu_device_use(1));
    GPU_OK(torc_gpu_stream_after(stream[1], event[0]));
    GPU_OK(torc_gpu_copy(p[1], p[0], BYTES, stream[1]));
    GPU_OK(torc_gpu_copy_out(got, p[1], BYTES, stream[1]));
    GPU_OK(torc_gpu_stream_wait(stream[1]));
    GPU_CHECK(memcmp(got, words, BYTES) == 0, "words change from device to device");
    GPU_CHECK(torc_gpu_event_record(event[0], stream[1]) != 0, "an event of another device");
    for (int i = 0; i < 2; i++) {
        GPU_OK(torc_gpu_device_use(i));
        torc_gpu_free(p[i]);
        torc_gpu_event_destroy(event[i]);
        torc_gpu_stream_destroy(stream[i]);
    }
    GPU_OK(torc_gpu_device_use(0));
    (void)torc_gpu_error_clear();
}

/* A kernel on a stream whose device is not in use. */
static void streams_belong_to_devices(void)
{
    const torc_elements all = {.words = gpu_test_zeros(BYTES),
                               .element_stride = 10,
                               .sample_stride = 10,
                               .element_words = 10};
    torc_elements out = all;
    out.words += 10;
    GPU_OK(torc_gpu_device_use(1));
    GPU_CHECK(torc_gpu_convert(&out, &all, NULL, 0, 1, 1, gpu_test.stream) != 0,
              "a launch on a stream of another device");
    (void)torc_gpu_error_clear();
    GPU_OK(torc_gpu_device_use(0));
    GPU_OK(torc_gpu_convert(&out, &all, NULL, 0, 1, 1, gpu_test.stream));
    GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
}

static void memory_belongs_to_devices(void)
{
    size_t before = 0, during = 0, total = 0;
    void *p = NULL;
    GPU_OK(torc_gpu_memory(&before, &total));
    GPU_OK(torc_gpu_device_use(1));
    GPU_OK(torc_gpu_alloc(&p, 1 << 20));
    GPU_OK(torc_gpu_device_use(0));
    GPU_OK(torc_gpu_memory(&during, &total));
    GPU_CHECK(during == before, "memory of device 1 counts on device 0");
    torc_gpu_free(p);
}

int main(void)
{
    gpu_test_begin();
    GPU_OK(torc_gpu_device_count(&device_count));
    devices_are_described();
    other_numbers_are_refused();
    kinds_of_errors_exclude_each_other();
    threads_work_side_by_side();
    if (device_count > 1) {
        copies_pass_between_devices();
        streams_belong_to_devices();
        memory_belongs_to_devices();
    }
    return gpu_test_end();
}
