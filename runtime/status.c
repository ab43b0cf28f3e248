/* The context: message of the last failure, progress callback; and checked allocation. Messages are
 * formatted aside first, so arguments may point into the message that they replace. */
#include "runtime/status.h"

#include "runtime/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MESSAGE_BYTES = 4096 };

struct torc_ctx {
    char message[MESSAGE_BYTES];
    torc_progress_fn *progress;
    void *progress_user;
};

typedef struct status_row {
    const char *name;
    const char *text;
    int exit_code;
} status_row;

static const status_row status_table[] = {
#define X(code, exit_code, text) {#code, text, exit_code},
#include "runtime/status.def"
#undef X
};

static const status_row *status_find(torc_status status)
{
    static const status_row unknown = {"E_UNKNOWN", "unknown status", 15};
    size_t index = (size_t)status;
    return index < sizeof status_table / sizeof *status_table ? &status_table[index] : &unknown;
}

const char *torc_status_name(torc_status status)
{
    return status_find(status)->name;
}

const char *torc_status_text(torc_status status)
{
    return status_find(status)->text;
}

int torc_status_exit_code(torc_status status)
{
    return status_find(status)->exit_code;
}

torc_ctx *torc_ctx_create(void)
{
    return calloc(1, sizeof(torc_ctx));
}

void torc_ctx_free(torc_ctx *ctx)
{
    free(ctx);
}

const char *torc_ctx_message(const torc_ctx *ctx)
{
    return ctx ? ctx->message : "";
}

void torc_ctx_set_progress(torc_ctx *ctx, torc_progress_fn *progress, void *user)
{
    ctx->progress = progress;
    ctx->progress_user = user;
}

void torc_progress(torc_ctx *ctx, const char *what, double done)
{
    if (ctx && ctx->progress) {
        ctx->progress(ctx->progress_user, what, done);
    }
}

/* Ends a message that was cut at the end of its buffer with "...", never inside a character. */
static void mark_cut(char message[MESSAGE_BYTES])
{
    size_t end = MESSAGE_BYTES - 4;
    while (end > 0 && ((unsigned char)message[end] & 0xc0U) == 0x80U) {
        end--;
    }
    memcpy(message + end, "...", 4);
}

/* Writes the formatted text and then tail to message. */
__attribute__((format(printf, 2, 0))) static void
compose(char message[MESSAGE_BYTES], const char *format, va_list args, const char *tail)
{
    int length = vsnprintf(message, MESSAGE_BYTES, format, args);
    if (length < 0) {
        length = snprintf(message, MESSAGE_BYTES, "message could not be formatted");
    }
    size_t used = (size_t)length;
    size_t tail_length = strlen(tail);
    if (used < MESSAGE_BYTES && tail_length > 0) {
        size_t room = MESSAGE_BYTES - used - 1;
        size_t copied = tail_length < room ? tail_length : room;
        memcpy(message + used, tail, copied);
        message[used + copied] = '\0';
    }
    if (used + tail_length >= MESSAGE_BYTES) {
        mark_cut(message);
    }
}

torc_status(torc_fail)(torc_ctx *ctx, torc_status status, const char *format, ...)
{
    if (ctx) {
        char message[MESSAGE_BYTES];
        va_list args;
        va_start(args, format);
        compose(message, format, args, "");
        va_end(args);
        memcpy(ctx->message, message, strlen(message) + 1);
    }
    return status;
}

torc_status torc_fail_prefix(torc_ctx *ctx, torc_status status, const char *format, ...)
{
    if (ctx) {
        char message[MESSAGE_BYTES];
        char tail[MESSAGE_BYTES + 2];
        (void)snprintf(tail, sizeof tail, ": %s", ctx->message);
        va_list args;
        va_start(args, format);
        compose(message, format, args, tail);
        va_end(args);
        memcpy(ctx->message, message, strlen(message) + 1);
    }
    return status;
}

/* No array of a circuit comes near half a TiB: a larger request is a size that went wrong, and the
 * system might promise the memory all the same. */
static const size_t alloc_bytes_max = (size_t)1 << 39;

torc_status torc_alloc(torc_ctx *ctx, void **out, size_t count, size_t size)
{
    size_t bytes = 0;
    void *memory = NULL;
    if (!__builtin_mul_overflow(count, size, &bytes) && bytes <= alloc_bytes_max) {
        memory = calloc(bytes > 0 ? bytes : 1, 1);
    }
    /* *out may have another pointer type: its bytes are copied, not its value assigned. */
    memcpy(out, &memory, sizeof memory);
    if (!memory) {
        return torc_fail(ctx, TORC_E_MEMORY,
                         "out of memory: %zu elements of %zu bytes are not available", count, size);
    }
    return TORC_OK;
}
