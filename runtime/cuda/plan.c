/* How much device memory a target takes, before anything is allocated; and how many samples it
 * should hold.
 *
 *   always   keys, constants
 *   a sample elements, clear elements, rows of its lookups, inputs of the next run with overlap
 *   a launch switched masks and scratch of as many lookups as fit the rest: all of the widest level
 *            when they do, else half of them, a quarter, ..
 *
 * A tenth of the device stays free: for the driver, the graph, and whoever else is there. */
#include "runtime/cuda/engine.h"
#include "runtime/status.h"

#include <math.h>

#define FREE_SHARE      0.9
#define STAGING_BYTES   ((size_t)64 << 20)
#define LOOKUPS_AT_MOST (UINT32_C(1) << 20) /* of one launch */
#define ALIGNMENT_ROOM  ((size_t)64)

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static uint32_t widest_level(const torc_program *program)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < program->instr_count; i++) {
        const torc_instr *instr = &program->instrs[i];
        if (instr->kind == TORC_INSTR_LOOKUP && instr->lookup.count > most) {
            most = instr->lookup.count;
        }
    }
    return most;
}

/* Bytes of `count` lookups in one launch. */
static size_t scratch_bytes(const torc_shape *shape, uint32_t count)
{
    return larger(torc_gpu_keyswitch_scratch_bytes(shape, count),
                  torc_gpu_rotate_scratch_bytes(shape, count));
}

static size_t switched_bytes(const torc_shape *shape, uint32_t count)
{
    const size_t each = sizeof(int64_t) + sizeof(uint32_t) * ((size_t)shape->lwe_dim + 1);
    return count * each + ALIGNMENT_ROOM;
}

/* Keys are loaded before anything but themselves is there. One row of either and its body must fit
 * the staging; more is faster, up to all of them. */
static size_t staging_bytes(const torc_params *p, const torc_shape *s, double room)
{
    const size_t glwe = (size_t)(s->glwe_dim + 2) * s->poly_size * sizeof(uint64_t);
    const size_t lwe =
        (size_t)CUDA_WORD_STEP * s->ks_level_count * (s->lwe_dim + 2) * sizeof(uint32_t);
    const size_t words = (size_t)s->glwe_dim * s->poly_size / CUDA_WORD_STEP;
    const size_t all = larger(torc_evk_bootstrap_rows(p) * glwe, words * lwe);
    const size_t some = all < STAGING_BYTES ? all : STAGING_BYTES;
    const size_t fitting = room < (double)some ? (size_t)fmax(room, 0) : some;
    return larger(fitting, larger(glwe, lwe)) + ALIGNMENT_ROOM;
}

/* Encrypted input elements: of all inputs, of the largest. */
typedef struct input_count {
    size_t all, largest;
} input_count;

static input_count count_inputs(const torc_program *program)
{
    input_count count = {0};
    for (uint32_t i = 0; i < program->input_count; i++) {
        if (program->inputs[i].encrypted) {
            count.all += program->inputs[i].count;
            count.largest = larger(count.largest, program->inputs[i].count);
        }
    }
    return count;
}

/* Blocks whose size does not depend on how many lookups go at once. */
static void plan_fixed(cuda_plan *out, const torc_program *program, const torc_params *params,
                       size_t capacity, bool overlap)
{
    const size_t lookups = torc_program_lookup_count(program);
    const input_count inputs = count_inputs(program);
    const size_t element_bytes = torc_params_big_words(params) * sizeof(uint64_t);
    *out = (cuda_plan){.elements = program->element_count * capacity * element_bytes,
                       .inbox = overlap ? inputs.all * capacity * element_bytes : 0,
                       .bodies = inputs.largest * capacity * sizeof(uint64_t),
                       .clear = program->clear_count * capacity * sizeof(int64_t),
                       .constants = torc_cuda_program_bytes(program)};
    if (lookups != 0) {
        const torc_shape shape = torc_shape_of(params);
        out->bootstrap_key = torc_gpu_bootstrap_key_bytes(&shape);
        out->keyswitch_key = torc_gpu_keyswitch_key_bytes(&shape);
        out->rows = lookups * capacity * CUDA_ROW_BYTES;
    }
}

size_t torc_cuda_plan_bytes(const cuda_plan *p)
{
    return p->elements + p->inbox + p->bodies + p->clear + p->constants + p->bootstrap_key +
           p->keyswitch_key + p->rows + p->switched + p->scratch;
}

