/* torc_bench lookup: milliseconds of one encrypted table lookup, in a batch. Keys, encryption and
 * decryption are real, every result is compared with its table. */
#include "bench/bench.h"
#include "kernels/kernels.h"
#include "runtime/rng.h"
#include "runtime/status.h"
#include "runtime/torc_client.h"
#include "runtime/torc_server.h"

#include <omp.h>
#include <stdlib.h>

/* Ciphertexts that one thread's keyswitch takes at once, as the backend does. */
#define KEYSWITCH_BATCH 64

typedef struct lookup_bench {
    const bench_options *o;
    uint32_t bits;
    torc_circuit *circuit;
    int64_t *table; /* [batch][2^bits] */
    torc_tensor input;
    torc_secret_key *secret;
    torc_evaluation_keys *evaluation;
    torc_ciphertexts *in;
    double keygen_seconds;
    bench_times lookup;    /* seconds a lookup */
    bench_times keyswitch; /* seconds a ciphertext, all threads busy */
    bool right;
} lookup_bench;

/* --- the keyswitch alone
 * --------------------------------------------------------------------------- */

static torc_shape shape_of(const torc_params *p)
{
    return (torc_shape){.glwe_dim = p->glwe_dim,
                        .poly_size = p->poly_size,
                        .lwe_dim = p->lwe_dim,
                        .extended_log2 = p->extended_log2,
                        .base_log = p->bootstrap.base_log,
                        .level_count = p->bootstrap.level_count,
                        .ks_base_log = p->keyswitch.base_log,
                        .ks_level_count = p->keyswitch.level_count};
}

