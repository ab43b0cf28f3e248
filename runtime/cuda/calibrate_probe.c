/* Device memory, random keys and timed launches of one parameter set. Must not know: which sets,
 * forms and batches are worth measuring (calibrate.c).
 *
 * Words are random, not zero: a device that multiplies zeros draws less power and keeps a higher
 * clock than one that works. They come from a fixed generator, and no key is made of them. */
#include "runtime/cuda/calibrate_probe.h"

#include "runtime/shape.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>

enum {
    ROUNDS = 3,
    ROWS_AT_ONCE = 32, /* of keys, the same random ones again and again */
    INDEX_BITS = 4,
    /* cudaErrorInvalidValue, cudaErrorNotSupported: kernels_cuda.h says when */
    NO_SUCH_KERNEL = 1,
    NOT_ON_THIS_DEVICE = 801
};

torc_status torc_probe_fail(torc_ctx *ctx, int error, const char *what)
{
    (void)torc_gpu_error_clear();
    return torc_fail(ctx, torc_gpu_error_is_memory(error) ? TORC_E_MEMORY : TORC_E_DEVICE,
                     "calibration: %s: %s", what, torc_gpu_error_text(error));
}

#define PROBE_TRY(ctx, what, call)                          \
    do {                                                    \
        const int probe_error = call;                       \
        if (probe_error != 0) {                             \
            return torc_probe_fail(ctx, probe_error, what); \
        }                                                   \
    } while (0)

/* --- memory --- */

static torc_status take(torc_ctx *ctx, torc_probe *p, void *pointer, size_t bytes)
{
    void *block = NULL;

    PROBE_TRY(ctx, "device memory", torc_gpu_alloc(&block, bytes));
    p->block[p->block_count++] = block;
    *(void **)pointer = block;
    return TORC_OK;
}

static torc_status take_all(torc_ctx *ctx, torc_probe *p)
{
    const torc_shape *s = &p->shape;
    const size_t batch = p->batch;
    const size_t big_bytes = batch * ((size_t)s->glwe_dim * s->poly_size + 1) * sizeof(uint64_t);

    TORC_TRY(take(ctx, p, &p->keyswitch_key, torc_gpu_keyswitch_key_bytes(s)));
    TORC_TRY(take(ctx, p, &p->bootstrap_key, torc_gpu_bootstrap_key_bytes(s)));
    TORC_TRY(take(ctx, p, &p->in, big_bytes));
    TORC_TRY(take(ctx, p, &p->out, big_bytes));
    TORC_TRY(take(ctx, p, &p->switched.exponent, batch * s->lwe_dim * sizeof(uint32_t)));
    TORC_TRY(take(ctx, p, &p->switched.body, batch * sizeof(uint32_t)));
    TORC_TRY(take(ctx, p, &p->switched.error, batch * sizeof(int64_t)));
    TORC_TRY(take(ctx, p, &p->table, sizeof(uint64_t) << INDEX_BITS));
    TORC_TRY(take(ctx, p, &p->index_bits, sizeof(uint32_t)));
    TORC_TRY(take(ctx, p, &p->table_index, batch * sizeof(uint32_t)));
    TORC_TRY(take(ctx, p, &p->keyswitch_scratch, torc_gpu_keyswitch_scratch_bytes(s, p->batch)));
    return take(ctx, p, &p->rotate_scratch, torc_gpu_rotate_scratch_bytes(s, p->batch));
}

/* --- random words --- */

