/* The virtual backend: an element is its phase alone. It defines what the two instructions mean;
 * every other backend must agree with it. It protects nothing and needs no key.
 *
 *   word[element][capacity]   the phase modulo 2^64, exact (plus noise when noisy)
 *   wide[element][capacity]   the same value before any reduction, in units of the torus; it serves
 *                             only to count overflows, so rounding errors far below 1/2 are
 *                             harmless
 *   clear[element][capacity]  clear run-time inputs
 *
 * Noisy: one real noise sample for each written input and each lookup, of the variances of the
 * parameter set, carried by the words through linear layers; so its error statistics, correlations
 * included, are those of the real circuit. Must not know encodings, ports or instruction order.
 *
 * Takes any program and any words, which is what a definition is for; sim_program.c runs most
 * programs several times as fast, and is tested against this. */
#include "runtime/server/backend_virtual.h"

#include "runtime/server/sim_noise.h"
#include "runtime/status.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SAMPLES 64     /* of a source and an accumulator together: stays in L1 */
#define PARALLEL_WORK 500000 /* multiply-adds, 0.5 ms: below, threads cost more than they bring */
#define LOOKUP_WORK   20     /* multiply-adds that cost as much as one lookup */

typedef struct virtual_target {
    torc_target base;
    const torc_program *program;
    int threads;
    uint64_t *word;
    double *wide;
    int64_t *clear;
    bool noisy;
    uint64_t noise_seed;
    uint64_t noise_call;
    torc_sim_std std;
} virtual_target;

/* A part of one element's samples. */
typedef struct block {
    size_t first;
    size_t count;
} block;

static size_t block_count(size_t samples)
{
    return (samples + BLOCK_SAMPLES - 1) / BLOCK_SAMPLES;
}

static block block_at(size_t index, size_t samples)
{
    const size_t first = index * BLOCK_SAMPLES;
    const size_t rest = samples - first;
    return (block){first, rest < BLOCK_SAMPLES ? rest : BLOCK_SAMPLES};
}

static double signed_torus(uint64_t word)
{
    return (double)(int64_t)word * 0x1p-64;
}

static uint64_t torus_word(double noise) /* |noise| < 1/2 */
{
    return (uint64_t)(int64_t)rint(noise * 0x1p64);
}

/* --- opening and closing -------------------------------------------------------------------------
 */

static void close_target(torc_target *target)
{
    virtual_target *t = (virtual_target *)target;
    if (t != NULL) {
        free(t->word);
        free(t->wide);
        free(t->clear);
        free(t);
    }
}

static torc_status allocate(torc_ctx *ctx, virtual_target *t, size_t capacity)
{
    size_t words = 0;
    size_t clears = 0;
    if (__builtin_mul_overflow(t->program->element_count, capacity, &words) ||
        __builtin_mul_overflow(t->program->clear_count, capacity, &clears)) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "virtual backend: %zu samples are too many",
                         capacity);
    }
    TORC_TRY(TORC_ALLOC(ctx, t->word, words));
    TORC_TRY(TORC_ALLOC(ctx, t->wide, words));
    TORC_TRY(TORC_ALLOC(ctx, t->clear, clears));
    t->base.memory_bytes = words * (sizeof *t->word + sizeof *t->wide) + clears * sizeof *t->clear;
    return TORC_OK;
}

static torc_status open_target(torc_ctx *ctx, torc_target **out, const torc_program *program,
                               const torc_params *params, const torc_evaluation_keys *keys,
                               const torc_target_options *options)
{
    virtual_target *t = NULL;
    (void)keys;
    *out = NULL;
    if (options->capacity == 0) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "virtual backend: a capacity of 0 samples, give 1 or more");
    }
    TORC_TRY(TORC_ALLOC(ctx, t, 1));
    t->base = (torc_target){
        .backend = torc_backend_virtual(), .element_words = 1, .capacity = options->capacity};
    t->program = program;
    t->threads = options->threads == 0 ? omp_get_max_threads() : (int)options->threads;
    t->noisy = options->noisy;
    t->noise_seed = options->noise_seed;
    torc_status s =
        options->noisy ? torc_sim_std_of(ctx, &t->std, params, options->engine) : TORC_OK;
    if (s == TORC_OK) {
        s = allocate(ctx, t, options->capacity);
    }
    if (s != TORC_OK) {
        close_target(&t->base);
        return s;
    }
    *out = &t->base;
    return TORC_OK;
}

