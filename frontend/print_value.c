/* Text of one node: constants as NumPy writes them (without newlines), calls as Python would. */
#include "frontend/print_value.h"

#include "frontend/op.h"
#include "runtime/memstream.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_CONSTANT_LENGTH = 25,
    KEPT_LENGTH = 10,       /* of each end of a longer constant */
    MAX_WHOLE_COUNT = 1000, /* beyond, only the ends of every axis are written */
    EDGE_COUNT = 3,
    NUMBER_BYTES = 40,
};

/* --- constants -------------------------------------------------------------------------------- */

/* The shortest decimal that reads back as x; "2.0" for a scalar, "2." inside an array. */
static void float_text(char out[NUMBER_BYTES], double x, bool is_scalar)
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(out, NUMBER_BYTES, "%.*g", digits, x);
        if (strtod(out, NULL) == x) {
            break;
        }
    }
    if (isfinite(x) && !strpbrk(out, ".e")) {
        const size_t length = strlen(out);
        snprintf(out + length, NUMBER_BYTES - length, is_scalar ? ".0" : ".");
    }
}

static void number_text(char out[NUMBER_BYTES], const torc_tensor *t, size_t i)
{
    if (t->dtype == TORC_I64) {
        snprintf(out, NUMBER_BYTES, "%" PRId64, t->i64[i]);
    } else {
        float_text(out, t->f64[i], t->rank == 0);
    }
}

typedef struct array_writer {
    FILE *file;
    const torc_tensor *t;
    bool is_cut; /* only the ends of every axis */
    int left;    /* columns before the decimal point of the longest number written */
    int right;   /* and from there on */
} array_writer;

/* Skips the middle of a long axis: the next index after i. */
static size_t next_index(const array_writer *w, size_t i, size_t length)
{
    const bool jumps = w->is_cut && length > (size_t)2 * EDGE_COUNT && i + 1 == EDGE_COUNT;
    return jumps ? length - EDGE_COUNT : i + 1;
}

/* Points stand under each other; with file NULL the columns are measured. */
static void write_number(array_writer *w, const char *number)
{
    const int length = (int)strlen(number);
    const int left = (int)strcspn(number, ".");
    const int right = length - left;
    if (w->file) {
        fprintf(w->file, "%*s%s%*s", w->left - left, "", number, w->right - right, "");
        return;
    }
    w->left = left > w->left ? left : w->left;
    w->right = right > w->right ? right : w->right;
}

/* Writes (or, with file NULL, measures) the part of the array under axes [0, axis) fixed. */
static void write_axis(array_writer *w, uint32_t axis, size_t first)
{
    if (axis == w->t->rank) {
        char number[NUMBER_BYTES];
        number_text(number, w->t, first);
        write_number(w, number);
        return;
    }
    const size_t length = w->t->shape[axis];
    const size_t step = torc_shape_count(w->t->rank - axis - 1, w->t->shape + axis + 1);
    const int gap = axis + 1 < w->t->rank ? (int)axis + 1 : 1;
    if (w->file) {
        fputc('[', w->file);
    }
    for (size_t i = 0; i < length;) {
        const size_t next = next_index(w, i, length);
        write_axis(w, axis + 1, first + i * step);
        if (w->file && next < length) {
            fprintf(w->file, "%*s%s", gap, "", next > i + 1 ? "... " : "");
        }
        i = next;
    }
    if (w->file) {
        fputc(']', w->file);
    }
}

torc_status torc_print_constant(torc_ctx *ctx, FILE *file, const torc_tensor *value)
{
    array_writer w = {.t = value, .is_cut = torc_tensor_count(value) > MAX_WHOLE_COUNT};
    write_axis(&w, 0, 0);
    torc_memstream stream;
    char *text = NULL;
    TORC_TRY(torc_memstream_open(ctx, &stream));
    w.file = stream.file;
    write_axis(&w, 0, 0);
    TORC_TRY(torc_memstream_close(ctx, &stream, &text));
    const size_t length = strlen(text);
    if (length <= MAX_CONSTANT_LENGTH) {
        fputs(text, file);
    } else {
        fprintf(file, "%.*s ... %s", KEPT_LENGTH, text, text + length - KEPT_LENGTH);
    }
    free(text);
    return TORC_OK;
}

/* --- types ------------------------------------------------------------------------------------ */

void torc_print_type(FILE *file, const torc_type *type)
{
    fprintf(file, "%s%s<", type->encrypted ? "Encrypted" : "Clear",
            type->rank ? "Tensor" : "Scalar");
    if (type->dtype == TORC_F64) {
        fputs("float64", file);
    } else if (type->bits == 0) {
        fputs("integer", file); /* not measured yet */
    } else {
        fprintf(file, "%s%u", type->is_signed ? "int" : "uint", type->bits);
    }
    if (type->rank > 0) {
        fprintf(file, ", shape=%s", TORC_SHAPE_TEXT(type));
    }
    fputc('>', file);
}

/* --- calls ------------------------------------------------------------------------------------ */

static void write_axes(FILE *file, const char *name, const torc_node *node)
{
    fprintf(file, ", %s=", name);
    if (node->axis_count == 1 && node->op == TORC_OP_SUM) {
        fprintf(file, "%d", node->axes[0]);
        return;
    }
    fputc('(', file);
    for (uint32_t i = 0; i < node->axis_count; i++) {
        fprintf(file, "%s%d", i ? ", " : "", node->axes[i]);
    }
    fputs(node->axis_count == 1 ? ",)" : ")", file);
}