/* Elements are counted in 32 bits by the kernels: places of all samples, words of one element. */
static torc_status check_counts(torc_ctx *ctx, const torc_program *program,
                                const torc_params *params, size_t capacity)
{
    const double places = (double)program->element_count * (double)capacity;
    const double words = (double)torc_params_big_words(params) * (double)capacity;
    if (fmax(places, words) >= (double)UINT32_MAX) {
        return torc_fail(ctx, TORC_E_MEMORY,
                         "cuda: %zu samples at once of %u ciphertexts each are too many; run fewer "
                         "samples at once",
                         capacity, program->element_count);
    }
    return TORC_OK;
}

torc_status torc_cuda_plan(torc_ctx *ctx, cuda_plan *out, const torc_program *program,
                           const torc_params *params, size_t capacity, bool overlap,
                           size_t device_bytes)
{
    const double room = FREE_SHARE * (double)device_bytes;
    TORC_TRY(check_counts(ctx, program, params, capacity));
    plan_fixed(out, program, params, capacity, overlap);
    const torc_shape shape = torc_shape_of(params);
    if (out->bootstrap_key != 0) {
        const double left = room - (double)(out->bootstrap_key + out->keyswitch_key);
        out->key_staging = staging_bytes(params, &shape, left - ALIGNMENT_ROOM);
    }
    const double most = (double)widest_level(program) * (double)capacity;
    uint32_t count = most < LOOKUPS_AT_MOST ? (uint32_t)most : LOOKUPS_AT_MOST;
    for (; count > 0; count /= 2) {
        out->lookups_at_once = count;
        out->switched = switched_bytes(&shape, count);
        out->scratch = scratch_bytes(&shape, count);
        if ((double)torc_cuda_plan_bytes(out) <= room || count == 1) {
            break;
        }
    }
    if ((double)torc_cuda_plan_bytes(out) > room) {
        return torc_fail(
            ctx, TORC_E_MEMORY,
            "cuda: %zu sample%s at once need%s %zu MiB of device memory (keys %zu MiB), "
            "%zu MiB are free of which nine tenths may be used; run fewer samples at "
            "once, or use another device",
            capacity, capacity == 1 ? "" : "s", capacity == 1 ? "s" : "",
            torc_cuda_plan_bytes(out) >> 20, (out->bootstrap_key + out->keyswitch_key) >> 20,
            device_bytes >> 20);
    }
    return TORC_OK;
}

/* --- capacity ------------------------------------------------------------------------------------
 */

/* A level in so many launches at most is worth another sample at once. */
#define TILES_AT_MOST 8u

static bool fits(const torc_program *program, const torc_params *params, size_t capacity,
                 bool overlap, size_t device_bytes)
{
    cuda_plan plan;
    const double lookups = (double)widest_level(program) * (double)capacity;
    return torc_cuda_plan(NULL, &plan, program, params, capacity, overlap, device_bytes) ==
               TORC_OK &&
           lookups <= TILES_AT_MOST * (double)plan.lookups_at_once;
}

/* The largest number of samples below `most` that fits beside the inputs of a second run; 1 when
 * none does. */
static size_t largest_part(const torc_program *program, const torc_params *params, size_t most,
                           size_t device_bytes)
{
    size_t least = 1;
    while (least < most) {
        const size_t middle = most - (most - least) / 2;
        if (fits(program, params, middle, true, device_bytes)) {
            least = middle;
        } else {
            most = middle - 1;
        }
    }
    return least;
}

torc_status torc_cuda_capacity(torc_ctx *ctx, size_t *out, const torc_program *program,
                               const torc_params *params, uint32_t device, size_t wanted)
{
    cuda_plan plan;
    size_t free_bytes = 0;
    size_t total_bytes = 0;
    const cuda_target asked = {.device = device};
    int error = torc_gpu_device_use((int)device);
    if (error == 0) {
        error = torc_gpu_memory(&free_bytes, &total_bytes);
    }
    TORC_TRY(torc_cuda_check(ctx, &asked, error, "asking for the memory of the device"));
    TORC_TRY(torc_params_check(ctx, params));
    TORC_TRY(torc_cuda_plan(ctx, &plan, program, params, 1, false, free_bytes));
    *out = wanted == 0 ? 1 : wanted;
    if (!fits(program, params, *out, false, free_bytes)) {
        *out = largest_part(program, params, *out, free_bytes);
    }
    return TORC_OK;
}
