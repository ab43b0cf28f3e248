/* Noise and claims of each engine. Legend of the noise: runtime/noise.c. */
#include "runtime/engine.h"

#include "runtime/noise_terms.h"

enum {
    CUDA_BITS = 32, /* of the words that digits are cut from */
    CUDA_BASE_LOG = 31,
    CUDA_LEVELS = 3,
    CUDA_GROUPING = 4
};

const char *const torc_engine_names[TORC_ENGINE_COUNT] = {
    [TORC_ENGINE_CPU] = "cpu",
    [TORC_ENGINE_CUDA] = "cuda",
};

bool torc_engine_takes(torc_engine engine, const torc_params *params)
{
    const torc_gadget gadget = params->bootstrap;

    return engine == TORC_ENGINE_CPU || !torc_params_has_lookup(params) ||
           (gadget.level_count <= CUDA_LEVELS && gadget.base_log <= CUDA_BASE_LOG &&
            gadget.base_log * gadget.level_count <= CUDA_BITS && params->grouping <= CUDA_GROUPING);
}

static void set_gpu_bootstrap(torc_noise *out, const torc_params *params,
                              const torc_noise_keys *keys)
{
    if (torc_params_has_lookup(params)) {
        out->bootstrap =
            torc_variance_bootstrap(params, keys) + torc_variance_gpu_words(params, keys);
    }
}

void torc_noise_production_on(torc_noise *out, const torc_params *params, torc_engine engine)
{
    torc_noise_production(out, params);
    if (engine == TORC_ENGINE_CUDA) {
        const torc_noise_keys keys = torc_noise_keys_gpu(params);
        set_gpu_bootstrap(out, params, &keys);
    }
}

void torc_noise_typical_on(torc_noise *out, const torc_params *params, torc_engine engine)
{
    torc_noise_typical(out, params);
    if (engine == TORC_ENGINE_CUDA) {
        const double margin = torc_noise_keys_production(params).fft_constant / TORC_FFT_CONSTANT;
        const torc_noise_keys keys = {torc_params_big_dim(params) / 2.0, params->lwe_dim / 2.0,
                                      torc_noise_keys_gpu(params).fft_constant / margin};
        set_gpu_bootstrap(out, params, &keys);
    }
}

torc_claim torc_claim_on(const torc_noise_row *rows, size_t count, const torc_params *params,
                         torc_engine engine)
{
    torc_noise noise;

    torc_noise_production_on(&noise, params, engine);
    return (torc_claim){.log2_p_circuit = torc_rows_log2_failure(rows, count, &noise),
                        .log2_p_lookup = torc_rows_log2_worst(rows, count, &noise)};
}
