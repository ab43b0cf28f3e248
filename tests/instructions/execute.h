/* What AVX-512 instructions compute, as Intel's manual (volume 2) defines them: those that the
 * compiler uses in kernels/cpu. */
#ifndef TORC_TESTS_INSTRUCTIONS_EXECUTE_H
#define TORC_TESTS_INSTRUCTIONS_EXECUTE_H

#include "tests/instructions/machine.h"

/* NULL when all is well, else what is missing or would have been an exception. */
const char *execute(machine *m, instruction *in);

/* Of those that move data across lanes (execute_across.c), and of masks, flags and single values
 * (execute_single.c); false: none of them, or not as written there. */
bool execute_across(machine *m, const instruction *in);
bool execute_single(machine *m, const instruction *in);

#endif
