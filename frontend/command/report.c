/* Gathers the facts of a circuit: from the file, from the program, and predicted for this machine.
 */
#include "frontend/command/report.h"

#include "frontend/command/output.h"
#include "runtime/gpu_schedule.h"
#include "runtime/json.h"
#include "runtime/security.h"
#include "runtime/spec_names.h"
#include "runtime/status.h"
#include "runtime/torc_server.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

torc_status report_make(torc_ctx *ctx, report *out, const torc_circuit *circuit, uint32_t threads)
{
    *out = (report){.circuit = circuit};
    if (circuit->report_json != NULL) {
        TORC_TRY(torc_json_parse(ctx, &out->compiled, circuit->report_json,
                                 strlen(circuit->report_json)));
    }
    out->lookups = torc_program_lookup_count(&circuit->program);
    out->level_count = torc_program_level_count(&circuit->program);
    if (circuit->spec.is_virtual) {
        return TORC_OK;
    }
    const torc_status s = torc_machine_calibrate(ctx, &out->machine, threads);
    if (s != TORC_OK) {
        report_free(out);
        return s;
    }
    if (torc_circuit_target(circuit) == TORC_ENGINE_CUDA) {
        torc_gpu_schedule schedule;
        torc_gpu_schedule_default(&schedule, &torc_gpu_identity_h200);
        torc_predict_gpu(&out->on_gpu, &schedule, &circuit->program, &circuit->spec.params,
                         REPORT_GPU_BATCH);
    }
    torc_predict(&out->prediction, &out->machine, &circuit->program, &circuit->spec.params, 1);
    return TORC_OK;
}

void report_free(report *r)
{
    cJSON_Delete(r->compiled);
    r->compiled = NULL;
}

/* The index width P of lookups: the widest, and the largest squared norm of any row. */
static uint32_t widest_lookup(const torc_circuit *circuit)
{
    uint32_t bits = 0;
    for (uint32_t t = 0; t < circuit->program.table_count; t++) {
        const uint32_t index_bits = circuit->program.tables[t].index_bits;
        bits = index_bits > bits ? index_bits : bits;
    }
    return bits;
}

static double largest_norm_sq(const torc_circuit *circuit)
{
    double norm_sq = 0;
    for (uint32_t i = 0; i < circuit->row_count; i++) {
        norm_sq = fmax(norm_sq, circuit->rows[i].norm_sq_fresh + circuit->rows[i].norm_sq_lookup);
    }
    return norm_sq;
}

/* Lookups of one dependency level, counted for each index width. */
static uint64_t lookups_at(uint64_t of_bits[17], const torc_program *program, uint32_t level)
{
    uint64_t count = 0;
    memset(of_bits, 0, 17 * sizeof *of_bits);
    for (uint32_t i = 0; i < program->instr_count; i++) {
        const torc_instr *instr = &program->instrs[i];
        if (instr->kind != TORC_INSTR_LOOKUP || instr->level != level) {
            continue;
        }
        for (uint32_t e = 0; e < instr->lookup.count; e++) {
            of_bits[program->tables[instr->lookup.table[e]].index_bits]++;
        }
        count += instr->lookup.count;
    }
    return count;
}

/* --- JSON
 * ------------------------------------------------------------------------------------------ */

static void add_number(cJSON *object, const char *name, double value)
{
    cJSON_AddNumberToObject(object, name, value);
}

static void add_parameters(cJSON *out, const torc_circuit *circuit)
{
    const torc_params *p = &circuit->spec.params;
    if (circuit->spec.is_virtual) {
        cJSON_AddNullToObject(out, "parameters");
        return;
    }
    cJSON *object = cJSON_AddObjectToObject(out, "parameters");
    add_number(object, "lwe_dim", p->lwe_dim);
    add_number(object, "glwe_dim", p->glwe_dim);
    add_number(object, "poly_size", p->poly_size);
    add_number(object, "extended_log2", p->extended_log2);
    add_number(object, "grouping", p->grouping);
    add_number(object, "base_log", p->bootstrap.base_log);
    add_number(object, "level_count", p->bootstrap.level_count);
    add_number(object, "ks_base_log", p->keyswitch.base_log);
    add_number(object, "ks_level_count", p->keyswitch.level_count);
    add_number(object, "glwe_noise_log2", p->glwe_noise_log2);
    add_number(object, "lwe_noise_log2", p->lwe_noise_log2);
    add_number(object, "lookup_bits", widest_lookup(circuit));
    add_number(object, "norm_sq_log2", log2(fmax(largest_norm_sq(circuit), 1e-300)));
}

