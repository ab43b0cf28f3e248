/* Builds small programs by hand for tests. Aborts when memory runs out. */
#ifndef TESTS_PROGRAM_BUILDER_H
#define TESTS_PROGRAM_BUILDER_H

#include "runtime/program.h"

/* Elements first, first + 1, ... as an input or output; clear: clear elements. */
void build_input(torc_program *program, bool encrypted, uint32_t first, uint32_t count);
void build_output(torc_program *program, bool encrypted, uint32_t first, uint32_t count);

/* A table of 2^index_bits zero entries; returns its index. */
uint32_t build_table(torc_program *program, uint32_t index_bits);

/* One linear instruction, out at the elements out, out + 1, ... (outputs fastest), shared zero
 * weights, no source, no constant; element_count grows to cover it. The pointer lives until the
 * next build. */
torc_linear *build_linear(torc_program *program, uint32_t level, uint32_t out, uint32_t group_count,
                          uint32_t out_count, uint32_t in_count);
void build_weight_groups(torc_linear *linear, uint32_t weight_groups);
void build_constant_turns(torc_linear *linear); /* all 0 */
void build_constant_groups(torc_linear *linear, uint32_t constant_groups);
void build_weight_clear(torc_linear *linear); /* all TORC_NO_ELEMENT */
void build_clear_term(torc_linear *linear, uint32_t out, uint32_t clear, uint64_t scale);

/* One lookup instruction: in = first_in + i, table 0, offset 0. */
torc_lookup *build_lookup(torc_program *program, uint32_t level, uint32_t out, uint32_t count,
                          uint32_t first_in);

/* Two elements in, a dense layer, a lookup of 3 bits, a difference, one element out; every field is
 * in use. For tests that break one field at a time. */
void build_small_program(torc_program *out);

#endif
