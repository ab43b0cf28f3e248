/* Asks for passphrases and loads secret keys. */
#include "frontend/command/secrets.h"

#include "runtime/rng.h"
#include "runtime/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Reads one line without its end; false when there is none, or it is too long. */
static bool read_line(char buffer[PASSPHRASE_BYTES], int fd)
{
    for (size_t used = 0; used < PASSPHRASE_BYTES; used++) {
        const ssize_t got = read(fd, buffer + used, 1);
        if (got < 0 || (got == 0 && used == 0)) {
            return false;
        }
        if (got == 0 || buffer[used] == '\n') {
            buffer[used] = '\0';
            return true;
        }
    }
    return false;
}

static torc_status ask(torc_ctx *ctx, char buffer[PASSPHRASE_BYTES], const char *prompt)
{
    const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (terminal < 0) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "a passphrase is needed and there is no terminal to ask on; use "
                         "--passphrase-file FILE");
    }
    struct termios before;
    struct termios silent;
    bool ok = tcgetattr(terminal, &before) == 0;
    if (ok) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        ok = tcsetattr(terminal, TCSAFLUSH, &silent) == 0;
    }
    ok = ok && dprintf(terminal, "%s: ", prompt) > 0 && read_line(buffer, terminal);
    (void)tcsetattr(terminal, TCSAFLUSH, &before);
    (void)dprintf(terminal, "\n");
    (void)close(terminal);
    return ok ? TORC_OK : torc_fail(ctx, TORC_E_IO, "the passphrase could not be read");
}

static torc_status read_file(torc_ctx *ctx, char buffer[PASSPHRASE_BYTES], const char *path)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return torc_fail(ctx, TORC_E_IO, "%s: %s", path, strerror(errno));
    }
    const bool ok = read_line(buffer, file);
    (void)close(file);
    if (!ok || buffer[0] == '\0') {
        return torc_fail(ctx, TORC_E_INPUT,
                         "%s: expected a passphrase of 1 to %d bytes on the first line", path,
                         PASSPHRASE_BYTES - 1);
    }
    return TORC_OK;
}

torc_status passphrase_for_new(torc_ctx *ctx, const char **out, char buffer[PASSPHRASE_BYTES],
                               const options *o)
{
    *out = NULL;
    if (o->passphrase_file != NULL) {
        TORC_TRY(read_file(ctx, buffer, o->passphrase_file));
        *out = buffer;
    } else if (o->passphrase) {
        char again[PASSPHRASE_BYTES];
        TORC_TRY(ask(ctx, buffer, "Passphrase for the secret key"));
        torc_status s = ask(ctx, again, "The same once more");
        if (s == TORC_OK && (strcmp(buffer, again) != 0 || buffer[0] == '\0')) {
            s = torc_fail(ctx, TORC_E_INPUT, "the two passphrases differ, or are empty");
        }
        torc_wipe(again, sizeof again);
        TORC_TRY(s);
        *out = buffer;
    }
    return TORC_OK;
}

torc_status secret_load(torc_ctx *ctx, torc_secret_key **out, const options *o)
{
    char passphrase[PASSPHRASE_BYTES] = "";
    *out = NULL;
    TORC_TRY(option_required(ctx, o->secret_key, "secret-key"));
    torc_status s = TORC_OK;
    if (o->passphrase_file != NULL) {
        s = read_file(ctx, passphrase, o->passphrase_file);
        if (s == TORC_OK) {
            s = torc_secret_key_load(ctx, out, o->secret_key, passphrase);
        }
    } else {
        s = torc_secret_key_load(ctx, out, o->secret_key, NULL);
        if (s == TORC_E_ARGUMENT) { /* it is sealed */
            s = ask(ctx, passphrase, "Passphrase of the secret key");
            if (s == TORC_OK) {
                s = torc_secret_key_load(ctx, out, o->secret_key, passphrase);
            }
        }
    }
    torc_wipe(passphrase, sizeof passphrase);
    return s;
}
