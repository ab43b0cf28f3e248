/* Seconds of one lookup: counts of what the engine does times constants of the machine.
 * Must not know about: circuits (cost_predict.c), noise.
 *
 *   step        (k+1) l forward and k+1 inverse transforms of N/2 points, N/4 log2(N/2) butterflies
 *               each; (k+1)^2 l N/2 complex multiply-adds; (k+1) N (l+1) visits of a coefficient
 *               (rotate, cut digits, accumulate). All of it 2^v times.
 *   grouped     g key bits a step: the same transforms and coefficients; bundle and product below
 *   key         (k+1)^2 l N/2 complex numbers a step and term, streamed once for the whole batch
 *   keyswitch   kN l' (n+1) multiply-adds on 32 bits; its key likewise
 *
 * The defaults are a 2.5 GHz core of 2020 with AVX-512, memory at 10 GB/s. There our kernels take,
 * in ms (and these formulas give), bootstrap in batches of 8, keyswitch of 32:
 *
 *    k    N    n  v  l  l'  bootstrap    keyswitch
 *    3  512  661  0  1  4    3.9  (4.0)  0.23 (0.23)
 *    2 1024  742  0  1  6    6.3  (6.5)  0.50 (0.53)
 *    1 2048  782  0  1  7    8.5  (8.7)  0.63 (0.65)
 *    1 2048  860  0  2  5   15.0 (15.3)  0.50 (0.51)
 *    1 4096  860  0  1  5   20.4 (20.2)  0.93 (1.01)
 *    1 2048  822  1  1  7   17.5 (17.6)  0.64 (0.68)
 *    1 2048  862  2  1  8   38.1 (36.3)  0.76 (0.81)
 *
 * Grouped forms were measured on another core (Zen 3, AVX2), as ratios to the classic one in the
 * same run, k = l = 1, N = 2048 (formulas with batches of 16 and 8):
 *
 *    v       0     1     2     3     4
 *    g = 2  0.64  0.72  0.72  0.70  0.76   (0.62 0.75 0.74 0.71 0.70)
 *    g = 3  0.55  0.66  0.63  0.63  0.59   (0.57 0.69 0.60 0.65 0.61) */
#include "runtime/cost.h"

#include <math.h>

void torc_machine_default(torc_machine *out)
{
    *out = (torc_machine){.threads = 1,
                          .fft_ns_per_butterfly = 0.30,
                          .mul_ns_per_point = 0.34,
                          .bundle_ns_per_point = 0.20,
                          .point_ns = 0.34,
                          .key_ns_per_byte = 0.10,
                          .keyswitch_ns_per_mac = 0.045,
                          .linear_ns_per_mac = 0.20};
}

double torc_cost_bootstrap_batch(const torc_params *params)
{
    return params->grouping > 1 ? 2.0 * TORC_COST_BOOTSTRAP_BATCH : TORC_COST_BOOTSTRAP_BATCH;
}

double torc_cost_keyswitch(const torc_machine *machine, const torc_params *params, double batch)
{
    const double macs = (double)torc_params_big_dim(params) * params->keyswitch.level_count *
                        (params->lwe_dim + 1.0);
    const double key_bytes = 4.0 * macs;

    return 1e-9 *
           (macs * machine->keyswitch_ns_per_mac + key_bytes * machine->key_ns_per_byte / batch);
}

/* Nanoseconds of a point's complex multiply-adds in one step, all parts. Classic: the product.
 * Grouped, plain: g monomials, then 2^g multiply-adds an element in registers. Grouped, extended: a
 * monomial and the product's size for each of the 2^g - 1 terms, through memory; then every part
 * meets up to min(2^g, 2^v) bundles, and its digits also a root. (The weights are measured.) */
static double product_ns_per_point(const torc_machine *machine, const torc_params *params)
{
    const double polys = params->glwe_dim + 1.0;
    const double rows = polys * params->bootstrap.level_count;
    const double product = polys * rows;
    const double parts = ldexp(1.0, (int)params->extended_log2);
    const double subsets = ldexp(1.0, (int)params->grouping);
    if (params->grouping <= 1) {
        return parts * product * machine->mul_ns_per_point;
    }
    if (params->extended_log2 == 0) {
        return (params->grouping + subsets * product) * machine->bundle_ns_per_point;
    }
    return 1.5 * (subsets - 1.0) * (product + 1.0) * machine->mul_ns_per_point +
           1.25 * parts * (product * fmin(subsets, parts) + rows) * machine->bundle_ns_per_point;
}

double torc_cost_bootstrap(const torc_machine *machine, const torc_params *params, double batch)
{
    const double polys = params->glwe_dim + 1.0;
    const double levels = params->bootstrap.level_count;
    const double size = params->poly_size;
    const double parts = ldexp(1.0, (int)params->extended_log2);
    const double butterflies = parts * polys * (levels + 1.0) * 0.25 * size * log2(0.5 * size);
    const double points = parts * polys * size * (levels + 1.0);
    const double terms = ldexp(1.0, (int)params->grouping) - 1.0;
    const double key_bytes = terms * polys * polys * levels * size * sizeof(double);
    const double step_ns = butterflies * machine->fft_ns_per_butterfly +
                           product_ns_per_point(machine, params) * 0.5 * size +
                           points * machine->point_ns +
                           key_bytes * machine->key_ns_per_byte / batch;

    return 1e-9 * torc_params_step_count(params) * step_ns;
}
