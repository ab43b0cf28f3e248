/* Times the keyswitch with its modulus switch on random words (tests/gpu_keyswitch.c says whether
 * it is right): the set of 4-bit lookups and the one of 1-bit lookups, from one ciphertext to two
 * waves of a full device; and the preparation of a key.
 *
 * Rows: keyswitches a second, a call being three launches; bytes of key rows a second. Predictions:
 * bench/results/README.md. */
#include "bench/gpu_rows.h"
#include "kernels/kernels_cuda.h"

#ifndef TORC_COMMIT
#define TORC_COMMIT "unknown"
#endif

#define REPEATS 25

typedef struct keyswitch_set {
    const char *name;
    torc_shape shape;
} keyswitch_set;

static keyswitch_set set_of(const char *name, uint32_t glwe_dim, uint32_t poly_size,
                            uint32_t lwe_dim, uint32_t base_log, uint32_t level_count)
{
    keyswitch_set set = {};
    set.name = name;
    set.shape.glwe_dim = glwe_dim;
    set.shape.poly_size = poly_size;
    set.shape.lwe_dim = lwe_dim;
    set.shape.ks_base_log = base_log;
    set.shape.ks_level_count = level_count;
    return set;
}

/* Uniform words from a fixed seed. */
__global__ void fill_words(uint64_t *out, size_t count, uint64_t seed)
{
    for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < count;
         i += (size_t)gridDim.x * blockDim.x) {
        uint64_t z = (seed + i) * 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        gpu_store_global(out + i, z ^ z >> 31);
    }
}

static void *random_words(size_t bytes, uint64_t seed)
{
    void *out = NULL;
    gpu_grid grid = {};
    grid.blocks = 1024;
    grid.threads = 256;
    ROWS_CHECK(cudaMalloc(&out, bytes + sizeof(uint64_t)));
    ROWS_CHECK(
        gpu_launch(&grid, fill_words, (uint64_t *)out, (bytes + 7) / sizeof(uint64_t), seed));
    return out;
}

typedef struct keyswitch_call {
    const torc_shape *shape;
    torc_gpu_keyswitch_args args;
    torc_gpu_switched out;
    void *key;
    const uint32_t *rows;
} keyswitch_call;

static cudaError_t run_keyswitch(void *arg)
{
    const keyswitch_call *call = (const keyswitch_call *)arg;
    return (cudaError_t)torc_gpu_keyswitch(&call->out, &call->args, call->shape, NULL);
}

static cudaError_t run_key(void *arg)
{
    const keyswitch_call *call = (const keyswitch_call *)arg;
    const uint32_t words = call->shape->glwe_dim * call->shape->poly_size;
    return (cudaError_t)torc_gpu_keyswitch_key(call->key, call->rows, 0, words, call->shape, NULL);
}

static void time_batch(const keyswitch_set *set, keyswitch_call *call, uint32_t batch)
{
    char name[96];
    void *scratch = NULL;
    ROWS_CHECK(cudaMalloc(&scratch, torc_gpu_keyswitch_scratch_bytes(&set->shape, batch)));
    call->args.scratch = scratch;
    call->args.batch = batch;
    const rows_timing t = rows_time(run_keyswitch, call, REPEATS, NULL);
    snprintf(name, sizeof name, "keyswitch_%s_batch%u", set->name, batch);
    rows_print_rate(name, batch, "keyswitches/s", &t, "keyswitch");
    ROWS_CHECK(cudaFree(scratch));
}

static void time_set(const keyswitch_set *set)
{
    static const uint32_t batches[] = {1, 16, 64, 128, 132, 528, 1056};
    const torc_shape *s = &set->shape;
    const uint32_t most = batches[sizeof batches / sizeof *batches - 1];
    const size_t big_words = (size_t)s->glwe_dim * s->poly_size + 1;
    const size_t row_bytes = (big_words - 1) * s->ks_level_count * (s->lwe_dim + 1) * 4;
    char name[96];
    keyswitch_call call = {};
    call.shape = s;
    call.rows = (const uint32_t *)random_words(row_bytes, 1);
    call.args.in = (const uint64_t *)random_words(most * big_words * sizeof(uint64_t), 2);
    ROWS_CHECK(cudaMalloc(&call.key, torc_gpu_keyswitch_key_bytes(s)));
    ROWS_CHECK(cudaMalloc(&call.out.exponent, (size_t)most * s->lwe_dim * sizeof(uint32_t)));
    ROWS_CHECK(cudaMalloc(&call.out.body, most * sizeof(uint32_t)));
    ROWS_CHECK(cudaMalloc(&call.out.error, most * sizeof(int64_t)));
    call.args.key = call.key;

    const rows_timing t = rows_time(run_key, &call, 5, NULL);
    snprintf(name, sizeof name, "keyswitch_%s_key", set->name);
    rows_print_rate(name, (double)row_bytes, "bytes/s", &t, "keyswitch");
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        time_batch(set, &call, batches[i]);
    }
    ROWS_CHECK(cudaFree((void *)call.rows));
    ROWS_CHECK(cudaFree((void *)call.args.in));
    ROWS_CHECK(cudaFree(call.key));
    ROWS_CHECK(cudaFree(call.out.exponent));
    ROWS_CHECK(cudaFree(call.out.body));
    ROWS_CHECK(cudaFree(call.out.error));
}

int main(void)
{
    cudaDeviceProp p;
    const int code = rows_print_device("gpu_keyswitch_time", TORC_COMMIT, &p);
    if (code != 0) {
        return code;
    }
    const keyswitch_set sets[] = {set_of("4bits", 1, 2048, 782, 2, 7),
                                  set_of("1bit", 3, 512, 662, 2, 5)};
    rows_print_state("before");
    for (const keyswitch_set &set : sets) {
        time_set(&set);
    }
    rows_print_state("after");
    return 0;
}
