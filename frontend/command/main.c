/* torc COMMAND ...: finds the subcommand, runs it, and turns its status into an exit code. */
#include "frontend/command/command.h"
#include "frontend/command/output.h"
#include "runtime/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const command *const commands[] = {
    &command_compile, &command_inspect,   &command_simulate, &command_keygen,
    &command_encrypt, &command_run,       &command_decrypt,  &command_verify,
    &command_devices, &command_calibrate, &command_version,  NULL,
};

static void print_help(FILE *out)
{
    fputs("Usage: torc COMMAND [OPTION...]\n"
          "Compile models into circuits on encrypted data, and run them.\n\n"
          "Commands, in the order in which they are used (torc COMMAND --help explains each):\n",
          out);
    for (size_t i = 0; commands[i] != NULL; i++) {
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    }
    fputs(
        "\nExample:\n"
        "  torc compile model.onnx --inputset calibration.npy -o m.torc --client-spec m.client\n"
        "  torc keygen m.client --secret-key me.secret --evaluation-keys me.evk\n"
        "  torc encrypt m.client --secret-key me.secret --input x.npy --output x.ct\n"
        "  torc run m.torc --evaluation-keys me.evk --input x.ct --output y.ct\n"
        "  torc decrypt m.client --secret-key me.secret --input y.ct --output y.npy\n\n"
        "keygen, encrypt and decrypt belong to the client, run to the server, which sees neither\n"
        "the secret key nor any value. Results go to standard output, messages to standard "
        "error.\n\n"
        "Exit status:\n",
        out);
#define X(code, exit_code, text) fprintf(out, "  %2d  %s\n", exit_code, text);
#include "runtime/status.def"
#undef X
}

static const command *find_command(const char *name)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

/* A result that did not reach stdout (a full disk behind it) is a failure. */
static torc_status flush_results(torc_ctx *ctx)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return torc_fail(ctx, TORC_E_IO, "standard output cannot be written: %s", strerror(errno));
    }
    return TORC_OK;
}

static int run(const command *which, int argc, char **argv)
{
    char name[32];
    snprintf(name, sizeof name, "torc %s", which->name);
    argv[0] = name;
    options o;
    options_parse(&o, which, argc, argv);
    torc_ctx *ctx = torc_ctx_create();
    if (ctx == NULL) {
        fprintf(stderr, "%s: out of memory\n", name);
        return torc_status_exit_code(TORC_E_MEMORY);
    }
    progress_attach(ctx);
    torc_status s = which->run(ctx, &o);
    progress_clear();
    if (s == TORC_OK) {
        s = flush_results(ctx);
    }
    if (s != TORC_OK) {
        const char *message = torc_ctx_message(ctx);
        fprintf(stderr, "%s: %s\n", name, message[0] == '\0' ? torc_status_text(s) : message);
    }
    torc_ctx_free(ctx);
    options_free(&o);
    return torc_status_exit_code(s);
}

int main(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "--help";
    if (strcmp(first, "--help") == 0 || strcmp(first, "-?") == 0 || strcmp(first, "help") == 0) {
        print_help(argc > 1 ? stdout : stderr);
        return argc > 1 ? 0 : torc_status_exit_code(TORC_E_ARGUMENT);
    }
    const command *which = find_command(strcmp(first, "--version") == 0 ? "version" : first);
    if (which == NULL) {
        fprintf(stderr, "torc: no command '%s', see torc --help\n", first);
        return torc_status_exit_code(TORC_E_ARGUMENT);
    }
    return run(which, argc - 1, argv + 1);
}
