/* A build without the CUDA backend. */
#include "runtime/server/gpus.h"
#include "runtime/status.h"

static torc_status refuse(torc_ctx *ctx)
{
    return torc_fail(ctx, TORC_E_DEVICE,
                     "cuda: this build has no CUDA backend; build with -DTORC_CUDA=ON, or use "
                     "--device cpu");
}

const char *torc_gpus_name(void)
{
    return "cuda";
}

const torc_backend *torc_gpus_backend(void)
{
    return NULL;
}

torc_status torc_gpus_count(torc_ctx *ctx, uint32_t *out)
{
    *out = 0;
    return refuse(ctx);
}

torc_status torc_gpus_check(torc_ctx *ctx, uint32_t device)
{
    (void)device;
    return refuse(ctx);
}

void torc_gpus_describe(torc_device_info *out, uint32_t device)
{
    (void)device;
    *out = (torc_device_info){0};
}

torc_status torc_gpus_capacity(torc_ctx *ctx, size_t *out, const torc_program *program,
                               const torc_params *params, uint32_t device, size_t wanted)
{
    (void)program;
    (void)params;
    (void)device;
    (void)wanted;
    *out = 0;
    return refuse(ctx);
}

torc_status torc_gpus_calibrate(torc_ctx *ctx, torc_gpu_schedule *out, uint32_t device,
                                const torc_gpu_calibration *options)
{
    (void)device;
    (void)options;
    *out = (torc_gpu_schedule){0};
    return refuse(ctx);
}

const char *torc_gpus_model(const torc_target *target)
{
    (void)target;
    return "";
}

void torc_gpus_predict(torc_prediction *out, const torc_target *target, size_t samples)
{
    (void)target;
    (void)samples;
    *out = (torc_prediction){0};
}
