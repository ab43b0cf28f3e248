/* torc_bench: parses the command line. */
#include "bench/bench.h"
#include "runtime/status.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX_SECONDS = 256, KEY_NORM_SQ, KEY_CIRCUIT_LOOKUPS, KEY_THREADS, KEY_GROUPING };

static uint64_t number(struct argp_state *state, const char *text, uint64_t min, uint64_t max)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || (*end != '\0' && *end != ',') || value < min || value > max) {
        argp_error(state, "found '%s', expected a number from %llu to %llu", text,
                   (unsigned long long)min, (unsigned long long)max);
    }
    return value;
}

static void numbers(bench_options *o, struct argp_state *state, const char *text)
{
    o->batch_count = 0;
    for (const char *at = text; at != NULL; at = strchr(at, ',')) {
        at += *at == ',' ? 1 : 0;
        if (o->batch_count == BENCH_BATCHES_MAX) {
            argp_error(state, "--batch: more than %d numbers", BENCH_BATCHES_MAX);
        }
        o->batch[o->batch_count++] = (uint32_t)number(state, at, 1, 1 << 20);
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    bench_options *o = state->input;
    switch (key) {
    case 'b': numbers(o, state, arg); return 0;
    case 'c': o->circuit = arg; return 0;
    case 'd': o->device = arg; return 0;
    case 'i': o->input = arg; return 0;
    case 'o': o->output = arg; return 0;
    case 'r': o->repeats = (uint32_t)number(state, arg, 1, 1000); return 0;
    case 's': o->sets = arg; return 0;
    case 'x': o->plot = arg; return 0;
    case KEY_MAX_SECONDS: o->max_seconds = (double)number(state, arg, 1, 1000000); return 0;
    case KEY_NORM_SQ: o->norm_sq = number(state, arg, 1, UINT32_MAX); return 0;
    case KEY_CIRCUIT_LOOKUPS: o->circuit_lookups = number(state, arg, 1, UINT32_MAX); return 0;
    case KEY_GROUPING: o->grouping = (uint32_t)number(state, arg, 1, 3); return 0;
    case KEY_THREADS: o->threads = (uint32_t)number(state, arg, 1, 1024); return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num != 0) {
            argp_error(state, "unexpected argument '%s'", arg);
        }
        o->rows = arg;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option rows[] = {
    {"device", 'd', "D", 0, "cpu, cuda, cuda:N, auto (default: cpu)", 1},
    {"batch", 'b', "N,..", 0, "lookups or samples at once, one row each", 1},
    {"repeats", 'r', "R", 0, "runs of each (default: 5)", 1},
    {"threads", KEY_THREADS, "T", 0, "of the CPU (default: all cores)", 1},
    {"max-seconds", KEY_MAX_SECONDS, "S", 0,
     "begin nothing that should end later: fewer runs, then none", 1},
    {"set", 's', "NAME,..", 0,
     "lookups: 1_private .. 8_private, 1_shared .. 8_shared; layers: dense_92x92, ..", 2},
    {"norm-sq", KEY_NORM_SQ, "S", 0, "lookups: squared norm before them (default: 1, shared 25)",
     2},
    {"grouping", KEY_GROUPING, "G", 0, "lookups: key bits a step, on a GPU (default: the cheapest)",
     2},
    {"circuit-lookups", KEY_CIRCUIT_LOOKUPS, "C", 0,
     "lookups: how many share the 2^-40 of a circuit (default: 64)", 2},
    {"circuit", 'c', "NAME", 0,
     "circuit, simulate: nn20, nn20_dense, nn20_small, digits_mlp, or M.torc", 3},
    {"input", 'i', "X.npy", 0, "circuit, simulate: samples of M.torc", 3},
    {"plot", 'x', "throughput|time", 0, "plot: against batch, or against lookups", 4},
    {"output", 'o', "FILE.svg", 0, "plot: where it goes", 4},
    {0},
};

static const struct argp argp = {
    .options = rows,
    .parser = parse,
    .args_doc = "lookups\nsteps\nlayers\ncircuit --circuit NAME\nsimulate --circuit NAME\n"
                "plot ROWS.jsonl --output FILE.svg\npredict\nconfigurations",
    .doc = "Measures keyswitch and bootstrap, steps of the CPU's rotation, linear layers, whole "
           "circuits, or their simulation, and checks every result; prints one JSON object a line. "
           "Or draws such lines, predicts the figures "
           "of an H200, or prints kernels/configurations.def. Members: bench/README.md.\v"
           "Example:\n"
           "  torc_bench lookups --set 4_private,4_shared --batch 1,8,32 >rows.jsonl\n"
           "  torc_bench lookups --device cuda --max-seconds 120 >>rows.jsonl\n"
           "  torc_bench circuit --circuit nn20 --batch 1 --repeats 1\n"
           "  torc_bench plot rows.jsonl --plot throughput -o throughput.svg",
};

static torc_status predict(torc_ctx *ctx, const bench_options *o)
{
    (void)o;
    return bench_predict(ctx);
}

static torc_status configurations(torc_ctx *ctx, const bench_options *o)
{
    (void)o;
    return bench_configurations(ctx);
}

static const struct {
    const char *name;
    torc_status (*run)(torc_ctx *ctx, const bench_options *o);
} modes[] = {{"lookups", bench_lookups_run}, {"steps", bench_steps},
             {"layers", bench_layers},       {"circuit", bench_circuit},
             {"simulate", bench_simulate},   {"plot", bench_plot},
             {"predict", predict},           {"configurations", configurations}};

static int run(size_t mode, const bench_options *o)
{
    torc_ctx *ctx = torc_ctx_create();
    const torc_status s = modes[mode].run(ctx, o);
    if (s != TORC_OK) {
        fprintf(stderr, "torc_bench: %s\n", torc_ctx_message(ctx));
    }
    torc_ctx_free(ctx);
    return torc_status_exit_code(s);
}

int main(int argc, char **argv)
{
    bench_options o = {.repeats = 5, .device = "cpu", .begin = torc_seconds_now()};
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            argp_err_exit_status = torc_status_exit_code(TORC_E_ARGUMENT);
            (void)argp_parse(&argp, argc - 1, argv + 1, 0, NULL, &o);
            return run(i, &o);
        }
    }
    (void)argp_parse(&argp, argc, argv, 0, NULL, &o); /* --help */
    fprintf(stderr, "torc_bench: expected lookups, steps, layers, circuit, simulate, plot, predict "
                    "or configurations, see --help\n");
    return torc_status_exit_code(TORC_E_ARGUMENT);
}
