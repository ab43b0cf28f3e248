/* The torc command: one row a subcommand, one flat set of options for all of them.
 *
 * Results go to stdout, everything else to stderr. A subcommand is data (its options and texts)
 * plus one function; it never prints an error itself: it returns a status with a message on the
 * context. */
#ifndef TORC_COMMAND_H
#define TORC_COMMAND_H

#include "runtime/torc_base.h"

#include <argp.h>

/* --input NAME=FILE, or FILE alone where there is one only. */
typedef struct named_file {
    const char *name; /* NULL when none was given; not terminated: name_length */
    size_t name_length;
    const char *path;
} named_file;

typedef struct file_list {
    size_t count;
    named_file *items;
} file_list;

typedef struct options {
    const char *subject; /* the positional argument: a model, circuit or client specification */
    file_list inputs;    /* --input, --inputset */
    file_list outputs;   /* --output */
    const char *client_spec;
    const char *secret_key;
    const char *evaluation_keys;
    const char *passphrase_file;
    const char *output_name;
    const char *dump_after;
    const char *device;   /* as torc_server_open takes it */
    const char *format;   /* "text", "json" or "dot" */
    const char *profile;  /* "private" or "shared"; NULL: not given */
    const char *target;   /* "cpu" or "cuda" */
    const char *schedule; /* of a GPU, as torc calibrate writes it */
    bool json;
    bool force;
    bool passphrase; /* ask for one */
    bool exact;
    bool is_virtual;
    bool noise;
    uint32_t lookup_bits, input_bits, weight_bits, output_bits; /* 0: default */
    uint32_t threads;                                           /* 0: all cores */
    uint64_t seed;
    uint64_t max_key_mb; /* 0: default */
    size_t samples;
    double seconds;                                               /* 0: default */
    double log2_p_error, log2_p_error_lookup, allow_log2_p_error; /* 0: not given */
} options;

/* Keys of the options; those below 128 are also their one-letter form. */
enum option_key {
    KEY_OUTPUT = 'o',
    KEY_FIRST_LONG = 256,
    KEY_ALLOW_P_ERROR,
    KEY_BITS,
    KEY_CLIENT_SPEC,
    KEY_DEVICE,
    KEY_DUMP_AFTER,
    KEY_EVALUATION_KEYS,
    KEY_EXACT,
    KEY_FORCE,
    KEY_FORMAT,
    KEY_INPUT,
    KEY_INPUT_BITS,
    KEY_JSON,
    KEY_MAX_KEY_MB,
    KEY_NOISE,
    KEY_OUTPUT_BITS,
    KEY_OUTPUT_NAME,
    KEY_P_ERROR,
    KEY_P_ERROR_LOOKUP,
    KEY_PASSPHRASE,
    KEY_PASSPHRASE_FILE,
    KEY_PROFILE,
    KEY_SAMPLES,
    KEY_SCHEDULE,
    KEY_SECONDS,
    KEY_SECRET_KEY,
    KEY_SEED,
    KEY_TARGET,
    KEY_THREADS,
    KEY_VIRTUAL,
    KEY_WEIGHT_BITS,
};

/* Rows that several subcommands share. */
#define OPTION_JSON                                                              \
    {                                                                            \
        "json", KEY_JSON, NULL, 0, "Print one JSON object on standard output", 9 \
    }
#define OPTION_INPUT(text)                             \
    {                                                  \
        "input", KEY_INPUT, "[NAME=]X.npy", 0, text, 1 \
    }
#define OPTION_SAMPLES                                                              \
    {                                                                               \
        "samples", KEY_SAMPLES, "K", 0, "Use the first K samples (default: all)", 1 \
    }
#define OPTION_OUTPUT(file)                                       \
    {                                                             \
        "output", KEY_OUTPUT, file, 0, "Where the result goes", 1 \
    }
#define OPTION_SECRET                                                \
    {                                                                \
        "secret-key", KEY_SECRET_KEY, "FILE", 0, "The secret key", 1 \
    }
#define OPTION_PASSPHRASE_FILE                                                     \
    {                                                                              \
        "passphrase-file", KEY_PASSPHRASE_FILE, "FILE", 0,                         \
            "Read the passphrase of the secret key from the first line of FILE", 2 \
    }
#define OPTION_DEVICE                                                                       \
    {                                                                                       \
        "device", KEY_DEVICE, "NAME", 0,                                                    \
            "Where to run: cpu, cuda, cuda:N, cuda:N,M to share the batch, or auto, a GPU " \
            "where there is one (default: auto; torc devices lists them)",                  \
            3                                                                               \
    }
#define OPTION_THREADS                                                           \
    {                                                                            \
        "threads", KEY_THREADS, "T", 0, "Threads to use (default: all cores)", 3 \
    }
#define OPTION_ALLOW_P_ERROR                                                                       \
    {                                                                                              \
        "allow-p-error", KEY_ALLOW_P_ERROR, "E", 0,                                                \
            "Accept a circuit of profile custom whose claimed failure probability is at most E", 2 \
    }

typedef struct command {
    const char *name;
    const char *summary;   /* one line, for the list of commands */
    const char *arguments; /* "M.torc", or NULL when there is none */
    const char *doc;       /* what it does, before the options */
    const char *example;   /* after the options */
    const struct argp_option *options;
    torc_status (*run)(torc_ctx *ctx, const options *o);
} command;

extern const command command_calibrate;
extern const command command_compile;
extern const command command_decrypt;
extern const command command_devices;
extern const command command_encrypt;
extern const command command_inspect;
extern const command command_keygen;
extern const command command_run;
extern const command command_simulate;
extern const command command_verify;
extern const command command_version;

/* Exits with status 2 on a wrong command line, 0 after --help. argv[0] is "torc NAME". */
void options_parse(options *out, const command *which, int argc, char **argv);
void options_free(options *o);

/* A required option that argp cannot require by itself: E_ARGUMENT naming it when value is NULL. */
TORC_MUST_CHECK torc_status option_required(torc_ctx *ctx, const char *value, const char *name);
/* The one path of a list where names make no sense; E_ARGUMENT otherwise. */
TORC_MUST_CHECK torc_status option_file(torc_ctx *ctx, const char **out, const file_list *list,
                                        const char *name);

#endif
