/* Passphrases: from a file or from the terminal, never from the command line. */
#ifndef TORC_COMMAND_SECRETS_H
#define TORC_COMMAND_SECRETS_H

#include "frontend/command/command.h"
#include "runtime/torc_client.h"

#define PASSPHRASE_BYTES 1024

/* A passphrase for a new key, asked for twice, or from --passphrase-file; *out is buffer, or NULL
 * when none was asked for. Wipe buffer afterwards. */
TORC_MUST_CHECK torc_status passphrase_for_new(torc_ctx *ctx, const char **out,
                                               char buffer[PASSPHRASE_BYTES], const options *o);

/* Loads --secret-key. A sealed key needs --passphrase-file, or a terminal to ask on. */
TORC_MUST_CHECK torc_status secret_load(torc_ctx *ctx, torc_secret_key **out, const options *o);

#endif
