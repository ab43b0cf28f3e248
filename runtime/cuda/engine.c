/* The CUDA backend: real ciphertexts on the kernels of kernels/kernels_cuda.h, on one device. In a
 * test build the same sources run against the emulator, as device "emu". */
#include "runtime/cuda/engine.h"

#include "runtime/cuda/devices.h"
#include "runtime/status.h"

#include <stdlib.h>

static void cuda_close(torc_target *base)
{
    cuda_target *t = (cuda_target *)base;
    if (t == NULL) {
        return;
    }
    (void)torc_gpu_device_use((int)t->device);
    torc_gpu_stream_destroy(t->copies); /* waits */
    torc_gpu_stream_destroy(t->stream);
    torc_cuda_graph_drop(t);
    torc_gpu_event_destroy(t->inbox_read);
    for (uint32_t i = 0; t->marks != NULL && i <= t->program->instr_count; i++) {
        torc_gpu_event_destroy(t->marks[i]);
    }
    torc_gpu_free(t->elements);
    torc_gpu_free(t->inbox);
    torc_gpu_free(t->bodies);
    torc_gpu_free(t->clear);
    torc_gpu_free(t->constants);
    torc_gpu_free(t->bootstrap_key);
    torc_gpu_free(t->keyswitch_key);
    torc_gpu_free(t->row_block);
    torc_gpu_free(t->switched_block);
    torc_gpu_free(t->scratch);
    torc_gpu_schedule_free(&t->schedule);
    free((void *)t->marks);
    free(t->input_runs);
    free(t->instrs);
    free(t);
}

/* --- opening -------------------------------------------------------------------------------------
 */

static torc_status device_alloc(torc_ctx *ctx, cuda_target *t, void *pointer, size_t bytes,
                                const char *doing)
{
    void **out = pointer;
    if (bytes == 0) {
        return TORC_OK;
    }
    TORC_TRY(torc_cuda_check(ctx, t, torc_gpu_alloc(out, bytes), doing));
    t->base.memory_bytes += bytes;
    return TORC_OK;
}

static torc_status load_keys(torc_ctx *ctx, cuda_target *t, const torc_evaluation_keys *keys)
{
    if (torc_program_lookup_count(t->program) == 0) {
        return TORC_OK;
    }
    TORC_TRY(device_alloc(ctx, t, &t->bootstrap_key, t->plan.bootstrap_key, "memory for keys"));
    TORC_TRY(device_alloc(ctx, t, &t->keyswitch_key, t->plan.keyswitch_key, "memory for keys"));
    return torc_cuda_keys_load(ctx, t, keys);
}

static torc_status alloc_memory(torc_ctx *ctx, cuda_target *t)
{
    const cuda_plan *p = &t->plan;
    TORC_TRY(device_alloc(ctx, t, &t->elements, p->elements, "memory for ciphertexts"));
    TORC_TRY(device_alloc(ctx, t, &t->inbox, p->inbox, "memory for inputs"));
    TORC_TRY(device_alloc(ctx, t, &t->bodies, p->bodies, "memory for inputs"));
    TORC_TRY(device_alloc(ctx, t, &t->clear, p->clear, "memory for clear values"));
    TORC_TRY(device_alloc(ctx, t, &t->constants, p->constants, "memory for the program"));
    TORC_TRY(device_alloc(ctx, t, &t->row_block, p->rows, "memory for lookups"));
    TORC_TRY(device_alloc(ctx, t, &t->switched_block, p->switched, "memory for lookups"));
    return device_alloc(ctx, t, &t->scratch, p->scratch, "memory for lookups");
}

static torc_status make_streams(torc_ctx *ctx, cuda_target *t)
{
    TORC_TRY(torc_cuda_check(ctx, t, torc_gpu_stream_create(&t->stream), "making a stream"));
    TORC_TRY(torc_cuda_check(ctx, t, torc_gpu_stream_create(&t->copies), "making a stream"));
    TORC_TRY(torc_cuda_check(ctx, t, torc_gpu_event_create(&t->inbox_read), "making events"));
    TORC_TRY(TORC_ALLOC(ctx, t->marks, t->program->instr_count + 1));
    for (uint32_t i = 0; i <= t->program->instr_count; i++) {
        TORC_TRY(torc_cuda_check(ctx, t, torc_gpu_event_create(&t->marks[i]), "making events"));
    }
    return TORC_OK;
}

