/* The CPU backend: real ciphertexts on the vector kernels (kernels/kernels.h), OpenMP over groups,
 * samples and lookups. One to three key bits a step, tables of up to 8 bits.
 *
 * A program that passed torc_program_check never has an instruction that reads what it writes; the
 * kernels rely on that. */
#include "runtime/server/backend_cpu.h"

#include "runtime/shape.h"
#include "runtime/status.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    MAX_INDEX_BITS = 8,
    MAX_LEVEL_COUNT = 8,
    MAX_BASE_LOG = 50,
    MAX_GROUPED_BITS = 50, /* base_log * level_count when grouping > 1 */
    CHUNK_ROUNDS = 4,      /* batches a thread takes between two keyswitches */
    HUGE_PAGE_BYTES = 2 << 20
};

/* Memory of the target: aligned to 64 bytes, large blocks to huge pages; not zeroed. */
static torc_status target_alloc(torc_ctx *ctx, cpu_target *target, void **out, size_t count,
                                size_t size)
{
    size_t bytes = 0;
    *out = NULL;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - HUGE_PAGE_BYTES) {
        return torc_fail(ctx, TORC_E_MEMORY,
                         "cpu: a block of %zu times %zu bytes is larger than the address space; "
                         "run fewer samples at once",
                         count, size);
    }
    const size_t alignment = bytes >= HUGE_PAGE_BYTES ? HUGE_PAGE_BYTES : 64;
    bytes = bytes == 0 ? alignment : (bytes + alignment - 1) & ~(alignment - 1);
    *out = aligned_alloc(alignment, bytes);
    if (*out == NULL) {
        return torc_fail(ctx, TORC_E_MEMORY,
                         "cpu: %zu bytes not available; run fewer samples at once", bytes);
    }
    if (alignment == HUGE_PAGE_BYTES) {
        (void)madvise(*out, bytes, MADV_HUGEPAGE); /* advice: without it all still works */
    }
    target->base.memory_bytes += bytes;
    return TORC_OK;
}
#define TARGET_ALLOC(ctx, target, pointer, count) \
    target_alloc(ctx, target, (void **)&(pointer), count, sizeof *(pointer))

static void cpu_close(torc_target *base)
{
    cpu_target *target = (cpu_target *)base;
    if (target == NULL) {
        return;
    }
    free(target->elements);
    free(target->clear);
    free(target->bootstrap_key);
    free(target->keyswitch_key);
    free(target->thread_in);
    free(target->thread_out);
    free(target->thread_weight);
    free(target->small);
    free(target->lookup_in);
    free(target->lookup_out);
    free(target->lookup_entry);
    free(target->lookup_offset);
    free(target->lookup_bits);
    free(target->teams);
    free(target->thread_scratch);
    free(target);
}

/* What this backend cannot run; torc_params_check has passed before. */
static torc_status refuse_params(torc_ctx *ctx, const torc_params *params)
{
    const uint32_t bits = params->bootstrap.base_log * params->bootstrap.level_count;
    if (params->grouping > TORC_CPU_GROUPING_MAX) {
        return torc_fail(ctx, TORC_E_UNSUPPORTED,
                         "cpu: the circuit groups %u key bits a step, this backend runs 1 to %d; "
                         "compile it for the cpu",
                         params->grouping, TORC_CPU_GROUPING_MAX);
    }
    if (params->grouping > 1 && bits > MAX_GROUPED_BITS) {
        return torc_fail(ctx, TORC_E_UNSUPPORTED,
                         "cpu: bootstrap decomposition keeps %u bits, at most %d run here with %u "
                         "key bits a step; compile the circuit again",
                         bits, MAX_GROUPED_BITS, params->grouping);
    }
    if (params->bootstrap.level_count > MAX_LEVEL_COUNT ||
        params->bootstrap.base_log > MAX_BASE_LOG) {
        return torc_fail(ctx, TORC_E_UNSUPPORTED,
                         "cpu: bootstrap decomposition has base 2^%u and %u levels, at most 2^%d "
                         "and %d run here; compile the circuit again",
                         params->bootstrap.base_log, params->bootstrap.level_count, MAX_BASE_LOG,
                         MAX_LEVEL_COUNT);
    }
    return TORC_OK;
}

