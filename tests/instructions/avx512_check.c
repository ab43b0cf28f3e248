/* Machine code of the AVX-512 kernels, instruction by instruction on whatever processor this is
 * (step.h), against the same sources compiled for AVX2 by way of SIMDe: the same bits. The latter
 * are held against the references by tests/test_kernels_X.c.
 * usage: avx512_check DISASSEMBLY [--all]    of this program, by objdump; --all: larger shapes too
 */
#include "tests/instructions/step.h"
#include "tests/kernel_keys.h"

#include <stdio.h>

extern const torc_cpu_kernels torc_cpu_kernels_avx512;
#if TORC_AVX512_EMULATED
extern const torc_cpu_kernels torc_cpu_kernels_avx512_emulated;
static const torc_cpu_kernels *const other = &torc_cpu_kernels_avx512_emulated;
#else
static const torc_cpu_kernels *const other = NULL;
#endif
static const torc_cpu_kernels *const stepped = &torc_cpu_kernels_avx512;

enum { BATCH = 2 };

static int failures;
static bool is_quick = true;

static void expect_same(const void *found, const void *expected, size_t bytes, const char *what,
                        uint64_t a, uint64_t b)
{
    const uint8_t *x = found;
    const uint8_t *y = expected;
    size_t at = 0;
    while (at < bytes && x[at] == y[at]) {
        at++;
    }
    if (at < bytes) {
        (void)fprintf(stderr, "avx512_check: %s %lu, %lu: differs from byte %zu of %zu on\n", what,
                      (unsigned long)a, (unsigned long)b, at, bytes);
        failures++;
    }
}

/* A call of a kernel, stepped where it is one of the real machine code. */
#define RUN(cpu, call)          \
    do {                        \
        if ((cpu) == stepped) { \
            step_begin();       \
        }                       \
        call;                   \
        if ((cpu) == stepped) { \
            step_end();         \
        }                       \
    } while (0)

/* --- key generation ----------------------------------------------------------------------------
 */

static void negacyclic(const torc_cpu_kernels *cpu, uint64_t *out, uint32_t size)
{
    test_rng rng = {size};
    uint64_t *a = test_alloc(2 * size * sizeof *a);
    uint64_t *b = test_alloc(2 * size * sizeof *b);
    double *spectrum = test_alloc(2 * size * sizeof *spectrum);
    rng_words(&rng, a, 2 * size);
    rng_bits(&rng, b, 2 * size);
    rng_words(&rng, out, size);
    for (size_t c = 0; c < 2; c++) {
        RUN(cpu, cpu->binary_spectrum(spectrum + c * size, b + c * size, size));
    }
    RUN(cpu, cpu->negacyclic_add(out, a, spectrum, 2, size));
    free(a);
    free(b);
    free(spectrum);
}

static void check_negacyclic(void)
{
    for (uint32_t size = 256; size <= (is_quick ? 1024u : 4096u); size *= 2) {
        uint64_t *found = test_alloc(size * sizeof *found);
        uint64_t *expected = test_alloc(size * sizeof *expected);
        negacyclic(stepped, found, size);
        negacyclic(other, expected, size);
        expect_same(found, expected, size * sizeof *found, "negacyclic product", size, 2);
        free(found);
        free(expected);
    }
}

/* --- bootstrap ---------------------------------------------------------------------------------
 */

/* Rows of random words: no kernel sees whether it is a key. */
static void *random_key(const torc_cpu_kernels *cpu, const torc_shape *s)
{
    const size_t steps = s->lwe_dim / s->grouping;
    const size_t rows =
        steps * (((size_t)1 << s->grouping) - 1) * (s->glwe_dim + 1) * s->level_count;
    const size_t words = (size_t)(s->glwe_dim + 1) * s->poly_size;
    uint64_t *row = test_alloc(words * sizeof *row);
    void *key = test_alloc(cpu->bootstrap_key_bytes(s));
    test_rng rng = {17};
    for (size_t r = 0; r < rows; r++) {
        rng_words(&rng, row, words);
        RUN(cpu, cpu->bootstrap_key_row(key, r, row, s));
    }
    for (size_t step = 0; step < steps; step++) {
        RUN(cpu, cpu->bootstrap_key_step(key, step, s));
    }
    free(row);
    return key;
}

