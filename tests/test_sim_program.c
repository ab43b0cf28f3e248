/* The simulator in exact doubles against the virtual backend, which defines what a program means:
 * the same bits, the same overflows, the same noise; and what it leaves to the virtual backend. */
#include "frontend/torc_compile.h"
#include "runtime/server/simulation.h"
#include "runtime/torc_server.h"
#include "tests/common/program_builder.h"
#include "tests/common/random_graph.h"
#include "tests/common/sample_circuit.h"

#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS TORC_SOURCE_DIR "/models/digits_mlp/"

static torc_simulation simulation_of(const torc_circuit *circuit, const torc_tensor *inputs,
                                     bool noisy, uint64_t seed)
{
    torc_simulation sim = {.circuit = circuit, .inputs = inputs, .noisy = noisy, .seed = seed};
    cr_assert_eq(torc_spec_samples(NULL, &sim.samples, &circuit->spec, inputs), TORC_OK);
    sim.out = calloc(circuit->spec.output_count, sizeof *sim.out);
    cr_assert_not_null(sim.out);
    for (uint32_t o = 0; o < circuit->spec.output_count; o++) {
        const torc_port *port = &circuit->spec.outputs[o];
        sim.out[o] =
            calloc(sim.samples * torc_shape_count(port->rank, port->shape) + 1, sizeof **sim.out);
        cr_assert_not_null(sim.out[o]);
    }
    return sim;
}

static void free_simulation(torc_simulation *sim)
{
    for (uint32_t o = 0; o < sim->circuit->spec.output_count; o++) {
        free(sim->out[o]);
    }
    free(sim->out);
}

static bool same_outputs(const torc_simulation *a, const torc_simulation *b)
{
    bool same = true;
    for (uint32_t o = 0; o < a->circuit->spec.output_count; o++) {
        const torc_port *port = &a->circuit->spec.outputs[o];
        const size_t count = a->samples * torc_shape_count(port->rank, port->shape);
        same = same && memcmp(a->out[o], b->out[o], count * sizeof **a->out) == 0;
    }
    return same;
}

/* False when exact doubles do not hold the circuit. The noise of both is numbered alike as long as
 * one part of the virtual backend holds all samples. */
static bool agrees_with_words(const torc_circuit *circuit, const torc_tensor *inputs, bool noisy,
                              const char *what)
{
    torc_sim_program *program = NULL;
    cr_assert_eq(torc_sim_program_create(NULL, &program, circuit, noisy, 3), TORC_OK);
    if (program == NULL) {
        return false;
    }
    torc_simulation blocks = simulation_of(circuit, inputs, noisy, 3);
    torc_simulation words = simulation_of(circuit, inputs, noisy, 3);
    cr_assert_leq(blocks.samples, 512);
    const torc_status status = torc_simulate_words(NULL, &words);
    cr_assert_eq(torc_simulate_blocks(NULL, &blocks, program), status, "%s", what);
    if (status == TORC_OK) {
        cr_expect(same_outputs(&blocks, &words), "%s: other outputs", what);
        cr_expect_eq(blocks.stats.overflows, words.stats.overflows, "%s: overflows %lu, %lu", what,
                     (unsigned long)blocks.stats.overflows, (unsigned long)words.stats.overflows);
        cr_expect_eq(blocks.stats.lookups, words.stats.lookups, "%s", what);
        cr_expect_eq(blocks.stats.samples, words.stats.samples, "%s", what);
        cr_expect_eq(blocks.saturated, words.saturated, "%s", what);
    }
    free_simulation(&blocks);
    free_simulation(&words);
    torc_sim_program_free(program);
    return true;
}

/* --- digits --------------------------------------------------------------------------------------
 */

static torc_circuit *digits_circuit(torc_tensor *inputs)
{
    torc_graph *g = NULL;
    torc_circuit *circuit = NULL;
    torc_tensor set = {0};
    cr_assert_eq(torc_import_onnx(NULL, &g, DIGITS "digits_mlp.onnx", NULL), TORC_OK);
    cr_assert_eq(torc_npy_load(NULL, &set, DIGITS "inputset.npy"), TORC_OK);
    cr_assert_eq(torc_npy_load(NULL, inputs, DIGITS "test_inputs.npy"), TORC_OK);
    cr_assert_eq(torc_compile(NULL, &circuit, g, &set, NULL), TORC_OK);
    torc_graph_free(g);
    torc_tensor_free(&set);
    return circuit;
}

static torc_tensor samples_of(const torc_tensor *all, size_t first, size_t count)
{
    torc_tensor view = *all;
    view.shape[0] = count;
    view.f64 += first * torc_tensor_count(all) / all->shape[0];
    return view;
}