/* Overlap is given up where there is no room for it, for clear values, which have none, and for
 * programs without instructions, which nothing starts. */
static torc_status plan_on_device(torc_ctx *ctx, cuda_target *t, const torc_target_options *options)
{
    size_t free_bytes = 0;
    size_t total_bytes = 0;
    TORC_TRY(torc_cuda_check(ctx, t, torc_gpu_memory(&free_bytes, &total_bytes),
                             "asking for the memory of the device"));
    t->base.overlap = options->overlap && t->program->clear_count == 0 &&
                      t->program->instr_count != 0 &&
                      torc_cuda_plan(NULL, &t->plan, t->program, &t->params, options->capacity,
                                     true, free_bytes) == TORC_OK;
    return torc_cuda_plan(ctx, &t->plan, t->program, &t->params, options->capacity, t->base.overlap,
                          free_bytes);
}

static torc_status fill(torc_ctx *ctx, cuda_target *t, const torc_evaluation_keys *keys,
                        const torc_target_options *options)
{
    TORC_TRY(torc_cuda_device_open(ctx, t->device, &t->schedule));
    TORC_TRY(plan_on_device(ctx, t, options));
    TORC_TRY(TORC_ALLOC(ctx, t->instrs, t->program->instr_count));
    TORC_TRY(torc_cuda_inbox_make(ctx, t));
    TORC_TRY(make_streams(ctx, t));
    TORC_TRY(load_keys(ctx, t, keys)); /* first: it needs room that is free only now */
    TORC_TRY(alloc_memory(ctx, t));
    return torc_cuda_program_load(ctx, t);
}

static torc_status cuda_open(torc_ctx *ctx, torc_target **out, const torc_program *program,
                             const torc_params *params, const torc_evaluation_keys *keys,
                             const torc_target_options *options)
{
    cuda_target *t = NULL;
    *out = NULL;
    if (options->capacity == 0) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "cuda: capacity is 0, at least 1 sample is needed");
    }
    TORC_TRY(torc_cuda_refuse(ctx, program, params, keys));
    TORC_TRY(TORC_ALLOC(ctx, t, 1));
    t->base.backend = torc_backend_cuda();
    t->base.element_words = torc_params_big_words(params);
    t->base.capacity = options->capacity;
    t->program = program;
    t->params = *params;
    t->shape = torc_shape_of(params);
    t->device = options->device;
    const torc_status status = fill(ctx, t, keys, options);
    if (status != TORC_OK) {
        cuda_close(&t->base);
        return status;
    }
    *out = &t->base;
    return TORC_OK;
}

/* --- values in and out ---------------------------------------------------------------------------
 */

static torc_status check_span(torc_ctx *ctx, const torc_target *target, uint64_t end,
                              uint32_t element_count, size_t samples)
{
    if (end > element_count || samples > target->capacity || samples == 0) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "cuda: elements up to %llu of %u, %zu samples of %zu: outside the target",
                         (unsigned long long)end, element_count, samples, target->capacity);
    }
    return TORC_OK;
}

/* Every call may come from a thread that has used another device. */
static torc_status enter(torc_ctx *ctx, cuda_target *t, uint64_t end, uint32_t element_count,
                         size_t samples)
{
    TORC_TRY(check_span(ctx, &t->base, end, element_count, samples));
    return torc_cuda_check(ctx, t, torc_gpu_device_use((int)t->device), "choosing the device");
}

/* The host's memory is the caller's again when the call returns. */
static torc_status finish(torc_ctx *ctx, const cuda_target *t, int error, const char *doing)
{
    const int waited = torc_gpu_stream_wait(t->stream);
    return torc_cuda_check(ctx, t, error != 0 ? error : waited, doing);
}

static torc_status cuda_write(torc_ctx *ctx, torc_target *base, uint32_t first, uint32_t count,
                              size_t samples, const uint64_t *host)
{
    cuda_target *t = (cuda_target *)base;
    TORC_TRY(enter(ctx, t, (uint64_t)first + count, t->program->element_count, samples));
    return torc_cuda_write(ctx, t, first, count, samples, host);
}

