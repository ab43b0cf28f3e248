/* torc_bench lookup | model | predict | configurations: parses the command line. */
#include "bench/bench.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t number(struct argp_state *state, const char *text, uint64_t min, uint64_t max)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < min || value > max) {
        argp_error(state, "found '%s', expected a number from %llu to %llu", text,
                   (unsigned long long)min, (unsigned long long)max);
    }
    return value;
}

static torc_profile profile(struct argp_state *state, const char *text)
{
    if (strcmp(text, "private") != 0 && strcmp(text, "shared") != 0) {
        argp_error(state, "found '%s', expected private or shared", text);
    }
    return strcmp(text, "shared") == 0 ? TORC_SHARED : TORC_PRIVATE;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    bench_options *o = state->input;
    switch (key) {
    case 'p': o->bits = (uint32_t)number(state, arg, 1, 8); return 0;
    case 'P': o->profile = profile(state, arg); return 0;
    case 'b': o->batch = (uint32_t)number(state, arg, 1, 1 << 20); return 0;
    case 'c': o->circuit_lookups = number(state, arg, 1, UINT32_MAX); return 0;
    case 'n': o->norm_sq = number(state, arg, 1, UINT32_MAX); return 0;
    case 't': o->threads = (uint32_t)number(state, arg, 1, 1024); return 0;
    case 'r': o->repeats = (uint32_t)number(state, arg, 1, 1000); return 0;
    case 'd': o->device = arg; return 0;
    case 'i': o->input = arg; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num != 0) {
            argp_error(state, "unexpected argument '%s'", arg);
        }
        o->model = arg;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option rows[] = {
    {"bits", 'p', "P", 0, "lookup: index width (default: 1 to 8, one line each)", 0},
    {"profile", 'P', "private|shared", 0, "lookup: failure probability (default: private)", 0},
    {"circuit-lookups", 'c', "C", 0, "lookup: lookups that share the 2^-40 (default: 64)", 0},
    {"norm-sq", 'n', "S", 0, "lookup: squared norm before the lookup (default: 1)", 0},
    {"batch", 'b', "N", 0, "lookups or samples at once (default: 64 lookups, 16 samples)", 0},
    {"threads", 't', "T", 0, "threads (default: all cores)", 0},
    {"repeats", 'r', "R", 0, "measurements (default: 5)", 0},
    {"device", 'd', "cpu", 0, "where to run (default: cpu)", 0},
    {"input", 'i', "X.npy", 0, "model: samples", 0},
    {0},
};

static const struct argp argp = {
    .options = rows,
    .parser = parse,
    .args_doc = "lookup\nmodel M.torc --input X.npy\npredict\nconfigurations",
    .doc = "Measures lookups at the optimiser's parameters, or a circuit; prints one JSON object a "
           "line. Members: bench/README.md. Or predicts the figures of an H200, or prints "
           "kernels/configurations.def.\v"
           "Example:\n  torc_bench lookup --bits 4 --batch 64\n"
           "  torc_bench model m.torc --input x.npy --batch 16",
};

int main(int argc, char **argv)
{
    bench_options o = {.profile = TORC_PRIVATE,
                       .circuit_lookups = 64,
                       .norm_sq = 1,
                       .repeats = 5,
                       .device = "cpu"};
    const char *which = argc > 1 ? argv[1] : "";
    const bool lookup = strcmp(which, "lookup") == 0;
    const bool model = strcmp(which, "model") == 0;
    const bool predict = strcmp(which, "predict") == 0;
    const bool configurations = strcmp(which, "configurations") == 0;
    if (!lookup && !model && !predict && !configurations) {
        (void)argp_parse(&argp, argc, argv, 0, NULL, &o); /* --help */
        fprintf(stderr,
                "torc_bench: expected lookup, model, predict or configurations, see --help\n");
        return torc_status_exit_code(TORC_E_ARGUMENT);
    }
    argp_err_exit_status = torc_status_exit_code(TORC_E_ARGUMENT);
    (void)argp_parse(&argp, argc - 1, argv + 1, 0, NULL, &o);
    torc_ctx *ctx = torc_ctx_create();
    const torc_status s = lookup    ? bench_lookup(ctx, &o)
                          : model   ? bench_model(ctx, &o)
                          : predict ? bench_predict(ctx)
                                    : bench_configurations(ctx);
    if (s != TORC_OK) {
        fprintf(stderr, "torc_bench: %s\n", torc_ctx_message(ctx));
    }
    torc_ctx_free(ctx);
    return torc_status_exit_code(s);
}
