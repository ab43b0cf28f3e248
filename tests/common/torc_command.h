/* Runs shell commands in the folder of a test (tests/common/folder.h). */
#ifndef TESTS_TORC_COMMAND_H
#define TESTS_TORC_COMMAND_H

#include "runtime/torc_base.h"

#define TORC TORC_BINARY_DIR "/torc"

typedef struct command_result {
    int exit_code;
    char out[1 << 16];
    char err[1 << 13];
} command_result;

/* Standard input is empty and there is no terminal; out and err are cut to their buffers. */
void command_run(command_result *result, const char *format, ...) TORC_PRINTF(2, 3);

/* Names and contents of the folder, so that a change can be seen. */
void command_folder_state(char *out, size_t size);

/* Writes an array of the folder; aborts on failure. */
void command_save_i64(const char *name, const int64_t *values, uint32_t rank, const size_t *shape);
void command_save_f64(const char *name, const double *values, uint32_t rank, const size_t *shape);

#endif
