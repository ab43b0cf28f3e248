/* Seconds of one lookup on a GPU, from FP64 instructions and key bytes of its kernels: what the
 * parameter search compares sets by. Formulas: cost_gpu.c. */
#ifndef TORC_COST_GPU_H
#define TORC_COST_GPU_H

#include "runtime/params.h"

typedef struct torc_gpu_machine {
    double multiprocessors;
    double clock_hz;
    double fp64_lanes;      /* FP64 instructions a clock, one multiprocessor */
    double l2_bytes;        /* key bytes a clock into one multiprocessor while all of them read */
    double int8_macs;       /* of the tensor cores a clock, one multiprocessor */
    double rotation_share;  /* of the bound by counts that the rotation reaches */
    double keyswitch_share; /* of int8_macs that the keyswitch reaches */
    double block_points;    /* complex points in the shared memory of a block */
    double narrow_bits;     /* log2 of the range of a digit cut in two instructions */
} torc_gpu_machine;

/* H200. */
extern const torc_gpu_machine torc_gpu_machine_default;

/* One step of a blind rotation, one ciphertext, all its parts. */
typedef struct torc_gpu_step {
    double transforms; /* FP64 instructions */
    double digits;
    double product;   /* bundle and external product */
    double key_bytes; /* of the step's key */
    double sharing;   /* ciphertexts of a block that share each key word */
} torc_gpu_step;

void torc_gpu_step_count(torc_gpu_step *out, const torc_gpu_machine *machine,
                         const torc_params *params);

/* Seconds of one lookup when the device is full. */
double torc_cost_gpu_keyswitch(const torc_gpu_machine *machine, const torc_params *params);
double torc_cost_gpu_bootstrap(const torc_gpu_machine *machine, const torc_params *params);

#endif
