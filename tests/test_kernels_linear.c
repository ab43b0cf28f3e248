/* Linear layers of the CPU kernels against the definition, bit for bit. */
#include "tests/cpu_tables.h"
#include "tests/kernel_keys.h"

#include <criterion/criterion.h>

enum { MAX_OUT = 135, MAX_IN = 300, MAX_WORDS = 300 };

static uint64_t in_words[MAX_IN][MAX_WORDS];
static uint64_t out_words[MAX_OUT][MAX_WORDS + 1];

/* Some weights of any size, all below a bound, or all at it. */
typedef enum weight_kind { WEIGHTS_ANY, WEIGHTS_BELOW, WEIGHTS_AT } weight_kind;

static int64_t draw_weight(test_rng *rng, weight_kind kind, int64_t bound)
{
    static const int64_t special[] = {0, 1, -1, INT64_MAX, INT64_MIN, (int64_t)1 << 40};
    const uint64_t r = rng_next(rng);
    if (kind == WEIGHTS_ANY && r % 3 == 0) {
        return special[r / 3 % 6];
    }
    if (kind == WEIGHTS_AT) {
        return r % 7 == 0 ? bound : -bound;
    }
    return (int64_t)(r % (2 * (uint64_t)bound + 1)) - bound;
}

static void expect_definition(const torc_cpu_kernels *cpu, uint32_t outs, uint32_t ins,
                              size_t words, weight_kind kind, int64_t bound, test_rng *rng)
{
    const uint64_t *in[MAX_IN];
    uint64_t *out[MAX_OUT];
    static int64_t weight[MAX_OUT * MAX_IN];

    for (uint32_t i = 0; i < ins; i++) {
        rng_words(rng, in_words[i], words);
        for (size_t w = 0; w < words && kind == WEIGHTS_AT; w++) {
            in_words[i][w] = 0x7fff7fff7fff8000u; /* every limb is -2^15 */
        }
        in[i] = rng_next(rng) % 5 == 0 ? NULL : in_words[i];
    }
    for (uint32_t i = 0; i < outs * ins; i++) {
        weight[i] = draw_weight(rng, kind, bound);
    }
    for (uint32_t o = 0; o < outs; o++) {
        out[o] = out_words[o];
        memset(out[o], 0x5a, sizeof out_words[o]);
    }
    cpu->linear(out, in, weight, outs, ins, words);
    for (uint32_t o = 0; o < outs; o++) {
        for (size_t w = 0; w < words; w++) {
            uint64_t sum = 0;
            for (uint32_t i = 0; i < ins; i++) {
                sum += in[i] == NULL ? 0 : in[i][w] * (uint64_t)weight[o * ins + i];
            }
            cr_assert_eq(out_words[o][w], sum, "%s %u x %u, word %zu of %zu", cpu->name, outs, ins,
                         w, words);
        }
        cr_expect_eq(out_words[o][words], 0x5a5a5a5a5a5a5a5au, "%s wrote past the end", cpu->name);
    }
}

Test(kernels_linear, every_instruction_set_gives_the_definition)
{
    static const size_t lengths[] = {1, 7, 31, 32, 33, 257, 300};
    test_rng rng = {31};
    for (size_t isa = 0; isa < CPU_TABLES; isa++) {
        const torc_cpu_kernels *cpu = cpu_table(isa);
        if (cpu == NULL) {
            continue;
        }
        for (uint32_t outs = 1; outs <= 9; outs++) {
            for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
                const uint32_t ins = 1 + (uint32_t)(rng_next(&rng) % 13);
                expect_definition(cpu, outs, ins, lengths[l], WEIGHTS_ANY, 127, &rng);
                expect_definition(cpu, outs, ins, lengths[l], WEIGHTS_BELOW, 127, &rng);
            }
        }
    }
}

/* Chunks of inputs and groups of outputs, weights up to where another kernel takes over; and sums
 * as large as they can be. */
Test(kernels_linear, long_rows_of_small_weights_are_exact)
{
    static const int64_t bounds[] = {1, 31, 511, 512, 3000, 8191, 8192};
    test_rng rng = {32};
    for (size_t isa = 0; isa < CPU_TABLES; isa++) {
        const torc_cpu_kernels *cpu = cpu_table(isa);
        for (size_t b = 0; b < sizeof bounds / sizeof *bounds && cpu != NULL; b++) {
            const uint32_t outs = 126 + (uint32_t)(b % 5);
            expect_definition(cpu, outs, MAX_IN - (uint32_t)b, 37, WEIGHTS_BELOW, bounds[b], &rng);
            expect_definition(cpu, outs, MAX_IN - (uint32_t)b, 33, WEIGHTS_AT, bounds[b], &rng);
        }
    }
}

Test(kernels_linear, no_input_gives_zero)
{
    const torc_cpu_kernels *cpu = torc_cpu_kernels_get();
    const uint64_t *in[2] = {NULL, NULL};
    const int64_t weight[2] = {1, -3};
    uint64_t words[9];
    uint64_t *out[1] = {words};
    memset(words, 0x5a, sizeof words);
    cpu->linear(out, in, weight, 1, 2, 9);
    for (int w = 0; w < 9; w++) {
        cr_expect_eq(words[w], 0, "word %d", w);
    }
}
