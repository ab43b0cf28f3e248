/* Every way of key words to the registers (rotate_plan.cuh) leaves the same bits in every
 * accumulator, outputs and all: the loads of READONLY are what tests/gpu_rotate_throughput.c holds
 * against the definition, the others are for bench/gpu_rotation.cu to time. Random key words; a
 * batch that two blocks share in two rounds, the last of them not full. */
#ifndef TORC_EMU_TEST_ROUTES_CUH
#define TORC_EMU_TEST_ROUTES_CUH

#include "kernels/cuda/rotate.cuh"
#include "kernels/kernels_cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUTES_LOG2_N  8
#define ROUTES_N       (1u << ROUTES_LOG2_N)
#define ROUTES_STEPS   3u
#define ROUTES_ENTRIES 8u

/* What the routes of one shape share; device memory that routes_end frees. */
typedef struct routes_case {
    torc_gpu_stream stream;
    void *room[16];
    size_t rooms;
    rotate_args args;
    size_t words; /* of all accumulators */
    uint64_t random;
    int errors; /* calls that failed */
} routes_case;

/* Uniform in [-1, 1). */
static double routes_random(routes_case *c)
{
    c->random = c->random * 6364136223846793005u + 1442695040888963407u;
    return (double)(int64_t)c->random * (1.0 / 9223372036854775808.0);
}

static void *routes_room(routes_case *c, size_t bytes)
{
    void *p = NULL;
    c->errors += torc_gpu_alloc(&p, bytes) != 0;
    return c->room[c->rooms++] = p;
}

/* Device copies of `count` random doubles of this size at most; of exponents below 2N. */
static double *routes_doubles(routes_case *c, size_t count, double size)
{
    double *host = (double *)malloc(count * sizeof *host);
    double *p = (double *)routes_room(c, count * sizeof *host);
    for (size_t i = 0; i < count; i++) {
        host[i] = size * routes_random(c);
    }
    c->errors += torc_gpu_copy_in(p, host, count * sizeof *host, c->stream) != 0;
    c->errors += torc_gpu_stream_wait(c->stream) != 0;
    free(host);
    return p;
}

static uint32_t *routes_exponents(routes_case *c, size_t count)
{
    uint32_t *host = (uint32_t *)malloc(count * sizeof *host);
    uint32_t *p = (uint32_t *)routes_room(c, count * sizeof *host);
    for (size_t i = 0; i < count; i++) {
        host[i] = (uint32_t)(ROUTES_N * (1 + routes_random(c)));
    }
    c->errors += torc_gpu_copy_in(p, host, count * sizeof *host, c->stream) != 0;
    c->errors += torc_gpu_stream_wait(c->stream) != 0;
    free(host);
    return p;
}

static void *routes_zeros(routes_case *c, size_t bytes)
{
    void *p = routes_room(c, bytes);
    c->errors += torc_gpu_set_zero(p, bytes, c->stream) != 0;
    return p;
}

/* Key words as those of uniform coefficients, so that accumulators are as large as real ones. The
 * table's words are those of doubles: any bits will do. */
template <class plan> static void routes_begin(routes_case *c)
{
    const uint32_t batch = 3 * plan::ciphertexts - 1, bits = 3;
    const size_t big_words = plan::glwe_dim * ROUTES_N + (size_t)1;
    double2 *tables = (double2 *)routes_room(c, torc_gpu_fft_table_bytes(ROUTES_N));
    uint32_t *index_bits = (uint32_t *)routes_room(c, sizeof bits);
    c->errors += torc_gpu_fft_tables(tables, ROUTES_N, c->stream) != 0;
    c->errors += torc_gpu_copy_in(index_bits, &bits, sizeof bits, c->stream) != 0;
    c->errors += torc_gpu_stream_wait(c->stream) != 0;
    c->words = (size_t)batch * plan::columns * ROUTES_N;
    c->args.tables = tables;
    c->args.key = (double2 *)routes_doubles(c, 2 * (size_t)ROUTES_STEPS * plan::key_step,
                                            8.0 / plan::fft::size);
    c->args.exponent = routes_exponents(c, (size_t)batch * ROUTES_STEPS * plan::grouping);
    c->args.body = (uint32_t *)routes_zeros(c, batch * sizeof(uint32_t));
    c->args.error = (int64_t *)routes_zeros(c, batch * sizeof(int64_t));
    c->args.table = (uint64_t *)routes_doubles(c, ROUTES_ENTRIES, 1.0);
    c->args.table_index = (uint32_t *)routes_zeros(c, batch * sizeof(uint32_t));
    c->args.index_bits = index_bits;
    c->args.out = (uint64_t *)routes_room(c, batch * big_words * sizeof(uint64_t));
    c->args.accumulator = (uint64_t *)routes_room(c, c->words * sizeof(uint64_t));
    c->args.table_stride = ROUTES_ENTRIES;
    c->args.batch = batch;
    c->args.lwe_dim = ROUTES_STEPS * plan::grouping;
    c->args.base_log = 24 / plan::level_count;
}

