/* What a program means, evaluated slowly and independently: one sample, 128-bit integers that never
 * wrap, division instead of shifts. */
#ifndef TESTS_PROGRAM_ORACLE_H
#define TESTS_PROGRAM_ORACLE_H

#include "runtime/program.h"

/* 2^-64 of the torus, not reduced. */
typedef __int128 oracle_value;

/* element[element_count] holds the inputs and receives everything; returns how many lookups read
 * outside their table. */
uint64_t oracle_run(oracle_value *element, const int64_t *clear, const torc_program *program);

/* A torus word as the value in [-1/2, 1/2) that it stands for. */
oracle_value oracle_signed(uint64_t word);

#endif