/* --- transfers -----------------------------------------------------------------------------------
 */

static torc_status check_span(torc_ctx *ctx, const torc_target *target, uint64_t first,
                              uint64_t count, uint64_t limit, size_t samples)
{
    if (first + count > limit || samples > target->capacity) {
        return torc_fail(ctx, TORC_E_INTERNAL,
                         "virtual backend: elements %llu to %llu of %llu, %zu samples of %zu",
                         (unsigned long long)first, (unsigned long long)(first + count),
                         (unsigned long long)limit, samples, target->capacity);
    }
    return TORC_OK;
}

static void add_fresh_noise(const virtual_target *t, uint64_t *word, double *wide, size_t samples,
                            uint32_t element)
{
    double noise[BLOCK_SAMPLES];
    for (size_t b = 0; b < block_count(samples); b++) {
        const block at = block_at(b, samples);
        const torc_sim_stream stream = {t->noise_seed, t->noise_call, element};
        torc_sim_noise(noise, at.count, at.first, t->std.fresh, 0, stream);
        for (size_t s = 0; s < at.count; s++) {
            word[at.first + s] += torus_word(noise[s]);
            wide[at.first + s] += noise[s];
        }
    }
}

static torc_status write_elements(torc_ctx *ctx, torc_target *target, uint32_t first,
                                  uint32_t count, size_t samples, const uint64_t *host)
{
    virtual_target *t = (virtual_target *)target;
    TORC_TRY(check_span(ctx, target, first, count, t->program->element_count, samples));
    for (uint32_t e = 0; e < count; e++) {
        const size_t row = (size_t)(first + e) * target->capacity;
        for (size_t s = 0; s < samples; s++) {
            t->word[row + s] = host[e * samples + s];
            t->wide[row + s] = signed_torus(host[e * samples + s]);
        }
        if (t->noisy) {
            add_fresh_noise(t, t->word + row, t->wide + row, samples, e);
        }
    }
    t->noise_call++;
    return TORC_OK;
}

static torc_status read_elements(torc_ctx *ctx, torc_target *target, uint64_t *host, uint32_t first,
                                 uint32_t count, size_t samples)
{
    const virtual_target *t = (const virtual_target *)target;
    TORC_TRY(check_span(ctx, target, first, count, t->program->element_count, samples));
    for (uint32_t e = 0; e < count; e++) {
        memcpy(host + e * samples, t->word + (size_t)(first + e) * target->capacity,
               samples * sizeof *host);
    }
    return TORC_OK;
}

static torc_status write_clear(torc_ctx *ctx, torc_target *target, uint32_t first, uint32_t count,
                               size_t samples, const int64_t *host)
{
    virtual_target *t = (virtual_target *)target;
    TORC_TRY(check_span(ctx, target, first, count, t->program->clear_count, samples));
    for (uint32_t e = 0; e < count; e++) {
        memcpy(t->clear + (size_t)(first + e) * target->capacity, host + e * samples,
               samples * sizeof *host);
    }
    return TORC_OK;
}

void torc_virtual_count_outside(torc_target *target, uint32_t element, size_t samples, double low)
{
    const virtual_target *t = (const virtual_target *)target;
    const size_t row = (size_t)element * target->capacity;
    const uint64_t low_word = torus_word(low + 0.5) - ((uint64_t)1 << 63);
    for (size_t s = 0; s < samples; s++) {
        /* The word is exact, the wide value says only which turn it is on. */
        const uint64_t above_low = t->word[row + s] - low_word;
        const double turns = t->wide[row + s] - low - (double)above_low * 0x1p-64;
        target->overflow_count += fabs(turns) > 0.5;
    }
}

