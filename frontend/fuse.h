/* Inside the fuse stage: groups of nodes that become one table. */
#ifndef TORC_FUSE_H
#define TORC_FUSE_H

#include "frontend/eval.h"
#include "frontend/graph.h"
#include "runtime/memstream.h"

typedef enum torc_group_kind {
    TORC_GROUP_FOUND,
    TORC_GROUP_FLOAT_INPUT,     /* a float that no integer stands before; checking reports it */
    TORC_GROUP_BLOCKED,         /* `blocker` cannot be part of a table */
    TORC_GROUP_MULTIPLE_INPUTS, /* more than one variable integer comes in */
} torc_group_kind;

/* The nodes between one integer value and one integer result. */
typedef struct torc_group {
    torc_group_kind kind;
    uint32_t source;
    uint32_t terminal;
    uint32_t blocker;
    bool *is_member; /* [node_count] */
    bool *is_start;  /* [node_count] integers that come in; of a group that was found: the source */
    uint32_t start_count;
} torc_group;

typedef struct torc_group_finder {
    const torc_graph *g;
    const torc_evaluator *e; /* which nodes are fixed */
    uint32_t *user_count;    /* [node_count], outputs count as users */
} torc_group_finder;

/* Encrypted nodes that arithmetic on ciphertexts cannot give: floats, functions, products of two
 * encrypted values. */
bool torc_needs_table(const torc_graph *g, uint32_t node);

/* The group that ends in the integer node `terminal`. Lookups that would feed nothing but this one
 * are taken in when that saves work; with `aligned`, only through nodes that work element by
 * element on operands of their own shape. The caller frees it. */
TORC_MUST_CHECK torc_status torc_group_find(torc_ctx *ctx, torc_group *out,
                                            const torc_group_finder *finder, uint32_t terminal,
                                            bool aligned);
void torc_group_free(torc_group *group);

/* Repeats the moves and broadcasts of the body on the integer itself, so that the lookup after them
 * works element by element. All ways from the input to a node give the same elements. */
torc_value torc_fuse_replay(torc_graph *out, const torc_graph *body, uint32_t id, torc_value source,
                            const torc_node *facts);

/* What cannot be fused, all of it. */
typedef struct torc_problems {
    const torc_graph *g;
    torc_memstream stream;
    uint32_t count;
} torc_problems;

/* Records what is wrong with a group; a product of two values and float inputs are for `check`. */
TORC_MUST_CHECK torc_status torc_explain_group(torc_ctx *ctx, torc_problems *p,
                                               const torc_group *group);
/* `node` has an element that depends on several elements of the group's source. */
TORC_MUST_CHECK torc_status torc_explain_mixing(torc_ctx *ctx, torc_problems *p,
                                                const torc_group *group, uint32_t node);

#endif
