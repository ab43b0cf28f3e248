/* The node tests of the ONNX project (Debian: libonnx-testdata): every folder of the operators
 * below is either imported and gives the expected numbers, or is refused with a message. Skipped,
 * visibly, when the package is absent.
 *
 * A node test feeds whole tensors. Here the first axis of input 0 is the batch; the other inputs
 * become constants of the model, or, when that is refused, further data. */
#include "frontend/onnx/reader.h"
#include "runtime/file.h"
#include "tests/common/float_model.h"
#include "tests/common/folder.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOT "/usr/share/libonnx-testdata/data/node/"

/* Prefixes of folder names, one operator each. */
static const char *const operators[] = {
    "abs",       "acos",       "acosh",       "add",        "argmax",      "asin",
    "asinh",     "atan",       "atanh",       "batchnorm",  "ceil",        "celu",
    "clip",      "concat",     "constant",    "cos",        "cosh",        "div",
    "dropout",   "elu",        "erf",         "exp",        "flatten",     "floor",
    "gather",    "gemm",       "hardsigmoid", "hardswish",  "identity",    "leakyrelu",
    "log",       "logsoftmax", "matmul",      "max",        "min",         "mul",
    "neg",       "pow",        "prelu",       "reciprocal", "reduce_mean", "reduce_sum",
    "relu",      "reshape",    "round",       "selu",       "sigmoid",     "sign",
    "sin",       "sinh",       "slice",       "softmax",    "softplus",    "softsign",
    "sqrt",      "squeeze",    "sub",         "tan",        "tanh",        "thresholdedrelu",
    "transpose", "unsqueeze",
};

enum { LEAST_PASSES = 150 }; /* may only grow */

typedef enum outcome { PASSED, REFUSED, SKIPPED, FAILED } outcome;

typedef struct node_test {
    torc_ctx *ctx;
    const char *name;
    Onnx__Model *model;
    Onnx__Tensor *inputs[8];
    Onnx__Tensor *expected;
    size_t input_count;
} node_test;

static void *read_message(torc_ctx *ctx, const char *path, const ProtobufCMessageDescriptor *kind)
{
    char *bytes = NULL;
    size_t size = 0;
    if (torc_file_read(ctx, &bytes, &size, path, 1 << 24) != TORC_OK) {
        return NULL;
    }
    void *message = protobuf_c_message_unpack(kind, NULL, size, (const uint8_t *)bytes);
    free(bytes);
    return message;
}

static bool open_test(node_test *t, const char *name)
{
    char path[512];
    t->name = name;
    snprintf(path, sizeof path, ROOT "%s/model.onnx", name);
    t->model = read_message(t->ctx, path, &onnx__model__descriptor);
    for (t->input_count = 0; t->model && t->input_count < 8; t->input_count++) {
        snprintf(path, sizeof path, ROOT "%s/test_data_set_0/input_%zu.pb", name, t->input_count);
        Onnx__Tensor *input = read_message(t->ctx, path, &onnx__tensor__descriptor);
        if (!input) {
            break;
        }
        t->inputs[t->input_count] = input;
    }
    snprintf(path, sizeof path, ROOT "%s/test_data_set_0/output_0.pb", name);
    t->expected = read_message(t->ctx, path, &onnx__tensor__descriptor);
    return t->model && t->expected && t->input_count > 0 && t->model->graph &&
           t->model->graph->n_input == t->input_count;
}

static void close_test(node_test *t)
{
    if (t->model) {
        onnx__model__free_unpacked(t->model, NULL);
    }
    for (size_t i = 0; i < t->input_count; i++) {
        onnx__tensor__free_unpacked(t->inputs[i], NULL);
    }
    if (t->expected) {
        onnx__tensor__free_unpacked(t->expected, NULL);
    }
}

static bool is_plain_float(const Onnx__Tensor *t)
{
    return t->has_data_type && (t->data_type == 1 || t->data_type == 11) && t->n_dims >= 1 &&
           t->dims[0] > 0 && t->data_location == 0;
}

/* Writes the model with inputs 1.. as initializers. */
static void save_with_constants(node_test *t, const char *path)
{
    Onnx__Graph *g = t->model->graph;
    size_t inputs = g->n_input;
    Onnx__Tensor *none[1];
    Onnx__Tensor **kept = g->initializer;
    Onnx__Tensor *constants[8];
    char *names[8];
    for (size_t i = 1; i < t->input_count; i++) {
        constants[i - 1] = t->inputs[i];
        names[i - 1] = t->inputs[i]->name;
        constants[i - 1]->name = g->input[i]->name; /* borrowed while packing */
    }
    cr_assert_eq(g->n_initializer, 0);
    g->n_input = 1;
    g->initializer = t->input_count > 1 ? constants : none;
    g->n_initializer = t->input_count - 1;
    size_t size = onnx__model__get_packed_size(t->model);
    uint8_t *bytes = malloc(size);
    onnx__model__pack(t->model, bytes);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    free(bytes);
    for (size_t i = 1; i < t->input_count; i++) {
        t->inputs[i]->name = names[i - 1];
    }
    g->n_input = inputs;
    g->initializer = kept;
    g->n_initializer = 0;
}

