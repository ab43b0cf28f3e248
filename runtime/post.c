/* What the client does with decrypted integers: scaling, then the post steps of output 0. Works on
 * clear numbers only; knows nothing of keys. Semantics of the steps are those of ONNX. */
#include "runtime/spec.h"
#include "runtime/status.h"
#include "runtime/unary.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* --- shapes ------------------------------------------------------------------------------------
 */

static torc_status check_axis(torc_ctx *ctx, const torc_form *form, const torc_post *post)
{
    if (post->axis < 0 || (uint32_t)post->axis >= form->rank) {
        return torc_fail(ctx, TORC_E_FORMAT, "axis %" PRId32 " of a result with %u axes",
                         post->axis, form->rank);
    }
    return TORC_OK;
}

static void remove_axis(torc_form *form, uint32_t axis)
{
    for (uint32_t i = axis; i + 1 < form->rank; i++) {
        form->shape[i] = form->shape[i + 1];
    }
    form->rank--;
}

static torc_status argmax_form(torc_ctx *ctx, torc_form *form, const torc_post *post)
{
    TORC_TRY(check_axis(ctx, form, post));
    form->dtype = TORC_I64;
    form->shape[post->axis] = 1;
    if (!post->keep_dims) {
        remove_axis(form, (uint32_t)post->axis);
    }
    return TORC_OK;
}

static torc_status reshape_form(torc_ctx *ctx, torc_form *form, const torc_post *post)
{
    const size_t count = torc_shape_count(form->rank, form->shape);
    if (post->rank >= TORC_MAX_RANK || torc_shape_count(post->rank, post->shape) != count) {
        return torc_fail(ctx, TORC_E_FORMAT, "the new shape does not hold %zu elements", count);
    }
    form->rank = post->rank;
    memcpy(form->shape, post->shape, post->rank * sizeof *post->shape);
    return TORC_OK;
}

/* Replaces *form, of what the step is applied to, by the form of its result. */
static torc_status step_form(torc_ctx *ctx, torc_form *form, const torc_post *post)
{
    switch (post->kind) {
    case TORC_POST_UNARY:
        if (post->name == NULL || torc_unary_find(post->name) == NULL) {
            return torc_fail(ctx, TORC_E_FORMAT, "unknown function");
        }
        form->dtype = TORC_F64;
        return TORC_OK;
    case TORC_POST_AFFINE: form->dtype = TORC_F64; return TORC_OK;
    case TORC_POST_SOFTMAX:
    case TORC_POST_LOG_SOFTMAX: form->dtype = TORC_F64; return check_axis(ctx, form, post);
    case TORC_POST_ARGMAX: return argmax_form(ctx, form, post);
    case TORC_POST_COMPLEMENT:
        TORC_TRY(check_axis(ctx, form, post));
        form->dtype = TORC_F64;
        form->shape[post->axis] *= 2;
        if (torc_shape_count(form->rank, form->shape) > TORC_SPEC_MAX_ELEMENTS) {
            return torc_fail(ctx, TORC_E_FORMAT, "the result has more than 2^28 elements");
        }
        return TORC_OK;
    case TORC_POST_RESHAPE: return reshape_form(ctx, form, post);
    case TORC_POST_LABELS:
        if (form->dtype != TORC_I64 || post->label_count == 0 || post->labels == NULL) {
            return torc_fail(ctx, TORC_E_FORMAT,
                             "labels need integer indices and at least one label");
        }
        return TORC_OK;
    }
    return torc_fail(ctx, TORC_E_FORMAT, "unknown kind %d", (int)post->kind);
}

static torc_form port_form(const torc_port *port)
{
    torc_form form = {.dtype = port->is_float ? TORC_F64 : TORC_I64, .rank = port->rank};
    memcpy(form.shape, port->shape, sizeof form.shape);
    return form;
}

torc_status torc_spec_result_form(torc_ctx *ctx, torc_form *out, const torc_spec *spec,
                                  uint32_t output)
{
    torc_form form = port_form(&spec->outputs[output]);
    for (uint32_t i = 0; output == 0 && i < spec->post_count; i++) {
        const torc_status status = step_form(ctx, &form, &spec->posts[i]);
        if (status != TORC_OK) {
            return torc_fail_prefix(ctx, status, "specification: post step %u", i);
        }
    }
    *out = form;
    return TORC_OK;
}

