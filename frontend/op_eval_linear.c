/* Clear values of matmul, dot, sum and conv2d, in two inner loops: out += w * x along a row, and a
 * dot product. Integer loops run unchecked where bounds prove that no sum leaves int64. */
#include "frontend/op.h"
#include "frontend/view.h"
#include "runtime/status.h"

#include <string.h>

/* What the loops need to know, and whether a checked sum has overflowed. */
typedef struct loop {
    torc_dtype dtype;
    bool is_safe;
    bool has_overflowed;
} loop;

static bool add_product(int64_t *sum, int64_t w, int64_t x)
{
    int64_t product = 0;
    return __builtin_mul_overflow(w, x, &product) || __builtin_add_overflow(*sum, product, sum);
}

/* out[i] += *w * x[i * step] */
static void axpy(loop *l, void *out, const void *w, const void *x, size_t count, size_t step)
{
    if (l->dtype == TORC_F64) {
        double *sum = out;
        const double *in = x;
        const double weight = *(const double *)w;
        for (size_t i = 0; i < count; i++) {
            sum[i] += weight * in[i * step];
        }
        return;
    }
    int64_t *sum = out;
    const int64_t *in = x;
    const int64_t weight = *(const int64_t *)w;
    if (l->is_safe) {
        for (size_t i = 0; i < count; i++) {
            sum[i] += weight * in[i * step];
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        l->has_overflowed |= add_product(&sum[i], weight, in[i * step]);
    }
}

/* *out += sum of a[i] * b[i] */
static void dot(loop *l, void *out, const void *a, const void *b, size_t count)
{
    if (l->dtype == TORC_F64) {
        double sum = *(double *)out;
        for (size_t i = 0; i < count; i++) {
            sum += ((const double *)a)[i] * ((const double *)b)[i];
        }
        *(double *)out = sum;
        return;
    }
    int64_t sum = *(int64_t *)out;
    for (size_t i = 0; l->is_safe && i < count; i++) {
        sum += ((const int64_t *)a)[i] * ((const int64_t *)b)[i];
    }
    for (size_t i = 0; !l->is_safe && i < count; i++) {
        l->has_overflowed |= add_product(&sum, ((const int64_t *)a)[i], ((const int64_t *)b)[i]);
    }
    *(int64_t *)out = sum;
}

/* Element i of an array of 8-byte elements. */
static const void *at(const void *data, size_t i)
{
    return (const uint64_t *)data + i;
}

/* out[rows][columns] += a[rows][inner] b[inner][columns] */
static void product(loop *l, uint64_t *out, const void *a, const void *b, size_t rows, size_t inner,
                    size_t columns)
{
    for (size_t i = 0; i < rows; i++) {
        if (columns == 1) {
            dot(l, out + i, at(a, i * inner), b, inner);
            continue;
        }
        for (size_t k = 0; k < inner; k++) {
            axpy(l, out + i * columns, at(a, i * inner + k), at(b, k * columns), columns, 1);
        }
    }
}

/* The leading axes of an operand of matmul. */
static torc_type batch_type(const torc_tensor *t)
{
    torc_type type = {.rank = t->rank > 2 ? t->rank - 2 : 0};
    memcpy(type.shape, t->shape, sizeof type.shape);
    return type;
}

/* Which matrix of an operand takes part in product number `number`. */
static size_t batch_place(const torc_view *view, size_t number)
{
    int64_t place = 0;
    for (uint32_t i = view->rank; i-- > 0;) {
        place += (int64_t)(number % view->shape[i]) * view->stride[i];
        number /= view->shape[i];
    }
    return (size_t)place;
}

static void matmul(loop *l, torc_tensor *out, const torc_tensor *a, const torc_tensor *b)
{
    const size_t rows = a->rank > 1 ? a->shape[a->rank - 2] : 1;
    const size_t inner = a->shape[a->rank - 1];
    const size_t columns = b->rank > 1 ? b->shape[b->rank - 1] : 1;
    const torc_type batch_a = batch_type(a);
    const torc_type batch_b = batch_type(b);
    torc_type batch = {0};
    (void)torc_shape_broadcast(&batch, &batch_a, &batch_b);
    const torc_view view_a = torc_view_broadcast(&batch_a, &batch);
    const torc_view view_b = torc_view_broadcast(&batch_b, &batch);
    const size_t count = torc_shape_count(batch.rank, batch.shape);
    uint64_t *to = out->data;
    for (size_t i = 0; i < count; i++) {
        product(l, to + i * rows * columns, at(a->data, batch_place(&view_a, i) * rows * inner),
                at(b->data, batch_place(&view_b, i) * inner * columns), rows, inner, columns);
    }
}

/* Every element goes to the place that its axes leave after the reduced ones are dropped. */
static void sum(loop *l, const torc_node *node, torc_tensor *out, const torc_tensor *in)
{
    size_t stride[TORC_MAX_RANK] = {0};
    size_t step = 1;
    uint32_t reduced = node->axis_count;
    for (uint32_t i = in->rank; i-- > 0;) {
        if (reduced > 0 && node->axes[reduced - 1] == (int32_t)i) {
            reduced--;
        } else {
            stride[i] = step;
            step *= in->shape[i];
        }
    }
    const int64_t one_integer = 1;
    const double one_float = 1;
    const void *one = l->dtype == TORC_F64 ? (const void *)&one_float : &one_integer;
    const size_t count = torc_tensor_count(in);
    for (size_t i = 0; i < count; i++) {
        size_t place = 0;
        size_t rest = i;
        for (uint32_t axis = in->rank; axis-- > 0;) {
            place += rest % in->shape[axis] * stride[axis];
            rest /= in->shape[axis];
        }
        axpy(l, (uint64_t *)out->data + place, one, at(in->data, i), 1, 1);
    }
}

/* The outputs o of one row for which o * stride + shift lies inside [0, length): *first and a
 * count. */
static size_t inside(size_t *first, int64_t shift, size_t stride, size_t length, size_t outputs)
{
    const int64_t step = (int64_t)stride;
    const int64_t low = shift >= 0 ? 0 : (-shift + step - 1) / step;
    const int64_t room = (int64_t)length - 1 - shift;
    int64_t high = room < 0 ? -1 : room / step;
    high = high >= (int64_t)outputs ? (int64_t)outputs - 1 : high;
    *first = (size_t)low;
    return high < low ? 0 : (size_t)(high - low + 1);
}

/* One weight of one kernel over one image plane. */
static void conv_weight(loop *l, const torc_node *node, uint64_t *out, const void *w, const void *x,
                        const size_t *in_shape, size_t ky, size_t kx)
{
    const torc_conv2d_args *c = &node->conv;
    const size_t out_width = node->type.shape[3];
    const int64_t shift_y = (int64_t)(ky * c->dilation[0]) - (int64_t)c->pad[0];
    const int64_t shift_x = (int64_t)(kx * c->dilation[1]) - (int64_t)c->pad[1];
    size_t y = 0;
    size_t first = 0;
    const size_t rows = inside(&y, shift_y, c->stride[0], in_shape[2], node->type.shape[2]);
    const size_t run = inside(&first, shift_x, c->stride[1], in_shape[3], out_width);
    for (size_t last = y + rows; run > 0 && y < last; y++) {
        const int64_t from = ((int64_t)(y * c->stride[0]) + shift_y) * (int64_t)in_shape[3] +
                             (int64_t)(first * c->stride[1]) + shift_x;
        axpy(l, out + y * out_width + first, w, at(x, (size_t)from), run, c->stride[1]);
    }
}

static void conv2d(loop *l, const torc_node *node, torc_tensor *out, const torc_tensor *const *in)
{
    const torc_tensor *x = in[0];
    const torc_tensor *w = in[1];
    const size_t out_plane = out->shape[2] * out->shape[3];
    const size_t in_plane = x->shape[2] * x->shape[3];
    const size_t kernel = w->shape[2] * w->shape[3];
    const size_t group_outputs = w->shape[0] / node->conv.groups;
    uint64_t *to = out->data;
    for (size_t i = 0; i < out->shape[0] * out->shape[1]; i++, to += out_plane) {
        const size_t image = i / out->shape[1];
        const size_t channel = i % out->shape[1];
        for (size_t j = 0; node->input_count == 3 && j < out_plane; j++) {
            memcpy(to + j, at(in[2]->data, channel), sizeof *to);
        }
        const size_t first = channel / group_outputs * w->shape[1];
        for (size_t c = 0; c < w->shape[1]; c++) {
            const void *plane = at(x->data, (image * x->shape[1] + first + c) * in_plane);
            for (size_t k = 0; k < kernel; k++) {
                conv_weight(l, node, to, at(w->data, (channel * w->shape[1] + c) * kernel + k),
                            plane, x->shape, k / w->shape[3], k % w->shape[3]);
            }
        }
    }
}

size_t torc_op_term_count(const torc_node *node, const torc_tensor *const *in)
{
    if (node->op == TORC_OP_CONV2D) {
        return torc_shape_count(3, &in[1]->shape[1]) + (node->input_count == 3);
    }
    if (node->op == TORC_OP_SUM) {
        const size_t out = torc_shape_count(node->type.rank, node->type.shape);
        return torc_tensor_count(in[0]) / out;
    }
    return in[0]->shape[in[0]->rank - 1];
}

torc_status torc_op_linear(torc_ctx *ctx, const torc_node *node, torc_tensor *out,
                           const torc_tensor *const *in, bool is_safe)
{
    loop l = {.dtype = out->dtype, .is_safe = is_safe};
    memset(out->data, 0, torc_tensor_count(out) * sizeof(uint64_t));
    if (node->op == TORC_OP_SUM) {
        sum(&l, node, out, in[0]);
    } else if (node->op == TORC_OP_CONV2D) {
        conv2d(&l, node, out, in);
    } else {
        matmul(&l, out, in[0], in[1]);
    }
    if (l.has_overflowed) {
        return torc_fail(ctx, TORC_E_WIDTH, "a sum of %zu products leaves 64-bit integers",
                         torc_op_term_count(node, in));
    }
    return TORC_OK;
}
