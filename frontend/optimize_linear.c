/* The search for a circuit without lookups: only encryption and sums, only the big key. */
#include "frontend/optimize_search.h"
#include "runtime/security.h"

bool torc_search_linear(torc_params *out, const torc_search_model *model, const torc_search *search)
{
    uint32_t best_dim = UINT32_MAX;

    for (uint32_t log2_poly = model->log2_poly_max; log2_poly >= model->log2_poly_min;
         log2_poly--) {
        for (uint32_t k = 1; k <= model->glwe_dim_max; k++) {
            torc_params params = {.glwe_dim = k, .poly_size = UINT32_C(1) << log2_poly};
            const uint32_t dim = torc_params_big_dim(&params);
            if (dim < TORC_MIN_SECURE_DIM || dim >= best_dim) {
                continue;
            }
            model->choose_noise(&params);
            const torc_noise noise = {.fresh = model->fresh(&params)};
            if (torc_rows_hold(search, &noise)) {
                *out = params;
                best_dim = dim;
            }
        }
    }
    return best_dim != UINT32_MAX;
}
