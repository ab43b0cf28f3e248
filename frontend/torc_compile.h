/* The compiler: trace a C function or import a model into an op-graph, compile it to a circuit,
 * simulate it or run it encrypted.
 *
 * A traced function receives values and builds the graph with ordinary calls. Building never
 * returns a status: the first mistake is kept, later calls do nothing, and torc_graph_status (or
 * torc_compile) reports it with the place. */
#ifndef TORC_COMPILE_H
#define TORC_COMPILE_H

#include "runtime/circuit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- building a graph
 * ----------------------------------------------------------------------------- */

typedef struct torc_graph torc_graph;
typedef struct torc_value {
    uint32_t id; /* node; values belong to one graph */
} torc_value;

TORC_MUST_CHECK torc_status torc_graph_create(torc_ctx *ctx, torc_graph **out);
void torc_graph_free(torc_graph *graph);
torc_status torc_graph_status(torc_ctx *ctx, const torc_graph *graph);

/* Inputs; dtype is TORC_I64 or TORC_F64, the integer range comes from the inputset. */
torc_value torc_input(torc_graph *g, const char *name, bool encrypted, torc_dtype dtype,
                      uint32_t rank, const size_t *shape);
torc_value torc_constant_i64(torc_graph *g, const int64_t *data, uint32_t rank,
                             const size_t *shape);
torc_value torc_constant_f64(torc_graph *g, const double *data, uint32_t rank, const size_t *shape);
torc_value torc_scalar_i64(torc_graph *g, int64_t value);
torc_value torc_scalar_f64(torc_graph *g, double value);
void torc_output(torc_graph *g, const char *name, torc_value value);

/* Arithmetic with NumPy broadcasting. multiply, dot and matmul need one clear operand when the
 * other is encrypted and the result is an integer. */
torc_value torc_add(torc_graph *g, torc_value a, torc_value b);
torc_value torc_sub(torc_graph *g, torc_value a, torc_value b);
torc_value torc_neg(torc_graph *g, torc_value a);
torc_value torc_mul(torc_graph *g, torc_value a, torc_value b);
torc_value torc_div(torc_graph *g, torc_value a, torc_value b); /* true division: a float */
torc_value torc_dot(torc_graph *g, torc_value a, torc_value b);
torc_value torc_matmul(torc_graph *g, torc_value a, torc_value b);
torc_value torc_sum(torc_graph *g, torc_value a, const int32_t *axes, uint32_t axis_count,
                    bool keep_dims);
/* x [batch][channels][height][width], weight [out][channels/groups][kh][kw], bias may be
 * {UINT32_MAX}. */
typedef struct torc_conv2d_args {
    uint32_t stride[2];
    uint32_t dilation[2];
    uint32_t pad[4]; /* top, left, bottom, right */
    uint32_t groups;
} torc_conv2d_args;
#define TORC_NO_VALUE ((torc_value){UINT32_MAX})
torc_value torc_conv2d(torc_graph *g, torc_value x, torc_value weight, torc_value bias,
                       const torc_conv2d_args *args);

/* Shape. */
torc_value torc_reshape(torc_graph *g, torc_value a, uint32_t rank, const size_t *shape);
torc_value torc_transpose(torc_graph *g, torc_value a, const uint32_t *axes); /* NULL: reverse */
/* Per axis: start, stop, step, or one index that drops the axis. INT64_MAX as stop means the end;
 * negative starts and stops count from the end. */
typedef struct torc_slice {
    int64_t start, stop, step;
    bool drop;
} torc_slice;
torc_value torc_index(torc_graph *g, torc_value a, const torc_slice *slices, uint32_t count);
torc_value torc_concat(torc_graph *g, const torc_value *parts, uint32_t count, int32_t axis);

/* Non-linear, integer: table of 2^bits entries, index 0 first, negative values count from the end.
 */
torc_value torc_table_lookup(torc_graph *g, torc_value a, const int64_t *table, size_t size);

/* Non-linear, float: fused with what surrounds them into tables. name: see runtime/unary.h. */
torc_value torc_function(torc_graph *g, torc_value a, const char *name);
torc_value torc_function2(torc_graph *g, torc_value a, const char *name, double alpha, double beta);
torc_value torc_univariate(torc_graph *g, torc_value a, double (*f)(double x, void *user),
                           void *user, const char *label);
