/* Status codes, messages on the context, checked allocation, text that may stand in a message. */
#include "runtime/status.h"
#include "runtime/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(status, every_code_has_a_name_a_text_and_its_own_exit_code)
{
    bool used[256] = {false};
    for (torc_status s = TORC_OK; s <= TORC_E_INTERNAL; s++) {
        cr_expect(strlen(torc_status_name(s)) > 1, "%d", s);
        cr_expect(strlen(torc_status_text(s)) > 5, "%d", s);
        int code = torc_status_exit_code(s);
        cr_assert(code >= 0 && code < 126, "%d", s);
        cr_expect(!used[code], "%s shares exit code %d", torc_status_name(s), code);
        used[code] = true;
    }
    cr_expect_str_eq(torc_status_name(TORC_E_FORMAT), "E_FORMAT");
    cr_expect_eq(torc_status_exit_code(TORC_OK), 0);
    cr_expect_eq(torc_status_exit_code((torc_status)999), 15);
}

Test(status, a_failure_leaves_its_message_and_a_prefix_goes_in_front)
{
    torc_ctx *ctx = torc_ctx_create();
    cr_expect_str_eq(torc_ctx_message(ctx), "");
    cr_expect_eq(torc_fail(ctx, TORC_E_WIDTH, "%s: %d bits", "node", 9), TORC_E_WIDTH);
    cr_expect_str_eq(torc_ctx_message(ctx), "node: 9 bits");
    cr_expect_eq(torc_fail_prefix(ctx, TORC_E_WIDTH, "layer %d", 2), TORC_E_WIDTH);
    cr_expect_str_eq(torc_ctx_message(ctx), "layer 2: node: 9 bits");
    /* an argument may be the message that is replaced */
    cr_expect_eq(torc_fail(ctx, TORC_E_INPUT, "[%s]", torc_ctx_message(ctx)), TORC_E_INPUT);
    cr_expect_str_eq(torc_ctx_message(ctx), "[layer 2: node: 9 bits]");
    torc_ctx_free(ctx);
    torc_ctx_free(NULL);
}

Test(status, no_context_is_fine)
{
    cr_expect_eq(torc_fail(NULL, TORC_E_IO, "x"), TORC_E_IO);
    cr_expect_eq(torc_fail_prefix(NULL, TORC_E_IO, "x"), TORC_E_IO);
    cr_expect_str_eq(torc_ctx_message(NULL), "");
    torc_progress(NULL, "x", 0.5);
}

Test(status, a_long_message_is_cut_between_characters)
{
    torc_ctx *ctx = torc_ctx_create();
    char text[6002];
    for (size_t shift = 0; shift < 2; shift++) {
        for (size_t i = 0; i + 1 < sizeof text - shift; i += 2) {
            memcpy(text + shift + i, "\xc3\xa9", 2);
        }
        text[0] = shift ? 'x' : text[0];
        text[6000] = '\0';
        torc_fail(ctx, TORC_E_IO, "%s", text);
        const char *message = torc_ctx_message(ctx);
        size_t length = strlen(message);
        cr_assert(length > 4000 && length < 4096, "%zu", length);
        cr_expect_str_eq(message + length - 3, "...");
        for (size_t at = 0, size = 0; at < length; at += size) {
            size = torc_utf8_next(NULL, message + at, length - at);
            cr_assert(size > 0, "shift %zu byte %zu", shift, at);
        }
        torc_fail_prefix(ctx, TORC_E_IO, "prefix");
        cr_expect_eq(strncmp(torc_ctx_message(ctx), "prefix: ", 8), 0);
        cr_expect(strlen(torc_ctx_message(ctx)) < 4096);
    }
    torc_ctx_free(ctx);
}

static void keep_progress(void *user, const char *what, double done)
{
    cr_expect_str_eq(what, "work");
    *(double *)user = done;
}

Test(status, progress_reaches_the_callback)
{
    torc_ctx *ctx = torc_ctx_create();
    double seen = 0;
    torc_progress(ctx, "work", 0.25);
    cr_expect_eq(seen, 0);
    torc_ctx_set_progress(ctx, keep_progress, &seen);
    torc_progress(ctx, "work", 0.5);
    cr_expect_eq(seen, 0.5);
    torc_ctx_free(ctx);
}