static uint64_t *bootstrap(const torc_cpu_kernels *cpu, const torc_shape *s)
{
    const size_t words = (size_t)s->glwe_dim * s->poly_size + 1;
    uint64_t *out = test_alloc(BATCH * words * sizeof *out);
    uint32_t *small = test_alloc(BATCH * ((size_t)s->lwe_dim + 1) * sizeof *small);
    void *key = random_key(cpu, s);
    void *scratch = test_alloc(cpu->bootstrap_scratch_bytes(s, BATCH));
    uint64_t table[16];
    const uint64_t *entry[BATCH];
    uint64_t *outs[BATCH];
    uint32_t bits[BATCH];
    test_rng rng = {18};
    rng_words(&rng, table, 16);
    for (size_t i = 0; i < BATCH * ((size_t)s->lwe_dim + 1); i++) {
        small[i] = (uint32_t)rng_next(&rng);
    }
    small[1] = 0; /* an exponent of zero */
    for (size_t b = 0; b < BATCH; b++) {
        outs[b] = out + b * words;
        entry[b] = table;
        bits[b] = 4;
    }
    RUN(cpu, cpu->bootstrap(outs, small, entry, bits, BATCH, key, s, scratch));
    free(small);
    free(key);
    free(scratch);
    return out;
}

static void check_bootstrap(void)
{
    static const torc_shape shapes[] = {
        {1, 256, 2, 0, 10, 2, 1, 1, 1, 0},  {2, 512, 2, 0, 20, 1, 1, 1, 1, 0},
        {1, 1024, 2, 0, 7, 3, 1, 1, 1, 0},  {1, 256, 2, 1, 15, 2, 1, 1, 1, 0},
        {1, 256, 4, 0, 16, 2, 1, 1, 2, 0},  {1, 512, 6, 0, 22, 1, 1, 1, 3, 0},
        {1, 256, 4, 1, 16, 2, 1, 1, 2, 0},  {1, 256, 6, 2, 16, 1, 1, 1, 3, 0},
        {3, 256, 3, 0, 15, 1, 1, 1, 1, 0},  {1, 2048, 2, 0, 23, 1, 1, 1, 1, 0},
        {1, 4096, 2, 0, 15, 2, 1, 1, 1, 0}, {1, 256, 2, 3, 15, 1, 1, 1, 1, 0},
        {2, 512, 3, 0, 16, 2, 1, 1, 3, 0},  {1, 2048, 4, 0, 22, 1, 1, 1, 2, 0},
        {1, 4096, 3, 0, 22, 1, 1, 1, 3, 0}, {2, 256, 3, 3, 12, 3, 1, 1, 3, 0},
        {1, 2048, 3, 1, 22, 1, 1, 1, 3, 0},
    };
    const size_t count = is_quick ? 8 : sizeof shapes / sizeof *shapes;
    for (size_t i = 0; i < count; i++) {
        const size_t words = (size_t)shapes[i].glwe_dim * shapes[i].poly_size + 1;
        uint64_t *found = bootstrap(stepped, &shapes[i]);
        uint64_t *expected = bootstrap(other, &shapes[i]);
        expect_same(found, expected, BATCH * words * sizeof *found, "bootstrap, shape", i,
                    shapes[i].grouping);
        free(found);
        free(expected);
    }
}

/* --- keyswitch, linear layers ------------------------------------------------------------------
 */

