/* A small circuit by hand: the program of build_small_program with a specification to match.
 *
 *   inputs  x (2 unsigned, 3 bits, encrypted), c (1 signed, 3 bits, clear)
 *   outputs y (1 signed, 3 bits) = t(x0 + x1 + c) - t(2 x0 - c x1 + 1),  t(u) = u^2 mod 8
 *           echo = c, in the clear
 * at real parameters with which lookups of 3 bits do not fail. */
#ifndef TESTS_SAMPLE_CIRCUIT_H
#define TESTS_SAMPLE_CIRCUIT_H

#include "runtime/circuit.h"

torc_circuit *sample_circuit(void);
/* The same without parameters, as --virtual makes it. */
torc_circuit *sample_virtual_circuit(void);

/* One encrypted input x of 4 unsigned bits, element 0, and one output y; no rows, no instructions
 * and no elements: the caller adds what lies between. Its input is encoded as y is. */
torc_circuit *sample_open_circuit(uint32_t output_bits, bool output_is_signed);

/* y in the clear; *outside counts lookups and outputs beyond their range. */
int64_t sample_circuit_answer(int64_t x0, int64_t x1, int64_t c, uint64_t *outside);

#endif
