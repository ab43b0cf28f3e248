/* The pre-scan: RFC 8259 to the letter, and narrower where cJSON loses information. Refuses what
 * cJSON lets through: bytes after the value, 1e999, integers above 2^53 - 1, 007, "1.", -0, NUL in
 * strings, malformed UTF-8, raw control characters, a byte order mark, deep nesting. Allocates
 * nothing. */
#include "runtime/json_scan.h"

#include "runtime/status.h"
#include "runtime/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEPTH_MAX = 32,
    NUMBER_BYTES_MAX = 63, /* cJSON parses a number in a buffer of 64 bytes */
};

typedef struct scanner {
    torc_ctx *ctx;
    const char *text;
    size_t length;
    size_t at;
    unsigned depth;
} scanner;

static torc_status fail_at(const scanner *s, const char *what)
{
    return torc_fail(s->ctx, TORC_E_FORMAT, "JSON at byte %zu of %zu: %s", s->at, s->length, what);
}

/* The next byte, 0 at the end: NUL is legal nowhere, so the two need no distinction. */
static char peek(const scanner *s)
{
    if (s->at < s->length) {
        return s->text[s->at];
    }
    return '\0';
}

static bool take(scanner *s, char expected)
{
    if (peek(s) != expected || s->at >= s->length) {
        return false;
    }
    s->at++;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_space(scanner *s)
{
    while (s->at < s->length && strchr(" \t\n\r", s->text[s->at]) && s->text[s->at] != '\0') {
        s->at++;
    }
}

static void skip_digits(scanner *s)
{
    while (is_digit(peek(s))) {
        s->at++;
    }
}

/* Both sides of 2^53 - 1 for an integer token, infinity for any other. The copy ends the token. */
static torc_status check_magnitude(const scanner *s, size_t begin, bool is_integer)
{
    char token[NUMBER_BYTES_MAX + 1];
    size_t size = s->at - begin;
    if (size > NUMBER_BYTES_MAX) {
        return fail_at(s, "number of more than 63 characters");
    }
    memcpy(token, s->text + begin, size);
    token[size] = '\0';
    double value = strtod(token, NULL);
    if (is_integer && fabs(value) > 9007199254740991.0) {
        return fail_at(s, "integer beyond 2^53-1; it must be written as a decimal string");
    }
    if (is_integer && value == 0 && token[0] == '-') {
        return fail_at(s, "-0 is no integer");
    }
    return isfinite(value) ? TORC_OK : fail_at(s, "number too large for a double");
}

static torc_status scan_number(scanner *s)
{
    size_t begin = s->at;
    bool is_integer = true;
    (void)take(s, '-');
    if (!is_digit(peek(s))) {
        return fail_at(s, "a digit is missing");
    }
    if (take(s, '0') && is_digit(peek(s))) {
        return fail_at(s, "number with a leading zero");
    }
    skip_digits(s);
    if (take(s, '.')) {
        is_integer = false;
        if (!is_digit(peek(s))) {
            return fail_at(s, "a digit is missing after the decimal point");
        }
        skip_digits(s);
    }
    if (take(s, 'e') || take(s, 'E')) {
        is_integer = false;
        if (!take(s, '+')) {
            (void)take(s, '-');
        }
        if (!is_digit(peek(s))) {
            return fail_at(s, "a digit is missing in the exponent");
        }
        skip_digits(s);
    }
    return check_magnitude(s, begin, is_integer);
}

/* Four hex digits after \u; -1 when they are not. */
static int32_t take_unit(scanner *s)
{
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        char c = peek(s);
        int32_t digit = -1;
        if (is_digit(c)) {
            digit = c - '0';
        } else if (c >= 'a' && c <= 'f') {
            digit = c - 'a' + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = c - 'A' + 10;
        }
        if (digit < 0) {
            return -1;
        }
        unit = 16 * unit + digit;
        s->at++;
    }
    return unit;
}

