/* What users get wrong: each mistake gives one line that says where, what and the way out, the exit
 * code of its kind, and leaves no file behind or changed. */
#include "runtime/torc_client.h"
#include "tests/common/folder.h"
#include "tests/common/sample_circuit.h"
#include "tests/common/torc_command.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS TORC_SOURCE_DIR "/models/digits_mlp/"

typedef struct mistake {
    const char *arguments;
    int exit_code;
    const char *words; /* in the message */
} mistake;

static command_result result;

static void succeeds(const char *command)
{
    command_run(&result, "%s", command);
    cr_assert_eq(result.exit_code, 0, "%s: exit %d: %s", command, result.exit_code, result.err);
}

static size_t line_count(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}

static void check_mistake(const mistake *m)
{
    char before[1 << 14];
    char after[1 << 14];
    command_folder_state(before, sizeof before);
    command_run(&result, "%s", m->arguments);
    cr_expect_eq(result.exit_code, m->exit_code, "%s: exit %d, expected %d: %s", m->arguments,
                 result.exit_code, m->exit_code, result.err);
    cr_expect(strstr(result.err, m->words) != NULL, "%s: no '%s' in: %s", m->arguments, m->words,
              result.err);
    cr_expect_eq(line_count(result.err), 1, "%s: one line: %s", m->arguments, result.err);
    cr_expect_str_eq(result.out, "", "%s: nothing on stdout: %s", m->arguments, result.out);
    command_folder_state(after, sizeof after);
    cr_expect_str_eq(after, before, "%s: the folder changed", m->arguments);
}

static void check_mistakes(const mistake *mistakes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_mistake(&mistakes[i]);
    }
}
#define CHECK_MISTAKES(table) check_mistakes(table, sizeof(table) / sizeof *(table))

static void save_circuit(torc_circuit *circuit, const char *circuit_name, const char *client_name)
{
    cr_assert_eq(torc_circuit_identify(NULL, circuit), TORC_OK);
    cr_assert_eq(torc_circuit_save(NULL, circuit, folder_path(circuit_name)), TORC_OK);
    cr_assert_eq(torc_spec_save(NULL, &circuit->spec, folder_path(client_name)), TORC_OK);
    torc_circuit_free(circuit);
}

/* m.*: the sample circuit with keys and ciphertexts; other.torc: another table, the same keys;
 * strong.*: other parameters, keys of its own. */
static void prepare(void)
{
    torc_circuit *other = sample_circuit();
    torc_circuit *strong = sample_circuit();
    other->program.tables[0].entry[0] += (uint64_t)1 << 60;
    strong->spec.params.lwe_dim += 10;
    save_circuit(sample_circuit(), "m.torc", "m.client");
    save_circuit(other, "other.torc", "other.client");
    save_circuit(strong, "strong.torc", "strong.client");
    command_save_i64("x.npy", (int64_t[]){1, 2}, 2, (size_t[]){1, 2});
    command_save_i64("c.npy", (int64_t[]){1}, 1, (size_t[]){1});
    succeeds(TORC " keygen m.client --secret-key me.secret --evaluation-keys me.evk");
    succeeds(TORC " keygen strong.client --secret-key strong.secret --evaluation-keys strong.evk");
    succeeds(TORC " encrypt m.client --secret-key me.secret --input x=x.npy --input c=c.npy "
                  "--output x.ct");
    succeeds(TORC " run m.torc --evaluation-keys me.evk --input x.ct --output y.ct");
}

#define ENCRYPT TORC " encrypt m.client --secret-key me.secret --output new.ct "
#define RUN     TORC " run m.torc --evaluation-keys me.evk "
#define DECRYPT TORC " decrypt m.client --secret-key me.secret --input y.ct "

Test(command_errors, objects_that_do_not_belong_together)
{
    static const mistake mistakes[] = {
        {TORC " inspect m.client", 4, "m.client"},
        {TORC " inspect x.npy", 4, "x.npy"},
        {TORC " keygen me.evk --secret-key new.secret --evaluation-keys new.evk", 4, "me.evk"},
        {TORC " run m.torc --evaluation-keys me.secret --input x.ct --output new.ct", 4,
         "me.secret"},
        {TORC " run m.torc --evaluation-keys strong.evk --input x.ct --output new.ct", 5, "param"},
        {TORC " run other.torc --evaluation-keys me.evk --input x.ct --output new.ct", 5,
         "circuit"},
        {RUN "--input y.ct --output new.ct", 5, "result"},
        {RUN "--input me.secret --output new.ct", 4, "me.secret"},
        {TORC
         " encrypt m.client --secret-key strong.secret --input x=x.npy --input c=c.npy --output "
         "new.ct",
         5, "param"},
        {TORC
         " decrypt m.client --secret-key strong.secret --input y.ct --output y=new.npy --output "
         "echo=echo.npy",
         5, "key"},
        {TORC
         " decrypt other.client --secret-key me.secret --input y.ct --output y=new.npy --output "
         "echo=echo.npy",
         5, "circuit"},
        {TORC " decrypt m.client --secret-key me.secret --input x.ct --output y=new.npy --output "
              "echo=echo.npy",
         5, "result"},
    };
    prepare();
    CHECK_MISTAKES(mistakes);
}