static torc_status tensor_of(node_test *t, torc_tensor *out, const Onnx__Tensor *from)
{
    torc_onnx_file none = {0};
    return torc_onnx_tensor(t->ctx, out, &none, from, "test tensor");
}

/* rtol 1e-3, atol 1e-7 are the suite's own; shapes agree up to the number of elements, because a
 * graph without batch axis has lost none of them. */
static bool close_enough(const torc_tensor *y, const torc_tensor *expected)
{
    if (torc_tensor_count(y) != torc_tensor_count(expected)) {
        return false;
    }
    for (size_t i = 0; i < torc_tensor_count(y); i++) {
        double a = test_element(y, i);
        double b = test_element(expected, i);
        if (!(fabs(a - b) <= 1e-6 + 1e-3 * fabs(b)) && !(isnan(a) && isnan(b))) {
            return false;
        }
    }
    return true;
}

static outcome run_model(node_test *t, const char *path, size_t data_count)
{
    torc_graph *g = NULL;
    torc_tensor x[8] = {{0}};
    torc_tensor y = {0};
    torc_tensor expected = {0};
    torc_status status = torc_import_onnx(t->ctx, &g, path, NULL);
    outcome result = status == TORC_E_UNSUPPORTED ? REFUSED : FAILED;
    if (status == TORC_OK && torc_graph_input_nodes(g, NULL, 0) != data_count) {
        status = TORC_E_INPUT; /* an input that the result does not need */
        result = SKIPPED;
    }
    for (size_t i = 0; i < data_count && status == TORC_OK; i++) {
        status = tensor_of(t, &x[i], t->inputs[i]);
    }
    if (status == TORC_OK) {
        status = tensor_of(t, &expected, t->expected);
    }
    if (status == TORC_OK) {
        status = test_run_float(t->ctx, &y, g, x);
        result = status == TORC_OK && close_enough(&y, &expected) ? PASSED : FAILED;
    }
    for (size_t i = 0; i < data_count; i++) {
        torc_tensor_free(&x[i]);
    }
    torc_tensor_free(&y);
    torc_tensor_free(&expected);
    torc_graph_free(g);
    return result;
}

static outcome run_folder(torc_ctx *ctx, const char *name)
{
    node_test t = {.ctx = ctx};
    outcome result = SKIPPED;
    char path[512];
    if (open_test(&t, name) && is_plain_float(t.inputs[0])) {
        const char *copy = folder_path("node.onnx");
        save_with_constants(&t, copy);
        result = run_model(&t, copy, 1);
        bool all_data = true;
        for (size_t i = 1; i < t.input_count; i++) {
            all_data = all_data && is_plain_float(t.inputs[i]) &&
                       t.inputs[i]->dims[0] == t.inputs[0]->dims[0];
        }
        if (result == REFUSED && all_data && t.input_count > 1) {
            snprintf(path, sizeof path, ROOT "%s/model.onnx", name);
            result = run_model(&t, path, t.input_count);
        }
    }
    close_test(&t);
    return result;
}

static bool is_wanted(const char *folder)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        size_t length = strlen(operators[i]);
        const char *rest = folder + strlen("test_") + length;
        if (strncmp(folder, "test_", 5) == 0 && strncmp(folder + 5, operators[i], length) == 0 &&
            (*rest == '\0' || *rest == '_') && !strstr(folder, "_expanded")) {
            return true;
        }
    }
    return false;
}

Test(onnx_conformance, node_tests_pass_or_are_refused)
{
    DIR *root = opendir(ROOT);
    int counts[4] = {0};
    if (!root) {
        cr_skip("libonnx-testdata is not installed (apt-get install libonnx-testdata)");
    }
    torc_ctx *ctx = torc_ctx_create();
    for (struct dirent *e = readdir(root); e; e = readdir(root)) {
        if (is_wanted(e->d_name)) {
            outcome o = run_folder(ctx, e->d_name);
            counts[o]++;
            cr_expect(o != FAILED, "%s: wrong or refused as malformed; last message: %s", e->d_name,
                      torc_ctx_message(ctx));
            if (getenv("TORC_LIST")) {
                printf("%d %s %s\n", o, e->d_name, o == REFUSED ? torc_ctx_message(ctx) : "");
            }
        }
    }
    closedir(root);
    printf("node tests: %d passed, %d refused, %d not of floats\n", counts[PASSED], counts[REFUSED],
           counts[SKIPPED]);
    cr_expect(counts[PASSED] >= LEAST_PASSES, "%d passed", counts[PASSED]);
    torc_ctx_free(ctx);
}
