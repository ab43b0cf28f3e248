/* What the parts of the ONNX importer share: values, the state of one import, and helpers for the
 * operators.
 *
 * Every value of the file is one of three things:
 *   CONSTANT  known now, with all its axes;
 *   DATA      a node of the op-graph. Graphs describe one sample, so the first axis of the ONNX
 * value, the batch, is hidden: ONNX axis a is graph axis a - 1; TAIL      steps that the client
 * does on a node's value (softmax, labels ...), batch axis hidden. An operator whose inputs are all
 * constants is folded: it runs on a scratch graph of constants, so that every operator has one
 * meaning. */
#ifndef TORC_ONNX_IMPORT_H
#define TORC_ONNX_IMPORT_H

#include "frontend/graph.h"
#include "frontend/onnx/names.h"
#include "frontend/onnx/reader.h"
#include "runtime/text.h"

typedef enum torc_onnx_kind { TORC_ONNX_CONSTANT, TORC_ONNX_DATA, TORC_ONNX_TAIL } torc_onnx_kind;

typedef struct torc_onnx_value {
    bool is_ready; /* nodes that the result does not need are never computed */
    torc_onnx_kind kind;
    torc_tensor constant; /* CONSTANT */
    torc_value node;      /* DATA; TAIL: where the steps start */
    uint32_t rank;        /* DATA and TAIL, without the batch axis */
    size_t shape[TORC_MAX_RANK];
    bool is_integer;     /* TAIL: indices or labels */
    bool is_row;         /* TAIL: ONNX calls it [1][batch] until the next reshape */
    uint32_t post_count; /* TAIL */
    torc_post *posts;
    const Onnx__Node *first_step; /* TAIL: what made it one, for messages */
} torc_onnx_value;

typedef struct torc_onnx_import {
    torc_ctx *ctx;
    torc_onnx_file file;
    torc_graph *graph;
    torc_onnx_names names; /* -> index in values */
    uint32_t value_count;
    torc_onnx_value *values;
    int64_t batch; /* length of the batch axis in the file; 1 when it is symbolic */
    size_t folded_elements;
    /* the node at hand */
    const Onnx__Node *node;
    char where[2 * TORC_PRINTABLE_BYTES + 32];
    int64_t opset;       /* of the node's domain */
    torc_onnx_value out; /* its first output, set by the operator */
} torc_onnx_import;

typedef torc_status torc_onnx_op_fn(torc_onnx_import *m);

/* One operator. on_tail NULL: it cannot follow a client step. */
typedef struct torc_onnx_op {
    const char *domain; /* "" or "ai.onnx.ml" */
    const char *name;
    uint32_t min_inputs, max_inputs;
    torc_onnx_op_fn *import;
    torc_onnx_op_fn *on_tail;
} torc_onnx_op;

/* NULL when the operator is not supported. */
const torc_onnx_op *torc_onnx_op_find(const char *domain, const char *name);
/* The names of all operators of a domain, separated by commas. The caller frees *out. */
TORC_MUST_CHECK torc_status torc_onnx_op_names(torc_ctx *ctx, char **out, const char *domain);

/* --- inputs of the node at hand --------------------------------------------------------------- */

uint32_t torc_onnx_input_count(const torc_onnx_import *m);
/* NULL when it is absent; the first input of every operator but Constant is present. */
const torc_onnx_value *torc_onnx_in(const torc_onnx_import *m, uint32_t index);
/* Its node in m->graph; constants get one. integers stay integers only while constants fold. */
torc_value torc_onnx_node(torc_onnx_import *m, const torc_onnx_value *value);
/* The operand must be a constant: E_UNSUPPORTED names it ("shape", "weights") otherwise. */
TORC_MUST_CHECK torc_status torc_onnx_constant(torc_onnx_import *m, const torc_tensor **out,
                                               uint32_t index, const char *what);
/* The same for one number and for a list of integers (*list is borrowed). */
TORC_MUST_CHECK torc_status torc_onnx_number(torc_onnx_import *m, double *out, uint32_t index,
                                             const char *what);
TORC_MUST_CHECK torc_status torc_onnx_integers(torc_onnx_import *m, const int64_t **list,
                                               size_t *count, uint32_t index, const char *what);

uint32_t torc_onnx_rank(const torc_onnx_value *value); /* as ONNX counts it */
size_t torc_onnx_dim(const torc_onnx_import *m, const torc_onnx_value *value, uint32_t axis);
double torc_onnx_element(const torc_tensor *tensor, size_t index);
/* ONNX axis (negative from the end) -> axis of the graph. E_UNSUPPORTED when it is the batch. */
TORC_MUST_CHECK torc_status torc_onnx_axis(torc_onnx_import *m, uint32_t *out,
                                           const torc_onnx_value *value, int64_t axis);

