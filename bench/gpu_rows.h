/* Rows of a measurement on a device: one JSON object a line, flushed at once, so that what was
 * measured survives a killed run. Median and spread of repeats, the clock seen by the kernel, and
 * the state of the device by NVML where that library is there. */
#ifndef TORC_BENCH_GPU_ROWS_H
#define TORC_BENCH_GPU_ROWS_H

#include "kernels/cuda/gpu.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS_REPEATS_MAX 64

#define ROWS_CHECK(call)                                                  \
    do {                                                                  \
        const cudaError_t rows_error = (call);                            \
        if (rows_error != cudaSuccess) {                                  \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, \
                    cudaGetErrorString(rows_error));                      \
            exit(1);                                                      \
        }                                                                 \
    } while (0)

/* What a kernel's first thread saw of the two clocks; written by rows_clock_*. */
typedef struct rows_clock {
    uint64_t cycles, ns;
} rows_clock;

__device__ __forceinline__ void rows_clock_begin(rows_clock *clock)
{
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        clock[0].cycles = gpu_cycles();
        clock[0].ns = gpu_nanoseconds();
    }
}

__device__ __forceinline__ void rows_clock_end(rows_clock *clock)
{
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        clock[1].cycles = gpu_cycles();
        clock[1].ns = gpu_nanoseconds();
    }
}

typedef struct rows_timing {
    double ms, spread_ms; /* median; largest minus smallest */
    double mhz;           /* of the multiprocessor, last repeat; 0: too short to tell */
    uint64_t cycles;      /* of block 0, last repeat */
    int repeats;
} rows_timing;

static inline int rows_compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Runs launch(arg) once to warm up, then `repeats` times between events; clock is device memory of
 * two rows_clock that the kernel fills, or NULL. */
static inline rows_timing rows_time(cudaError_t (*launch)(void *), void *arg, int repeats,
                                    const rows_clock *clock)
{
    cudaEvent_t begin, end;
    double ms[ROWS_REPEATS_MAX];
    rows_timing t = {};
    t.repeats = repeats < ROWS_REPEATS_MAX ? repeats : ROWS_REPEATS_MAX;
    ROWS_CHECK(cudaEventCreate(&begin));
    ROWS_CHECK(cudaEventCreate(&end));
    for (int i = -1; i < t.repeats; i++) {
        float elapsed = 0;
        ROWS_CHECK(cudaEventRecord(begin));
        ROWS_CHECK(launch(arg));
        ROWS_CHECK(cudaEventRecord(end));
        ROWS_CHECK(cudaEventSynchronize(end));
        ROWS_CHECK(cudaEventElapsedTime(&elapsed, begin, end));
        if (i >= 0) {
            ms[i] = (double)elapsed;
        }
    }
    qsort(ms, (size_t)t.repeats, sizeof ms[0], rows_compare);
    t.ms = ms[t.repeats / 2];
    t.spread_ms = ms[t.repeats - 1] - ms[0];
    if (clock != NULL) {
        rows_clock c[2];
        ROWS_CHECK(cudaMemcpy(c, clock, sizeof c, cudaMemcpyDeviceToHost));
        t.cycles = c[1].cycles - c[0].cycles;
        const uint64_t ns = c[1].ns - c[0].ns;
        t.mhz = ns >= 200000 ? (double)t.cycles * 1e3 / (double)ns : 0.0;
    }
    ROWS_CHECK(cudaEventDestroy(begin));
    ROWS_CHECK(cudaEventDestroy(end));
    return t;
}

/* One figure: `spread` in the unit of `value`; `decides` names a row of bench/results/README.md. */
static inline void rows_print(const char *name, double value, const char *unit, double spread,
                              const rows_timing *t, const char *decides)
{
    printf("{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"spread\":%.3g,\"repeats\":%d,"
           "\"ms\":%.6g,\"mhz\":%.0f,\"cycles\":%llu,\"decides\":\"%s\"}\n",
           name, value, unit, spread, t->repeats, t->ms, t->mhz, (unsigned long long)t->cycles,
           decides);
    fflush(stdout);
}

/* A rate: work of one launch by its median time. */
static inline void rows_print_rate(const char *name, double work, const char *unit,
                                   const rows_timing *t, const char *decides)
{
    const double rate = work / (t->ms * 1e-3);
    rows_print(name, rate, unit, rate * t->spread_ms / t->ms, t, decides);
}

