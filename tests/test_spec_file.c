/* Client specification files. */
#include "runtime/circuit.h"
#include "runtime/container.h"
#include "runtime/status.h"
#include "tests/common/folder.h"
#include "tests/common/sample_spec.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(spec_file, .fini = folder_remove);

Test(spec_file, what_is_saved_is_loaded)
{
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("sample.client");
    torc_spec spec = sample_spec();
    torc_spec back;
    char *text = NULL;
    char *again = NULL;
    cr_assert_eq(torc_spec_save(ctx, &spec, path), TORC_OK, "%s", torc_ctx_message(ctx));
    cr_assert_eq(torc_spec_load(ctx, &back, path), TORC_OK, "%s", torc_ctx_message(ctx));
    cr_assert_eq(torc_spec_to_json(ctx, &text, &spec), TORC_OK);
    cr_assert_eq(torc_spec_to_json(ctx, &again, &back), TORC_OK);
    cr_expect_str_eq(again, text);
    free(text);
    free(again);
    torc_spec_free(&back);
    torc_spec_free(&spec);
    torc_ctx_free(ctx);
}

/* A file of this kind whose only tensor holds this text. */
static torc_status save_text(torc_ctx *ctx, torc_file_kind kind, const char *text, const char *path)
{
    torc_writer *writer = NULL;
    const size_t shape[1] = {strlen(text)};
    TORC_TRY(torc_writer_create(ctx, &writer, kind));
    TORC_TRY(torc_writer_tensor(ctx, writer, "spec", TORC_RAW_U8, 1, shape, text));
    TORC_TRY(torc_writer_save(ctx, writer, path, 0644, false));
    torc_writer_free(writer);
    return TORC_OK;
}

Test(spec_file, a_circuit_file_serves_as_well_and_other_kinds_do_not)
{
    static const struct {
        torc_file_kind kind;
        torc_status status;
    } rows[] = {
        {TORC_FILE_CLIENT, TORC_OK},           {TORC_FILE_CIRCUIT, TORC_OK},
        {TORC_FILE_SECRET, TORC_E_FORMAT},     {TORC_FILE_EVALUATION, TORC_E_FORMAT},
        {TORC_FILE_CIPHERTEXT, TORC_E_FORMAT},
    };
    torc_ctx *ctx = torc_ctx_create();
    torc_spec spec = sample_spec();
    char *text = NULL;
    cr_assert_eq(torc_spec_to_json(ctx, &text, &spec), TORC_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_spec back;
        const char *path = folder_path("file");
        cr_assert_eq(save_text(ctx, rows[i].kind, text, path), TORC_OK, "%s",
                     torc_ctx_message(ctx));
        cr_expect_eq(torc_spec_load(ctx, &back, path), rows[i].status, "row %zu", i);
        if (rows[i].status != TORC_OK) {
            cr_expect_neq(strstr(torc_ctx_message(ctx), torc_file_kind_name(rows[i].kind)), NULL,
                          "%s", torc_ctx_message(ctx));
        }
        torc_spec_free(&back);
    }
    free(text);
    torc_spec_free(&spec);
    torc_ctx_free(ctx);
}

Test(spec_file, bad_text_is_refused_with_the_path)
{
    static const char *const texts[] = {"",   "{",    "{}",
                                        "[]", "null", "{\"format\":\"torc-spec/1\"}"};
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        torc_spec spec;
        const char *path = folder_path("bad.client");
        cr_assert_eq(save_text(ctx, TORC_FILE_CLIENT, texts[i], path), TORC_OK, "%s",
                     torc_ctx_message(ctx));
        cr_expect_eq(torc_spec_load(ctx, &spec, path), TORC_E_FORMAT, "'%s'", texts[i]);
        cr_expect_neq(strstr(torc_ctx_message(ctx), "bad.client"), NULL, "%s",
                      torc_ctx_message(ctx));
    }
    torc_ctx_free(ctx);
}