static void add_ports(cJSON *out, const char *name, const torc_port *ports, uint32_t count)
{
    cJSON *array = cJSON_AddArrayToObject(out, name);
    for (uint32_t i = 0; i < count; i++) {
        const torc_port *port = &ports[i];
        cJSON *object = cJSON_CreateObject();
        cJSON_AddItemToArray(array, object);
        cJSON_AddStringToObject(object, "name", port->name);
        cJSON *shape = cJSON_AddArrayToObject(object, "shape");
        for (uint32_t d = 0; d < port->rank; d++) {
            cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)port->shape[d]));
        }
        cJSON_AddBoolToObject(object, "encrypted", port->encrypted);
        cJSON_AddBoolToObject(object, "float", port->is_float);
        cJSON_AddBoolToObject(object, "signed", port->is_signed);
        add_number(object, "bits", port->width);
        add_number(object, "encoding_bits", port->encoding_bits);
        add_number(object, "min", (double)port->min);
        add_number(object, "max", (double)port->max);
    }
}

static void add_levels(cJSON *out, const report *r)
{
    cJSON *array = cJSON_AddArrayToObject(out, "levels");
    for (uint32_t level = 0; level <= r->level_count; level++) {
        uint64_t of_bits[17];
        const uint64_t count = lookups_at(of_bits, &r->circuit->program, level);
        if (count == 0) {
            continue;
        }
        cJSON *object = cJSON_CreateObject();
        cJSON_AddItemToArray(array, object);
        add_number(object, "level", level);
        add_number(object, "lookups", (double)count);
        cJSON *bits = cJSON_AddObjectToObject(object, "by_bits");
        for (uint32_t b = 1; b <= 16; b++) {
            char name[8];
            snprintf(name, sizeof name, "%" PRIu32, b);
            if (of_bits[b] != 0) {
                add_number(bits, name, (double)of_bits[b]);
            }
        }
    }
}

static void add_prediction(cJSON *out, const report *r)
{
    if (r->circuit->spec.is_virtual) {
        cJSON_AddNullToObject(out, "predicted");
        return;
    }
    const torc_prediction *p = &r->prediction;
    cJSON *object = cJSON_AddObjectToObject(out, "predicted");
    add_number(object, "seconds", p->seconds);
    add_number(object, "seconds_batched", p->seconds_batched);
    add_number(object, "memory_bytes", (double)p->memory_bytes);
    add_number(object, "evaluation_key_bytes", (double)p->evaluation_key_bytes);
    add_number(object, "evaluation_key_bytes_resident",
               (double)torc_params_key_bytes_resident(&r->circuit->spec.params));
    add_number(object, "ciphertext_bytes_in", (double)p->ciphertext_bytes_in);
    add_number(object, "ciphertext_bytes_out", (double)p->ciphertext_bytes_out);
    add_number(object, "threads", r->machine.threads);
}

static void add_gpu_prediction(cJSON *out, const report *r)
{
    if (r->circuit->spec.is_virtual || torc_circuit_target(r->circuit) != TORC_ENGINE_CUDA) {
        return;
    }
    cJSON *object = cJSON_AddObjectToObject(out, "predicted_gpu");
    cJSON_AddStringToObject(object, "device", torc_gpu_identity_h200.name);
    cJSON_AddBoolToObject(object, "measured", false);
    add_number(object, "seconds", r->on_gpu.seconds);
    add_number(object, "seconds_batched", r->on_gpu.seconds_batched);
    add_number(object, "batch", REPORT_GPU_BATCH);
}

