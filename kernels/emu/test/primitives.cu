/* Every primitive of gpu.h in a toy kernel, each with its expected values; on the emulator and,
 * built by nvcc, on a device. A plain program: exit code 0, 1, or 77 without a device. */
#include "kernels/cuda/gpu.h"
#include "kernels/kernels_cuda.h"

#include <stdio.h>
#include <stdlib.h>

#define THREADS 96u
#define BLOCKS  4u
#define WORDS   (THREADS * BLOCKS)

static int failures;

static void expect_equal(const char *what, size_t i, double got, double expected)
{
    if (got != expected && failures++ < 20) {
        fprintf(stderr, "primitives: %s [%zu]: %.17g, not %.17g\n", what, i, got, expected);
    }
}

static void must(int error, const char *what)
{
    if (error != 0) {
        fprintf(stderr, "primitives: %s: %s\n", what, torc_gpu_error_text(error));
        exit(1);
    }
}

typedef struct toy { /* out[WORDS] of a kernel that reads in[WORDS] */
    torc_gpu_stream stream;
    uint32_t *in, *sums;
    double *out;
    double got[WORDS];
    uint32_t host_in[WORDS], host_sums[WORDS];
} toy;

static void toy_begin(toy *t)
{
    must(torc_gpu_stream_create(&t->stream), "stream");
    must(torc_gpu_alloc((void **)&t->in, sizeof t->host_in), "in");
    must(torc_gpu_alloc((void **)&t->sums, sizeof t->host_sums), "sums");
    must(torc_gpu_alloc((void **)&t->out, sizeof t->got), "out");
    for (uint32_t i = 0; i < WORDS; i++) {
        t->host_in[i] = 7 * i + 3;
    }
    must(torc_gpu_copy_in(t->in, t->host_in, sizeof t->host_in, t->stream), "copy in");
    must(torc_gpu_set_zero(t->sums, sizeof t->host_sums, t->stream), "zero");
}

static void toy_fetch(toy *t)
{
    must(torc_gpu_copy_out(t->got, t->out, sizeof t->got, t->stream), "copy out");
    must(torc_gpu_copy_out(t->host_sums, t->sums, sizeof t->host_sums, t->stream), "copy sums");
    must(torc_gpu_stream_wait(t->stream), "wait");
}

static void toy_end(toy *t)
{
    torc_gpu_free(t->in);
    torc_gpu_free(t->sums);
    torc_gpu_free(t->out);
    torc_gpu_stream_destroy(t->stream);
}

/* --- shared memory, block barrier, sums in memory --- */

/* out[i] = in[block's last - i]; sums[0] = sum of in, sums[1 + block] the block's. */
__global__ void reverse_and_sum(double *out, uint32_t *sums, const uint32_t *in)
{
    GPU_DYNAMIC_SHARED(uint32_t, words);
    uint32_t *block_sum = words + THREADS;
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t mine = gpu_load_readonly(in + i);
    gpu_store_shared(words + threadIdx.x, mine);
    if (threadIdx.x == 0) {
        gpu_store_shared(block_sum, 0u);
    }
    gpu_sync_block();
    gpu_store_global(out + i, (double)gpu_load_shared(words + THREADS - 1 - threadIdx.x));
    gpu_add_global(sums, mine);
    gpu_add_shared(block_sum, mine);
    gpu_sync_block();
    if (threadIdx.x == 0) {
        gpu_store_global(sums + 1 + blockIdx.x, gpu_load_shared(block_sum));
    }
}

static void check_reverse_and_sum(void)
{
    toy t;
    toy_begin(&t);
    gpu_grid grid = {BLOCKS, THREADS, (THREADS + 1) * sizeof(uint32_t), t.stream, 0};
    must(gpu_launch(&grid, reverse_and_sum, t.out, t.sums, t.in), "reverse_and_sum");
    toy_fetch(&t);
    uint32_t sums[BLOCKS + 1] = {0};
    for (uint32_t i = 0; i < WORDS; i++) {
        const uint32_t block = i / THREADS, from = block * THREADS + THREADS - 1 - i % THREADS;
        expect_equal("reversed", i, t.got[i], t.host_in[from]);
        sums[0] += t.host_in[i];
        sums[1 + block] += t.host_in[i];
    }
    for (uint32_t i = 0; i < BLOCKS + 1; i++) {
        expect_equal("sums", i, t.host_sums[i], sums[i]);
    }
    toy_end(&t);
}

/* --- warps: shuffles, warp barrier, named barrier --- */