Test(command_errors, inputs_of_the_wrong_shape_type_or_range)
{
    static const mistake mistakes[] = {
        {ENCRYPT "--input x=wide.npy --input c=c.npy", 3, "x"},
        {ENCRYPT "--input x=large.npy --input c=c.npy", 3, "8"},
        {ENCRYPT "--input x=negative.npy --input c=c.npy", 3, "-1"},
        {ENCRYPT "--input x=float.npy --input c=c.npy", 3, "x"},
        {ENCRYPT "--input x=x.npy --input c=two.npy", 3, "sample"},
        {ENCRYPT "--input x=m.torc --input c=c.npy", 4, "m.torc"},
        {ENCRYPT "--input x=none.npy --input c=c.npy", 10, "none.npy"},
        {ENCRYPT "--input x=x.npy", 2, "'c'"},
        {ENCRYPT "--input x.npy", 2, "NAME=FILE"},
        {ENCRYPT "--input x=x.npy --input x=x.npy --input c=c.npy", 2, "twice"},
        {ENCRYPT "--input x=x.npy --input c=c.npy --input z=c.npy", 2, "z"},
        {ENCRYPT "--input x=x.npy --input c=c.npy --samples 2", 3, "2 asked for"},
        {TORC " simulate m.torc --input x=wide.npy --input c=c.npy --output y=a.npy --output "
              "echo=b.npy",
         3, "x"},
    };
    prepare();
    command_save_i64("wide.npy", (int64_t[]){1, 2, 3}, 2, (size_t[]){1, 3});
    command_save_i64("large.npy", (int64_t[]){1, 8}, 2, (size_t[]){1, 2});
    command_save_i64("negative.npy", (int64_t[]){-1, 1}, 2, (size_t[]){1, 2});
    command_save_f64("float.npy", (double[]){0.5, 1}, 2, (size_t[]){1, 2});
    command_save_i64("two.npy", (int64_t[]){1, 2}, 1, (size_t[]){2});
    CHECK_MISTAKES(mistakes);
}

Test(command_errors, outputs_that_cannot_or_must_not_be_written)
{
    static const mistake mistakes[] = {
        {TORC " keygen m.client --secret-key me.secret --evaluation-keys new.evk", 10, "--force"},
        {TORC " keygen m.client --secret-key new.secret --evaluation-keys me.secret", 9,
         "secret key"},
        {TORC " keygen m.client --secret-key none/a --evaluation-keys new.evk", 10, "none/"},
        {RUN "--input x.ct --output none/y.ct", 10, "none"},
        {RUN "--input x.ct --output me.secret", 9, "never overwritten"},
        {RUN "--input x.ct --output .", 10, "not a regular file"},
        {RUN "--input x.ct --output /dev/null", 10, "not a regular file"},
        {DECRYPT "--output y=new.npy --output echo=new.npy", 2, "two outputs"},
        {DECRYPT "--output y=new.npy --output echo=me.secret", 9, "never overwritten"},
        {DECRYPT "--output y=new.npy --output echo=none/echo.npy", 10, "none"},
        {DECRYPT "--output y=new.npy", 2, "'echo'"},
    };
    prepare();
    CHECK_MISTAKES(mistakes);
}

/* A limit on file sizes stands for a full disk: writing stops half-way. */
Test(command_errors, a_disk_that_fills_up_leaves_nothing_behind)
{
#define LIMITED "sh -c 'trap \"\" XFSZ; ulimit -f 1; exec " TORC
    static const mistake mistakes[] = {
        {LIMITED " keygen m.client --secret-key new.secret --evaluation-keys new.evk'", 10,
         "new.evk"},
        {LIMITED " run m.torc --evaluation-keys me.evk --input x.ct --output new.ct'", 10,
         "new.ct"},
        {LIMITED
         " encrypt m.client --secret-key me.secret --input x=x.npy --input c=c.npy --output "
         "new.ct'",
         10, "new.ct"},
    };
    prepare();
    CHECK_MISTAKES(mistakes);
}

