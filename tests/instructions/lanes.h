/* Instructions that compute each lane by itself. */
#ifndef TORC_TESTS_INSTRUCTIONS_LANES_H
#define TORC_TESTS_INSTRUCTIONS_LANES_H

#include <stdbool.h>
#include <stdint.h>

/* d: the destination before; a, b: the sources, zero extended; imm or a shift's count. */
typedef struct lane_arguments {
    uint64_t d, a, b, imm;
} lane_arguments;

typedef uint64_t lane_function(const lane_arguments *x);

typedef enum lane_kind {
    LANES_TWO,     /* d, a, b */
    LANES_ONE,     /* d, a, immediate */
    LANES_SHIFT,   /* d, a, immediate or the low word of a vector */
    LANES_CONVERT, /* from lanes of another size */
    LANES_SCALAR,  /* the lowest lane of 16 bytes; the other is that of a */
} lane_kind;

typedef struct lane_operation {
    const char *name;
    lane_kind kind;
    uint32_t bytes;      /* of a lane of the destination */
    uint32_t from_bytes; /* LANES_CONVERT */
    lane_function *function;
} lane_operation;

/* NULL: none of that name. */
const lane_operation *lane_operation_named(const char *name);

/* vf[n]m{add,sub}{132,213,231}{pd,sd}: d = +-(x y) +- z. */
bool lane_fused(const char *name, double *d, double a, double b);

#endif
