/* The simulator's kernels on clear phases against the readable ones: bit for bit where they are
 * exact, within the stated bound where they are not; and the distribution of the noise. */
#include "tests/cpu_tables.h"
#include "tests/kernel_keys.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const torc_cpu_kernels *tables[CPU_TABLES];
static size_t table_count;

static void find_tables(void)
{
    table_count = 0;
    for (size_t i = 0; i < CPU_TABLES; i++) {
        const torc_cpu_kernels *cpu = cpu_table(i);
        if (cpu != NULL) {
            tables[table_count++] = cpu;
        }
    }
}

/* --- linear --------------------------------------------------------------------------------------
 */

enum { ELEMENTS = 96, LANES = 48, STRIDE = 56, INPUTS = 32 };

static _Alignas(64) double expected[ELEMENTS * STRIDE];
static _Alignas(64) double found[ELEMENTS * STRIDE];
static uint32_t gather[8 * 16];
static double weight[8 * 9 * 16];
static double constant[8 * 9];

static double on_grid(test_rng *rng) /* in [-1/2, 1/2), a multiple of 2^-16 */
{
    return (double)(int64_t)(rng_next(rng) % 65536) * 0x1p-16 - 0.5;
}

/* Groups of every kind: weights and constants shared or not, outputs in either order. */
static torc_clear_layer random_layer(test_rng *rng)
{
    torc_clear_layer l = {.group_count = 1 + (uint32_t)(rng_next(rng) % 6),
                          .out_count = 1 + (uint32_t)(rng_next(rng) % 9),
                          .in_count = (uint32_t)(rng_next(rng) % 16),
                          .out = INPUTS,
                          .gather = gather,
                          .weight = weight,
                          .constant = constant};
    const bool groups_inside = rng_next(rng) % 2 == 0;
    l.weight_groups = rng_next(rng) % 2 == 0 ? 1 : l.group_count;
    l.constant_groups = rng_next(rng) % 2 == 0 ? 1 : l.group_count;
    l.out_group_stride = groups_inside ? 1 : l.out_count;
    l.out_stride = groups_inside ? l.group_count : 1;
    for (uint32_t i = 0; i < l.group_count * l.in_count; i++) {
        gather[i] = (uint32_t)(rng_next(rng) % INPUTS);
    }
    for (uint32_t i = 0; i < l.weight_groups * l.out_count * l.in_count; i++) {
        weight[i] = (double)(int64_t)(rng_next(rng) % 2048) - 1024;
    }
    for (uint32_t i = 0; i < l.constant_groups * l.out_count; i++) {
        constant[i] = on_grid(rng) + (double)(rng_next(rng) % 3);
    }
    return l;
}

Test(kernels_clear, linear_layers_are_those_of_the_definition)
{
    test_rng rng = {77};
    find_tables();
    for (int round = 0; round < 200; round++) {
        const torc_clear_layer layer = random_layer(&rng);
        const size_t lanes = TORC_CLEAR_LANES * (size_t)(1 + round % 3);
        for (size_t t = 0; t < table_count; t++) {
            for (size_t i = 0; i < ELEMENTS * STRIDE; i++) {
                expected[i] = found[i] = on_grid(&rng);
            }
            torc_ref_clear_linear(expected, STRIDE, &layer, lanes);
            tables[t]->clear_linear(found, STRIDE, &layer, lanes);
            cr_assert_eq(memcmp(expected, found, sizeof found), 0, "%s, round %d", tables[t]->name,
                         round);
        }
    }
}

/* --- lookup --------------------------------------------------------------------------------------
 */

enum { LOOKUPS = 150 };

/* Values on, just below and just above the edges of bins, several turns away too. */
static void edge_values(double *in, const torc_clear_table *table, test_rng *rng)
{
    for (size_t s = 0; s < LOOKUPS; s++) {
        const double bin = (double)(int64_t)(rng_next(rng) % 4096) - 2048;
        const double aside = (double)(int64_t)(rng_next(rng) % 3) - 1;
        in[s] = ldexp(bin, -(int)table->index_bits - 1) + aside * 0x1p-40 - table->shift;
    }
    in[0] = -table->shift; /* 0 and its neighbours in floating point */
    in[1] = in[0] - 0x1p-40;
}

Test(kernels_clear, lookups_are_those_of_the_definition)
{
    static double entry[2 << 10];
    static _Alignas(64) double rows[4][LOOKUPS + 2];
    static const size_t counts[] = {1, 2, 63, 64, 65, LOOKUPS};
    test_rng rng = {5};
    find_tables();
    for (uint32_t bits = 0; bits <= 10; bits++) {
        const torc_clear_table table = {
            .index_bits = bits, .shift = ldexp(3, -(int)bits - 2), .entry = entry};
        for (size_t i = 0; i < (size_t)2 << bits; i++) {
            entry[i] = on_grid(&rng);
        }
        edge_values(rows[0], &table, &rng);
        for (size_t s = 0; s < LOOKUPS; s++) {
            rows[1][s] = (double)(int64_t)(rng_next(&rng) % 5) * 0x1p-40;
            rows[2][s] = on_grid(&rng);
        }
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            double out[LOOKUPS];
            const size_t overflows =
                torc_ref_clear_lookup(out, rows[0], rows[1], rows[2], &table, counts[c]);
            for (size_t t = 0; t < table_count; t++) {
                rows[3][counts[c]] = 7;
                cr_expect_eq(
                    tables[t]->clear_lookup(rows[3], rows[0], rows[1], rows[2], &table, counts[c]),
                    overflows, "%s, %u bits", tables[t]->name, bits);
                cr_expect_eq(memcmp(out, rows[3], counts[c] * sizeof *out), 0, "%s, %u bits",
                             tables[t]->name, bits);
                cr_expect_eq(rows[3][counts[c]], 7);
            }
        }
    }
}