/* --- values ------------------------------------------------------------------------------------
 */

static torc_status create_batch(torc_ctx *ctx, torc_tensor *out, const torc_form *form,
                                size_t samples)
{
    size_t shape[TORC_MAX_RANK] = {samples};
    memcpy(shape + 1, form->shape, form->rank * sizeof *shape);
    return torc_tensor_create(ctx, out, form->dtype, form->rank + 1, shape);
}

static void make_float(torc_tensor *tensor)
{
    if (tensor->dtype == TORC_F64) {
        return;
    }
    const size_t count = torc_tensor_count(tensor);
    for (size_t i = 0; i < count; i++) { /* in place: both types have 8 bytes */
        const int64_t m = tensor->i64[i];
        tensor->f64[i] = (double)m;
    }
    tensor->dtype = TORC_F64;
}

/* [outer][length][inner]: a tensor seen from one of its axes. */
typedef struct axis_view {
    size_t outer;
    size_t length;
    size_t inner;
} axis_view;

/* axis counts without the batch axis. */
static axis_view view_axis(const torc_tensor *tensor, int32_t axis)
{
    const uint32_t at = (uint32_t)axis + 1;
    return (axis_view){
        .outer = torc_shape_count(at, tensor->shape),
        .length = tensor->shape[at],
        .inner = torc_shape_count(tensor->rank - at - 1, tensor->shape + at + 1),
    };
}

/* x[length] with this stride becomes x - max - log(sum exp(x - max)), or its exponential. */
static void softmax_row(double *x, size_t length, size_t stride, bool is_log)
{
    double max = x[0];
    double sum = 0;
    for (size_t i = 1; i < length; i++) {
        max = fmax(max, x[i * stride]);
    }
    for (size_t i = 0; i < length; i++) {
        x[i * stride] -= max;
        sum += exp(x[i * stride]);
    }
    const double log_sum = log(sum);
    for (size_t i = 0; i < length; i++) {
        x[i * stride] = is_log ? x[i * stride] - log_sum : exp(x[i * stride]) / sum;
    }
}

static void softmax(torc_tensor *tensor, const torc_post *post)
{
    make_float(tensor);
    const axis_view v = view_axis(tensor, post->axis);
    for (size_t o = 0; o < v.outer; o++) {
        for (size_t i = 0; i < v.inner; i++) {
            softmax_row(tensor->f64 + o * v.length * v.inner + i, v.length, v.inner,
                        post->kind == TORC_POST_LOG_SOFTMAX);
        }
    }
}

/* The first of equal values wins. */
static int64_t argmax_row(const torc_tensor *in, size_t begin, size_t length, size_t stride)
{
    size_t best = 0;
    for (size_t i = 1; i < length; i++) {
        const size_t a = begin + i * stride;
        const size_t b = begin + best * stride;
        const bool is_greater =
            in->dtype == TORC_F64 ? in->f64[a] > in->f64[b] : in->i64[a] > in->i64[b];
        best = is_greater ? i : best;
    }
    return (int64_t)best;
}

static void argmax(torc_tensor *out, const torc_tensor *in, int32_t axis)
{
    const axis_view v = view_axis(in, axis);
    for (size_t o = 0; o < v.outer; o++) {
        for (size_t i = 0; i < v.inner; i++) {
            out->i64[o * v.inner + i] =
                argmax_row(in, o * v.length * v.inner + i, v.length, v.inner);
        }
    }
}

static void complement(torc_tensor *out, const torc_tensor *in, int32_t axis)
{
    const axis_view v = view_axis(in, axis);
    const size_t block = v.length * v.inner;
    for (size_t o = 0; o < v.outer; o++) {
        for (size_t i = 0; i < block; i++) {
            const double p = in->f64[o * block + i];
            out->f64[o * 2 * block + i] = 1 - p;
            out->f64[o * 2 * block + block + i] = p;
        }
    }
}

static void unary(torc_tensor *tensor, const torc_post *post)
{
    const torc_unary *function = torc_unary_find(post->name);
    const size_t count = torc_tensor_count(tensor);
    make_float(tensor);
    for (size_t i = 0; i < count; i++) {
        tensor->f64[i] = function->apply(tensor->f64[i], post->alpha, post->beta);
    }
}