static uint32_t *keyswitch(const torc_cpu_kernels *cpu, const torc_shape *s, uint32_t batch)
{
    const size_t dim = (size_t)s->glwe_dim * s->poly_size;
    const size_t words = (size_t)s->lwe_dim + 1;
    uint64_t *big = test_alloc(batch * (dim + 1) * sizeof *big);
    uint32_t *rows = test_alloc(2 * words * sizeof *rows);
    uint32_t *small = test_alloc(batch * words * sizeof *small);
    void *key = test_alloc(cpu->keyswitch_key_bytes(s));
    void *scratch = test_alloc(cpu->keyswitch_scratch_bytes(s, batch));
    const uint64_t **in = test_alloc(batch * sizeof *in);
    uint64_t *offset = test_alloc(batch * sizeof *offset);
    test_rng rng = {19};
    for (size_t pair = 0; pair < dim * s->ks_level_count / 2; pair++) {
        for (size_t i = 0; i < 2 * words; i++) {
            rows[i] = (uint32_t)rng_next(&rng);
        }
        RUN(cpu, cpu->keyswitch_key_rows(key, pair, rows, s));
    }
    rng_words(&rng, big, batch * (dim + 1));
    rng_words(&rng, offset, batch);
    for (size_t b = 0; b < batch; b++) {
        in[b] = big + b * (dim + 1);
    }
    torc_keyswitch_job job = {.small = small,
                              .in = in,
                              .offset = offset,
                              .batch = batch,
                              .part_count = 2,
                              .key = key,
                              .scratch = scratch};
    for (job.part = 0; job.part < job.part_count; job.part++) {
        RUN(cpu, cpu->keyswitch(&job, s));
    }
    free(big);
    free(rows);
    free(key);
    free(scratch);
    free(in);
    free(offset);
    return small;
}

static void check_keyswitch(void)
{
    static const torc_shape shapes[] = {{1, 256, 20, 0, 10, 1, 3, 5, 1, 0},
                                        {1, 256, 70, 0, 10, 1, 15, 2, 1, 0},
                                        {1, 256, 33, 0, 10, 1, 16, 1, 1, 0}};
    static const uint32_t batches[] = {9, 1, 3, 13};
    const size_t count = is_quick ? 1 : sizeof batches / sizeof *batches;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i += is_quick ? 2 : 1) {
        for (size_t b = 0; b < count; b++) {
            const size_t words = (size_t)shapes[i].lwe_dim + 1;
            uint32_t *found = keyswitch(stepped, &shapes[i], batches[b]);
            uint32_t *expected = keyswitch(other, &shapes[i], batches[b]);
            expect_same(found, expected, batches[b] * words * sizeof *found, "keyswitch", i,
                        batches[b]);
            free(found);
            free(expected);
        }
    }
}

enum { INS = 40, OUTS = 19, WORDS = 77 };

static void linear(const torc_cpu_kernels *cpu, uint64_t (*words)[WORDS], uint32_t outs,
                   int bound_log2)
{
    static uint64_t in_words[INS][WORDS];
    int64_t weight[OUTS * INS];
    const uint64_t *in[INS];
    uint64_t *out[OUTS];
    test_rng rng = {20 + (uint64_t)bound_log2};
    rng_words(&rng, &in_words[0][0], INS * WORDS);
    for (size_t i = 0; i < INS; i++) {
        in[i] = i % 7 == 3 ? NULL : in_words[i];
    }
    for (size_t i = 0; i < OUTS * INS; i++) {
        weight[i] = (int64_t)rng_next(&rng) >> (63 - bound_log2);
    }
    for (size_t o = 0; o < outs; o++) {
        out[o] = words[o];
    }
    RUN(cpu, cpu->linear(out, in, weight, outs, INS, WORDS));
}

static void check_linear(void)
{
    static uint64_t found[OUTS][WORDS];
    static uint64_t expected[OUTS][WORDS];
    static const int bounds_log2[] = {1, 6, 12, 20, 40, 63};
    for (size_t i = 0; i < sizeof bounds_log2 / sizeof *bounds_log2; i++) {
        for (uint32_t outs = 1; outs <= OUTS; outs += is_quick ? 12 : 6) {
            linear(stepped, found, outs, bounds_log2[i]);
            linear(other, expected, outs, bounds_log2[i]);
            expect_same(found, expected, outs * sizeof *found, "linear", outs,
                        (uint64_t)bounds_log2[i]);
        }
    }
}

/* --- clear values ------------------------------------------------------------------------------
 */

enum { LANES = 48, STRIDE = 56, ELEMENTS = 24, DRAWS = 330 };

