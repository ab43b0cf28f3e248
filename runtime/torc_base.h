/* torc: what every part of torc shares. Status codes, the context, tensors, version.
 *
 * Every function that can fail returns a torc_status and leaves a message on the context:
 * where, what was found, the limit, the way out. A context belongs to one thread at a time. */
#ifndef TORC_BASE_H
#define TORC_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TORC_VERSION           "0.1.0"
#define TORC_MUST_CHECK        __attribute__((warn_unused_result))
#define TORC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define TORC_MAX_RANK          8

typedef enum torc_status {
#define X(code, exit_code, text) TORC_##code,
#include "runtime/status.def"
#undef X
} torc_status;

/* Name ("E_FORMAT"), one-line meaning, and the exit code that the torc command uses for it. */
const char *torc_status_name(torc_status status);
const char *torc_status_text(torc_status status);
int torc_status_exit_code(torc_status status);

/* Holds the message of the last failure and the progress callback. */
typedef struct torc_ctx torc_ctx;

torc_ctx *torc_ctx_create(void); /* NULL only when out of memory */
void torc_ctx_free(torc_ctx *ctx);
const char *torc_ctx_message(const torc_ctx *ctx); /* "" when nothing failed */

/* Called on long work with what is being done and the share done so far, 0..1. */
typedef void torc_progress_fn(void *user, const char *what, double done);
void torc_ctx_set_progress(torc_ctx *ctx, torc_progress_fn *progress, void *user);

/* A dense row-major array that owns its data. */
typedef enum torc_dtype { TORC_I64, TORC_F64 } torc_dtype;

typedef struct torc_tensor {
    torc_dtype dtype;
    uint32_t rank;
    size_t shape[TORC_MAX_RANK];
    union {
        void *data; /* rank 0 holds one element; a zero-size tensor may hold NULL */
        int64_t *i64;
        double *f64;
    };
} torc_tensor;

/* The number of elements of a shape (1 for rank 0). */
size_t torc_shape_count(uint32_t rank, const size_t *shape);
size_t torc_tensor_count(const torc_tensor *tensor);

/* Allocates zeroed data; E_MEMORY, or E_ARGUMENT when rank or size is too large. */
TORC_MUST_CHECK torc_status torc_tensor_create(torc_ctx *ctx, torc_tensor *out, torc_dtype dtype,
                                               uint32_t rank, const size_t *shape);
void torc_tensor_free(torc_tensor *tensor); /* NULL and {0} are fine; leaves {0} */

/* Reads and writes .npy (format 1 to 3, C order; f4, f8, bool and all integer types on reading;
 * int64 and float64 on writing). Writing is atomic: the file appears whole or not at all. */
TORC_MUST_CHECK torc_status torc_npy_load(torc_ctx *ctx, torc_tensor *out, const char *path);
TORC_MUST_CHECK torc_status torc_npy_save(torc_ctx *ctx, const torc_tensor *in, const char *path);

#ifdef __cplusplus
}
#endif
#endif