/* --- noise ---------------------------------------------------------------------------------------
 */

enum { DRAWS = 1 << 20 };

static double *draws_of(const torc_cpu_kernels *cpu, double std, double grid)
{
    double *out = calloc(DRAWS, sizeof *out);
    cr_assert_not_null(out);
    cpu->gaussian(out, DRAWS, 0x123456789abcdefu, std, grid);
    return out;
}

/* Every table draws the same bits, close to those of the exact functions, whatever the split. */
Test(kernels_clear, noise_is_the_same_on_every_machine)
{
    double *reference = calloc(DRAWS, sizeof *reference);
    cr_assert_not_null(reference);
    torc_ref_gaussian(reference, DRAWS, 0x123456789abcdefu, 1, 0);
    find_tables();
    double *first = draws_of(tables[0], 1, 0);
    double worst = 0;
    uint64_t digest = 0;
    for (size_t i = 0; i < DRAWS; i++) {
        uint64_t bits = 0;
        worst = fmax(worst, fabs(first[i] - reference[i]));
        memcpy(&bits, &first[i], sizeof bits);
        digest = (digest ^ bits) * 0x9e3779b97f4a7c15u;
    }
    cr_expect_lt(worst, 0x1p-42, "error 2^%.1f", log2(worst));
    cr_expect_eq(digest, 0xf4a31171af07c4e9u, "digest %#llx", (unsigned long long)digest);
    for (size_t t = 1; t < table_count; t++) {
        double *other = draws_of(tables[t], 1, 0);
        cr_expect_eq(memcmp(first, other, DRAWS * sizeof *first), 0, "%s", tables[t]->name);
        tables[t]->gaussian(other, 130, 0x123456789abcdefu, 1, 0);
        tables[t]->gaussian(other + 130, 77, 0x123456789abcdefu + 130 * 0x9e3779b97f4a7c15u, 1, 0);
        cr_expect_eq(memcmp(first, other, 207 * sizeof *first), 0, "%s: split", tables[t]->name);
        free(other);
    }
    free(reference);
    free(first);
}

Test(kernels_clear, noise_on_a_grid_is_the_nearest_multiple)
{
    find_tables();
    for (size_t t = 0; t < table_count; t++) {
        double *exact = draws_of(tables[t], 0x1p-20, 0);
        double *rounded = draws_of(tables[t], 0x1p-20, 0x1p-24);
        size_t wrong = 0;
        for (size_t i = 0; i < DRAWS; i++) {
            wrong += rounded[i] != rint(exact[i] * 0x1p24) * 0x1p-24;
        }
        cr_expect_eq(wrong, 0, "%s: %zu draws", tables[t]->name, wrong);
        free(exact);
        free(rounded);
    }
}

/* Moments, tails and neighbours of 2^20 draws, each within 5 standard errors (odds 6e-7). */
Test(kernels_clear, noise_is_normal)
{
    double *x = draws_of(torc_cpu_kernels_get(), 1, 0);
    const double n = DRAWS;
    double sum[5] = {0};
    double neighbours[2] = {0}; /* of a pair, of two pairs */
    double above[7] = {0};
    double below[7] = {0};
    for (size_t i = 0; i < DRAWS; i++) {
        for (int p = 1; p <= 4; p++) {
            sum[p] += pow(x[i], p);
        }
        neighbours[i % 2] += i + 1 < DRAWS ? x[i] * x[i + 1] : 0;
        for (int k = 0; k < 7; k++) {
            above[k] += x[i] > 0.75 * k;
            below[k] += x[i] < -0.75 * k;
        }
    }
    cr_expect_lt(fabs(sum[1]) / n, 5 * sqrt(1 / n));
    cr_expect_lt(fabs(sum[2] / n - 1), 5 * sqrt(2 / n));
    cr_expect_lt(fabs(sum[3]) / n, 5 * sqrt(15 / n));
    cr_expect_lt(fabs(sum[4] / n - 3), 5 * sqrt(96 / n));
    cr_expect_lt(fabs(neighbours[0]) * 2 / n, 5 * sqrt(2 / n));
    cr_expect_lt(fabs(neighbours[1]) * 2 / n, 5 * sqrt(2 / n));
    for (int k = 0; k < 7; k++) {
        const double tail = n * 0.5 * erfc(0.75 * k / sqrt(2));
        cr_expect_lt(fabs(above[k] - tail), 5 * sqrt(tail) + 1, "above %g: %g, expected %g",
                     0.75 * k, above[k], tail);
        cr_expect_lt(fabs(below[k] - tail), 5 * sqrt(tail) + 1, "below %g: %g, expected %g",
                     -0.75 * k, below[k], tail);
    }
    free(x);
}
