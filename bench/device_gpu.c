/* The phases of lookups on a GPU. */
#include "bench/device_gpu.h"

#include "runtime/status.h"

static torc_status none(torc_ctx *ctx)
{
    return torc_fail(ctx, TORC_E_DEVICE, "this build has no GPU backend");
}

torc_status bench_gpu_find(torc_ctx *ctx, bench_device *out)
{
    (void)out;
    return none(ctx);
}

double bench_gpu_clock_hz(const bench_device *device)
{
    (void)device;
    return 0;
}

torc_status bench_gpu_lookup(torc_ctx *ctx, bench_phases *out, const bench_device *device,
                             torc_target *target, const torc_lookup *args)
{
    (void)out;
    (void)device;
    (void)target;
    (void)args;
    return none(ctx);
}

torc_status bench_gpu_transform(torc_ctx *ctx, double *seconds, const bench_device *device,
                                torc_target *target, const uint64_t *glwe, size_t rows)
{
    (void)seconds;
    (void)device;
    (void)target;
    (void)glwe;
    (void)rows;
    return none(ctx);
}
