/* The tables of CPU kernels that tests hold against the references: every instruction set, AVX-512
 * emulated too (tests/common/avx512_emulated.h), whichever this machine has. */
#ifndef TORC_TESTS_CPU_TABLES_H
#define TORC_TESTS_CPU_TABLES_H

#include "kernels/kernels.h"

enum { CPU_TABLES = 4 };

/* NULL: not on this machine. */
static inline const torc_cpu_kernels *cpu_table(size_t index)
{
    static const char *const names[CPU_TABLES] = {"portable", "avx2", "avx512", "avx512_emulated"};
    return torc_cpu_kernels_named(names[index]);
}

#endif
