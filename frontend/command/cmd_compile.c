/* torc compile: a model and example inputs become a circuit and a client specification. */
#include "frontend/command/command.h"
#include "frontend/command/files.h"
#include "frontend/command/output.h"
#include "frontend/command/report.h"
#include "frontend/graph.h"
#include "runtime/clock.h"
#include "runtime/gpu_schedule.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct job {
    const options *o;
    stage files;
    const char *circuit_path;        /* staged */
    const char *spec_path;           /* staged; NULL: not asked for */
    char name[TORC_PRINTABLE_BYTES]; /* of the circuit: the model's file name */
    torc_options how;
    torc_compile_report measured;
    double import_seconds;
    cJSON *dumps; /* stage -> text, with --json */
    torc_circuit *circuit;
    torc_gpu_schedule schedule; /* empty: none was given */
} job;

static void keep_dump(void *user, const char *after, const char *text)
{
    const job *j = user;
    if (j->o->json) {
        cJSON_AddStringToObject(j->dumps, after, text);
        return;
    }
    progress_clear();
    printf("# after %s\n%s\n", after, text);
}

static void name_circuit(job *j)
{
    const char *slash = strrchr(j->o->subject, '/');
    const char *name = slash == NULL ? j->o->subject : slash + 1;
    const char *suffix = strstr(name, ".onnx");
    torc_printable(j->name, name, suffix == NULL ? strlen(name) : (size_t)(suffix - name));
    if (j->name[0] == '\0' || strlen(j->name) > TORC_NAME_MAX) {
        strcpy(j->name, "model");
    }
}

static torc_status fill_options(torc_ctx *ctx, job *j)
{
    const options *o = j->o;
    const bool has_p_error = o->log2_p_error != 0 || o->log2_p_error_lookup != 0;
    if (has_p_error && o->profile != NULL) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "--p-error and --profile exclude each other: a profile "
                         "sets the failure probability");
    }
    if (o->is_virtual && o->client_spec != NULL) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "--virtual and --client-spec exclude each other: a "
                         "virtual circuit has no client");
    }
    if (o->schedule != NULL) {
        if (strcmp(o->target, "cuda") != 0) {
            return torc_fail(ctx, TORC_E_ARGUMENT, "--schedule is of a GPU: add --target cuda");
        }
        TORC_TRY(torc_gpu_schedule_load(ctx, &j->schedule, NULL, o->schedule));
    }
    name_circuit(j);
    j->how = (torc_options){
        .name = j->name,
        .lookup_bits = o->lookup_bits,
        .input_bits = o->input_bits,
        .weight_bits = o->weight_bits,
        .output_bits = o->output_bits,
        .exact = o->exact,
        .is_virtual = o->is_virtual,
        .profile =
            o->profile != NULL && strcmp(o->profile, "shared") == 0 ? TORC_SHARED : TORC_PRIVATE,
        .target = strcmp(o->target, "cuda") == 0 ? TORC_ENGINE_CUDA : TORC_ENGINE_CPU,
        .schedule = o->schedule != NULL ? &j->schedule : NULL,
        .max_key_bytes = o->max_key_mb * 1000000,
        .log2_p_error = o->log2_p_error,
        .log2_p_error_lookup = o->log2_p_error_lookup,
        .dump_after = o->dump_after,
        .report = &j->measured,
        .dump = keep_dump,
        .dump_user = j,
    };
    return TORC_OK;
}

static torc_status load_inputset(torc_ctx *ctx, torc_tensor **out, uint32_t *count,
                                 const torc_graph *graph, const options *o)
{
    const char **names = NULL;
    uint32_t *ids = NULL;
    *out = NULL;
    *count = torc_graph_input_nodes(graph, NULL, 0);
    torc_status s = TORC_ALLOC(ctx, names, *count);
    if (s == TORC_OK) {
        s = TORC_ALLOC(ctx, ids, *count);
    }
    if (s == TORC_OK) {
        (void)torc_graph_input_nodes(graph, ids, *count);
        for (uint32_t i = 0; i < *count; i++) {
            names[i] = torc_graph_node(graph, (torc_value){ids[i]})->name;
        }
        s = arrays_load(ctx, out, &o->inputs, names, *count, "inputset");
    }
    free(names);
    free(ids);
    return s;
}

