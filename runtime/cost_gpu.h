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
    /* Of launches alone (cost_gpu_launch.c). */
    double memory_rate;     /* bytes a second that device memory reaches */
    double launch_seconds;  /* from the end of a kernel to the start of the next */
    uint32_t shared_bytes;  /* of a block, at most */
    uint32_t clusters_of_4; /* that a device holds with one block a multiprocessor */
} torc_gpu_machine;

/* H200. */
extern const torc_gpu_machine torc_gpu_machine_default;

/* The members of torc_gpu_device (kernels/kernels_cuda.h) that seconds depend on. */
typedef struct torc_gpu_identity {
    char name[64];
    uint32_t major, minor; /* compute capability */
    uint32_t multiprocessors;
    double clock_hz;       /* the highest */
    uint32_t shared_bytes; /* of a block, at most */
    uint32_t clusters_of_4;
} torc_gpu_identity;

/* What predictions without a device at hand are for. */
extern const torc_gpu_identity torc_gpu_identity_h200;

/* The default machine with the multiprocessors, clock, lanes and memory of this device. */
void torc_gpu_machine_of(torc_gpu_machine *out, const torc_gpu_identity *device);

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

/* Whether digits can be cut from accumulators that have not been reduced modulo 1, cheaper by a few
 * instructions. */
bool torc_gpu_has_narrow_digits(const torc_gpu_machine *machine, const torc_params *params);

/* Complex multiply-adds and their like: FP64 instructions of a step that form bundles, within
 * `product`; 0 for g = 1. */
double torc_gpu_bundle_count(const torc_params *params);

/* --- one launch (cost_gpu_launch.c): counts of the compiled kernels --- */

/* Seconds of `batch` rotations in a torc_gpu_form, all steps; HUGE_VAL where the device or the form
 * does not take the parameters. cluster: of the latency form, 1, 2 or 4. */
double torc_cost_gpu_rotation(const torc_gpu_machine *machine, const torc_params *params,
                              uint32_t form, uint32_t cluster, uint32_t batch);
double torc_cost_gpu_keyswitch_batch(const torc_gpu_machine *machine, const torc_params *params,
                                     uint32_t batch);

/* Forms are numbered below this; numbers that are no form cost HUGE_VAL. */
enum { TORC_GPU_FORMS = 4 };

/* Ciphertexts that the throughput form holds at once: more take as long as as many again. 0 where
 * it does not take the parameters. */
uint32_t torc_cost_gpu_wave(const torc_gpu_machine *machine, const torc_params *params);

/* Rotations a second of a full device in the throughput form, every phase of a step at its bound; 0
 * where it does not take the parameters. */
double torc_cost_gpu_bound(const torc_gpu_machine *machine, const torc_params *params);

/* The largest cluster of the latency form that the device has for the parameters; 0: none. */
uint32_t torc_cost_gpu_cluster(const torc_gpu_machine *machine, const torc_params *params);

/* --- what the parameter search compares sets by (cost_gpu.c) --- */

/* Seconds of one lookup when the device is full. */
double torc_cost_gpu_keyswitch(const torc_gpu_machine *machine, const torc_params *params);
double torc_cost_gpu_bootstrap(const torc_gpu_machine *machine, const torc_params *params);

#endif
