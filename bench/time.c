/* Clock, medians, and the time that a run may take. */
#include "bench/bench.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#define ANNOUNCED_SECONDS 5.0
#define WARM_SECONDS      2.0

uint32_t bench_threads(const bench_options *o)
{
    return o->threads == 0 ? (uint32_t)omp_get_num_procs() : o->threads;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

bench_times bench_summarise(double *seconds, size_t count)
{
    qsort(seconds, count, sizeof *seconds, compare);
    const double median = (seconds[(count - 1) / 2] + seconds[count / 2]) / 2;
    return (bench_times){.median = median, .spread = seconds[count - 1] - seconds[0]};
}

void bench_add_times(cJSON *line, const char *name, const bench_times *times, double scale)
{
    char spread[64];
    snprintf(spread, sizeof spread, "%s_spread", name);
    bench_add(line, name, scale * times->median);
    bench_add(line, spread, scale * times->spread);
}

bool bench_needs_warming(double seconds)
{
    return seconds < WARM_SECONDS;
}

double bench_seconds_left(const bench_options *o)
{
    return o->max_seconds == 0 ? HUGE_VAL
                               : fmax(o->max_seconds - (torc_seconds_now() - o->begin), 0);
}

uint32_t bench_plan(const bench_options *o, const char *what, double seconds)
{
    const double left = bench_seconds_left(o);
    const double warming = bench_needs_warming(seconds) ? seconds : 0;
    const double fit = (left - warming) / fmax(seconds, 1e-9);
    if (fit < 1) {
        (void)fprintf(stderr, "torc_bench: %s: left out, about %.3g s a run and %.3g s left\n",
                      what, seconds, left);
        return 0;
    }
    const uint32_t runs = fit < o->repeats ? (uint32_t)fit : o->repeats;
    if (runs * seconds + warming > ANNOUNCED_SECONDS) {
        (void)fprintf(stderr, "torc_bench: %s: %u run%s of about %.3g s\n", what, runs,
                      runs == 1 ? "" : "s", seconds);
    }
    return runs;
}
