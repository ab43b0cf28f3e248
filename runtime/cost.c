/* Seconds of one lookup: counts of what the engine does times constants of the machine.
 * Must not know about: circuits (cost_predict.c), noise.
 *
 *   step        (k+1) l forward and k+1 inverse transforms of N/2 points, N/4 log2(N/2) butterflies
 *               each; (k+1)^2 l N/2 complex multiply-adds; (k+1) N (l+1) visits of a coefficient
 *               (rotate, cut digits, accumulate). All of it 2^v times.
 *   key         (k+1)^2 l N/2 complex numbers a step, streamed once for the whole batch
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
 *    1 2048  862  2  1  8   38.1 (36.3)  0.76 (0.81) */
#include "runtime/cost.h"

#include <math.h>

void torc_machine_default(torc_machine *out)
{
    *out = (torc_machine){.threads = 1,
                          .fft_ns_per_butterfly = 0.30,
                          .mul_ns_per_point = 0.34,
                          .point_ns = 0.34,
                          .key_ns_per_byte = 0.10,
                          .keyswitch_ns_per_mac = 0.045,
                          .linear_ns_per_mac = 0.20};
}

double torc_cost_keyswitch(const torc_machine *machine, const torc_params *params, double batch)
{
    const double macs = (double)torc_params_big_dim(params) * params->keyswitch.level_count *
                        (params->lwe_dim + 1.0);
    const double key_bytes = 4.0 * macs;

    return 1e-9 *
           (macs * machine->keyswitch_ns_per_mac + key_bytes * machine->key_ns_per_byte / batch);
}

/* Complex multiply-adds a point of one step, all parts. Classic: the product alone. Grouped: the
 * bundle of 2^g - 1 terms, each the product's size and one more for its monomial; extended too,
 * every part meets up to min(2^g, 2^v) bundles (DESIGN section 4). */
static double products_per_point(const torc_params *params)
{
    const double product =
        (params->glwe_dim + 1.0) * (params->glwe_dim + 1.0) * params->bootstrap.level_count;
    const double parts = ldexp(1.0, (int)params->extended_log2);
    if (params->grouping <= 1) {
        return parts * product;
    }
    const double subsets = ldexp(1.0, (int)params->grouping);
    const double bundle = (subsets - 1.0) * (product + 1.0);
    if (params->extended_log2 == 0) {
        return bundle + product;
    }
    return bundle + parts * (product * fmin(subsets, parts) + 2.0);
}

/* Terms of the key that a step reads: extended and grouped, the one of the empty subset too. */
static double key_terms(const torc_params *params)
{
    const double subsets = ldexp(1.0, (int)params->grouping);

    return params->grouping > 1 && params->extended_log2 > 0 ? subsets : subsets - 1.0;
}

double torc_cost_bootstrap(const torc_machine *machine, const torc_params *params, double batch)
{
    const double polys = params->glwe_dim + 1.0;
    const double levels = params->bootstrap.level_count;
    const double size = params->poly_size;
    const double parts = ldexp(1.0, (int)params->extended_log2);
    const double butterflies = parts * polys * (levels + 1.0) * 0.25 * size * log2(0.5 * size);
    const double points = parts * polys * size * (levels + 1.0);
    const double key_bytes = key_terms(params) * polys * polys * levels * size * sizeof(double);
    const double step_ns = butterflies * machine->fft_ns_per_butterfly +
                           products_per_point(params) * 0.5 * size * machine->mul_ns_per_point +
                           points * machine->point_ns +
                           key_bytes * machine->key_ns_per_byte / batch;

    return 1e-9 * torc_params_step_count(params) * step_ns;
}