Test(sim_program, digits_are_those_of_the_virtual_backend)
{
    torc_tensor inputs = {0};
    torc_circuit *circuit = digits_circuit(&inputs);
    const size_t counts[] = {1, 63, 65, 500};
    for (size_t i = 0; i < 4; i++) {
        const torc_tensor view = samples_of(&inputs, 7 * i, counts[i]);
        cr_expect(agrees_with_words(circuit, &view, false, "exact"), "fits");
        cr_expect(agrees_with_words(circuit, &view, true, "noisy"), "fits");
    }
    torc_tensor_free(&inputs);
    torc_circuit_free(circuit);
}

/* One seed, one result: whatever the threads, and for a sample whatever comes after it. */
Test(sim_program, noise_belongs_to_the_sample)
{
    torc_tensor inputs = {0};
    torc_circuit *circuit = digits_circuit(&inputs);
    torc_tensor out[5] = {0};
    for (int i = 0; i < 4; i++) {
        const torc_tensor view = samples_of(&inputs, 0, i == 3 ? 100 : 700);
        omp_set_num_threads(1 + i);
        cr_assert_eq(
            torc_simulate_circuit(NULL, &out[i], NULL, NULL, circuit, &view, true, i == 2 ? 8 : 9),
            TORC_OK);
    }
    const size_t row = torc_tensor_count(&out[0]) / 700;
    cr_expect_eq(memcmp(out[0].f64, out[1].f64, 700 * row * sizeof(double)), 0);
    cr_expect_neq(memcmp(out[0].f64, out[2].f64, 700 * row * sizeof(double)), 0);
    cr_expect_eq(memcmp(out[0].f64, out[3].f64, 100 * row * sizeof(double)), 0);
    for (int i = 0; i < 4; i++) {
        torc_tensor_free(&out[i]);
    }
    torc_tensor_free(&inputs);
    torc_circuit_free(circuit);
}

/* The message names the element of the whole batch, the first of those that are wrong. */
Test(sim_program, a_refused_input_is_named)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_tensor inputs = {0};
    torc_tensor out = {0};
    torc_circuit *circuit = digits_circuit(&inputs);
    inputs.f64[64 * 400 + 5] = (double)NAN;
    inputs.f64[64 * 600 + 1] = (double)INFINITY;
    cr_expect_eq(torc_simulate_circuit(ctx, &out, NULL, NULL, circuit, &inputs, false, 0),
                 TORC_E_INPUT);
    cr_expect(strstr(torc_ctx_message(ctx), "element 25605 is NaN") != NULL, "%s",
              torc_ctx_message(ctx));
    torc_tensor_free(&inputs);
    torc_circuit_free(circuit);
    torc_ctx_free(ctx);
}

/* --- random programs -----------------------------------------------------------------------------
 */

/* Inputs over their whole width: overflows happen, and must happen alike. */
Test(sim_program, random_graphs_are_those_of_the_virtual_backend)
{
    enum { GRAPHS = 60 };
    int fit = 0;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        random_graph g;
        torc_circuit *circuit = NULL;
        torc_tensor inputs[3] = {0};
        const torc_options options = {.exact = true, .is_virtual = true};
        cr_assert_eq(random_graph_create(NULL, &g, seed, 14, 6), TORC_OK);
        cr_assert_eq(torc_compile(NULL, &circuit, g.graph, g.inputset, &options), TORC_OK);
        cr_assert_eq(random_graph_inputs(NULL, inputs, &g, 100, seed), TORC_OK);
        for (uint32_t i = 0; i < circuit->spec.input_count; i++) { /* nothing is refused */
            const torc_port *port = &circuit->spec.inputs[i];
            const int64_t half = (int64_t)1 << (port->width - 1);
            for (size_t e = 0; e < torc_tensor_count(&inputs[i]); e++) {
                const int64_t m = inputs[i].i64[e] & (2 * half - 1);
                inputs[i].i64[e] = port->is_signed ? m - half : m;
            }
        }
        fit += agrees_with_words(circuit, inputs, false, "random");
        for (uint32_t i = 0; i < g.input_count; i++) {
            torc_tensor_free(&inputs[i]);
        }
        torc_circuit_free(circuit);
        random_graph_free(&g);
    }
    cr_expect_gt(fit, GRAPHS / 3, "%d of %d in exact doubles", fit, GRAPHS);
}

/* --- what does not fit ---------------------------------------------------------------------------
 */

