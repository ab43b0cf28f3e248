#include "tests/instructions/rows.h"

#include "tests/kernel_keys.h"

#include <math.h>

/* kernels/cpu/fft.h has their types, for one instruction set at a time. */
#define PATH(isa)                                                                              \
    extern const torc_cpu_kernels torc_cpu_kernels_##isa;                                      \
    void torc_cpu_fft_forward_##isa(const void *plan, double *re, double *im);                 \
    void torc_cpu_fft_inverse_##isa(const void *plan, double *re, double *im);                 \
    const void *torc_cpu_fft_plan_##isa(uint32_t poly_size);                                   \
    static const count_path path_##isa = {&torc_cpu_kernels_##isa, torc_cpu_fft_forward_##isa, \
                                          torc_cpu_fft_inverse_##isa, torc_cpu_fft_plan_##isa};
PATH(portable)
PATH(avx2)
PATH(avx512)

const count_path *count_path_named(const char *name)
{
    static const count_path *const paths[] = {&path_portable, &path_avx2, &path_avx512};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (strcmp(paths[i]->kernels->name, name) == 0) {
            return paths[i];
        }
    }
    return NULL;
}

static void nothing(void) {}
void (*count_begin)(void) = nothing;
void (*count_end)(void) = nothing;

static void measure(void (*call)(void *), void *argument)
{
    count_begin();
    count_measured(call, argument);
    count_end();
}

/* --- transforms --------------------------------------------------------------------------------
 */

typedef struct transform_call {
    const count_path *path;
    const void *plan;
    void (*transform)(const void *plan, double *re, double *im);
    double *points;
    uint32_t poly_size, items;
} transform_call;

static void call_transform(void *argument)
{
    const transform_call *c = argument;
    for (uint32_t i = 0; i < c->items; i++) {
        c->transform(c->plan, c->points, c->points + c->poly_size / 2);
    }
}

static void call_plan(void *argument)
{
    transform_call *c = argument;
    c->plan = c->path->plan(c->poly_size);
}

static void run_transform(const count_path *path, const count_row *row, uint32_t items)
{
    const uint32_t size = row->shape.poly_size;
    transform_call c = {.path = path,
                        .transform = row->name[0] == 'f' ? path->forward : path->inverse,
                        .points = test_alloc(size * sizeof(double)),
                        .poly_size = size,
                        .items = items};
    test_rng rng = {1};
    for (uint32_t i = 0; i < size; i++) {
        c.points[i] = (double)(int64_t)rng_next(&rng) * 0x1p-64;
    }
    count_begin(); /* AVX-512 may need to be stepped here too */
    call_plan(&c);
    count_end();
    measure(call_transform, &c);
    free(c.points);
}

/* --- steps of a blind rotation -----------------------------------------------------------------
 */

enum { BATCH = 4, INDEX_BITS = 4, KEYSWITCH_BATCH = 32 };

typedef struct bootstrap_call {
    const torc_cpu_kernels *kernels;
    const torc_shape *shape;
    uint64_t *outs[BATCH];
    const uint64_t *entry[BATCH];
    uint32_t bits[BATCH];
    uint32_t *small;
    void *key, *scratch;
} bootstrap_call;

static void call_bootstrap(void *argument)
{
    bootstrap_call *c = argument;
    c->kernels->bootstrap(c->outs, c->small, c->entry, c->bits, BATCH, c->key, c->shape,
                          c->scratch);
}

/* No kernel looks at its key: numbers of its size stand for one. */
static void fill_doubles(double *out, size_t count)
{
    test_rng rng = {2};
    for (size_t i = 0; i < count; i++) {
        out[i] = (double)(int64_t)rng_next(&rng) * 0x1p-76;
    }
}

static void run_bootstrap(const count_path *path, const count_row *row, uint32_t items)
{
    torc_shape shape = row->shape;
    uint64_t table[1 << INDEX_BITS];
    test_rng rng = {3};
    shape.lwe_dim = items * shape.grouping;
    const size_t words = (size_t)shape.glwe_dim * shape.poly_size + 1;
    const size_t key_bytes = path->kernels->bootstrap_key_bytes(&shape);
    bootstrap_call c = {.kernels = path->kernels,
                        .shape = &shape,
                        .small = test_alloc(BATCH * ((size_t)shape.lwe_dim + 1) * sizeof *c.small),
                        .key = test_alloc(key_bytes),
                        .scratch =
                            test_alloc(path->kernels->bootstrap_scratch_bytes(&shape, BATCH))};
    fill_doubles(c.key, key_bytes / sizeof(double));
    rng_words(&rng, table, sizeof table / sizeof *table);
    for (size_t i = 0; i < BATCH * ((size_t)shape.lwe_dim + 1); i++) {
        c.small[i] = (uint32_t)rng_next(&rng) | UINT32_C(1) << 28; /* no exponent is zero */
    }
    for (size_t b = 0; b < BATCH; b++) {
        c.outs[b] = test_alloc(words * sizeof *c.outs[b]);
        c.entry[b] = table;
        c.bits[b] = INDEX_BITS;
    }
    measure(call_bootstrap, &c);
    for (size_t b = 0; b < BATCH; b++) {
        free(c.outs[b]);
    }
    free(c.small);
    free(c.key);
    free(c.scratch);
}

/* --- keyswitch, linear layers ------------------------------------------------------------------
 */

typedef struct keyswitch_call {
    const torc_cpu_kernels *kernels;
    const torc_shape *shape;
    torc_keyswitch_job job;
} keyswitch_call;

