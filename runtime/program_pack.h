/* A program as a fixed list of flat arrays: its form in a file, and what its identity is computed
 * from. */
#ifndef TORC_PROGRAM_PACK_H
#define TORC_PROGRAM_PACK_H

#include "runtime/container.h"
#include "runtime/program.h"

typedef enum torc_pack_part {
    TORC_PACK_COUNTS, /* elements, clear elements, inputs, outputs, tables, instructions */
    TORC_PACK_PLACES, /* inputs then outputs: encrypted, count */
    TORC_PACK_PLACE_ELEMENTS,
    TORC_PACK_TABLE_BITS,
    TORC_PACK_TABLE_ENTRIES,
    TORC_PACK_INSTRS, /* TORC_PACK_INSTR_WORDS each, see program_pack.c */
    TORC_PACK_GATHER,
    TORC_PACK_WEIGHT,
    TORC_PACK_CONSTANT,
    TORC_PACK_CONSTANT_TURNS,
    TORC_PACK_WEIGHT_CLEAR,
    TORC_PACK_TERM_OUT,
    TORC_PACK_TERM_ELEMENT,
    TORC_PACK_TERM_SCALE,
    TORC_PACK_LOOKUP_IN,
    TORC_PACK_LOOKUP_TABLE,
    TORC_PACK_LOOKUP_OFFSET,
    TORC_PACK_PART_COUNT,
} torc_pack_part;

#define TORC_PACK_INSTR_WORDS 13

/* Name ("program/gather") and type of each part in a file. */
typedef struct torc_pack_form {
    const char *name;
    torc_raw_dtype dtype;
} torc_pack_form;
extern const torc_pack_form torc_pack_forms[TORC_PACK_PART_COUNT];

typedef struct torc_packed_program {
    size_t count[TORC_PACK_PART_COUNT];
    const void *data[TORC_PACK_PART_COUNT]; /* never NULL; borrowed when read from a file */
} torc_packed_program;

TORC_MUST_CHECK torc_status torc_program_pack(torc_ctx *ctx, torc_packed_program *out,
                                              const torc_program *program);
void torc_packed_program_free(torc_packed_program *packed); /* of torc_program_pack only */

/* The program of untrusted parts: every array has the length that the counts promise (E_FORMAT);
 * what the numbers mean is left to torc_program_check. */
TORC_MUST_CHECK torc_status torc_program_unpack(torc_ctx *ctx, torc_program *out,
                                                const torc_packed_program *packed);

#endif
