/* Matching NAME=FILE with ports, and staging outputs. */
#include "frontend/command/files.h"

#include "runtime/container.h"
#include "runtime/status.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- names
 * ----------------------------------------------------------------------------------------- */

static void list_names(char *out, size_t size, const char *const *names, uint32_t count)
{
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < count && used < size; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
}

static uint32_t find_name(const named_file *file, const char *const *names, uint32_t count)
{
    if (file->name == NULL) {
        return count == 1 ? 0 : count;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (strlen(names[i]) == file->name_length &&
            memcmp(names[i], file->name, file->name_length) == 0) {
            return i;
        }
    }
    return count;
}

torc_status files_match(torc_ctx *ctx, const char **paths, const file_list *files,
                        const char *const *names, uint32_t count, const char *option)
{
    char known[256];
    list_names(known, sizeof known, names, count);
    memset(paths, 0, count * sizeof *paths);
    for (size_t i = 0; i < files->count; i++) {
        const named_file *file = &files->items[i];
        const uint32_t found = find_name(file, names, count);
        if (found == count && file->name == NULL) {
            return torc_fail(ctx, TORC_E_ARGUMENT,
                             "--%s %s: the circuit has %u of them (%s); write --%s NAME=FILE",
                             option, file->path, count, known, option);
        }
        if (found == count) {
            return torc_fail(ctx, TORC_E_ARGUMENT, "--%s %.*s: no such name; the circuit has: %s",
                             option, (int)file->name_length, file->name, known);
        }
        if (paths[found] != NULL) {
            return torc_fail(ctx, TORC_E_ARGUMENT, "--%s: '%s' is given twice", option,
                             names[found]);
        }
        paths[found] = file->path;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (paths[i] == NULL) {
            return torc_fail(ctx, TORC_E_ARGUMENT, "--%s is missing for '%s'; add --%s %s=FILE",
                             option, names[i], option, names[i]);
        }
    }
    return TORC_OK;
}

static torc_status port_names(torc_ctx *ctx, const char ***out, const torc_port *ports,
                              uint32_t count)
{
    TORC_TRY(TORC_ALLOC(ctx, *out, count));
    for (uint32_t i = 0; i < count; i++) {
        (*out)[i] = ports[i].name;
    }
    return TORC_OK;
}

/* --- inputs
 * ---------------------------------------------------------------------------------------- */

void arrays_free(torc_tensor *arrays, uint32_t count)
{
    for (uint32_t i = 0; arrays != NULL && i < count; i++) {
        torc_tensor_free(&arrays[i]);
    }
    free(arrays);
}

torc_status arrays_load(torc_ctx *ctx, torc_tensor **out, const file_list *files,
                        const char *const *names, uint32_t count, const char *option)
{
    const char **paths = NULL;
    torc_tensor *arrays = NULL;
    *out = NULL;
    torc_status s = TORC_ALLOC(ctx, paths, count);
    if (s == TORC_OK) {
        s = files_match(ctx, paths, files, names, count, option);
    }
    if (s == TORC_OK) {
        s = TORC_ALLOC(ctx, arrays, count);
    }
    for (uint32_t i = 0; s == TORC_OK && i < count; i++) {
        s = torc_npy_load(ctx, &arrays[i], paths[i]);
    }
    free(paths);
    if (s != TORC_OK) {
        arrays_free(arrays, count);
        return s;
    }
    *out = arrays;
    return TORC_OK;
}

static torc_status keep_first(torc_ctx *ctx, torc_tensor *array, const torc_port *port,
                              size_t samples)
{
    size_t found = 0;
    TORC_TRY(torc_port_samples(ctx, &found, port, array));
    if (found < samples) {
        return torc_fail(ctx, TORC_E_INPUT, "--samples: %zu asked for, input '%s' has %zu", samples,
                         port->name, found);
    }
    if (array->rank == port->rank + 1) {
        array->shape[0] = samples;
    }
    return TORC_OK;
}

torc_status inputs_load(torc_ctx *ctx, torc_tensor **out, const file_list *files,
                        const torc_spec *spec, size_t samples)
{
    const char **names = NULL;
    torc_tensor *arrays = NULL;
    *out = NULL;
    TORC_TRY(port_names(ctx, &names, spec->inputs, spec->input_count));
    torc_status s = arrays_load(ctx, &arrays, files, names, spec->input_count, "input");
    for (uint32_t i = 0; s == TORC_OK && samples > 0 && i < spec->input_count; i++) {
        s = keep_first(ctx, &arrays[i], &spec->inputs[i], samples);
    }
    free(names);
    if (s != TORC_OK) {
        arrays_free(arrays, spec->input_count);
        return s;
    }
    *out = arrays;
    return TORC_OK;
}