/* out = sum over the warp + 1000 * (lane 5's word) + 10^7 * (word of the warp before). */
__global__ void warp_sums(double *out, const uint32_t *in)
{
    GPU_DYNAMIC_SHARED(double, sum_of_warp);
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t mine = gpu_load_global(in + i);
    double sum = mine;
    for (uint32_t mask = 1; mask < GPU_WARP_LANES; mask *= 2) {
        sum += gpu_shuffle_xor(sum, mask);
    }
    const double fifth = gpu_shuffle((double)gpu_shuffle(mine, 5), gpu_lane());
    if (gpu_lane() == 31) {
        gpu_store_shared(sum_of_warp + gpu_warp(), (double)mine);
    }
    gpu_sync_warp();
    const double last = gpu_load_shared(sum_of_warp + gpu_warp());
    if (gpu_warp() < 2) { /* warps 0 and 1 alone */
        gpu_sync_named(3, 64);
    }
    const double before = gpu_warp() == 1 ? gpu_load_shared(sum_of_warp) : last;
    gpu_store_global(out + i, sum + 1e3 * fifth + 1e7 * before);
}

static void check_warp_sums(void)
{
    toy t;
    toy_begin(&t);
    gpu_grid grid = {BLOCKS, THREADS, 3 * sizeof(double), t.stream, 0};
    must(gpu_launch(&grid, warp_sums, t.out, t.in), "warp_sums");
    toy_fetch(&t);
    for (uint32_t i = 0; i < WORDS; i++) {
        const uint32_t first = i / 32 * 32, warp = i % THREADS / 32;
        double sum = 0;
        for (uint32_t j = 0; j < 32; j++) {
            sum += t.host_in[first + j];
        }
        const double before = t.host_in[warp == 1 ? first - 1 : first + 31];
        expect_equal("warp", i, t.got[i], sum + 1e3 * t.host_in[first + 5] + 1e7 * before);
    }
    toy_end(&t);
}

/* --- asynchronous copies --- */

/* The block's words come in three groups of 32 words by warp 0, which uses them as they arrive. */
__global__ void copied_words(double *out, const uint32_t *in)
{
    GPU_DYNAMIC_SHARED(uint32_t, words);
    const uint32_t *from = in + blockIdx.x * blockDim.x;
    if (gpu_warp() == 0) {
        for (uint32_t group = 0; group < 3; group++) {
            if (gpu_lane() < 8) {
                const uint32_t at = 32 * group + 4 * gpu_lane();
                gpu_copy_async_16(words + at, from + at);
            }
            gpu_copy_commit();
        }
        gpu_copy_wait<2>();
        gpu_sync_warp();
        gpu_store_global(out + blockIdx.x * blockDim.x + gpu_lane(),
                         (double)gpu_load_shared(words + gpu_lane()));
        gpu_copy_wait<0>();
    }
    gpu_sync_block();
    if (gpu_warp() > 0) {
        gpu_store_global(out + blockIdx.x * blockDim.x + threadIdx.x,
                         (double)gpu_load_shared(words + threadIdx.x));
    }
}

static void check_copied_words(void)
{
    toy t;
    toy_begin(&t);
    gpu_grid grid = {BLOCKS, THREADS, THREADS * sizeof(uint32_t), t.stream, 0};
    must(gpu_launch(&grid, copied_words, t.out, t.in), "copied_words");
    toy_fetch(&t);
    for (uint32_t i = 0; i < WORDS; i++) {
        expect_equal("copied", i, t.got[i], t.host_in[i]);
    }
    toy_end(&t);
}

/* --- clusters --- */

/* Blocks of a cluster of two: each writes its words into the other one, reads them back from there,
 * and adds a word that it finds in the other one. */
__global__ void exchanged_words(double *out, const uint32_t *in)
{
    GPU_DYNAMIC_SHARED(double2, words);
    double2 *given = words, *own = words + THREADS;
    uint32_t *plain = reinterpret_cast<uint32_t *>(words + 2 * THREADS);
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t other = 1 - gpu_cluster_rank();
    const double mine = gpu_load_global(in + i);
    gpu_store_shared(own + threadIdx.x, make_double2(mine, -mine));
    gpu_store_shared(plain + threadIdx.x, (uint32_t)mine);
    gpu_sync_cluster();
    gpu_store_remote(gpu_remote_address(given + threadIdx.x, other), make_double2(mine, 1.0));
    const double2 theirs = gpu_load_remote(gpu_remote_address(own + threadIdx.x, other));
    const uint32_t word = gpu_load_remote_u32(gpu_remote_address(plain + threadIdx.x, other));
    gpu_sync_cluster();
    const double2 got = gpu_load_shared(given + threadIdx.x);
    gpu_store_global(out + i, got.x + 1e3 * (theirs.x + theirs.y) + 1e6 * word + got.y);
}

