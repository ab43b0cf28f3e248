/* What every line of the bench says about where its figures come from. */
#include "bench/bench.h"
#include "kernels/kernels.h"
#include "runtime/params_json.h"
#include "torc_commit.h" /* written at build time by cmake/commit.cmake */

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

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

/* "model name" of the first processor; "unknown" where there is none. */
static void cpu_name(char *out, size_t size)
{
    char line[256];
    snprintf(out, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *value = strstr(line, ": ");
        if (strncmp(line, "model name", 10) == 0 && value != NULL) {
            snprintf(out, size, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

void bench_describe(cJSON *line, const torc_circuit *circuit, uint32_t threads, const char *device)
{
    char cpu[200];
    char *params = NULL;
    cpu_name(cpu, sizeof cpu);
    const char *commit = getenv("TORC_COMMIT");
    if (torc_params_to_json(NULL, &params, &circuit->spec.params) == TORC_OK) {
        cJSON_AddItemToObject(line, "parameters", cJSON_Parse(params));
    }
    free(params);
    cJSON_AddNumberToObject(line, "log2_p_error", circuit->spec.log2_p_error_circuit);
    cJSON_AddNumberToObject(line, "log2_p_error_lookup", circuit->spec.log2_p_error_lookup);
    cJSON_AddNumberToObject(line, "threads", threads);
    cJSON_AddStringToObject(line, "device", device);
    cJSON_AddStringToObject(line, "cpu", cpu);
    cJSON_AddStringToObject(line, "kernels", torc_cpu_kernels_get()->name);
    cJSON_AddStringToObject(line, "commit", commit != NULL ? commit : TORC_COMMIT);
}

void bench_print(cJSON *line)
{
    char *text = cJSON_PrintUnformatted(line);
    if (text != NULL) {
        puts(text);
        (void)fflush(stdout);
    }
    free(text);
    cJSON_Delete(line);
}