static torc_status refuse(torc_ctx *ctx, const torc_program *program, const torc_params *params,
                          const torc_evaluation_keys *keys, const torc_target_options *options)
{
    if (torc_cpu_forced_unknown() != NULL) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "cpu: TORC_CPU is \"%s\", which this machine does not run; use portable, "
                         "avx2 or avx512, or unset it",
                         torc_cpu_forced_unknown());
    }
    if (options->capacity == 0) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "cpu: capacity is 0, at least 1 sample is needed");
    }
    TORC_TRY(torc_params_check(ctx, params));
    for (uint32_t i = 0; i < program->table_count; i++) {
        if (program->tables[i].index_bits > MAX_INDEX_BITS) {
            return torc_fail(ctx, TORC_E_WIDTH,
                             "cpu: table %u has %u index bits, at most %d run encrypted; round "
                             "its input first",
                             i, program->tables[i].index_bits, MAX_INDEX_BITS);
        }
    }
    if (torc_program_lookup_count(program) == 0) {
        return TORC_OK;
    }
    if (!torc_params_has_lookup(params)) {
        return torc_fail(ctx, TORC_E_MISMATCH,
                         "cpu: the circuit has lookups and its parameters have none (lwe_dim 0); "
                         "compile it again");
    }
    TORC_TRY(refuse_params(ctx, params));
    return torc_evk_fits(ctx, keys, params, "cpu");
}

/* The largest row of sources of any linear instruction, and whether weights meet clear values. */
static void linear_extent(const torc_program *program, uint32_t *in_max, bool *weight_clear)
{
    *in_max = 1;
    *weight_clear = false;
    for (uint32_t i = 0; i < program->instr_count; i++) {
        const torc_instr *instr = &program->instrs[i];
        if (instr->kind == TORC_INSTR_LINEAR) {
            *in_max = instr->linear.in_count > *in_max ? instr->linear.in_count : *in_max;
            *weight_clear = *weight_clear || instr->linear.weight_clear != NULL;
        }
    }
}

static torc_status alloc_memory(torc_ctx *ctx, cpu_target *target, const torc_program *program)
{
    const size_t capacity = target->base.capacity;
    bool weight_clear = false;
    size_t element_bytes = 0;

    linear_extent(program, &target->in_max, &weight_clear);
    target->out_max = CPU_LINEAR_OUTPUTS;
    if (__builtin_mul_overflow(capacity, target->base.element_words * sizeof(uint64_t),
                               &element_bytes)) {
        return torc_fail(ctx, TORC_E_MEMORY, "cpu: %zu samples at once are too many", capacity);
    }
    TORC_TRY(target_alloc(ctx, target, (void **)&target->elements, program->element_count,
                          element_bytes));
    TORC_TRY(target_alloc(ctx, target, (void **)&target->clear, program->clear_count,
                          capacity * sizeof(int64_t)));
    const size_t room = (size_t)target->threads * target->in_max;
    TORC_TRY(TARGET_ALLOC(ctx, target, target->thread_in, room));
    TORC_TRY(
        TARGET_ALLOC(ctx, target, target->thread_out, (size_t)target->threads * target->out_max));
    return TARGET_ALLOC(ctx, target, target->thread_weight,
                        weight_clear ? room * target->out_max : 0);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Of one thread: for either kernel, and for expanded rows: one of the bootstrap key, two of the
 * other. */
static size_t scratch_bytes(const cpu_target *target)
{
    const torc_shape *shape = &target->shape;
    const size_t keyswitch_rows = 2 * (size_t)(shape->lwe_dim + 1) * sizeof(uint32_t);
    const size_t bootstrap_row =
        (size_t)(shape->glwe_dim + 1) * shape->poly_size * sizeof(uint64_t);
    const size_t kernels =
        larger(target->kernels->keyswitch_scratch_bytes(shape, CPU_KEYSWITCH_BATCH),
               target->kernels->bootstrap_scratch_bytes(shape, target->batch));
    return (larger(kernels, larger(keyswitch_rows, bootstrap_row)) + 63) & ~(size_t)63;
}

static torc_status alloc_lookup(torc_ctx *ctx, cpu_target *target)
{
    const torc_shape *shape = &target->shape;
    target->batch = target->kernels->bootstrap_batch(shape);
    target->chunk = (size_t)CHUNK_ROUNDS * target->batch * target->threads;
    target->scratch_bytes = scratch_bytes(target);
    TORC_TRY(TARGET_ALLOC(ctx, target, target->small, target->chunk * (shape->lwe_dim + 1)));
    TORC_TRY(TARGET_ALLOC(ctx, target, target->lookup_in, target->chunk));
    TORC_TRY(TARGET_ALLOC(ctx, target, target->lookup_out, target->chunk));
    TORC_TRY(TARGET_ALLOC(ctx, target, target->lookup_entry, target->chunk));
    TORC_TRY(TARGET_ALLOC(ctx, target, target->lookup_offset, target->chunk));
    TORC_TRY(TARGET_ALLOC(ctx, target, target->lookup_bits, target->chunk));
    TORC_TRY(TARGET_ALLOC(ctx, target, target->teams, target->threads));
    TORC_TRY(target_alloc(ctx, target, (void **)&target->thread_scratch, target->threads,
                          target->scratch_bytes));
    TORC_TRY(target_alloc(ctx, target, &target->bootstrap_key,
                          target->kernels->bootstrap_key_bytes(shape), 1));
    return target_alloc(ctx, target, &target->keyswitch_key,
                        target->kernels->keyswitch_key_bytes(shape), 1);
}

torc_key_room torc_cpu_key_room(const torc_target *base)
{
    const cpu_target *target = (const cpu_target *)base;
    if (target->bootstrap_key == NULL) {
        return (torc_key_room){0};
    }
    return (torc_key_room){target->bootstrap_key,
                           target->kernels->bootstrap_key_bytes(&target->shape)};
}

static torc_status cpu_open(torc_ctx *ctx, torc_target **out, const torc_program *program,
                            const torc_params *params, const torc_evaluation_keys *keys,
                            const torc_target_options *options)
{
    cpu_target *target = NULL;
    *out = NULL;
    TORC_TRY(refuse(ctx, program, params, keys, options));
    TORC_TRY(TORC_ALLOC(ctx, target, 1));
    target->base.backend = torc_backend_cpu();
    target->base.element_words = torc_params_big_words(params);
    target->base.capacity = options->capacity;
    target->base.memory_bytes = sizeof *target;
    target->kernels = torc_cpu_kernels_get();
    target->program = program;
    target->shape = torc_shape_of(params);
    target->threads = options->threads != 0 ? options->threads : (uint32_t)omp_get_max_threads();

    torc_status status = alloc_memory(ctx, target, program);
    if (status == TORC_OK && torc_program_lookup_count(program) != 0) {
        status = alloc_lookup(ctx, target);
        if (status == TORC_OK) {
            torc_cpu_load_keys(target, keys);
        }
    }
    if (status != TORC_OK) {
        cpu_close(&target->base);
        return status;
    }
    *out = &target->base;
    return TORC_OK;
}

static torc_status check_span(torc_ctx *ctx, const torc_target *target, uint64_t end,
                              uint32_t element_count, size_t samples)
{
    if (end > element_count || samples > target->capacity) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "cpu: elements up to %llu of %u, %zu samples of %zu: outside the target",
                         (unsigned long long)end, element_count, samples, target->capacity);
    }
    return TORC_OK;
}