static void *aligned(size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void prepare_keyswitch_key(void *key, const torc_evaluation_keys *keys,
                                  const torc_shape *shape)
{
    uint32_t *lwe = aligned(((size_t)keys->params.lwe_dim + 1) * sizeof *lwe);
    const size_t rows = torc_evk_keyswitch_rows(&keys->params);
    for (size_t r = 0; lwe != NULL && r < rows; r++) {
        torc_evk_expand_lwe(lwe, keys, r);
        torc_cpu_kernels_get()->keyswitch_key_row(key, r, lwe, shape);
    }
    free(lwe);
}

/* One batch a thread; returns seconds. */
static double run_keyswitch(const torc_shape *shape, const void *key, const uint64_t *big,
                            uint32_t threads)
{
    const torc_cpu_kernels *kernels = torc_cpu_kernels_get();
    const uint64_t offset[KEYSWITCH_BATCH] = {0};
    const uint64_t *in[KEYSWITCH_BATCH];
    for (size_t i = 0; i < KEYSWITCH_BATCH; i++) {
        in[i] = big + i * ((size_t)shape->glwe_dim * shape->poly_size + 1);
    }
    double begin = 0;
    double end = 0;
#pragma omp parallel num_threads(threads)
    {
        uint32_t *small = aligned(KEYSWITCH_BATCH * ((size_t)shape->lwe_dim + 1) * sizeof *small);
        void *scratch = aligned(kernels->keyswitch_scratch_bytes(shape, KEYSWITCH_BATCH));
#pragma omp barrier
#pragma omp master
        begin = bench_now();
        if (small != NULL && scratch != NULL) {
            kernels->keyswitch(small, in, offset, KEYSWITCH_BATCH, key, shape, scratch);
        }
#pragma omp barrier
#pragma omp master
        end = bench_now();
        free(small);
        free(scratch);
    }
    return (end - begin) / KEYSWITCH_BATCH / threads;
}

static torc_status measure_keyswitch(torc_ctx *ctx, lookup_bench *b, double *seconds)
{
    const torc_shape shape = shape_of(&b->circuit->spec.params);
    const size_t words = torc_params_big_words(&b->circuit->spec.params);
    void *key = aligned(torc_cpu_kernels_get()->keyswitch_key_bytes(&shape));
    uint64_t *big = aligned(KEYSWITCH_BATCH * words * sizeof *big);
    if (key == NULL || big == NULL) {
        free(key);
        free(big);
        return torc_fail(ctx, TORC_E_MEMORY, "out of memory");
    }
    prepare_keyswitch_key(key, b->evaluation, &shape);
    torc_mask_expand_u64(big, KEYSWITCH_BATCH * words, b->evaluation->seed, TORC_MASK_CIPHERTEXT,
                         0);
    for (uint32_t r = 0; r < b->o->repeats; r++) {
        seconds[r] = run_keyswitch(&shape, key, big, bench_threads(b->o));
    }
    b->keyswitch = bench_summarise(seconds, b->o->repeats);
    free(key);
    free(big);
    return TORC_OK;
}

/* --- whole lookups
 * --------------------------------------------------------------------------------- */

/* Every index of the table in turn; the zeros that only carry noise come after them. */
static torc_status make_input(torc_ctx *ctx, lookup_bench *b)
{
    const size_t shape[] = {1, b->circuit->spec.inputs[0].shape[0]};
    TORC_TRY(torc_tensor_create(ctx, &b->input, TORC_I64, 2, shape));
    for (uint32_t i = 0; i < b->o->batch; i++) {
        b->input.i64[i] = (i * 7 + 3) & ((1U << b->bits) - 1);
    }
    return TORC_OK;
}

static torc_status check_result(torc_ctx *ctx, lookup_bench *b, const torc_ciphertexts *out)
{
    torc_tensor y = {0};
    TORC_TRY(torc_decrypt(ctx, &y, &b->circuit->spec, b->secret, out));
    for (uint32_t i = 0; i < b->o->batch; i++) {
        b->right =
            b->right && y.i64[i] == b->table[((size_t)i << b->bits) + (size_t)b->input.i64[i]];
    }
    torc_tensor_free(&y);
    return TORC_OK;
}

static torc_status measure_lookup(torc_ctx *ctx, lookup_bench *b, double *seconds)
{
    torc_server *server = NULL;
    torc_status s = torc_server_open(ctx, &server, b->circuit, b->evaluation, b->o->device, 1,
                                     bench_threads(b->o));
    b->right = true;
    for (uint32_t r = 0; s == TORC_OK && r <= b->o->repeats; r++) {
        torc_ciphertexts *out = NULL;
        torc_run_stats stats = {0};
        s = torc_server_run(ctx, server, &out, &stats, b->in);
        if (s == TORC_OK && r > 0) { /* the first one warms up */
            seconds[r - 1] = stats.seconds_lookup / b->o->batch;
        }
        if (s == TORC_OK) {
            s = check_result(ctx, b, out);
        }
        torc_ciphertexts_free(out);
    }
    if (s == TORC_OK) {
        b->lookup = bench_summarise(seconds, b->o->repeats);
    }
    torc_server_close(server);
    return s;
}

static torc_status prepare(torc_ctx *ctx, lookup_bench *b)
{
    TORC_TRY(TORC_ALLOC(ctx, b->table, (size_t)b->o->batch << b->bits));
    TORC_TRY(bench_circuit(ctx, &b->circuit, b->table, b->bits, b->o));
    TORC_TRY(make_input(ctx, b));
    const double begin = bench_now();
    TORC_TRY(torc_keygen(ctx, &b->secret, &b->evaluation, &b->circuit->spec, 0));
    b->keygen_seconds = bench_now() - begin;
    return torc_encrypt(ctx, &b->in, NULL, &b->circuit->spec, b->secret, &b->input, 0);
}

static void print_line(const lookup_bench *b)
{
    const torc_params *params = &b->circuit->spec.params;
    const double keyswitch_ms = 1e3 * b->keyswitch.median;
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "bench", "lookup");
    cJSON_AddNumberToObject(line, "bits", b->bits);
    cJSON_AddStringToObject(line, "profile", b->o->profile == TORC_SHARED ? "shared" : "private");
    cJSON_AddNumberToObject(line, "batch", b->o->batch);
    cJSON_AddNumberToObject(line, "ms_per_lookup", 1e3 * b->lookup.median);
    cJSON_AddNumberToObject(line, "ms_keyswitch", keyswitch_ms);
    cJSON_AddNumberToObject(line, "ms_bootstrap", 1e3 * b->lookup.median - keyswitch_ms);
    cJSON_AddNumberToObject(line, "ms_spread", 1e3 * b->lookup.spread);
    cJSON_AddBoolToObject(line, "right", b->right);
    cJSON_AddNumberToObject(line, "key_bytes", (double)torc_params_key_bytes_resident(params));
    cJSON_AddNumberToObject(line, "key_bytes_seeded", (double)torc_params_key_bytes_seeded(params));
    cJSON_AddNumberToObject(line, "keygen_seconds", b->keygen_seconds);
    cJSON_AddNumberToObject(line, "circuit_lookups", (double)b->o->circuit_lookups);
    cJSON_AddNumberToObject(line, "norm_sq", (double)b->o->norm_sq);
    cJSON_AddNumberToObject(line, "repeats", b->o->repeats);
    bench_describe(line, b->circuit, bench_threads(b->o), b->o->device);
    bench_print(line);
}

static torc_status measure_bits(torc_ctx *ctx, const bench_options *o, uint32_t bits)
{
    lookup_bench b = {.o = o, .bits = bits};
    double *seconds = NULL;
    TORC_TRY(TORC_ALLOC(ctx, seconds, o->repeats));
    torc_status s = prepare(ctx, &b);
    if (s == TORC_OK) {
        s = measure_lookup(ctx, &b, seconds);
    }
    if (s == TORC_OK) {
        s = measure_keyswitch(ctx, &b, seconds);
    }
    if (s == TORC_OK) {
        print_line(&b);
        if (!b.right) {
            s = torc_fail(ctx, TORC_E_MISMATCH_RESULT, "a lookup of %u bits gave a wrong entry",
                          bits);
        }
    }
    free(seconds);
    free(b.table);
    torc_tensor_free(&b.input);
    torc_circuit_free(b.circuit);
    torc_secret_key_free(b.secret);
    torc_evk_free(b.evaluation);
    torc_ciphertexts_free(b.in);
    return s;
}

torc_status bench_lookup(torc_ctx *ctx, const bench_options *o)
{
    bench_options filled = *o;
    filled.batch = o->batch == 0 ? 64 : o->batch;
    const uint32_t first = o->bits == 0 ? 1 : o->bits;
    const uint32_t last = o->bits == 0 ? 8 : o->bits;
    for (uint32_t bits = first; bits <= last; bits++) {
        TORC_TRY(measure_bits(ctx, &filled, bits));
    }
    return TORC_OK;
}
