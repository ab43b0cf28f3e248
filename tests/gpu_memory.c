/* The functions of kernels_cuda.h for memory, streams and events: what goes in comes out, zero is
 * zero, a wait ends what was queued and nothing later. */
#include "tests/gpu_test.h"
#include "tests/kernel_keys.h"

#define WORDS 1000
#define BYTES (WORDS * sizeof(uint64_t))

static void copies_come_back(void)
{
    uint64_t words[WORDS];
    test_rng rng = {1};
    rng_words(&rng, words, WORDS);
    const uint64_t *device = gpu_test_upload(words, sizeof words);
    gpu_test_equal_u64("uploaded words", device, words, WORDS);
    uint64_t *second = gpu_test_room(sizeof words);
    GPU_OK(torc_gpu_copy(second, device, sizeof words, gpu_test.stream));
    gpu_test_equal_u64("copied words", second, words, WORDS);
}

static void pinned_copies_come_back(void)
{
    uint64_t words[WORDS];
    test_rng rng = {2};
    void *in = NULL, *out = NULL;
    rng_words(&rng, words, WORDS);
    GPU_OK(torc_gpu_alloc_host(&in, BYTES));
    GPU_OK(torc_gpu_alloc_host(&out, BYTES));
    memcpy(in, words, BYTES);
    void *device = gpu_test_room(BYTES);
    GPU_OK(torc_gpu_copy_in(device, in, BYTES, gpu_test.stream));
    GPU_OK(torc_gpu_copy_out(out, device, BYTES, gpu_test.stream));
    GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
    GPU_CHECK(memcmp(out, words, BYTES) == 0, "pinned words do not come back");
    torc_gpu_free_host(in);
    torc_gpu_free_host(out);
    torc_gpu_free_host(NULL);
}

static void zero_is_zero(void)
{
    const uint64_t zeros[WORDS] = {0};
    const uint64_t *device = gpu_test_zeros(sizeof zeros);
    gpu_test_equal_u64("zeros", device, zeros, WORDS);
}

static void memory_is_counted(void)
{
    size_t before = 0, total = 0, during = 0, after = 0;
    void *p = NULL;
    const size_t bytes = (size_t)64 << 20;
    GPU_OK(torc_gpu_memory(&before, &total));
    GPU_OK(torc_gpu_alloc(&p, bytes));
    GPU_OK(torc_gpu_memory(&during, &total));
    torc_gpu_free(p);
    GPU_OK(torc_gpu_memory(&after, &total));
    GPU_CHECK(before <= total && during + bytes <= before && after >= during + bytes,
              "free: %zu, with 64 MiB taken %zu, then %zu of %zu", before, during, after, total);
}

static void errors_have_texts(void)
{
    void *p = NULL;
    const int error = torc_gpu_alloc(&p, (size_t)1 << 60);
    GPU_CHECK(error != 0 && p == NULL, "an exabyte was allocated");
    GPU_CHECK(strcmp(torc_gpu_error_text(error), "out of memory") == 0, "error %d is named '%s'",
              error, torc_gpu_error_text(error));
    GPU_CHECK(torc_gpu_error_is_memory(error) && !torc_gpu_error_is_lost(error) &&
                  !torc_gpu_error_is_driver(error),
              "error %d is of another kind", error);
    GPU_CHECK(torc_gpu_error_clear() == error && torc_gpu_error_clear() == 0,
              "the last error is not forgotten once");
    torc_gpu_free(NULL);
    torc_gpu_stream_destroy(NULL);
    torc_gpu_event_destroy(NULL);
    torc_gpu_graph_destroy(NULL);
}

/* --- events --- */

static torc_gpu_stream other;
static torc_gpu_event event, second;

