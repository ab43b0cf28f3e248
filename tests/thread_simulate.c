/* The simulator in blocks: two simulations side by side, each with threads of its own, give the
 * same results. For the thread sanitizer: plain main. */
#include "runtime/torc_server.h"
#include "tests/common/check.h"
#include "tests/common/program_builder.h"
#include "tests/common/sample_spec.h"

#include <omp.h>
#include <pthread.h>
#include <string.h>

enum { SAMPLES = 200000 }; /* past the work from which threads are used */

typedef struct run {
    const torc_circuit *circuit;
    const torc_tensor *inputs;
    int threads;
    bool noisy;
    torc_tensor output;
    uint64_t overflows;
} run;

/* y = table(2 x0 + x1 + constant): bins of the upper half too. */
static void build(torc_circuit *circuit, torc_ctx *ctx)
{
    torc_spec *spec = &circuit->spec;
    torc_program *p = &circuit->program;
    spec->circuit_name = sample_text("blocks");
    spec->params = sample_params(900, 1, 2048);
    spec->inputs = calloc(1, sizeof *spec->inputs);
    spec->outputs = calloc(1, sizeof *spec->outputs);
    CHECK(ctx, spec->inputs != NULL && spec->outputs != NULL);
    spec->input_count = spec->output_count = 1;
    spec->inputs[0] = sample_port("x", 3, false, 1, (const size_t[]){2});
    spec->outputs[0] = sample_port("y", 40, false, 0, NULL); /* noise shows */
    build_input(p, true, 0, 2);
    torc_linear *a = build_linear(p, 0, 2, 1, 1, 2);
    a->gather[0] = 0;
    a->gather[1] = 1;
    a->weight[0] = 2;
    a->weight[1] = 1;
    build_table(p, 3);
    for (uint64_t u = 0; u < 8; u++) {
        p->tables[0].entry[u] = u * u << 55;
    }
    build_lookup(p, 0, 3, 1, 2);
    build_output(p, true, 3, 1);
}

static void *simulate(void *user)
{
    run *r = user;
    torc_run_stats stats;
    torc_ctx *ctx = torc_ctx_create();
    omp_set_num_threads(r->threads);
    CHECK(ctx, torc_simulate_circuit(ctx, &r->output, &stats, NULL, r->circuit, r->inputs, r->noisy,
                                     7) == TORC_OK);
    r->overflows = stats.overflows;
    torc_ctx_free(ctx);
    return NULL;
}

static void compare(torc_ctx *ctx, const torc_circuit *circuit, const torc_tensor *in, bool noisy)
{
    pthread_t beside;
    run runs[2] = {{circuit, in, 1, noisy, {0}, 0}, {circuit, in, 3, noisy, {0}, 0}};
    CHECK(ctx, pthread_create(&beside, NULL, simulate, &runs[0]) == 0);
    simulate(&runs[1]);
    pthread_join(beside, NULL);
    CHECK(ctx, runs[0].overflows == runs[1].overflows && runs[0].overflows > 0);
    CHECK(ctx, memcmp(runs[0].output.i64, runs[1].output.i64, SAMPLES * sizeof(int64_t)) == 0);
    torc_tensor_free(&runs[0].output);
    torc_tensor_free(&runs[1].output);
}

int main(void)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_circuit *circuit = calloc(1, sizeof *circuit);
    torc_tensor in = {0};
    CHECK(ctx, circuit != NULL);
    build(circuit, ctx);
    CHECK(ctx, torc_tensor_create(ctx, &in, TORC_I64, 2, (const size_t[]){SAMPLES, 2}) == TORC_OK);
    for (size_t i = 0; i < (size_t)2 * SAMPLES; i++) {
        in.i64[i] = (int64_t)(i * i / 7 % 8);
    }
    compare(ctx, circuit, &in, false);
    compare(ctx, circuit, &in, true);
    torc_tensor_free(&in);
    torc_circuit_free(circuit);
    torc_ctx_free(ctx);
    return 0;
}
