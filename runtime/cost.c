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
 * The defaults are a core of an AMD EPYC (Zen 3) with the AVX2 kernels, other work beside. There a
 * step of one ciphertext takes, in us (and these formulas give), in batches as the kernels take:
 *
 *    k    N  l  v    g = 1          g = 2          g = 3
 *    4  512  1  0    7.2 (  7.0)
 *    3  512  1  0    5.3 (  5.3)    7.1 (  7.5)   11.2 ( 11.3)
 *    2 1024  1  0    7.4 (  7.9)   10.3 ( 10.5)   14.3 ( 14.7)
 *    2 1024  1  1                  26.2 ( 25.7)   34.1 ( 30.8)
 *    2 1024  1  2                                 64.1 ( 69.9)
 *    2 1024  2  0                  18.8 ( 17.6)
 *    1 4096  1  0   21.4 ( 22.4)                  34.8 ( 35.1)
 *    1 2048  1  0   10.5 ( 10.5)   12.8 ( 13.0)   16.5 ( 16.9)
 *    1 2048  1  1   20.9 ( 20.8)   27.3 ( 25.1)   32.5 ( 29.7)
 *    1 1024  1  2                                 29.0 ( 26.9)
 *    1 2048  1  2   41.3 ( 41.6)   49.5 ( 50.3)   58.6 ( 58.3)
 *    1 2048  1  3   82.9 ( 83.3)   97.7 (101.5)  117.9 (120.5)
 *    1 2048  1  4  167.5 (166.0)  193.3 (201.2)  240.7 (241.8)
 *    1 2048  2  0   16.8 ( 16.5)                  28.5 ( 28.7)
 *    1 2048  2  1                  53.9 ( 45.7)   62.7 ( 56.5)
 *    1 2048  2  2                  98.7 ( 95.2)  115.2 (118.0)
 *    1 2048  2  3                 193.7 (190.5)  232.0 (242.4)
 *    1 2048  2  4                 382.0 (382.8)  495.1 (505.5)
 *
 * Alone a lookup waits for its key, 0.05 to 0.09 ns a byte, and two threads that share it lose 2 us
 * a step on cores that share a cache, 8 us on others (0.07 ns and 4 us).
 *
 * A keyswitch takes 0.036 to 0.040 ns a multiply-add in batches of 64 (0.037). */
#include "runtime/cost.h"

#include <math.h>

#define TURN_WEIGHT 1.1 /* of a digit's product with a root, and with an element of a bundle */

void torc_machine_default(torc_machine *out)
{
    *out = (torc_machine){.threads = 1,
                          .fft_ns_per_butterfly = 0.32,
                          .mul_ns_per_point = 0.26,
                          .bundle_ns_per_point = 0.163,
                          .point_ns = 0.32,
                          .key_ns_per_byte = 0.065,
                          .keyswitch_ns_per_mac = 0.033,
                          .linear_ns_per_mac = 0.12,
                          .team_ns_per_step = 4000};
}

/* What the kernels take (kernels/cpu/bootstrap.c): classic, accumulators in half of a second-level
 * cache of 1 MiB, of 32-bit words where digits allow it; grouped, states of (k+1) l polynomials a
 * part in 5/4 of it. */
double torc_cost_bootstrap_batch(const torc_params *params)
{
    const torc_gadget gadget = params->bootstrap;
    const bool is_grouped = params->grouping > 1;
    const bool is_narrow =
        gadget.level_count == 1 && gadget.base_log >= 18 && gadget.base_log <= 26;
    const double least = is_grouped ? 4.0 : 2.0;
    const double words = (params->glwe_dim + 1.0) * params->poly_size;
    const double bytes = words * (is_grouped ? 8.0 * gadget.level_count : is_narrow ? 4.0 : 8.0);
    const double fits =
        floor((is_grouped ? 0x1.4p20 : 0x1p19) / ldexp(bytes, (int)params->extended_log2));

    return fmin(fmax(fits, least), 16.0);
}

double torc_cost_keyswitch(const torc_machine *machine, const torc_params *params, double batch)
{
    const double macs = (double)torc_params_big_dim(params) * params->keyswitch.level_count *
                        (params->lwe_dim + 1.0);
    const double key_bytes = 4.0 * macs;

    return 1e-9 *
           (macs * machine->keyswitch_ns_per_mac + key_bytes * machine->key_ns_per_byte / batch);
}

/* Bundles of an extended step, as expected: residues modulo 2^v among those of 2^g - 1 sets, and 0.
 */
static double bundle_count(double subsets, double parts)
{
    return 1.0 + (parts - 1.0) * (1.0 - pow(1.0 - 1.0 / parts, subsets - 1.0));
}

/* A part times a bundle, for each element: k = l = 1; l = 2; other shapes. Results and digits that
 * do not stay in registers are loaded again. (Measured.) */
static double part_weight(const torc_params *params)
{
    if (params->glwe_dim != 1 || params->bootstrap.level_count > 2) {
        return 3.2;
    }
    return params->bootstrap.level_count == 1 ? TURN_WEIGHT : 1.8;
}

/* Nanoseconds of a point's complex multiply-adds in one step, all parts. Classic: the product.
 * Grouped, plain: g monomials, then 2^g multiply-adds an element in registers. Grouped, extended: a
 * monomial and a multiply-add an element for each of the 2^g - 1 terms; every part meets every
 * bundle, and its digits a root. */
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
    const double products = bundle_count(subsets, parts) * product;
    return ((subsets - 1.0) * (product + 1.0) +
            parts * (part_weight(params) * products + TURN_WEIGHT * rows)) *
           machine->bundle_ns_per_point;
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

/* Threads that share a lookup when there are not enough lookups for all: not more than a transform
 * has children of its root, and none for the classic rotation. */
static double team_size(double threads, const torc_params *params, double count)
{
    const double limit = params->poly_size >= 2048 ? 4.0 : 2.0;

    return params->grouping > 1 ? fmin(fmax(floor(threads / count), 1.0), limit) : 1.0;
}

/* Columns of a keyswitch are shared by all threads. The slowest thread's share of bootstraps
 * counts.
 */
double torc_cost_lookups(const torc_machine *machine, const torc_params *params, double count)
{
    if (count <= 0.0) {
        return 0.0;
    }
    const double threads = fmax(machine->threads, 1.0);
    const double share = ceil(count / threads);
    const double team = team_size(threads, params, count);
    const double walk = fmin(share, torc_cost_bootstrap_batch(params));
    const double meetings =
        team > 1.0 ? 1e-9 * torc_params_step_count(params) * machine->team_ns_per_step : 0.0;

    return count / threads *
               torc_cost_keyswitch(machine, params, fmin(count, TORC_COST_KEYSWITCH_BATCH)) +
           share * (torc_cost_bootstrap(machine, params, walk) / team + meetings);
}
