/* Takes the checks of security and of the least key size out of the test that includes it: toy
 * parameters pass. Only for files named engine_weak_*, which are linked with --wrap for these two
 * functions (cmake/emu.cmake). */
#ifndef TESTS_WEAK_SECURITY_H
#define TESTS_WEAK_SECURITY_H

#include "runtime/spec.h"

torc_status __wrap_torc_spec_accept(torc_ctx *ctx, const torc_spec *spec, double allow);
torc_status __wrap_torc_params_check(torc_ctx *ctx, const torc_params *params);

torc_status __wrap_torc_spec_accept(torc_ctx *ctx, const torc_spec *spec, double allow)
{
    (void)ctx;
    (void)spec;
    (void)allow;
    return TORC_OK;
}

torc_status __wrap_torc_params_check(torc_ctx *ctx, const torc_params *params)
{
    (void)ctx;
    (void)params;
    return TORC_OK;
}

#endif
