/* The committed resources of the kernels (kernels/cuda/resources.txt), what the compiler gave them,
 * and the bound on an H200 that follows. It knows no kernel.
 *
 * A row of the table, columns between blanks; "-" where there is nothing to say:
 *
 *   kernel       name with the arguments of its template
 *   threads      of a block            dynamic     bytes of dynamic shared memory of a block
 *   registers    of a thread           spill       bytes stored and loaded by spills, whole kernel
 *   blocks       that a multiprocessor of sm_90 holds at once
 *   local        loads and stores of local memory in the step loop
 *   trips        of the loops inside the step loop, a,b,c  (sass.h)
 *   bits         ciphertexts of a block times key bits of a step
 *   fp64, conversions      instructions of a thread in a step, by phases a+b
 *   wavefronts   of shared memory, of a block in a step, by phases (counted by kernels/emu)
 *   sectors      of 32 bytes that a block reads from the second-level cache in a step, by phases
 *   clocks       bound of a step of all blocks of a multiprocessor, see table_bound */
#ifndef TORC_TESTS_RESOURCES_TABLE_H
#define TORC_TESTS_RESOURCES_TABLE_H

#include "tests/resources/sass.h"

#define TABLE_TRIPS_MAX 16

typedef struct table_phases {
    size_t count; /* 0: not stated */
    double of[SASS_PHASES_MAX];
} table_phases;

typedef struct table_row {
    char kernel[SASS_NAME_SIZE];
    uint32_t threads, registers, spill, blocks;
    size_t dynamic, local;
    double trips[TABLE_TRIPS_MAX];
    size_t trip_count;
    double bits;
    table_phases fp64, conversions, wavefronts, sectors;
    double clocks; /* 0: no step loop */
    bool met;      /* the kernel was found in the machine code */
} table_row;

/* What ptxas said of one kernel. */
typedef struct table_ptxas {
    char kernel[SASS_NAME_SIZE];
    uint32_t registers, spill;
    size_t shared; /* static */
} table_ptxas;

/* Lines that begin with # are comments. False with a message on stderr. */
bool table_read(table_row **out, size_t *count, const char *path);
table_row *table_find(table_row *rows, size_t count, const char *kernel);

/* Kernels of one log of nvcc -Xptxas -v. */
bool table_read_ptxas(table_ptxas **out, size_t *count, const char *path);

/* What the emulator knows of one kernel: its launch, and the counts of a step where it has one. */
typedef struct table_counts {
    char kernel[SASS_NAME_SIZE];
    uint32_t threads;
    size_t dynamic;
    table_phases wavefronts, sectors;
} table_counts;

/* Lines of tests/resources/counts.c, a launch before its step; false with a message on stderr. */
bool table_read_counts(table_counts **out, size_t *count, const char *path);
const table_counts *table_find_counts(const table_counts *counts, size_t count, const char *kernel);

/* Blocks of a multiprocessor of sm_90: 64 Ki registers, given to warps by 256 and to the four
 * quarters of the multiprocessor alike; 228 KiB of shared memory, 1 KiB of it kept for each block;
 * 64 warps; 32 blocks. */
uint32_t table_blocks(uint32_t registers, uint32_t threads, size_t shared);

/* Clocks of a step of `blocks` blocks of one multiprocessor:
 *
 *   FP64          64 lanes a clock          conversions   16 lanes a clock
 *   shared memory  1 wavefront a clock      second-level cache   24 bytes a clock (all
 *                                           multiprocessors reading at once)
 *
 * One block: the sum over phases of the largest of the four; several: phases overlap, the largest
 * of the sums. */
double table_bound(const table_row *row);

void table_print_row(FILE *out, const table_row *row);

#endif