/* --- linear --------------------------------------------------------------------------------------
 */

typedef struct accumulator {
    uint64_t word[BLOCK_SAMPLES];
    double wide[BLOCK_SAMPLES];
} accumulator;

static void add_source(accumulator *acc, const virtual_target *t, uint32_t element, int64_t weight,
                       block at)
{
    const size_t row = (size_t)element * t->base.capacity + at.first;
    const uint64_t *word = t->word + row;
    const double *wide = t->wide + row;
    for (size_t s = 0; s < at.count; s++) {
        acc->word[s] += (uint64_t)weight * word[s];
    }
    for (size_t s = 0; s < at.count; s++) {
        acc->wide[s] += (double)weight * wide[s];
    }
}

/* The weight times a clear value of each sample. */
static void add_clear_source(accumulator *acc, const virtual_target *t, uint32_t element,
                             int64_t weight, uint32_t clear, block at)
{
    const size_t row = (size_t)element * t->base.capacity + at.first;
    const int64_t *factor = t->clear + (size_t)clear * t->base.capacity + at.first;
    for (size_t s = 0; s < at.count; s++) {
        acc->word[s] += (uint64_t)weight * (uint64_t)factor[s] * t->word[row + s];
        acc->wide[s] += (double)weight * (double)factor[s] * t->wide[row + s];
    }
}

static void linear_output(virtual_target *t, const torc_linear *a, size_t g, size_t o, block at)
{
    accumulator acc;
    const size_t at_constant = (a->constant_groups == 1 ? 0 : g) * a->out_count + o;
    const uint64_t constant = a->constant[at_constant];
    const double turns = a->constant_turns == NULL ? 0 : (double)a->constant_turns[at_constant];
    for (size_t s = 0; s < at.count; s++) {
        acc.word[s] = constant;
        acc.wide[s] = signed_torus(constant) + turns;
    }
    const size_t weights = ((a->weight_groups == 1 ? 0 : g) * a->out_count + o) * a->in_count;
    for (size_t i = 0; i < a->in_count; i++) {
        const uint32_t element = a->gather[g * a->in_count + i];
        const int64_t weight = a->weight[weights + i];
        if (element == TORC_NO_ELEMENT || weight == 0) {
            continue;
        }
        const uint32_t clear =
            a->weight_clear == NULL ? TORC_NO_ELEMENT : a->weight_clear[weights + i];
        if (clear == TORC_NO_ELEMENT) {
            add_source(&acc, t, element, weight, at);
        } else {
            add_clear_source(&acc, t, element, weight, clear, at);
        }
    }
    const size_t row =
        (a->out + g * a->out_group_stride + o * a->out_stride) * t->base.capacity + at.first;
    memcpy(t->word + row, acc.word, at.count * sizeof *t->word);
    memcpy(t->wide + row, acc.wide, at.count * sizeof *t->wide);
}

static void add_clear_terms(virtual_target *t, const torc_linear *a, size_t samples)
{
    for (size_t i = 0; i < a->clear_term_count; i++) {
        const size_t row = (size_t)a->clear_term_out[i] * t->base.capacity;
        const int64_t *value = t->clear + (size_t)a->clear_term_element[i] * t->base.capacity;
        const uint64_t scale = a->clear_term_scale[i];
        for (size_t s = 0; s < samples; s++) {
            t->word[row + s] += scale * (uint64_t)value[s];
            t->wide[row + s] += signed_torus(scale) * (double)value[s];
        }
    }
}

static torc_status run_linear(torc_ctx *ctx, torc_target *target, const torc_linear *args,
                              size_t samples)
{
    virtual_target *t = (virtual_target *)target;
    (void)ctx;
    const size_t blocks = block_count(samples);
    const size_t rows = (size_t)args->group_count * args->out_count;
    const bool parallel = rows * (args->in_count + 1) * samples > PARALLEL_WORK;
#pragma omp parallel for schedule(static) num_threads(t->threads) if (parallel)
    for (size_t task = 0; task < rows * blocks; task++) {
        const size_t row = task % rows; /* outputs of one block together: they share its sources */
        linear_output(t, args, row / args->out_count, row % args->out_count,
                      block_at(task / rows, samples));
    }
    add_clear_terms(t, args, samples);
    return TORC_OK;
}

