/* What bench/instructions.sh counts: kernels of one instruction set at fixed shapes. */
#ifndef TORC_TESTS_INSTRUCTIONS_ROWS_H
#define TORC_TESTS_INSTRUCTIONS_ROWS_H

#include "kernels/kernels.h"

#include <stdbool.h>

typedef struct count_path { /* one instruction set */
    const torc_cpu_kernels *kernels;
    void (*forward)(const void *plan, double *re, double *im);
    void (*inverse)(const void *plan, double *re, double *im);
    const void *(*plan)(uint32_t poly_size);
} count_path;

/* NULL: no such path. */
const count_path *count_path_named(const char *name);

typedef struct count_row {
    const char *name, *unit;
    double units; /* in one item: a transform, a step of one ciphertext, a batch, a layer */
    torc_shape shape;
    bool is_difference; /* two items less one: what comes before and after a loop does not count */
    double items;       /* in the difference */
    void (*run)(const count_path *path, const struct count_row *row, uint32_t items);
} count_row;

enum { COUNT_ROWS = 10 };
extern const count_row count_rows[COUNT_ROWS];

/* Calls begin, the kernel, end; the kernel once more before that when is_difference, for tables
 * that are made at the first call. */
extern void (*count_begin)(void);
extern void (*count_end)(void);

/* call(argument), in another file, so that no compiler merges it into its caller: valgrind collects
 * between its entry and its exit. */
void count_measured(void (*call)(void *), void *argument);

#endif
