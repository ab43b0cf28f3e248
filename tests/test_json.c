/* Everything cJSON lets through and we do not; the typed members. */
#include "runtime/json.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static torc_status parse(torc_ctx *ctx, cJSON **out, const char *text)
{
    return torc_json_parse(ctx, out, text, strlen(text));
}

Test(json, good_texts_pass)
{
    static const char *const rows[] = {
        "{}",
        " [ ] ",
        "0",
        "-1",
        "1.5e-3",
        "1E+5",
        "-0.0",
        "9007199254740991",
        "-9007199254740991",
        "1e308",
        "\"\"",
        "\"\\u00e9 \\ud83d\\ude00 \\\" \\\\ \\/ \\b\\f\\n\\r\\t\"",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
        "[true, false, null]",
        "{\"a\": {\"a\": 1}, \"A\": [1, 2]}",
        "\t\r\n{\"a\" : 1}\n",
        "{\"\": 1}",
    };
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cJSON *root = NULL;
        cr_expect_eq(parse(ctx, &root, rows[i]), TORC_OK, "%s: %s", rows[i], torc_ctx_message(ctx));
        cr_expect_not_null(root);
        cJSON_Delete(root);
    }
    torc_ctx_free(ctx);
}

Test(json, bad_texts_are_refused_with_the_place)
{
    static const struct {
        const char *text;
        const char *words;
    } rows[] = {
        {"{\"a\":1,\"a\":2}", "member 'a' appears twice"},
        {"{\"a\":1,\"\\u0061\":2}", "member 'a' appears twice"},
        {"[{\"b\":{\"x\":1,\"y\":2,\"x\":3}}]", "member 'x' appears twice"},
        {"{\"\\u001b\":1,\"\\u001b\":2}", "'\\x1b'"},
        {"{} x", "byte 3 of 4: bytes after the end"},
        {"{}{}", "bytes after the end"},
        {"1e999", "too large for a double"},
        {"-1e999", "too large for a double"},
        {"9007199254740992", "beyond 2^53-1"},
        {"9007199254740993", "beyond 2^53-1"},
        {"-9007199254740992", "beyond 2^53-1"},
        {"123456789012345678901234567890", "beyond 2^53-1"},
        {"007", "leading zero"},
        {"-01", "leading zero"},
        {"1.", "decimal point"},
        {".5", "digit is missing"},
        {"1e", "exponent"},
        {"1e+", "exponent"},
        {"+1", "digit is missing"},
        {"-", "digit is missing"},
        {"-0", "-0 is no integer"},
        {"0x10", "bytes after the end"},
        {"NaN", "digit is missing"},
        {"Infinity", "digit is missing"},
        {"nul", "not a JSON value"},
        {"truth", "not a JSON value"},
        {"// c\n1", "digit is missing"},
        {"[1,]", "digit is missing"},
        {"{\"a\":1,}", "string must start"},
        {"[1 2]", "',' or a closing bracket"},
        {"{\"a\" 1}", "':' is missing"},
        {"{a:1}", "string must start"},
        {"[1}", "',' or a closing bracket"},
        {"[", "digit is missing"},
        {"", "byte 0 of 0"},
        {"   ", "byte 3 of 3"},
        {"\"\\u0000\"", "NUL character"},
        {"\"\\ud800\"", "surrogate"},
        {"\"\\udc00\"", "surrogate"},
        {"\"\\ud800\\u0041\"", "surrogate"},
        {"\"\\ud800x\"", "surrogate"},
        {"\"\\x41\"", "unknown escape"},
        {"\"\\u12g4\"", "four hexadecimal"},
        {"\"\\", "unknown escape"},
        {"\"abc", "without an end"},
        {"\"a\nb\"", "raw control"},
        {"\"a\x1f\"", "raw control"},
        {"\"\xc0\x80\"", "malformed UTF-8"},
        {"\"\xed\xa0\x80\"", "malformed UTF-8"},
        {"\"\xff\"", "malformed UTF-8"},
        {"\"\xe2\x82\"", "malformed UTF-8"},
        {"\xef\xbb\xbf{}", "byte order mark"},
        {"0.00000000000000000000000000000000000000000000000000000000000000001",
         "more than 63 characters"},
    };
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cJSON *root = NULL;
        cr_expect_eq(parse(ctx, &root, rows[i].text), TORC_E_FORMAT, "%s", rows[i].text);
        cr_expect_null(root);
        cr_expect(strstr(torc_ctx_message(ctx), rows[i].words), "%s: %s", rows[i].text,
                  torc_ctx_message(ctx));
    }
    torc_ctx_free(ctx);
}