static void affine(torc_tensor *tensor, const torc_post *post)
{
    const size_t count = torc_tensor_count(tensor);
    make_float(tensor);
    for (size_t i = 0; i < count; i++) {
        tensor->f64[i] = tensor->f64[i] * post->alpha + post->beta;
    }
}

static torc_status labels(torc_ctx *ctx, torc_tensor *tensor, const torc_post *post)
{
    const size_t count = torc_tensor_count(tensor);
    for (size_t i = 0; i < count; i++) {
        const int64_t index = tensor->i64[i];
        if (index < 0 || (size_t)index >= post->label_count) {
            return torc_fail(ctx, TORC_E_INPUT,
                             "result: element %zu is the index %" PRId64
                             ", the model has %zu labels; the result is not one of this circuit",
                             i, index, post->label_count);
        }
        tensor->i64[i] = post->labels[index];
    }
    return TORC_OK;
}

/* Steps whose result has another size: fills a new tensor of that form and swaps it in. */
static torc_status resize_step(torc_ctx *ctx, torc_tensor *tensor, const torc_form *form,
                               const torc_post *post)
{
    torc_tensor out;
    TORC_TRY(create_batch(ctx, &out, form, tensor->shape[0]));
    if (post->kind == TORC_POST_ARGMAX) {
        argmax(&out, tensor, post->axis);
    } else {
        make_float(tensor);
        complement(&out, tensor, post->axis);
    }
    torc_tensor_free(tensor);
    *tensor = out;
    return TORC_OK;
}

static void reshape(torc_tensor *tensor, const torc_form *form)
{
    tensor->rank = form->rank + 1;
    memcpy(tensor->shape + 1, form->shape, form->rank * sizeof *form->shape);
}

/* form: of the result. */
static torc_status apply_step(torc_ctx *ctx, torc_tensor *tensor, const torc_form *form,
                              const torc_post *post)
{
    switch (post->kind) {
    case TORC_POST_UNARY: unary(tensor, post); break;
    case TORC_POST_SOFTMAX:
    case TORC_POST_LOG_SOFTMAX: softmax(tensor, post); break;
    case TORC_POST_AFFINE: affine(tensor, post); break;
    case TORC_POST_RESHAPE: reshape(tensor, form); break;
    case TORC_POST_ARGMAX:
    case TORC_POST_COMPLEMENT: return resize_step(ctx, tensor, form, post);
    case TORC_POST_LABELS: return labels(ctx, tensor, post);
    }
    return TORC_OK;
}

/* The integers of one output as the user's numbers, before any post step. */
static torc_status scale(torc_ctx *ctx, torc_tensor *out, const torc_port *port,
                         const int64_t *values, size_t samples)
{
    const torc_form form = port_form(port);
    TORC_TRY(create_batch(ctx, out, &form, samples));
    const size_t count = torc_tensor_count(out);
    for (size_t i = 0; i < count; i++) {
        if (port->is_float) {
            const size_t s = i % port->scale_count;
            out->f64[i] = port->real_offset[s] + port->real_scale[s] * (double)values[i];
        } else {
            out->i64[i] = values[i];
        }
    }
    return TORC_OK;
}

static torc_status finish_output(torc_ctx *ctx, torc_tensor *out, const torc_spec *spec,
                                 uint32_t output, const int64_t *values, size_t samples)
{
    torc_form form = port_form(&spec->outputs[output]);
    TORC_TRY(scale(ctx, out, &spec->outputs[output], values, samples));
    for (uint32_t i = 0; output == 0 && i < spec->post_count; i++) {
        TORC_TRY(step_form(ctx, &form, &spec->posts[i]));
        TORC_TRY(apply_step(ctx, out, &form, &spec->posts[i]));
    }
    return TORC_OK;
}

torc_status torc_spec_finish(torc_ctx *ctx, torc_tensor *out, const torc_spec *spec,
                             const int64_t *const *values, size_t samples)
{
    torc_status status = TORC_OK;
    memset(out, 0, spec->output_count * sizeof *out);
    for (uint32_t i = 0; status == TORC_OK && i < spec->output_count; i++) {
        status = finish_output(ctx, &out[i], spec, i, values[i], samples);
    }
    for (uint32_t i = 0; status != TORC_OK && i < spec->output_count; i++) {
        torc_tensor_free(&out[i]);
    }
    return status;
}
