/* The supported operators. Adding one: a row here, its function in op_*.c, a test. */
#include "frontend/onnx/import.h"
#include "runtime/status.h"

#include <stdio.h>
#include <string.h>

static const torc_onnx_op ops[] = {
    {"", "Abs", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Acos", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Acosh", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Add", 2, 2, torc_onnx_add, torc_onnx_affine_tail},
    {"", "ArgMax", 1, 1, torc_onnx_argmax, torc_onnx_argmax},
    {"", "Asin", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Asinh", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Atan", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Atanh", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "BatchNormalization", 5, 5, torc_onnx_batch_norm, NULL},
    {"", "Cast", 1, 1, torc_onnx_cast, torc_onnx_cast},
    {"", "Ceil", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Celu", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Clip", 1, 3, torc_onnx_clip, NULL},
    {"", "Concat", 1, 4096, torc_onnx_concat, torc_onnx_concat_tail},
    {"", "Constant", 0, 0, torc_onnx_constant_op, NULL},
    {"", "ConstantOfShape", 1, 1, torc_onnx_constant_of_shape, NULL},
    {"", "Cos", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Cosh", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Div", 2, 2, torc_onnx_div, torc_onnx_affine_tail},
    {"", "Dropout", 1, 3, torc_onnx_dropout, torc_onnx_dropout},
    {"", "Elu", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Erf", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Exp", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Flatten", 1, 1, torc_onnx_flatten, torc_onnx_flatten},
    {"", "Floor", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Gather", 2, 2, torc_onnx_gather, NULL},
    {"", "Gelu", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Gemm", 2, 3, torc_onnx_gemm, NULL},
    {"", "HardSigmoid", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "HardSwish", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Identity", 1, 1, torc_onnx_identity, torc_onnx_identity},
    {"", "LeakyRelu", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Log", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "LogSoftmax", 1, 1, torc_onnx_softmax, torc_onnx_softmax},
    {"", "MatMul", 2, 2, torc_onnx_matmul, NULL},
    {"", "Max", 1, 4096, torc_onnx_min_max, NULL},
    {"", "Min", 1, 4096, torc_onnx_min_max, NULL},
    {"", "Mish", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Mod", 2, 2, torc_onnx_mod, NULL},
    {"", "Mul", 2, 2, torc_onnx_mul, torc_onnx_affine_tail},
    {"", "Neg", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "PRelu", 2, 2, torc_onnx_prelu, NULL},
    {"", "Pow", 2, 2, torc_onnx_pow, NULL},
    {"", "Reciprocal", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "ReduceMean", 1, 2, torc_onnx_reduce, NULL},
    {"", "ReduceSum", 1, 2, torc_onnx_reduce, NULL},
    {"", "Relu", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Reshape", 2, 2, torc_onnx_reshape, torc_onnx_reshape},
    {"", "Round", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Selu", 1, 1, torc_onnx_selu, NULL},
    {"", "Shape", 1, 1, torc_onnx_shape, torc_onnx_shape},
    {"", "Sigmoid", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Sign", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Sin", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Sinh", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Slice", 1, 5, torc_onnx_slice, NULL},
    {"", "Softmax", 1, 1, torc_onnx_softmax, torc_onnx_softmax},
    {"", "Softplus", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Softsign", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Sqrt", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Squeeze", 1, 2, torc_onnx_squeeze, torc_onnx_squeeze},
    {"", "Sub", 2, 2, torc_onnx_sub, torc_onnx_affine_tail},
    {"", "Tan", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Tanh", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "ThresholdedRelu", 1, 1, torc_onnx_unary, torc_onnx_unary_tail},
    {"", "Transpose", 1, 1, torc_onnx_transpose, NULL},
    {"", "Unsqueeze", 1, 2, torc_onnx_unsqueeze, torc_onnx_unsqueeze},
    {"ai.onnx.ml", "ArrayFeatureExtractor", 2, 2, torc_onnx_feature_extractor,
     torc_onnx_feature_extractor},
    {"ai.onnx.ml", "Scaler", 1, 1, torc_onnx_scaler, NULL},
    {"ai.onnx.ml", "ZipMap", 1, 1, torc_onnx_zipmap, torc_onnx_zipmap},
};

enum { OP_COUNT = sizeof ops / sizeof *ops };

const torc_onnx_op *torc_onnx_op_find(const char *domain, const char *name)
{
    for (size_t i = 0; i < OP_COUNT; i++) {
        if (strcmp(ops[i].name, name) == 0 && strcmp(ops[i].domain, domain) == 0) {
            return &ops[i];
        }
    }
    return NULL;
}

torc_status torc_onnx_op_names(torc_ctx *ctx, char **out, const char *domain)
{
    size_t bytes = 1;
    for (size_t i = 0; i < OP_COUNT; i++) {
        bytes += strlen(ops[i].name) + 2;
    }
    char *text;
    TORC_TRY(TORC_ALLOC(ctx, text, bytes));
    size_t used = 0;
    for (size_t i = 0; i < OP_COUNT; i++) {
        if (strcmp(ops[i].domain, domain) == 0) {
            used +=
                (size_t)snprintf(text + used, bytes - used, "%s%s", used ? ", " : "", ops[i].name);
        }
    }
    *out = text;
    return TORC_OK;
}