static void damage(const char *name, const char *how, long at)
{
    char before[512];
    char after[512];
    snprintf(before, sizeof before, "%s", folder_path(name));
    snprintf(after, sizeof after, "%s", folder_path("bad"));
    FILE *in = fopen(before, "rb");
    FILE *out = fopen(after, "wb");
    cr_assert(in != NULL && out != NULL);
    fseek(in, 0, SEEK_END);
    const long size = ftell(in);
    rewind(in);
    const long place = at >= 0 ? at : size + at;
    const long kept = how[0] == 't' ? place : size;
    for (long i = 0; i < kept; i++) {
        const int byte = fgetc(in);
        fputc(how[0] == 'f' && i == place ? byte ^ 1 : byte, out);
    }
    if (how[0] == 'a') {
        fputc(0, out);
    }
    fclose(in);
    fclose(out);
}

Test(command_errors, damaged_files_of_every_kind_are_found)
{
    static const struct {
        const char *name;
        const char *command;
    } kinds[] = {
        {"m.torc", TORC " run bad --evaluation-keys me.evk --input x.ct --output new.ct"},
        {"m.torc", TORC " inspect bad"},
        {"m.client", TORC " keygen bad --secret-key new.secret --evaluation-keys new.evk"},
        {"me.secret", TORC " encrypt m.client --secret-key bad --input x=x.npy --input c=c.npy "
                           "--output new.ct"},
        {"me.evk", TORC " run m.torc --evaluation-keys bad --input x.ct --output new.ct"},
        {"x.ct", TORC " run m.torc --evaluation-keys me.evk --input bad --output new.ct"},
        {"y.ct", TORC " decrypt m.client --secret-key me.secret --input bad --output y=new.npy "
                      "--output echo=echo.npy"},
    };
    static const struct {
        const char *how; /* truncated, appended, flipped */
        long at;         /* from the end when negative */
    } damages[] = {{"t", 4}, {"t", -1}, {"a", 0}, {"f", 0}, {"f", 20}, {"f", 200}, {"f", -1}};
    prepare();
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        for (size_t d = 0; d < sizeof damages / sizeof *damages; d++) {
            damage(kinds[k].name, damages[d].how, damages[d].at);
            check_mistake(&(mistake){kinds[k].command, 4, "bad"});
        }
    }
}

Test(command_errors, models_and_inputsets_that_cannot_be_compiled)
{
#define COMPILE     TORC " compile " DIGITS "digits_mlp.onnx -o new.torc --client-spec new.client "
#define UNSUPPORTED "/usr/share/libonnx-testdata/data/node/test_det_2d/model.onnx"
    static const mistake mistakes[] = {
        {COMPILE "--inputset nan.npy", 3, "NaN"},
        {COMPILE "--inputset empty.npy", 3, "at least 1"},
        {COMPILE "--inputset wide.npy", 3, "image"},
        {COMPILE "--inputset none.npy", 10, "none.npy"},
        {COMPILE "--inputset " DIGITS "inputset.npy --bits 9", 2, "1 to 8"},
        {COMPILE "--inputset " DIGITS "inputset.npy --profile shared", 9, "--exact"},
        {COMPILE "--inputset " DIGITS "inputset.npy --dump-after all", 2, "lower"},
        {COMPILE "--inputset " DIGITS "inputset.npy --p-error 1e-9 --profile private", 2,
         "exclude"},
        {COMPILE "--inputset " DIGITS "inputset.npy --output-name nothing", 2, "logits"},
        {TORC " compile " UNSUPPORTED " --inputset nan.npy -o new.torc", 6, "Det"},
        {TORC " compile nan.npy --inputset nan.npy -o new.torc", 4, "nan.npy"},
        {TORC " compile none.onnx --inputset nan.npy -o new.torc", 10, "none.onnx"},
        {TORC " compile " DIGITS "digits_mlp.onnx --inputset nan.npy -o none/new.torc", 10, "none"},
    };
    double values[128] = {0};
    command_save_f64("empty.npy", values, 2, (size_t[]){0, 64});
    command_save_f64("wide.npy", values, 2, (size_t[]){1, 65});
    values[70] = NAN;
    command_save_f64("nan.npy", values, 2, (size_t[]){2, 64});
    CHECK_MISTAKES(mistakes);
}
