/* torc encrypt and torc decrypt: the client's two ends of a run. */
#include "frontend/command/command.h"
#include "frontend/command/files.h"
#include "frontend/command/output.h"
#include "frontend/command/secrets.h"
#include "runtime/clock.h"
#include "runtime/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct client {
    torc_spec spec;
    torc_secret_key *secret;
} client;

static torc_status client_open(torc_ctx *ctx, client *out, const options *o)
{
    *out = (client){0};
    TORC_TRY(torc_spec_load(ctx, &out->spec, o->subject));
    warn_if_virtual(&out->spec, o->subject);
    const torc_status s = secret_load(ctx, &out->secret, o);
    if (s != TORC_OK) {
        torc_spec_free(&out->spec);
    }
    return s;
}

static void client_close(client *c)
{
    torc_secret_key_free(c->secret);
    torc_spec_free(&c->spec);
}

static void show(const options *o, const char *what, size_t samples, double seconds,
                 uint64_t saturated)
{
    if (o->json) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddNumberToObject(object, "samples", (double)samples);
        cJSON_AddNumberToObject(object, "seconds", seconds);
        cJSON_AddNumberToObject(object, "saturated", (double)saturated);
        print_json(object);
        return;
    }
    char text[32];
    printf("%s %zu sample%s in %s\n", what, samples, samples == 1 ? "" : "s",
           format_seconds(text, seconds));
    if (saturated != 0) {
        say("%" PRIu64 " values outside the calibrated range were clipped", saturated);
    }
}

static torc_status encrypt(torc_ctx *ctx, const options *o, const client *c, stage *files,
                           const char *temporary)
{
    torc_tensor *inputs = NULL;
    torc_ciphertexts *ct = NULL;
    uint64_t saturated = 0;
    TORC_TRY(inputs_load(ctx, &inputs, &o->inputs, &c->spec, o->samples));
    const double begin = torc_seconds_now();
    torc_status s =
        torc_encrypt(ctx, &ct, &saturated, &c->spec, c->secret, inputs, o->allow_log2_p_error);
    const double seconds = torc_seconds_now() - begin;
    if (s == TORC_OK) {
        s = torc_ciphertexts_save(ctx, ct, temporary);
    }
    if (s == TORC_OK) {
        s = stage_commit(ctx, files);
    }
    if (s == TORC_OK) {
        show(o, "encrypted", ct->samples, seconds, saturated);
    }
    torc_ciphertexts_free(ct);
    arrays_free(inputs, c->spec.input_count);
    return s;
}

static torc_status run_encrypt(torc_ctx *ctx, const options *o)
{
    const char *path = NULL;
    stage files = {.direct = true};
    client c;
    torc_status s = TORC_OK;
    TORC_TRY(option_file(ctx, &path, &o->outputs, "output"));
    const char *temporary = stage_add(ctx, &files, path, &s);
    if (s == TORC_OK) {
        s = client_open(ctx, &c, o);
    }
    if (s == TORC_OK) {
        s = encrypt(ctx, o, &c, &files, temporary);
        client_close(&c);
    }
    stage_abort(&files);
    return s;
}

static torc_status decrypt(torc_ctx *ctx, const options *o, const client *c, stage *files)
{
    const char *path = NULL;
    const char **paths = NULL;
    torc_ciphertexts *ct = NULL;
    torc_tensor *outputs = NULL;
    double seconds = 0;
    TORC_TRY(option_file(ctx, &path, &o->inputs, "input"));
    torc_status s = outputs_stage(ctx, files, &paths, &o->outputs, &c->spec);
    if (s == TORC_OK) {
        s = torc_ciphertexts_load(ctx, &ct, path);
    }
    if (s == TORC_OK) {
        s = TORC_ALLOC(ctx, outputs, c->spec.output_count);
    }
    if (s == TORC_OK) {
        const double begin = torc_seconds_now();
        s = torc_decrypt(ctx, outputs, &c->spec, c->secret, ct);
        seconds = torc_seconds_now() - begin;
    }
    if (s == TORC_OK) {
        s = outputs_save(ctx, paths, outputs, &c->spec);
    }
    if (s == TORC_OK) {
        s = stage_commit(ctx, files);
    }
    if (s == TORC_OK) {
        show(o, "decrypted", ct->samples, seconds, 0);
    }
    free(paths);
    torc_ciphertexts_free(ct);
    arrays_free(outputs, c->spec.output_count);
    return s;
}

static torc_status run_decrypt(torc_ctx *ctx, const options *o)
{
    stage files = {0};
    client c;
    TORC_TRY(client_open(ctx, &c, o));
    const torc_status s = decrypt(ctx, o, &c, &files);
    stage_abort(&files);
    client_close(&c);
    return s;
}

static const struct argp_option encrypt_rows[] = {
    OPTION_SECRET,
    OPTION_INPUT("Samples to encrypt, the first axis counts them; repeat for several inputs"),
    OPTION_SAMPLES,
    OPTION_OUTPUT("X.ct"),
    OPTION_PASSPHRASE_FILE,
    OPTION_ALLOW_P_ERROR,
    OPTION_JSON,
    {0},
};

const command command_encrypt = {
    .name = "encrypt",
    .summary = "encrypt inputs for a circuit",
    .arguments = "M.client",
    .doc =
        "Quantises and encrypts a batch of samples. Integers outside the input's width, NaN and "
        "wrong "
        "shapes are refused; floats outside the calibrated range are clipped and counted. M.client "
        "may also be a circuit.",
    .example = "Example:\n"
               "  torc encrypt m.client --secret-key me.secret --input x.npy --output x.ct\n"
               "  torc encrypt m.client --secret-key me.secret \\\n"
               "      --input a=a.npy --input b=b.npy --output x.ct",
    .options = encrypt_rows,
    .run = run_encrypt,
};

static const struct argp_option decrypt_rows[] = {
    OPTION_SECRET,
    {"input", KEY_INPUT, "Y.ct", 0, "The result of `torc run'", 1},
    OPTION_OUTPUT("[NAME=]Y.npy"),
    OPTION_PASSPHRASE_FILE,
    OPTION_JSON,
    {0},
};

const command command_decrypt = {
    .name = "decrypt",
    .summary = "decrypt the result of a run into the model's own outputs",
    .arguments = "M.client",
    .doc =
        "Decrypts a batch of results and scales them, so that Y.npy holds the model's own outputs. "
        "Under profile private, do not show decrypted results to whoever runs the circuit: see "
        "README.md, Security.",
    .example = "Example:\n"
               "  torc decrypt m.client --secret-key me.secret --input y.ct --output y.npy",
    .options = decrypt_rows,
    .run = run_decrypt,
};