static void call_keyswitch(void *argument)
{
    const keyswitch_call *c = argument;
    c->kernels->keyswitch(&c->job, c->shape);
}

static void run_keyswitch(const count_path *path, const count_row *row, uint32_t items)
{
    const torc_shape *s = &row->shape;
    const size_t dim = (size_t)s->glwe_dim * s->poly_size;
    const size_t key_bytes = path->kernels->keyswitch_key_bytes(s);
    uint64_t *big = test_alloc(KEYSWITCH_BATCH * (dim + 1) * sizeof *big);
    uint64_t *key = test_alloc(key_bytes);
    uint32_t *small = test_alloc(KEYSWITCH_BATCH * ((size_t)s->lwe_dim + 1) * sizeof *small);
    void *scratch = test_alloc(path->kernels->keyswitch_scratch_bytes(s, KEYSWITCH_BATCH));
    const uint64_t *in[KEYSWITCH_BATCH];
    const uint64_t offset[KEYSWITCH_BATCH] = {0};
    test_rng rng = {4};
    (void)items;
    rng_words(&rng, big, KEYSWITCH_BATCH * (dim + 1));
    rng_words(&rng, key, key_bytes / sizeof *key);
    for (size_t b = 0; b < KEYSWITCH_BATCH; b++) {
        in[b] = big + b * (dim + 1);
    }
    keyswitch_call c = {path->kernels,
                        s,
                        {.small = small,
                         .in = in,
                         .offset = offset,
                         .batch = KEYSWITCH_BATCH,
                         .key = key,
                         .scratch = scratch}};
    measure(call_keyswitch, &c);
    free(big);
    free(key);
    free(small);
    free(scratch);
}

enum { INS = 64, OUTS = 32, WORDS = 257 };

typedef struct linear_call {
    const torc_cpu_kernels *kernels;
    uint64_t *out[OUTS];
    const uint64_t *in[INS];
    int64_t weight[OUTS * INS];
} linear_call;

static void call_linear(void *argument)
{
    const linear_call *c = argument;
    c->kernels->linear(c->out, c->in, c->weight, OUTS, INS, WORDS);
}

static void run_linear(const count_path *path, const count_row *row, uint32_t items)
{
    static uint64_t in_words[INS][WORDS];
    static uint64_t out_words[OUTS][WORDS];
    static linear_call c;
    const uint32_t bits = row->name[7] == 'n' ? 8 : 30; /* narrow, wide */
    test_rng rng = {5};
    (void)items;
    c.kernels = path->kernels;
    rng_words(&rng, &in_words[0][0], (size_t)INS * WORDS);
    for (size_t i = 0; i < INS; i++) {
        c.in[i] = in_words[i];
    }
    for (size_t o = 0; o < OUTS; o++) {
        c.out[o] = out_words[o];
    }
    for (size_t i = 0; i < (size_t)OUTS * INS; i++) {
        c.weight[i] = (int64_t)rng_next(&rng) >> (64 - bits);
    }
    measure(call_linear, &c);
}

#define COEFFICIENTS(n, v) ((n) * (double)(1 << (v)))
#define BUTTERFLIES(n)     ((n) / 4.0 * 10) /* M / 2 log2(M), n = 2048 */

const count_row count_rows[COUNT_ROWS] = {
    {"forward",
     "butterfly",
     BUTTERFLIES(2048),
     {1, 2048, 0, 0, 23, 1, 1, 1, 1, 0},
     true,
     1,
     run_transform},
    {"inverse",
     "butterfly",
     BUTTERFLIES(2048),
     {1, 2048, 0, 0, 23, 1, 1, 1, 1, 0},
     true,
     1,
     run_transform},
    {"classic_step",
     "coefficient",
     COEFFICIENTS(2048, 0),
     {1, 2048, 0, 0, 23, 1, 1, 1, 1, 0},
     true,
     BATCH,
     run_bootstrap},
    {"grouped_step_g2",
     "coefficient",
     COEFFICIENTS(2048, 0),
     {1, 2048, 0, 0, 22, 1, 1, 1, 2, 0},
     true,
     BATCH,
     run_bootstrap},
    {"grouped_step_g3",
     "coefficient",
     COEFFICIENTS(2048, 0),
     {1, 2048, 0, 0, 22, 1, 1, 1, 3, 0},
     true,
     BATCH,
     run_bootstrap},
    {"grouped_step_g2_v2",
     "coefficient",
     COEFFICIENTS(1024, 2),
     {1, 1024, 0, 2, 22, 1, 1, 1, 2, 0},
     true,
     BATCH,
     run_bootstrap},
    {"grouped_step_g3_v2",
     "coefficient",
     COEFFICIENTS(1024, 2),
     {1, 1024, 0, 2, 22, 1, 1, 1, 3, 0},
     true,
     BATCH,
     run_bootstrap},
    {"keyswitch_32",
     "multiply-add",
     256.0 * 512 * KEYSWITCH_BATCH,
     {1, 256, 511, 0, 10, 1, 3, 1, 1, 0},
     false,
     1,
     run_keyswitch},
    {"linear_narrow",
     "multiply-add",
     (double)INS *OUTS *WORDS,
     {1, 512, 0, 0, 0, 0, 0, 0, 0, 0},
     false,
     1,
     run_linear},
    {"linear_wide",
     "multiply-add",
     (double)INS *OUTS *WORDS,
     {1, 512, 0, 0, 0, 0, 0, 0, 0, 0},
     false,
     1,
     run_linear},
};
