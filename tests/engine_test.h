/* Tests of the CUDA backend: built against the emulator, where there always is a device, and with
 * TORC_CUDA against the real one, where they are skipped without. */
#ifndef TESTS_ENGINE_TEST_H
#define TESTS_ENGINE_TEST_H

#include "runtime/server/gpus.h"

#include <criterion/criterion.h>

#define ENGINE_NEEDS_DEVICE()                                       \
    do {                                                            \
        if (torc_gpus_check(NULL, 0) != TORC_OK) {                  \
            cr_skip_test("no usable device: %s", torc_gpus_name()); \
        }                                                           \
    } while (0)

#endif
