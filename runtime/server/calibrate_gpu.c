/* torc_gpu_calibrate: from the name of a device to its number. */
#include "runtime/server/devices.h"
#include "runtime/server/gpus.h"
#include "runtime/status.h"

torc_status torc_gpu_calibrate(torc_ctx *ctx, torc_gpu_schedule *out, const char *device,
                               const torc_gpu_calibration *options)
{
    torc_device_choice choice;
    *out = (torc_gpu_schedule){0};
    TORC_TRY(torc_device_choose(ctx, &choice, device, NULL));
    if (!choice.is_gpu || choice.count != 1) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "calibration: '%s' is not one GPU; devices of one model share a schedule",
                         device);
    }
    return torc_gpus_calibrate(ctx, out, choice.number[0], options);
}
