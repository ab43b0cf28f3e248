/* Times the rotation skeleton on random keys, one variant after the other; a variant is timed only
 * after it was right on keys that are multiples of the gadget, where the exact result is known.
 *
 *   gpu_rotation [--check] [NAME]      all variants, or those whose name begins with NAME;
 *                                      --check: no timing, exit code 1 when one is wrong
 *   gpu_rotation --names               the names; no device is needed
 *
 * Rows: right (largest distance to the exact result, in units of the last digit), then for every
 * start delay of the odd blocks: clocks of a step for each ciphertext and key bit, rotations a
 * second at n = 918, cycles of the phases of a step in the middle (block 0 and its neighbour). */
#include "bench/gpu_rotation_oracle.h"
#include "bench/gpu_rows.h"
#include "kernels/cuda/blind_rotate_skeleton.cuh"

#include <string.h>

#ifndef TORC_COMMIT
#define TORC_COMMIT "unknown"
#endif

#define LWE_DIM      918
#define CHECK_STEPS  3
#define CHECK_BLOCKS 3
#define REPEATS      5

static int multiprocessors;
static double2 *tables; /* device: forward, middle, root */

static void upload_tables(void)
{
    static complex_pair host[FFT_FORWARD_TABLE + FFT_MIDDLE_TABLE + 128];
    oracle_tables(host, host + FFT_FORWARD_TABLE, host + FFT_FORWARD_TABLE + FFT_MIDDLE_TABLE);
    ROWS_CHECK(cudaMalloc(&tables, sizeof host));
    ROWS_CHECK(cudaMemcpy(tables, host, sizeof host, cudaMemcpyHostToDevice));
}

/* Uniform words as keys, exponents and accumulators: fixed seeds, made on the device. */
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
        gpu_store_global(out + i, (uint32_t)(mix(seed + i) % (2 * ROTATE_N)));
    }
}

template <int g, int ciphertexts, bool narrow> static cudaError_t launch_rotation(void *p)
{
    const rotate_args *args = (const rotate_args *)p;
    const uint32_t at_once = (uint32_t)multiprocessors * (ciphertexts == 2 ? 2 : 1);
    gpu_grid grid = {};
    grid.blocks = args->quads < at_once ? args->quads : at_once;
    grid.threads = 64 * ciphertexts;
    grid.shared_bytes = rotate_shared<g, ciphertexts>::bytes;
    GPU_TRY(gpu_allow_shared(rotate_skeleton<g, ciphertexts, narrow>, grid.shared_bytes));
    return gpu_launch(&grid, rotate_skeleton<g, ciphertexts, narrow>, *args);
}

static rotate_args fresh_args(uint32_t steps, uint32_t base_log, uint32_t quads, int g)
{
    rotate_args a = {};
    a.forward_table = tables;
    a.middle_table = tables + FFT_FORWARD_TABLE;
    a.root = tables + FFT_FORWARD_TABLE + FFT_MIDDLE_TABLE;
    a.steps = steps;
    a.base_log = base_log;
    a.quads = quads;
    a.key_step_words = (size_t)((1 << g) - 1) * 4 * 1024;
    return a;
}

typedef struct variant {
    const char *name;
    int g, ciphertexts, narrow;
    cudaError_t (*launch)(void *);
} variant;

#define VARIANT(g, c, narrow)                                                         \
    {                                                                                 \
        "g" #g "_c" #c "_narrow" #narrow, g, c, narrow, launch_rotation<g, c, narrow> \
    }
static const variant variants[] = {
    VARIANT(2, 4, 1), VARIANT(2, 4, 0), VARIANT(3, 4, 0), VARIANT(1, 4, 0),
    VARIANT(2, 2, 1), VARIANT(2, 3, 1), VARIANT(3, 2, 0), VARIANT(1, 2, 0),
    VARIANT(2, 3, 0), VARIANT(2, 2, 0), VARIANT(3, 3, 0), VARIANT(1, 3, 0),
};

/* Keys kappa G with random kappa in {0, 1}: exact modulo B, so nearly every bit of the step shows.
 */
