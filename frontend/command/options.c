/* One argp parser for all subcommands: each option fills one member of the flat `options`. Which
 * options a subcommand accepts is its own table. */
#include "frontend/command/command.h"
#include "runtime/status.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct parse_state {
    options *options;
    const command *command;
} parse_state;

static uint64_t number(struct argp_state *state, const char *name, const char *text, uint64_t min,
                       uint64_t max)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || strchr(text, '-') != NULL || value < min ||
        value > max) {
        argp_error(state, "--%s: found '%s', expected a whole number from %llu to %llu", name, text,
                   (unsigned long long)min, (unsigned long long)max);
    }
    return value;
}

/* log2 of a probability written as 1e-9 or 2^-40. */
static double probability(struct argp_state *state, const char *name, const char *text)
{
    const bool is_power = strncmp(text, "2^", 2) == 0;
    const char *digits = is_power ? text + 2 : text;
    char *end = NULL;
    const double value = strtod(digits, &end);
    const double log2_value = is_power ? value : log2(value);
    if (end == digits || *end != '\0' || !isfinite(log2_value) || log2_value >= 0) {
        argp_error(state,
                   "--%s: found '%s', expected a probability between 0 and 1, as 1e-9 or 2^-40",
                   name, text);
    }
    return log2_value;
}

static const char *choice(struct argp_state *state, const char *name, const char *text,
                          const char *const *allowed)
{
    for (size_t i = 0; allowed[i] != NULL; i++) {
        if (strcmp(text, allowed[i]) == 0) {
            return allowed[i];
        }
    }
    char list[96] = "";
    for (size_t i = 0; allowed[i] != NULL; i++) {
        strncat(list, i == 0 ? "" : ", ", sizeof list - strlen(list) - 1);
        strncat(list, allowed[i], sizeof list - strlen(list) - 1);
    }
    argp_error(state, "--%s: found '%s', expected one of: %s", name, text, list);
    return NULL;
}

/* NAME=FILE; a '=' after a '/' belongs to the path. */
static void add_file(struct argp_state *state, file_list *list, const char *text)
{
    named_file *items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (items == NULL) {
        argp_failure(state, torc_status_exit_code(TORC_E_MEMORY), 0, "out of memory");
        return;
    }
    list->items = items;
    const size_t before = strcspn(text, "=/");
    const bool named = text[before] == '=';
    items[list->count++] = (named_file){
        .name = named ? text : NULL,
        .name_length = named ? before : 0,
        .path = named ? text + before + 1 : text,
    };
    if (items[list->count - 1].path[0] == '\0' || (named && before == 0)) {
        argp_error(state, "found '%s', expected FILE or NAME=FILE", text);
    }
}

static void set_text(struct argp_state *state, const char **member, const char *text,
                     const char *name)
{
    if (*member != NULL) {
        argp_error(state, "%s is given twice: '%s' and '%s'", name, *member, text);
    }
    *member = text;
}

static void check_complete(struct argp_state *state, const parse_state *p)
{
    if (p->command->arguments != NULL && p->options->subject == NULL) {
        argp_error(state, "%s is missing", p->command->arguments);
    }
}