/* --- lookup --------------------------------------------------------------------------------------
 */

/* Noise of a block, or zeros. Draw 0 of an instruction is before the table, draw 1 behind it. */
static void draw(double *noise, const virtual_target *t, uint32_t index, uint64_t which, block at)
{
    if (!t->noisy) {
        memset(noise, 0, at.count * sizeof *noise);
        return;
    }
    const torc_sim_stream stream = {t->noise_seed, t->noise_call + which, index};
    const double std = which == 0 ? t->std.lookup_in : t->std.lookup_out;
    torc_sim_noise(noise, at.count, at.first, std, 0, stream);
}

/* One lookup on a block of samples; returns how many overflowed.
 *   x = phase + offset + half a bin;  u = top P + 1 bits of x;  the upper half is negacyclic */
static uint64_t lookup_block(virtual_target *t, const torc_lookup *a, uint32_t index, block at)
{
    double in_noise[BLOCK_SAMPLES];
    double out_noise[BLOCK_SAMPLES];
    const torc_table *table = &t->program->tables[a->table[index]];
    const uint32_t bits = table->index_bits;
    const uint64_t half_bin = (uint64_t)1 << (62 - bits);
    const uint64_t *in_word = t->word + (size_t)a->in[index] * t->base.capacity + at.first;
    const double *in_wide = t->wide + (size_t)a->in[index] * t->base.capacity + at.first;
    uint64_t *out_word = t->word + (size_t)(a->out + index) * t->base.capacity + at.first;
    double *out_wide = t->wide + (size_t)(a->out + index) * t->base.capacity + at.first;
    const double shift_wide = signed_torus(a->offset[index]) + (double)half_bin * 0x1p-64;
    uint64_t overflows = 0;
    draw(in_noise, t, index, 0, at);
    draw(out_noise, t, index, 1, at);
    for (size_t s = 0; s < at.count; s++) {
        const uint64_t x = in_word[s] + torus_word(in_noise[s]) + a->offset[index] + half_bin;
        const double x_wide = in_wide[s] + in_noise[s] + shift_wide;
        const uint64_t u = x >> (63 - bits);
        const bool upper = (u >> bits) != 0;
        const uint64_t entry = table->entry[u & (((uint64_t)1 << bits) - 1)];
        const uint64_t value = upper ? 0 - entry : entry;
        overflows += upper || fabs(x_wide - (double)x * 0x1p-64) > 0.5; /* on another turn */
        out_word[s] = value + torus_word(out_noise[s]);
        out_wide[s] = signed_torus(value) + out_noise[s];
    }
    return overflows;
}

static torc_status run_lookup(torc_ctx *ctx, torc_target *target, const torc_lookup *args,
                              size_t samples)
{
    virtual_target *t = (virtual_target *)target;
    (void)ctx;
    const size_t blocks = block_count(samples);
    uint64_t overflows = 0;
    const bool parallel = args->count * samples * LOOKUP_WORK > PARALLEL_WORK;
#pragma omp parallel for schedule(static) num_threads(t->threads) reduction(+ : overflows) if (parallel)
    for (size_t task = 0; task < args->count * blocks; task++) {
        overflows +=
            lookup_block(t, args, (uint32_t)(task / blocks), block_at(task % blocks, samples));
    }
    t->noise_call += 2;
    target->overflow_count += overflows;
    return TORC_OK;
}

static torc_status sync_target(torc_ctx *ctx, torc_target *target)
{
    (void)ctx;
    (void)target;
    return TORC_OK;
}

const torc_backend *torc_backend_virtual(void)
{
    static const torc_backend backend = {
        .name = "virtual",
        .open = open_target,
        .close = close_target,
        .write = write_elements,
        .read = read_elements,
        .write_clear = write_clear,
        .linear = run_linear,
        .lookup = run_lookup,
        .sync = sync_target,
    };
    return &backend;
}
