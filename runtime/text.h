/* Untrusted text: UTF-8, and what may be shown of it in a message. */
#ifndef TORC_TEXT_H
#define TORC_TEXT_H

#include "runtime/torc_base.h"

#include <string.h>

/* Bytes (1 to 4) of the well-formed UTF-8 character that starts text, 0 when there is none:
 * overlong forms, surrogates, values above U+10FFFF and cut sequences are refused. *code_point may
 * be NULL. */
size_t torc_utf8_next(uint32_t *code_point, const char *text, size_t length);

#define TORC_PRINTABLE_BYTES 161

/* Copies text so that it can stand in a message: control characters (C0, C1, line separators, text
 * direction overrides) and malformed bytes become \xNN, what does not fit becomes "...". Returns
 * out. */
const char *torc_printable(char out[TORC_PRINTABLE_BYTES], const char *text, size_t length);

/* Whether text is lines of such characters only: it can be shown as it is. */
bool torc_is_printable_text(const char *text, size_t length);

/* The same for a NUL-terminated string, in a temporary that lives until the end of the block. */
#define TORC_PRINTABLE(text) torc_printable((char[TORC_PRINTABLE_BYTES]){0}, text, strlen(text))

/* Lower-case hexadecimal: out receives 2 * size characters and a NUL. */
void torc_hex_encode(char *out, const uint8_t *bytes, size_t size);
/* False unless text is exactly 2 * size lower-case digits. */
bool torc_hex_decode(uint8_t *out, size_t size, const char *text, size_t length);

#endif