/* --- attributes: the default when absent, E_FORMAT when of another type --------------------------
 */

TORC_MUST_CHECK torc_status torc_onnx_attr_int(torc_onnx_import *m, int64_t *out, const char *name,
                                               int64_t otherwise);
TORC_MUST_CHECK torc_status torc_onnx_attr_float(torc_onnx_import *m, double *out, const char *name,
                                                 double otherwise);
/* *count 0 when absent. */
TORC_MUST_CHECK torc_status torc_onnx_attr_ints(torc_onnx_import *m, const int64_t **out,
                                                size_t *count, const char *name);
TORC_MUST_CHECK torc_status torc_onnx_attr_floats(torc_onnx_import *m, const float **out,
                                                  size_t *count, const char *name);
/* Whether the string attribute (or its default) equals `text`. */
TORC_MUST_CHECK torc_status torc_onnx_attr_is(torc_onnx_import *m, bool *out, const char *name,
                                              const char *otherwise, const char *text);
const Onnx__Attribute *torc_onnx_attr(const torc_onnx_import *m, const char *name); /* or NULL */

/* --- results -----------------------------------------------------------------------------------
 */

void torc_onnx_set_node(torc_onnx_import *m, torc_value node);
void torc_onnx_set_constant(torc_onnx_import *m, torc_tensor *tensor); /* takes its data */
/* value with one more client step (borrowed); its new shape is the caller's. */
TORC_MUST_CHECK torc_status torc_onnx_set_step(torc_onnx_import *m, const torc_onnx_value *value,
                                               const torc_post *post);
/* The input itself, under the output's name. */
TORC_MUST_CHECK torc_status torc_onnx_set_same(torc_onnx_import *m, const torc_onnx_value *value);
/* The input with another shape, counted as the value counts (without batch axis unless constant).
 */
TORC_MUST_CHECK torc_status torc_onnx_set_shape(torc_onnx_import *m, const torc_onnx_value *value,
                                                uint32_t rank, const size_t *shape);

/* E_UNSUPPORTED "node 'NAME' (OP): ...". */
torc_status torc_onnx_refuse(torc_onnx_import *m, const char *format, ...) TORC_PRINTF(2, 3);
#ifdef __clang_analyzer__ /* see torc_fail */
/* NOLINTNEXTLINE(readability-identifier-naming) */
#define torc_onnx_refuse(m, ...) ((void)torc_onnx_refuse(m, __VA_ARGS__), TORC_E_UNSUPPORTED)
#endif
void torc_onnx_value_free(torc_onnx_value *value);

/* Whether the inputs of the Concat at hand are 1 - p and p. */
bool torc_onnx_is_complement(const torc_onnx_import *m);

/* Takes functions off the end of the graph: *id moves from the output to what they are applied to.
 * Changes of shape and scale go along only when a function lies before them. Returns the number of
 * steps, the last one first; their names stay the graph's. */
uint32_t torc_onnx_peel(const torc_graph *g, uint32_t *id, torc_post *steps, uint32_t capacity);

/* --- the operators, by file ---------------------------------------------------------------------
 */

torc_onnx_op_fn torc_onnx_add, torc_onnx_sub, torc_onnx_mul, torc_onnx_div, torc_onnx_mod;
torc_onnx_op_fn torc_onnx_gemm, torc_onnx_matmul, torc_onnx_batch_norm, torc_onnx_scaler,
    torc_onnx_reduce;
torc_onnx_op_fn torc_onnx_reshape, torc_onnx_flatten, torc_onnx_squeeze, torc_onnx_unsqueeze,
    torc_onnx_identity, torc_onnx_dropout, torc_onnx_cast, torc_onnx_transpose, torc_onnx_concat,
    torc_onnx_slice, torc_onnx_gather, torc_onnx_shape, torc_onnx_constant_op,
    torc_onnx_constant_of_shape;
torc_onnx_op_fn torc_onnx_unary, torc_onnx_clip, torc_onnx_prelu, torc_onnx_selu, torc_onnx_min_max,
    torc_onnx_pow;
torc_onnx_op_fn torc_onnx_softmax, torc_onnx_argmax, torc_onnx_zipmap, torc_onnx_feature_extractor,
    torc_onnx_unary_tail, torc_onnx_affine_tail, torc_onnx_concat_tail;

#endif
