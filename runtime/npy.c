/* NumPy's .npy: a magic, a version, the length of a header, the header (a Python dict literal),
 * then the elements. Reads versions 1 to 3, both byte orders, C order; writes version 1, little
 * endian. The header is parsed by the small grammar below, never evaluated, and the length of the
 * file must be exactly what shape and type say before anything is allocated. */
#include "runtime/file.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_MAX_BYTES = 65536 };

typedef struct npy_header {
    char byte_order; /* '<' or '>' */
    char kind;       /* 'f', 'i', 'u' or 'b' */
    size_t item_bytes;
    bool fortran_order;
    uint32_t rank;
    size_t shape[TORC_MAX_RANK];
} npy_header;

/* --- the dict literal ----------------------------------------------------------------------------
 */

typedef struct parser {
    torc_ctx *ctx;
    const char *path;
    const char *at;
    const char *end;
} parser;

static torc_status fail(const parser *p, const char *what)
{
    return torc_fail(p->ctx, TORC_E_FORMAT, "%s: %s; save it again with numpy.save",
                     TORC_PRINTABLE(p->path), what);
}

static void skip_space(parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\t')) {
        p->at++;
    }
}

static bool take(parser *p, char expected)
{
    skip_space(p);
    if (p->at < p->end && *p->at == expected) {
        p->at++;
        return true;
    }
    return false;
}

static bool take_word(parser *p, const char *word)
{
    skip_space(p);
    size_t size = strlen(word);
    if ((size_t)(p->end - p->at) < size || memcmp(p->at, word, size) != 0) {
        return false;
    }
    p->at += size;
    return true;
}

/* A quoted string without escapes, at most size - 1 characters. */
static bool take_string(parser *p, char *out, size_t size)
{
    skip_space(p);
    if (p->at >= p->end || (*p->at != '\'' && *p->at != '"')) {
        return false;
    }
    const char quote = *p->at++;
    for (size_t used = 0; p->at < p->end && used < size; used++) {
        char c = *p->at++;
        if (c == quote) {
            out[used] = '\0';
            return true;
        }
        out[used] = c;
    }
    return false;
}

static bool take_size(parser *p, size_t *out)
{
    skip_space(p);
    const char *begin = p->at;
    *out = 0;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9') {
        size_t digit = (size_t)(*p->at++ - '0');
        if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, digit, out)) {
            return false;
        }
    }
    return p->at > begin;
}

static torc_status parse_descr(parser *p, npy_header *h)
{
    char descr[16] = {0};
    if (!take_string(p, descr, sizeof descr)) {
        return fail(p, "its elements are records or an unknown type; only plain numbers are "
                       "supported");
    }
    static const char *const known[] = {"f4", "f8", "b1", "i1", "i2", "i4",
                                        "i8", "u1", "u2", "u4", "u8"};
    bool has_order = strchr("<>=|", descr[0]) && descr[0] != '\0';
    const char *type = descr + (has_order ? 1 : 0);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(type, known[i]) == 0) {
            h->byte_order = descr[0] == '>' ? '>' : '<';
            h->kind = type[0];
            h->item_bytes = (size_t)(type[1] - '0');
            return TORC_OK;
        }
    }
    return torc_fail(p->ctx, TORC_E_FORMAT,
                     "%s: elements of type '%s' are not supported (f4, f8, bool and integers are); "
                     "convert with x.astype(numpy.float64)",
                     TORC_PRINTABLE(p->path), TORC_PRINTABLE(descr));
}

static torc_status parse_order(parser *p, npy_header *h)
{
    h->fortran_order = take_word(p, "True");
    if (!h->fortran_order && !take_word(p, "False")) {
        return fail(p, "'fortran_order' is neither True nor False");
    }
    return TORC_OK;
}

static torc_status parse_shape(parser *p, npy_header *h)
{
    if (!take(p, '(')) {
        return fail(p, "'shape' is not a tuple");
    }
    for (h->rank = 0; !take(p, ')'); h->rank++) {
        if (h->rank == TORC_MAX_RANK) {
            return fail(p, "more than 8 axes");
        }
        if (!take_size(p, &h->shape[h->rank])) {
            return fail(p, "'shape' holds something that is not a size");
        }
        if (!take(p, ',') && p->at < p->end && *p->at != ')') {
            return fail(p, "'shape' is malformed");
        }
    }
    return TORC_OK;
}

