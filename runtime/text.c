/* UTF-8 decoding (Unicode 15, table 3-7) and the filter in front of messages. */
#include "runtime/text.h"

static const char hex_digits[] = "0123456789abcdef";

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xc0U) == 0x80U;
}

/* Length by lead byte, 0 when no character starts so. */
static size_t sequence_length(unsigned char lead)
{
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        return 3;
    }
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

size_t torc_utf8_next(uint32_t *code_point, const char *text, size_t length)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    static const unsigned char lead_mask[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    if (length == 0) {
        return 0;
    }
    const unsigned char *byte = (const unsigned char *)text;
    size_t size = sequence_length(byte[0]);
    if (size == 0 || size > length) {
        return 0;
    }
    uint32_t value = byte[0] & lead_mask[size];
    for (size_t i = 1; i < size; i++) {
        if (!is_continuation(byte[i])) {
            return 0;
        }
        value = (value << 6) | (byte[i] & 0x3fU);
    }
    if (value < smallest[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
        return 0;
    }
    if (code_point) {
        *code_point = value;
    }
    return size;
}

static bool is_showable(uint32_t c)
{
    bool control = c < 0x20 || (c >= 0x7f && c <= 0x9f);
    bool separator = c == 0x2028 || c == 0x2029;
    bool direction = c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
                     (c >= 0x2066 && c <= 0x2069);
    return !control && !separator && !direction && c != 0xfeff;
}

bool torc_is_printable_text(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        uint32_t c = 0;
        const size_t size = torc_utf8_next(&c, text + at, length - at);
        if (size == 0 || !(is_showable(c) || c == '\n')) {
            return false;
        }
        at += size;
    }
    return true;
}

const char *torc_printable(char out[TORC_PRINTABLE_BYTES], const char *text, size_t length)
{
    size_t used = 0;
    for (size_t at = 0; at < length;) {
        uint32_t c = 0;
        size_t size = torc_utf8_next(&c, text + at, length - at);
        bool shown = size > 0 && is_showable(c);
        size_t taken = shown ? size : 1;
        size_t needed = shown ? size : 4;
        /* "..." and the NUL stay available */
        if (used + needed + 4 > TORC_PRINTABLE_BYTES) {
            memcpy(out + used, "...", 3);
            used += 3;
            break;
        }
        if (shown) {
            memcpy(out + used, text + at, size);
        } else {
            unsigned char byte = (unsigned char)text[at];
            memcpy(out + used, (char[4]){'\\', 'x', hex_digits[byte >> 4], hex_digits[byte & 15]},
                   4);
        }
        used += needed;
        at += taken;
    }
    out[used] = '\0';
    return out;
}

void torc_hex_encode(char *out, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = hex_digits[bytes[i] >> 4];
        out[2 * i + 1] = hex_digits[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

bool torc_hex_decode(uint8_t *out, size_t size, const char *text, size_t length)
{
    if (length / 2 != size || length % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        const char *digit = text[i] == '\0' ? NULL : strchr(hex_digits, text[i]);
        if (!digit) {
            return false;
        }
        unsigned value = (unsigned)(digit - hex_digits);
        out[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : out[i / 2] | value);
    }
    return true;
}
