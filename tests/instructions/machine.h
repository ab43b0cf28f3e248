/* Registers of AVX-512 held in memory, and how an instruction reads and writes its operands. */
#ifndef TORC_TESTS_INSTRUCTIONS_MACHINE_H
#define TORC_TESTS_INSTRUCTIONS_MACHINE_H

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

/* Lane number `lane` of `bytes` (1 to 8), zero extended. */
uint64_t lane_get(const vector *x, uint32_t lane, uint32_t bytes);
void lane_set(vector *x, uint32_t lane, uint32_t bytes, uint64_t value);
/* Whether the mask of the destination has the lane. */
bool lane_is_active(const machine *m, const instruction *in, uint32_t lane);

/* Bytes that the instruction works on: its widest register. */
uint32_t instruction_bytes(const instruction *in);
/* Its last operand, 8 bits; 0 when that is none. */
uint64_t instruction_immediate(const instruction *in);

bool mnemonic_starts(const instruction *in, const char *prefix);
bool mnemonic_ends(const instruction *in, const char *suffix);
/* Bytes of an element, of d, q, w, ps, pd at the end of the name. */
uint32_t mnemonic_element(const instruction *in);

/* Operand i in lanes of `lane` bytes; of memory only those of active lanes are read, `bytes` in
 * all. */
vector operand_source(const machine *m, const instruction *in, uint32_t i, uint32_t lane,
                      uint32_t bytes);
/* Lanes of `bytes` into the destination, under its mask; a register's rest becomes zero. */
void operand_result(machine *m, const instruction *in, const vector *x, uint32_t lane,
                    uint32_t bytes);
void *operand_address(const machine *m, const instruction *in, const operand *o);

/* A general register of 4 or 8 bytes. */
void general_set(machine *m, const operand *o, uint64_t x);

#endif
