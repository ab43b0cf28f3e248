/* Times variants of the blind rotation's throughput form on random keys, one after the other; a
 * variant is timed only after it was right on keys that are multiples of the gadget, where the
 * exact result is known. N = 2048, k = l = 1, n = 918.
 *
 *   gpu_rotation [--check] [NAME]      all variants, or those whose name begins with NAME;
 *                                      --check: no timing, exit code 1 when one is wrong
 *   gpu_rotation --names               the names; no device is needed
 *
 * A name says g, ciphertexts a block, points a lane (p16; else 32) and how key words reach the
 * registers (stream, ring; else loads): rotate_plan.cuh. Rows: right (largest distance to the exact
 * result, in digits); rotations a second with all multiprocessors busy, with narrow digits where g
 * > 1, and with odd blocks half a step late; one block alone. */
#include "bench/gpu_rotation_oracle.h"
#include "bench/gpu_rows.h"
#include "kernels/cuda/rotate.cuh"

#include <string.h>

#ifndef TORC_COMMIT
#define TORC_COMMIT "unknown"
#endif

#define LWE_DIM      918
#define CHECK_STEPS  3
#define CHECK_BLOCKS 3
#define REPEATS      5
#define POLY_SIZE    2048

static int multiprocessors;

/* Uniform words as keys and exponents: fixed seeds, made on the device. */
__device__ __forceinline__ uint64_t mix(uint64_t z)
{
    z *= 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Uniform in [-scale, scale). */
__global__ void fill_doubles(double *out, size_t count, double scale, uint64_t seed)
{
    for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < count;
         i += (size_t)gridDim.x * blockDim.x) {
        const double unit = (double)(int64_t)(mix(seed + i) >> 11) * (1.0 / 4503599627370496.0) - 1;
        gpu_store_global(out + i, scale * unit);
    }
}

__global__ void fill_exponents(uint32_t *out, size_t count, uint64_t seed)
{
    for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < count;
         i += (size_t)gridDim.x * blockDim.x) {
        gpu_store_global(out + i, (uint32_t)(mix(seed + i) % (2 * POLY_SIZE)));
    }
}

/* --- variants --- */

template <class plan> static cudaError_t launch_rotation(void *p)
{
    const rotate_args *args = (const rotate_args *)p;
    const uint32_t needed = (args->batch + plan::ciphertexts - 1) / plan::ciphertexts;
    gpu_grid grid = {};
    int at_once = 0;
    grid.blocks = 1;
    grid.threads = plan::threads;
    grid.shared_bytes = plan::shared_bytes;
    GPU_TRY(gpu_allow_shared(rotate_throughput<plan>, grid.shared_bytes));
    GPU_TRY(gpu_blocks_at_once(&at_once, &grid, rotate_throughput<plan>));
    grid.blocks = needed < (uint32_t)at_once ? needed : (uint32_t)at_once;
    return gpu_launch(&grid, rotate_throughput<plan>, *args);
}

/* Blocks of a variant that a multiprocessor holds. */
template <class plan> static int blocks_a_multiprocessor(void)
{
    gpu_grid grid = {};
    int at_once = 0;
    grid.blocks = 1;
    grid.threads = plan::threads;
    grid.shared_bytes = plan::shared_bytes;
    const bool fits = gpu_allow_shared(rotate_throughput<plan>, grid.shared_bytes) == cudaSuccess &&
                      gpu_blocks_at_once(&at_once, &grid, rotate_throughput<plan>) == cudaSuccess;
    return fits ? at_once / multiprocessors : 0;
}

typedef struct variant {
    const char *name;
    int g, ciphertexts, log2_points;
    size_t key_step; /* double2 */
    cudaError_t (*launch)(void *);
    int (*blocks)(void);
} variant;

template <int g, int ciphertexts, int log2_points, int route>
static constexpr variant variant_of(const char *name)
{
    typedef rotate_plan<1, 11, 1, g, 0, ciphertexts, log2_points, route> plan;
    return {name,
            g,
            ciphertexts,
            log2_points,
            plan::key_step,
            launch_rotation<plan>,
            blocks_a_multiprocessor<plan>};
}

