#include "tests/common/sample_circuit.h"

#include "tests/common/program_builder.h"
#include "tests/common/sample_spec.h"

#include <stdlib.h>
#include <string.h>

static void *allocated(size_t count, size_t size)
{
    void *pointer = calloc(count, size);
    if (pointer == NULL) {
        abort();
    }
    return pointer;
}

static torc_spec build_spec(void)
{
    const size_t two[1] = {2};
    torc_spec spec = {.circuit_name = sample_text("sample"),
                      .contract = TORC_EXACT,
                      .profile = TORC_PRIVATE,
                      .log2_p_error_lookup = -60,
                      .log2_p_error_circuit = -58,
                      .log2_p_error_bound = -40,
                      .params = sample_params(900, 1, 2048),
                      .input_count = 2,
                      .output_count = 2};
    spec.inputs = allocated(2, sizeof *spec.inputs);
    spec.outputs = allocated(2, sizeof *spec.outputs);
    spec.inputs[0] = sample_port("x", 3, false, 1, two);
    spec.inputs[1] = sample_port("c", 3, true, 0, NULL);
    spec.outputs[0] = sample_port("y", 3, true, 0, NULL);
    spec.outputs[1] = sample_port("echo", 3, true, 0, NULL);
    spec.inputs[1].encrypted = false;
    spec.outputs[1].encrypted = false;
    return spec;
}

static void build_rows(torc_circuit *circuit)
{
    circuit->row_count = 2;
    circuit->rows = allocated(2, sizeof *circuit->rows);
    circuit->rows[0] =
        (torc_noise_row){.kind = TORC_ROW_LOOKUP_EXACT, .bits = 3, .norm_sq_fresh = 20, .count = 2};
    circuit->rows[1] =
        (torc_noise_row){.kind = TORC_ROW_OUTPUT_EXACT, .bits = 3, .norm_sq_lookup = 2, .count = 1};
    circuit->instr_row = allocated(3, sizeof *circuit->instr_row);
    circuit->instr_row[1] = allocated(2, sizeof **circuit->instr_row);
    circuit->output_row = allocated(2, sizeof *circuit->output_row);
    circuit->output_row[0] = allocated(1, sizeof **circuit->output_row);
    circuit->output_row[0][0] = 1;
}

torc_circuit *sample_circuit(void)
{
    torc_circuit *circuit = allocated(1, sizeof *circuit);
    circuit->spec = build_spec();
    build_small_program(&circuit->program);
    build_rows(circuit);
    circuit->maximum_integer_bit_width = 4;
    circuit->graph_text = sample_text("%0 = x\nreturn %0\n");
    circuit->report_json = sample_text("{\"stages\":[]}");
    if (torc_circuit_identify(NULL, circuit) != TORC_OK) {
        abort();
    }
    return circuit;
}

torc_circuit *sample_open_circuit(uint32_t output_bits, bool output_is_signed)
{
    torc_circuit *circuit = allocated(1, sizeof *circuit);
    torc_spec *spec = &circuit->spec;
    *spec = (torc_spec){.circuit_name = sample_text("open"),
                        .params = sample_params(900, 1, 2048),
                        .input_count = 1,
                        .output_count = 1};
    spec->inputs = allocated(1, sizeof *spec->inputs);
    spec->outputs = allocated(1, sizeof *spec->outputs);
    spec->inputs[0] = sample_port("x", 4, false, 0, NULL);
    spec->outputs[0] = sample_port("y", output_bits, output_is_signed, 0, NULL);
    spec->inputs[0].encoding_bits = output_bits;
    return circuit;
}

torc_circuit *sample_virtual_circuit(void)
{
    torc_circuit *circuit = sample_circuit();
    circuit->spec.is_virtual = true;
    circuit->spec.params = (torc_params){0};
    if (torc_circuit_identify(NULL, circuit) != TORC_OK) {
        abort();
    }
    return circuit;
}

/* u^2 mod 8, negated every eight steps. */
static int64_t table(int64_t u, uint64_t *outside)
{
    const int64_t turned = ((u % 16) + 16) % 16;
    *outside += u < 0 || u >= 8;
    return turned < 8 ? turned * turned % 8 : -((turned - 8) * (turned - 8) % 8);
}

int64_t sample_circuit_answer(int64_t x0, int64_t x1, int64_t c, uint64_t *outside)
{
    const int64_t y = table(x0 + x1 + c, outside) - table(2 * x0 - c * x1 + 1, outside);
    *outside += y < -8 || y >= 8;
    return y < -8 ? y + 16 : y >= 8 ? y - 16 : y;
}
