/* The simulator's backend, exact and noisy: any number of threads gives the same words and counts,
 * and two targets may run one program side by side. For the thread sanitizer: plain main. */
#include "runtime/executor.h"
#include "tests/common/check.h"
#include "tests/common/sample_circuit.h"

#include <pthread.h>
#include <string.h>

enum { SAMPLES = 100000, MAX_THREADS = 3 }; /* past the work from which the backend uses threads */

typedef struct run {
    const torc_circuit *circuit;
    bool noisy;
    uint32_t threads;
    uint64_t *words;
    uint64_t overflows;
} run;

static void write_inputs(torc_ctx *ctx, torc_target *target, const torc_program *p)
{
    const torc_backend *backend = torc_backend_virtual();
    int64_t *clear = malloc(SAMPLES * sizeof *clear);
    uint64_t *words = malloc(2 * SAMPLES * sizeof *words);
    CHECK(ctx, clear != NULL && words != NULL);
    for (size_t s = 0; s < SAMPLES; s++) {
        words[s] = (uint64_t)(s % 8) << 60;
        words[SAMPLES + s] = (uint64_t)(s / 8 % 8) << 60;
        clear[s] = (int64_t)(s / 64 % 8) - 4;
    }
    CHECK(ctx, backend->write(ctx, target, p->inputs[0].element[0], 2, SAMPLES, words) == TORC_OK);
    CHECK(ctx,
          backend->write_clear(ctx, target, p->inputs[1].element[0], 1, SAMPLES, clear) == TORC_OK);
    free(clear);
    free(words);
}

static void *simulate(void *user)
{
    run *r = user;
    const torc_program *p = &r->circuit->program;
    const torc_backend *backend = torc_backend_virtual();
    const torc_target_options options = {
        .capacity = SAMPLES, .threads = r->threads, .noisy = r->noisy, .noise_seed = 42};
    torc_ctx *ctx = torc_ctx_create();
    torc_target *target = NULL;
    torc_run_stats stats;
    CHECK(ctx, backend->open(ctx, &target, p, &r->circuit->spec.params, NULL, &options) == TORC_OK);
    write_inputs(ctx, target, p);
    CHECK(ctx, torc_execute(ctx, target, p, SAMPLES, &stats, NULL, NULL) == TORC_OK);
    r->words = malloc(SAMPLES * sizeof *r->words);
    CHECK(ctx, r->words != NULL);
    CHECK(ctx,
          backend->read(ctx, target, r->words, p->outputs[0].element[0], 1, SAMPLES) == TORC_OK);
    r->overflows = target->overflow_count;
    backend->close(target);
    torc_ctx_free(ctx);
    return NULL;
}

static bool is_same(const run *a, const run *b)
{
    return a->overflows == b->overflows &&
           memcmp(a->words, b->words, SAMPLES * sizeof *a->words) == 0;
}

/* Answers modulo 16, the padding bit included. */
static void check_clear(torc_ctx *ctx, const run *r)
{
    uint64_t outside = 0;
    for (size_t s = 0; s < SAMPLES; s++) {
        const int64_t c = (int64_t)(s / 64 % 8) - 4;
        const int64_t answer =
            sample_circuit_answer((int64_t)(s % 8), (int64_t)(s / 8 % 8), c, &outside);
        CHECK(ctx, r->words[s] == (uint64_t)answer << 60);
    }
    CHECK(ctx, r->overflows > 0 && r->overflows <= outside);
}

static void compare_threads(torc_ctx *ctx, const torc_circuit *circuit, bool noisy)
{
    run runs[MAX_THREADS];
    pthread_t beside;
    for (uint32_t i = 0; i < MAX_THREADS; i++) {
        runs[i] = (run){.circuit = circuit, .noisy = noisy, .threads = i + 1};
    }
    CHECK(ctx, pthread_create(&beside, NULL, simulate, &runs[0]) == 0);
    simulate(&runs[1]);
    pthread_join(beside, NULL);
    simulate(&runs[2]);
    CHECK(ctx, is_same(&runs[0], &runs[1]) && is_same(&runs[0], &runs[2]));
    if (!noisy) {
        check_clear(ctx, &runs[0]);
    }
    for (int i = 0; i < MAX_THREADS; i++) {
        free(runs[i].words);
    }
}

int main(void)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_circuit *circuit = sample_circuit();
    compare_threads(ctx, circuit, false);
    compare_threads(ctx, circuit, true);
    torc_circuit_free(circuit);
    torc_ctx_free(ctx);
    return 0;
}
