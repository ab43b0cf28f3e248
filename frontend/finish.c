/* The last step of a compilation: program, ports, rows and report move into a circuit. */
#include "frontend/compile.h"
#include "runtime/status.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

/* Facts of the compilation that the circuit cannot tell by itself; no times (see compile.c). */
static torc_status report_json(torc_ctx *ctx, char **out, const torc_compilation *c)
{
    cJSON *json = cJSON_CreateObject();
    bool ok = json != NULL;
    ok = ok && cJSON_AddNumberToObject(json, "lookup_bits", c->options.lookup_bits) != NULL;
    ok = ok && cJSON_AddNumberToObject(json, "input_bits", c->options.input_bits) != NULL;
    ok = ok && cJSON_AddNumberToObject(json, "weight_bits", c->options.weight_bits) != NULL;
    ok = ok && cJSON_AddNumberToObject(json, "output_bits", c->options.output_bits) != NULL;
    ok = ok && cJSON_AddNumberToObject(json, "inputset_samples", (double)c->samples) != NULL;
    ok =
        ok && cJSON_AddStringToObject(json, "target", torc_engine_names[c->options.target]) != NULL;
    if (c->has_agreement) {
        ok = ok && cJSON_AddNumberToObject(json, "labels_equal", c->labels_equal) != NULL;
        ok = ok &&
             cJSON_AddNumberToObject(json, "signal_to_noise_db", c->signal_to_noise_db) != NULL;
    }
    *out = ok ? cJSON_PrintUnformatted(json) : NULL;
    cJSON_Delete(json);
    return *out != NULL ? TORC_OK : torc_fail(ctx, TORC_E_MEMORY, "out of memory for the report");
}

static void fill_claims(torc_spec *spec, const torc_compilation *c)
{
    const torc_goal goal = torc_goal_of(&c->options);
    spec->is_virtual = c->options.is_virtual;
    spec->contract = c->contract;
    spec->profile = goal.profile;
    spec->params = c->params;
    if (!spec->is_virtual) {
        spec->log2_p_error_lookup = c->log2_p_error_lookup;
        spec->log2_p_error_circuit = c->log2_p_error_circuit;
        spec->log2_p_error_bound =
            goal.log2_p_circuit != 0 ? goal.log2_p_circuit : goal.log2_p_lookup;
    }
}

/* The graph gives its client steps away. */
static void move_posts(torc_spec *spec, torc_graph *graph)
{
    spec->posts = graph->posts;
    spec->post_count = graph->post_count;
    graph->posts = NULL;
    graph->post_count = 0;
}

static torc_status fill_spec(torc_ctx *ctx, torc_spec *spec, torc_compilation *c)
{
    spec->circuit_name = strdup(c->options.name);
    if (spec->circuit_name == NULL) {
        return torc_fail(ctx, TORC_E_MEMORY, "out of memory for the circuit's name");
    }
    fill_claims(spec, c);
    spec->inputs = c->inputs;
    spec->outputs = c->outputs;
    spec->input_count = c->input_count;
    spec->output_count = c->output_count;
    c->inputs = NULL;
    c->outputs = NULL;
    move_posts(spec, c->graph);
    return torc_spec_check(ctx, spec);
}

static torc_status fill_circuit(torc_ctx *ctx, torc_circuit *circuit, torc_compilation *c)
{
    TORC_TRY(torc_graph_print(ctx, &circuit->graph_text, c->graph, false));
    TORC_TRY(report_json(ctx, &circuit->report_json, c));
    TORC_TRY(fill_spec(ctx, &circuit->spec, c));
    circuit->maximum_integer_bit_width = c->maximum_integer_bit_width;
    circuit->program = c->program;
    circuit->rows = c->rows;
    circuit->row_count = c->row_count;
    circuit->instr_row = c->instr_row;
    circuit->output_row = c->output_row;
    c->program = (torc_program){0};
    c->rows = NULL;
    c->instr_row = NULL;
    c->output_row = NULL;
    return torc_circuit_identify(ctx, circuit);
}

torc_status torc_compilation_finish(torc_ctx *ctx, torc_circuit **out, torc_compilation *c)
{
    torc_circuit *circuit = NULL;
    TORC_TRY(TORC_ALLOC(ctx, circuit, 1));
    const torc_status status = fill_circuit(ctx, circuit, c);
    if (status != TORC_OK) {
        torc_circuit_free(circuit);
        return status;
    }
    *out = circuit;
    return TORC_OK;
}
