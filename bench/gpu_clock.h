/* Wall clock and order of times, for the benches in C that run on a device. */
#ifndef TORC_BENCH_GPU_CLOCK_H
#define TORC_BENCH_GPU_CLOCK_H

#include <time.h>

static inline double seconds_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* For qsort. */
static inline int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

#endif
