/* Circuit files: what is saved is what is loaded, byte for byte reproducible, and a file whose
 * digests are right but whose content is not is refused with the reason. */
#include "runtime/circuit.h"
#include "runtime/program_pack.h"
#include "tests/common/folder.h"
#include "tests/common/sample_circuit.h"
#include "tests/common/sample_spec.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t read_bytes(char *out, size_t room, const char *path)
{
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f);
    const size_t size = fread(out, 1, room, f);
    cr_assert_lt(size, room);
    fclose(f);
    return size;
}

static void expect_same_program(const torc_program *a, const torc_program *b)
{
    torc_packed_program pa;
    torc_packed_program pb;
    cr_assert_eq(torc_program_pack(NULL, &pa, a), TORC_OK);
    cr_assert_eq(torc_program_pack(NULL, &pb, b), TORC_OK);
    for (int i = 0; i < TORC_PACK_PART_COUNT; i++) {
        const size_t size = torc_pack_forms[i].dtype == TORC_RAW_U32 ? 4 : 8;
        cr_expect_eq(pa.count[i], pb.count[i], "%s", torc_pack_forms[i].name);
        cr_expect_eq(memcmp(pa.data[i], pb.data[i], pa.count[i] * size), 0, "%s",
                     torc_pack_forms[i].name);
    }
    torc_packed_program_free(&pa);
    torc_packed_program_free(&pb);
}

Test(circuit_file, a_circuit_survives_the_round_trip)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_circuit *circuit = sample_circuit();
    torc_circuit *loaded = NULL;
    const char *path = folder_path("a.torc");
    cr_assert_eq(torc_circuit_save(ctx, circuit, path), TORC_OK, "%s", torc_ctx_message(ctx));
    cr_assert_eq(torc_circuit_load(ctx, &loaded, path), TORC_OK, "%s", torc_ctx_message(ctx));
    expect_same_program(&circuit->program, &loaded->program);
    cr_expect_eq(memcmp(circuit->spec.circuit_id, loaded->spec.circuit_id, TORC_ID_BYTES), 0);
    cr_expect_str_eq(loaded->spec.inputs[1].name, "c");
    cr_expect_str_eq(loaded->graph_text, circuit->graph_text);
    cr_expect_str_eq(loaded->report_json, circuit->report_json);
    cr_expect_eq(loaded->maximum_integer_bit_width, 4);
    cr_expect_eq(loaded->row_count, 2);
    cr_expect_eq(loaded->rows[0].kind, TORC_ROW_LOOKUP_EXACT);
    cr_expect_eq(loaded->rows[0].norm_sq_fresh, 20);
    cr_expect_eq(loaded->rows[1].norm_sq_lookup, 2);
    cr_expect_eq(loaded->rows[1].count, 1);
    cr_expect_null(loaded->instr_row[0]);
    cr_expect_eq(loaded->instr_row[1][1], 0);
    cr_expect_eq(loaded->output_row[0][0], 1);
    cr_expect_null(loaded->output_row[1]);
    torc_circuit_free(circuit);
    torc_circuit_free(loaded);
    torc_ctx_free(ctx);
}

Test(circuit_file, saving_twice_gives_the_same_bytes)
{
    enum { ROOM = 1 << 17 };
    char *bytes[2] = {malloc(ROOM), malloc(ROOM)};
    size_t size[2];
    for (int i = 0; i < 2; i++) {
        torc_circuit *circuit = sample_circuit();
        const char *path = folder_path(i == 0 ? "one.torc" : "two.torc");
        cr_assert_not_null(bytes[i]);
        cr_assert_eq(torc_circuit_save(NULL, circuit, path), TORC_OK);
        size[i] = read_bytes(bytes[i], ROOM, path);
        torc_circuit_free(circuit);
    }
    cr_expect_eq(size[0], size[1]);
    cr_expect_eq(memcmp(bytes[0], bytes[1], size[0]), 0);
    free(bytes[0]);
    free(bytes[1]);
}

Test(circuit_file, a_virtual_circuit_is_loaded_without_parameters)
{
    torc_circuit *circuit = sample_virtual_circuit();
    torc_circuit *loaded = NULL;
    const char *path = folder_path("virtual.torc");
    torc_table *table = &circuit->program.tables[0];
    table->index_bits = 12; /* more than encryption allows */
    free(table->entry);
    table->entry = calloc((size_t)1 << 12, sizeof *table->entry);
    cr_assert_not_null(table->entry);
    cr_assert_eq(torc_circuit_identify(NULL, circuit), TORC_OK);
    cr_assert_eq(torc_circuit_save(NULL, circuit, path), TORC_OK);
    cr_assert_eq(torc_circuit_load(NULL, &loaded, path), TORC_OK);
    cr_expect(loaded->spec.is_virtual);
    torc_circuit_free(circuit);
    torc_circuit_free(loaded);
}

