/* The memory that torc run predicts against what the process held at its peak. */
#include "frontend/torc_compile.h"
#include "runtime/json.h"
#include "tests/common/folder.h"
#include "tests/common/torc_command.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ELEMENTS = 64 };

/* Peak of the resident memory, in bytes, of a command of the folder; its output goes to `out`. */
static double peak_bytes(const char *out, char *const *arguments)
{
    struct rusage usage;
    int status = 0;
    const char *folder = folder_path("");
    const char *path = folder_path(out);
    const pid_t child = fork();
    if (child == 0) {
        const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (chdir(folder) == 0 && file >= 0 && dup2(file, STDOUT_FILENO) >= 0) {
            execv(TORC, arguments);
        }
        _exit(127);
    }
    cr_assert(child > 0 && wait4(child, &status, 0, &usage) == child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: status %d", arguments[1], status);
    return 1024.0 * (double)usage.ru_maxrss;
}

static double predicted_bytes(const char *out)
{
    char text[4096] = "";
    cJSON *object = NULL;
    FILE *file = fopen(folder_path(out), "r");
    cr_assert(file != NULL && fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    cr_assert_eq(torc_json_parse(NULL, &object, text, strlen(text)), TORC_OK, "%s", text);
    const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(object, "predicted_memory_bytes");
    const double value = cJSON_IsNumber(bytes) ? bytes->valuedouble : 0;
    cJSON_Delete(object);
    return value;
}

/* --- circuits: files m.torc, m.client, me.evk ------------------------------------------------- */

static void succeed(const char *arguments)
{
    command_result result;
    command_run(&result, TORC " %s", arguments);
    cr_assert_eq(result.exit_code, 0, "torc %s: %s", arguments, result.err);
}

/* A table of `bits` bits on the sum of 64 inputs: many slots, one lookup. */
static void trace_sum(torc_graph *g, uint32_t bits)
{
    const size_t shape[1] = {ELEMENTS};
    const int32_t axis = 0;
    int64_t entries[256];
    const size_t size[1] = {(size_t)1 << bits};
    for (size_t i = 0; i < size[0]; i++) {
        entries[i] = (int64_t)(i * 7 % size[0]);
    }
    const torc_value x = torc_input(g, "x", true, TORC_I64, 1, shape);
    torc_output(g, "y", torc_table_lookup(g, torc_sum(g, x, &axis, 1, false), entries, size[0]));
}

static void compile_sum(uint32_t bits)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_graph *g = NULL;
    torc_circuit *circuit = NULL;
    int64_t values[2 * ELEMENTS] = {0}; /* nothing, and all that a table takes */
    const torc_tensor set = {.dtype = TORC_I64, .rank = 2, .shape = {2, ELEMENTS}, .i64 = values};
    const torc_options options = {.exact = true};
    values[ELEMENTS] = ((int64_t)1 << bits) - 1;
    cr_assert_eq(torc_graph_create(ctx, &g), TORC_OK);
    trace_sum(g, bits);
    cr_assert_eq(torc_compile(ctx, &circuit, g, &set, &options), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    cr_assert_eq(torc_circuit_save(ctx, circuit, folder_path("m.torc")), TORC_OK);
    cr_assert_eq(torc_spec_save(ctx, &circuit->spec, folder_path("m.client")), TORC_OK);
    torc_circuit_free(circuit);
    torc_graph_free(g);
    torc_ctx_free(ctx);
}

static void make_keys(void)
{
    succeed("keygen m.client --force --secret-key me.key --evaluation-keys me.evk");
}

/* --- what is held ----------------------------------------------------------------------------- */

/* `samples` of x.npy on as many threads: the prediction within 5 % of the growth over a process
 * that does nothing. */
static void expect_predicted(const char *what, const char *threads)
{
    char *const nothing[] = {"torc", "version", NULL};
    char *const run[] = {"torc",      "run",
                         "m.torc",    "--evaluation-keys",
                         "me.evk",    "--input",
                         "x.ct",      "-o",
                         "y.ct",      "--json",
                         "--device",  "cpu",
                         "--threads", (char *)(uintptr_t)threads,
                         NULL};
    const double held = peak_bytes("run.json", run) - peak_bytes("version.txt", nothing);
    const double predicted = predicted_bytes("run.json");
    printf("%s, %s threads: %.1f MB held, %.1f MB predicted, ratio %.3f\n", what, threads,
           1e-6 * held, 1e-6 * predicted, predicted / held);
    cr_expect_gt(predicted, 0.95 * held, "%s, %s threads", what, threads);
    cr_expect_lt(predicted, 1.05 * held, "%s, %s threads", what, threads);
}

static void expect_sums(uint32_t bits)
{
    static int64_t zeros[64 * ELEMENTS];
    char what[64];
    compile_sum(bits);
    make_keys();
    for (size_t samples = 1; samples <= 64; samples *= 64) {
        command_save_i64("x.npy", zeros, 2, (size_t[]){samples, ELEMENTS});
        succeed("encrypt m.client --secret-key me.key --input x.npy -o x.ct");
        snprintf(what, sizeof what, "%u bits, %zu samples", bits, samples);
        expect_predicted(what, "1");
        expect_predicted(what, "2");
    }
    folder_remove();
}

Test(memory, of_a_lookup_is_predicted)
{
    expect_sums(1);
    expect_sums(4);
}

Test(memory, of_an_extended_lookup_is_predicted)
{
    expect_sums(6);
}

Test(memory, of_a_network_is_predicted)
{
    succeed("compile " TORC_SOURCE_DIR
            "/models/digits_mlp/digits_mlp.onnx --inputset " TORC_SOURCE_DIR
            "/models/digits_mlp/inputset.npy -o m.torc --client-spec m.client");
    make_keys();
    static double image[64];
    command_save_f64("x.npy", image, 2, (size_t[]){1, 64});
    succeed("encrypt m.client --secret-key me.key --input x.npy -o x.ct");
    expect_predicted("digits", "1");
    expect_predicted("digits", "2");
    folder_remove();
}
