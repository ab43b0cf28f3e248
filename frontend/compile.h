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
    torc_options options; /* with defaults filled in */
    torc_graph *graph;    /* current; replaced by each stage */
    uint32_t input_count, output_count;
    const torc_tensor *inputset; /* the user's, one tensor an input */
    torc_tensor *integers; /* the same quantised to what the graph's inputs now take; NULL before */
    torc_real *input_real; /* [input_count] */
    torc_real *output_real; /* [output_count] */
    double *output_range;   /* [output_count] calibrated max - min of a float output, real units */
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
    double labels_equal; /* share of samples with the same argmax */
    double signal_to_noise_db;
} torc_compilation;

/* Default widths, and the bound on the odds of an error that the options ask for. */
#define TORC_DEFAULT_LOOKUP_BITS 5
#define TORC_DEFAULT_INPUT_BITS  4
#define TORC_DEFAULT_WEIGHT_BITS 6
#define TORC_DEFAULT_OUTPUT_BITS 6
#define TORC_MAX_LOOKUP_BITS     8

typedef struct torc_goal {
    torc_profile profile;  /* custom when weaker than what private or shared promise */
    double log2_p_circuit; /* all lookups and outputs of one sample together; 0: no bound */
    double log2_p_lookup;  /* each of them; 0: no bound */
} torc_goal;
torc_goal torc_goal_of(const torc_options *options);

/* One compilation with fixed widths. */
typedef struct torc_attempt {
    torc_circuit *circuit;
    double price; /* of a lookup, by which the search compares */
    torc_contract contract;
    bool has_agreement;
    double labels_equal;
    double signal_to_noise_db;
} torc_attempt;
torc_status torc_compile_attempt(torc_ctx *ctx, torc_attempt *out, const torc_graph *graph,
                                 const torc_tensor *inputset, const torc_options *options);
double torc_compilation_price(const torc_compilation *c); /* stage_optimize.c */

/* Stages. Each leaves c->graph valid for the next; mistakes name nodes by their `where`. */
torc_status torc_stage_quantize(torc_ctx *ctx,
                                torc_compilation *c); /* float models -> integer graph */
torc_status torc_stage_measure(torc_ctx *ctx, torc_compilation *c); /* min, max of every node */
torc_status torc_stage_fuse(torc_ctx *ctx, torc_compilation *c);    /* FUSE ops -> LOOKUP nodes */
torc_status torc_stage_width(torc_ctx *ctx, torc_compilation *c);   /* type.bits, type.is_signed */
torc_status torc_stage_check(torc_ctx *ctx, torc_compilation *c);   /* all problems, highlighted */
torc_status torc_stage_lower(torc_ctx *ctx, torc_compilation *c);   /* program, ports, noise rows */
torc_status torc_stage_optimize(torc_ctx *ctx, torc_compilation *c); /* params, failure */

/* What must hold after each stage (stage_verify.c): E_INTERNAL when it does not. */
torc_status torc_verify_graph(torc_ctx *ctx, const torc_compilation *c);
torc_status torc_verify_measured(torc_ctx *ctx, const torc_compilation *c);
torc_status torc_verify_fused(torc_ctx *ctx, const torc_compilation *c);
torc_status torc_verify_widths(torc_ctx *ctx, const torc_compilation *c);
torc_status torc_verify_program(torc_ctx *ctx, const torc_compilation *c);
torc_status torc_verify_parameters(torc_ctx *ctx, const torc_compilation *c);

/* ports.c: what the client is told of input i (node id) and output o, encoded in `encoding` bits.
 */
torc_status torc_input_port(torc_ctx *ctx, torc_compilation *c, uint32_t i, uint32_t node,
                            uint32_t encoding);
torc_status torc_output_port(torc_ctx *ctx, torc_compilation *c, uint32_t o, uint32_t encoding);

/* finish.c: moves everything into a circuit. */
torc_status torc_compilation_finish(torc_ctx *ctx, torc_circuit **out, torc_compilation *c);

#endif
