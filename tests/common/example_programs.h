/* Small programs that together use every feature of the instruction language; every backend must
 * run them alike. All values are multiples of EXAMPLE_UNIT, every lookup reads the middle of a bin
 * of at most 3 bits: encrypted at 2^-40 parameters none of them fails in practice. */
#ifndef TESTS_EXAMPLE_PROGRAMS_H
#define TESTS_EXAMPLE_PROGRAMS_H

#include "runtime/program.h"

#define EXAMPLE_ENCODING_BITS 3
#define EXAMPLE_UNIT          ((uint64_t)1 << (63 - EXAMPLE_ENCODING_BITS))

typedef struct example_program {
    const char *name;
    void (*build)(torc_program *program);
    int64_t min, max; /* of encrypted and of clear inputs */
} example_program;

extern const example_program example_programs[];
extern const size_t example_program_count;

#endif
