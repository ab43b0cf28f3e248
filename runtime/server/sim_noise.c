/* Which draws of the generator (kernels/ref/gaussian.c) belong to which value, and how wide they
 * are. */
#include "runtime/server/sim_noise.h"

#include "kernels/kernels.h"
#include "runtime/noise.h"
#include "runtime/status.h"

#include <math.h>

#define GOLDEN        0x9e3779b97f4a7c15u /* the generator's step from draw to draw */
#define MAX_NOISE_STD (1.0 / 32) /* wider than any circuit can use; a draw stays below 1/2 */

static uint64_t mix(uint64_t x) /* splitmix64 */
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void torc_sim_noise(double *noise, size_t count, size_t first, double std, double grid,
                    torc_sim_stream stream)
{
    const uint64_t key = mix(mix(mix(stream.seed + GOLDEN) + stream.call) + stream.element);
    torc_cpu_kernels_get()->gaussian(noise, count, key + first * GOLDEN, std, grid);
}

static torc_status check_std(torc_ctx *ctx, const char *what, double std)
{
    if (!(std < MAX_NOISE_STD)) {
        return torc_fail(ctx, TORC_E_PARAMETERS,
                         "simulated noise: that of a %s has standard deviation %g of the torus, "
                         "at most %g can be simulated; the parameters are unusable",
                         what, std, MAX_NOISE_STD);
    }
    return TORC_OK;
}

torc_status torc_sim_std_of(torc_ctx *ctx, torc_sim_std *out, const torc_params *params,
                            torc_engine engine)
{
    *out = (torc_sim_std){0};
    if (params == NULL || params->glwe_dim == 0) {
        return torc_fail(ctx, TORC_E_UNSUPPORTED,
                         "simulated noise: the circuit has no cryptographic parameters (compiled "
                         "with --virtual), so there is none; run it without noise, or compile it "
                         "for encryption");
    }
    out->fresh = sqrt(torc_tuniform_variance(params->glwe_noise_log2, 64));
    if (torc_params_has_lookup(params)) {
        torc_noise noise;
        torc_noise_typical_on(&noise, params, engine);
        out->lookup_in = sqrt(noise.keyswitch + noise.modulus_switch);
        out->lookup_out = sqrt(noise.bootstrap);
    }
    TORC_TRY(check_std(ctx, "fresh ciphertext", out->fresh));
    TORC_TRY(check_std(ctx, "keyswitch", out->lookup_in));
    return check_std(ctx, "bootstrap", out->lookup_out);
}
