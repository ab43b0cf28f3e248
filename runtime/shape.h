/* The shape of a bootstrap, as kernels take it, from a parameter set. */
#ifndef TORC_RUNTIME_SHAPE_H
#define TORC_RUNTIME_SHAPE_H

#include "kernels/kernels.h"
#include "runtime/params.h"

static inline torc_shape torc_shape_of(const torc_params *params)
{
    return (torc_shape){.glwe_dim = params->glwe_dim,
                        .poly_size = params->poly_size,
                        .lwe_dim = params->lwe_dim,
                        .extended_log2 = params->extended_log2,
                        .base_log = params->bootstrap.base_log,
                        .level_count = params->bootstrap.level_count,
                        .ks_base_log = params->keyswitch.base_log,
                        .ks_level_count = params->keyswitch.level_count,
                        .grouping = params->grouping};
}

#endif