static torc_status import_and_compile(torc_ctx *ctx, job *j)
{
    torc_graph *graph = NULL;
    torc_tensor *inputset = NULL;
    uint32_t count = 0;
    const double begin = torc_seconds_now();
    TORC_TRY(torc_import_onnx(ctx, &graph, j->o->subject, j->o->output_name));
    j->import_seconds = torc_seconds_now() - begin;
    torc_status s = load_inputset(ctx, &inputset, &count, graph, j->o);
    if (s == TORC_OK) {
        s = torc_compile(ctx, &j->circuit, graph, inputset, &j->how);
    }
    arrays_free(inputset, count);
    torc_graph_free(graph);
    return s;
}

/* --- what is shown
 * --------------------------------------------------------------------------------- */

/* Reading the file belongs to the first stage, "import". */
static double stage_seconds(const job *j, uint32_t index)
{
    return j->measured.stage_seconds[index] + (index == 0 ? j->import_seconds : 0);
}

static double total_seconds(const job *j)
{
    double total = 0;
    for (uint32_t i = 0; i < j->measured.stage_count; i++) {
        total += stage_seconds(j, i);
    }
    return total;
}

static void show_json(const job *j, const report *r)
{
    cJSON *object = report_to_json(r);
    cJSON_AddStringToObject(object, "circuit", j->o->outputs.items[0].path);
    cJSON_AddNumberToObject(object, "seconds", total_seconds(j));
    cJSON *stages = cJSON_AddObjectToObject(object, "stages");
    for (uint32_t i = 0; i < j->measured.stage_count; i++) {
        cJSON_AddNumberToObject(stages, j->measured.stage_name[i], stage_seconds(j, i));
    }
    if (j->dumps->child != NULL) {
        cJSON_AddItemToObject(object, "dump", cJSON_Duplicate(j->dumps, true));
    }
    print_json(object);
}

static void show_text(const job *j, const report *r)
{
    char seconds[32];
    report_print(r);
    printf("compiled     in %s:", format_seconds(seconds, total_seconds(j)));
    for (uint32_t i = 0; i < j->measured.stage_count; i++) {
        printf("%s %s %s", i == 0 ? "" : ",", j->measured.stage_name[i],
               format_seconds(seconds, stage_seconds(j, i)));
    }
    putchar('\n');
}

static torc_status show(torc_ctx *ctx, const job *j)
{
    report r;
    TORC_TRY(report_make(ctx, &r, j->circuit, j->o->threads));
    if (j->o->json) {
        show_json(j, &r);
    } else {
        show_text(j, &r);
    }
    report_free(&r);
    return TORC_OK;
}

static torc_status stage_outputs(torc_ctx *ctx, job *j)
{
    const char *path = NULL;
    torc_status s = TORC_OK;
    TORC_TRY(option_file(ctx, &path, &j->o->outputs, "output"));
    j->circuit_path = stage_add(ctx, &j->files, path, &s);
    if (s == TORC_OK && j->o->client_spec != NULL) {
        j->spec_path = stage_add(ctx, &j->files, j->o->client_spec, &s);
    }
    return s;
}

static torc_status save(torc_ctx *ctx, job *j)
{
    TORC_TRY(torc_circuit_save(ctx, j->circuit, j->circuit_path));
    if (j->spec_path != NULL) {
        TORC_TRY(torc_spec_save(ctx, &j->circuit->spec, j->spec_path));
    }
    return stage_commit(ctx, &j->files);
}

static torc_status compile(torc_ctx *ctx, job *j)
{
    TORC_TRY(option_required(ctx, j->o->inputs.count == 0 ? NULL : "", "inputset"));
    TORC_TRY(fill_options(ctx, j));
    TORC_TRY(stage_outputs(ctx, j));
    TORC_TRY(import_and_compile(ctx, j));
    TORC_TRY(save(ctx, j));
    warn_if_virtual(&j->circuit->spec, j->o->outputs.items[0].path);
    return show(ctx, j);
}