Test(circuit_file, the_client_reads_its_specification_from_it)
{
    torc_circuit *circuit = sample_circuit();
    torc_spec spec;
    const char *path = folder_path("spec.torc");
    cr_assert_eq(torc_circuit_save(NULL, circuit, path), TORC_OK);
    cr_assert_eq(torc_spec_load(NULL, &spec, path), TORC_OK);
    cr_expect_eq(memcmp(spec.circuit_id, circuit->spec.circuit_id, TORC_ID_BYTES), 0);
    torc_spec_free(&spec);
    torc_circuit_free(circuit);
}

Test(circuit_file, rows_that_are_not_known_stay_unknown)
{
    torc_circuit *circuit = sample_circuit();
    torc_circuit *loaded = NULL;
    const char *path = folder_path("rowless.torc");
    free(circuit->instr_row[1]);
    free(circuit->instr_row);
    circuit->instr_row = NULL;
    cr_assert_eq(torc_circuit_save(NULL, circuit, path), TORC_OK);
    cr_assert_eq(torc_circuit_load(NULL, &loaded, path), TORC_OK);
    cr_expect_null(loaded->instr_row);
    cr_expect_not_null(loaded->output_row);
    torc_circuit_free(circuit);
    torc_circuit_free(loaded);
}

/* --- identity ------------------------------------------------------------------------------------
 */

static void other_weight(torc_circuit *c)
{
    c->program.instrs[0].linear.weight[0]++;
}
static void other_entry(torc_circuit *c)
{
    c->program.tables[0].entry[3]++;
}
static void other_noise(torc_circuit *c)
{
    c->spec.params.glwe_noise_log2++;
}
static void other_sign(torc_circuit *c)
{
    c->spec.outputs[0].is_signed = false;
}
static void other_shape(torc_circuit *c)
{
    c->spec.inputs[0].shape[0]++;
}
static void other_place(torc_circuit *c)
{
    c->program.outputs[0].element[0] = 4;
}
static void other_name(torc_circuit *c)
{
    c->spec.circuit_name[0] = 'S';
}
static void other_report(torc_circuit *c)
{
    c->report_json[2] = 'S';
}
static void other_claim(torc_circuit *c)
{
    c->spec.log2_p_error_circuit--;
}

