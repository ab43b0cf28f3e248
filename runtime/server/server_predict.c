/* What a run will take, asked of an open server: seconds from the constants of this machine or from
 * the schedule of its GPU, memory as its targets hold it. */
#include "runtime/server/gpus.h"
#include "runtime/server/server_state.h"
#include "runtime/status.h"

static torc_status predict_cpu(torc_ctx *ctx, torc_prediction *out, const torc_server *server,
                               size_t samples)
{
    torc_machine machine;
    TORC_TRY(torc_machine_calibrate(ctx, &machine, server->threads));
    torc_predict(out, &machine, &server->circuit->program, &server->circuit->spec.params, samples);
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
