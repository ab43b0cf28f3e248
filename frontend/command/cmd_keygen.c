/* torc keygen: the client's pair of keys. */
#include "frontend/command/command.h"
#include "frontend/command/files.h"
#include "frontend/command/output.h"
#include "frontend/command/secrets.h"
#include "runtime/clock.h"
#include "runtime/rng.h"
#include "runtime/spec_names.h"
#include "runtime/status.h"

#include <stdio.h>
#include <sys/stat.h>

/* Before any long work: an existing key is never lost. The save itself is exclusive again. */
static torc_status check_secret_path(torc_ctx *ctx, const options *o)
{
    struct stat info;
    if (!o->force && lstat(o->secret_key, &info) == 0) {
        return torc_fail(
            ctx, TORC_E_IO,
            "%s: exists; a secret key is never overwritten: choose another name, or give "
            "--force to lose the old one",
            o->secret_key);
    }
    return TORC_OK;
}

static torc_status save(torc_ctx *ctx, const options *o, stage *files, const char *evaluation_path,
                        const torc_secret_key *secret, const torc_evaluation_keys *evaluation,
                        const char *passphrase)
{
    TORC_TRY(torc_evk_save(ctx, evaluation, evaluation_path));
    TORC_TRY(torc_secret_key_save(ctx, secret, o->secret_key, passphrase, o->force));
    return stage_commit(ctx, files);
}

static void show(const options *o, const torc_secret_key *secret, const torc_spec *spec,
                 double seconds)
{
    char key_id[2 * TORC_KEY_ID_BYTES + 1];
    for (size_t i = 0; i < TORC_KEY_ID_BYTES; i++) {
        snprintf(key_id + 2 * i, 3, "%02x", torc_secret_key_id(secret)[i]);
    }
    struct stat info = {0};
    const bool known = stat(o->evaluation_keys, &info) == 0;
    const uint64_t bytes = known ? (uint64_t)info.st_size : 0;
    if (o->json) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddNumberToObject(object, "seconds", seconds);
        cJSON_AddStringToObject(object, "key_id", key_id);
        cJSON_AddNumberToObject(object, "evaluation_key_bytes", (double)bytes);
        cJSON_AddStringToObject(object, "profile", torc_profile_names[spec->profile]);
        print_json(object);
        return;
    }
    char size[32];
    char time[32];
    printf("keys %.16s made in %s: %s stays with you; give %s (%s) to the server\n", key_id,
           format_seconds(time, seconds), o->secret_key, o->evaluation_keys,
           format_bytes(size, bytes));
}

static torc_status make_keys(torc_ctx *ctx, const options *o, stage *files)
{
    torc_spec spec = {0};
    torc_secret_key *secret = NULL;
    torc_evaluation_keys *evaluation = NULL;
    char buffer[PASSPHRASE_BYTES] = "";
    const char *passphrase = NULL;
    torc_status s = TORC_OK;
    TORC_TRY(option_required(ctx, o->secret_key, "secret-key"));
    TORC_TRY(option_required(ctx, o->evaluation_keys, "evaluation-keys"));
    TORC_TRY(check_secret_path(ctx, o));
    const char *evaluation_path = stage_add(ctx, files, o->evaluation_keys, &s);
    TORC_TRY(s);
    TORC_TRY(torc_spec_load(ctx, &spec, o->subject));
    warn_if_virtual(&spec, o->subject);
    s = passphrase_for_new(ctx, &passphrase, buffer, o);
    const double begin = torc_seconds_now();
    if (s == TORC_OK) {
        s = torc_keygen(ctx, &secret, &evaluation, &spec, o->allow_log2_p_error);
    }
    const double seconds = torc_seconds_now() - begin;
    if (s == TORC_OK) {
        s = save(ctx, o, files, evaluation_path, secret, evaluation, passphrase);
    }
    torc_wipe(buffer, sizeof buffer);
    if (s == TORC_OK) {
        show(o, secret, &spec, seconds);
    }
    torc_secret_key_free(secret);
    torc_evk_free(evaluation);
    torc_spec_free(&spec);
    return s;
}

static torc_status run(torc_ctx *ctx, const options *o)
{
    stage files = {0};
    const torc_status s = make_keys(ctx, o, &files);
    stage_abort(&files);
    return s;
}

static const struct argp_option rows[] = {
    OPTION_SECRET,
    {"evaluation-keys", KEY_EVALUATION_KEYS, "FILE", 0,
     "The public keys that the server computes with", 1},
    {"passphrase", KEY_PASSPHRASE, NULL, 0, "Ask for a passphrase and seal the secret key with it",
     2},
    OPTION_PASSPHRASE_FILE,
    {"force", KEY_FORCE, NULL, 0, "Overwrite an existing secret key", 2},
    OPTION_ALLOW_P_ERROR,
    OPTION_JSON,
    {0},
};

const command command_keygen = {
    .name = "keygen",
    .summary = "make a secret key and the evaluation keys that belong to it",
    .arguments = "M.client",
    .doc =
        "Makes the keys of a client. The secret key (mode 0600) never leaves the client; the "
        "evaluation keys go to the server. One pair serves every circuit with the same parameters. "
        "Parameters weaker than 128 bits or than the profile claims are refused. M.client may also "
        "be a circuit.",
    .example = "Example:\n"
               "  torc keygen m.client --secret-key me.secret --evaluation-keys me.evk\n"
               "  torc keygen m.client --secret-key me.secret --evaluation-keys me.evk \\\n"
               "      --passphrase",
    .options = rows,
    .run = run,
};