static const variant variants[] = {
    variant_of<2, 4, 5, ROTATE_READONLY>("g2_c4"),
    variant_of<3, 4, 5, ROTATE_READONLY>("g3_c4"),
    variant_of<2, 2, 5, ROTATE_READONLY>("g2_c2"),
    variant_of<2, 3, 5, ROTATE_READONLY>("g2_c3"),
    variant_of<2, 4, 5, ROTATE_STREAM>("g2_c4_stream"),
    variant_of<2, 4, 5, ROTATE_RING>("g2_c4_ring"),
    variant_of<2, 2, 5, ROTATE_RING>("g2_c2_ring"),
    variant_of<2, 4, 4, ROTATE_READONLY>("g2_c4_p16"),
    variant_of<2, 2, 4, ROTATE_READONLY>("g2_c2_p16"),
    variant_of<3, 2, 5, ROTATE_READONLY>("g3_c2"),
    variant_of<3, 3, 5, ROTATE_READONLY>("g3_c3"),
    variant_of<3, 4, 5, ROTATE_STREAM>("g3_c4_stream"),
    variant_of<3, 2, 4, ROTATE_READONLY>("g3_c2_p16"),
    variant_of<1, 4, 5, ROTATE_READONLY>("g1_c4"),
    variant_of<1, 2, 5, ROTATE_READONLY>("g1_c2"),
    variant_of<1, 4, 5, ROTATE_STREAM>("g1_c4_stream"),
};

/* --- inputs --- */

#define INDEX_BITS 10 /* of the one table: two coefficients an entry */
#define ENTRIES    (1 << INDEX_BITS)

/* A call of rotate_args.batch rotations and its device memory, released by world_free. */
typedef struct world {
    rotate_args args;
    double2 *tables, *key;
    uint32_t *exponent, *zeros, *index_bits;
    int64_t *error;
    uint64_t *table, *out, *accumulator;
} world;

static world world_make(const variant *v, uint32_t count, uint32_t steps)
{
    const uint32_t index_bits = INDEX_BITS;
    const size_t accumulator_bytes = (size_t)count * 2 * POLY_SIZE * sizeof(uint64_t);
    world w = {};
    const size_t points = fft_all_roots_at(fft_table_sizes_of(11, v->log2_points)) + 2 * POLY_SIZE;
    double *host = (double *)malloc(points * sizeof(double2));
    if (host == NULL) {
        fprintf(stderr, "gpu_rotation: out of memory\n");
        exit(1);
    }
    fft_tables_fill(host, 11, v->log2_points);
    ROWS_CHECK(cudaMalloc(&w.tables, points * sizeof(double2)));
    ROWS_CHECK(cudaMalloc(&w.key, (size_t)steps * v->key_step * sizeof *w.key));
    ROWS_CHECK(cudaMalloc(&w.exponent, (size_t)count * steps * v->g * sizeof *w.exponent));
    ROWS_CHECK(cudaMalloc(&w.zeros, count * sizeof *w.zeros));
    ROWS_CHECK(cudaMalloc(&w.index_bits, sizeof index_bits));
    ROWS_CHECK(cudaMalloc(&w.error, count * sizeof *w.error));
    ROWS_CHECK(cudaMalloc(&w.table, ENTRIES * sizeof *w.table));
    ROWS_CHECK(cudaMalloc(&w.out, (size_t)count * (POLY_SIZE + 1) * sizeof *w.out));
    ROWS_CHECK(cudaMalloc(&w.accumulator, accumulator_bytes));
    ROWS_CHECK(cudaMemcpy(w.tables, host, points * sizeof(double2), cudaMemcpyHostToDevice));
    free(host);
    ROWS_CHECK(cudaMemcpy(w.index_bits, &index_bits, sizeof index_bits, cudaMemcpyHostToDevice));
    ROWS_CHECK(cudaMemset(w.zeros, 0, count * sizeof *w.zeros));
    ROWS_CHECK(cudaMemset(w.error, 0, count * sizeof *w.error));
    w.args.tables = w.tables;
    w.args.key = w.key;
    w.args.exponent = w.exponent;
    w.args.body = w.zeros;
    w.args.error = w.error;
    w.args.table = w.table;
    w.args.table_index = w.zeros;
    w.args.index_bits = w.index_bits;
    w.args.out = w.out;
    w.args.batch = count;
    w.args.lwe_dim = steps * (uint32_t)v->g;
    return w;
}

static void world_free(world *w)
{
    void *all[] = {w->tables, w->key,   w->exponent, w->zeros,      w->index_bits,
                   w->error,  w->table, w->out,      w->accumulator};
    for (void *p : all) {
        ROWS_CHECK(cudaFree(p));
    }
}