/* After the backslash. */
static torc_status scan_escape(scanner *s)
{
    char c = peek(s);
    if (c == '\0' || !strchr("\"\\/bfnrtu", c)) {
        return fail_at(s, "unknown escape in a string");
    }
    s->at++;
    if (c != 'u') {
        return TORC_OK;
    }
    int32_t unit = take_unit(s);
    if (unit < 0) {
        return fail_at(s, "\\u needs four hexadecimal digits");
    }
    if (unit == 0) {
        return fail_at(s, "NUL character in a string");
    }
    if (unit >= 0xd800 && unit <= 0xdbff) {
        int32_t low = take(s, '\\') && take(s, 'u') ? take_unit(s) : -1;
        if (low < 0xdc00 || low > 0xdfff) {
            return fail_at(s, "half of a surrogate pair");
        }
    } else if (unit >= 0xdc00 && unit <= 0xdfff) {
        return fail_at(s, "half of a surrogate pair");
    }
    return TORC_OK;
}

/* One character of a string, as itself or escaped. */
static torc_status scan_character(scanner *s)
{
    if (s->at >= s->length) {
        return fail_at(s, "string without an end");
    }
    if ((unsigned char)peek(s) < 0x20) {
        return fail_at(s, "raw control character in a string");
    }
    if (take(s, '\\')) {
        return scan_escape(s);
    }
    size_t size = torc_utf8_next(NULL, s->text + s->at, s->length - s->at);
    if (size == 0) {
        return fail_at(s, "malformed UTF-8");
    }
    s->at += size;
    return TORC_OK;
}

static torc_status scan_string(scanner *s)
{
    if (!take(s, '"')) {
        return fail_at(s, "a string must start here");
    }
    while (!take(s, '"')) {
        TORC_TRY(scan_character(s));
    }
    return TORC_OK;
}

static torc_status scan_word(scanner *s, const char *word)
{
    size_t size = strlen(word);
    if (s->length - s->at < size || memcmp(s->text + s->at, word, size) != 0) {
        return fail_at(s, "not a JSON value");
    }
    s->at += size;
    return TORC_OK;
}

static torc_status scan_value(scanner *s);

/* The name and the colon of a member of an object. */
static torc_status scan_name(scanner *s)
{
    skip_space(s);
    TORC_TRY(scan_string(s));
    skip_space(s);
    return take(s, ':') ? TORC_OK : fail_at(s, "':' is missing after a member name");
}

/* An object or an array, by its brackets; members of an object have names. */
static torc_status scan_items(scanner *s, char open, char close)
{
    (void)take(s, open);
    if (++s->depth > DEPTH_MAX) {
        return fail_at(s, "nested more than 32 deep");
    }
    skip_space(s);
    bool done = take(s, close);
    while (!done) {
        torc_status status = open == '{' ? scan_name(s) : TORC_OK;
        if (status == TORC_OK) {
            status = scan_value(s);
        }
        if (status != TORC_OK) {
            return status;
        }
        done = take(s, close);
        if (!done && !take(s, ',')) {
            return fail_at(s, "',' or a closing bracket is missing");
        }
    }
    s->depth--;
    return TORC_OK;
}

/* One value and the white space around it. */
static torc_status scan_value(scanner *s)
{
    skip_space(s);
    torc_status status = TORC_OK;
    switch (peek(s)) {
    case '{': status = scan_items(s, '{', '}'); break;
    case '[': status = scan_items(s, '[', ']'); break;
    case '"': status = scan_string(s); break;
    case 't': status = scan_word(s, "true"); break;
    case 'f': status = scan_word(s, "false"); break;
    case 'n': status = scan_word(s, "null"); break;
    default: status = scan_number(s); break;
    }
    skip_space(s);
    return status;
}

torc_status torc_json_scan(torc_ctx *ctx, const char *text, size_t length)
{
    scanner s = {.ctx = ctx, .text = text, .length = length};
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        return fail_at(&s, "byte order mark; save the file as UTF-8 without one");
    }
    TORC_TRY(scan_value(&s));
    if (s.at < length) {
        return fail_at(&s, "bytes after the end of the value");
    }
    return TORC_OK;
}