static void routes_end(routes_case *c)
{
    while (c->rooms > 0) {
        torc_gpu_free(c->room[--c->rooms]);
    }
}

/* The accumulators of all ciphertexts, to be freed. */
template <class plan> static uint64_t *routes_run(routes_case *c)
{
    uint64_t *accumulator = (uint64_t *)calloc(c->words, sizeof *accumulator);
    gpu_grid grid = {};
    grid.blocks = 2;
    grid.threads = plan::threads;
    grid.shared_bytes = plan::shared_bytes;
    grid.stream = c->stream;
    c->errors += gpu_allow_shared(rotate_throughput<plan>, grid.shared_bytes) != cudaSuccess;
    c->errors += gpu_launch(&grid, rotate_throughput<plan>, c->args) != cudaSuccess;
    c->errors += torc_gpu_copy_out(accumulator, c->args.accumulator, c->words * sizeof *accumulator,
                                   c->stream) != 0;
    c->errors += torc_gpu_stream_wait(c->stream) != 0;
    return accumulator;
}

/* 1 when the route's accumulators are not these. */
template <class plan>
static int routes_differ(routes_case *c, const uint64_t *expected, const char *route)
{
    uint64_t *got = routes_run<plan>(c);
    size_t wrong = 0;
    for (size_t i = 0; i < c->words; i++) {
        wrong += got[i] != expected[i];
    }
    free(got);
    if (wrong > 0) {
        fprintf(stderr, "routes: k=%d l=%d g=%d, %d slots, %s: %zu of %zu words differ\n",
                plan::glwe_dim, plan::level_count, plan::grouping, plan::slots, route, wrong,
                c->words);
    }
    return wrong > 0 ? 1 : 0;
}

template <int k, int l, int g, int slots> static int routes_shape(torc_gpu_stream stream)
{
    typedef rotate_plan<k, ROUTES_LOG2_N, l, g, 0, slots, 5, ROTATE_READONLY> readonly;
    typedef rotate_plan<k, ROUTES_LOG2_N, l, g, 0, slots, 5, ROTATE_STREAM> stream_plan;
    typedef rotate_plan<k, ROUTES_LOG2_N, l, g, 0, slots, 5, ROTATE_RING> ring;
    routes_case c = {};
    c.stream = stream;
    c.random = (uint64_t)(100 * k + 10 * l + g);
    routes_begin<readonly>(&c);
    uint64_t *expected = routes_run<readonly>(&c);
    int wrong = routes_differ<stream_plan>(&c, expected, "stream");
    if constexpr (rotate_cut_of<readonly>::whole) {
        wrong += routes_differ<ring>(&c, expected, "ring");
    }
    if (memcmp(expected, expected + ROUTES_N, ROUTES_N * sizeof *expected) == 0) {
        fprintf(stderr, "routes: k=%d l=%d g=%d: two polynomials are alike\n", k, l, g);
        wrong++;
    }
    free(expected);
    routes_end(&c);
    if (c.errors > 0) {
        fprintf(stderr, "routes: %d calls failed\n", c.errors);
    }
    return wrong + c.errors;
}

/* 0, 1 for a wrong route, or 77 without a device. Blocks of 3, 2 and 5 warps, products of 4 rows:
 * warps take items in several turns, in the last one not all of them; last a product in chunks,
 * which no ring takes. */
static int routes_check(void)
{
    int count = 0;
    torc_gpu_stream stream = NULL;
    if (torc_gpu_device_count(&count) != 0 || count == 0) {
        printf("skipped: no device\n");
        return 77;
    }
    int wrong = torc_gpu_stream_create(&stream);
    wrong += routes_shape<1, 1, 1, 12>(stream);
    wrong += routes_shape<1, 1, 2, 8>(stream);
    wrong += routes_shape<1, 1, 3, 20>(stream);
    wrong += routes_shape<1, 2, 3, 8>(stream);
    torc_gpu_stream_destroy(stream);
    return wrong == 0 ? 0 : 1;
}

#endif