static error_t parse_path(int key, char *arg, struct argp_state *state, options *o)
{
    switch (key) {
    case KEY_CLIENT_SPEC: set_text(state, &o->client_spec, arg, "--client-spec"); return 0;
    case KEY_EVALUATION_KEYS:
        set_text(state, &o->evaluation_keys, arg, "--evaluation-keys");
        return 0;
    case KEY_INPUT: add_file(state, &o->inputs, arg); return 0;
    case KEY_OUTPUT: add_file(state, &o->outputs, arg); return 0;
    case KEY_OUTPUT_NAME: set_text(state, &o->output_name, arg, "--output-name"); return 0;
    case KEY_PASSPHRASE_FILE:
        set_text(state, &o->passphrase_file, arg, "--passphrase-file");
        return 0;
    case KEY_SECRET_KEY: set_text(state, &o->secret_key, arg, "--secret-key"); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_value(int key, char *arg, struct argp_state *state, options *o)
{
    static const char *const formats[] = {"text", "json", "dot", NULL};
    static const char *const profiles[] = {"private", "shared", NULL};
    static const char *const targets[] = {"cpu", "cuda", NULL};
    switch (key) {
    case KEY_ALLOW_P_ERROR:
        o->allow_log2_p_error = probability(state, "allow-p-error", arg);
        return 0;
    case KEY_BITS: o->lookup_bits = (uint32_t)number(state, "bits", arg, 1, 16); return 0;
    case KEY_DEVICE: o->device = arg; return 0;
    case KEY_DUMP_AFTER: o->dump_after = arg; return 0;
    case KEY_FORMAT: o->format = choice(state, "format", arg, formats); return 0;
    case KEY_INPUT_BITS:
        o->input_bits = (uint32_t)number(state, "input-bits", arg, 1, 16);
        return 0;
    case KEY_MAX_KEY_MB: o->max_key_mb = number(state, "max-key-mb", arg, 1, 1000000); return 0;
    case KEY_OUTPUT_BITS:
        o->output_bits = (uint32_t)number(state, "output-bits", arg, 1, 16);
        return 0;
    case KEY_P_ERROR: o->log2_p_error = probability(state, "p-error", arg); return 0;
    case KEY_P_ERROR_LOOKUP:
        o->log2_p_error_lookup = probability(state, "p-error-lookup", arg);
        return 0;
    case KEY_PROFILE: o->profile = choice(state, "profile", arg, profiles); return 0;
    case KEY_SAMPLES: o->samples = number(state, "samples", arg, 1, UINT32_MAX); return 0;
    case KEY_SECONDS: o->seconds = (double)number(state, "seconds", arg, 1, 3600); return 0;
    case KEY_SEED: o->seed = number(state, "seed", arg, 0, UINT64_MAX); return 0;
    case KEY_SCHEDULE: o->schedule = arg; return 0;
    case KEY_TARGET: o->target = choice(state, "target", arg, targets); return 0;
    case KEY_THREADS: o->threads = (uint32_t)number(state, "threads", arg, 1, 1024); return 0;
    case KEY_WEIGHT_BITS:
        o->weight_bits = (uint32_t)number(state, "weight-bits", arg, 1, 16);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_flag(int key, options *o)
{
    switch (key) {
    case KEY_EXACT: o->exact = true; return 0;
    case KEY_FORCE: o->force = true; return 0;
    case KEY_JSON: o->json = true; return 0;
    case KEY_NOISE: o->noise = true; return 0;
    case KEY_PASSPHRASE: o->passphrase = true; return 0;
    case KEY_VIRTUAL: o->is_virtual = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    const parse_state *p = state->input;
    if (key == ARGP_KEY_ARG) {
        if (p->command->arguments == NULL) {
            argp_error(state, "found '%s', expected no argument", arg);
        }
        set_text(state, &p->options->subject, arg, p->command->arguments);
        return 0;
    }
    if (key == ARGP_KEY_END) {
        check_complete(state, p);
        return 0;
    }
    error_t result = parse_path(key, arg, state, p->options);
    if (result == ARGP_ERR_UNKNOWN) {
        result = parse_value(key, arg, state, p->options);
    }
    return result == ARGP_ERR_UNKNOWN ? parse_flag(key, p->options) : result;
}

void options_parse(options *out, const command *which, int argc, char **argv)
{
    *out = (options){.device = "auto", .format = "text", .target = "cpu"};
    char *doc = NULL;
    if (asprintf(&doc,
                 "%s\v%s\n\nExit status: 0 on success, otherwise the kind of failure; `torc "
                 "--help' lists them.",
                 which->doc, which->example) < 0) {
        exit(torc_status_exit_code(TORC_E_MEMORY));
    }
    parse_state state = {.options = out, .command = which};
    const struct argp argp = {
        .options = which->options, .parser = parse, .args_doc = which->arguments, .doc = doc};
    (void)setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
    argp_err_exit_status = torc_status_exit_code(TORC_E_ARGUMENT);
    argp_parse(&argp, argc, argv, 0, NULL, &state);
    free(doc);
}

void options_free(options *o)
{
    free(o->inputs.items);
    free(o->outputs.items);
}

torc_status option_file(torc_ctx *ctx, const char **out, const file_list *list, const char *name)
{
    *out = NULL;
    TORC_TRY(option_required(ctx, list->count == 0 ? NULL : "", name));
    if (list->count > 1 || list->items[0].name != NULL) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "--%s: expected one FILE, without a name", name);
    }
    *out = list->items[0].path;
    return TORC_OK;
}

torc_status option_required(torc_ctx *ctx, const char *value, const char *name)
{
    if (value == NULL) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "--%s is missing, see --help", name);
    }
    return TORC_OK;
}