torc_value torc_relu(torc_graph *g, torc_value a);
torc_value torc_clip(torc_graph *g, torc_value a, double low, double high);
torc_value torc_floor(torc_graph *g, torc_value a);
torc_value torc_round(torc_graph *g, torc_value a);                  /* half to even, as NumPy */
torc_value torc_cast(torc_graph *g, torc_value a, torc_dtype dtype); /* to integer: truncates */
/* Comparisons with a constant; the result is 0 or 1. */
typedef enum torc_compare { TORC_LT, TORC_LE, TORC_GT, TORC_GE, TORC_EQ, TORC_NE } torc_compare;
torc_value torc_compare_with(torc_graph *g, torc_compare how, torc_value a, torc_value b);
/* condition ? a : b, all from one encrypted value and constants. */
torc_value torc_where(torc_graph *g, torc_value condition, torc_value a, torc_value b);

/* Names the nodes made until the matching pop: "layer1", nested as "layer1.norm". */
void torc_tag_push(torc_graph *g, const char *tag);
void torc_tag_pop(torc_graph *g);

/* Text of the graph in printing order (ids are those of torc_graph_tidy), each line ended by a
 * newline; with_bounds adds measured bounds. The caller frees *out. */
TORC_MUST_CHECK torc_status torc_graph_print(torc_ctx *ctx, char **out, const torc_graph *graph,
                                             bool with_bounds);

/* --- importing
 * ------------------------------------------------------------------------------------ */

/* output_name NULL: the last float output. The file is hostile until checked. */
TORC_MUST_CHECK torc_status torc_import_onnx(torc_ctx *ctx, torc_graph **out, const char *path,
                                             const char *output_name);

/* --- compiling
 * ------------------------------------------------------------------------------------ */

/* What a compilation measured of itself; times are not part of the circuit, so that compiling twice
 * gives identical files. */
#define TORC_MAX_STAGES 16
typedef struct torc_compile_report {
    uint32_t stage_count;
    const char *stage_name[TORC_MAX_STAGES];
    double stage_seconds[TORC_MAX_STAGES];
    bool has_agreement;  /* float models: against the float model on the inputset */
    double labels_equal; /* share of samples with the same largest output */
    double signal_to_noise_db;
} torc_compile_report;

typedef struct torc_options {
    const char *name;     /* circuit name; NULL: "main" */
    uint32_t lookup_bits; /* --bits, index width of lookups; 0: 5, or 8 under exact */
    uint32_t input_bits;  /* 0: 4 */
    uint32_t weight_bits; /* 0: 6, or 5 or 4 where that is cheaper and agrees (compile_weights.c) */
    uint32_t output_bits; /* 0: 6 */
    bool exact;           /* force the exact contract */
    bool is_virtual;      /* stop after the widths: clear only, any width */
    torc_profile profile; /* TORC_PRIVATE by default */
    torc_engine target;   /* whose kernels parameters and claims are for; the CPU by default */
    /* Of a GPU, measured: prices of the search. NULL: those counted for an H200. */
    const struct torc_gpu_schedule *schedule;
    uint64_t max_key_bytes;     /* of evaluation keys, prepared; 0: 200 MB where a lookup decomposes
                                   to one level, else 420 MB, or what fits */
    double log2_p_error;        /* whole circuit; 0: the profile's bound */
    double log2_p_error_lookup; /* each lookup instead; 0: not asked */
    const char *dump_after;     /* stage name; NULL: none */
    void (*dump)(void *user, const char *stage, const char *text);
    void *dump_user;
    torc_compile_report *report; /* filled when not NULL */
} torc_options;

/* inputset[input]: [samples][shape...] in the order of the graph's inputs. graph is borrowed. */
TORC_MUST_CHECK torc_status torc_compile(torc_ctx *ctx, torc_circuit **out, const torc_graph *graph,
                                         const torc_tensor *inputset, const torc_options *options);

uint32_t torc_maximum_integer_bit_width(const torc_circuit *circuit);

/* --- trying a circuit on this machine (library torc_local)
 * ----------------------------------------- */

/* inputs[input]: [samples][shape...], or one sample without the batch axis; outputs likewise. */
TORC_MUST_CHECK torc_status torc_simulate(torc_ctx *ctx, torc_tensor *outputs,
                                          const torc_circuit *circuit, const torc_tensor *inputs);
/* Makes keys (kept for later calls on the same parameters within ctx's process only by the caller's
 * session object), encrypts, runs, decrypts. */
typedef struct torc_session torc_session;
TORC_MUST_CHECK torc_status torc_session_create(torc_ctx *ctx, torc_session **out,
                                                const torc_circuit *circuit);
void torc_session_free(torc_session *session);
TORC_MUST_CHECK torc_status torc_encrypt_run_decrypt(torc_ctx *ctx, torc_tensor *outputs,
                                                     torc_session *session,
                                                     const torc_tensor *inputs);

#ifdef __cplusplus
}
#endif
#endif
