/* Chooses the table of CPU kernels once: the best that this processor runs, or the one that the
 * environment variable TORC_CPU names (tests run all of them on one machine). */
#include "kernels/kernels.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

extern const torc_cpu_kernels torc_cpu_kernels_portable;
#if defined(__x86_64__)
extern const torc_cpu_kernels torc_cpu_kernels_avx2;
extern const torc_cpu_kernels torc_cpu_kernels_avx512;
/* Linked into tests alone (tests/common/avx512_emulated.h); never chosen unless named. */
extern const torc_cpu_kernels torc_cpu_kernels_avx512_emulated __attribute__((weak));
#endif

static pthread_once_t chosen_once = PTHREAD_ONCE_INIT;
static const torc_cpu_kernels *chosen;
static const char *unknown_name;

#if defined(__x86_64__)
static bool runs_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi2");
}

static bool runs_avx512(void)
{
    return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}
#endif

const torc_cpu_kernels *torc_cpu_kernels_named(const char *name)
{
#if defined(__x86_64__)
    if (strcmp(name, torc_cpu_kernels_avx512.name) == 0) {
        return runs_avx512() ? &torc_cpu_kernels_avx512 : NULL;
    }
    if (strcmp(name, torc_cpu_kernels_avx2.name) == 0) {
        return runs_avx2() ? &torc_cpu_kernels_avx2 : NULL;
    }
    if (&torc_cpu_kernels_avx512_emulated != NULL &&
        strcmp(name, torc_cpu_kernels_avx512_emulated.name) == 0) {
        return runs_avx2() ? &torc_cpu_kernels_avx512_emulated : NULL;
    }
#endif
    return strcmp(name, torc_cpu_kernels_portable.name) == 0 ? &torc_cpu_kernels_portable : NULL;
}

static void choose(void)
{
    static const char *const order[] = {"avx512", "avx2", "portable"};
    const char *forced = getenv("TORC_CPU"); /* NOLINT(concurrency-mt-unsafe): read once */

    if (forced != NULL && *forced != '\0') {
        chosen = torc_cpu_kernels_named(forced);
        unknown_name = chosen == NULL ? forced : NULL;
    }
    for (size_t i = 0; chosen == NULL; i++) {
        chosen = torc_cpu_kernels_named(order[i]);
    }
}

const torc_cpu_kernels *torc_cpu_kernels_get(void)
{
    pthread_once(&chosen_once, choose);
    return chosen;
}

const char *torc_cpu_forced_unknown(void)
{
    pthread_once(&chosen_once, choose);
    return unknown_name;
}
