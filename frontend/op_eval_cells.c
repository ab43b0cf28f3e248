/* Clear values of the cellwise ops, on rows of cells: the same loops evaluate a tensor and, for
 * fusing, one function over every value of its argument. */
#include "frontend/op.h"
#include "runtime/status.h"

#include <inttypes.h>
#include <math.h>

#define EXACT_DOUBLE 9007199254740992.0 /* 2^53: every integer up to here is a double */

torc_dtype torc_op_reads(const torc_graph *g, const torc_node *node, uint32_t operand)
{
    const torc_dtype own = g->nodes[node->inputs[operand]].type.dtype;
    switch (node->op) {
    case TORC_OP_UNARY:
    case TORC_OP_CALLBACK: return TORC_F64;
    case TORC_OP_CAST:
    case TORC_OP_TABLE: return own;
    case TORC_OP_WHERE: return operand == 0 ? own : node->type.dtype;
    case TORC_OP_COMPARE: {
        const torc_dtype other = g->nodes[node->inputs[1 - operand]].type.dtype;
        return own == TORC_F64 || other == TORC_F64 ? TORC_F64 : TORC_I64;
    }
    default: return node->type.dtype;
    }
}

/* Where undefined results go: marked, or the reason to fail. */
#define UNDEFINED(i, ...)                       \
    do {                                        \
        if (!undefined) {                       \
            return torc_fail(ctx, __VA_ARGS__); \
        }                                       \
        undefined[i] = true;                    \
    } while (0)

#define CHECKED_LOOP(overflows, sign)                                                             \
    for (size_t i = 0; i < count; i++) {                                                          \
        if (overflows(a[i], b[i], &out[i])) {                                                     \
            UNDEFINED(i, TORC_E_WIDTH, "%" PRId64 " " sign " %" PRId64 " leaves 64-bit integers", \
                      a[i], b[i]);                                                                \
        }                                                                                         \
    }

static torc_status integer_arithmetic(torc_ctx *ctx, torc_op op, int64_t *out, const int64_t *a,
                                      const int64_t *b, size_t count, bool *undefined)
{
    if (op == TORC_OP_ADD) {
        CHECKED_LOOP(__builtin_add_overflow, "+")
    } else if (op == TORC_OP_SUB) {
        CHECKED_LOOP(__builtin_sub_overflow, "-")
    } else {
        CHECKED_LOOP(__builtin_mul_overflow, "*")
    }
    return TORC_OK;
}

static torc_status integer_negate(torc_ctx *ctx, int64_t *out, const int64_t *a, size_t count,
                                  bool *undefined)
{
    for (size_t i = 0; i < count; i++) {
        if (__builtin_sub_overflow((int64_t)0, a[i], &out[i])) {
            UNDEFINED(i, TORC_E_WIDTH, "-(%" PRId64 ") leaves 64-bit integers", a[i]);
        }
    }
    return TORC_OK;
}

static void float_arithmetic(torc_op op, double *out, const double *a, const double *b,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        switch (op) {
        case TORC_OP_ADD: out[i] = a[i] + b[i]; break;
        case TORC_OP_SUB: out[i] = a[i] - b[i]; break;
        case TORC_OP_MUL: out[i] = a[i] * b[i]; break;
        case TORC_OP_DIV: out[i] = a[i] / b[i]; break;
        default: out[i] = -a[i]; break;
        }
    }
}

static bool compare_floats(torc_compare how, double a, double b)
{
    switch (how) {
    case TORC_LT: return a < b;
    case TORC_LE: return a <= b;
    case TORC_GT: return a > b;
    case TORC_GE: return a >= b;
    case TORC_EQ: return a == b;
    default: return a != b;
    }
}

static bool compare_integers(torc_compare how, int64_t a, int64_t b)
{
    switch (how) {
    case TORC_LT: return a < b;
    case TORC_LE: return a <= b;
    case TORC_GT: return a > b;
    case TORC_GE: return a >= b;
    case TORC_EQ: return a == b;
    default: return a != b;
    }
}

static torc_status compare(torc_ctx *ctx, const torc_node *node, int64_t *out, const torc_cells *in,
                           size_t count, bool *undefined)
{
    for (size_t i = 0; i < count; i++) {
        if (in[0].dtype == TORC_I64) {
            out[i] = compare_integers(node->compare, in[0].i64[i], in[1].i64[i]);
            continue;
        }
        if (isnan(in[0].f64[i]) || isnan(in[1].f64[i])) {
            UNDEFINED(i, TORC_E_INPUT, "a NaN cannot be compared");
        }
        out[i] = compare_floats(node->compare, in[0].f64[i], in[1].f64[i]);
    }
    return TORC_OK;
}

