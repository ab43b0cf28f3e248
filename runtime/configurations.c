/* The shipped list as an array, and membership. Must not know what a shape costs. */
#include "runtime/configurations.h"

static const torc_configuration shipped[] = {
#define TORC_CONFIGURATION(k, log2_N, l, g, v) {k, log2_N, l, g, v},
#include "kernels/configurations.def"
#undef TORC_CONFIGURATION
};

const torc_configurations torc_configurations_shipped = {shipped, sizeof shipped / sizeof *shipped};

torc_configuration torc_configuration_of(const torc_params *params)
{
    torc_configuration out = {.glwe_dim = params->glwe_dim,
                              .level_count = params->bootstrap.level_count,
                              .grouping = params->grouping,
                              .extended_log2 = params->extended_log2};

    while (UINT32_C(1) << out.log2_poly_size < params->poly_size) {
        out.log2_poly_size++;
    }
    return out;
}

bool torc_configurations_hold(const torc_configurations *configurations,
                              const torc_configuration *wanted)
{
    for (uint32_t i = 0; i < configurations->count; i++) {
        const torc_configuration *c = &configurations->list[i];
        if (c->glwe_dim == wanted->glwe_dim && c->log2_poly_size == wanted->log2_poly_size &&
            c->level_count == wanted->level_count && c->grouping == wanted->grouping &&
            c->extended_log2 == wanted->extended_log2) {
            return true;
        }
    }
    return false;
}
