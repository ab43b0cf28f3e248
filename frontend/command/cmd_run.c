/* torc run: the server's part, on ciphertexts and evaluation keys alone. */
#include "frontend/command/command.h"
#include "frontend/command/files.h"
#include "frontend/command/output.h"
#include "runtime/status.h"
#include "runtime/torc_server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Shorter and smaller runs are not announced. */
#define LONG_RUN_SECONDS 0.5
#define LARGE_RUN_BYTES  1000000000

typedef struct job {
    torc_circuit *circuit;
    torc_evaluation_keys *keys;
    torc_ciphertexts *in;
    torc_ciphertexts *out;
    torc_prediction prediction;
    double predicted_seconds; /* of the whole batch */
    torc_run_stats stats;
    char device[64];
} job;

static torc_status job_load(torc_ctx *ctx, job *j, const options *o)
{
    const char *input = NULL;
    TORC_TRY(option_file(ctx, &input, &o->inputs, "input"));
    TORC_TRY(option_required(ctx, o->evaluation_keys, "evaluation-keys"));
    TORC_TRY(torc_circuit_load(ctx, &j->circuit, o->subject));
    warn_if_virtual(&j->circuit->spec, o->subject);
    if (j->circuit->spec.is_virtual) {
        return torc_fail(
            ctx, TORC_E_SECURITY,
            "%s: a virtual circuit runs in the clear only; use torc simulate, or compile "
            "without --virtual",
            o->subject);
    }
    TORC_TRY(torc_evk_load(ctx, &j->keys, o->evaluation_keys));
    return torc_ciphertexts_load(ctx, &j->in, input);
}

static void job_free(job *j)
{
    torc_circuit_free(j->circuit);
    torc_evk_free(j->keys);
    torc_ciphertexts_free(j->in);
    torc_ciphertexts_free(j->out);
}

static torc_status predict(torc_ctx *ctx, job *j, const torc_server *server)
{
    TORC_TRY(torc_server_predict(ctx, &j->prediction, server, j->in->samples));
    const double batch = j->prediction.seconds_batched * (double)j->in->samples;
    j->predicted_seconds = batch > j->prediction.seconds ? batch : j->prediction.seconds;
    if (j->predicted_seconds >= LONG_RUN_SECONDS || j->prediction.memory_bytes >= LARGE_RUN_BYTES) {
        char seconds[32];
        char bytes[32];
        say("%zu sample%s of %" PRIu64 " lookups: about %s on %s, %s of its memory", j->in->samples,
            j->in->samples == 1 ? "" : "s", torc_program_lookup_count(&j->circuit->program),
            format_seconds(seconds, j->predicted_seconds), torc_server_describe(server),
            format_bytes(bytes, j->prediction.memory_bytes));
    }
    return TORC_OK;
}

/* A server is open before it is asked what the run will take: on a GPU that depends on the memory
 * that is free. */
static torc_status execute(torc_ctx *ctx, job *j, const options *o)
{
    torc_server *server = NULL;
    TORC_TRY(
        torc_server_open(ctx, &server, j->circuit, j->keys, o->device, j->in->samples, o->threads));
    snprintf(j->device, sizeof j->device, "%s", torc_server_device(server));
    torc_status s = predict(ctx, j, server);
    if (s == TORC_OK) {
        s = torc_server_run(ctx, server, &j->out, &j->stats, j->in);
    }
    if (s == TORC_OK && torc_server_fallbacks(server) != 0) {
        say("%s: %" PRIu64 " launches of the circuit ran in another form than planned; torc "
            "calibrate measures what this device runs best",
            torc_server_device(server), torc_server_fallbacks(server));
    }
    torc_server_close(server);
    return s;
}

static void show(const job *j, const options *o)
{
    const torc_run_stats *stats = &j->stats;
    if (o->json) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddNumberToObject(object, "seconds", stats->seconds);
        cJSON_AddNumberToObject(object, "lookups", (double)stats->lookups);
        cJSON_AddNumberToObject(object, "samples", (double)stats->samples);
        cJSON_AddNumberToObject(object, "seconds_linear", stats->seconds_linear);
        cJSON_AddNumberToObject(object, "seconds_lookup", stats->seconds_lookup);
        cJSON_AddNumberToObject(object, "predicted_seconds", j->predicted_seconds);
        cJSON_AddNumberToObject(object, "predicted_memory_bytes",
                                (double)j->prediction.memory_bytes);
        cJSON_AddStringToObject(object, "device", j->device);
        print_json(object);
        return;
    }
    char total[32];
    char each[32];
    printf("ran %zu sample%s, %" PRIu64 " lookups, on %s in %s: %s a sample\n", stats->samples,
           stats->samples == 1 ? "" : "s", stats->lookups, j->device,
           format_seconds(total, stats->seconds),
           format_seconds(each, stats->seconds / (double)stats->samples));
}

static torc_status run_job(torc_ctx *ctx, job *j, const options *o, stage *files)
{
    const char *path = NULL;
    torc_status s = TORC_OK;
    TORC_TRY(option_file(ctx, &path, &o->outputs, "output"));
    const char *temporary = stage_add(ctx, files, path, &s);
    TORC_TRY(s);
    TORC_TRY(job_load(ctx, j, o));
    TORC_TRY(execute(ctx, j, o));
    TORC_TRY(torc_ciphertexts_save(ctx, j->out, temporary));
    TORC_TRY(stage_commit(ctx, files));
    show(j, o);
    return TORC_OK;
}

static torc_status run(torc_ctx *ctx, const options *o)
{
    job j = {0};
    stage files = {.direct = true};
    const torc_status s = run_job(ctx, &j, o, &files);
    stage_abort(&files);
    job_free(&j);
    return s;
}

static const struct argp_option rows[] = {
    {"evaluation-keys", KEY_EVALUATION_KEYS, "FILE", 0, "The client's evaluation keys", 1},
    {"input", KEY_INPUT, "X.ct", 0, "Encrypted inputs", 1},
    OPTION_OUTPUT("Y.ct"),
    OPTION_DEVICE,
    OPTION_THREADS,
    OPTION_JSON,
    {0},
};

const command command_run = {
    .name = "run",
    .summary = "run a circuit on encrypted inputs",
    .arguments = "M.torc",
    .doc =
        "Runs a circuit on a batch of encrypted samples. Sees no secret key and no value. Before a "
        "long or large run, the seconds and the memory predicted for this machine are printed.",
    .example = "Example:\n"
               "  torc run m.torc --evaluation-keys me.evk --input x.ct --output y.ct",
    .options = rows,
    .run = run,
};
