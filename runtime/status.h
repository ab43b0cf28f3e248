/* Failing with a message. Only torc_fail writes a message, at the place of detection. */
#ifndef TORC_STATUS_H
#define TORC_STATUS_H

#include "runtime/torc_base.h"

/* Records the formatted message on ctx (which may be NULL) and returns status. */
torc_status torc_fail(torc_ctx *ctx, torc_status status, const char *format, ...) TORC_PRINTF(3, 4);

/* Analysers do not see that the result is the status that was given. */
#ifdef __clang_analyzer__
/* NOLINTNEXTLINE(readability-identifier-naming) */
#define torc_fail(ctx, status, ...) ((void)torc_fail(ctx, status, __VA_ARGS__), (status))
#endif

/* Puts "prefix: " before the message already on ctx; returns status unchanged. */
torc_status torc_fail_prefix(torc_ctx *ctx, torc_status status, const char *format, ...)
    TORC_PRINTF(3, 4);

/* Reports progress, 0..1; does nothing without a callback. */
void torc_progress(torc_ctx *ctx, const char *what, double done);

/* calloc with overflow check; *out is NULL on failure. count 0 gives a non-NULL pointer. */
TORC_MUST_CHECK torc_status torc_alloc(torc_ctx *ctx, void **out, size_t count, size_t size);
#define TORC_ALLOC(ctx, pointer, count)                                                          \
    torc_alloc(ctx, (void **)&(pointer), count, /* NOLINTNEXTLINE(bugprone-sizeof-expression) */ \
               sizeof *(pointer))

#define TORC_TRY(call)                 \
    do {                               \
        torc_status try_status = call; \
        if (try_status != TORC_OK) {   \
            return try_status;         \
        }                              \
    } while (0)

#endif
