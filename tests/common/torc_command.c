#include "tests/common/torc_command.h"

#include "tests/common/folder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static void read_text(char *out, size_t size, const char *path)
{
    FILE *file = fopen(path, "r");
    out[0] = '\0';
    if (file != NULL) {
        out[fread(out, 1, size - 1, file)] = '\0';
        fclose(file);
    }
}

/* Output goes beside the folder's own files, under names that begin with a dot. */
void command_run(command_result *result, const char *format, ...)
{
    char command[4096];
    char line[5200];
    char folder[512];
    char out[512];
    char err[512];
    snprintf(folder, sizeof folder, "%s", folder_path(""));
    snprintf(out, sizeof out, "%s", folder_path(".out"));
    snprintf(err, sizeof err, "%s", folder_path(".err"));
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    snprintf(line, sizeof line, "cd %s && setsid --wait %s </dev/null >.out 2>.err", folder,
             command);
    const int status = system(line);
    result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    read_text(result->out, sizeof result->out, out);
    read_text(result->err, sizeof result->err, err);
    remove(out);
    remove(err);
}

void command_folder_state(char *out, size_t size)
{
    command_result result;
    command_run(&result, "sh -c 'cksum *; ls -A'");
    snprintf(out, size, "%s", result.out);
}

static void save(const char *name, const torc_tensor *tensor)
{
    if (torc_npy_save(NULL, tensor, folder_path(name)) != TORC_OK) {
        abort();
    }
}

void command_save_i64(const char *name, const int64_t *values, uint32_t rank, const size_t *shape)
{
    torc_tensor tensor = {.dtype = TORC_I64, .rank = rank, .i64 = (int64_t *)(uintptr_t)values};
    memcpy(tensor.shape, shape, rank * sizeof *shape);
    save(name, &tensor);
}

void command_save_f64(const char *name, const double *values, uint32_t rank, const size_t *shape)
{
    torc_tensor tensor = {.dtype = TORC_F64, .rank = rank, .f64 = (double *)(uintptr_t)values};
    memcpy(tensor.shape, shape, rank * sizeof *shape);
    save(name, &tensor);
}
