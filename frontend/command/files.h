/* Which file belongs to which input or output, and outputs that appear together or not at all. */
#ifndef TORC_COMMAND_FILES_H
#define TORC_COMMAND_FILES_H

#include "frontend/command/command.h"
#include "runtime/spec.h"

/* paths[count]: the file of each port, in port order. E_ARGUMENT for a name that no port has, given
 * twice or missing; one file without a name will do for one port. option: "input" or "output". */
TORC_MUST_CHECK torc_status files_match(torc_ctx *ctx, const char **paths, const file_list *files,
                                        const char *const *names, uint32_t count,
                                        const char *option);

/* Loads the array of each name; *out[count] is freed with arrays_free. */
TORC_MUST_CHECK torc_status arrays_load(torc_ctx *ctx, torc_tensor **out, const file_list *files,
                                        const char *const *names, uint32_t count,
                                        const char *option);
/* The same for a specification; at most `samples` of each, 0: all. E_INPUT when there are fewer. */
TORC_MUST_CHECK torc_status inputs_load(torc_ctx *ctx, torc_tensor **out, const file_list *files,
                                        const torc_spec *spec, size_t samples);
void arrays_free(torc_tensor *arrays, uint32_t count); /* NULL is fine */

/* Outputs of one command: each is written under a temporary name beside its own, and all are
 * renamed at the end. A command with one output writes it directly: every writer is atomic by
 * itself. */
typedef struct stage {
    bool direct;
    size_t count;
    struct staged_file *files;
} stage;

/* Checks now, before any long work, that path can be written: E_IO when it exists and is no regular
 * file or its folder cannot be written, E_SECURITY when it holds a secret key, E_ARGUMENT when
 * another output has it. Returns the name to write to, owned by the stage, or NULL with *status
 * set. */
const char *stage_add(torc_ctx *ctx, stage *s, const char *path, torc_status *status);
TORC_MUST_CHECK torc_status stage_commit(torc_ctx *ctx, stage *s);
void stage_abort(stage *s); /* removes what was not committed, and frees; may follow a commit */

/* Stages one file for each output; *temporaries[spec->output_count] is freed with free. */
TORC_MUST_CHECK torc_status outputs_stage(torc_ctx *ctx, stage *s, const char ***temporaries,
                                          const file_list *files, const torc_spec *spec);
/* Saves outputs[spec->output_count] under the staged names. */
TORC_MUST_CHECK torc_status outputs_save(torc_ctx *ctx, const char *const *temporaries,
                                         const torc_tensor *outputs, const torc_spec *spec);

#endif
