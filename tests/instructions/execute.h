/* What AVX-512 instructions compute, as Intel's manual (volume 2) defines them: those that the
 * compiler uses in kernels/cpu, on registers held in memory. */
#ifndef TORC_TESTS_INSTRUCTIONS_EXECUTE_H
#define TORC_TESTS_INSTRUCTIONS_EXECUTE_H

#include "tests/instructions/disassembly.h"

#include <ucontext.h>

typedef union vector {
    uint8_t byte[64];
    uint16_t u16[32];
    uint32_t u32[16];
    uint64_t u64[8];
    double f64[8];
} vector;

typedef struct machine {
    vector v[32];
    uint64_t k[8];
    greg_t *general; /* REG_RAX, .. and REG_EFL */
} machine;

/* NULL when all is well, else what is missing or would have been an exception. */
const char *execute(machine *m, instruction *in);

#endif