static void write_conv(FILE *file, const torc_conv2d_args *c)
{
    if (c->pad[0] || c->pad[1] || c->pad[2] || c->pad[3]) {
        fprintf(file, ", pads=(%u, %u, %u, %u)", c->pad[0], c->pad[1], c->pad[2], c->pad[3]);
    }
    if (c->stride[0] != 1 || c->stride[1] != 1) {
        fprintf(file, ", strides=(%u, %u)", c->stride[0], c->stride[1]);
    }
    if (c->dilation[0] != 1 || c->dilation[1] != 1) {
        fprintf(file, ", dilations=(%u, %u)", c->dilation[0], c->dilation[1]);
    }
    if (c->groups != 1) {
        fprintf(file, ", group=%u", c->groups);
    }
}

/* "%0[1:3, :, -1]" */
static void write_index(FILE *file, const torc_node *node)
{
    fprintf(file, "%%%u[", node->inputs[0]);
    for (uint32_t i = 0; i < node->axis_count; i++) {
        const torc_slice *s = &node->slices[i];
        fputs(i ? ", " : "", file);
        if (s->drop) {
            fprintf(file, "%" PRId64, s->start);
            continue;
        }
        const bool is_down = s->step < 0;
        if (s->start != (is_down ? INT64_MAX : 0)) {
            fprintf(file, "%" PRId64, s->start);
        }
        fputc(':', file);
        if (s->stop != INT64_MAX) {
            fprintf(file, "%" PRId64, s->stop);
        }
        if (s->step != 0 && s->step != 1) {
            fprintf(file, ":%" PRId64, s->step);
        }
    }
    fputc(']', file);
}

static torc_status write_lookup(torc_ctx *ctx, FILE *file, const torc_lookup_attr *l)
{
    if (l->table_count > 1) {
        fprintf(file, ", tables=%u", l->table_count);
    } else {
        torc_tensor entries = {.dtype = TORC_I64, .rank = 1, .shape = {(size_t)1 << l->index_bits}};
        entries.i64 = l->entry;
        fputs(", table=", file);
        TORC_TRY(torc_print_constant(ctx, file, &entries));
    }
    if (l->index_bits < l->window_bits) {
        fprintf(file, ", top %u of %u bits", l->index_bits, l->window_bits);
    }
    return TORC_OK;
}

static void write_parameters(FILE *file, const torc_node *node)
{
    static const char *const names[] = {"alpha", "beta"};
    const double values[] = {node->alpha, node->beta};
    const torc_unary *row = torc_unary_find(node->name);
    const uint32_t count = row ? row->parameter_count : 0;
    assert(count <= sizeof values / sizeof *values);
    for (uint32_t i = 0; i < count; i++) {
        char number[NUMBER_BYTES];
        float_text(number, values[i], true);
        fprintf(file, ", %s=%s", names[i], number);
    }
}

static torc_status write_attributes(torc_ctx *ctx, FILE *file, const torc_node *node)
{
    switch (node->op) {
    case TORC_OP_SUM:
        if (node->type.rank > 0) { /* else over all axes */
            write_axes(file, "axis", node);
        }
        fputs(node->keep_dims ? ", keepdims=True" : "", file);
        break;
    case TORC_OP_TRANSPOSE: write_axes(file, "axes", node); break;
    case TORC_OP_CONV2D: write_conv(file, &node->conv); break;
    case TORC_OP_RESHAPE: fprintf(file, ", newshape=%s", TORC_SHAPE_TEXT(&node->type)); break;
    case TORC_OP_CONCAT: fprintf(file, ", axis=%d", node->axis); break;
    case TORC_OP_UNARY: write_parameters(file, node); break;
    case TORC_OP_CAST:
        fprintf(file, ", dtype=%s", node->type.dtype == TORC_I64 ? "int64" : "float64");
        break;
    case TORC_OP_TABLE:
        fputs(", table=", file);
        return torc_print_constant(ctx, file, &node->table);
    case TORC_OP_LOOKUP: return write_lookup(ctx, file, &node->lookup);
    default: break;
    }
    return TORC_OK;
}

static const char *call_name(const torc_node *node)
{
    static const char *const comparisons[] = {"less",          "less_equal", "greater",
                                              "greater_equal", "equal",      "not_equal"};
    if (node->op == TORC_OP_COMPARE) {
        return comparisons[node->compare];
    }
    const bool is_named = node->op == TORC_OP_UNARY || node->op == TORC_OP_CALLBACK;
    return is_named ? node->name : torc_op_name(node->op);
}

torc_status torc_print_op(torc_ctx *ctx, FILE *file, const torc_node *node)
{
    if (node->op == TORC_OP_INPUT) {
        fputs(TORC_PRINTABLE(node->name), file);
        return TORC_OK;
    }
    if (node->op == TORC_OP_CONSTANT) {
        return torc_print_constant(ctx, file, &node->constant);
    }
    if (node->op == TORC_OP_INDEX) {
        write_index(file, node);
        return TORC_OK;
    }
    const bool is_tuple = node->op == TORC_OP_CONCAT;
    fprintf(file, "%s%s", TORC_PRINTABLE(call_name(node)), is_tuple ? "((" : "(");
    for (uint32_t i = 0; i < node->input_count; i++) {
        fprintf(file, "%s%%%u", i ? ", " : "", node->inputs[i]);
    }
    fputs(is_tuple ? node->input_count == 1 ? ",)" : ")" : "", file);
    TORC_TRY(write_attributes(ctx, file, node));
    fputc(')', file);
    return TORC_OK;
}
