/* Post-training quantisation: what the files quantize_*.c share.
 *
 * A float graph is cut into layers. A *layer* is an affine node: z_o = sum_i a_oi y_i + b_o over
 * *source* elements y. A source is an encrypted input, or the result of an element-wise function of
 * one layer, which becomes a lookup. In integers:
 *
 *   y_e = offset_e + scale_e q_e                 q_e: input_bits or entry bits wide
 *   v_o = sum_i w_oi q_i + c_o   in [0, 2^w)     w_oi = round(a_oi scale_i / s_o), |w_oi| <
 * 2^(bits-1) z_o ~ shift_o + s_o v_o
 *
 * s_o is chosen per output channel so that every channel's calibrated range, widened, fills the
 * same window of 2^w units; bias, offsets and centring are in c_o, scale and function in the table,
 * which has one entry for each of the 2^P bins of the window. Outputs of the graph share one s. */
#ifndef TORC_QUANTIZE_H
#define TORC_QUANTIZE_H

#include "frontend/compile.h"
#include "frontend/quantize_rows.h"

#define TORC_QUANT_WIDEN 0.1 /* of the calibrated range, on each side */
#define TORC_QUANT_NONE  UINT32_MAX

typedef struct torc_quant_source {
    uint32_t node;  /* of the float graph */
    uint32_t input; /* its number among the graph's inputs; NONE: the result of a lookup */
    uint32_t layer; /* what the lookup reads */
    uint32_t first; /* number of its first element */
    uint32_t count;
    bool is_output;
} torc_quant_source;

typedef struct torc_quant_layer {
    uint32_t node;
    bool feeds_lookup;
    bool is_output;
    uint32_t component; /* layers that share a source share an encoding, hence a window */
    torc_real_rows rows;
    double *real; /* [row][samples] float values on the inputset */
} torc_quant_layer;

/* What does not depend on any choice of integers. */
typedef struct torc_quant_plan {
    const torc_graph *g;
    const torc_options *options;
    size_t samples;
    uint32_t source_count;
    torc_quant_source *sources; /* in node order */
    uint32_t element_count;     /* of all sources */
    double *real;               /* [element][samples] float values on the inputset */
    double *importance;         /* [element] sum of squares of the weights that read it */
    uint32_t layer_count;
    torc_quant_layer *layers; /* in node order */
} torc_quant_plan;

/* Integers of one layer. */
typedef struct torc_quant_fit {
    uint32_t window_bits; /* w; of an output: the width of its integers */
    uint32_t stride;      /* only rows 0, stride, 2 stride ... are filled: enough for a choice */
    int32_t *weight;      /* like rows.term */
    double *target;       /* scratch of the fit */
    int64_t *constant;    /* [row] */
    double *scale;        /* [row] s_o */
    double *shift;        /* [row] */
    double *value;        /* [row][samples] v_o on the inputset */
} torc_quant_fit;

/* Tables of one lookup source, one for each element. */
typedef struct torc_quant_table {
    uint32_t index_bits; /* P */
    double *real;        /* [count][2^P] */
    int64_t *entry;      /* [count][2^P], once its bits are fixed */
    uint64_t filled_count;
} torc_quant_table;

/* Second moments of the source elements that a layer reads, for rounding its weights together: the
 * error of a row of weights e is e G e. */
typedef struct torc_quant_gram {
    uint32_t count;
    uint32_t *place; /* [element] its row of g; NONE: not read */
    double *g; /* [count][count]; NULL: the layer is too wide, weights are rounded one by one */
} torc_quant_gram;

/* One complete choice. */
typedef struct torc_quant_try {
    const torc_quant_plan *plan;
    bool common_grid;         /* one step for a whole input instead of one for each element */
    uint32_t *source_bits;    /* [source]; 0: not fixed yet */
    double *scale;            /* [element] */
    double *offset;           /* [element] */
    double *q;                /* [element][samples] */
    torc_quant_fit *fits;     /* [layer] that lookups read */
    torc_quant_fit *outputs;  /* [layer] as an output of the graph */
    torc_quant_table *tables; /* [source] */
    torc_quant_gram gram;     /* of the layer at hand */
    double signal_to_noise_db;
} torc_quant_try;