static torc_status run(torc_ctx *ctx, const options *o)
{
    job j = {.o = o, .files = {.direct = o->client_spec == NULL}, .dumps = cJSON_CreateObject()};
    const torc_status s = compile(ctx, &j);
    stage_abort(&j.files);
    torc_circuit_free(j.circuit);
    torc_gpu_schedule_free(&j.schedule);
    cJSON_Delete(j.dumps);
    return s;
}

static const struct argp_option rows[] = {
    {"inputset", KEY_INPUT, "[NAME=]X.npy", 0,
     "Example inputs, the first axis counts them; they set ranges and bit-widths", 1},
    {"output", KEY_OUTPUT, "M.torc", 0, "The circuit", 1},
    {"client-spec", KEY_CLIENT_SPEC, "M.client", 0,
     "Also write what a client needs: parameters and encodings, no weights", 1},
    {"output-name", KEY_OUTPUT_NAME, "NAME", 0,
     "The output of the model to compute (default: the last float one)", 1},
    {"bits", KEY_BITS, "P", 0,
     "Index width of lookups, 1 to 8, with --virtual to 16 (default: 5; 8 with --exact)", 2},
    {"input-bits", KEY_INPUT_BITS, "I", 0, "Bits of a float input (default: 4)", 2},
    {"weight-bits", KEY_WEIGHT_BITS, "W", 0,
     "Bits of a float weight (default: of 6, 5 and 4 what makes lookups fastest at most 3 dB and "
     "0.5 % of labels from 6)",
     2},
    {"output-bits", KEY_OUTPUT_BITS, "B", 0,
     "Precision of a float output: its error is a quarter of range / 2^B (default: 6)", 2},
    {"exact", KEY_EXACT, NULL, 0,
     "Exact contract: the encrypted result equals the simulated one bit for bit", 2},
    {"p-error", KEY_P_ERROR, "E", 0,
     "Failure probability of the whole circuit, as 1e-9 or 2^-40 (default: 2^-40)", 3},
    {"p-error-lookup", KEY_P_ERROR_LOOKUP, "E", 0, "Bound each lookup instead", 3},
    {"profile", KEY_PROFILE, "private|shared", 0,
     "private (default): 2^-40 a sample. shared: decrypted results leave the client; 2^-128 a "
     "lookup, "
     "exact contract only",
     3},
    {"target", KEY_TARGET, "cpu|cuda", 0,
     "Choose the parameters that are fastest there, with the noise of its kernels (default: cpu)",
     3},
    {"schedule", KEY_SCHEDULE, "FILE", 0,
     "With --target cuda: search by what torc calibrate measured, instead of what is counted for "
     "an H200",
     3},
    {"max-key-mb", KEY_MAX_KEY_MB, "M", 0,
     "Evaluation keys take at most M MB of a server's memory, though lookups may be slower for it "
     "(default: 200 with one level of decomposition, 420 with more, or as few as there are)",
     3},
    {"virtual", KEY_VIRTUAL, NULL, 0,
     "Stop after the bit-widths: the circuit runs in the clear only, at any width", 3},
    {"dump-after", KEY_DUMP_AFTER, "STAGE", 0,
     "Print the state after a stage: import, quantize, measure, fuse, width, check, lower, "
     "optimize",
     4},
    OPTION_THREADS,
    OPTION_JSON,
    {0},
};

const command command_compile = {
    .name = "compile",
    .summary = "turn an ONNX model into a circuit on encrypted data",
    .arguments = "MODEL.onnx",
    .doc =
        "Quantises the model with the example inputs, chooses secure parameters and writes a "
        "circuit. Prints the same report as `torc inspect'. With several inputs, repeat --inputset "
        "NAME=FILE.",
    .example = "Example:\n"
               "  torc compile model.onnx --inputset calibration.npy \\\n"
               "      -o m.torc --client-spec m.client\n"
               "  torc compile model.onnx --inputset calibration.npy -o m.torc --bits 6 --json",
    .options = rows,
    .run = run,
};