static double check(const variant *v)
{
    static int64_t acc[CHECK_BLOCKS * 4][2][2048];
    const int terms = (1 << v->g) - 1;
    const uint32_t base_log = v->narrow ? 22 : 23, count = CHECK_BLOCKS * (uint32_t)v->ciphertexts;
    const double base = (double)(1u << base_log), unit = 1.0 / (v->narrow ? 1024 : 1024 * base);
    rotate_args a = fresh_args(CHECK_STEPS, base_log, CHECK_BLOCKS, v->g);
    const size_t key_bytes = a.key_step_words * CHECK_STEPS * sizeof(double2);
    const size_t turns = (size_t)count * CHECK_STEPS * (size_t)v->g;
    double2 *key = (double2 *)malloc(key_bytes);
    uint32_t *exponent = (uint32_t *)malloc(turns * sizeof *exponent);
    double *io = (double *)malloc((size_t)count * 4096 * sizeof *io);
    int8_t kappa[CHECK_STEPS * 7 * 4];
    uint64_t seed = 20261121;
    if (key == NULL || exponent == NULL || io == NULL) {
        fprintf(stderr, "gpu_rotation: out of memory\n");
        exit(1);
    }
    for (int i = 0; i < CHECK_STEPS * terms * 4; i++) {
        kappa[i] = (int8_t)(oracle_random(&seed) % 2);
        for (int j = 0; j < 1024; j++) {
            key[(size_t)i * 1024 + (size_t)j] = make_double2(kappa[i] * unit, 0.0);
        }
    }
    for (size_t i = 0; i < turns; i++) {
        exponent[i] = (uint32_t)(oracle_random(&seed) % (2 * ROTATE_N));
    }
    for (uint32_t i = 0; i < count * 4096; i++) {
        const uint32_t word = (uint32_t)(oracle_random(&seed) >> (64 - base_log));
        acc[i / 4096][i / 2048 % 2][i % 2048] = word;
        io[i] = word / base;
    }
    double2 *device_key = NULL;
    uint32_t *device_exponent = NULL;
    ROWS_CHECK(cudaMalloc(&device_key, key_bytes));
    ROWS_CHECK(cudaMalloc(&device_exponent, turns * sizeof *exponent));
    ROWS_CHECK(cudaMalloc(&a.io, (size_t)count * 4096 * sizeof *io));
    ROWS_CHECK(cudaMemcpy(device_key, key, key_bytes, cudaMemcpyHostToDevice));
    ROWS_CHECK(
        cudaMemcpy(device_exponent, exponent, turns * sizeof *exponent, cudaMemcpyHostToDevice));
    ROWS_CHECK(cudaMemcpy(a.io, io, (size_t)count * 4096 * sizeof *io, cudaMemcpyHostToDevice));
    a.key = device_key;
    a.exponent = device_exponent;
    ROWS_CHECK(v->launch(&a));
    ROWS_CHECK(cudaDeviceSynchronize());
    ROWS_CHECK(cudaMemcpy(io, a.io, (size_t)count * 4096 * sizeof *io, cudaMemcpyDeviceToHost));
    double worst = 0;
    for (uint32_t c = 0; c < count; c++) {
        for (int s = 0; s < CHECK_STEPS; s++) {
            oracle_step(acc[c], kappa + s * terms * 4,
                        exponent + ((size_t)c * CHECK_STEPS + (size_t)s) * (size_t)v->g, v->g,
                        base_log);
        }
        worst = fmax(worst, oracle_distance(io + (size_t)c * 4096, acc[c], base_log));
    }
    ROWS_CHECK(cudaFree(device_key));
    ROWS_CHECK(cudaFree(device_exponent));
    ROWS_CHECK(cudaFree(a.io));
    free(key);
    free(exponent);
    free(io);
    return worst;
}

static int all_finite(const double *device, size_t count)
{
    double *host = (double *)malloc(count * sizeof *host);
    int finite = host != NULL;
    if (finite) {
        ROWS_CHECK(cudaMemcpy(host, device, count * sizeof *host, cudaMemcpyDeviceToHost));
    }
    for (size_t i = 0; finite && i < count; i++) {
        finite = isfinite(host[i]);
    }
    free(host);
    return finite;
}

static void print_phases(const char *name, const uint64_t *device_marks, uint32_t blocks)
{
    uint64_t mark[2][ROTATE_MARKS];
    const uint32_t rows = blocks < 2 ? blocks : 2;
    ROWS_CHECK(cudaMemcpy(mark, device_marks, rows * sizeof mark[0], cudaMemcpyDeviceToHost));
    for (uint32_t b = 0; b < rows; b++) {
        const uint64_t *m = mark[b];
        printf(
            "{\"name\":\"%s_phases\",\"block\":%u,\"forward\":%llu,\"wait\":%llu,\"product\":%llu,"
            "\"inverse\":%llu,\"unit\":\"cycles\",\"decides\":\"phases\"}\n",
            name, b, (unsigned long long)(m[1] - m[0]), (unsigned long long)(m[2] - m[1]),
            (unsigned long long)(m[3] - m[2]), (unsigned long long)(m[4] - m[3]));
    }
    fflush(stdout);
}

/* Key words as uniform coefficients would give them: each part of variance 1024 / 12 in torus
 * units, so that accumulators have the size of real ones. delay_half: odd blocks start half a step
 * late. l2_only: every step reads the same key. */
