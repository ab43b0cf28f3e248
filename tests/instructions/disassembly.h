/* The machine code of this very program, read from what `objdump -d -j .text --no-show-raw-insn`
 * says about it (x86-64, AT&T syntax). */
#ifndef TORC_TESTS_INSTRUCTIONS_DISASSEMBLY_H
#define TORC_TESTS_INSTRUCTIONS_DISASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_OPERANDS = 4, MNEMONIC_SIZE = 16, NO_REGISTER = -1, RIP_REGISTER = -2 };

typedef enum operand_kind { OTHER, IMMEDIATE, GENERAL, VECTOR, MASK, MEMORY } operand_kind;

typedef struct operand {
    operand_kind kind;
    int reg;         /* GENERAL: REG_RAX, .. of <ucontext.h>; VECTOR 0 .. 31; MASK 0 .. 7 */
    uint32_t bytes;  /* of a register */
    int base, index; /* MEMORY: as GENERAL, or one of the two above */
    uint32_t scale;
    bool is_broadcast; /* one lane for all */
    int64_t value;     /* IMMEDIATE, or the displacement */
} operand;

/* Operands in Intel's order: the destination first. */
typedef struct instruction {
    uint64_t address, next;
    char mnemonic[MNEMONIC_SIZE];
    uint32_t operand_count;
    operand op[MAX_OPERANDS];
    int mask;                           /* of the destination, NO_REGISTER: all lanes */
    bool is_zeroing;                    /* lanes outside the mask */
    uint32_t function;                  /* index of a name */
    const struct lane_operation *lanes; /* of lanes.h, once it was asked for */
    bool is_other;                      /* asked for, and not there */
    uint64_t executed;                  /* how often */
} instruction;

typedef struct disassembly {
    instruction *list; /* by address */
    size_t count;
    uint64_t begin, end; /* addresses of .text */
    uint32_t *at;        /* [end - begin] index + 1 of the instruction that begins there, or 0 */
    char **functions;
    uint32_t function_count;
} disassembly;

/* Exits with a message when the text is not what it should be. */
disassembly disassembly_read(const char *path);
void disassembly_free(disassembly *d);

/* NULL: no instruction begins there. */
instruction *disassembly_at(const disassembly *d, uint64_t address);

#endif