Test(status, allocation_is_zeroed_and_checked)
{
    torc_ctx *ctx = torc_ctx_create();
    uint64_t *words = NULL;
    cr_assert_eq(TORC_ALLOC(ctx, words, 1000), TORC_OK);
    for (size_t i = 0; i < 1000; i++) {
        cr_assert_eq(words[i], 0);
    }
    free(words);
    cr_assert_eq(TORC_ALLOC(ctx, words, 0), TORC_OK);
    cr_expect_not_null(words);
    free(words);
    cr_expect_eq(TORC_ALLOC(ctx, words, SIZE_MAX / 2), TORC_E_MEMORY);
    cr_expect_null(words);
    cr_expect(strstr(torc_ctx_message(ctx), "out of memory"));
    torc_ctx_free(ctx);
}

Test(text, utf8_is_decoded_as_the_standard_says)
{
    static const struct {
        const char *text;
        size_t size;
        uint32_t code_point;
    } rows[] = {
        {"A", 1, 'A'},
        {"\xc3\xa9", 2, 0xe9},
        {"\xe2\x82\xac", 3, 0x20ac},
        {"\xf0\x9f\x98\x80", 4, 0x1f600},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        {"\xef\xbf\xbf", 3, 0xffff},
        {"\xc0\x80", 0, 0},         /* overlong NUL */
        {"\xc1\xbf", 0, 0},         /* overlong */
        {"\xe0\x9f\xbf", 0, 0},     /* overlong */
        {"\xf0\x8f\xbf\xbf", 0, 0}, /* overlong */
        {"\xed\xa0\x80", 0, 0},     /* surrogate */
        {"\xf4\x90\x80\x80", 0, 0}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", 0, 0},
        {"\x80", 0, 0},
        {"\xe2\x82", 0, 0}, /* cut */
        {"\xe2\x28\xa1", 0, 0},
        {"\xff", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t c = 0;
        cr_expect_eq(torc_utf8_next(&c, rows[i].text, strlen(rows[i].text)), rows[i].size,
                     "row %zu", i);
        cr_expect_eq(c, rows[i].code_point, "row %zu", i);
    }
    cr_expect_eq(torc_utf8_next(NULL, "", 0), 0);
}

Test(text, untrusted_text_cannot_steer_a_terminal)
{
    cr_expect_str_eq(TORC_PRINTABLE("model \xc3\xa9.onnx"), "model \xc3\xa9.onnx");
    cr_expect_str_eq(TORC_PRINTABLE("a\x1b[2Jb\n\x7f"), "a\\x1b[2Jb\\x0a\\x7f");
    cr_expect_str_eq(TORC_PRINTABLE("\xc2\x9b"), "\\xc2\\x9b"); /* C1 CSI */
    cr_expect_str_eq(TORC_PRINTABLE("\xe2\x80\xae"),
                     "\\xe2\\x80\\xae"); /* right-to-left override */
    cr_expect_str_eq(TORC_PRINTABLE("\xff"), "\\xff");
    char out[TORC_PRINTABLE_BYTES];
    cr_expect_str_eq(torc_printable(out, "a\0b", 3), "a\\x00b");
    char longer[1000];
    memset(longer, 'x', sizeof longer);
    torc_printable(out, longer, sizeof longer);
    cr_expect(strlen(out) < TORC_PRINTABLE_BYTES);
    cr_expect_str_eq(out + strlen(out) - 3, "...");
}

Test(text, hexadecimal_has_one_form)
{
    const uint8_t bytes[3] = {0x00, 0x9f, 0xff};
    char text[7];
    uint8_t back[3];
    torc_hex_encode(text, bytes, 3);
    cr_expect_str_eq(text, "009fff");
    cr_expect(torc_hex_decode(back, 3, text, 6));
    cr_expect_arr_eq(back, bytes, 3);
    cr_expect_not(torc_hex_decode(back, 3, "009fF0", 6), "upper case");
    cr_expect_not(torc_hex_decode(back, 3, "009ff", 5));
    cr_expect_not(torc_hex_decode(back, 3, "009fff0", 7));
    cr_expect_not(torc_hex_decode(back, 3, "009fg0", 6));
    cr_expect_not(torc_hex_decode(back, 3, "009f\0000", 6));
}
