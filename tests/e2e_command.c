/* The command as its users type it: keys, encryption, a run and decryption of a small circuit. */
#include "frontend/torc_compile.h"
#include "runtime/json.h"
#include "tests/common/folder.h"
#include "tests/common/sample_circuit.h"
#include "tests/common/torc_command.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAMPLES 3

static const int64_t x[SAMPLES][2] = {{1, 2}, {0, 3}, {2, 2}};
static const int64_t c[SAMPLES] = {0, 1, -1};

static command_result result;

static void save_circuit(torc_circuit *circuit, const char *name)
{
    torc_ctx *ctx = torc_ctx_create();
    cr_assert(torc_circuit_save(ctx, circuit, folder_path(name)) == TORC_OK, "%s",
              torc_ctx_message(ctx));
    torc_circuit_free(circuit);
    torc_ctx_free(ctx);
}

static void save_spec(const char *name)
{
    torc_circuit *circuit = sample_circuit();
    torc_ctx *ctx = torc_ctx_create();
    cr_assert(torc_spec_save(ctx, &circuit->spec, folder_path(name)) == TORC_OK, "%s",
              torc_ctx_message(ctx));
    torc_circuit_free(circuit);
    torc_ctx_free(ctx);
}

static void save_inputs(void)
{
    command_save_i64("x.npy", &x[0][0], 2, (size_t[]){SAMPLES, 2});
    command_save_i64("c.npy", c, 1, (size_t[]){SAMPLES});
}

static void succeeds(const char *arguments)
{
    command_run(&result, TORC " %s", arguments);
    cr_assert_eq(result.exit_code, 0, "torc %s: exit %d: %s", arguments, result.exit_code,
                 result.err);
}

/* Fails with this code and says this, in one line. */
static void fails(const char *arguments, int exit_code, const char *words)
{
    command_run(&result, TORC " %s", arguments);
    cr_expect_eq(result.exit_code, exit_code, "torc %s: exit %d, expected %d: %s", arguments,
                 result.exit_code, exit_code, result.err);
    cr_expect(strstr(result.err, words) != NULL, "torc %s: no '%s' in: %s", arguments, words,
              result.err);
}

static cJSON *json_of(const char *arguments)
{
    cJSON *object = NULL;
    succeeds(arguments);
    const char *end = strchr(result.out, '\n');
    cr_assert(end != NULL && end[1] == '\0', "one line of JSON: %s", result.out);
    cr_assert_eq(torc_json_parse(NULL, &object, result.out, strlen(result.out)), TORC_OK, "%s",
                 result.out);
    return object;
}

static torc_tensor load(const char *name)
{
    torc_tensor tensor = {0};
    cr_assert_eq(torc_npy_load(NULL, &tensor, folder_path(name)), TORC_OK, "%s", name);
    return tensor;
}

static void check_answers(const char *y_name, const char *echo_name)
{
    torc_tensor y = load(y_name);
    torc_tensor echo = load(echo_name);
    uint64_t outside = 0;
    cr_assert_eq(torc_tensor_count(&y), SAMPLES);
    for (size_t s = 0; s < SAMPLES; s++) {
        cr_expect_eq(y.i64[s], sample_circuit_answer(x[s][0], x[s][1], c[s], &outside),
                     "%s, sample %zu", y_name, s);
        cr_expect_eq(echo.i64[s], c[s], "%s, sample %zu", echo_name, s);
    }
    torc_tensor_free(&y);
    torc_tensor_free(&echo);
}

Test(command, inputs_become_the_answers_that_simulation_gives)
{
    save_circuit(sample_circuit(), "m.torc");
    save_spec("m.client");
    save_inputs();
    succeeds("keygen m.client --secret-key me.secret --evaluation-keys me.evk");
    succeeds(
        "encrypt m.client --secret-key me.secret --input c=c.npy --input x=x.npy --output x.ct");
    cJSON *run = json_of("run m.torc --evaluation-keys me.evk --input x.ct --output y.ct --json");
    cr_expect_eq(cJSON_GetObjectItem(run, "lookups")->valueint, 2 * SAMPLES);
    cr_expect_eq(cJSON_GetObjectItem(run, "samples")->valueint, SAMPLES);
    cr_expect(cJSON_GetObjectItem(run, "seconds")->valuedouble > 0);
    cJSON_Delete(run);
    succeeds("decrypt m.client --secret-key me.secret --input y.ct --output y=y.npy "
             "--output echo=echo.npy");
    check_answers("y.npy", "echo.npy");
    succeeds(
        "simulate m.torc --input x=x.npy --input c=c.npy --output y=ys.npy --output echo=es.npy");
    check_answers("ys.npy", "es.npy");
    struct stat info;
    cr_assert_eq(stat(folder_path("me.secret"), &info), 0);
    cr_expect_eq(info.st_mode & 0777, 0600);
}