/* --- check --- */

/* The start that a body of 0 makes of the table: half a bin is one cell, X^-1 p. */
static void check_start(int64_t acc[2][POLY_SIZE], const uint64_t *entry, uint32_t base_log)
{
    const int64_t base = (int64_t)1 << base_log;
    for (int i = 0; i < POLY_SIZE; i++) {
        const int64_t value = (int64_t)(entry[(i + 1) % POLY_SIZE / 2] >> (64 - base_log));
        acc[0][i] = 0;
        acc[1][i] = i + 1 < POLY_SIZE ? value : (base - value) % base;
    }
}

/* Fills the world; kappa [steps][terms][4], exponent [count][steps][g], entry [ENTRIES]: the
 * host's. Keys kappa G with random kappa in {0, 1}: exact modulo B, so nearly every bit of a step
 * shows. */
static void check_fill(world *w, const variant *v, int8_t *kappa, uint32_t *exponent,
                       uint64_t *entry)
{
    const int terms = (1 << v->g) - 1;
    const size_t words = (size_t)CHECK_STEPS * v->key_step;
    const double unit = 1.0 / 1024 / (double)(1u << w->args.base_log);
    double2 *key = (double2 *)malloc(words * sizeof *key);
    uint64_t seed = 20261121;
    if (key == NULL) {
        fprintf(stderr, "gpu_rotation: out of memory\n");
        exit(1);
    }
    for (int i = 0; i < CHECK_STEPS * terms * 4; i++) {
        kappa[i] = (int8_t)(oracle_random(&seed) % 2);
        for (int j = 0; j < 1024; j++) {
            key[(size_t)i * 1024 + (size_t)j] = make_double2(kappa[i] * unit, 0.0);
        }
    }
    for (uint32_t i = 0; i < w->args.batch * w->args.lwe_dim; i++) {
        exponent[i] = (uint32_t)(oracle_random(&seed) % (2 * POLY_SIZE));
    }
    for (int i = 0; i < ENTRIES; i++) {
        entry[i] = oracle_random(&seed) >> (64 - w->args.base_log) << (64 - w->args.base_log);
    }
    ROWS_CHECK(cudaMemcpy(w->key, key, words * sizeof *key, cudaMemcpyHostToDevice));
    ROWS_CHECK(cudaMemcpy(w->exponent, exponent, w->args.batch * w->args.lwe_dim * sizeof *exponent,
                          cudaMemcpyHostToDevice));
    ROWS_CHECK(cudaMemcpy(w->table, entry, ENTRIES * sizeof *entry, cudaMemcpyHostToDevice));
    free(key);
}

static double check(const variant *v, uint32_t base_log, uint32_t is_narrow)
{
    static int64_t acc[2][POLY_SIZE];
    static uint64_t got[2 * POLY_SIZE], entry[ENTRIES];
    static double result[2 * POLY_SIZE];
    static uint32_t exponent[CHECK_BLOCKS * 4 * CHECK_STEPS * 3];
    static int8_t kappa[CHECK_STEPS * 7 * 4];
    const int terms = (1 << v->g) - 1;
    world w = world_make(v, CHECK_BLOCKS * (uint32_t)v->ciphertexts - 1, CHECK_STEPS);
    double worst = 0;
    w.args.base_log = base_log;
    w.args.is_narrow = is_narrow;
    w.args.accumulator = w.accumulator;
    check_fill(&w, v, kappa, exponent, entry);
    ROWS_CHECK(v->launch(&w.args));
    ROWS_CHECK(cudaDeviceSynchronize());
    for (uint32_t c = 0; c < w.args.batch; c++) {
        check_start(acc, entry, base_log);
        for (int s = 0; s < CHECK_STEPS; s++) {
            oracle_step(acc, kappa + s * terms * 4, exponent + (c * CHECK_STEPS + s) * v->g, v->g,
                        base_log);
        }
        ROWS_CHECK(cudaMemcpy(got, w.accumulator + (size_t)c * 2 * POLY_SIZE, sizeof got,
                              cudaMemcpyDeviceToHost));
        for (int i = 0; i < 2 * POLY_SIZE; i++) {
            result[i] = (double)got[i] * 0x1p-64;
        }
        worst = fmax(worst, oracle_distance(result, acc, base_log));
    }
    world_free(&w);
    return worst;
}