static torc_status cpu_write(torc_ctx *ctx, torc_target *base, uint32_t first, uint32_t count,
                             size_t samples, const uint64_t *host)
{
    const cpu_target *target = (const cpu_target *)base;
    const size_t words = samples * base->element_words;
    TORC_TRY(
        check_span(ctx, base, (uint64_t)first + count, target->program->element_count, samples));
    for (uint32_t i = 0; i < count; i++) {
        memcpy(cpu_element(target, first + i, 0), host + i * words, words * sizeof *host);
    }
    return TORC_OK;
}

static torc_status cpu_read(torc_ctx *ctx, torc_target *base, uint64_t *host, uint32_t first,
                            uint32_t count, size_t samples)
{
    const cpu_target *target = (const cpu_target *)base;
    const size_t words = samples * base->element_words;
    TORC_TRY(
        check_span(ctx, base, (uint64_t)first + count, target->program->element_count, samples));
    for (uint32_t i = 0; i < count; i++) {
        memcpy(host + i * words, cpu_element(target, first + i, 0), words * sizeof *host);
    }
    return TORC_OK;
}

static torc_status cpu_write_clear(torc_ctx *ctx, torc_target *base, uint32_t first, uint32_t count,
                                   size_t samples, const int64_t *host)
{
    const cpu_target *target = (const cpu_target *)base;
    TORC_TRY(check_span(ctx, base, (uint64_t)first + count, target->program->clear_count, samples));
    for (uint32_t i = 0; i < count; i++) {
        memcpy(target->clear + (size_t)(first + i) * base->capacity, host + i * samples,
               samples * sizeof *host);
    }
    return TORC_OK;
}

static torc_status cpu_sync(torc_ctx *ctx, torc_target *target)
{
    (void)ctx;
    (void)target;
    return TORC_OK; /* every call returns when its work is done */
}

const torc_backend *torc_backend_cpu(void)
{
    static const torc_backend backend = {.name = "cpu",
                                         .open = cpu_open,
                                         .close = cpu_close,
                                         .write = cpu_write,
                                         .read = cpu_read,
                                         .write_clear = cpu_write_clear,
                                         .linear = torc_cpu_linear,
                                         .lookup = torc_cpu_lookup,
                                         .sync = cpu_sync};
    return &backend;
}
