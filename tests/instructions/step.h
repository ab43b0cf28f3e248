/* Runs code of this program one instruction at a time and counts each. What this processor lacks of
 * AVX-512 is executed by execute.c: so the kernels are those of the library, not a line changed. */
#ifndef TORC_TESTS_INSTRUCTIONS_STEP_H
#define TORC_TESTS_INSTRUCTIONS_STEP_H

#include "tests/instructions/disassembly.h"

/* Once, before the others; borrows d, whose counts it raises. */
void step_install(disassembly *d);

/* Between the two the calling thread steps. Functions of other libraries run at full speed and are
 * not counted. */
void step_begin(void);
void step_end(void);

#endif
