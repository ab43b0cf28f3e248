#include "tests/common/tuniform_stats.h"

#include <criterion/criterion.h>
#include <math.h>

void tuniform_add(tuniform_stats *stats, int64_t x)
{
    const int64_t bound = (int64_t)1 << stats->bound_log2;
    stats->count++;
    if (x < -bound || x > bound) {
        stats->outside++;
        return;
    }
    const double scaled = (double)x / (double)bound;
    stats->sum += scaled;
    stats->sum_sq += scaled * scaled;
    const uint64_t folded = (uint64_t)(x + bound) % (2 * (uint64_t)bound);
    stats->bucket[stats->bound_log2 > 5 ? folded >> (stats->bound_log2 - 5) : folded]++;
}

/* (2^(2b+1) + 1) / 6 in units of 2^(2b). */
static double variance_of(const tuniform_stats *stats)
{
    return (2 + exp2(-2.0 * stats->bound_log2)) / 6;
}

double tuniform_mean_z(const tuniform_stats *stats)
{
    const double n = (double)stats->count;
    return stats->sum / n / sqrt(variance_of(stats) / n);
}

/* The fourth moment of a uniform variable is 9/5 of its squared variance. */
double tuniform_variance_z(const tuniform_stats *stats)
{
    const double n = (double)stats->count;
    return (stats->sum_sq / n / variance_of(stats) - 1) / sqrt(0.8 / n);
}

/* Wilson and Hilferty: the cube root of chi-square over its degrees of freedom is nearly normal. */
double tuniform_chi_square_z(const tuniform_stats *stats)
{
    const size_t buckets =
        stats->bound_log2 < 5 ? (size_t)2 << stats->bound_log2 : TUNIFORM_BUCKETS;
    const double expected = (double)stats->count / (double)buckets;
    const double degrees = (double)buckets - 1;
    const double spread = 2 / (9 * degrees);
    double chi_square = 0;
    for (size_t i = 0; i < buckets; i++) {
        const double d = (double)stats->bucket[i] - expected;
        chi_square += d * d / expected;
    }
    return (cbrt(chi_square / degrees) - (1 - spread)) / sqrt(spread);
}

void tuniform_expect(const tuniform_stats *stats, const char *label)
{
    cr_expect_gt(stats->count, 1000, "%s: only %lu samples", label, stats->count);
    cr_expect_eq(stats->outside, 0, "%s: %lu of %lu samples beyond 2^%u", label, stats->outside,
                 stats->count, stats->bound_log2);
    cr_expect_lt(fabs(tuniform_mean_z(stats)), TUNIFORM_Z, "%s: mean z %.2f", label,
                 tuniform_mean_z(stats));
    cr_expect_lt(fabs(tuniform_variance_z(stats)), TUNIFORM_Z, "%s: variance z %.2f", label,
                 tuniform_variance_z(stats));
    cr_expect_lt(fabs(tuniform_chi_square_z(stats)), TUNIFORM_Z, "%s: chi-square z %.2f", label,
                 tuniform_chi_square_z(stats));
}
