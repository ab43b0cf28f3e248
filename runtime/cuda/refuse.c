/* What the backend does not run, and CUDA's errors in words. */
#include "runtime/cuda/engine.h"
#include "runtime/status.h"

torc_status torc_cuda_check(torc_ctx *ctx, const cuda_target *target, int error, const char *doing)
{
    if (error == 0) {
        return TORC_OK;
    }
    (void)torc_gpu_error_clear(); /* the next call must not meet it again */
    const char *text = torc_gpu_error_text(error);
    if (torc_gpu_error_is_memory(error)) {
        return torc_fail(ctx, TORC_E_MEMORY,
                         "%s:%u: %s: %s; run fewer samples at once, or free the device",
                         TORC_GPU_BACKEND, target->device, doing, text);
    }
    if (torc_gpu_error_is_lost(error)) {
        return torc_fail(ctx, TORC_E_DEVICE,
                         "%s:%u: %s: %s (code %d); the device is lost to this process: start it "
                         "again",
                         TORC_GPU_BACKEND, target->device, doing, text, error);
    }
    return torc_fail(ctx, TORC_E_DEVICE, "%s:%u: %s: %s (code %d)", TORC_GPU_BACKEND,
                     target->device, doing, text, error);
}

/* Shapes that no kernel takes have no scratch, no key or no form; torc_params_check has passed. */
static torc_status refuse_params(torc_ctx *ctx, const torc_params *params)
{
    const torc_shape shape = torc_shape_of(params);
    if (params->grouping > 3) {
        return torc_fail(ctx, TORC_E_UNSUPPORTED,
                         "cuda: the circuit groups %u key bits a step, at most 3 run here; compile "
                         "it again",
                         params->grouping);
    }
    if (torc_gpu_bootstrap_key_bytes(&shape) == 0 || torc_gpu_keyswitch_key_bytes(&shape) == 0 ||
        torc_gpu_rotate_scratch_bytes(&shape, 1) == 0) {
        return torc_fail(ctx, TORC_E_UNSUPPORTED,
                         "cuda: no kernel takes poly_size %u, glwe_dim %u, gadget 2^%u x %u, "
                         "keyswitch 2^%u x %u; compile the circuit with --target cuda",
                         params->poly_size, params->glwe_dim, params->bootstrap.base_log,
                         params->bootstrap.level_count, params->keyswitch.base_log,
                         params->keyswitch.level_count);
    }
    return TORC_OK;
}

static torc_status refuse_tables(torc_ctx *ctx, const torc_program *program,
                                 const torc_params *params)
{
    uint32_t cells_log2 = params->extended_log2;
    while ((params->poly_size >> (cells_log2 - params->extended_log2)) > 1) {
        cells_log2++;
    }
    for (uint32_t i = 0; i < program->table_count; i++) {
        if (program->tables[i].index_bits > TORC_INDEX_BITS) {
            return torc_fail(ctx, TORC_E_WIDTH,
                             "cuda: table %u has %u index bits, at most %d run encrypted; round "
                             "its input first",
                             i, program->tables[i].index_bits, TORC_INDEX_BITS);
        }
        if (program->tables[i].index_bits + 1 > cells_log2) {
            return torc_fail(ctx, TORC_E_WIDTH,
                             "cuda: table %u has %u index bits, poly_size %u with 2^%u parts holds "
                             "at most %u; compile the circuit again",
                             i, program->tables[i].index_bits, params->poly_size,
                             params->extended_log2, cells_log2 - 1);
        }
    }
    return TORC_OK;
}

torc_status torc_cuda_refuse(torc_ctx *ctx, const torc_program *program, const torc_params *params,
                             const torc_evaluation_keys *keys)
{
    TORC_TRY(torc_params_check(ctx, params));
    if (torc_program_lookup_count(program) == 0) {
        return TORC_OK;
    }
    if (!torc_params_has_lookup(params)) {
        return torc_fail(ctx, TORC_E_MISMATCH,
                         "cuda: the circuit has lookups and its parameters have none (lwe_dim 0); "
                         "compile it again");
    }
    TORC_TRY(refuse_tables(ctx, program, params));
    TORC_TRY(refuse_params(ctx, params));
    return torc_evk_fits(ctx, keys, params, "cuda");
}
