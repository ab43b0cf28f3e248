/* torc_bench steps: the inner figures of the CPU's blind rotation on one core, in processor time:
 * a forward transform, and a step of 1, 2 or 3 key bits while a batch walks through the key.
 * Checked with trivial keys (no mask, no noise): what a rotation gives is known beforehand. */
#include "bench/bench.h"
#include "kernels/kernels.h"
#include "runtime/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    POLY_SIZE = 2048,
    LWE_DIM = 300, /* key bits walked: long enough that start and end do not count */
    BASE_LOG = 23,
    INDEX_BITS = 4,
    ENTRIES = 1 << INDEX_BITS,
    BATCH_MAX = 16,
    TRANSFORMS = 500, /* timed as one */
    ROUNDS_FACTOR = 4 /* rounds for each of --repeats */
};
#define TOLERANCE ((uint64_t)1 << 48) /* of 2^64: 600 rounded digits, far from a bin of 2^60 */

/* A rotation of `batch` ciphertexts, with everything that it needs. */
typedef struct steps_world {
    const torc_cpu_kernels *kernels;
    torc_shape shape;
    uint32_t batch;
    uint64_t secret[LWE_DIM]; /* bits */
    uint64_t table[ENTRIES];
    uint32_t small[BATCH_MAX][LWE_DIM + 1];
    uint64_t out[BATCH_MAX][POLY_SIZE + 1];
    void *key, *scratch;
} steps_world;

static uint64_t next_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* --- a key without noise --- */

/* Whether term `term` of the step encrypts 1: its bits are the key bits. */
static bool term_is_one(const steps_world *w, size_t step, size_t term)
{
    size_t bits = 0;
    for (uint32_t b = 0; b < w->shape.grouping; b++) {
        bits |= (size_t)w->secret[step * w->shape.grouping + b] << b;
    }
    return bits == term;
}

/* Rows (step, term, column) of one level: 2^(64 - base_log) in the row's own column, or nothing. */
static void fill_key(steps_world *w)
{
    const size_t steps = LWE_DIM / w->shape.grouping;
    const size_t terms = (size_t)1 << w->shape.grouping;
    static uint64_t glwe[2][POLY_SIZE];
    size_t row = 0;
    for (size_t step = 0; step < steps; step++) {
        for (size_t term = 1; term < terms; term++) {
            for (size_t column = 0; column < 2; column++) {
                const uint64_t bit = term_is_one(w, step, term) ? 1 : 0;
                glwe[column][0] = bit << (64 - BASE_LOG);
                w->kernels->bootstrap_key_row(w->key, row++, glwe[0], &w->shape);
                glwe[column][0] = 0;
            }
        }
        w->kernels->bootstrap_key_step(w->key, step, &w->shape);
    }
}

static torc_status aligned(torc_ctx *ctx, void **out, size_t bytes)
{
    const size_t size = (bytes + 63) & ~(size_t)63;
    *out = aligned_alloc(64, size);
    if (*out == NULL) {
        return torc_fail(ctx, TORC_E_MEMORY, "steps: %zu bytes not available", size);
    }
    memset(*out, 0, size);
    return TORC_OK;
}

static torc_status open_world(torc_ctx *ctx, steps_world *w, uint32_t grouping)
{
    uint64_t seed = grouping;
    w->kernels = torc_cpu_kernels_get();
    w->shape = (torc_shape){.glwe_dim = 1,
                            .poly_size = POLY_SIZE,
                            .lwe_dim = LWE_DIM,
                            .base_log = BASE_LOG,
                            .level_count = 1,
                            .grouping = grouping};
    w->batch = w->kernels->bootstrap_batch(&w->shape);
    w->batch = w->batch > BATCH_MAX ? BATCH_MAX : w->batch;
    for (uint32_t i = 0; i < LWE_DIM; i++) {
        w->secret[i] = next_random(&seed) >> 63;
    }
    for (uint32_t i = 0; i < ENTRIES; i++) {
        w->table[i] = next_random(&seed);
    }
    for (size_t i = 0; i < (size_t)BATCH_MAX * (LWE_DIM + 1); i++) {
        w->small[i / (LWE_DIM + 1)][i % (LWE_DIM + 1)] = (uint32_t)next_random(&seed);
    }
    TORC_TRY(aligned(ctx, &w->key, w->kernels->bootstrap_key_bytes(&w->shape)));
    TORC_TRY(aligned(ctx, &w->scratch, w->kernels->bootstrap_scratch_bytes(&w->shape, w->batch)));
    fill_key(w);
    return TORC_OK;
}

