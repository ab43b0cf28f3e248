/* One interface, three targets: virtual (clear phases), cpu, and cuda.
 *
 * A target owns its memory: element_count elements for up to `capacity` samples, element-major, so
 * that every call is a batch over elements and samples. What a target cannot run, it refuses in
 * open, with the reason. A target is used by one thread at a time. From the first write to the last
 * read of a run all calls name the same number of samples. */
#ifndef TORC_BACKEND_H
#define TORC_BACKEND_H

#include "runtime/engine.h"
#include "runtime/evaluation_keys.h"
#include "runtime/program.h"

#include <string.h>

typedef struct torc_target_options {
    size_t capacity;     /* samples held at once, >= 1 */
    uint32_t threads;    /* 0: all cores */
    torc_engine engine;  /* virtual: whose noise to draw */
    bool noisy;          /* virtual: draw noise */
    uint64_t noise_seed; /* virtual: of the noise simulation (not a cryptographic seed) */
    uint32_t device;     /* cuda: number of the device */
    bool overlap;        /* cuda: room for the inputs of a second run, where memory allows */
} torc_target_options;

typedef struct torc_target torc_target;

/* Seeded ciphertexts of neighbouring elements: body[samples][count]; sample s, element i has row
 * first_row + s * count + i of the mask stream (TORC_MASK_CIPHERTEXT). */
typedef struct torc_seeded_rows {
    uint8_t seed[TORC_SEED_BYTES];
    uint64_t first_row;
    const uint64_t *body;
} torc_seeded_rows;

/* Where the time of a run went. */
typedef struct torc_phase_seconds {
    double linear, lookup;
} torc_phase_seconds;

typedef struct torc_backend {
    const char *name;
    /* keys is NULL for virtual, and NULL is allowed for programs without lookups. program, params
     * and keys are borrowed until close. */
    torc_status (*open)(torc_ctx *ctx, torc_target **out, const torc_program *program,
                        const torc_params *params, const torc_evaluation_keys *keys,
                        const torc_target_options *options);
    void (*close)(torc_target *target);
    /* host[count][samples][element_words] for elements first .. first + count - 1. */
    torc_status (*write)(torc_ctx *ctx, torc_target *target, uint32_t first, uint32_t count,
                         size_t samples, const uint64_t *host);
    torc_status (*read)(torc_ctx *ctx, torc_target *target, uint64_t *host, uint32_t first,
                        uint32_t count, size_t samples);
    /* host[count][samples] of clear elements. */
    torc_status (*write_clear)(torc_ctx *ctx, torc_target *target, uint32_t first, uint32_t count,
                               size_t samples, const int64_t *host);
    torc_status (*linear)(torc_ctx *ctx, torc_target *target, const torc_linear *args,
                          size_t samples);
    torc_status (*lookup)(torc_ctx *ctx, torc_target *target, const torc_lookup *args,
                          size_t samples);
    torc_status (*sync)(torc_ctx *ctx, torc_target *target);
    /* --- NULL where there is nothing to gain --- */
    /* The whole program at once on what has been written: starts it; waits for it. Between the two
     * inputs of the next run may be written when the target overlaps. */
    torc_status (*start)(torc_ctx *ctx, torc_target *target, size_t samples);
    torc_status (*finish)(torc_ctx *ctx, torc_target *target, torc_phase_seconds *phases);
    /* As write, of ciphertexts whose masks come from a seed. */
    torc_status (*write_seeded)(torc_ctx *ctx, torc_target *target, uint32_t first, uint32_t count,
                                size_t samples, const torc_seeded_rows *rows);
} torc_backend;

/* First member of every backend's own target. */
struct torc_target {
    const torc_backend *backend;
    size_t element_words; /* kN + 1, or 1 for virtual */
    size_t capacity;
    uint64_t memory_bytes;   /* held while open */
    uint64_t fallback_count; /* cuda: launches in another form than planned, since it was opened */
    bool overlap;            /* inputs may be written while a run is under way */
    uint64_t overflow_count; /* virtual: lookups and outputs whose value left its range */
};

/* Whose noise its results have: "cuda" and the emulated device run the same kernels. */
static inline torc_engine torc_backend_engine(const torc_backend *backend)
{
    return strcmp(backend->name, "cpu") == 0 || strcmp(backend->name, "virtual") == 0
               ? TORC_ENGINE_CPU
               : TORC_ENGINE_CUDA;
}

const torc_backend *torc_backend_virtual(void);
const torc_backend *torc_backend_cpu(void);
const torc_backend *torc_backend_cuda(void); /* only in builds with TORC_GPU_BACKEND */

#endif
