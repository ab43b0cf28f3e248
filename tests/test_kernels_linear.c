/* Linear layers of the CPU kernels against the definition, bit for bit. */
#include "tests/kernel_keys.h"

#include <criterion/criterion.h>

enum { MAX_OUT = 9, MAX_IN = 13, MAX_WORDS = 300 };

static uint64_t in_words[MAX_IN][MAX_WORDS];
static uint64_t out_words[MAX_OUT][MAX_WORDS + 1];

static void expect_definition(const torc_cpu_kernels *cpu, uint32_t outs, uint32_t ins,
                              size_t words, test_rng *rng)
{
    const uint64_t *in[MAX_IN];
    uint64_t *out[MAX_OUT];
    int64_t weight[MAX_OUT * MAX_IN];
    static const int64_t special[] = {0, 1, -1, INT64_MAX, INT64_MIN, (int64_t)1 << 40};

    for (uint32_t i = 0; i < ins; i++) {
        rng_words(rng, in_words[i], words);
        in[i] = rng_next(rng) % 5 == 0 ? NULL : in_words[i];
    }
    for (uint32_t i = 0; i < outs * ins; i++) {
        const uint64_t r = rng_next(rng);
        weight[i] = r % 3 == 0 ? special[r / 3 % 6] : (int64_t)(r % 255) - 127;
    }
    for (uint32_t o = 0; o < outs; o++) {
        out[o] = out_words[o];
        out_words[o][words] = 0x5a5a5a5a5a5a5a5au;
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
    static const char *const names[] = {"portable", "avx2", "avx512"};
    static const size_t lengths[] = {1, 7, 31, 32, 33, 257, 300};
    test_rng rng = {31};
    for (size_t isa = 0; isa < 3; isa++) {
        const torc_cpu_kernels *cpu = torc_cpu_kernels_named(names[isa]);
        if (cpu == NULL) {
            continue;
        }
        for (uint32_t outs = 1; outs <= MAX_OUT; outs++) {
            for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
                expect_definition(cpu, outs, 1 + (uint32_t)(rng_next(&rng) % MAX_IN), lengths[l],
                                  &rng);
            }
        }
    }
}