static void close_world(steps_world *w)
{
    free(w->key);
    free(w->scratch);
}

/* --- steps --- */

static void rotate(steps_world *w)
{
    uint64_t *out[BATCH_MAX];
    const uint64_t *entry[BATCH_MAX];
    uint32_t index_bits[BATCH_MAX];
    for (uint32_t b = 0; b < w->batch; b++) {
        out[b] = w->out[b];
        entry[b] = w->table;
        index_bits[b] = INDEX_BITS;
    }
    w->kernels->bootstrap(out, w->small[0], entry, index_bits, w->batch, w->key, &w->shape,
                          w->scratch);
}

/* The entry that the switched phase points at. */
static uint64_t expected(const steps_world *w, uint32_t ciphertext)
{
    uint32_t shifted[LWE_DIM + 1];
    uint32_t exponent[LWE_DIM + 1];
    memcpy(shifted, w->small[ciphertext], sizeof shifted);
    shifted[LWE_DIM] += (uint32_t)1 << (30 - INDEX_BITS); /* half a bin */
    torc_ref_modulus_switch(exponent, shifted, &w->shape);
    uint32_t phase = exponent[LWE_DIM];
    for (uint32_t i = 0; i < LWE_DIM; i++) {
        phase -= exponent[i] * (uint32_t)w->secret[i];
    }
    phase &= 2 * POLY_SIZE - 1;
    const uint64_t entry = w->table[phase % POLY_SIZE / (POLY_SIZE / ENTRIES)];
    return phase < POLY_SIZE ? entry : -entry;
}

static bool rotated_right(const steps_world *w)
{
    bool right = true;
    for (uint32_t b = 0; b < w->batch; b++) {
        const uint64_t error = w->out[b][POLY_SIZE] - expected(w, b) + TOLERANCE;
        right = right && error <= 2 * TOLERANCE;
    }
    return right;
}

/* --- rows --- */

typedef struct steps_times {
    bench_times seconds; /* of a round */
    double least;
} steps_times;

static void print_row(const char *what, const steps_times *t, double count, const bench_options *o,
                      const bench_device *device, const steps_world *w, bool right)
{
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "bench", "steps");
    cJSON_AddStringToObject(line, "what", what);
    bench_add(line, "poly_size", POLY_SIZE);
    if (w != NULL) {
        bench_add(line, "glwe_dim", w->shape.glwe_dim);
        bench_add(line, "level_count", w->shape.level_count);
        bench_add(line, "grouping", w->shape.grouping);
        bench_add(line, "batch", w->batch);
        bench_add(line, "us_per_key_bit", 1e6 * t->least / count / w->shape.grouping);
    }
    bench_add(line, "us", 1e6 * t->least / count);
    bench_add(line, "us_median", 1e6 * t->seconds.median / count);
    bench_add(line, "repeats", ROUNDS_FACTOR * o->repeats);
    cJSON_AddBoolToObject(line, "right", right);
    bench_describe(line, device, o);
    bench_print(line);
}

typedef void round_fn(void *world);

static torc_status time_rounds(torc_ctx *ctx, steps_times *out, round_fn *round, void *world,
                               const bench_options *o)
{
    const uint32_t rounds = ROUNDS_FACTOR * o->repeats;
    double *seconds = NULL;
    TORC_TRY(TORC_ALLOC(ctx, seconds, rounds));
    round(world); /* warms up */
    for (uint32_t r = 0; r < rounds; r++) {
        const double begin = processor_seconds();
        round(world);
        seconds[r] = processor_seconds() - begin;
    }
    out->seconds = bench_summarise(seconds, rounds);
    out->least = seconds[0];
    free(seconds);
    return TORC_OK;
}

static void round_of_steps(void *world)
{
    rotate(world);
}

