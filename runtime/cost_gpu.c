/* The price of one lookup on a GPU in full batches (throughput form): counts of what its kernels do
 * times constants of the device. Must not know about: circuits, noise, how kernels are launched.
 *
 *   M = N/2 points, m = log2 M     w = (k+1)^2 l products a point     s = 2^g - 1 terms of the key
 *   p = ceil(m/5) passes of a transform                              B = 2^base_log
 *
 * FP64 instructions of a step, one ciphertext; a butterfly of two points is 6, of which the inverse
 * saves a third where the root is 1 or -i:
 *
 *   transforms   2^v (k+1) (l forward + 1 inverse);  forward 3 M m,  inverse M (3 m + p), its p
 *                twists included
 *   digits       2^v (k+1) N (4 + l); 1 + l where the accumulator times B^l stays below 2^51 and
 *                its low bits can be taken as they are (narrow digits)
 *   product      M times   g = 1         2^v 4 w
 *                          g > 1, v = 0  s (4 monomial + 1 minus one + 4 w bundle) + 4 w
 *                          g > 1, v > 0  s (4 + 6 w) + 2^v (4 w min(2^g, 2^v) + 4 (k+1)):
 *                                        parts share the bundles, one of them made of all terms
 *   key bytes    16 s w M, read once by the ciphertexts that fit a block together
 *
 *   clocks of a step = (transforms + digits) / lanes + max(product / lanes, key bytes / L2 rate)
 *
 * since only the product reads keys. The keyswitch is kN l' (n+1) multiply-adds of a digit with
 * four 8-bit limbs on the tensor cores.
 *
 * At N = 2048, k = l = 1 a lane of the two warps of a ciphertext executes (transforms + digits +
 * product) / 64 = 2,560 (g = 1), 3,568 (g = 2; narrow 3,376), 4,912 (g = 3): the counts of the
 * compiled kernel. Rates are those of the data sheet and of
 * published measurements, shares are expectations: no device has measured them yet. */
#include "runtime/cost_gpu.h"

#include <math.h>

#define POINT_BYTES   16.0
#define PASS_LEVELS   5.0
#define LIMBS         4.0  /* of 8 bits in a word of the keyswitch key */
#define NARROW_SIGMAS 14.5 /* 2^-156 a coefficient: spoils fewer than 2^-128 of the rotations */

const torc_gpu_machine torc_gpu_machine_default = {.multiprocessors = 132,
                                                   .clock_hz = 1.755e9,
                                                   .fp64_lanes = 64,
                                                   .l2_bytes = 30,
                                                   .int8_macs = 4096,
                                                   .rotation_share = 0.7,
                                                   .keyswitch_share = 0.25,
                                                   .block_points = 8192,
                                                   .narrow_bits = 51,
                                                   .memory_rate = 4.0e12,
                                                   .launch_seconds = 2.2e-6,
                                                   .shared_bytes = 232448,
                                                   .clusters_of_4 = 32};

/* Accumulator of a grouped step before it is reduced modulo 1: l (k+1) N products of a digit
 * (B^2 / 12) and a coefficient of the bundle (2 s / 12). */
bool torc_gpu_has_narrow_digits(const torc_gpu_machine *machine, const torc_params *params)
{
    const double terms = exp2(params->grouping) - 1.0;
    const double products =
        params->bootstrap.level_count * (params->glwe_dim + 1.0) * (double)params->poly_size;
    const double sigma = sqrt(2.0 * terms * products) / 12.0;
    const double bits = params->bootstrap.base_log * (params->bootstrap.level_count + 1.0);

    return params->grouping > 1 && log2(NARROW_SIGMAS * sigma) + bits < machine->narrow_bits;
}

static double bundle_per_point(const torc_params *params)
{
    const double polys = params->glwe_dim + 1.0;
    const double products = polys * polys * params->bootstrap.level_count;
    const double terms = exp2(params->grouping) - 1.0;

    if (params->grouping <= 1) {
        return 0.0;
    }
    return params->extended_log2 == 0 ? terms * (5.0 + 4.0 * products)
                                      : terms * (4.0 + 6.0 * products);
}

static double product_per_point(const torc_params *params)
{
    const double polys = params->glwe_dim + 1.0;
    const double products = polys * polys * params->bootstrap.level_count;
    const double parts = exp2(params->extended_log2);

    if (params->grouping <= 1) {
        return parts * 4.0 * products;
    }
    if (params->extended_log2 == 0) {
        return bundle_per_point(params) + 4.0 * products;
    }
    return bundle_per_point(params) +
           parts * (4.0 * products * fmin(exp2(params->grouping), parts) + 4.0 * polys);
}

double torc_gpu_bundle_count(const torc_params *params)
{
    return 0.5 * params->poly_size * bundle_per_point(params);
}

void torc_gpu_step_count(torc_gpu_step *out, const torc_gpu_machine *machine,
                         const torc_params *params)
{
    const double polys = params->glwe_dim + 1.0;
    const double levels = params->bootstrap.level_count;
    const double parts = exp2(params->extended_log2);
    const double points = 0.5 * params->poly_size;
    const double log2_points = log2(points);
    const double forward = 3.0 * points * log2_points;
    const double inverse = forward + points * ceil(log2_points / PASS_LEVELS);
    const double digit = levels + (torc_gpu_has_narrow_digits(machine, params) ? 1.0 : 4.0);

    *out = (torc_gpu_step){
        .transforms = parts * polys * (levels * forward + inverse),
        .digits = parts * polys * params->poly_size * digit,
        .product = points * product_per_point(params),
        .key_bytes = (exp2(params->grouping) - 1.0) * polys * polys * levels * points * POINT_BYTES,
        .sharing = fmax(machine->block_points / (parts * polys * levels * points), 1.0)};
}

double torc_cost_gpu_bootstrap(const torc_gpu_machine *machine, const torc_params *params)
{
    torc_gpu_step step;
    torc_gpu_step_count(&step, machine, params);
    const double product_clocks =
        fmax(step.product / machine->fp64_lanes, step.key_bytes / step.sharing / machine->l2_bytes);
    const double clocks = (step.transforms + step.digits) / machine->fp64_lanes + product_clocks;

    return torc_params_step_count(params) * clocks /
           (machine->multiprocessors * machine->clock_hz * machine->rotation_share);
}

double torc_cost_gpu_keyswitch(const torc_gpu_machine *machine, const torc_params *params)
{
    const double macs = LIMBS * torc_params_big_dim(params) * params->keyswitch.level_count *
                        (params->lwe_dim + 1.0);

    return macs / (machine->int8_macs * machine->keyswitch_share * machine->multiprocessors *
                   machine->clock_hz);
}