/* quantize_plan.c */
TORC_MUST_CHECK torc_status torc_quant_plan_create(torc_ctx *ctx, torc_quant_plan *out,
                                                   const torc_compilation *c);
void torc_quant_plan_free(torc_quant_plan *plan);
uint32_t torc_quant_layer_of(const torc_quant_plan *plan,
                             uint32_t node); /* NONE when it is not one */
uint32_t torc_quant_source_of(const torc_quant_plan *plan, uint32_t node);
uint32_t torc_quant_owner(const torc_quant_plan *plan, uint32_t element); /* source of an element */

/* quantize_layer.c: integers for a layer whose sources are fixed. *fits is false when it has no
 * window of that width (exact contract); *needed_bits then is the width of the least possible
 * accumulator. */
TORC_MUST_CHECK torc_status torc_quant_fit_layer(torc_ctx *ctx, torc_quant_fit *out, bool *fits,
                                                 uint32_t *needed_bits, const torc_quant_try *t,
                                                 uint32_t layer, uint32_t window_bits,
                                                 uint32_t stride);
TORC_MUST_CHECK torc_status torc_quant_fit_output(torc_ctx *ctx, torc_quant_fit *out,
                                                  const torc_quant_try *t, uint32_t layer,
                                                  uint32_t weight_bits, uint32_t max_bits);
/* Window widths at which the layer's channels reach the largest weight, lowest and highest. */
void torc_quant_window_range(const torc_quant_try *t, uint32_t layer, uint32_t *low,
                             uint32_t *high);
void torc_quant_fit_free(torc_quant_fit *fit);

/* quantize_round.c */
TORC_MUST_CHECK torc_status torc_quant_gram_create(torc_ctx *ctx, torc_quant_gram *out,
                                                   const torc_quant_try *t, uint32_t layer);
void torc_quant_gram_free(torc_quant_gram *gram);
/* weight[i] ~ target[i], at most `largest` in magnitude. scratch[2 * count]. */
void torc_quant_round(int32_t *weight, const double *target, const torc_real_term *term,
                      size_t count, const torc_quant_gram *gram, double largest, double *scratch);

/* quantize_table.c */
TORC_MUST_CHECK torc_status torc_quant_table_create(torc_ctx *ctx, torc_quant_table *out,
                                                    const torc_quant_plan *plan, uint32_t source,
                                                    const torc_quant_fit *fit, uint32_t index_bits);
void torc_quant_table_free(torc_quant_table *table);
/* Mean squared error of a table's values on the inputset, weighted by importance. */
double torc_quant_table_error(const torc_quant_plan *plan, uint32_t source,
                              const torc_quant_table *table, const torc_quant_fit *fit);
/* Chooses scales, rounds entries to `bits` and fills q of the source. */
TORC_MUST_CHECK torc_status torc_quant_fix_source(torc_ctx *ctx, torc_quant_try *t, uint32_t source,
                                                  uint32_t bits);

/* Widths of a lookup's entries; they cost nothing: three bits finer than the lookups that follow.
 */
uint32_t torc_quant_entry_bits(const torc_options *options);

/* quantize_try.c: all layers in order. max_bits bounds the width of every source; E_WIDTH when a
 * layer then has no exact window, with what it would need. */
TORC_MUST_CHECK torc_status torc_quant_try_create(torc_ctx *ctx, torc_quant_try *out,
                                                  const torc_quant_plan *plan, bool common_grid,
                                                  uint32_t max_bits);
void torc_quant_try_free(torc_quant_try *t);

/* quantize_emit.c: the integer graph. Fills input_real, output_real, output_range, integers,
 * contract. */
TORC_MUST_CHECK torc_status torc_quant_emit(torc_ctx *ctx, torc_graph **out, torc_compilation *c,
                                            const torc_quant_try *t);

#endif
