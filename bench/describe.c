/* What every line of the bench says about where its figures come from. */
#include "bench/bench.h"
#include "kernels/kernels.h"
#include "runtime/params_json.h"
#include "torc_commit.h" /* written at build time by cmake/commit.cmake */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void bench_add(cJSON *line, const char *name, double value)
{
    char text[32];
    const bool is_whole = fabs(value) < 1e15 && value == floor(value);
    snprintf(text, sizeof text, is_whole ? "%.0f" : "%.6g", value);
    cJSON_AddRawToObject(line, name, text);
}

void bench_describe_circuit(cJSON *line, const torc_circuit *circuit)
{
    const torc_params *params = &circuit->spec.params;
    char *text = NULL;
    if (torc_params_to_json(NULL, &text, params) == TORC_OK) {
        cJSON_AddItemToObject(line, "parameters", cJSON_Parse(text));
    }
    free(text);
    bench_add(line, "log2_p_error", circuit->spec.log2_p_error_circuit);
    bench_add(line, "log2_p_error_lookup", circuit->spec.log2_p_error_lookup);
    bench_add(line, "key_bytes", (double)torc_params_key_bytes_resident(params));
    bench_add(line, "key_bytes_seeded", (double)torc_params_key_bytes_seeded(params));
}

void bench_describe(cJSON *line, const bench_device *device, const bench_options *o)
{
    const char *commit = getenv("TORC_COMMIT");
    cJSON_AddStringToObject(line, "device", device->name);
    cJSON_AddStringToObject(line, "model", device->model);
    if (device->clock_hz != 0) {
        bench_add(line, "sm_mhz", 1e-6 * device->clock_hz);
    }
    if (!device->choice.is_gpu) {
        bench_add(line, "threads", bench_threads(o));
        cJSON_AddStringToObject(line, "kernels", torc_cpu_kernels_get()->name);
    }
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
