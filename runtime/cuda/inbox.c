/* Inputs on their way in, on a stream of their own.
 *
 * With overlap, inputs of the next run are written to a block beside the elements while the present
 * one computes; when that run starts they are copied over, which takes as long as the device needs
 * to read and write them once. An event keeps the next write from coming before that copy has
 * read; the host waits for its own copies, so nothing can start on half of the inputs. Without
 * overlap they go to their elements at once.
 *
 * Seeded ciphertexts cross as their bodies alone; the masks are expanded on the device. */
#include "runtime/cuda/engine.h"
#include "runtime/rng.h"
#include "runtime/status.h"

#include <string.h>

/* --- where inputs stand --- */

/* Runs of neighbouring input elements, in the order of the inputs. */
torc_status torc_cuda_inbox_make(torc_ctx *ctx, cuda_target *target)
{
    const torc_program *program = target->program;
    uint32_t slot = 0;
    TORC_TRY(TORC_ALLOC(ctx, target->input_runs, program->element_count)); /* at most */
    for (uint32_t in = 0; in < program->input_count; in++) {
        const torc_place *place = &program->inputs[in];
        for (uint32_t i = 0, count = 0; place->encrypted && i < place->count; i += count) {
            for (count = 1; i + count < place->count &&
                            place->element[i + count] == place->element[i] + count;) {
                count++;
            }
            target->input_runs[target->input_run_count++] =
                (cuda_input_run){place->element[i], slot, count};
            slot += count;
        }
    }
    return TORC_OK;
}

/* Where elements first .. first + count - 1 are written: NULL when there is no such place. */
static uint64_t *place_of(cuda_target *t, uint32_t first, uint32_t count, size_t samples)
{
    const size_t row = samples * t->base.element_words;
    if (!t->base.overlap) {
        return t->elements + first * row;
    }
    for (uint32_t i = 0; i < t->input_run_count; i++) {
        const cuda_input_run *run = &t->input_runs[i];
        if (first >= run->element && first - run->element + (uint64_t)count <= run->count) {
            return t->inbox + (run->slot + first - run->element) * row;
        }
    }
    return NULL;
}

/* --- writing --- */

/* Lays out what is written to: the elements, or the inbox behind its last reader. */
static torc_status prepare(torc_ctx *ctx, cuda_target *t, uint64_t **to, uint32_t first,
                           uint32_t count, size_t samples)
{
    if (!t->base.overlap) {
        TORC_TRY(torc_cuda_lay_out(ctx, t, samples));
    } else {
        t->inbox_samples = samples;
        TORC_TRY(torc_cuda_check(ctx, t, torc_gpu_stream_after(t->copies, t->inbox_read),
                                 "waiting for the inputs of the last run"));
    }
    *to = place_of(t, first, count, samples);
    if (*to == NULL) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "cuda: elements %u to %u are no input: only inputs are written while "
                         "runs overlap",
                         first, first + count - 1);
    }
    return TORC_OK;
}

/* The host's memory is the caller's again when the call returns. */
static torc_status finish(torc_ctx *ctx, const cuda_target *t, int error)
{
    const int waited = torc_gpu_stream_wait(t->copies);
    return torc_cuda_check(ctx, t, error != 0 ? error : waited, "copying inputs to the device");
}

torc_status torc_cuda_write(torc_ctx *ctx, cuda_target *t, uint32_t first, uint32_t count,
                            size_t samples, const uint64_t *host)
{
    const size_t bytes = count * samples * t->base.element_words * sizeof *host;
    uint64_t *to = NULL;
    TORC_TRY(prepare(ctx, t, &to, first, count, samples));
    return finish(ctx, t, torc_gpu_copy_in(to, host, bytes, t->copies));
}

/* Row sample * count + i of the stream is element first + i. */
torc_status torc_cuda_write_seeded(torc_ctx *ctx, cuda_target *t, uint32_t first, uint32_t count,
                                   size_t samples, const torc_seeded_rows *rows)
{
    const size_t words = t->base.element_words;
    uint64_t *to = NULL;
    torc_expansion e = {.domain = TORC_MASK_CIPHERTEXT,
                        .first_row = rows->first_row,
                        .outer_count = (uint32_t)samples,
                        .inner_count = count,
                        .outer_stride = words,
                        .inner_stride = samples * words,
                        .mask_words = (uint32_t)words - 1,
                        .body_words = 1};
    memcpy(e.seed, rows->seed, sizeof e.seed);
    TORC_TRY(prepare(ctx, t, &to, first, count, samples));
    int error =
        torc_gpu_copy_in(t->bodies, rows->body, count * samples * sizeof *rows->body, t->copies);
    if (error == 0) {
        error = torc_gpu_expand_u64(to, t->bodies, &e, t->copies);
    }
    return finish(ctx, t, error);
}

/* --- reading --- */

int torc_cuda_inbox_take(cuda_target *t)
{
    const size_t row = t->samples * t->base.element_words;
    int error = 0;
    for (uint32_t i = 0; i < t->input_run_count && error == 0; i++) {
        const cuda_input_run *run = &t->input_runs[i];
        error = torc_gpu_copy(t->elements + run->element * row, t->inbox + run->slot * row,
                              run->count * row * sizeof(uint64_t), t->stream);
    }
    return error != 0 ? error : torc_gpu_event_record(t->inbox_read, t->stream);
}
