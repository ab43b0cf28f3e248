/* From the name of a device, as a user gives it, to backends. */
#ifndef TORC_SERVER_DEVICES_H
#define TORC_SERVER_DEVICES_H

#include "runtime/backend.h"
#include "runtime/torc_server.h"

enum { TORC_DEVICES_AT_ONCE = 16 };

typedef struct torc_device_choice {
    const torc_backend *backend;
    uint32_t count;                        /* of targets to open, >= 1 */
    uint32_t number[TORC_DEVICES_AT_ONCE]; /* torc_target_options.device of each */
    bool is_gpu;
} torc_device_choice;

/* "cpu", "auto", "cuda", "cuda:N" or "cuda:N,M,..". auto is the first GPU that can be used and runs
 * the circuit within its claim, else the CPU. E_ARGUMENT for other names, E_DEVICE for a device
 * that is not there, E_UNSUPPORTED when the circuit's claim does not hold on it. circuit may be
 * NULL. */
TORC_MUST_CHECK torc_status torc_device_choose(torc_ctx *ctx, torc_device_choice *out,
                                               const char *device, const torc_circuit *circuit);

/* "cpu, 8 threads", "cuda:0 (NVIDIA H200)"; name: how the choice is written, target: the first one
 * that it opened. */
void torc_device_describe(char *out, size_t room, const torc_device_choice *choice,
                          const torc_target *target, const char *name, uint32_t threads);

/* Samples that a target holds at once: `wanted`, or fewer where memory asks for it; never 0. */
TORC_MUST_CHECK torc_status torc_device_capacity(torc_ctx *ctx, size_t *out,
                                                 const torc_device_choice *choice,
                                                 const torc_program *program,
                                                 const torc_params *params, size_t wanted);

#endif
