/* Where the noise of the GPU's kernels differs from runtime/noise.c: the constants of their
 * transforms, and the words of the classic step. Legend: runtime/noise.c. */
#include "kernels/kernels_cuda.h"
#include "runtime/noise_terms.h"

#include <math.h>

torc_noise_keys torc_noise_keys_gpu(const torc_params *params)
{
    const torc_shape shape = {.glwe_dim = params->glwe_dim,
                              .poly_size = params->poly_size,
                              .lwe_dim = params->lwe_dim,
                              .extended_log2 = params->extended_log2,
                              .base_log = params->bootstrap.base_log,
                              .level_count = params->bootstrap.level_count,
                              .grouping = params->grouping};
    torc_noise_keys keys = torc_noise_keys_production(params);

    keys.fft_constant *= torc_gpu_fft_constant(&shape) / TORC_FFT_CONSTANT;
    return keys;
}

/* A classic step adds a polynomial rounded to 2^-32: n (1 + H) 2^-64 / 12. A grouped step replaces
 * its accumulator, which stays in doubles. */
double torc_variance_gpu_words(const torc_params *params, const torc_noise_keys *keys)
{
    return params->grouping > 1
               ? 0.0
               : params->lwe_dim * (1.0 + keys->big_weight) * ldexp(1.0, -64) / 12.0;
}
