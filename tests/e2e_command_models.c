/* Models of several exporters through the command: compile, verify, and whole round trips. */
#include "runtime/json.h"
#include "tests/common/folder.h"
#include "tests/common/torc_command.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATA TORC_SOURCE_DIR "/tests/data/onnx/"

static command_result result;

static void succeeds(const char *format, ...) TORC_PRINTF(1, 2);
static void succeeds(const char *format, ...)
{
    char command[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    command_run(&result, TORC " %s", command);
    cr_assert_eq(result.exit_code, 0, "torc %s: exit %d: %s", command, result.exit_code,
                 result.err);
}

static cJSON *parsed(void)
{
    cJSON *object = NULL;
    cr_assert_eq(torc_json_parse(NULL, &object, result.out, strlen(result.out)), TORC_OK, "%s",
                 result.out);
    return object;
}

static double number(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItem(object, name);
    cr_assert(cJSON_IsNumber(member), "%s is missing", name);
    return member->valuedouble;
}

static torc_tensor load(const char *path)
{
    torc_tensor tensor = {0};
    cr_assert_eq(torc_npy_load(NULL, &tensor, path), TORC_OK, "%s", path);
    return tensor;
}

Test(command_models, encrypted_runs_are_those_that_were_predicted)
{
    static const char *const models[] = {"dyn18_relu", "ts13_sigmoid", "ts17_norm_leaky",
                                         "skl_iris", "dyn_linear"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        succeeds("compile " DATA "%s.onnx --inputset " DATA "%s.x.npy -o m.torc --json", models[i],
                 models[i]);
        cJSON *compiled = parsed();
        cr_expect(number(compiled, "seconds") > 0, "%s", models[i]);
        cr_expect(cJSON_HasObjectItem(cJSON_GetObjectItem(compiled, "stages"), "optimize"), "%s",
                  models[i]);
        cr_expect(number(compiled, "signal_to_noise_db") > 5, "%s", models[i]);
        cr_expect(number(compiled, "labels_equal") > 0.7, "%s", models[i]);
        cr_expect(number(compiled, "log2_p_error_circuit") <= -40, "%s", models[i]);
        cJSON_Delete(compiled);
        succeeds("verify m.torc --input " DATA "%s.x.npy --samples 1 --json", models[i]);
        cJSON *verified = parsed();
        cr_expect(number(verified, "mismatches") == 0, "%s: %s", models[i], result.out);
        cJSON_Delete(verified);
    }
}

/* Lookups of 5 bits: on a GPU grouped key bits pay. */
Test(command_models, a_circuit_for_the_gpu_says_so)
{
    static const char *const targets[] = {"cpu", "cuda"};
    for (int t = 0; t < 2; t++) {
        succeeds("compile " DATA "dyn18_relu.onnx --inputset " DATA
                 "dyn18_relu.x.npy -o m.torc --target %s",
                 targets[t]);
        succeeds("inspect m.torc --json");
        cJSON *object = parsed();
        const cJSON *parameters = cJSON_GetObjectItem(object, "parameters");
        cr_expect_str_eq(cJSON_GetObjectItem(object, "target")->valuestring, targets[t]);
        cr_expect(t == 0 || number(parameters, "grouping") >= 2, "%s", result.out);
        cr_expect(number(object, "log2_p_error_circuit") <= -40, "%s", targets[t]);
        const cJSON *gpu = cJSON_GetObjectItem(object, "predicted_gpu");
        cr_expect_eq(gpu != NULL, t == 1);
        cr_expect(t == 0 || (number(gpu, "seconds") > number(gpu, "seconds_batched") &&
                             number(gpu, "seconds_batched") > 0));
        cJSON_Delete(object);
        succeeds("inspect m.torc");
        cr_expect_eq(strstr(result.out, "NVIDIA H200") != NULL, t == 1, "%s", result.out);
        cr_expect(strstr(result.out, t == 0 ? "parameters for the CPU" : "parameters for the GPU"),
                  "%s", result.out);
    }
}

/* Without lookups a circuit is exact: nothing random is left in the results. */
Test(command_models, a_linear_model_decrypts_to_what_is_simulated)
{
    succeeds("compile " DATA "dyn_linear.onnx --inputset " DATA
             "dyn_linear.x.npy -o m.torc --client-spec m.client --exact");
    succeeds("keygen m.client --secret-key me.secret --evaluation-keys me.evk");
    succeeds("encrypt m.client --secret-key me.secret --input " DATA
             "dyn_linear.x.npy --output x.ct");
    succeeds("run m.torc --evaluation-keys me.evk --input x.ct --output y.ct");
    succeeds("decrypt m.client --secret-key me.secret --input y.ct --output y.npy");
    succeeds("simulate m.torc --input " DATA "dyn_linear.x.npy --output s.npy");
    torc_tensor y = load(folder_path("y.npy"));
    torc_tensor s = load(folder_path("s.npy"));
    cr_assert_eq(torc_tensor_count(&y), torc_tensor_count(&s));
    cr_expect_eq(memcmp(y.data, s.data, torc_tensor_count(&y) * sizeof *y.f64), 0);
    torc_tensor_free(&y);
    torc_tensor_free(&s);
}

Test(command_models, nine_bit_lookups_are_virtual_only)
{
    succeeds("compile " DATA "dyn18_relu.onnx --inputset " DATA
             "dyn18_relu.x.npy -o v.torc --bits 9 --virtual");
    succeeds("simulate v.torc --input " DATA "dyn18_relu.x.npy --output v.npy");
    cr_expect(strstr(result.err, "protects nothing") != NULL);
    torc_tensor v = load(folder_path("v.npy"));
    torc_tensor y = load(DATA "dyn18_relu.y.npy");
    double error = 0;
    double power = 0;
    for (size_t i = 0; i < torc_tensor_count(&y); i++) {
        error += (v.f64[i] - y.f64[i]) * (v.f64[i] - y.f64[i]);
        power += y.f64[i] * y.f64[i];
    }
    cr_expect(error < 0.1 * power, "error %g of %g", error, power);
    torc_tensor_free(&v);
    torc_tensor_free(&y);
}

/* 2^-10 is weaker than any profile allows: the client has to say that it accepts it. */
Test(command_models, a_weak_failure_probability_must_be_accepted)
{
    const char *keygen = TORC " keygen m.torc --secret-key me.secret --evaluation-keys me.evk";
    succeeds("compile " DATA "skl_iris.onnx --inputset " DATA "skl_iris.x.npy -o m.torc "
             "--p-error 2^-10 --json");
    cJSON *compiled = parsed();
    cr_expect_str_eq(cJSON_GetObjectItem(compiled, "profile")->valuestring, "custom");
    cr_expect(number(compiled, "log2_p_error_circuit") <= -10);
    cr_expect(number(compiled, "log2_p_error_circuit") > -40);
    cJSON_Delete(compiled);
    command_run(&result, "%s", keygen);
    cr_expect_eq(result.exit_code, 9);
    cr_expect(strstr(result.err, "--allow-p-error") != NULL, "%s", result.err);
    command_run(&result, "%s --allow-p-error 2^-60", keygen);
    cr_expect_eq(result.exit_code, 9);
    command_run(&result, "%s --allow-p-error 1e-3", keygen);
    cr_expect_eq(result.exit_code, 0, "%s", result.err);
}

Test(command_models, compiling_twice_gives_identical_files)
{
    for (int i = 0; i < 2; i++) {
        succeeds("compile " DATA "dyn18_relu.onnx --inputset " DATA
                 "dyn18_relu.x.npy -o m%d.torc --client-spec m%d.client",
                 i, i);
    }
    command_run(&result, "sh -c 'cmp m0.torc m1.torc && cmp m0.client m1.client'");
    cr_expect_eq(result.exit_code, 0, "%s%s", result.out, result.err);
}
