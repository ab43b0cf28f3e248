/* Signed digits: ranges, the bound of what is dropped, edge words. */
#include "kernels/kernels.h"
#include "tests/kernel_keys.h"

#include <criterion/criterion.h>

static uint64_t recomposed(const int64_t *digit, uint32_t base_log, uint32_t level_count)
{
    uint64_t sum = 0;
    for (uint32_t j = 0; j < level_count; j++) {
        sum += (uint64_t)digit[j] << (64 - base_log * (j + 1));
    }
    return sum;
}

static void expect_bounds(uint64_t x, uint32_t base_log, uint32_t level_count)
{
    int64_t digit[64];
    const int64_t half_base = (int64_t)1 << (base_log - 1);
    const uint64_t bound = (uint64_t)1 << (63 - base_log * level_count);

    torc_ref_decompose(digit, x, base_log, level_count);
    for (uint32_t j = 0; j < level_count; j++) {
        cr_expect(digit[j] >= -half_base && digit[j] < half_base,
                  "x=%016lx B=2^%u l=%u: digit %u is %ld", x, base_log, level_count, j, digit[j]);
    }
    const uint64_t error = x - recomposed(digit, base_log, level_count);
    cr_expect(error + bound <= 2 * bound, "x=%016lx B=2^%u l=%u: error %016lx", x, base_log,
              level_count, error);
}

Test(kernels_decompose, digits_are_balanced_and_close)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     UINT64_MAX,
                                     (uint64_t)1 << 63,
                                     ((uint64_t)1 << 63) - 1,
                                     0x7fffffffffffffffu - 0xffffffffu,
                                     0x5555555555555555u,
                                     0xaaaaaaaaaaaaaaaau,
                                     0x0000010000000000u,
                                     0x000000ffffffffffu};
    test_rng rng = {42};
    for (uint32_t base_log = 1; base_log <= 50; base_log++) {
        for (uint32_t level_count = 1; base_log * level_count <= 63; level_count++) {
            const uint32_t last = 64 - base_log * level_count; /* last kept bit */
            for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
                expect_bounds(edges[i], base_log, level_count);
            }
            for (int i = 0; i < 20; i++) {
                const uint64_t x = rng_next(&rng);
                expect_bounds(x, base_log, level_count);
                expect_bounds(x >> last << last, base_log, level_count);
                expect_bounds((x >> last << last) + ((uint64_t)1 << (last - 1)), base_log,
                              level_count);
            }
        }
    }
}

Test(kernels_decompose, kept_bits_are_exact)
{
    test_rng rng = {43};
    int64_t digit[64];
    for (int i = 0; i < 1000; i++) {
        const uint64_t x = rng_next(&rng) << 19;
        torc_ref_decompose(digit, x, 15, 3);
        cr_expect_eq(recomposed(digit, 15, 3), x);
    }
}

/* Half a unit: up from odd, down to even, so that the mean error of words cut short is nothing. */
Test(kernels_decompose, ties_to_even_have_no_mean)
{
    int64_t error_sum = 0;
    int64_t up_sum = 0;
    for (uint64_t word = 0; word < 4096; word++) { /* 3 bits dropped, 9 above them */
        const uint64_t x = word << 37;             /* kept: 24 bits */
        int64_t even[2];
        int64_t up[2];
        torc_ref_decompose_even(even, x, 12, 2);
        torc_ref_decompose(up, x, 12, 2);
        const int64_t error = (int64_t)(recomposed(even, 12, 2) - x) / ((int64_t)1 << 37);
        cr_expect(error >= -4 && error <= 4, "word %lu: %ld", word, error);
        cr_expect(word % 8 == 4 || even[1] == up[1], "only ties differ");
        cr_expect(word % 8 != 4 || even[1] % 2 == 0, "word %lu: digit %ld", word, even[1]);
        error_sum += error;
        up_sum += (int64_t)(recomposed(up, 12, 2) - x) / ((int64_t)1 << 37);
    }
    cr_expect_eq(error_sum, 0);
    cr_expect_eq(up_sum, 4 * 4096 / 8);
}