Test(command, verify_finds_no_mismatch_in_an_exact_circuit)
{
    save_circuit(sample_circuit(), "m.torc");
    save_inputs();
    cJSON *verify = json_of("verify m.torc --input x=x.npy --input c=c.npy --samples 2 --json");
    cr_expect_eq(cJSON_GetObjectItem(verify, "mismatches")->valueint, 0);
    cr_expect_eq(cJSON_GetObjectItem(verify, "labels_differ")->valueint, 0);
    cr_expect_eq(cJSON_GetObjectItem(verify, "samples")->valueint, 2);
    cr_expect_eq(cJSON_GetObjectItem(verify, "lookups")->valueint, 4);
    cJSON_Delete(verify);
    fails("verify m.torc --input x=x.npy --input c=c.npy --samples 4", 3, "4 asked for");
}

Test(command, inspect_tells_every_promised_member)
{
    static const char *const members[] = {
        "contract",      "maximum_integer_bit_width",
        "lookups",       "parameters",
        "security_bits", "log2_p_error_lookup",
        "predicted",     "log2_p_error_circuit",
        "inputs",        "outputs",
        "graph",         "levels",
    };
    static const char *const parameters[] = {
        "lwe_dim",      "glwe_dim",        "poly_size",      "extended_log2",  "grouping",
        "base_log",     "level_count",     "ks_base_log",    "ks_level_count", "lookup_bits",
        "norm_sq_log2", "glwe_noise_log2", "lwe_noise_log2",
    };
    static const char *const predicted[] = {
        "seconds",
        "seconds_batched",
        "memory_bytes",
        "evaluation_key_bytes",
        "ciphertext_bytes_in",
        "ciphertext_bytes_out",
    };
    save_circuit(sample_circuit(), "m.torc");
    cJSON *object = json_of("inspect m.torc --json");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        cr_expect(cJSON_HasObjectItem(object, members[i]), "%s", members[i]);
    }
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        cr_expect(cJSON_IsNumber(cJSON_GetObjectItem(cJSON_GetObjectItem(object, "parameters"),
                                                     parameters[i])),
                  "parameters.%s", parameters[i]);
    }
    for (size_t i = 0; i < sizeof predicted / sizeof *predicted; i++) {
        const cJSON *value =
            cJSON_GetObjectItem(cJSON_GetObjectItem(object, "predicted"), predicted[i]);
        cr_expect(cJSON_IsNumber(value) && value->valuedouble > 0, "predicted.%s", predicted[i]);
    }
    cr_expect_eq(cJSON_GetObjectItem(object, "maximum_integer_bit_width")->valueint, 4);
    cr_expect_eq(cJSON_GetObjectItem(object, "lookups")->valueint, 2);
    cJSON_Delete(object);
    cJSON *same = json_of("inspect m.torc --format json");
    cJSON_Delete(same);
}

Test(command, inspect_draws_the_graph)
{
    save_circuit(sample_circuit(), "m.torc");
    succeeds("inspect m.torc --format dot");
    cr_expect_str_eq(result.out, "digraph circuit {\n"
                                 "  node [shape=box, fontname=\"monospace\"];\n"
                                 "  n0 [label=\"x\"];\n"
                                 "  result [shape=ellipse];\n"
                                 "  n0 -> result;\n"
                                 "}\n");
}

