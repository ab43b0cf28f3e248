/* Every call of the CUDA runtime fails once, in a program that makes keys, does a lookup and
 * records one: each failure ends with its code and leaves nothing behind, and the next run gives
 * the same words. For errors that pass, and for those that a device does not survive. */
#include "kernels/emu/emu.h"
#include "tests/gpu_test.h"
#include "tests/gpu_toy_lookup.h"

#define OUT_OF_MEMORY  2
#define INVALID_HANDLE 400
#define LAUNCH_FAILURE 719
#define BATCH          2u
#define WORDS          (2u * 257)

/* --- the program --- */

typedef struct program {
    toy_lookup toy;
    torc_gpu_event begin, end;
    torc_gpu_graph graph;
} program;

static int record(program *p)
{
    TOY_TRY(torc_gpu_graph_begin(p->toy.stream));
    int error = torc_gpu_event_record(p->begin, p->toy.stream);
    if (error == 0) {
        error = toy_queue(&p->toy);
    }
    if (error == 0) {
        error = torc_gpu_event_record(p->end, p->toy.stream);
    }
    if (error != 0) {
        (void)torc_gpu_graph_end(NULL, p->toy.stream);
        return error;
    }
    return torc_gpu_graph_end(&p->graph, p->toy.stream);
}

static int replay(program *p)
{
    double seconds = 0.0;
    bool done = false;
    TOY_TRY(torc_gpu_graph_launch(p->graph, p->toy.stream));
    TOY_TRY(torc_gpu_stream_after(p->toy.stream, p->end));
    TOY_TRY(torc_gpu_event_query(&done, p->end));
    TOY_TRY(torc_gpu_event_wait(p->end));
    TOY_TRY(torc_gpu_event_seconds(&seconds, p->begin, p->end));
    return torc_gpu_stream_wait(p->toy.stream);
}

/* words: of a lookup by itself, then of the graph. */
static int run(program *p, uint64_t words[2][WORDS])
{
    const torc_shape shape = toy_shape(256, 2);
    torc_gpu_device device;
    size_t free_bytes = 0, total_bytes = 0;
    TOY_TRY(torc_gpu_device_read(&device, 0));
    TOY_TRY(torc_gpu_device_use(0));
    TOY_TRY(torc_gpu_memory(&free_bytes, &total_bytes));
    TOY_TRY(torc_gpu_event_create(&p->begin));
    TOY_TRY(torc_gpu_event_create(&p->end));
    TOY_TRY(toy_open(&p->toy, &shape, TORC_GPU_FORM_GLOBAL, BATCH));
    toy_fill(&p->toy, 5);
    TOY_TRY(toy_queue_keys(&p->toy));
    TOY_TRY(toy_queue(&p->toy));
    TOY_TRY(torc_gpu_stream_wait(p->toy.stream));
    memcpy(words[0], p->toy.host_out, sizeof words[0]);
    TOY_TRY(record(p));
    TOY_TRY(replay(p));
    memcpy(words[1], p->toy.host_out, sizeof words[1]);
    return 0;
}

static int run_and_free(uint64_t words[2][WORDS])
{
    program p = {.graph = NULL};
    const int error = run(&p, words);
    torc_gpu_graph_destroy(p.graph);
    torc_gpu_event_destroy(p.begin);
    torc_gpu_event_destroy(p.end);
    toy_close(&p.toy);
    return error;
}

/* --- its failures --- */

static uint64_t expected[2][WORDS];
static uint64_t call_count; /* of a run; the last is the wait before the stream's end */

static void expect_good_run(uint64_t call, int code)
{
    uint64_t words[2][WORDS] = {{0}};
    const int error = run_and_free(words);
    GPU_CHECK(error == 0 && memcmp(words, expected, sizeof words) == 0,
              "behind error %d of call %llu a run ends with %d", code, (unsigned long long)call,
              error);
}

static void check_kind(uint64_t call, int code)
{
    int after = 0;
    torc_gpu_stream stream = NULL;
    after = torc_gpu_stream_create(&stream);
    torc_gpu_stream_destroy(stream);
    GPU_CHECK(after == (torc_gpu_error_is_lost(code) ? code : 0),
              "behind error %d of call %llu the next one is %d", code, (unsigned long long)call,
              after);
}

static void each_call_fails(int code)
{
    const uint64_t stride = gpu_test_is_toy() ? 5 : 1;
    for (uint64_t call = 1; call <= call_count; call += stride) {
        uint64_t words[2][WORDS] = {{0}};
        torc_emu_fail(call, code);
        const int error = run_and_free(words);
        GPU_CHECK(error == (call < call_count ? code : 0),
                  "call %llu fails with %d, the run with %d", (unsigned long long)call, code,
                  error);
        GPU_CHECK(torc_gpu_error_clear() == code, "error %d is not the last one", code);
        check_kind(call, code);
        GPU_CHECK(torc_emu_objects() == 0, "call %llu fails with %d: %llu objects live",
                  (unsigned long long)call, code, (unsigned long long)torc_emu_objects());
        torc_emu_device_reset();
        expect_good_run(call, code);
    }
}

static void no_device_and_old_driver_end_at_once(void)
{
    static const struct {
        const char *profile;
        int error;
    } rows[] = {{"none", 100}, {"old_driver", 35}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t words[2][WORDS];
        torc_emu_profile(rows[i].profile);
        const int error = run_and_free(words);
        GPU_CHECK(error == rows[i].error, "%s: %d", rows[i].profile, error);
    }
    torc_emu_profile("sm_70"); /* all but the first launch works */
    uint64_t words[2][WORDS];
    const int error = run_and_free(words);
    GPU_CHECK(error == 209 && torc_emu_objects() == 0, "sm_70: %d", error);
    torc_emu_profile("sm_90");
    (void)torc_gpu_error_clear();
    expect_good_run(0, 0);
}

/* A wait that fails: what was queued has not happened, and never will. */
static void a_failed_wait_drops_work(void)
{
    uint64_t word = 1;
    torc_gpu_stream stream = NULL;
    void *p = NULL;
    GPU_OK(torc_gpu_stream_create(&stream));
    GPU_OK(torc_gpu_alloc(&p, sizeof word));
    GPU_OK(torc_gpu_set_zero(p, sizeof word, stream));
    GPU_OK(torc_gpu_stream_wait(stream));
    GPU_OK(torc_gpu_copy_out(&word, p, sizeof word, stream));
    torc_emu_fail(1, INVALID_HANDLE);
    GPU_CHECK(torc_gpu_stream_wait(stream) == INVALID_HANDLE, "the wait does not fail");
    GPU_OK(torc_gpu_stream_wait(stream));
    GPU_CHECK(word == 1, "work has happened behind a failed wait");
    torc_gpu_free(p);
    torc_gpu_stream_destroy(stream);
}

int main(void)
{
    const uint64_t before = torc_emu_calls();
    if (run_and_free(expected) != 0) {
        fprintf(stderr, "the program fails by itself\n");
        return 1;
    }
    call_count = torc_emu_calls() - before;
    GPU_CHECK(memcmp(expected[0], expected[1], sizeof expected[0]) == 0, "the graph differs");
    each_call_fails(OUT_OF_MEMORY);
    each_call_fails(LAUNCH_FAILURE);
    no_device_and_old_driver_end_at_once();
    a_failed_wait_drops_work();
    printf("%llu calls failed, %u checks, %u failures\n", (unsigned long long)call_count,
           gpu_test.checks, gpu_test.failures);
    return gpu_test.failures == 0 ? 0 : 1;
}
