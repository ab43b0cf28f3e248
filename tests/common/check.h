/* For tests that are plain programs: the first failure ends them with its line and the message on
 * ctx. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include "runtime/torc_base.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK(ctx, condition)                                                                  \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, torc_ctx_message(ctx)); \
            exit(1);                                                                           \
        }                                                                                      \
    } while (0)

#endif