static torc_status cuda_write_seeded(torc_ctx *ctx, torc_target *base, uint32_t first,
                                     uint32_t count, size_t samples, const torc_seeded_rows *rows)
{
    cuda_target *t = (cuda_target *)base;
    TORC_TRY(enter(ctx, t, (uint64_t)first + count, t->program->element_count, samples));
    if (count * samples * sizeof *rows->body > t->plan.bodies) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "cuda: %u elements are more than the largest input has", count);
    }
    return torc_cuda_write_seeded(ctx, t, first, count, samples, rows);
}

static torc_status cuda_read(torc_ctx *ctx, torc_target *base, uint64_t *host, uint32_t first,
                             uint32_t count, size_t samples)
{
    cuda_target *t = (cuda_target *)base;
    const size_t bytes = count * samples * base->element_words * sizeof *host;
    TORC_TRY(enter(ctx, t, (uint64_t)first + count, t->program->element_count, samples));
    if (samples != t->samples) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "cuda: %zu samples were asked for, the target holds %zu", samples,
                         t->samples);
    }
    return finish(ctx, t, torc_gpu_copy_out(host, cuda_element(t, first), bytes, t->stream),
                  "copying ciphertexts from the device");
}

static torc_status cuda_write_clear(torc_ctx *ctx, torc_target *base, uint32_t first,
                                    uint32_t count, size_t samples, const int64_t *host)
{
    cuda_target *t = (cuda_target *)base;
    int error = 0;
    TORC_TRY(enter(ctx, t, (uint64_t)first + count, t->program->clear_count, samples));
    for (uint32_t i = 0; i < count && error == 0; i++) {
        error = torc_gpu_copy_in(t->clear + (size_t)(first + i) * base->capacity,
                                 host + i * samples, samples * sizeof *host, t->stream);
    }
    return finish(ctx, t, error, "copying clear values to the device");
}

/* --- running -------------------------------------------------------------------------------------
 */

/* The executor passes parts of the program's own instructions. */
static torc_status queue(torc_ctx *ctx, cuda_target *t, const torc_instr *instr, size_t samples)
{
    const torc_program *p = t->program;
    if (instr < p->instrs || instr >= p->instrs + p->instr_count) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "cuda: an instruction of another program");
    }
    TORC_TRY(enter(ctx, t, 0, p->element_count, samples));
    TORC_TRY(torc_cuda_lay_out(ctx, t, samples));
    return torc_cuda_check(ctx, t, torc_cuda_queue(t, (uint32_t)(instr - p->instrs)),
                           "starting an instruction");
}

static torc_status cuda_linear(torc_ctx *ctx, torc_target *base, const torc_linear *args,
                               size_t samples)
{
    const void *instr = (const char *)args - offsetof(torc_instr, linear);
    return queue(ctx, (cuda_target *)base, instr, samples);
}

static torc_status cuda_lookup(torc_ctx *ctx, torc_target *base, const torc_lookup *args,
                               size_t samples)
{
    const void *instr = (const char *)args - offsetof(torc_instr, lookup);
    return queue(ctx, (cuda_target *)base, instr, samples);
}

static torc_status cuda_sync(torc_ctx *ctx, torc_target *base)
{
    const cuda_target *t = (const cuda_target *)base;
    return finish(ctx, t, 0, "running the circuit");
}

static torc_status cuda_start(torc_ctx *ctx, torc_target *base, size_t samples)
{
    cuda_target *t = (cuda_target *)base;
    TORC_TRY(enter(ctx, t, 0, t->program->element_count, samples));
    return torc_cuda_start(ctx, t, samples);
}

static torc_status cuda_finish(torc_ctx *ctx, torc_target *base, torc_phase_seconds *phases)
{
    cuda_target *t = (cuda_target *)base;
    TORC_TRY(torc_cuda_check(ctx, t, torc_gpu_device_use((int)t->device), "choosing the device"));
    return torc_cuda_finish(ctx, t, phases);
}

const torc_backend *torc_backend_cuda(void)
{
    static const torc_backend backend = {.name = TORC_GPU_BACKEND,
                                         .open = cuda_open,
                                         .close = cuda_close,
                                         .write = cuda_write,
                                         .read = cuda_read,
                                         .write_clear = cuda_write_clear,
                                         .linear = cuda_linear,
                                         .lookup = cuda_lookup,
                                         .sync = cuda_sync,
                                         .start = cuda_start,
                                         .finish = cuda_finish,
                                         .write_seeded = cuda_write_seeded};
    return &backend;
}
