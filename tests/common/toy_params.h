/* Parameters without any security, for tests that run on an emulated device. */
#ifndef TESTS_TOY_PARAMS_H
#define TESTS_TOY_PARAMS_H

#include "runtime/params.h"

/* A small key of `steps` groups of g bits, next to no noise in the keys: at N = 512 what is left
 * (modulus switch) is a tenth of half a bin of a 5-bit table. */
static inline torc_params toy_params(uint32_t glwe_dim, uint32_t poly_size, uint32_t steps,
                                     uint32_t grouping, uint32_t extended_log2)
{
    return (torc_params){.glwe_dim = glwe_dim,
                         .poly_size = poly_size,
                         .glwe_noise_log2 = 3,
                         .lwe_dim = steps * grouping,
                         .lwe_noise_log2 = 2,
                         .extended_log2 = extended_log2,
                         .grouping = grouping,
                         .bootstrap = {.base_log = 20, .level_count = 1},
                         .keyswitch = {.base_log = 3, .level_count = 6}};
}

#endif
