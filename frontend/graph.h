/* The op-graph: typed nodes in an array, named by id, operands before users.
 * Traced programs, imported models and every pass use this one representation.
 */
#ifndef TORC_GRAPH_H
#define TORC_GRAPH_H

#include "frontend/torc_compile.h"
#include "runtime/unary.h"

typedef enum torc_op {
#define X(op, name, class) TORC_OP_##op,
#include "frontend/op.def"
#undef X
} torc_op;

typedef enum torc_op_class {
    TORC_CLASS_SOURCE,
    TORC_CLASS_LINEAR,
    TORC_CLASS_MOVE,
    TORC_CLASS_FUSE,
    TORC_CLASS_LOOKUP,
} torc_op_class;

typedef struct torc_type {
    bool encrypted;
    torc_dtype dtype;
    uint32_t rank;
    size_t shape[TORC_MAX_RANK];
    bool is_signed; /* integers, once measured */
    uint32_t bits;  /* own width; 0 until measured */
} torc_type;

/* Tables of a LOOKUP node. Index u = floor((m - window_min) / 2^(window_bits -
 * index_bits)), for m in [window_min, window_min + 2^window_bits). exact:
 * window_bits == index_bits. */
typedef struct torc_lookup_attr {
    uint32_t index_bits;  /* P */
    uint32_t window_bits; /* w, >= P */
    int64_t window_min;   /* 0, or -2^(w-1) for a signed input */
    uint32_t table_count;
    int64_t *entry;        /* [table_count][2^P] */
    uint32_t *table_of;    /* NULL: table 0 for all; else [element] */
    uint64_t filled_count; /* entries repeated from a neighbour: the function is
                              undefined there */
} torc_lookup_attr;

typedef struct torc_node {
    torc_op op;
    uint32_t input_count;
    uint32_t *inputs; /* node ids, all smaller than the node's own */
    torc_type type;
    char *name;  /* INPUT: its name; UNARY, CALLBACK: the function; else NULL */
    char *tag;   /* "" or "layer.part" */
    char *where; /* origin for messages: "node 'fc1' (Gemm)", "call 7: matmul";
                    may be "" */
    /* attributes, by op */
    torc_tensor constant; /* CONSTANT */
    torc_tensor table;    /* TABLE */
    double alpha, beta;   /* UNARY */
    double (*callback)(double x, void *user);
    void *callback_user;
    torc_compare compare;
    uint32_t ordinal;    /* INPUT: place among the inputs, from 1; 0 in attributes:
                            the next one */
    uint32_t axis_count; /* SUM, TRANSPOSE: axes; INDEX: slices */
    int32_t axes[TORC_MAX_RANK];
    bool keep_dims;
    int32_t axis; /* CONCAT */
    torc_slice slices[TORC_MAX_RANK];
    torc_conv2d_args conv;
    struct torc_graph *body; /* SUBGRAPH: a graph with one input and one output */
    torc_lookup_attr lookup;
    /* facts */
    bool measured;
    double min, max; /* bounds over the inputset */
    bool declared;   /* the quantiser fixes the integer range of this node: */
    int64_t declared_min, declared_max;
} torc_node;

typedef struct torc_graph_output {
    char *name;
    uint32_t node;
} torc_graph_output;

struct torc_graph {
    torc_status status; /* first mistake while building */
    char *message;
    uint32_t node_count, node_capacity;
    torc_node *nodes;
    uint32_t output_count;
    torc_graph_output *outputs;
    char *tag; /* current tag */
    /* Steps that the client does on output 0 after scaling (importers fill them).
     */
    uint32_t post_count;
    torc_post *posts;
    uint32_t call_count; /* nodes added without a `where` of their own: "call 7:
                            matmul" */
};

const char *torc_op_name(torc_op op);
torc_op_class torc_op_class_of(torc_op op);

