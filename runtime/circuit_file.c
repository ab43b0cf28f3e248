/* Circuits in files (kind "circuit"):
 *   spec, graph, report       u8  text: canonical JSON, printed op-graph, JSON
 *   program/...               the parts of program_pack.c
 *   rows/kind_bits            u32 [row_count][2]
 *   rows/norms                f64 [row_count][3]  norm_sq_fresh, norm_sq_lookup, max_std
 *   rows/count                u64 [row_count]
 *   rows/of_lookups           u32 [lookups], in program order; empty when the circuit has none
 *   rows/of_outputs           u32 [encrypted output elements], or empty
 *   metadata                  circuit_id, maximum_integer_bit_width
 * A file is hostile: whatever it claims is checked here, and what a backend runs is what was
 * hashed. */
#include "runtime/circuit.h"
#include "runtime/header_fields.h"
#include "runtime/json.h"
#include "runtime/program_pack.h"
#include "runtime/security.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WIDTH 64

/* The rows as flat arrays. */
typedef struct packed_rows {
    size_t row_count;
    size_t lookup_count; /* 0 or all */
    size_t output_count;
    uint32_t *kind_bits;
    double *norms;
    uint64_t *count;
    uint32_t *of_lookups;
    uint32_t *of_outputs;
} packed_rows;

static void packed_rows_free(packed_rows *rows)
{
    free(rows->kind_bits);
    free(rows->norms);
    free(rows->count);
    free(rows->of_lookups);
    free(rows->of_outputs);
}

static size_t encrypted_output_count(const torc_program *program)
{
    size_t count = 0;
    for (uint32_t i = 0; i < program->output_count; i++) {
        count += program->outputs[i].encrypted ? program->outputs[i].count : 0;
    }
    return count;
}

/* --- saving --------------------------------------------------------------------------------------
 */

static torc_status rows_alloc(torc_ctx *ctx, packed_rows *out, const torc_circuit *circuit)
{
    const uint64_t lookups = torc_program_lookup_count(&circuit->program);
    out->row_count = circuit->row_count;
    out->lookup_count = circuit->instr_row == NULL ? 0 : (size_t)lookups;
    out->output_count = circuit->output_row == NULL ? 0 : encrypted_output_count(&circuit->program);
    TORC_TRY(TORC_ALLOC(ctx, out->kind_bits, 2 * out->row_count));
    TORC_TRY(TORC_ALLOC(ctx, out->norms, 3 * out->row_count));
    TORC_TRY(TORC_ALLOC(ctx, out->count, out->row_count));
    TORC_TRY(TORC_ALLOC(ctx, out->of_lookups, out->lookup_count));
    return TORC_ALLOC(ctx, out->of_outputs, out->output_count);
}

static void fill_rows(packed_rows *out, const torc_circuit *circuit)
{
    const torc_program *program = &circuit->program;
    for (size_t i = 0; i < out->row_count; i++) {
        const torc_noise_row *row = &circuit->rows[i];
        out->kind_bits[2 * i] = (uint32_t)row->kind;
        out->kind_bits[2 * i + 1] = row->bits;
        out->norms[3 * i] = row->norm_sq_fresh;
        out->norms[3 * i + 1] = row->norm_sq_lookup;
        out->norms[3 * i + 2] = row->max_std;
        out->count[i] = row->count;
    }
    uint32_t *next = out->of_lookups;
    for (uint32_t i = 0; out->lookup_count > 0 && i < program->instr_count; i++) {
        if (program->instrs[i].kind == TORC_INSTR_LOOKUP) {
            const uint32_t count = program->instrs[i].lookup.count;
            memcpy(next, circuit->instr_row[i], count * sizeof *next);
            next += count;
        }
    }
    next = out->of_outputs;
    for (uint32_t i = 0; out->output_count > 0 && i < program->output_count; i++) {
        if (program->outputs[i].encrypted) {
            memcpy(next, circuit->output_row[i], program->outputs[i].count * sizeof *next);
            next += program->outputs[i].count;
        }
    }
}

