/* Who gives no width of weights gets one that is cheaper and agrees nearly as well. */
#include "frontend/compile.h"
#include "runtime/status.h"

#include <criterion/criterion.h>

#define FOLDER TORC_SOURCE_DIR "/models/digits_mlp/"

static torc_graph *graph;
static torc_tensor inputset;

static void load(void)
{
    torc_ctx *ctx = torc_ctx_create();
    cr_assert_eq(torc_import_onnx(ctx, &graph, FOLDER "digits_mlp.onnx", NULL), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    cr_assert_eq(torc_npy_load(ctx, &inputset, FOLDER "inputset.npy"), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    torc_ctx_free(ctx);
}

static void unload(void)
{
    torc_graph_free(graph);
    torc_tensor_free(&inputset);
}

static torc_attempt attempt(uint32_t weight_bits)
{
    const torc_options options = {.weight_bits = weight_bits};
    torc_attempt out;
    cr_assert_eq(torc_compile_attempt(NULL, &out, graph, &inputset, &options), TORC_OK);
    return out;
}

Test(compile_weights, cheaper_and_nearly_as_good, .init = load, .fini = unload)
{
    torc_compile_report report = {0};
    const torc_options open = {.report = &report};
    const torc_options six = {.weight_bits = 6};
    torc_circuit *chosen = NULL;
    torc_circuit *asked = NULL;
    const torc_attempt first = attempt(6);
    const torc_attempt four = attempt(4);
    cr_assert_eq(torc_compile(NULL, &chosen, graph, &inputset, &open), TORC_OK);
    cr_assert_eq(torc_compile(NULL, &asked, graph, &inputset, &six), TORC_OK);

    cr_expect_lt(four.price, 0.8 * first.price, "4 bits cost %g, 6 bits %g", four.price,
                 first.price);
    cr_expect_eq(memcmp(chosen->spec.circuit_id, four.circuit->spec.circuit_id, TORC_ID_BYTES), 0);
    cr_expect_eq(memcmp(asked->spec.circuit_id, first.circuit->spec.circuit_id, TORC_ID_BYTES), 0);
    cr_expect_eq(report.signal_to_noise_db, four.signal_to_noise_db, "the report is of the choice");
    cr_expect_geq(report.labels_equal, first.labels_equal - 0.005);
    torc_circuit_free(chosen);
    torc_circuit_free(asked);
    torc_circuit_free(first.circuit);
    torc_circuit_free(four.circuit);
}
