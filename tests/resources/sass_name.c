/* Symbols of kernels as names of the source: the part of the C++ name mangling (Itanium ABI) that
 * templates of sizes use. */
#include "tests/resources/sass.h"

#include <ctype.h>
#include <string.h>

typedef struct reader {
    const char *at;
    char *out, *end; /* one byte is kept for the final zero */
    bool failed;
} reader;

static void put(reader *r, const char *text, size_t length)
{
    if (length > (size_t)(r->end - r->out)) {
        r->failed = true;
        return;
    }
    memcpy(r->out, text, length);
    r->out += length;
}

static void read_name(reader *r);

/* L <type> <number> E, and a negative number as n3. */
static void read_number(reader *r)
{
    r->at += 2;
    if (*r->at == 'n') {
        put(r, "-", 1);
        r->at++;
    }
    const char *begin = r->at;
    while (isdigit((unsigned char)*r->at)) {
        r->at++;
    }
    put(r, begin, (size_t)(r->at - begin));
    r->failed |= r->at == begin || *r->at != 'E';
    r->at += *r->at == 'E';
}

static const char *builtin_type(char letter)
{
    switch (letter) {
    case 'b': return "bool";
    case 'd': return "double";
    case 'f': return "float";
    case 'i': return "int";
    case 'j': return "unsigned";
    case 'm': return "size_t";
    default: return NULL;
    }
}

static void read_argument(reader *r)
{
    const char *type = builtin_type(*r->at);
    if (*r->at == 'L' && r->at[1] != '\0' && strchr("bijlm", r->at[1]) != NULL) {
        read_number(r);
    } else if (isdigit((unsigned char)*r->at)) {
        read_name(r);
    } else if (type != NULL) {
        put(r, type, strlen(type));
        r->at++;
    } else {
        r->failed = true;
    }
}

/* <length> <identifier>, then I <arguments> E of a template. */
static void read_name(reader *r)
{
    size_t length = 0;
    while (isdigit((unsigned char)*r->at) && length < SASS_NAME_SIZE) {
        length = length * 10 + (size_t)(*r->at++ - '0');
    }
    if (length == 0 || strlen(r->at) < length) {
        r->failed = true;
        return;
    }
    put(r, r->at, length);
    r->at += length;
    if (*r->at != 'I') {
        return;
    }
    r->at++;
    put(r, "<", 1);
    for (bool first = true; !r->failed && *r->at != 'E'; first = false) {
        if (!first) {
            put(r, ",", 1);
        }
        read_argument(r);
    }
    r->at += *r->at == 'E';
    put(r, ">", 1);
}

void sass_plain_name(char out[SASS_NAME_SIZE], const char *symbol)
{
    reader r = {.at = symbol, .out = out, .end = out + SASS_NAME_SIZE - 1};
    r.failed = strncmp(symbol, "_Z", 2) != 0;
    if (!r.failed) {
        r.at += 2;
        r.at += *r.at == 'L'; /* static */
        read_name(&r);
    }
    if (r.failed) {
        r.out = out;
        const size_t length = strlen(symbol);
        put(&r, symbol, length < SASS_NAME_SIZE ? length : SASS_NAME_SIZE - 1);
    }
    *r.out = '\0';
}