static torc_status write_text(torc_ctx *ctx, torc_writer *writer, const char *name,
                              const char *text)
{
    const size_t shape[1] = {text == NULL ? 0 : strlen(text)};
    return torc_writer_tensor(ctx, writer, name, TORC_RAW_U8, 1, shape, text == NULL ? "" : text);
}

static torc_status write_rows(torc_ctx *ctx, torc_writer *writer, const packed_rows *rows)
{
    const size_t pairs[2] = {rows->row_count, 2};
    const size_t triples[2] = {rows->row_count, 3};
    TORC_TRY(
        torc_writer_tensor(ctx, writer, "rows/kind_bits", TORC_RAW_U32, 2, pairs, rows->kind_bits));
    TORC_TRY(torc_writer_tensor(ctx, writer, "rows/norms", TORC_RAW_F64, 2, triples, rows->norms));
    TORC_TRY(torc_writer_tensor(ctx, writer, "rows/count", TORC_RAW_U64, 1, &rows->row_count,
                                rows->count));
    TORC_TRY(torc_writer_tensor(ctx, writer, "rows/of_lookups", TORC_RAW_U32, 1,
                                &rows->lookup_count, rows->of_lookups));
    return torc_writer_tensor(ctx, writer, "rows/of_outputs", TORC_RAW_U32, 1, &rows->output_count,
                              rows->of_outputs);
}

static torc_status write_program(torc_ctx *ctx, torc_writer *writer,
                                 const torc_packed_program *packed)
{
    for (int i = 0; i < TORC_PACK_PART_COUNT; i++) {
        TORC_TRY(torc_writer_tensor(ctx, writer, torc_pack_forms[i].name, torc_pack_forms[i].dtype,
                                    1, &packed->count[i], packed->data[i]));
    }
    return TORC_OK;
}

/* What the writer borrows until it has saved. */
typedef struct pieces {
    char *spec;
    torc_packed_program program;
    packed_rows rows;
    torc_writer *writer;
} pieces;

static torc_status save(torc_ctx *ctx, pieces *p, const torc_circuit *circuit, const char *path)
{
    TORC_TRY(torc_spec_to_json(ctx, &p->spec, &circuit->spec));
    TORC_TRY(torc_program_pack(ctx, &p->program, &circuit->program));
    TORC_TRY(rows_alloc(ctx, &p->rows, circuit));
    fill_rows(&p->rows, circuit);
    TORC_TRY(torc_writer_create(ctx, &p->writer, TORC_FILE_CIRCUIT));
    TORC_TRY(
        torc_writer_hex(ctx, p->writer, "circuit_id", circuit->spec.circuit_id, TORC_ID_BYTES));
    TORC_TRY(torc_header_put_u64(ctx, p->writer, "maximum_integer_bit_width",
                                 circuit->maximum_integer_bit_width));
    TORC_TRY(write_text(ctx, p->writer, "spec", p->spec));
    TORC_TRY(write_text(ctx, p->writer, "graph", circuit->graph_text));
    TORC_TRY(write_text(ctx, p->writer, "report", circuit->report_json));
    TORC_TRY(write_program(ctx, p->writer, &p->program));
    TORC_TRY(write_rows(ctx, p->writer, &p->rows));
    return torc_writer_save(ctx, p->writer, path, 0644, false);
}

torc_status torc_circuit_save(torc_ctx *ctx, const torc_circuit *circuit, const char *path)
{
    pieces p = {0};
    const torc_status s = save(ctx, &p, circuit, path);
    torc_writer_free(p.writer);
    packed_rows_free(&p.rows);
    torc_packed_program_free(&p.program);
    free(p.spec);
    return s;
}

/* --- loading -------------------------------------------------------------------------------------
 */

static torc_status damaged(torc_ctx *ctx, const char *what)
{
    return torc_fail(ctx, TORC_E_FORMAT, "%s; compile the model again", what);
}

static torc_status read_text(torc_ctx *ctx, char **out, const torc_reader *reader, const char *name)
{
    size_t length = 0;
    const void *text = NULL;
    TORC_TRY(torc_reader_tensor(ctx, reader, name, TORC_RAW_U8, 1, &length, &text));
    if (!torc_is_printable_text(text, length)) {
        return torc_fail(ctx, TORC_E_FORMAT, "'%s' holds characters that cannot be shown", name);
    }
    TORC_TRY(TORC_ALLOC(ctx, *out, length + 1));
    memcpy(*out, text, length);
    return TORC_OK;
}

