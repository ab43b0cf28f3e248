/* What is measured: a backend, and what is known of its device beforehand. */
#ifndef TORC_BENCH_DEVICE_H
#define TORC_BENCH_DEVICE_H

#include "runtime/gpu_schedule.h"
#include "runtime/server/devices.h"

struct bench_options;

typedef struct bench_device {
    torc_device_choice choice;
    torc_engine engine;
    char name[64];              /* "cpu", "cuda:0", "emu:0" */
    char model[96];             /* "AMD EPYC", "NVIDIA H200" */
    uint32_t threads;           /* of the CPU */
    torc_machine machine;       /* of the CPU, calibrated */
    torc_gpu_schedule schedule; /* of a GPU */
    double slowness;            /* times what is predicted: 1, more on the emulator */
    double clock_hz;            /* of a GPU when last asked; 0: nobody says */
} bench_device;

torc_status bench_device_find(torc_ctx *ctx, bench_device *out, const struct bench_options *o);
void bench_device_free(bench_device *device);

/* Seconds of `batch` lookups of one level; on the emulator those of the real device. */
double bench_device_predict(const bench_device *device, const torc_params *params, uint32_t batch);

/* Lookups a second when every phase of a step of the rotation runs at its bound, at this clock;
 * 0 for a CPU, and for parameters without a throughput form. */
double bench_device_bound(const bench_device *device, const torc_params *params, double clock_hz);

/* Asks for the clock of a GPU's multiprocessors now, best while they work; kept in clock_hz. */
void bench_device_read_clock(bench_device *device);
double bench_device_bound_hz(const bench_device *device); /* clock_hz, or its highest */

/* --- kernels of an open target, called one by one --- */

typedef struct bench_phases {
    double keyswitch, bootstrap; /* seconds */
} bench_phases;
/* The first `count` lookups of the program's last instruction, of one sample. */
torc_status bench_device_lookup(torc_ctx *ctx, bench_phases *out, bench_device *device,
                                torc_target *target, const torc_lookup *lookup, uint32_t count);

/* Seconds of `rows` rows of the bootstrap key: k + 1 forward transforms each, into the key's
 * order. They are those of `keys`, so that the target's key stays what it was. */
torc_status bench_device_transform(torc_ctx *ctx, double *seconds, const bench_device *device,
                                   torc_target *target, const torc_evaluation_keys *keys,
                                   size_t rows);

#endif