static torc_status parse_header(parser *p, npy_header *h)
{
    static const struct {
        const char *name;
        torc_status (*parse)(parser *p, npy_header *h);
    } members[] = {{"descr", parse_descr}, {"fortran_order", parse_order}, {"shape", parse_shape}};
    enum { MEMBER_COUNT = sizeof members / sizeof *members };
    bool seen[MEMBER_COUNT] = {false};
    if (!take(p, '{')) {
        return fail(p, "its header is not a dict");
    }
    for (size_t taken = 0; taken < MEMBER_COUNT; taken++) {
        char name[16];
        size_t i = 0;
        if (!take_string(p, name, sizeof name) || !take(p, ':')) {
            return fail(p, "a member of its header is missing or malformed");
        }
        while (i < MEMBER_COUNT && strcmp(name, members[i].name) != 0) {
            i++;
        }
        if (i == MEMBER_COUNT || seen[i]) {
            return fail(p, "its header has an unknown or repeated member");
        }
        seen[i] = true;
        TORC_TRY(members[i].parse(p, h));
        if (!take(p, ',') && taken + 1 < MEMBER_COUNT) {
            return fail(p, "',' is missing in its header");
        }
    }
    bool closed = take(p, '}');
    skip_space(p);
    if (!closed || p->at != p->end) {
        return fail(p, "its header does not end where it should");
    }
    return TORC_OK;
}

/* --- the file ------------------------------------------------------------------------------------
 */

static uint64_t load_bytes(const unsigned char *bytes, size_t size, char byte_order)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        size_t shift = byte_order == '<' ? i : size - 1 - i;
        value |= (uint64_t)bytes[i] << (8 * shift);
    }
    return value;
}

/* Finds the header: *data and *data_bytes receive what follows it. */
static torc_status read_preamble(parser *p, const char **data, size_t *data_bytes, const char *text,
                                 size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (size < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0) {
        return fail(p, "not a .npy file");
    }
    unsigned major = bytes[6];
    if (major < 1 || major > 3 || bytes[7] != 0) {
        return torc_fail(p->ctx, TORC_E_FORMAT,
                         "%s: .npy version %u.%u, supported are 1.0, 2.0 and 3.0; save it again "
                         "with numpy.save",
                         TORC_PRINTABLE(p->path), major, (unsigned)bytes[7]);
    }
    size_t length_bytes = major == 1 ? 2 : 4;
    size_t begin = 8 + length_bytes;
    size_t length = size < begin ? 0 : load_bytes(bytes + 8, length_bytes, '<');
    if (size < begin || length > size - begin) {
        return fail(p, "cut off inside its header");
    }
    if (length > HEADER_MAX_BYTES) {
        return fail(p, "its header is longer than 65536 bytes");
    }
    p->at = text + begin;
    p->end = p->at + length;
    *data = p->end;
    *data_bytes = size - begin - length;
    return TORC_OK;
}

static torc_status check_layout(torc_ctx *ctx, const char *path, const npy_header *h,
                                size_t data_bytes)
{
    if (h->fortran_order && h->rank > 1) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "%s: stored in Fortran order, C order is needed; save "
                         "numpy.ascontiguousarray(x)",
                         TORC_PRINTABLE(path));
    }
    size_t expected = torc_shape_count(h->rank, h->shape);
    if (__builtin_mul_overflow(expected, h->item_bytes, &expected) || expected != data_bytes) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "%s: its shape and type need %zu bytes of data, the file has %zu: cut off "
                         "or damaged; save it again with numpy.save",
                         TORC_PRINTABLE(path), expected, data_bytes);
    }
    return TORC_OK;
}

static double load_float(const unsigned char *bytes, const npy_header *h)
{
    uint64_t word = load_bytes(bytes, h->item_bytes, h->byte_order);
    if (h->item_bytes == 4) {
        uint32_t half = (uint32_t)word;
        float value = 0;
        memcpy(&value, &half, sizeof value);
        return (double)value;
    }
    double value = 0;
    memcpy(&value, &word, sizeof value);
    return value;
}