static torc_status where(torc_ctx *ctx, torc_cells out, const torc_cells *in, size_t count,
                         bool *undefined)
{
    for (size_t i = 0; i < count; i++) {
        const bool is_float = in[0].dtype == TORC_F64;
        if (is_float && isnan(in[0].f64[i])) {
            UNDEFINED(i, TORC_E_INPUT, "the condition is NaN");
        }
        const bool chosen = is_float ? in[0].f64[i] != 0 : in[0].i64[i] != 0;
        out.i64[i] = in[chosen ? 1 : 2].i64[i]; /* 8 bytes, integer or float */
    }
    return TORC_OK;
}

/* Towards zero. */
static bool to_integer(int64_t *out, double x)
{
    const double whole = trunc(x);
    const bool fits = whole >= -0x1p63 && whole < 0x1p63; /* false for NaN */
    *out = fits ? (int64_t)whole : 0;
    return fits;
}

static torc_status cast(torc_ctx *ctx, torc_cells out, torc_cells in, size_t count, bool *undefined)
{
    for (size_t i = 0; i < count; i++) {
        if (out.dtype == in.dtype) {
            out.i64[i] = in.i64[i];
        } else if (out.dtype == TORC_F64) {
            out.f64[i] = (double)in.i64[i];
        } else if (!to_integer(&out.i64[i], in.f64[i])) {
            if (isnan(in.f64[i])) {
                UNDEFINED(i, TORC_E_INPUT, "NaN cannot become an integer");
            } else {
                UNDEFINED(i, TORC_E_WIDTH, "%g cannot become a 64-bit integer", in.f64[i]);
            }
        }
    }
    return TORC_OK;
}

static double apply(const torc_node *node, const torc_unary *row, double x)
{
    return row ? row->apply(x, node->alpha, node->beta) : node->callback(x, node->callback_user);
}

/* Functions of one argument; those that keep integers are computed in doubles, which is exact up to
 * 2^53. */
static torc_status function(torc_ctx *ctx, const torc_node *node, torc_cells out, const double *x,
                            size_t count, bool *undefined)
{
    const torc_unary *row = node->op == TORC_OP_UNARY ? torc_unary_find(node->name) : NULL;
    for (size_t i = 0; i < count; i++) {
        const double y = apply(node, row, x[i]);
        if (out.dtype == TORC_F64) {
            out.f64[i] = y;
            continue;
        }
        out.i64[i] = 0;
        if (fabs(x[i]) <= EXACT_DOUBLE && fabs(y) <= EXACT_DOUBLE) {
            out.i64[i] = (int64_t)y;
        } else {
            UNDEFINED(i, TORC_E_WIDTH, "%s(%g) = %g needs more than 53 bits", node->name, x[i], y);
        }
    }
    return TORC_OK;
}

static torc_status table(torc_ctx *ctx, const torc_node *node, int64_t *out, const int64_t *index,
                         size_t count, bool *undefined)
{
    const int64_t size = (int64_t)node->table.shape[0];
    for (size_t i = 0; i < count; i++) {
        const int64_t entry = index[i] < 0 ? index[i] + size : index[i];
        const bool is_inside = entry >= 0 && entry < size;
        out[i] = is_inside ? node->table.i64[entry] : 0;
        if (!is_inside) {
            UNDEFINED(i, TORC_E_INPUT, "%" PRId64 " is outside a table of %" PRId64 " entries",
                      index[i], size);
        }
    }
    return TORC_OK;
}

torc_status torc_op_cells(torc_ctx *ctx, const torc_node *node, torc_cells out,
                          const torc_cells *in, size_t count, bool *undefined)
{
    switch (node->op) {
    case TORC_OP_UNARY:
    case TORC_OP_CALLBACK: return function(ctx, node, out, in[0].f64, count, undefined);
    case TORC_OP_CAST: return cast(ctx, out, in[0], count, undefined);
    case TORC_OP_TABLE: return table(ctx, node, out.i64, in[0].i64, count, undefined);
    case TORC_OP_COMPARE: return compare(ctx, node, out.i64, in, count, undefined);
    case TORC_OP_WHERE: return where(ctx, out, in, count, undefined);
    default: break;
    }
    const bool is_negation = node->op == TORC_OP_NEG;
    if (out.dtype == TORC_F64) {
        float_arithmetic(node->op, out.f64, in[0].f64, is_negation ? in[0].f64 : in[1].f64, count);
        return TORC_OK;
    }
    return is_negation
               ? integer_negate(ctx, out.i64, in[0].i64, count, undefined)
               : integer_arithmetic(ctx, node->op, out.i64, in[0].i64, in[1].i64, count, undefined);
}
