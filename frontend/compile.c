/* The compiler as one flat table of stages. Each makes the next graph or fills a table of the
 * compilation; each has a verifier and a dump. Lowering comes before the parameter search because
 * it finds the noise rows that the search must satisfy. */
#include "frontend/compile.h"

#include "runtime/clock.h"
#include "runtime/params_json.h"
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

typedef torc_status dump_fn(torc_ctx *ctx, char **out, const torc_compilation *c);

typedef struct stage {
    const char *name;
    torc_status (*run)(torc_ctx *ctx, torc_compilation *c);
    torc_status (*verify)(torc_ctx *ctx, const torc_compilation *c);
    dump_fn *dump;
} stage;

static torc_status dump_graph(torc_ctx *ctx, char **out, const torc_compilation *c)
{
    return torc_graph_print(ctx, out, c->graph, true);
}

static torc_status dump_program(torc_ctx *ctx, char **out, const torc_compilation *c)
{
    return torc_program_print(ctx, out, &c->program);
}

static torc_status dump_params(torc_ctx *ctx, char **out, const torc_compilation *c)
{
    return torc_params_to_json(ctx, out, &c->params);
}

static torc_status accept_import(torc_ctx *ctx, torc_compilation *c)
{
    return torc_graph_status(ctx, c->graph);
}

static const stage stages[] = {
    {"import", accept_import, torc_verify_graph, dump_graph},
    {"quantize", torc_stage_quantize, torc_verify_graph, dump_graph},
    {"measure", torc_stage_measure, torc_verify_measured, dump_graph},
    {"fuse", torc_stage_fuse, torc_verify_fused, dump_graph},
    {"width", torc_stage_width, torc_verify_widths, dump_graph},
    {"check", torc_stage_check, torc_verify_graph, dump_graph},
    {"lower", torc_stage_lower, torc_verify_program, dump_program},
    {"optimize", torc_stage_optimize, torc_verify_parameters, dump_params},
};
enum { STAGE_COUNT = sizeof stages / sizeof *stages };

static void free_reals(torc_real *reals, uint32_t count)
{
    for (uint32_t i = 0; reals != NULL && i < count; i++) {
        free(reals[i].scale);
        free(reals[i].offset);
    }
    free(reals);
}

static void free_ports(torc_compilation *c)
{
    torc_spec spec = {.inputs = c->inputs,
                      .outputs = c->outputs,
                      .input_count = c->inputs == NULL ? 0 : c->input_count,
                      .output_count = c->outputs == NULL ? 0 : c->output_count};
    torc_spec_free(&spec);
}

static void compilation_end(torc_compilation *c)
{
    for (uint32_t i = 0; c->integers != NULL && i < c->input_count; i++) {
        torc_tensor_free(&c->integers[i]);
    }
    for (uint32_t i = 0; c->instr_row != NULL && i < c->program.instr_count; i++) {
        free(c->instr_row[i]);
    }
    for (uint32_t o = 0; c->output_row != NULL && o < c->output_count; o++) {
        free(c->output_row[o]);
    }
    free(c->integers);
    free(c->instr_row);
    free(c->output_row);
    free(c->rows);
    free(c->output_range);
    free_reals(c->input_real, c->input_count);
    free_reals(c->output_real, c->output_count);
    free_ports(c);
    torc_program_free(&c->program);
    torc_graph_free(c->graph);
}

static torc_status check_bits(torc_ctx *ctx, const char *what, uint32_t bits, uint32_t max)
{
    if (bits == 0 || bits > max) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "%s is %u; choose 1 to %u", what, bits, max);
    }
    return TORC_OK;
}

static torc_status default_options(torc_ctx *ctx, torc_options *o)
{
    const uint32_t lookup_bits = o->exact ? TORC_MAX_LOOKUP_BITS : TORC_DEFAULT_LOOKUP_BITS;
    o->name = o->name == NULL ? "main" : o->name;
    o->lookup_bits = o->lookup_bits == 0 ? lookup_bits : o->lookup_bits;
    o->input_bits = o->input_bits == 0 ? TORC_DEFAULT_INPUT_BITS : o->input_bits;
    o->weight_bits = o->weight_bits == 0 ? TORC_DEFAULT_WEIGHT_BITS : o->weight_bits;
    o->output_bits = o->output_bits == 0 ? TORC_DEFAULT_OUTPUT_BITS : o->output_bits;
    TORC_TRY(check_bits(ctx, "the index width of lookups (--bits)", o->lookup_bits,
                        o->is_virtual ? TORC_INDEX_BITS_VIRTUAL : TORC_MAX_LOOKUP_BITS));
    TORC_TRY(check_bits(ctx, "--input-bits", o->input_bits, 16));
    TORC_TRY(check_bits(ctx, "--weight-bits", o->weight_bits, 16));
    TORC_TRY(check_bits(ctx, "--output-bits", o->output_bits, 24));
    if (o->weight_bits < 2) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "--weight-bits is 1; weights are signed: 2 to 16");
    }
    if ((uint32_t)o->target >= TORC_ENGINE_COUNT) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "target %d is unknown; choose the CPU or CUDA",
                         (int)o->target);
    }
    if (o->log2_p_error > 0 || o->log2_p_error_lookup > 0) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "a failure probability must be below 1");
    }
    return TORC_OK;
}

