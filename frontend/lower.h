/* Inside lowering only: what lower*.c share while one program is built.
 *
 * Until the memory plan runs, element ids are virtual: source ids (encrypted inputs in port order,
 * then lookup outputs level by level) followed by the outputs of linear instructions. */
#ifndef TORC_LOWER_H
#define TORC_LOWER_H

#include "frontend/affine.h"
#include "frontend/compile.h"

typedef struct torc_materialised { /* rows of a node, times 2^shift, as elements */
    uint32_t node;
    uint32_t shift;
    uint32_t first;
} torc_materialised;

typedef struct torc_lowering {
    torc_ctx *ctx;
    torc_compilation *c;
    const torc_graph *g;
    uint32_t *level; /* [node] lookups on the longest path up to and including it */
    uint32_t level_count;
    uint32_t *input;        /* [port] node */
    uint32_t *first_source; /* [node] first source of INPUT and LOOKUP nodes; of clear inputs the
                               first clear element */
    uint32_t source_count, fresh_count, clear_count;
    double *clear_max;      /* [clear element] largest magnitude */
    torc_affine *affine;    /* [node] */
    uint32_t *parent;       /* [node] union-find of components */
    uint32_t *encoding;     /* [root] encoding width W */
    uint32_t element_count; /* virtual */
    uint32_t instr_capacity, row_capacity, linear_capacity;
    uint32_t linear_count;
    torc_materialised *linear; /* already emitted */
} torc_lowering;

uint32_t torc_lower_encoding(torc_lowering *low, uint32_t node);

/* components.c: encoding widths of all components (E_WIDTH above 62). */
torc_status torc_lower_components(torc_lowering *low);

/* lower_linear.c: emits the rows of node, times 2^shift, as elements; *first is the first of them.
 */
torc_status torc_lower_materialise(torc_lowering *low, uint32_t node, uint32_t shift,
                                   uint32_t level, uint32_t *first);
torc_status torc_lower_push_instr(torc_lowering *low, const torc_instr *instr);

/* lower_rows.c: counts one more lookup or output with the noise of row r of node, times 2^shift;
 * gives the index of its noise row. */
torc_status torc_lower_noise_row(torc_lowering *low, uint32_t *index, torc_row_kind kind,
                                 uint32_t bits, double max_std, uint32_t node, size_t r,
                                 uint32_t shift);

/* slots.c: memory plan, virtual -> final element ids. */
torc_status torc_lower_plan_memory(torc_ctx *ctx, torc_program *program, uint32_t virtual_count);

#endif
