/* Gadgets worth trying. With a level count fixed the base costs nothing, so only the base of least
 * noise stays; a level more stays only if it lowers the noise. */
#include "frontend/optimize_search.h"

static void best_bases(torc_gadgets *out, torc_params *trial, torc_gadget *gadget,
                       torc_variance_fn *variance, uint32_t bits_max, uint32_t levels_max)
{
    double least = -1.0;

    out->count = 0;
    for (uint32_t levels = 1; levels <= bits_max && levels <= levels_max; levels++) {
        torc_gadget best = {0, levels};
        double best_variance = -1.0;
        for (uint32_t base_log = bits_max / levels; base_log >= 1; base_log--) {
            *gadget = (torc_gadget){base_log, levels};
            const double found = variance(trial);
            if (best_variance < 0.0 || found < best_variance) {
                best_variance = found;
                best.base_log = base_log;
            }
        }
        if (least < 0.0 || best_variance < least) {
            least = best_variance;
            out->list[out->count++] = best;
        }
    }
}

void torc_gadgets_bootstrap(torc_gadgets *out, const torc_search_model *model,
                            const torc_params *at)
{
    torc_params trial = *at;

    best_bases(out, &trial, &trial.bootstrap, model->bootstrap, model->bootstrap_bits_max,
               model->bootstrap_levels_max);
}

void torc_gadgets_keyswitch(torc_gadgets *out, const torc_search_model *model,
                            const torc_params *at)
{
    torc_params trial = *at;

    best_bases(out, &trial, &trial.keyswitch, model->keyswitch, model->keyswitch_bits_max,
               model->keyswitch_levels_max);
}