Test(json, raw_nul_bytes_are_refused)
{
    static const struct {
        const char *text;
        size_t length;
    } rows[] = {{"\0", 1},       {"{}\0", 3}, {"[1,\0 2]", 7},
                {"\"a\0b\"", 5}, {"1\0", 2},  {"\"\\\0\"", 4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cJSON *root = NULL;
        cr_expect_eq(torc_json_parse(NULL, &root, rows[i].text, rows[i].length), TORC_E_FORMAT,
                     "row %zu", i);
    }
}

/* The text is not NUL-terminated: a token at the very end must not be read past. */
Test(json, the_length_is_respected)
{
    static const char *const rows[] = {"[1", "tru", "\"ab", "{\"a\":", "-", "1e", "\"\\ud800\\"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t length = strlen(rows[i]);
        char *exact = malloc(length);
        memcpy(exact, rows[i], length);
        cJSON *root = NULL;
        cr_expect_eq(torc_json_parse(NULL, &root, exact, length), TORC_E_FORMAT, "%s", rows[i]);
        free(exact);
    }
    char number[2] = {'4', '2'};
    cJSON *root = NULL;
    cr_assert_eq(torc_json_parse(NULL, &root, number, 2), TORC_OK);
    cr_expect_eq(root->valuedouble, 42);
    cJSON_Delete(root);
}

Test(json, nesting_is_bounded)
{
    torc_ctx *ctx = torc_ctx_create();
    for (size_t depth = 31; depth <= 33; depth++) {
        char text[67];
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        cJSON *root = NULL;
        torc_status expected = depth <= 32 ? TORC_OK : TORC_E_FORMAT;
        cr_expect_eq(torc_json_parse(ctx, &root, text, 2 * depth), expected, "%zu", depth);
        cJSON_Delete(root);
    }
    cr_expect(strstr(torc_ctx_message(ctx), "32 deep"));
    torc_ctx_free(ctx);
}

Test(json, members_are_typed)
{
    torc_ctx *ctx = torc_ctx_create();
    cJSON *root = NULL;
    cr_assert_eq(parse(ctx, &root,
                       "{\"i\":-7,\"d\":1.5,\"b\":true,\"s\":\"x\",\"a\":[1,2,3],"
                       "\"big\":\"9223372036854775807\",\"low\":\"-9223372036854775808\","
                       "\"small\":\"12\",\"huge\":\"9223372036854775808\",\"zeros\":"
                       "\"09223372036854775807\",\"float\":1e300}"),
                 TORC_OK);
    int64_t i = 0;
    double d = 0;
    bool b = false;
    const char *s = NULL;
    const cJSON *a = NULL;
    size_t count = 0;
    cr_expect_eq(torc_json_int(ctx, &i, root, "i", -7, 0), TORC_OK);
    cr_expect_eq(i, -7);
    cr_expect_eq(torc_json_int(ctx, &i, root, "big", 0, INT64_MAX), TORC_OK);
    cr_expect_eq(i, INT64_MAX);
    cr_expect_eq(torc_json_int(ctx, &i, root, "low", INT64_MIN, 0), TORC_OK);
    cr_expect_eq(i, INT64_MIN);
    cr_expect_eq(torc_json_double(ctx, &d, root, "d"), TORC_OK);
    cr_expect_eq(d, 1.5);
    cr_expect_eq(torc_json_bool(ctx, &b, root, "b"), TORC_OK);
    cr_expect(b);
    cr_expect_eq(torc_json_string(ctx, &s, root, "s"), TORC_OK);
    cr_expect_str_eq(s, "x");
    cr_expect_eq(torc_json_array(ctx, &a, &count, root, "a", 3), TORC_OK);
    cr_expect_eq(count, 3);

    i = 5;
    cr_expect_eq(torc_json_int(ctx, &i, root, "I", 0, 9), TORC_E_FORMAT, "names keep their case");
    cr_expect(strstr(torc_ctx_message(ctx), "'I' is missing"));
    cr_expect_eq(torc_json_int(ctx, &i, root, "i", -6, 9), TORC_E_FORMAT);
    cr_expect(strstr(torc_ctx_message(ctx), "'i' is -7, it must be from -6 to 9"));
    static const char *const no_integers[] = {"d",     "b",    "s",     "a",
                                              "small", "huge", "zeros", "float"};
    for (size_t j = 0; j < sizeof no_integers / sizeof *no_integers; j++) {
        cr_expect_eq(torc_json_int(ctx, &i, root, no_integers[j], INT64_MIN, INT64_MAX),
                     TORC_E_FORMAT, "%s", no_integers[j]);
        cr_expect(strstr(torc_ctx_message(ctx), "is not an integer"));
    }
    cr_expect_eq(i, 5, "a failure leaves the result alone");
    cr_expect_eq(torc_json_double(ctx, &d, root, "s"), TORC_E_FORMAT);
    cr_expect(strstr(torc_ctx_message(ctx), "not a number"));
    cr_expect_eq(torc_json_bool(ctx, &b, root, "i"), TORC_E_FORMAT);
    cr_expect(strstr(torc_ctx_message(ctx), "not true or false"));
    cr_expect_eq(torc_json_string(ctx, &s, root, "i"), TORC_E_FORMAT);
    cr_expect(strstr(torc_ctx_message(ctx), "not a string"));
    cr_expect_eq(torc_json_array(ctx, &a, &count, root, "s", 3), TORC_E_FORMAT);
    cr_expect(strstr(torc_ctx_message(ctx), "not an array"));
    cr_expect_eq(torc_json_array(ctx, &a, &count, root, "a", 2), TORC_E_FORMAT);
    cr_expect(strstr(torc_ctx_message(ctx), "3 entries, at most 2"));
    cr_expect_eq(torc_json_int(ctx, &i, cJSON_GetObjectItemCaseSensitive(root, "a"), "i", 0, 9),
                 TORC_E_FORMAT);
    cr_expect_eq(torc_json_int(ctx, &i, NULL, "i", 0, 9), TORC_E_FORMAT);
    cJSON_Delete(root);
    torc_ctx_free(ctx);
}
