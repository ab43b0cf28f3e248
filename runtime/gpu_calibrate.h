/* What a calibration of a GPU is told. */
#ifndef TORC_GPU_CALIBRATE_H
#define TORC_GPU_CALIBRATE_H

#include "runtime/configurations.h"
#include "runtime/gpu_schedule.h"

/* 0 and NULL: defaults for a device; others are for tests on the emulator. */
typedef struct torc_gpu_calibration {
    double seconds;   /* at most, about; 60 */
    uint32_t lwe_dim; /* n of the sets measured; 840 */
    uint32_t batch;   /* at most; 2112 */
    const torc_configurations *shapes;
} torc_gpu_calibration;

#endif