static torc_status read_report(torc_ctx *ctx, torc_circuit *circuit, const torc_reader *reader)
{
    cJSON *json = NULL;
    TORC_TRY(read_text(ctx, &circuit->report_json, reader, "report"));
    TORC_TRY(torc_json_parse(ctx, &json, circuit->report_json, strlen(circuit->report_json)));
    const bool is_object = cJSON_IsObject(json);
    cJSON_Delete(json);
    return is_object ? TORC_OK : damaged(ctx, "the report is not a JSON object");
}

static torc_status read_program(torc_ctx *ctx, torc_program *out, const torc_reader *reader)
{
    torc_packed_program packed = {0};
    for (int i = 0; i < TORC_PACK_PART_COUNT; i++) {
        TORC_TRY(torc_reader_tensor(ctx, reader, torc_pack_forms[i].name, torc_pack_forms[i].dtype,
                                    1, &packed.count[i], &packed.data[i]));
    }
    return torc_program_unpack(ctx, out, &packed);
}

static torc_status read_array(torc_ctx *ctx, const torc_reader *reader, const char *name,
                              torc_raw_dtype dtype, size_t columns, size_t rows, const void **out)
{
    size_t shape[2] = {0};
    TORC_TRY(torc_reader_tensor(ctx, reader, name, dtype, columns == 0 ? 1 : 2, shape, out));
    if (shape[0] != rows || (columns != 0 && shape[1] != columns)) {
        return torc_fail(ctx, TORC_E_FORMAT, "'%s' has %zu rows, %zu are needed; compile again",
                         name, shape[0], rows);
    }
    return TORC_OK;
}

static bool row_is_sound(const torc_noise_row *row)
{
    return row->kind <= TORC_ROW_OUTPUT_ROUNDED && row->bits >= 1 && row->bits <= MAX_WIDTH &&
           isfinite(row->norm_sq_fresh) && row->norm_sq_fresh >= 0 &&
           isfinite(row->norm_sq_lookup) && row->norm_sq_lookup >= 0 && isfinite(row->max_std) &&
           row->max_std >= 0;
}

static torc_status read_rows(torc_ctx *ctx, torc_circuit *circuit, const torc_reader *reader)
{
    size_t shape[2] = {0};
    const void *kind_bits = NULL;
    const void *norms = NULL;
    const void *counts = NULL;
    TORC_TRY(torc_reader_tensor(ctx, reader, "rows/kind_bits", TORC_RAW_U32, 2, shape, &kind_bits));
    const size_t n = shape[0];
    if (n > UINT32_MAX || shape[1] != 2) {
        return damaged(ctx, "'rows/kind_bits' has an impossible shape");
    }
    TORC_TRY(read_array(ctx, reader, "rows/norms", TORC_RAW_F64, 3, n, &norms));
    TORC_TRY(read_array(ctx, reader, "rows/count", TORC_RAW_U64, 0, n, &counts));
    TORC_TRY(TORC_ALLOC(ctx, circuit->rows, n));
    circuit->row_count = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        const uint32_t *pair = (const uint32_t *)kind_bits + 2 * i;
        const double *triple = (const double *)norms + 3 * i;
        if (pair[0] > TORC_ROW_OUTPUT_ROUNDED) {
            return damaged(ctx, "a noise row is of unknown kind");
        }
        circuit->rows[i] = (torc_noise_row){.kind = (torc_row_kind)pair[0],
                                            .bits = pair[1],
                                            .norm_sq_fresh = triple[0],
                                            .norm_sq_lookup = triple[1],
                                            .max_std = triple[2],
                                            .count = ((const uint64_t *)counts)[i]};
        if (!row_is_sound(&circuit->rows[i])) {
            return damaged(ctx, "a noise row holds impossible numbers");
        }
    }
    return TORC_OK;
}