Test(circuit_file, the_identity_covers_what_ciphertexts_mean)
{
    static const struct {
        const char *what;
        void (*change)(torc_circuit *circuit);
        bool changes;
    } rows[] = {
        {"weight", other_weight, true}, {"entry", other_entry, true},
        {"noise", other_noise, true},   {"sign", other_sign, true},
        {"shape", other_shape, true},   {"place", other_place, true},
        {"name", other_name, false},    {"report", other_report, false},
        {"claim", other_claim, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_circuit *circuit = sample_circuit();
        uint8_t before[TORC_ID_BYTES];
        memcpy(before, circuit->spec.circuit_id, sizeof before);
        rows[i].change(circuit);
        cr_assert_eq(torc_circuit_identify(NULL, circuit), TORC_OK);
        cr_expect_eq(memcmp(before, circuit->spec.circuit_id, sizeof before) != 0, rows[i].changes,
                     "%s", rows[i].what);
        torc_circuit_free(circuit);
    }
}

/* --- hostile content under right digests ---------------------------------------------------------
 */

static void identified(torc_circuit *c)
{
    cr_assert_eq(torc_circuit_identify(NULL, c), TORC_OK);
}

static void foreign_id(torc_circuit *c)
{
    c->spec.circuit_id[5] ^= 1;
}
static void unidentified_weight(torc_circuit *c)
{
    c->program.instrs[0].linear.weight[0]++;
}
static void bad_gather(torc_circuit *c)
{
    c->program.instrs[0].linear.gather[1] = 77;
    identified(c);
}
static void wide_table(torc_circuit *c)
{
    torc_table *table = &c->program.tables[0];
    table->index_bits = 9;
    free(table->entry);
    table->entry = calloc(512, sizeof *table->entry);
    identified(c);
}
static void port_shape(torc_circuit *c)
{
    c->spec.inputs[0].shape[0] = 3;
    identified(c);
}
static void port_in_the_clear(torc_circuit *c)
{
    c->spec.outputs[1].encrypted = true;
    identified(c);
}
static void weak_noise(torc_circuit *c)
{
    c->spec.params.glwe_noise_log2 = 3;
    identified(c);
}
static void no_small_key(torc_circuit *c)
{
    c->spec.params = sample_params_no_lookup();
    identified(c);
}
static void virtual_with_parameters(torc_circuit *c)
{
    c->spec.is_virtual = true;
}
static void row_kind(torc_circuit *c)
{
    c->rows[1].kind = (torc_row_kind)9;
}
static void row_nan(torc_circuit *c)
{
    c->rows[0].norm_sq_fresh = NAN;
}
static void row_index(torc_circuit *c)
{
    c->instr_row[1][0] = 2;
}
static void output_row_index(torc_circuit *c)
{
    c->output_row[0][0] = 9;
}
static void escape_in_graph(torc_circuit *c)
{
    c->graph_text[1] = '\033';
}
static void report_cut(torc_circuit *c)
{
    c->report_json[4] = '\0';
}
static void report_number(torc_circuit *c)
{
    strcpy(c->report_json, "7");
}
static void absurd_width(torc_circuit *c)
{
    c->maximum_integer_bit_width = 65;
}

Test(circuit_file, content_that_does_not_hold_is_refused)
{
    static const struct {
        const char *what;
        void (*plant)(torc_circuit *circuit);
        torc_status status;
        const char *message;
    } rows[] = {
        {"foreign id", foreign_id, TORC_E_FORMAT, "circuit id does not belong"},
        {"weight", unidentified_weight, TORC_E_FORMAT, "circuit id does not belong"},
        {"gather", bad_gather, TORC_E_FORMAT, "reads element 77, there are only 6"},
        {"table", wide_table, TORC_E_FORMAT, "9 index bits, allowed are 1 to 8"},
        {"port shape", port_shape, TORC_E_FORMAT, "'x': 3 encrypted elements"},
        {"clear port", port_in_the_clear, TORC_E_FORMAT, "1 clear in the program"},
        {"noise", weak_noise, TORC_E_SECURITY, "noise"},
        {"small key", no_small_key, TORC_E_FORMAT, "no small key"},
        {"virtual", virtual_with_parameters, TORC_E_FORMAT, "circuit id does not belong"},
        {"row kind", row_kind, TORC_E_FORMAT, "unknown kind"},
        {"row number", row_nan, TORC_E_FORMAT, "impossible numbers"},
        {"row index", row_index, TORC_E_FORMAT, "names row 2 of 2"},
        {"output row", output_row_index, TORC_E_FORMAT, "names row 9 of 2"},
        {"graph", escape_in_graph, TORC_E_FORMAT, "'graph' holds characters"},
        {"report", report_cut, TORC_E_FORMAT, ""},
        {"report type", report_number, TORC_E_FORMAT, "not a JSON object"},
        {"width", absurd_width, TORC_E_FORMAT, "maximum_integer_bit_width"},
    };
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("bad.torc");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_circuit *circuit = sample_circuit();
        torc_circuit *loaded = NULL;
        rows[i].plant(circuit);
        cr_assert_eq(torc_circuit_save(ctx, circuit, path), TORC_OK, "%s: %s", rows[i].what,
                     torc_ctx_message(ctx));
        cr_expect_eq(torc_circuit_load(ctx, &loaded, path), rows[i].status, "%s: %s", rows[i].what,
                     torc_ctx_message(ctx));
        const char *message = torc_ctx_message(ctx);
        cr_expect(strstr(message, rows[i].message) != NULL, "%s: %s", rows[i].what, message);
        cr_expect_eq(strncmp(message, path, strlen(path)), 0, "%s: %s", rows[i].what, message);
        cr_expect_null(strstr(message + 1, path), "the path once: %s", message);
        cr_expect_null(loaded);
        torc_circuit_free(circuit);
    }
    torc_ctx_free(ctx);
}

Test(circuit_file, another_kind_of_file_is_refused)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_circuit *circuit = sample_circuit();
    torc_circuit *loaded = NULL;
    const char *path = folder_path("spec.client");
    cr_assert_eq(torc_spec_save(ctx, &circuit->spec, path), TORC_OK);
    cr_expect_eq(torc_circuit_load(ctx, &loaded, path), TORC_E_FORMAT);
    cr_expect(strstr(torc_ctx_message(ctx), "client specification") != NULL, "%s",
              torc_ctx_message(ctx));
    cr_expect_eq(torc_circuit_load(ctx, &loaded, folder_path("absent.torc")), TORC_E_IO);
    torc_circuit_free(circuit);
    torc_ctx_free(ctx);
}

/* --- parts that do not fit together
 * --------------------------------------------------------------- */

Test(circuit_file, every_part_must_have_its_length)
{
    torc_circuit *circuit = sample_circuit();
    torc_packed_program packed;
    torc_program back = {0};
    cr_assert_eq(torc_program_pack(NULL, &packed, &circuit->program), TORC_OK);
    cr_assert_eq(torc_program_unpack(NULL, &back, &packed), TORC_OK);
    expect_same_program(&circuit->program, &back);
    torc_program_free(&back);
    for (int i = 0; i < TORC_PACK_PART_COUNT; i++) {
        torc_packed_program cut = packed;
        cut.count[i]--;
        cr_expect_gt(packed.count[i], 0, "the sample uses every part, %s too",
                     torc_pack_forms[i].name);
        cr_expect_eq(torc_program_unpack(NULL, &back, &cut), TORC_E_FORMAT, "short %s",
                     torc_pack_forms[i].name);
        /* One value more than the program uses: the data are not read before the count is known. */
        cut.count[i] += 2;
        cr_expect_eq(torc_program_unpack(NULL, &back, &cut), TORC_E_FORMAT, "long %s",
                     torc_pack_forms[i].name);
    }
    torc_packed_program_free(&packed);
    torc_circuit_free(circuit);
}
