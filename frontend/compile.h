/* State of one compilation and the stages that work on it. compile.c holds the flat table. */
#ifndef TORC_COMPILATION_H
#define TORC_COMPILATION_H

#include "frontend/graph.h"
#include "runtime/noise.h"

/* How the user's floats meet the integers of an input or output: x = offset + scale * m. */
typedef struct torc_real {
    uint32_t count; /* 0: the port is an integer; 1; or one an element */
    double *scale;
    double *offset;
} torc_real;

typedef struct torc_compilation {
    torc_options options;        /* with defaults filled in */
    torc_graph *graph;           /* current; replaced by each stage */
    uint32_t input_count, output_count;
    const torc_tensor *inputset; /* the user's, one tensor an input */
    torc_tensor *integers;       /* the same quantised to what the graph's inputs now take; NULL before */
    torc_real *input_real;       /* [input_count] */
    torc_real *output_real;      /* [output_count] */
    double *output_range;        /* [output_count] calibrated max - min of a float output, real units */
    size_t samples;
    torc_contract contract;
    uint32_t maximum_integer_bit_width;
    /* filled by lower and optimise */
    torc_program program;
    uint32_t row_count;
    torc_noise_row *rows;
    uint32_t **instr_row;
    uint32_t **output_row;
    torc_port *inputs;
    torc_port *outputs;
    torc_params params;
    double log2_p_error_lookup, log2_p_error_circuit;
    /* agreement with the float model on the inputset (float models only) */
    bool has_agreement;
    double labels_equal;     /* share of samples with the same argmax */
    double signal_to_noise_db;
    double *stage_seconds;
} torc_compilation;

/* Stages. Each leaves c->graph valid for the next; mistakes name nodes by their `where`. */
torc_status torc_stage_quantize(torc_ctx *ctx, torc_compilation *c); /* float models -> integer graph */
torc_status torc_stage_measure(torc_ctx *ctx, torc_compilation *c);  /* min, max of every node */
torc_status torc_stage_fuse(torc_ctx *ctx, torc_compilation *c);     /* FUSE ops -> LOOKUP nodes */
torc_status torc_stage_width(torc_ctx *ctx, torc_compilation *c);    /* type.bits, type.is_signed */
torc_status torc_stage_check(torc_ctx *ctx, torc_compilation *c);    /* all problems, highlighted */
torc_status torc_stage_lower(torc_ctx *ctx, torc_compilation *c);    /* program, ports, noise rows */
torc_status torc_stage_optimize(torc_ctx *ctx, torc_compilation *c); /* params, failure */

#endif
