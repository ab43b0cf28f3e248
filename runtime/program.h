/* The compiled program: two kinds of instruction on a flat array of ciphertext elements.
 *
 * An element is one LWE ciphertext under the big key (or, in the virtual backend, one phase). The
 * inputs come first, in the order of the ports; every later element is written exactly once before
 * it is read, unless the memory plan reuses it after its last reader. Clear run-time inputs live in
 * a separate array of int64 "clear elements".
 * An integer m of a component with encoding width W stands for m * 2^(63-W) mod 2^64. */
#ifndef TORC_PROGRAM_H
#define TORC_PROGRAM_H

#include "runtime/params.h"

#define TORC_NO_ELEMENT         UINT32_MAX
#define TORC_MAX_ELEMENTS       (1u << 26)
#define TORC_INDEX_BITS         8  /* widest table of an encrypted circuit */
#define TORC_INDEX_BITS_VIRTUAL 16 /* and of one that only runs in the clear */

/* out[g][o] = sum_i weight[g][o][i] * in[gather[g][i]] + constant[g][o]    (mod 2^64)
 * A dense layer is one group; a convolution has one group a position and shares its weights; sums,
 * gathers and element-wise products are groups with one or two sources. With weight_clear, a weight
 * is multiplied by a clear run-time value; with constant_clear, a clear value times
 * constant_scale is added. */
typedef struct torc_linear {
    uint32_t group_count;
    uint32_t out_count;        /* o */
    uint32_t in_count;         /* i */
    uint32_t weight_groups;    /* 1: shared by all groups; else group_count */
    uint32_t constant_groups;  /* 1 or group_count */
    uint32_t out;              /* element of group 0, output 0 */
    uint32_t out_group_stride; /* element of (g, o) is out + g*out_group_stride + o*out_stride */
    uint32_t out_stride;       /* one stride steps over the whole span of the other: no overlap */
    uint32_t *gather;          /* [group_count][in_count] element, TORC_NO_ELEMENT = none */
    int64_t *weight;           /* [weight_groups][out_count][in_count] */
    uint64_t *constant;        /* [constant_groups][out_count], torus, as signed in [-1/2, 1/2) */
    int64_t *constant_turns;   /* NULL: all 0, or like constant: whole turns that it leaves out;
                                  only the simulator needs them, to tell an overflow */
    uint32_t *weight_clear;    /* NULL, or like weight: clear element, TORC_NO_ELEMENT = times 1 */
    /* Clear additions: NULL/0, or clear_terms rows. out element += scale * clear element. */
    uint32_t clear_term_count;
    uint32_t *clear_term_out;     /* element written by this instruction */
    uint32_t *clear_term_element; /* clear element */
    uint64_t *clear_term_scale;   /* torus */
} torc_linear;

/* u = floor((phase + offset + 2^(62-P)) / 2^(63-P));  out = entry[u] for u < 2^P, else
 * -entry[u - 2^P] (the negacyclic half: an overflow). All lookups of one dependency level are one
 * instruction. */
typedef struct torc_lookup {
    uint32_t count;
    uint32_t out;     /* elements out .. out + count - 1 */
    uint32_t *in;     /* [count] element */
    uint32_t *table;  /* [count] index into torc_program.tables */
    uint64_t *offset; /* [count] torus */
} torc_lookup;

typedef struct torc_table {
    uint32_t index_bits; /* P: 1..8 when encrypted, up to 16 in a virtual circuit */
    uint64_t *entry;     /* [2^P] torus */
} torc_table;

typedef enum torc_instr_kind { TORC_INSTR_LINEAR, TORC_INSTR_LOOKUP } torc_instr_kind;

typedef struct torc_instr {
    torc_instr_kind kind;
    uint32_t level; /* lookups before it on the longest path */
    union {
        torc_linear linear;
        torc_lookup lookup;
    };
} torc_instr;

/* Where the elements of an input or output stand. Names and encodings: torc_port (spec.h). */
typedef struct torc_place {
    bool encrypted;
    uint32_t count;
    uint32_t *element; /* [count] element, or clear element when !encrypted */
} torc_place;

typedef struct torc_program {
    uint32_t element_count;
    uint32_t clear_count;
    uint32_t input_count;
    uint32_t output_count;
    uint32_t table_count;
    uint32_t instr_count;
    torc_place *inputs;
    torc_place *outputs;
    torc_table *tables;
    torc_instr *instrs;
} torc_program;

/* Every pointer of a program is its own malloc'd block; freeing NULL or {0} is fine. */
void torc_program_free(torc_program *program);
void torc_instr_free(torc_instr *instr); /* what one instruction holds */

/* All element indices in range, written before read, never written by the instruction that reads
 * them, tables well formed, sizes consistent, levels true, at most 2^max_index_bits entries a
 * table. The arrays must be as long as their counts say. Run by the compiler and by every loader
 * (E_FORMAT); time is linear in the size of the program. */
TORC_MUST_CHECK torc_status torc_program_check(torc_ctx *ctx, const torc_program *program,
                                               uint32_t max_index_bits);

uint64_t torc_program_lookup_count(const torc_program *program);
uint32_t torc_program_level_count(const torc_program *program);
uint64_t torc_program_linear_macs(const torc_program *program); /* ciphertext multiply-adds */

/* Text listing, for --dump-after lower. The caller frees *out. */
TORC_MUST_CHECK torc_status torc_program_print(torc_ctx *ctx, char **out,
                                               const torc_program *program);

#endif
