/* The clock that everything is timed by. */
#ifndef TORC_CLOCK_H
#define TORC_CLOCK_H

#include <time.h>

/* Seconds of a clock that only goes forward. */
static inline double torc_seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