static void fill_random(uint64_t *out, size_t count)
{
    uint64_t state = 1;

    for (size_t i = 0; i < count; i++) { /* splitmix64 */
        uint64_t z = state += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        out[i] = z ^ (z >> 31);
    }
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static torc_status make_bootstrap_key(torc_ctx *ctx, torc_probe *p, const uint64_t *random)
{
    const torc_shape *s = &p->shape;
    const size_t rows = (size_t)s->lwe_dim / s->grouping * ((1u << s->grouping) - 1) *
                        (s->glwe_dim + 1) * s->level_count;

    PROBE_TRY(ctx, "tables", torc_gpu_fft_tables(p->bootstrap_key, s->poly_size, p->stream));
    for (size_t row = 0; row < rows; row += ROWS_AT_ONCE) {
        const uint32_t count = (uint32_t)(rows - row < ROWS_AT_ONCE ? rows - row : ROWS_AT_ONCE);
        PROBE_TRY(ctx, "bootstrap key",
                  torc_gpu_bootstrap_key_rows(p->bootstrap_key, row, count, random, s, p->stream));
    }
    return TORC_OK;
}

static torc_status make_keyswitch_key(torc_ctx *ctx, torc_probe *p, const uint64_t *random)
{
    const torc_shape *s = &p->shape;

    for (uint32_t word = 0; word < s->glwe_dim * s->poly_size; word += ROWS_AT_ONCE) {
        PROBE_TRY(ctx, "keyswitch key",
                  torc_gpu_keyswitch_key(p->keyswitch_key, (const uint32_t *)random, word,
                                         ROWS_AT_ONCE, s, p->stream));
    }
    return TORC_OK;
}

static torc_status make_inputs(torc_ctx *ctx, torc_probe *p, const uint64_t *random)
{
    const size_t words = (size_t)p->shape.glwe_dim * p->shape.poly_size + 1;
    const uint32_t index_bits = INDEX_BITS;

    for (uint32_t i = 0; i < p->batch; i++) {
        PROBE_TRY(
            ctx, "inputs",
            torc_gpu_copy(p->in + i * words, random + i % 16, words * sizeof *random, p->stream));
    }
    PROBE_TRY(ctx, "inputs",
              torc_gpu_copy(p->table, random, sizeof *random << INDEX_BITS, p->stream));
    PROBE_TRY(ctx, "inputs",
              torc_gpu_copy_in(p->index_bits, &index_bits, sizeof index_bits, p->stream));
    PROBE_TRY(ctx, "inputs",
              torc_gpu_set_zero(p->table_index, p->batch * sizeof(uint32_t), p->stream));
    PROBE_TRY(ctx, "inputs", torc_gpu_stream_wait(p->stream));
    return TORC_OK;
}

/* Everything from one run of random words, as long as the longest piece of it. */
static torc_status fill(torc_ctx *ctx, torc_probe *p)
{
    const torc_shape *s = &p->shape;
    const size_t polynomials = (s->glwe_dim + (size_t)1) * s->poly_size;
    const size_t count =
        larger(ROWS_AT_ONCE * polynomials,
               ROWS_AT_ONCE * (size_t)s->ks_level_count * (s->lwe_dim + (size_t)1) / 2 + 1);
    uint64_t *host = NULL;
    uint64_t *random = NULL;

    TORC_TRY(TORC_ALLOC(ctx, host, count));
    fill_random(host, count);
    torc_status status = take(ctx, p, &random, count * sizeof *host);
    if (status == TORC_OK) {
        const int error = torc_gpu_copy_in(random, host, count * sizeof *host, p->stream);
        status = error == 0 ? TORC_OK : torc_probe_fail(ctx, error, "random words");
    }
    if (status == TORC_OK) {
        status = make_inputs(ctx, p, random);
    }
    free(host);
    TORC_TRY(status);
    TORC_TRY(make_bootstrap_key(ctx, p, random));
    TORC_TRY(make_keyswitch_key(ctx, p, random));
    PROBE_TRY(ctx, "keys", torc_gpu_stream_wait(p->stream));
    return TORC_OK;
}

torc_status torc_probe_open(torc_ctx *ctx, torc_probe *out, const torc_params *params,
                            uint32_t batch)
{
    *out = (torc_probe){.batch = batch, .shape = torc_shape_of(params)};
    PROBE_TRY(ctx, "a stream", torc_gpu_stream_create(&out->stream));
    PROBE_TRY(ctx, "an event", torc_gpu_event_create(&out->from));
    PROBE_TRY(ctx, "an event", torc_gpu_event_create(&out->to));
    TORC_TRY(take_all(ctx, out));
    return fill(ctx, out);
}

void torc_probe_close(torc_probe *probe)
{
    torc_gpu_event_destroy(probe->from);
    torc_gpu_event_destroy(probe->to);
    torc_gpu_stream_destroy(probe->stream);
    for (uint32_t i = 0; i < probe->block_count; i++) {
        torc_gpu_free(probe->block[i]);
    }
    *probe = (torc_probe){0};
}

/* --- timing --- */

typedef struct launch {
    uint32_t form; /* TORC_GPU_FORM_ANY: the keyswitch */
    uint32_t cluster, batch;
} launch;

static int run(torc_probe *p, const launch *l)
{
    if (l->form == TORC_GPU_FORM_ANY) {
        const torc_gpu_keyswitch_args args = {.key = p->keyswitch_key,
                                              .in = p->in,
                                              .scratch = p->keyswitch_scratch,
                                              .batch = l->batch};
        return torc_gpu_keyswitch(&p->switched, &args, &p->shape, p->stream);
    }
    const torc_gpu_rotate_args args = {.key = p->bootstrap_key,
                                       .in = p->switched,
                                       .table = p->table,
                                       .index_bits = p->index_bits,
                                       .table_index = p->table_index,
                                       .table_stride = 1u << INDEX_BITS,
                                       .batch = l->batch,
                                       .scratch = p->rotate_scratch,
                                       .form = (torc_gpu_form)l->form,
                                       .cluster = l->cluster};
    return torc_gpu_rotate(p->out, &args, &p->shape, p->stream);
}

static int run_timed(double *seconds, torc_probe *p, const launch *l)
{
    int error = torc_gpu_event_record(p->from, p->stream);

    error = error != 0 ? error : run(p, l);
    error = error != 0 ? error : torc_gpu_event_record(p->to, p->stream);
    error = error != 0 ? error : torc_gpu_event_wait(p->to);
    return error != 0 ? error : torc_gpu_event_seconds(seconds, p->from, p->to);
}

/* The first launch loads the kernel; it is not counted. */
static torc_status least_seconds(torc_ctx *ctx, double *out, torc_probe *p, const launch *l)
{
    double least = HUGE_VAL;

    *out = 0;
    for (int round = 0; round <= ROUNDS; round++) {
        double seconds = 0;
        const int error = run_timed(&seconds, p, l);
        if (error == NO_SUCH_KERNEL || error == NOT_ON_THIS_DEVICE) {
            (void)torc_gpu_error_clear();
            return TORC_OK;
        }
        if (error != 0) {
            return torc_probe_fail(ctx, error, "a timed launch");
        }
        least = round == 0 ? least : fmin(least, seconds);
    }
    *out = least;
    return TORC_OK;
}

torc_status torc_probe_keyswitch(torc_ctx *ctx, double *seconds, torc_probe *probe, uint32_t batch)
{
    const launch l = {.form = TORC_GPU_FORM_ANY, .batch = batch};

    return least_seconds(ctx, seconds, probe, &l);
}

torc_status torc_probe_rotation(torc_ctx *ctx, double *seconds, torc_probe *probe, uint32_t form,
                                uint32_t cluster, uint32_t batch)
{
    const launch l = {.form = form, .cluster = cluster, .batch = batch};

    return least_seconds(ctx, seconds, probe, &l);
}