Test(command, a_virtual_circuit_says_so_and_is_never_encrypted)
{
    save_circuit(sample_virtual_circuit(), "v.torc");
    save_circuit(sample_circuit(), "m.torc");
    save_inputs();
    succeeds("inspect v.torc");
    cr_expect(strstr(result.err, "protects nothing") != NULL, "%s", result.err);
    succeeds(
        "simulate v.torc --input x=x.npy --input c=c.npy --output y=y.npy --output echo=e.npy");
    cr_expect(strstr(result.err, "protects nothing") != NULL, "%s", result.err);
    fails("keygen v.torc --secret-key v.secret --evaluation-keys v.evk", 9, "protects nothing");
    succeeds("keygen m.torc --secret-key me.secret --evaluation-keys me.evk");
    fails("encrypt v.torc --secret-key me.secret --input x=x.npy --input c=c.npy --output v.ct", 9,
          "protects nothing");
    succeeds("encrypt m.torc --secret-key me.secret --input x=x.npy --input c=c.npy --output x.ct");
    fails("run v.torc --evaluation-keys me.evk --input x.ct --output y.ct", 9, "protects nothing");
    fails("verify v.torc --input x=x.npy --input c=c.npy", 9, "protects nothing");
    cr_expect_neq(access(folder_path("v.secret"), F_OK), 0);
    cr_expect_neq(access(folder_path("v.ct"), F_OK), 0);
    cr_expect_neq(access(folder_path("y.ct"), F_OK), 0);
}

Test(command, a_passphrase_seals_the_secret_key)
{
    save_circuit(sample_circuit(), "m.torc");
    save_inputs();
    command_run(&result, "sh -c 'echo correct horse >good; echo wrong horse >bad; : >empty'");
    fails("keygen m.torc --secret-key me.secret --evaluation-keys me.evk --passphrase-file empty",
          3, "passphrase");
    fails("keygen m.torc --secret-key me.secret --evaluation-keys me.evk --passphrase", 2,
          "--passphrase-file");
    cr_expect_neq(access(folder_path("me.evk"), F_OK), 0,
                  "no evaluation keys without a secret key");
    succeeds(
        "keygen m.torc --secret-key me.secret --evaluation-keys me.evk --passphrase-file good");
    const char *encrypt = "encrypt m.torc --secret-key me.secret --input x=x.npy --input c=c.npy "
                          "--output x.ct";
    char arguments[256];
    fails(encrypt, 2, "--passphrase-file");
    snprintf(arguments, sizeof arguments, "%s --passphrase-file bad", encrypt);
    fails(arguments, 9, "passphrase is wrong");
    cr_expect_neq(access(folder_path("x.ct"), F_OK), 0);
    snprintf(arguments, sizeof arguments, "%s --passphrase-file good", encrypt);
    succeeds(arguments);
}

Test(command, calibrate_tells_the_constants_of_the_cpu)
{
    cJSON *object = json_of("calibrate --device cpu --json");
    const cJSON *cpu = cJSON_GetObjectItem(object, "cpu");
    cr_expect(cJSON_GetObjectItem(cpu, "fft_ns_per_butterfly")->valuedouble > 0);
    cr_expect(cJSON_GetObjectItem(cpu, "keyswitch_ns_per_mac")->valuedouble > 0);
    cr_expect_null(cJSON_GetObjectItem(object, "gpu"));
    cJSON_Delete(object);
    succeeds("calibrate --device cpu --threads 1");
    cr_expect(strstr(result.out, "CPU, 1 threads") != NULL, "%s", result.out);
    fails("calibrate --device cuda:999", 13, "cuda");
    fails("calibrate --device abacus", 2, "abacus");
}

Test(command, every_page_of_help_has_an_example)
{
    static const char *const names[] = {"compile", "inspect", "simulate", "keygen", "encrypt",
                                        "run",     "decrypt", "verify",   "version"};
    char arguments[64];
    succeeds("--help");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        succeeds("--help");
        cr_expect(strstr(result.out, names[i]) != NULL, "%s is listed", names[i]);
        snprintf(arguments, sizeof arguments, "%s --help", names[i]);
        succeeds(arguments);
        cr_expect(strstr(result.out, "Example:") != NULL, "%s: %s", names[i], result.out);
        cr_expect(strstr(result.out, "--json") != NULL, "%s", names[i]);
    }
    succeeds("version");
    cr_expect_str_eq(result.out, "torc " TORC_VERSION "\n");
}