/* An index tensor: empty (*out stays NULL) or one row index for each of `count`. */
static torc_status read_row_indices(torc_ctx *ctx, const uint32_t **out,
                                    const torc_circuit *circuit, const torc_reader *reader,
                                    const char *name, uint64_t count)
{
    size_t found = 0;
    const void *data = NULL;
    TORC_TRY(torc_reader_tensor(ctx, reader, name, TORC_RAW_U32, 1, &found, &data));
    if (found != 0 && found != count) {
        return torc_fail(ctx, TORC_E_FORMAT, "'%s' has %zu values, %llu are needed; compile again",
                         name, found, (unsigned long long)count);
    }
    for (size_t i = 0; i < found; i++) {
        if (((const uint32_t *)data)[i] >= circuit->row_count) {
            return torc_fail(ctx, TORC_E_FORMAT, "'%s' names row %u of %u; compile again", name,
                             ((const uint32_t *)data)[i], circuit->row_count);
        }
    }
    *out = found == 0 ? NULL : data;
    return TORC_OK;
}

static torc_status copy_indices(torc_ctx *ctx, uint32_t **out, const uint32_t **next,
                                uint32_t count)
{
    TORC_TRY(TORC_ALLOC(ctx, *out, count));
    memcpy(*out, *next, count * sizeof **out);
    *next += count;
    return TORC_OK;
}

static torc_status copy_instr_rows(torc_ctx *ctx, torc_circuit *circuit, const uint32_t *next)
{
    const torc_program *program = &circuit->program;
    TORC_TRY(TORC_ALLOC(ctx, circuit->instr_row, program->instr_count));
    for (uint32_t i = 0; i < program->instr_count; i++) {
        const torc_instr *instr = &program->instrs[i];
        if (instr->kind == TORC_INSTR_LOOKUP) {
            TORC_TRY(copy_indices(ctx, &circuit->instr_row[i], &next, instr->lookup.count));
        }
    }
    return TORC_OK;
}

static torc_status copy_output_rows(torc_ctx *ctx, torc_circuit *circuit, const uint32_t *next)
{
    const torc_program *program = &circuit->program;
    TORC_TRY(TORC_ALLOC(ctx, circuit->output_row, program->output_count));
    for (uint32_t i = 0; i < program->output_count; i++) {
        const torc_place *place = &program->outputs[i];
        if (place->encrypted) {
            TORC_TRY(copy_indices(ctx, &circuit->output_row[i], &next, place->count));
        }
    }
    return TORC_OK;
}

static torc_status read_row_maps(torc_ctx *ctx, torc_circuit *circuit, const torc_reader *reader)
{
    const uint32_t *lookups = NULL;
    const uint32_t *outputs = NULL;
    TORC_TRY(read_row_indices(ctx, &lookups, circuit, reader, "rows/of_lookups",
                              torc_program_lookup_count(&circuit->program)));
    TORC_TRY(read_row_indices(ctx, &outputs, circuit, reader, "rows/of_outputs",
                              encrypted_output_count(&circuit->program)));
    if (lookups != NULL) {
        TORC_TRY(copy_instr_rows(ctx, circuit, lookups));
    }
    return outputs != NULL ? copy_output_rows(ctx, circuit, outputs) : TORC_OK;
}

static torc_status check_places(torc_ctx *ctx, const torc_port *ports, uint32_t port_count,
                                const torc_place *places, uint32_t place_count, const char *what)
{
    if (port_count != place_count) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "the specification has %u %s, the program %u; compile again", port_count,
                         what, place_count);
    }
    for (uint32_t i = 0; i < port_count; i++) {
        const size_t count = torc_shape_count(ports[i].rank, ports[i].shape);
        if (count != places[i].count || ports[i].encrypted != places[i].encrypted) {
            return torc_fail(ctx, TORC_E_FORMAT,
                             "'%s': %zu %s elements in the specification, %u %s in the program; "
                             "compile again",
                             ports[i].name, count, ports[i].encrypted ? "encrypted" : "clear",
                             places[i].count, places[i].encrypted ? "encrypted" : "clear");
        }
    }
    return TORC_OK;
}