/* y = 3 x + constant, and a lookup of it when table_entry is not 0. */
static torc_circuit *small_circuit(uint64_t constant, uint64_t table_entry)
{
    torc_circuit *circuit = sample_open_circuit(6, true);
    torc_program *p = &circuit->program;
    build_input(p, true, 0, 1);
    torc_linear *a = build_linear(p, 0, 1, 1, 1, 1);
    a->gather[0] = 0;
    a->weight[0] = 3;
    a->constant[0] = constant;
    if (table_entry != 0) {
        build_table(p, 3);
        p->tables[0].entry[2] = table_entry;
        build_lookup(p, 0, 2, 1, 1);
    }
    build_output(p, true, table_entry == 0 ? 1 : 2, 1);
    return circuit;
}

Test(sim_program, what_doubles_would_round_is_left_to_words)
{
    const struct {
        const char *what;
        uint64_t constant, table_entry;
        bool fits, fits_noisy;
    } rows[] = {
        {"a small circuit", 0, 0, true, true},
        {"a constant of 50 bits", 0x3000000000001000u, 0, true, true},
        {"a constant of 62 bits", 0x3000000000000001u, 0, false, false},
        {"an entry of 8 bits", 0, (uint64_t)5 << 56, true, true},
        {"an entry of 63 bits", 0, ((uint64_t)5 << 56) + 1, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_circuit *circuit = small_circuit(rows[i].constant, rows[i].table_entry);
        const size_t shape[1] = {16};
        torc_tensor in = {0};
        torc_tensor out = {0};
        cr_assert_eq(torc_tensor_create(NULL, &in, TORC_I64, 1, shape), TORC_OK);
        for (int64_t s = 0; s < 16; s++) {
            in.i64[s] = s;
        }
        cr_expect_eq(agrees_with_words(circuit, &in, false, rows[i].what), rows[i].fits, "%s",
                     rows[i].what);
        cr_expect_eq(agrees_with_words(circuit, &in, true, rows[i].what), rows[i].fits_noisy,
                     "%s, noisy", rows[i].what);
        cr_expect_eq(torc_simulate_circuit(NULL, &out, NULL, NULL, circuit, &in, true, 0), TORC_OK,
                     "%s", rows[i].what);
        torc_tensor_free(&in);
        torc_tensor_free(&out);
        torc_circuit_free(circuit);
    }
}

Test(sim_program, clear_inputs_are_left_to_words)
{
    torc_circuit *circuit = sample_circuit();
    torc_sim_program *program = NULL;
    cr_expect_eq(torc_sim_program_create(NULL, &program, circuit, false, 0), TORC_OK);
    cr_expect_null(program);
    torc_circuit_free(circuit);
}

/* --- noise ---------------------------------------------------------------------------------------
 */

/* The grid is fine enough for the noise: moments of the phases themselves, 5 standard errors. */
Test(sim_program, noise_on_the_grid_has_the_predicted_moments)
{
    enum { SAMPLES = 64 * 1024 };
    torc_circuit *circuit = small_circuit(0, (uint64_t)5 << 56);
    torc_sim_program *program = NULL;
    torc_sim_block block;
    double sum[3] = {0}; /* of the input times 3, of the lookup */
    double square[3] = {0};
    cr_assert_eq(torc_sim_program_create(NULL, &program, circuit, true, 1), TORC_OK);
    cr_assert_not_null(program);
    cr_assert_eq(torc_sim_block_create(NULL, &block, program), TORC_OK);
    for (size_t s = 0; s < TORC_SIM_LANES; s++) {
        block.port[s] = 5; /* 15 / 128: in the middle of bin 2 */
    }
    int64_t in[TORC_SIM_LANES];
    memcpy(in, block.port, sizeof in);
    for (block.first = 0; block.first < SAMPLES; block.first += TORC_SIM_LANES) {
        block.count = TORC_SIM_LANES;
        torc_sim_load(program, &block, 0, in);
        torc_sim_run(program, &block);
        for (size_t s = 0; s < TORC_SIM_LANES; s++) {
            for (size_t e = 1; e <= 2; e++) {
                const double centre = e == 1 ? 15.0 / 128 : 5.0 / 256;
                const double noise = block.value[e * TORC_SIM_STRIDE + s] - centre;
                sum[e] += noise;
                square[e] += noise * noise;
            }
        }
    }
    const double std[3] = {0, 3 * program->std.fresh, program->std.lookup_out};
    for (size_t e = 1; e <= 2; e++) {
        cr_expect_lt(fabs(sum[e] / SAMPLES), 5 * std[e] / sqrt(SAMPLES), "element %zu", e);
        cr_expect_lt(fabs(square[e] / SAMPLES / (std[e] * std[e]) - 1), 5 * sqrt(2.0 / SAMPLES),
                     "element %zu", e);
    }
    cr_expect_eq(block.overflows, 0);
    torc_sim_block_free(&block);
    torc_sim_program_free(program);
    torc_circuit_free(circuit);
}
