/* Shapes of a blind rotation that GPU kernels are compiled for. The rest of a parameter set (n, the
 * bases, the keyswitch) is known at run time only. */
#ifndef TORC_CONFIGURATIONS_H
#define TORC_CONFIGURATIONS_H

#include "runtime/params.h"

typedef struct torc_configuration {
    uint32_t glwe_dim;       /* k */
    uint32_t log2_poly_size; /* log2 N */
    uint32_t level_count;    /* l of the bootstrap gadget */
    uint32_t grouping;       /* g */
    uint32_t extended_log2;  /* v */
} torc_configuration;

typedef struct torc_configurations {
    const torc_configuration *list;
    uint32_t count;
} torc_configurations;

#define TORC_CONFIGURATIONS_MAX 25 /* compiled kernels, all of them in every build */

/* kernels/configurations.def */
extern const torc_configurations torc_configurations_shipped;

torc_configuration torc_configuration_of(const torc_params *params);
bool torc_configurations_hold(const torc_configurations *configurations,
                              const torc_configuration *wanted);

#endif
