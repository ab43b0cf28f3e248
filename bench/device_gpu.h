/* What bench/device.c asks of a GPU; without the backend in the build nothing of it is called. */
#ifndef TORC_BENCH_DEVICE_GPU_H
#define TORC_BENCH_DEVICE_GPU_H

#include "bench/device.h"

torc_status bench_gpu_find(torc_ctx *ctx, bench_device *out); /* model and schedule */
double bench_gpu_clock_hz(const bench_device *device);

/* As in device.h; glwe u64 [rows][k + 1][N]. */
torc_status bench_gpu_lookup(torc_ctx *ctx, bench_phases *out, bench_device *device,
                             torc_target *target, const torc_lookup *lookup, uint32_t count);
torc_status bench_gpu_transform(torc_ctx *ctx, double *seconds, torc_target *target,
                                const uint64_t *glwe, size_t rows);

#endif