/* --- time --- */

typedef struct timing_case {
    const char *suffix;
    uint32_t base_log, is_narrow;
    bool is_late, is_alone; /* odd blocks half a step late; one block */
} timing_case;

/* Key words as uniform coefficients would give them: each part of variance 1024 / 12 in torus
 * units, so that accumulators have the size of real ones. */
static void measure(const variant *v, const timing_case *how)
{
    const uint32_t steps = LWE_DIM / (uint32_t)v->g;
    const uint32_t blocks = how->is_alone ? 1 : (uint32_t)(multiprocessors * v->blocks());
    const uint32_t count = blocks * (uint32_t)v->ciphertexts;
    world w = world_make(v, count, steps);
    char name[96];
    w.args.base_log = how->base_log;
    w.args.is_narrow = how->is_narrow;
    w.args.delay_cycles = how->is_late ? 900 * (uint32_t)(v->g * v->ciphertexts) : 0;
    gpu_grid fill = {};
    fill.blocks = 528;
    fill.threads = 256;
    ROWS_CHECK(gpu_launch(&fill, fill_doubles, (double *)w.key, 2 * (size_t)steps * v->key_step,
                          16.0 / 1024, 1));
    ROWS_CHECK(gpu_launch(&fill, fill_doubles, (double *)w.table, ENTRIES, 0.5, 2));
    ROWS_CHECK(gpu_launch(&fill, fill_exponents, w.exponent, (size_t)count * steps * v->g, 3));
    const rows_timing t = rows_time(v->launch, &w.args, REPEATS, NULL);
    snprintf(name, sizeof name, "rotation_%s_blocks%u%s", v->name, blocks, how->suffix);
    const double per_step_us = t.ms * 1e3 / steps;
    rows_print_rate(name, (double)count, "rotations/s", &t, "throughput");
    printf("{\"name\":\"%s_step\",\"value\":%.5g,\"unit\":\"us\",\"ns_per_ciphertext_bit\":%.5g}\n",
           name, per_step_us, per_step_us * 1e3 / (v->g * v->ciphertexts));
    fflush(stdout);
    world_free(&w);
}

/* 0 when the variant is right. */
static int run_variant(const variant *v, bool check_only)
{
    const double wide = check(v, 23, 0), narrow = v->g > 1 ? check(v, 21, 1) : 0;
    const bool right = wide < 1e-3 && narrow < 1e-3;
    static const timing_case cases[] = {{"", 23, 0, false, false},
                                        {"_narrow", 21, 1, false, false},
                                        {"_narrow_staggered", 21, 1, true, false},
                                        {"_narrow", 21, 1, false, true}};
    printf(
        "{\"name\":\"right_%s\",\"value\":%.3g,\"narrow\":%.3g,\"unit\":\"digits\",\"right\":%s}\n",
        v->name, wide, narrow, right ? "true" : "false");
    fflush(stdout);
    for (const timing_case &how : cases) {
        if (right && !check_only && (v->g > 1 || how.is_narrow == 0 || how.is_alone)) {
            measure(v, &how);
        }
    }
    return right ? 0 : 1;
}

static int print_names(void)
{
    for (const variant &v : variants) {
        printf("%s\n", v.name);
    }
    return 0;
}

int main(int argc, char **argv)
{
    cudaDeviceProp p;
    if (argc == 2 && strcmp(argv[1], "--names") == 0) {
        return print_names();
    }
    const int code = rows_print_device("gpu_rotation", TORC_COMMIT, &p);
    if (code != 0) {
        return code;
    }
    const bool check_only = argc > 1 && strcmp(argv[1], "--check") == 0;
    const char *prefix = argc > 1 + check_only ? argv[1 + check_only] : "";
    int wrong = 0;
    multiprocessors = p.multiProcessorCount;
    rows_print_state("before");
    for (const variant &v : variants) {
        if (strncmp(v.name, prefix, strlen(prefix)) != 0) {
            continue;
        }
        if (v.blocks() == 0) {
            printf("{\"name\":\"rotation_%s\",\"skipped\":\"does not fit a multiprocessor\"}\n",
                   v.name);
            cudaGetLastError(); /* the refusal is dealt with */
            continue;
        }
        wrong |= run_variant(&v, check_only);
    }
    rows_print_state("after");
    return wrong;
}
