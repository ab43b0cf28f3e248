/* The GPUs of this machine, as the CUDA backend sees them. */
#ifndef TORC_CUDA_DEVICES_H
#define TORC_CUDA_DEVICES_H

#include "kernels/kernels_cuda.h"
#include "runtime/gpu_schedule.h"

/* E_DEVICE with the reason (no driver, too old a driver, no device) when there is none; else count
 * >= 1. */
TORC_MUST_CHECK torc_status torc_cuda_device_count(torc_ctx *ctx, uint32_t *out);

/* What the device is; E_DEVICE when it is not there, or too old for the kernels. */
TORC_MUST_CHECK torc_status torc_cuda_device_read(torc_ctx *ctx, torc_gpu_device *out,
                                                  uint32_t device);

/* The calling thread uses the device from here on; *schedule is what this machine knows about its
 * speed. */
TORC_MUST_CHECK torc_status torc_cuda_device_open(torc_ctx *ctx, uint32_t device,
                                                  torc_gpu_schedule *schedule);

void torc_cuda_identity(torc_gpu_identity *out, const torc_gpu_device *device);

#endif