static void add_log2(cJSON *out, const char *name, const torc_spec *spec, double value)
{
    if (spec->is_virtual) {
        cJSON_AddNullToObject(out, name);
    } else {
        add_number(out, name, fmax(value, TORC_LOG2_P_NEVER));
    }
}

/* What the compiler wrote, beside the members above; those win over a member of the same name. */
static void add_compiled(cJSON *out, const cJSON *compiled)
{
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, compiled)
    {
        if (member->string != NULL &&
            cJSON_GetObjectItemCaseSensitive(out, member->string) == NULL) {
            cJSON_AddItemToObject(out, member->string, cJSON_Duplicate(member, true));
        }
    }
}

cJSON *report_to_json(const report *r)
{
    const torc_circuit *circuit = r->circuit;
    const torc_spec *spec = &circuit->spec;
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "name", spec->circuit_name);
    cJSON_AddBoolToObject(out, "virtual", spec->is_virtual);
    cJSON_AddStringToObject(out, "contract", torc_contract_names[spec->contract]);
    cJSON_AddStringToObject(out, "profile", torc_profile_names[spec->profile]);
    cJSON_AddStringToObject(out, "target", torc_engine_names[torc_circuit_target(circuit)]);
    add_number(out, "maximum_integer_bit_width", circuit->maximum_integer_bit_width);
    add_number(out, "lookups", (double)r->lookups);
    add_levels(out, r);
    add_parameters(out, circuit);
    add_number(out, "security_bits", spec->is_virtual ? 0 : TORC_SECURITY_BITS);
    add_log2(out, "log2_p_error_lookup", spec, spec->log2_p_error_lookup);
    add_log2(out, "log2_p_error_circuit", spec, spec->log2_p_error_circuit);
    add_log2(out, "log2_p_error_bound", spec, spec->log2_p_error_bound);
    add_prediction(out, r);
    add_gpu_prediction(out, r);
    add_ports(out, "inputs", spec->inputs, spec->input_count);
    add_ports(out, "outputs", spec->outputs, spec->output_count);
    add_compiled(out, r->compiled);
    return out;
}

/* --- text
 * ------------------------------------------------------------------------------------------ */

static void print_ports(const char *label, const torc_port *ports, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const torc_port *port = &ports[i];
        printf("%-12s ", i == 0 ? label : "");
        print_untrusted(port->name);
        printf("  %s%s of shape (", port->encrypted ? "encrypted " : "clear ",
               port->is_float ? "floats" : "integers");
        for (uint32_t d = 0; d < port->rank; d++) {
            printf(d == 0 ? "%zu" : ", %zu", port->shape[d]);
        }
        printf("%s), %s%u bits\n", port->rank == 1 ? "," : "", port->is_signed ? "signed " : "",
               port->width);
    }
}

static void print_levels(const report *r)
{
    printf("lookups      %" PRIu64 " in %u level%s", r->lookups, r->level_count,
           r->level_count == 1 ? "" : "s");
    for (uint32_t level = 0, shown = 0; level <= r->level_count; level++) {
        uint64_t of_bits[17];
        if (lookups_at(of_bits, &r->circuit->program, level) == 0) {
            continue;
        }
        printf(shown++ == 0 ? ":" : ";");
        for (uint32_t b = 1, first = 1; b <= 16; b++) {
            if (of_bits[b] != 0) {
                printf("%s %" PRIu64 " of %u bits", first ? "" : ",", of_bits[b], b);
                first = 0;
            }
        }
    }
    putchar('\n');
}