static void check_exchanged_words(void)
{
    toy t;
    toy_begin(&t);
    gpu_grid grid = {BLOCKS, THREADS, THREADS * (2 * sizeof(double2) + sizeof(uint32_t)), t.stream,
                     2};
    int at_once = 0;
    must(gpu_clusters_at_once(&at_once, &grid, exchanged_words), "clusters at once");
    expect_equal("some clusters", 0, at_once > 0, 1);
    must(gpu_launch(&grid, exchanged_words, t.out, t.in), "exchanged_words");
    toy_fetch(&t);
    for (uint32_t i = 0; i < WORDS; i++) {
        const uint32_t other = i / THREADS % 2 == 0 ? i + THREADS : i - THREADS;
        expect_equal("exchanged", i, t.got[i], t.host_in[other] * (1 + 1e6) + 1);
    }
    toy_end(&t);
}

/* --- wide words --- */

/* Copies of every type, by every kind of load and store. */
__global__ void wide_copies(double2 *out, const double2 *in)
{
    GPU_DYNAMIC_SHARED(double2, words);
    const uint32_t t = threadIdx.x;
    const double2 a = gpu_load_readonly(in + t);
    const uint4 b = gpu_load_stream(reinterpret_cast<const uint4 *>(in + t));
    gpu_prefetch_l2(in);
    gpu_store_shared(words + t, a);
    const uint4 c = gpu_load_shared(reinterpret_cast<const uint4 *>(words + t));
    const bool same = b.x == c.x && b.y == c.y && b.z == c.z && b.w == c.w;
    const uint64_t bits = gpu_load_shared(reinterpret_cast<const uint64_t *>(words + t));
    gpu_store_shared(reinterpret_cast<uint64_t *>(words + t) + 1, bits);
    gpu_store_global(reinterpret_cast<uint4 *>(out + t), c);
    const double2 d = gpu_load_shared(words + t);
    const double product = fma(gpu_load_global(out + t).y, same ? 1.0 : 0.0, d.x - d.y);
    gpu_store_global(reinterpret_cast<double *>(out + t) + 1, product);
}

static void check_wide_copies(void)
{
    toy t;
    toy_begin(&t);
    double2 host[WORDS / 2], got[WORDS / 2];
    for (uint32_t i = 0; i < WORDS / 2; i++) {
        host[i] = make_double2(i + 0.25, -3.0 * i);
    }
    double2 *in = NULL;
    must(torc_gpu_alloc((void **)&in, sizeof host), "wide");
    must(torc_gpu_copy_in(in, host, sizeof host, t.stream), "copy in");
    gpu_grid grid = {1, WORDS / 2, sizeof host, t.stream, 0};
    must(gpu_launch(&grid, wide_copies, (double2 *)t.out, in), "wide_copies");
    must(torc_gpu_copy_out(got, t.out, sizeof got, t.stream), "copy out");
    must(torc_gpu_stream_wait(t.stream), "wait");
    for (uint32_t i = 0; i < WORDS / 2; i++) {
        expect_equal("wide x", i, got[i].x, host[i].x);
        expect_equal("wide y", i, got[i].y, host[i].y);
    }
    torc_gpu_free(in);
    toy_end(&t);
}

/* --- clocks, phases, blocks at once --- */

/* out = 1 where both clocks have gone on. */
__global__ void clocks(double *out)
{
    gpu_mark(1);
    const uint64_t cycles = gpu_cycles(), ns = gpu_nanoseconds();
    while (gpu_cycles() - cycles < 100000) {
    }
    const bool later = gpu_nanoseconds() > ns;
    gpu_store_global(out + blockIdx.x * blockDim.x + threadIdx.x, later ? 1.0 : 0.0);
}

static void check_clocks(void)
{
    toy t;
    toy_begin(&t);
    const gpu_grid grid = {BLOCKS, THREADS, 0, t.stream, 0};
    int at_once = 0;
    must(gpu_blocks_at_once(&at_once, &grid, clocks), "blocks at once");
    expect_equal("some blocks", 0, at_once > 0, 1);
    must(gpu_launch(&grid, clocks, t.out), "clocks");
    toy_fetch(&t);
    for (uint32_t i = 0; i < WORDS; i++) {
        expect_equal("clock", i, t.got[i], 1.0);
    }
    toy_end(&t);
}

int main(void)
{
    int count = 0;
    if (torc_gpu_device_count(&count) != 0 || count == 0) {
        printf("skipped: no device\n");
        return 77;
    }
    check_reverse_and_sum();
    check_warp_sums();
    check_copied_words();
    check_exchanged_words();
    check_wide_copies();
    check_clocks();
    return failures == 0 ? 0 : 1;
}