/* False when the value is no int64 or no bool. */
static bool load_integer(int64_t *out, const unsigned char *bytes, const npy_header *h)
{
    uint64_t word = load_bytes(bytes, h->item_bytes, h->byte_order);
    unsigned unused = 64 - 8 * (unsigned)h->item_bytes;
    if (h->kind == 'i') {
        *out = (int64_t)(word << unused) >> unused;
        return true;
    }
    *out = (int64_t)word;
    return h->kind == 'b' ? word <= 1 : word <= INT64_MAX;
}

static torc_status load_elements(torc_ctx *ctx, torc_tensor *tensor, const char *path,
                                 const npy_header *h, const char *data)
{
    const unsigned char *bytes = (const unsigned char *)data;
    size_t count = torc_tensor_count(tensor);
    for (size_t i = 0; i < count; i++, bytes += h->item_bytes) {
        if (h->kind == 'f') {
            tensor->f64[i] = load_float(bytes, h);
        } else if (!load_integer(&tensor->i64[i], bytes, h)) {
            return torc_fail(ctx, TORC_E_FORMAT, "%s: element %zu is %s; convert the array first",
                             TORC_PRINTABLE(path), i,
                             h->kind == 'b' ? "neither True nor False" : "above 2^63-1");
        }
    }
    return TORC_OK;
}

static torc_status parse_file(torc_ctx *ctx, torc_tensor *out, const char *path, const char *text,
                              size_t size)
{
    parser p = {.ctx = ctx, .path = path};
    npy_header h = {0};
    const char *data = NULL;
    size_t data_bytes = 0;
    TORC_TRY(read_preamble(&p, &data, &data_bytes, text, size));
    TORC_TRY(parse_header(&p, &h));
    TORC_TRY(check_layout(ctx, path, &h, data_bytes));
    torc_tensor tensor;
    torc_dtype dtype = h.kind == 'f' ? TORC_F64 : TORC_I64;
    TORC_TRY(torc_tensor_create(ctx, &tensor, dtype, h.rank, h.shape));
    torc_status status = load_elements(ctx, &tensor, path, &h, data);
    if (status != TORC_OK) {
        torc_tensor_free(&tensor);
        return status;
    }
    *out = tensor;
    return TORC_OK;
}

torc_status torc_npy_load(torc_ctx *ctx, torc_tensor *out, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    *out = (torc_tensor){0};
    TORC_TRY(torc_file_read(ctx, &text, &size, path, PTRDIFF_MAX));
    torc_status status = parse_file(ctx, out, path, text, size);
    free(text);
    return status;
}

/* --- writing -------------------------------------------------------------------------------------
 */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are written as they lie");

/* Preamble and header, padded with spaces to a multiple of 64 bytes and ended by a newline. */
static size_t format_header(char out[512], const torc_tensor *in)
{
    const size_t room = 512;
    size_t used = 10;
    memset(out, ' ', room);
    used += (size_t)snprintf(out + used, room - used,
                             "{'descr': '%s', 'fortran_order': False, 'shape': (",
                             in->dtype == TORC_F64 ? "<f8" : "<i8");
    for (uint32_t i = 0; i < in->rank; i++) {
        used += (size_t)snprintf(out + used, room - used, i == 0 ? "%zu," : " %zu,", in->shape[i]);
    }
    if (in->rank > 1) {
        used--; /* only a tuple of one keeps its last comma */
    }
    used += (size_t)snprintf(out + used, room - used, "), }");
    out[used] = ' ';
    size_t total = (used + 1 + 63) / 64 * 64;
    size_t length = total - 10;
    static const unsigned char magic[8] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    memcpy(out, magic, sizeof magic);
    out[8] = (char)(length & 0xff);
    out[9] = (char)(length >> 8);
    out[total - 1] = '\n';
    return total;
}

torc_status torc_npy_save(torc_ctx *ctx, const torc_tensor *in, const char *path)
{
    char header[512];
    if (in->rank > TORC_MAX_RANK) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "%s: rank %u, at most %d axes can be written",
                         TORC_PRINTABLE(path), in->rank, TORC_MAX_RANK);
    }
    size_t header_bytes = format_header(header, in);
    const struct iovec pieces[] = {
        {.iov_base = header, .iov_len = header_bytes},
        {.iov_base = in->data, .iov_len = torc_tensor_count(in) * sizeof(int64_t)},
    };
    return torc_file_write(ctx, path, 0666, false, pieces, 2);
}