static void print_parameters(const torc_params *p)
{
    if (!torc_params_has_lookup(p)) {
        printf("parameters   k %u, N %u; noise 2^%u of 2^64; no lookups, so no evaluation keys\n",
               p->glwe_dim, p->poly_size, p->glwe_noise_log2);
        return;
    }
    printf("parameters   n %u, k %u, N %u, v %u, g %u; bootstrap 2^%u x %u, keyswitch 2^%u x %u; "
           "noise "
           "2^%u of 2^64, 2^%u of 2^32\n",
           p->lwe_dim, p->glwe_dim, p->poly_size, p->extended_log2, p->grouping,
           p->bootstrap.base_log, p->bootstrap.level_count, p->keyswitch.base_log,
           p->keyswitch.level_count, p->glwe_noise_log2, p->lwe_noise_log2);
}

static void print_security(const torc_spec *spec, torc_engine target)
{
    char lookup[32];
    char circuit[32];
    print_parameters(&spec->params);
    printf("security     %d bits, profile %s; parameters for the %s\n", TORC_SECURITY_BITS,
           torc_profile_names[spec->profile], target == TORC_ENGINE_CUDA ? "GPU" : "CPU");
    printf("failure      at most %s a sample of the whole circuit, %s the worst lookup\n",
           format_probability(circuit, spec->log2_p_error_circuit),
           format_probability(lookup, spec->log2_p_error_lookup));
}

static void print_prediction(const report *r)
{
    char a[32];
    char b[32];
    char c[32];
    char d[32];
    const torc_prediction *p = &r->prediction;
    printf("predicted    %s for one sample, %s a sample in a batch (%u threads), %s of memory\n",
           format_seconds(a, p->seconds), format_seconds(b, p->seconds_batched), r->machine.threads,
           format_bytes(c, p->memory_bytes));
    if (torc_circuit_target(r->circuit) == TORC_ENGINE_CUDA) {
        printf(
            "on a GPU     %s for one sample, %s a sample in a batch of %d (counted for an %s, not "
            "measured)\n",
            format_seconds(a, r->on_gpu.seconds), format_seconds(b, r->on_gpu.seconds_batched),
            REPORT_GPU_BATCH, torc_gpu_identity_h200.name);
    }
    printf(
        "sizes        evaluation keys %s, %s in the memory of a server, a sample in %s, out %s\n",
        format_bytes(a, p->evaluation_key_bytes),
        format_bytes(d, torc_params_key_bytes_resident(&r->circuit->spec.params)),
        format_bytes(b, p->ciphertext_bytes_in), format_bytes(c, p->ciphertext_bytes_out));
}

/* NaN where the compiler did not say. */
static double compiled_number(const report *r, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(r->compiled, name);
    return cJSON_IsNumber(member) ? member->valuedouble : NAN;
}

static void print_compiled(const report *r)
{
    const double lookup_bits = compiled_number(r, "lookup_bits");
    if (!isnan(lookup_bits)) {
        printf("asked for    %.0f bits for lookups, %.0f for inputs, %.0f for weights, %.0f for "
               "outputs\n",
               lookup_bits, compiled_number(r, "input_bits"), compiled_number(r, "weight_bits"),
               compiled_number(r, "output_bits"));
    }
    const double labels = compiled_number(r, "labels_equal");
    if (!isnan(labels)) {
        printf("agreement    %.2f %% of labels as the float model, signal to noise %.1f dB "
               "(inputset)\n",
               100 * labels, compiled_number(r, "signal_to_noise_db"));
    }
}

void report_print(const report *r)
{
    const torc_circuit *circuit = r->circuit;
    const torc_spec *spec = &circuit->spec;
    printf("circuit      ");
    print_untrusted(spec->circuit_name);
    printf(", %s contract%s\n", torc_contract_names[spec->contract],
           spec->is_virtual ? ", VIRTUAL: runs in the clear and protects nothing" : "");
    print_ports("inputs", spec->inputs, spec->input_count);
    print_ports("outputs", spec->outputs, spec->output_count);
    printf("bit-width    %u at most\n", circuit->maximum_integer_bit_width);
    print_levels(r);
    print_compiled(r);
    if (!spec->is_virtual) {
        print_security(spec, torc_circuit_target(circuit));
        print_prediction(r);
    }
}
