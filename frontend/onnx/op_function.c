/* Element-wise functions. Their names in the graph are those of runtime/unary.h. */
#include "frontend/onnx/import.h"
#include "runtime/status.h"

#include <float.h>
#include <string.h>

/* ONNX operator -> function, its parameters as attributes with ONNX's defaults. */
typedef struct function {
    const char *op;
    const char *name;
    const char *alpha_name;
    const char *beta_name;
    double alpha, beta;
} function;

static const function functions[] = {
    {"Abs", "abs", NULL, NULL, 0, 0},
    {"Acos", "acos", NULL, NULL, 0, 0},
    {"Acosh", "acosh", NULL, NULL, 0, 0},
    {"Asin", "asin", NULL, NULL, 0, 0},
    {"Asinh", "asinh", NULL, NULL, 0, 0},
    {"Atan", "atan", NULL, NULL, 0, 0},
    {"Atanh", "atanh", NULL, NULL, 0, 0},
    {"Ceil", "ceil", NULL, NULL, 0, 0},
    {"Celu", "celu", "alpha", NULL, 1, 0},
    {"Cos", "cos", NULL, NULL, 0, 0},
    {"Cosh", "cosh", NULL, NULL, 0, 0},
    {"Elu", "elu", "alpha", NULL, 1, 0},
    {"Erf", "erf", NULL, NULL, 0, 0},
    {"Exp", "exp", NULL, NULL, 0, 0},
    {"Floor", "floor", NULL, NULL, 0, 0},
    {"Gelu", "gelu", NULL, NULL, 0, 0},
    {"HardSigmoid", "hard_sigmoid", "alpha", "beta", 0.2, 0.5},
    {"HardSwish", "hard_swish", NULL, NULL, 0, 0},
    {"LeakyRelu", "leaky_relu", "alpha", NULL, 0.01, 0},
    {"Log", "log", NULL, NULL, 0, 0},
    {"Mish", "mish", NULL, NULL, 0, 0},
    {"Neg", "neg", NULL, NULL, 0, 0},
    {"Reciprocal", "reciprocal", NULL, NULL, 0, 0},
    {"Relu", "relu", NULL, NULL, 0, 0},
    {"Round", "round", NULL, NULL, 0, 0},
    {"Sigmoid", "sigmoid", NULL, NULL, 0, 0},
    {"Sign", "sign", NULL, NULL, 0, 0},
    {"Sin", "sin", NULL, NULL, 0, 0},
    {"Sinh", "sinh", NULL, NULL, 0, 0},
    {"Softplus", "softplus", NULL, NULL, 0, 0},
    {"Softsign", "softsign", NULL, NULL, 0, 0},
    {"Sqrt", "sqrt", NULL, NULL, 0, 0},
    {"Tan", "tan", NULL, NULL, 0, 0},
    {"Tanh", "tanh", NULL, NULL, 0, 0},
    {"ThresholdedRelu", "thresholded_relu", "alpha", NULL, 1, 0},
};

/* The function of the node at hand with its parameters. */
static torc_status find(torc_onnx_import *m, function *out)
{
    *out = (function){0};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strcmp(functions[i].op, m->node->op_type) == 0) {
            *out = functions[i];
        }
    }
    if (out->alpha_name) {
        TORC_TRY(torc_onnx_attr_float(m, &out->alpha, out->alpha_name, out->alpha));
    }
    if (out->beta_name) {
        TORC_TRY(torc_onnx_attr_float(m, &out->beta, out->beta_name, out->beta));
    }
    if (strcmp(out->op, "Gelu") == 0) {
        bool is_tanh;
        TORC_TRY(torc_onnx_attr_is(m, &is_tanh, "approximate", "none", "tanh"));
        out->name = is_tanh ? "gelu_tanh" : "gelu";
    }
    return TORC_OK;
}

torc_status torc_onnx_unary(torc_onnx_import *m)
{
    function f;
    TORC_TRY(find(m, &f));
    torc_value x = torc_onnx_node(m, torc_onnx_in(m, 0));
    torc_onnx_set_node(m, strcmp(f.name, "neg") == 0
                              ? torc_neg(m->graph, x)
                              : torc_function2(m->graph, x, f.name, f.alpha, f.beta));
    return TORC_OK;
}

