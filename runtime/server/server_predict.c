/* What a run will take, asked of an open server: seconds from the constants of this machine or from
 * the schedule of its GPU, memory as its targets hold it. */
#include "runtime/server/backend_cpu.h"
#include "runtime/server/calibrate.h"
#include "runtime/server/gpus.h"
#include "runtime/server/server_state.h"
#include "runtime/status.h"

/* What the measurement of the machine holds for a thread beside the keys: ciphertexts and scratch,
 * in pages of 2 MB (calibrate.c). Gone before the first sample. */
#define CALIBRATION_BYTES (UINT64_C(5) << 19)

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static torc_status predict_cpu(torc_ctx *ctx, torc_prediction *out, const torc_server *server,
                               size_t samples)
{
    torc_machine machine;
    const torc_key_room room = torc_cpu_key_room(server->targets[0]);
    TORC_TRY(
        torc_machine_calibrate_in(ctx, &machine, server->threads, room.bootstrap_key, room.bytes));
    const torc_program *program = &server->circuit->program;
    const torc_params *params = &server->circuit->spec.params;
    const size_t capacity = server->targets[0]->capacity;
    torc_predict(out, &machine, program, params, samples);
    const uint64_t running =
        torc_predict_host_bytes(program, params, samples < capacity ? samples : capacity, samples);
    const uint64_t measuring = out->evaluation_key_bytes + server->threads * CALIBRATION_BYTES;
    out->memory_bytes = torc_server_memory_bytes(server) + larger(running, measuring);
    return TORC_OK;
}

torc_status torc_server_predict(torc_ctx *ctx, torc_prediction *out, const torc_server *server,
                                size_t samples)
{
    if (!server->is_gpu) {
        return predict_cpu(ctx, out, server, samples);
    }
    const uint32_t devices = server->target_count;
    torc_gpus_predict(out, server->targets[0], (samples + devices - 1) / devices);
    out->seconds_batched /= devices;
    out->memory_bytes *= devices;
    return TORC_OK;
}