static torc_status measure_steps(torc_ctx *ctx, uint32_t grouping, const bench_options *o,
                                 const bench_device *device)
{
    steps_world *w = NULL;
    steps_times times = {0};
    TORC_TRY(TORC_ALLOC(ctx, w, 1));
    torc_status s = open_world(ctx, w, grouping);
    if (s == TORC_OK) {
        s = time_rounds(ctx, &times, round_of_steps, w, o);
    }
    if (s == TORC_OK) {
        const bool right = rotated_right(w);
        const double steps = (double)LWE_DIM / grouping * w->batch;
        print_row("step", &times, steps, o, device, w, right);
        s = right ? TORC_OK
                  : torc_fail(ctx, TORC_E_MISMATCH_RESULT, "steps: a wrong entry, %u key bits",
                              grouping);
    }
    close_world(w);
    free(w);
    return s;
}

/* --- the transform --- */

/* kernels/cpu/fft.h, which only files that are compiled for one instruction set can include. */
typedef struct fft_plan fft_plan;
#define TRANSFORM_OF(isa)                                        \
    const fft_plan *torc_cpu_fft_plan_##isa(uint32_t poly_size); \
    void torc_cpu_fft_forward_##isa(const fft_plan *plan, double *re, double *im)
TRANSFORM_OF(portable);
#if defined(__x86_64__)
TRANSFORM_OF(avx2);
TRANSFORM_OF(avx512);
#endif

static void transform(double *spectrum)
{
    double *im = spectrum + POLY_SIZE / 2;
    const char *name = torc_cpu_kernels_get()->name;
#if defined(__x86_64__)
    if (strcmp(name, "avx512") == 0) {
        torc_cpu_fft_forward_avx512(torc_cpu_fft_plan_avx512(POLY_SIZE), spectrum, im);
        return;
    }
    if (strcmp(name, "avx2") == 0) {
        torc_cpu_fft_forward_avx2(torc_cpu_fft_plan_avx2(POLY_SIZE), spectrum, im);
        return;
    }
#endif
    (void)name;
    torc_cpu_fft_forward_portable(torc_cpu_fft_plan_portable(POLY_SIZE), spectrum, im);
}

typedef struct transform_world {
    double spectrum[POLY_SIZE] __attribute__((aligned(64))); /* zeros while it is timed */
    uint64_t bits[POLY_SIZE], words[POLY_SIZE], product[POLY_SIZE], wanted[POLY_SIZE];
} transform_world;

static void round_of_transforms(void *world)
{
    transform_world *w = world;
    for (int i = 0; i < TRANSFORMS; i++) {
        transform(w->spectrum);
    }
}

/* The spectrum of a binary polynomial gives exact products. */
static bool transformed_right(transform_world *w)
{
    uint64_t seed = 1;
    for (uint32_t i = 0; i < POLY_SIZE; i++) {
        w->bits[i] = next_random(&seed) >> 63;
        w->words[i] = next_random(&seed);
        w->spectrum[i] = 2.0 / POLY_SIZE * (double)w->bits[i];
    }
    transform(w->spectrum);
    torc_cpu_kernels_get()->negacyclic_add(w->product, w->words, w->spectrum, 1, POLY_SIZE);
    torc_ref_negacyclic_add(w->wanted, w->words, w->bits, POLY_SIZE);
    return memcmp(w->product, w->wanted, sizeof w->product) == 0;
}

static torc_status measure_transform(torc_ctx *ctx, const bench_options *o,
                                     const bench_device *device)
{
    static transform_world w;
    steps_times times = {0};
    TORC_TRY(time_rounds(ctx, &times, round_of_transforms, &w, o));
    const bool right = transformed_right(&w);
    print_row("transform", &times, TRANSFORMS, o, device, NULL, right);
    return right ? TORC_OK
                 : torc_fail(ctx, TORC_E_MISMATCH_RESULT, "steps: a wrong product of a transform");
}

torc_status bench_steps(torc_ctx *ctx, const bench_options *o)
{
    bench_options one_core = *o;
    bench_device device;
    one_core.threads = 1;
    TORC_TRY(bench_device_find(ctx, &device, &one_core));
    torc_status s =
        device.choice.is_gpu
            ? torc_fail(ctx, TORC_E_ARGUMENT, "steps: of the CPU alone, found %s", device.name)
            : measure_transform(ctx, &one_core, &device);
    for (uint32_t g = 1; s == TORC_OK && g <= TORC_CPU_GROUPING_MAX; g++) {
        s = measure_steps(ctx, g, &one_core, &device);
    }
    bench_device_free(&device);
    return s;
}