torc_status torc_onnx_unary_tail(torc_onnx_import *m)
{
    function f;
    TORC_TRY(find(m, &f));
    torc_post post = {.kind = TORC_POST_UNARY, .alpha = f.alpha, .beta = f.beta};
    char name[32];
    memcpy(name, f.name, strlen(f.name) + 1);
    post.name = name;
    TORC_TRY(torc_onnx_set_step(m, torc_onnx_in(m, 0), &post));
    m->out.is_integer = false;
    return TORC_OK;
}

/* Bounds are attributes before opset 11, optional inputs since. */
torc_status torc_onnx_clip(torc_onnx_import *m)
{
    double low = -DBL_MAX;
    double high = DBL_MAX;
    if (m->opset < 11) {
        TORC_TRY(torc_onnx_attr_float(m, &low, "min", low));
        TORC_TRY(torc_onnx_attr_float(m, &high, "max", high));
    } else {
        if (torc_onnx_in(m, 1)) {
            TORC_TRY(torc_onnx_number(m, &low, 1, "min"));
        }
        if (torc_onnx_in(m, 2)) {
            TORC_TRY(torc_onnx_number(m, &high, 2, "max"));
        }
    }
    torc_onnx_set_node(m, torc_clip(m->graph, torc_onnx_node(m, torc_onnx_in(m, 0)), low, high));
    return TORC_OK;
}

/* Min and Max of data and one number are clips. */
torc_status torc_onnx_min_max(torc_onnx_import *m)
{
    bool is_min = strcmp(m->node->op_type, "Min") == 0;
    bool first_is_number = torc_onnx_in(m, 0)->kind == TORC_ONNX_CONSTANT;
    double bound;
    if (torc_onnx_input_count(m) != 2) {
        return torc_onnx_refuse(m, "%u operands; data and one number are supported",
                                torc_onnx_input_count(m));
    }
    TORC_TRY(torc_onnx_number(m, &bound, first_is_number ? 0 : 1, "the bound"));
    torc_value x = torc_onnx_node(m, torc_onnx_in(m, first_is_number ? 1 : 0));
    torc_onnx_set_node(m,
                       torc_clip(m->graph, x, is_min ? -DBL_MAX : bound, is_min ? bound : DBL_MAX));
    return TORC_OK;
}

/* relu(x) - slope relu(-x); one slope is a leaky ReLU. */
torc_status torc_onnx_prelu(torc_onnx_import *m)
{
    const torc_onnx_value *x = torc_onnx_in(m, 0);
    const torc_tensor *slope;
    TORC_TRY(torc_onnx_constant(m, &slope, 1, "slope"));
    torc_value node = torc_onnx_node(m, x);
    if (torc_tensor_count(slope) == 1) {
        torc_onnx_set_node(
            m, torc_function2(m->graph, node, "leaky_relu", torc_onnx_element(slope, 0), 0));
        return TORC_OK;
    }
    uint32_t rank = torc_onnx_rank(x);
    bool has_batch = slope->rank == rank && x->kind != TORC_ONNX_CONSTANT;
    if (slope->rank > rank || slope->dtype != TORC_F64 || (has_batch && slope->shape[0] != 1)) {
        return torc_onnx_refuse(m, "the slopes do not broadcast to one sample of the input");
    }
    torc_value slopes =
        torc_constant_f64(m->graph, slope->f64, slope->rank - has_batch, slope->shape + has_batch);
    torc_value negative = torc_relu(m->graph, torc_neg(m->graph, node));
    torc_onnx_set_node(
        m, torc_sub(m->graph, torc_relu(m->graph, node), torc_mul(m->graph, slopes, negative)));
    return TORC_OK;
}

/* gamma * elu(x, alpha) */
torc_status torc_onnx_selu(torc_onnx_import *m)
{
    double alpha;
    double gamma;
    TORC_TRY(torc_onnx_attr_float(m, &alpha, "alpha", 1.67326319217681884765625));
    TORC_TRY(torc_onnx_attr_float(m, &gamma, "gamma", 1.05070102214813232421875));
    torc_value x = torc_onnx_node(m, torc_onnx_in(m, 0));
    torc_value y = torc_function2(m->graph, x, "elu", alpha, 0);
    torc_onnx_set_node(m, torc_mul(m->graph, y, torc_scalar_f64(m->graph, gamma)));
    return TORC_OK;
}

torc_status torc_onnx_pow(torc_onnx_import *m)
{
    double exponent;
    TORC_TRY(torc_onnx_number(m, &exponent, 1, "the exponent"));
    torc_value x = torc_onnx_node(m, torc_onnx_in(m, 0));
    torc_onnx_set_node(m, torc_function2(m->graph, x, "pow", exponent, 0));
    return TORC_OK;
}
