/* Inside of the CUDA backend: its target, shared by runtime/cuda/.
 *
 * Everything stays on the device from open to close:
 *   elements   u64 [element][samples][kN + 1], dense for the number of samples at hand
 *   clear      i64 [clear element][capacity]
 *   constants  weights, gathers, constants, tables of the program, one block (program.c)
 *   keys       both evaluation keys as the kernels read them (keys.c)
 *   inbox      u64 [input element][samples][kN + 1], only with overlap (inbox.c)
 *   rows       what differs for each lookup and sample: source, offset, table (layout.c)
 *   work       what lies between keyswitch and rotation, and their scratch (plan.c)
 * A target belongs to one device; one stream computes, one brings inputs. Nothing is allocated
 * while it runs. */
#ifndef TORC_CUDA_ENGINE_H
#define TORC_CUDA_ENGINE_H

#include "kernels/kernels_cuda.h"
#include "runtime/backend.h"
#include "runtime/gpu_schedule.h"
#include "runtime/shape.h"

/* Bytes of the target on the device, block by block. */
typedef struct cuda_plan {
    size_t elements, clear, constants;
    size_t inbox, bodies;
    size_t bootstrap_key, keyswitch_key;
    size_t key_staging; /* only while keys are loaded */
    size_t rows;
    size_t switched, scratch;
    uint32_t lookups_at_once; /* of one launch */
} cuda_plan;

/* An instruction with its arrays on the device. */
typedef struct cuda_instr {
    torc_linear_layer linear; /* of a linear instruction */
    size_t first_row;         /* of a lookup instruction: lookups of the program before it */
} cuda_instr;

/* Input elements that are neighbours, and where they stand in the inbox. */
typedef struct cuda_input_run {
    uint32_t element, slot, count;
} cuda_input_run;

/* What one lookup reads, in arrays over lookups and samples: row (first_row + lookup) * samples +
 * sample. */
typedef struct cuda_rows {
    uint64_t *offset;
    uint32_t *index; /* element * samples + sample */
    uint32_t *table;
} cuda_rows;

typedef struct cuda_target {
    torc_target base;
    const torc_program *program;
    torc_params params;
    torc_shape shape;
    torc_gpu_schedule schedule;
    uint32_t device;
    torc_gpu_stream stream, copies;
    cuda_plan plan;

    uint64_t *elements;
    int64_t *clear;
    uint8_t *constants;
    uint64_t *inbox, *bodies;
    void *bootstrap_key, *keyswitch_key;
    uint8_t *row_block;
    uint8_t *switched_block;
    void *scratch;

    cuda_instr *instrs; /* [instr_count] */
    const uint64_t *table;
    const uint32_t *table_bits;
    uint32_t table_stride;

    cuda_input_run *input_runs;
    uint32_t input_run_count;
    size_t inbox_samples;      /* that the inbox is laid out for */
    torc_gpu_event inbox_read; /* it may be written again */

    size_t samples; /* that elements and rows are laid out for; 0: none yet */
    cuda_rows rows;
    torc_gpu_graph graph;  /* of the whole program, NULL: not recorded yet */
    torc_gpu_event *marks; /* [instr_count + 1] before each instruction, and at the end */
} cuda_target;

#define CUDA_ROW_BYTES (sizeof(uint64_t) + 2 * sizeof(uint32_t)) /* of cuda_rows */

/* Mask words of the keyswitch key come in multiples of it (kernels_cuda.h). */
#define CUDA_WORD_STEP 32u

static inline uint64_t *cuda_element(const cuda_target *t, uint32_t element)
{
    return t->elements + (size_t)element * t->samples * t->base.element_words;
}

/* The status of a CUDA error code, with a message that says what was being done; TORC_OK for 0. */
TORC_MUST_CHECK torc_status torc_cuda_check(torc_ctx *ctx, const cuda_target *target, int error,
                                            const char *doing);

/* What this backend or this device cannot run. */
TORC_MUST_CHECK torc_status torc_cuda_refuse(torc_ctx *ctx, const torc_program *program,
                                             const torc_params *params,
                                             const torc_evaluation_keys *keys);

/* Fills the plan; E_MEMORY when the device has less than the least it needs. */
TORC_MUST_CHECK torc_status torc_cuda_plan(torc_ctx *ctx, cuda_plan *out,
                                           const torc_program *program, const torc_params *params,
                                           size_t capacity, bool overlap, size_t device_bytes);
size_t torc_cuda_plan_bytes(const cuda_plan *plan); /* while it runs */

/* At most `wanted` samples at once, at least 1: as many as leave room for the lookups of a level in
 * one launch, or in a few. E_MEMORY when not even one sample fits. */
TORC_MUST_CHECK torc_status torc_cuda_capacity(torc_ctx *ctx, size_t *out,
                                               const torc_program *program,
                                               const torc_params *params, uint32_t device,
                                               size_t wanted);

/* Constants of the program: how many bytes, and onto the device. */
size_t torc_cuda_program_bytes(const torc_program *program);
TORC_MUST_CHECK torc_status torc_cuda_program_load(torc_ctx *ctx, cuda_target *target);

TORC_MUST_CHECK torc_status torc_cuda_keys_load(torc_ctx *ctx, cuda_target *target,
                                                const torc_evaluation_keys *keys);

/* Elements and rows for this many samples; what was written before is lost when it changes. */
TORC_MUST_CHECK torc_status torc_cuda_lay_out(torc_ctx *ctx, cuda_target *target, size_t samples);

/* Inputs: to their elements, or with overlap to the inbox; then from there to the elements. */
TORC_MUST_CHECK torc_status torc_cuda_inbox_make(torc_ctx *ctx, cuda_target *target);
TORC_MUST_CHECK torc_status torc_cuda_write(torc_ctx *ctx, cuda_target *target, uint32_t first,
                                            uint32_t count, size_t samples, const uint64_t *host);
TORC_MUST_CHECK torc_status torc_cuda_write_seeded(torc_ctx *ctx, cuda_target *target,
                                                   uint32_t first, uint32_t count, size_t samples,
                                                   const torc_seeded_rows *rows);
int torc_cuda_inbox_take(cuda_target *target);

/* Queues one instruction on the stream: a CUDA error code. */
int torc_cuda_queue(cuda_target *target, uint32_t instr);
/* The halves of a tile of lookups: rows `row` .. row + count - 1, count <= lookups_at_once; out is
 * the element of the first. */
int torc_cuda_queue_keyswitch(const cuda_target *target, size_t row, uint32_t count);
int torc_cuda_queue_rotations(cuda_target *target, uint64_t *out, size_t row, uint32_t count);

/* Starts the program on what has been written; waits for it. */
TORC_MUST_CHECK torc_status torc_cuda_start(torc_ctx *ctx, cuda_target *target, size_t samples);
TORC_MUST_CHECK torc_status torc_cuda_finish(torc_ctx *ctx, cuda_target *target,
                                             torc_phase_seconds *phases);
void torc_cuda_graph_drop(cuda_target *target);

#endif