/* One input's tensor is [samples][shape...] with at least one sample, as many as the others. */
static torc_status check_set(torc_ctx *ctx, torc_compilation *c, const torc_node *node,
                             const torc_tensor *set)
{
    const bool fits =
        set->rank == node->type.rank + 1 &&
        memcmp(set->shape + 1, node->type.shape, node->type.rank * sizeof *set->shape) == 0;
    if (!fits) {
        return torc_fail(ctx, TORC_E_INPUT,
                         "inputset of '%s' has %u axes; it takes [samples] and then the %u axes of "
                         "the input's own shape",
                         node->name, set->rank, node->type.rank);
    }
    if (set->shape[0] == 0 || (c->samples != 0 && set->shape[0] != c->samples)) {
        return torc_fail(ctx, TORC_E_INPUT,
                         "inputset of '%s' has %zu samples; every input needs the same number, at "
                         "least 1",
                         node->name, set->shape[0]);
    }
    c->samples = set->shape[0];
    return TORC_OK;
}

static torc_status check_inputset(torc_ctx *ctx, torc_compilation *c, const torc_graph *source)
{
    uint32_t *ids = NULL;
    TORC_TRY(TORC_ALLOC(ctx, ids, c->input_count));
    torc_graph_input_nodes(source, ids, c->input_count);
    torc_status status = TORC_OK;
    for (uint32_t i = 0; status == TORC_OK && i < c->input_count; i++) {
        status = check_set(ctx, c, &source->nodes[ids[i]], &c->inputset[i]);
    }
    free(ids);
    return status;
}

static torc_status compilation_begin(torc_ctx *ctx, torc_compilation *c, const torc_graph *source,
                                     const torc_tensor *inputset, const torc_options *options)
{
    *c = (torc_compilation){.inputset = inputset};
    if (options != NULL) {
        c->options = *options;
    }
    TORC_TRY(default_options(ctx, &c->options));
    TORC_TRY(torc_graph_status(ctx, source));
    if (source->output_count == 0) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "the graph has no output; name one with torc_output");
    }
    c->input_count = torc_graph_input_nodes(source, NULL, 0);
    c->output_count = source->output_count;
    TORC_TRY(check_inputset(ctx, c, source));
    TORC_TRY(TORC_ALLOC(ctx, c->input_real, c->input_count));
    TORC_TRY(TORC_ALLOC(ctx, c->output_real, c->output_count));
    TORC_TRY(TORC_ALLOC(ctx, c->output_range, c->output_count));
    TORC_TRY(TORC_ALLOC(ctx, c->inputs, c->input_count));
    TORC_TRY(TORC_ALLOC(ctx, c->outputs, c->output_count));
    return torc_graph_tidy(ctx, &c->graph, source);
}

static torc_status dump_stage(torc_ctx *ctx, const stage *s, const torc_compilation *c)
{
    const char *wanted = c->options.dump_after;
    if (wanted == NULL || c->options.dump == NULL || strcmp(wanted, s->name) != 0) {
        return TORC_OK;
    }
    char *text = NULL;
    TORC_TRY(s->dump(ctx, &text, c));
    c->options.dump(c->options.dump_user, s->name, text);
    free(text);
    return TORC_OK;
}

static torc_status run_stage(torc_ctx *ctx, uint32_t index, torc_compilation *c)
{
    const stage *s = &stages[index];
    const double start = torc_seconds_now();
    torc_progress(ctx, s->name, (double)index / (double)STAGE_COUNT);
    TORC_TRY(s->run(ctx, c));
    TORC_TRY(s->verify(ctx, c));
    if (c->options.report != NULL) {
        c->options.report->stage_name[index] = s->name;
        c->options.report->stage_seconds[index] = torc_seconds_now() - start;
        c->options.report->stage_count = index + 1;
    }
    return dump_stage(ctx, s, c);
}

static torc_status check_dump_name(torc_ctx *ctx, const torc_options *options)
{
    bool known = options->dump_after == NULL;
    for (size_t i = 0; i < STAGE_COUNT; i++) {
        known = known || strcmp(options->dump_after, stages[i].name) == 0;
    }
    return known ? TORC_OK
                 : torc_fail(
                       ctx, TORC_E_ARGUMENT,
                       "no stage '%s'; there are import, quantize, measure, fuse, width, check, "
                       "lower, optimize",
                       options->dump_after);
}

static void note_attempt(torc_attempt *out, const torc_compilation *c)
{
    torc_compile_report *report = c->options.report;
    out->contract = c->contract;
    out->has_agreement = c->has_agreement;
    out->labels_equal = c->labels_equal;
    out->signal_to_noise_db = c->signal_to_noise_db;
    out->price = c->options.is_virtual ? 0.0 : torc_compilation_price(c);
    if (report != NULL) {
        report->has_agreement = c->has_agreement;
        report->labels_equal = c->labels_equal;
        report->signal_to_noise_db = c->signal_to_noise_db;
    }
}

torc_status torc_compile_attempt(torc_ctx *ctx, torc_attempt *out, const torc_graph *graph,
                                 const torc_tensor *inputset, const torc_options *options)
{
    torc_compilation c; /* owns the current graph, bounds, parameters, program */
    *out = (torc_attempt){0};
    torc_status status = compilation_begin(ctx, &c, graph, inputset, options);
    if (status == TORC_OK) {
        status = check_dump_name(ctx, &c.options);
    }
    for (uint32_t i = 0; status == TORC_OK && i < STAGE_COUNT; i++) {
        status = run_stage(ctx, i, &c);
    }
    if (status == TORC_OK) {
        note_attempt(out, &c);
        status = torc_compilation_finish(ctx, &out->circuit, &c);
    }
    compilation_end(&c);
    return status;
}

uint32_t torc_maximum_integer_bit_width(const torc_circuit *circuit)
{
    return circuit->maximum_integer_bit_width;
}