/* Appends a node (operands borrowed), infers its type; on a mistake records it
 * and returns TORC_NO_VALUE. For passes and importers. attributes (deep copied,
 * may be NULL) is a node with the attributes of its op, INPUT: type, CAST:
 * type.dtype, and whatever else shall be kept: name, tag, where, facts; an old
 * node will do. Its op and inputs are ignored, its type otherwise inferred
 * again (bits and is_signed stay). tag NULL: the graph's; where NULL: "call N:
 * op". */
torc_value torc_graph_add(torc_graph *g, torc_op op, const torc_value *inputs, uint32_t input_count,
                          const torc_node *attributes);
/* Keeps the first mistake: "where: message". */
torc_value torc_graph_mistake(torc_graph *g, torc_status status, const char *format, ...)
    TORC_PRINTF(3, 4);
void torc_graph_post(torc_graph *g, const torc_post *post);        /* deep copy, appended */
torc_node *torc_graph_node(const torc_graph *g, torc_value value); /* NULL for TORC_NO_VALUE */
/* Ids of the inputs in the order of the user (not of the ids); returns how many
 * there are. */
uint32_t torc_graph_input_nodes(const torc_graph *g, uint32_t *ids, uint32_t capacity);
/* "node 'fc1' (Gemm)", or "%7 (add)" when the node has no `where`. Returns out.
 */
#define TORC_PLACE_BYTES 200
const char *torc_graph_place(char out[TORC_PLACE_BYTES], const torc_graph *g, uint32_t node);
TORC_MUST_CHECK torc_status torc_graph_copy(torc_ctx *ctx, torc_graph **out, const torc_graph *g);
/* Only the nodes that outputs need (inputs always stay), renumbered in printing
 * order: topological, first in first out, sources breadth-first from the
 * outputs, operands left to right. */
TORC_MUST_CHECK torc_status torc_graph_tidy(torc_ctx *ctx, torc_graph **out, const torc_graph *g);

/* Clear evaluation, the definition of the language: values[node] for one sample
 * of every input (in input order, without batch axis). Integers that leave
 * int64 are E_WIDTH. The caller frees each value with torc_tensor_free and the
 * array with free. For many samples: frontend/eval.h. */
TORC_MUST_CHECK torc_status torc_graph_eval(torc_ctx *ctx, torc_tensor **values,
                                            const torc_graph *g, const torc_tensor *inputs);
/* Evaluates every sample of the inputset and sets measured, min and max of
 * every node. E_INPUT for an empty inputset, wrong shapes, NaN in it or
 * reaching a result; names sample, input and node. */
TORC_MUST_CHECK torc_status torc_graph_measure(torc_ctx *ctx, torc_graph *g,
                                               const torc_tensor *inputset);
/* A measured graph with lookups for everything that ciphertext arithmetic cannot do; E_UNSUPPORTED
 * with all problems highlighted. Existing LOOKUP nodes stay as they are. */
TORC_MUST_CHECK torc_status torc_graph_fuse(torc_ctx *ctx, torc_graph **out, const torc_graph *g);
/* The integers that a node may take: its declared range, else the measured one.
 * False: not known.
 */
bool torc_node_range(const torc_node *node, double *min, double *max);

/* Highlighted graph for error messages: under line i, '^' and notes. The caller
 * frees *out. */
typedef struct torc_note {
    uint32_t node;
    char text[160];
} torc_note;
TORC_MUST_CHECK torc_status torc_graph_highlight(torc_ctx *ctx, char **out, const torc_graph *g,
                                                 const torc_note *notes, uint32_t count);

/* Elements start, start + step, ... (count of them) of an axis of n, by the
 * rules of NumPy; false when a dropped index is out of range. */
bool torc_slice_resolve(const torc_slice *slice, size_t n, int64_t *start, int64_t *step,
                        size_t *count);

/* Own width of an integer range: smallest w with [min, max] in [0, 2^w) or
 * [-2^(w-1), 2^(w-1)). */
uint32_t torc_range_bits(double min, double max, bool *is_signed);

#endif