/* Specification and program describe one circuit, which may run at its parameters. */
static torc_status check_agreement(torc_ctx *ctx, const torc_circuit *circuit)
{
    const torc_spec *spec = &circuit->spec;
    const torc_program *program = &circuit->program;
    TORC_TRY(check_places(ctx, spec->inputs, spec->input_count, program->inputs,
                          program->input_count, "inputs"));
    TORC_TRY(check_places(ctx, spec->outputs, spec->output_count, program->outputs,
                          program->output_count, "outputs"));
    if (spec->is_virtual) {
        return TORC_OK; /* its JSON holds no parameters */
    }
    if (torc_program_lookup_count(program) != 0 && !torc_params_has_lookup(&spec->params)) {
        return damaged(ctx, "the program has lookups, its parameters have no small key");
    }
    return torc_security_check(ctx, &spec->params);
}

static torc_status check_identity(torc_ctx *ctx, torc_circuit *circuit, const torc_reader *reader)
{
    uint8_t claimed[TORC_ID_BYTES];
    uint8_t in_spec[TORC_ID_BYTES];
    TORC_TRY(torc_reader_hex(ctx, reader, "circuit_id", claimed, sizeof claimed));
    memcpy(in_spec, circuit->spec.circuit_id, sizeof in_spec);
    TORC_TRY(torc_circuit_identify(ctx, circuit));
    if (memcmp(claimed, circuit->spec.circuit_id, sizeof claimed) != 0 ||
        memcmp(in_spec, circuit->spec.circuit_id, sizeof in_spec) != 0) {
        return damaged(ctx, "the circuit id does not belong to program, parameters and ports");
    }
    return TORC_OK;
}

static torc_status read_spec(torc_ctx *ctx, torc_spec *out, const torc_reader *reader)
{
    size_t length = 0;
    const void *text = NULL;
    TORC_TRY(torc_reader_tensor(ctx, reader, "spec", TORC_RAW_U8, 1, &length, &text));
    return torc_spec_from_json(ctx, out, text, length);
}

static torc_status load(torc_ctx *ctx, torc_circuit *circuit, const torc_reader *reader)
{
    uint64_t width = 0;
    TORC_TRY(read_spec(ctx, &circuit->spec, reader));
    TORC_TRY(read_program(ctx, &circuit->program, reader));
    TORC_TRY(
        torc_program_check(ctx, &circuit->program,
                           circuit->spec.is_virtual ? TORC_INDEX_BITS_VIRTUAL : TORC_INDEX_BITS));
    TORC_TRY(check_agreement(ctx, circuit));
    TORC_TRY(check_identity(ctx, circuit, reader));
    TORC_TRY(read_text(ctx, &circuit->graph_text, reader, "graph"));
    TORC_TRY(read_report(ctx, circuit, reader));
    TORC_TRY(torc_header_get_u64(ctx, &width, reader, "maximum_integer_bit_width", MAX_WIDTH));
    circuit->maximum_integer_bit_width = (uint32_t)width;
    TORC_TRY(read_rows(ctx, circuit, reader));
    return read_row_maps(ctx, circuit, reader);
}

/* The reader's own messages start with the path, those of the checks do not. */
static bool names_path(const torc_ctx *ctx, const char *path)
{
    char shown[TORC_PRINTABLE_BYTES];
    (void)torc_printable(shown, path, strlen(path));
    return ctx == NULL || strncmp(torc_ctx_message(ctx), shown, strlen(shown)) == 0;
}

torc_status torc_circuit_load(torc_ctx *ctx, torc_circuit **out, const char *path)
{
    torc_reader *reader = NULL;
    torc_circuit *circuit = NULL;
    *out = NULL;
    TORC_TRY(torc_reader_open(ctx, &reader, path, TORC_FILE_CIRCUIT));
    torc_status s = TORC_ALLOC(ctx, circuit, 1);
    if (s == TORC_OK) {
        s = load(ctx, circuit, reader);
    }
    torc_reader_close(reader);
    if (s != TORC_OK) {
        torc_circuit_free(circuit);
        return names_path(ctx, path) ? s : torc_fail_prefix(ctx, s, "%s", TORC_PRINTABLE(path));
    }
    *out = circuit;
    return TORC_OK;
}