typedef int (*rows_nvml_init)(void);
typedef int (*rows_nvml_handle)(unsigned, void **);
typedef int (*rows_nvml_u32)(void *, unsigned, unsigned *);
typedef int (*rows_nvml_one)(void *, unsigned *);
typedef int (*rows_nvml_u64)(void *, unsigned long long *);
typedef int (*rows_nvml_text)(char *, unsigned);

/* Clock, temperature, power and reasons for throttling, as a row; says so when NVML is absent. The
 * first device of NVML: right where one device is visible. Settings are read, never changed. */
static inline void rows_print_state(const char *when)
{
    void *nvml = dlopen("libnvidia-ml.so.1", RTLD_NOW);
    rows_nvml_init init = nvml == NULL ? NULL : (rows_nvml_init)dlsym(nvml, "nvmlInit_v2");
    rows_nvml_handle handle =
        nvml == NULL ? NULL : (rows_nvml_handle)dlsym(nvml, "nvmlDeviceGetHandleByIndex_v2");
    void *device = NULL;
    if (init == NULL || handle == NULL || init() != 0 || handle(0, &device) != 0) {
        printf("{\"name\":\"state\",\"when\":\"%s\",\"nvml\":\"not available\"}\n", when);
        fflush(stdout);
        return;
    }
    unsigned sm_mhz = 0, memory_mhz = 0, celsius = 0, milliwatts = 0;
    unsigned long long throttle = 0;
    char driver[80] = "";
    rows_nvml_u32 clock = (rows_nvml_u32)dlsym(nvml, "nvmlDeviceGetClockInfo");
    rows_nvml_u32 temperature = (rows_nvml_u32)dlsym(nvml, "nvmlDeviceGetTemperature");
    rows_nvml_one power = (rows_nvml_one)dlsym(nvml, "nvmlDeviceGetPowerUsage");
    rows_nvml_u64 reasons = (rows_nvml_u64)dlsym(nvml, "nvmlDeviceGetCurrentClocksThrottleReasons");
    rows_nvml_text version = (rows_nvml_text)dlsym(nvml, "nvmlSystemGetDriverVersion");
    if (clock != NULL) {
        clock(device, 1, &sm_mhz);
        clock(device, 2, &memory_mhz);
    }
    if (temperature != NULL) {
        temperature(device, 0, &celsius);
    }
    if (power != NULL) {
        power(device, &milliwatts);
    }
    if (reasons != NULL) {
        reasons(device, &throttle);
    }
    if (version != NULL) {
        version(driver, sizeof driver);
    }
    printf("{\"name\":\"state\",\"when\":\"%s\",\"driver\":\"%s\",\"sm_mhz\":%u,\"memory_mhz\":%u,"
           "\"celsius\":%u,\"watts\":%.1f,\"throttle_reasons\":%llu}\n",
           when, driver, sm_mhz, memory_mhz, celsius, milliwatts / 1000.0, throttle);
    fflush(stdout);
}

/* First row of every program: device, versions, the commit it was built from (TORC_COMMIT of the
 * environment goes first). Returns 77, the code of a skipped test, when there is no device. */
static inline int rows_print_device(const char *program, const char *built_commit,
                                    cudaDeviceProp *p)
{
    int count = 0, driver = 0, runtime = 0;
    const char *commit = getenv("TORC_COMMIT") != NULL ? getenv("TORC_COMMIT") : built_commit;
    if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) {
        fprintf(stderr, "%s: no CUDA device, nothing measured\n", program);
        return 77;
    }
    ROWS_CHECK(cudaGetDeviceProperties(p, 0));
    ROWS_CHECK(cudaDriverGetVersion(&driver));
    ROWS_CHECK(cudaRuntimeGetVersion(&runtime));
    printf("{\"name\":\"device\",\"program\":\"%s\",\"device\":\"%s\",\"capability\":\"%d.%d\","
           "\"multiprocessors\":%d,\"l2_bytes\":%d,\"shared_bytes_block\":%zu,"
           "\"shared_bytes_sm\":%zu,\"memory_bytes\":%zu,\"cuda_driver\":%d,\"cuda_runtime\":%d,"
           "\"commit\":\"%s\"}\n",
           program, p->name, p->major, p->minor, p->multiProcessorCount, p->l2CacheSize,
           p->sharedMemPerBlockOptin, p->sharedMemPerMultiprocessor, p->totalGlobalMem, driver,
           runtime, commit);
    fflush(stdout);
    return 0;
}

#endif
