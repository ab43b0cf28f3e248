/* What a subcommand shows: JSON and results on stdout, messages and progress on stderr. */
#ifndef TORC_COMMAND_OUTPUT_H
#define TORC_COMMAND_OUTPUT_H

#include "runtime/circuit.h"

#include <cjson/cJSON.h>

/* One line on stderr, "torc: " before it. */
void say(const char *format, ...) TORC_PRINTF(1, 2);

/* A progress line, on a terminal only. */
void progress_attach(torc_ctx *ctx);
void progress_clear(void);

/* Prints object as one line on stdout and frees it. */
void print_json(cJSON *object);
/* 2^-41.3 for display; buffer of 32 bytes. */
const char *format_probability(char out[32], double log2_p);
const char *format_bytes(char out[32], uint64_t bytes);
const char *format_seconds(char out[32], double seconds);

/* Says on stderr that a virtual circuit protects nothing; nothing for others. */
void warn_if_virtual(const torc_spec *spec, const char *path);

/* Text of a file, which may be hostile: control characters other than newline become '?'. */
void print_untrusted(const char *text);

#endif