static void measure(const variant *v, uint32_t blocks, int delay_half, int l2_only)
{
    const uint32_t steps = LWE_DIM / (uint32_t)v->g, base_log = v->narrow ? 22 : 23;
    const uint32_t count = blocks * (uint32_t)v->ciphertexts;
    rotate_args a = fresh_args(steps, base_log, blocks, v->g);
    const size_t key_words = a.key_step_words * (l2_only ? 1 : steps);
    const size_t turns = (size_t)count * LWE_DIM;
    double2 *key = NULL;
    uint32_t *exponent = NULL;
    char name[96];
    ROWS_CHECK(cudaMalloc(&key, key_words * sizeof *key));
    ROWS_CHECK(cudaMalloc(&exponent, turns * sizeof *exponent));
    ROWS_CHECK(cudaMalloc(&a.io, (size_t)count * 4096 * sizeof(double)));
    ROWS_CHECK(cudaMalloc(&a.marks, (size_t)blocks * ROTATE_MARKS * sizeof *a.marks));
    const double scale = 16.0 / 1024 * (v->narrow ? (double)(1u << base_log) : 1.0);
    fill_doubles<<<528, 256>>>((double *)key, 2 * key_words, scale, 1);
    fill_doubles<<<528, 256>>>(a.io, (size_t)count * 4096, 0.5, 2);
    fill_exponents<<<528, 256>>>(exponent, turns, 3);
    ROWS_CHECK(cudaGetLastError());
    a.key = key;
    a.exponent = exponent;
    a.mark_step = steps / 2;
    a.key_step_words = l2_only ? 0 : a.key_step_words;
    a.delay_cycles = delay_half ? 900 * (uint32_t)(v->g * v->ciphertexts) : 0;
    const rows_timing t = rows_time(v->launch, &a, REPEATS, NULL);
    snprintf(name, sizeof name, "rotation_%s_blocks%u%s%s", v->name, blocks,
             delay_half ? "_staggered" : "", l2_only ? "_one_key_step" : "");
    const double finite = all_finite(a.io, (size_t)count * 4096);
    if (finite == 0.0) {
        printf("{\"name\":\"%s\",\"error\":\"result not finite\"}\n", name);
    } else {
        const double per_step_us = t.ms * 1e3 / steps;
        rows_print_rate(name, (double)count, "rotations/s", &t, "throughput");
        printf(
            "{\"name\":\"%s_step\",\"value\":%.5g,\"unit\":\"us\",\"ns_per_ciphertext_bit\":%.5g}"
            "\n",
            name, per_step_us, per_step_us * 1e3 / (v->g * v->ciphertexts));
        print_phases(name, a.marks, blocks);
    }
    ROWS_CHECK(cudaFree(key));
    ROWS_CHECK(cudaFree(exponent));
    ROWS_CHECK(cudaFree(a.io));
    ROWS_CHECK(cudaFree(a.marks));
}

/* 0 when the variant is right. */
static int run_variant(const variant *v, int check_only)
{
    const uint32_t all = (uint32_t)multiprocessors * (v->ciphertexts == 2 ? 2 : 1);
    const double worst = check(v);
    const int right = worst < 1e-3;
    printf("{\"name\":\"right_%s\",\"value\":%.3g,\"unit\":\"digits\",\"right\":%s}\n", v->name,
           worst, right ? "true" : "false");
    fflush(stdout);
    if (right && !check_only) {
        measure(v, all, 0, 0);
        measure(v, all, 1, 0);
        measure(v, all, 0, 1);
        measure(v, 1, 0, 0);
    }
    return right ? 0 : 1;
}

static size_t shared_needed(const variant *v)
{
    const size_t tables_bytes = sizeof(double2) * (FFT_FORWARD_TABLE + FFT_MIDDLE_TABLE + 128);
    const size_t slabs = sizeof(double2) * (size_t)v->ciphertexts * 2 * FFT_SLAB;
    return tables_bytes + slabs + (v->g == 1 ? (size_t)v->ciphertexts * 2 * ROTATE_N * 4 : 8192);
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
    const int check_only = argc > 1 && strcmp(argv[1], "--check") == 0;
    const char *prefix = argc > 1 + check_only ? argv[1 + check_only] : "";
    int wrong = 0;
    multiprocessors = p.multiProcessorCount;
    upload_tables();
    rows_print_state("before");
    for (const variant &v : variants) {
        if (strncmp(v.name, prefix, strlen(prefix)) != 0) {
            continue;
        }
        if (shared_needed(&v) > p.sharedMemPerBlockOptin) {
            printf("{\"name\":\"rotation_%s\",\"skipped\":\"needs %zu bytes of shared memory\"}\n",
                   v.name, shared_needed(&v));
            continue;
        }
        wrong |= run_variant(&v, check_only);
    }
    rows_print_state("after");
    return wrong;
}