/* --- outputs
 * --------------------------------------------------------------------------------------- */

typedef struct staged_file {
    char *path;
    char *temporary;
    bool committed;
} staged_file;

static torc_status check_folder(torc_ctx *ctx, const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL) {
        return torc_fail(ctx, TORC_E_MEMORY, "out of memory");
    }
    const char *folder = dirname(copy);
    torc_status s = TORC_OK;
    if (access(folder, W_OK) != 0) {
        s = torc_fail(ctx, TORC_E_IO, "%s: cannot be written: folder %s: %s", path, folder,
                      strerror(errno));
    }
    free(copy);
    return s;
}

static torc_status check_target(torc_ctx *ctx, const stage *s, const char *path)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->files[i].path, path) == 0) {
            return torc_fail(ctx, TORC_E_ARGUMENT, "%s: given for two outputs", path);
        }
    }
    struct stat info;
    if (stat(path, &info) != 0) {
        return check_folder(ctx, path);
    }
    if (!S_ISREG(info.st_mode)) {
        return torc_fail(ctx, TORC_E_IO,
                         "%s: exists and is not a regular file; choose another name", path);
    }
    torc_ctx *quiet = torc_ctx_create();
    torc_file_kind kind;
    const torc_status known = quiet == NULL ? TORC_E_MEMORY : torc_reader_kind(quiet, &kind, path);
    torc_ctx_free(quiet);
    if (known == TORC_OK && kind == TORC_FILE_SECRET) {
        return torc_fail(ctx, TORC_E_SECURITY,
                         "%s: holds a secret key, which is never overwritten; choose another name",
                         path);
    }
    return check_folder(ctx, path);
}

const char *stage_add(torc_ctx *ctx, stage *s, const char *path, torc_status *status)
{
    *status = check_target(ctx, s, path);
    if (*status != TORC_OK) {
        return NULL;
    }
    staged_file *files = realloc(s->files, (s->count + 1) * sizeof *files);
    if (files == NULL) {
        *status = torc_fail(ctx, TORC_E_MEMORY, "out of memory");
        return NULL;
    }
    s->files = files;
    staged_file *file = &files[s->count];
    *file = (staged_file){.path = strdup(path), .committed = s->direct};
    const int written = s->direct ? asprintf(&file->temporary, "%s", path)
                                  : asprintf(&file->temporary, "%s.part-%ld", path, (long)getpid());
    if (file->path == NULL || written < 0) {
        free(file->path);
        *status = torc_fail(ctx, TORC_E_MEMORY, "out of memory");
        return NULL;
    }
    s->count++;
    return file->temporary;
}

torc_status stage_commit(torc_ctx *ctx, stage *s)
{
    for (size_t i = 0; i < s->count; i++) {
        staged_file *file = &s->files[i];
        if (!file->committed && rename(file->temporary, file->path) != 0) {
            return torc_fail(ctx, TORC_E_IO, "%s: cannot be written: %s", file->path,
                             strerror(errno));
        }
        file->committed = true;
    }
    return TORC_OK;
}

void stage_abort(stage *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (!s->files[i].committed) {
            unlink(s->files[i].temporary);
        }
        free(s->files[i].path);
        free(s->files[i].temporary);
    }
    free(s->files);
    *s = (stage){0};
}

torc_status outputs_stage(torc_ctx *ctx, stage *s, const char ***temporaries,
                          const file_list *files, const torc_spec *spec)
{
    const char **names = NULL;
    const char **paths = NULL;
    *temporaries = NULL;
    s->direct = spec->output_count == 1;
    torc_status status = port_names(ctx, &names, spec->outputs, spec->output_count);
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, paths, spec->output_count);
    }
    if (status == TORC_OK) {
        status = files_match(ctx, paths, files, names, spec->output_count, "output");
    }
    for (uint32_t i = 0; status == TORC_OK && i < spec->output_count; i++) {
        paths[i] = stage_add(ctx, s, paths[i], &status);
    }
    free(names);
    if (status != TORC_OK) {
        free(paths);
        return status;
    }
    *temporaries = paths;
    return TORC_OK;
}

torc_status outputs_save(torc_ctx *ctx, const char *const *temporaries, const torc_tensor *outputs,
                         const torc_spec *spec)
{
    for (uint32_t i = 0; i < spec->output_count; i++) {
        TORC_TRY(torc_npy_save(ctx, &outputs[i], temporaries[i]));
    }
    return TORC_OK;
}
