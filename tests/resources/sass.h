/* Machine code of CUDA kernels, as `cuobjdump -sass` prints it: instructions, loops, and what one
 * turn of the step loop executes. It knows no kernel.
 *
 *   loop        the code from the target of a backward branch to the branch
 *   step loop   the innermost loop that holds a block barrier; of several, the one with most code
 *   phase       what lies between two block barriers of the step loop; the last runs over the
 *               branch into the next turn
 *   choice      code that a branch and a jump make two ways of: the one with more FP64 is counted
 *   trips       how often the loops inside the step loop run each time they are met, in the order
 * of their addresses; the machine code does not say, the caller does */
#ifndef TORC_TESTS_RESOURCES_SASS_H
#define TORC_TESTS_RESOURCES_SASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SASS_LOOPS_MAX  64
#define SASS_PHASES_MAX 8
#define SASS_NAME_SIZE  256

typedef enum sass_kind {
    SASS_OTHER,
    SASS_FP64,       /* on the FP64 pipe, one slot each: DADD, DFMA, DMUL, DSETP */
    SASS_CONVERSION, /* between FP64 and others: a quarter of the rate */
    SASS_LOCAL,      /* LDL, STL: spilled registers and arrays */
    SASS_SHARED,     /* LDS, STS */
    SASS_GLOBAL,     /* LDG, STG, asynchronous copies */
    SASS_TENSOR,     /* IMMA, HMMA, DMMA */
    SASS_BARRIER,    /* of the whole block */
    SASS_BRANCH,
    SASS_JUMP, /* an unconditional branch */
} sass_kind;

typedef struct sass_instruction {
    uint32_t address;
    sass_kind kind;
    uint32_t target; /* of a branch; UINT32_MAX when it is none */
} sass_instruction;

typedef struct sass_kernel {
    char name[SASS_NAME_SIZE]; /* as in the source, see sass_plain_name */
    sass_instruction *code;
    size_t count;
} sass_kernel;

typedef struct sass_loop { /* indices into code, both included */
    size_t first, last;
} sass_loop;

/* What one thread executes in a turn of the step loop: code behind a condition counts as if it
 * always ran, of the two ways of a choice one does. */
typedef struct sass_step {
    sass_loop loop;
    sass_loop inner[SASS_LOOPS_MAX]; /* those that need trips */
    size_t loop_count;
    size_t phase_count; /* block barriers */
    double fp64[SASS_PHASES_MAX], conversions[SASS_PHASES_MAX];
    double fp64_sum, shared, global, tensor;
    size_t local; /* instructions in the code of the loop, whatever the trips */
} sass_step;

/* All kernels of a listing; *out is freed by sass_free. False when memory ran out. */
bool sass_read(sass_kernel **out, size_t *count, FILE *listing);
void sass_free(sass_kernel *kernels, size_t count);

/* False when the kernel has no step loop. Missing trips count as one. Ways that are not counted are
 * taken out of the kernel. */
bool sass_step_of(sass_step *out, sass_kernel *kernel, const double *trips, size_t trip_count);

/* Instructions of one kind in a loop, each once. */
size_t sass_count(const sass_kernel *kernel, const sass_loop *loop, sass_kind kind);

/* "rotate<plan<1,11>,2>" for _Z6rotateI4planILi1ELi11EELi2EEvPd: names, integers and types that
 * templates of sizes need; any other symbol stays as it is. */
void sass_plain_name(char out[SASS_NAME_SIZE], const char *symbol);

#endif