/* The other stream copies what this one writes, behind an event; both ways twice. */
static void events_order_streams(void)
{
    uint64_t words[2][WORDS];
    test_rng rng = {3};
    uint64_t *from = gpu_test_room(BYTES), *to = gpu_test_room(BYTES);
    for (int i = 0; i < 2; i++) {
        rng_words(&rng, words[i], WORDS);
        GPU_OK(torc_gpu_copy_in(from, words[i], BYTES, gpu_test.stream));
        GPU_OK(torc_gpu_event_record(event, gpu_test.stream));
        GPU_OK(torc_gpu_stream_after(other, event));
        GPU_OK(torc_gpu_copy(to, from, BYTES, other));
        GPU_OK(torc_gpu_event_record(second, other));
        GPU_OK(torc_gpu_stream_after(gpu_test.stream, second));
    }
    GPU_OK(torc_gpu_event_wait(second));
    gpu_test_equal_u64("behind an event", to, words[1], WORDS);
}

/* Recorded again, an event no longer speaks of the first place; who waits for that still does. */
static void the_last_record_counts(void)
{
    uint64_t words[WORDS];
    bool done = false;
    test_rng rng = {4};
    uint64_t *from = gpu_test_room(BYTES), *to = gpu_test_room(BYTES);
    rng_words(&rng, words, WORDS);
    GPU_OK(torc_gpu_copy_in(from, words, BYTES, gpu_test.stream));
    GPU_OK(torc_gpu_event_record(event, gpu_test.stream));
    GPU_OK(torc_gpu_stream_after(other, event));
    GPU_OK(torc_gpu_event_record(event, gpu_test.stream));
    GPU_OK(torc_gpu_copy(to, from, BYTES, other));
    GPU_OK(torc_gpu_stream_wait(other));
    gpu_test_equal_u64("behind the first record", to, words, WORDS);
    GPU_OK(torc_gpu_event_wait(event));
    GPU_OK(torc_gpu_event_query(&done, event));
    GPU_CHECK(done, "an event that was waited for is not done");
}

static void a_question_ends(void)
{
    bool done = false;
    GPU_OK(torc_gpu_event_query(&done, second));
    GPU_OK(torc_gpu_set_zero(gpu_test_room(BYTES), BYTES, gpu_test.stream));
    GPU_OK(torc_gpu_event_record(second, gpu_test.stream));
    for (done = false; !done;) {
        GPU_OK(torc_gpu_event_query(&done, second));
    }
    GPU_CHECK(torc_gpu_error_clear() == 0, "an event that is not done leaves an error");
}

static void events_measure_time(void)
{
    double seconds = -1.0;
    GPU_OK(torc_gpu_event_record(event, gpu_test.stream));
    for (int i = 0; i < 100; i++) {
        GPU_OK(torc_gpu_set_zero(gpu_test_room(BYTES), BYTES, gpu_test.stream));
    }
    GPU_OK(torc_gpu_event_record(second, gpu_test.stream));
    GPU_OK(torc_gpu_event_wait(second));
    GPU_OK(torc_gpu_event_seconds(&seconds, event, second));
    GPU_CHECK(seconds > 0.0 && seconds < 10.0, "100 fills take %g s", seconds);
}

static void fresh_events_are_reached(void)
{
    torc_gpu_event fresh = NULL;
    bool done = false;
    GPU_OK(torc_gpu_event_create(&fresh));
    GPU_OK(torc_gpu_event_query(&done, fresh));
    GPU_OK(torc_gpu_event_wait(fresh));
    GPU_OK(torc_gpu_stream_after(gpu_test.stream, fresh));
    GPU_CHECK(done, "an event that was never recorded is not done");
    torc_gpu_event_destroy(fresh);
}

int main(void)
{
    gpu_test_begin();
    GPU_OK(torc_gpu_stream_create(&other));
    GPU_OK(torc_gpu_event_create(&event));
    GPU_OK(torc_gpu_event_create(&second));
    copies_come_back();
    pinned_copies_come_back();
    zero_is_zero();
    memory_is_counted();
    errors_have_texts();
    events_order_streams();
    the_last_record_counts();
    a_question_ends();
    events_measure_time();
    fresh_events_are_reached();
    torc_gpu_event_destroy(event);
    torc_gpu_event_destroy(second);
    torc_gpu_stream_destroy(other);
    return gpu_test_end();
}