static void clear_linear(const torc_cpu_kernels *cpu, double *value)
{
    static const uint32_t gather[2 * 5] = {0, 3, 7, 1, 2, 4, 4, 6, 5, 0};
    double weight[2 * 4 * 5];
    double constant[2 * 4];
    const torc_clear_layer layer = {.group_count = 2,
                                    .out_count = 4,
                                    .in_count = 5,
                                    .weight_groups = 2,
                                    .constant_groups = 2,
                                    .out = 8,
                                    .out_group_stride = 4,
                                    .out_stride = 1,
                                    .gather = gather,
                                    .weight = weight,
                                    .constant = constant};
    test_rng rng = {21};
    for (size_t i = 0; i < (size_t)ELEMENTS * STRIDE; i++) {
        value[i] = (double)(int64_t)(rng_next(&rng) % 65536) * 0x1p-16 - 0.5;
    }
    for (size_t i = 0; i < sizeof weight / sizeof *weight; i++) {
        weight[i] = (double)(int64_t)(rng_next(&rng) % 2048) - 1024;
    }
    for (size_t i = 0; i < sizeof constant / sizeof *constant; i++) {
        constant[i] = (double)(rng_next(&rng) % 256) * 0x1p-8;
    }
    RUN(cpu, cpu->clear_linear(value, STRIDE, &layer, LANES));
}

static void check_clear(void)
{
    static _Alignas(64) double found[ELEMENTS * STRIDE];
    static _Alignas(64) double expected[ELEMENTS * STRIDE];
    double entry[32];
    const torc_clear_table table = {.index_bits = 4, .shift = 0x1p-6, .entry = entry};
    size_t overflows[2] = {0, 0};
    test_rng rng = {22};
    clear_linear(stepped, found);
    clear_linear(other, expected);
    expect_same(found, expected, sizeof found, "clear linear", LANES, ELEMENTS);

    static _Alignas(64) double in[3][DRAWS];
    for (size_t i = 0; i < 32; i++) {
        entry[i] = (double)(rng_next(&rng) % 64) / 64;
    }
    for (size_t i = 0; i < DRAWS; i++) {
        in[0][i] = (double)(rng_next(&rng) % 1024) / 1024;
        in[1][i] = (double)(rng_next(&rng) % 1024) / 65536;
        in[2][i] = (double)(rng_next(&rng) % 1024) / 65536;
    }
    RUN(stepped, overflows[0] = stepped->clear_lookup(found, in[0], in[1], in[2], &table, DRAWS));
    overflows[1] = other->clear_lookup(expected, in[0], in[1], in[2], &table, DRAWS);
    expect_same(found, expected, DRAWS * sizeof *found, "clear lookup", 4, DRAWS);
    expect_same(&overflows[0], &overflows[1], sizeof *overflows, "overflows", overflows[0],
                overflows[1]);

    for (int grid = 0; grid < 2; grid++) {
        const double unit = grid == 0 ? 0 : 0x1p-30;
        RUN(stepped, stepped->gaussian(found, DRAWS, 12345, 0.01, unit));
        other->gaussian(expected, DRAWS, 12345, 0.01, unit);
        expect_same(found, expected, DRAWS * sizeof *found, "normal deviates", DRAWS,
                    (uint64_t)grid);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*check)(void);
    } checks[] = {{"negacyclic product", check_negacyclic},
                  {"bootstrap", check_bootstrap},
                  {"keyswitch", check_keyswitch},
                  {"linear", check_linear},
                  {"clear values", check_clear}};
    if (argc < 2) {
        (void)fprintf(stderr, "usage: avx512_check DISASSEMBLY [--all]\n");
        return 2;
    }
    is_quick = argc < 3 || strcmp(argv[2], "--all") != 0;
    if (other == NULL || torc_cpu_kernels_named("avx2") == NULL) {
        (void)fprintf(stderr, "avx512_check: skipped, it needs SIMDe and a processor with AVX2\n");
        return 77;
    }
    disassembly code = disassembly_read(argv[1]);
    step_install(&code);
    uint64_t before = 0;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        uint64_t executed = 0;
        checks[i].check();
        for (size_t n = 0; n < code.count; n++) {
            executed += code.list[n].executed;
        }
        printf("avx512_check: %s: %lu instructions\n", checks[i].name,
               (unsigned long)(executed - before));
        before = executed;
    }
    disassembly_free(&code);
    return failures == 0 ? 0 : 1;
}
