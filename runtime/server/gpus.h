/* What the server asks of GPUs. Two versions: runtime/cuda/gpus.c, and server/gpus_none.c for
 * builds without the backend, where everything is refused with the reason. */
#ifndef TORC_SERVER_GPUS_H
#define TORC_SERVER_GPUS_H

#include "runtime/backend.h"
#include "runtime/cost.h"
#include "runtime/gpu_calibrate.h"
#include "runtime/torc_server.h"

const char *torc_gpus_name(void);            /* of devices: "cuda" */
const torc_backend *torc_gpus_backend(void); /* NULL without one */

/* E_DEVICE with the reason when there is none. */
TORC_MUST_CHECK torc_status torc_gpus_count(torc_ctx *ctx, uint32_t *out);
/* E_DEVICE when this device is not there or cannot be used. */
TORC_MUST_CHECK torc_status torc_gpus_check(torc_ctx *ctx, uint32_t device);
void torc_gpus_describe(torc_device_info *out, uint32_t device);

/* Samples to hold at once: at most `wanted`, at least 1, within the memory that is free. E_MEMORY
 * when not even one fits. */
TORC_MUST_CHECK torc_status torc_gpus_capacity(torc_ctx *ctx, size_t *out,
                                               const torc_program *program,
                                               const torc_params *params, uint32_t device,
                                               size_t wanted);

/* Measures the schedule of a device (cuda/calibrate.c). Random keys that are nobody's; out is freed
 * with torc_gpu_schedule_free. */
TORC_MUST_CHECK torc_status torc_gpus_calibrate(torc_ctx *ctx, torc_gpu_schedule *out,
                                                uint32_t device,
                                                const torc_gpu_calibration *options);

const char *torc_gpus_model(const torc_target *target); /* "NVIDIA H200" */
/* A run of an open target; memory_bytes is the device's, exact. */
void torc_gpus_predict(torc_prediction *out, const torc_target *target, size_t samples);

#endif
