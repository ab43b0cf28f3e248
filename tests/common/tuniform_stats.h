/* Are these integers TUniform(b)? Exact bounds, mean, variance, and a chi-square over 64 buckets,
 * each test at odds of about 1e-6 of failing by chance (none at all under a seeded generator). */
#ifndef TESTS_TUNIFORM_STATS_H
#define TESTS_TUNIFORM_STATS_H

#include <stddef.h>
#include <stdint.h>

#define TUNIFORM_BUCKETS 64

typedef struct tuniform_stats {
    uint32_t bound_log2; /* b */
    uint64_t count;
    uint64_t outside; /* beyond [-2^b, 2^b] */
    double sum;       /* in units of 2^b */
    double sum_sq;
    /* The two ends have half weight each: modulo 2^(b+1) TUniform(b) is exactly uniform. */
    uint64_t bucket[TUNIFORM_BUCKETS];
} tuniform_stats;

void tuniform_add(tuniform_stats *stats, int64_t x);

/* Standard normal scores; all three below TUNIFORM_Z when the sample is what it should be. */
#define TUNIFORM_Z 4.9
double tuniform_mean_z(const tuniform_stats *stats);
double tuniform_variance_z(const tuniform_stats *stats);
double tuniform_chi_square_z(const tuniform_stats *stats);

/* Fails the running test, naming the label, unless all of it holds. */
void tuniform_expect(const tuniform_stats *stats, const char *label);

#endif
