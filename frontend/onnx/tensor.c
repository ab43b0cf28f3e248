/* ONNX tensors to torc tensors. The data may stand as raw little-endian bytes, in a typed list, or
 * in another file of the model's folder; its length must fit the shape before anything is
 * allocated. */
#include "frontend/onnx/reader.h"
#include "runtime/file.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { /* TensorProto.DataType */
       FLOAT = 1,
       UINT8 = 2,
       INT8 = 3,
       UINT16 = 4,
       INT16 = 5,
       INT32 = 6,
       INT64 = 7,
       STRING = 8,
       BOOL = 9,
       FLOAT16 = 10,
       DOUBLE = 11,
       UINT32 = 12,
       UINT64 = 13,
       BFLOAT16 = 16,
};

/* Where the typed lists keep an element type. */
typedef enum list { NO_LIST, FLOAT_LIST, DOUBLE_LIST, INT32_LIST, INT64_LIST, UINT64_LIST } list;

typedef struct element_type {
    int32_t data_type;
    const char *name;
    size_t bytes;
    bool is_float;
    list list;
} element_type;

static const element_type types[] = {
    {FLOAT, "float32", 4, true, FLOAT_LIST},   {DOUBLE, "float64", 8, true, DOUBLE_LIST},
    {FLOAT16, "float16", 2, true, INT32_LIST}, {BFLOAT16, "bfloat16", 2, true, INT32_LIST},
    {INT8, "int8", 1, false, INT32_LIST},      {INT16, "int16", 2, false, INT32_LIST},
    {INT32, "int32", 4, false, INT32_LIST},    {INT64, "int64", 8, false, INT64_LIST},
    {UINT8, "uint8", 1, false, INT32_LIST},    {UINT16, "uint16", 2, false, INT32_LIST},
    {UINT32, "uint32", 4, false, UINT64_LIST}, {UINT64, "uint64", 8, false, UINT64_LIST},
    {BOOL, "bool", 1, false, INT32_LIST},      {STRING, "string", 0, false, NO_LIST},
};

static const element_type *find_type(int32_t data_type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].data_type == data_type) {
            return &types[i];
        }
    }
    return NULL;
}

const char *torc_onnx_type_name(int32_t data_type)
{
    const element_type *type = find_type(data_type);
    return type ? type->name : "an unknown type";
}

/* --- elements --------------------------------------------------------------------------------- */

static double half_to_double(uint16_t bits)
{
    int exponent = (bits >> 10) & 31;
    int fraction = bits & 1023;
    double magnitude = exponent == 0    ? ldexp(fraction, -24)
                       : exponent == 31 ? (fraction ? NAN : INFINITY)
                                        : ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -magnitude : magnitude;
}

static double float_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double raw_float(int32_t data_type, uint64_t bits)
{
    double value;
    switch (data_type) {
    case FLOAT: return float_bits((uint32_t)bits);
    case FLOAT16: return half_to_double((uint16_t)bits);
    case BFLOAT16: return float_bits((uint32_t)bits << 16);
    default: memcpy(&value, &bits, sizeof value); return value;
    }
}

static int64_t raw_integer(int32_t data_type, uint64_t bits)
{
    switch (data_type) {
    case INT8: return (int8_t)bits;
    case INT16: return (int16_t)bits;
    case INT32: return (int32_t)bits;
    case BOOL: return bits != 0;
    default: return (int64_t)bits; /* the unsigned ones fit or were refused before */
    }
}

static uint64_t little_endian(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

/* Element i as bits; both stores give the same. Typed lists hold small types in int32 fields. */
static uint64_t element_bits(const Onnx__Tensor *t, const element_type *type, const uint8_t *raw,
                             size_t i)
{
    uint64_t bits = 0;
    if (raw) {
        return little_endian(raw + i * type->bytes, type->bytes);
    }
    switch (type->list) {
    case FLOAT_LIST: memcpy(&bits, &t->float_data[i], sizeof t->float_data[i]); return bits;
    case DOUBLE_LIST: memcpy(&bits, &t->double_data[i], sizeof bits); return bits;
    case INT32_LIST: return (uint64_t)(int64_t)t->int32_data[i];
    case INT64_LIST: return (uint64_t)t->int64_data[i];
    default: return t->uint64_data[i];
    }
}

static size_t list_length(const Onnx__Tensor *t, list kind)
{
    switch (kind) {
    case FLOAT_LIST: return t->n_float_data;
    case DOUBLE_LIST: return t->n_double_data;
    case INT32_LIST: return t->n_int32_data;
    case INT64_LIST: return t->n_int64_data;
    case UINT64_LIST: return t->n_uint64_data;
    default: return 0;
    }
}

static torc_status fill(torc_ctx *ctx, torc_tensor *out, const Onnx__Tensor *t,
                        const element_type *type, const uint8_t *raw, const char *where)
{
    size_t count = torc_tensor_count(out);
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = element_bits(t, type, raw, i);
        if (type->is_float) {
            out->f64[i] = raw_float(type->data_type, bits);
        } else if (type->data_type == UINT64 && bits > INT64_MAX) {
            return torc_fail(ctx, TORC_E_UNSUPPORTED,
                             "%s: element %zu is above 2^63 - 1, the largest supported", where, i);
        } else {
            out->i64[i] = raw_integer(type->data_type, bits);
        }
    }
    return TORC_OK;
}

/* --- data in another file --------------------------------------------------------------------- */

/* Only a plain file name: nothing outside the model's own folder is ever opened. */
static bool is_plain_name(const char *name)
{
    return name[0] && name[0] != '.' && !strchr(name, '/') && !strchr(name, '\\');
}

static torc_status load_external(torc_ctx *ctx, torc_onnx_file *file, const char *name)
{
    if (file->external_name && strcmp(file->external_name, name) == 0) {
        return TORC_OK;
    }
    const char *slash = strrchr(file->path, '/');
    size_t folder_bytes = slash ? (size_t)(slash - file->path) + 1 : 0;
    char *path = NULL;
    char *copy = strdup(name);
    char *bytes = NULL;
    size_t size = 0;
    torc_status status = copy ? TORC_OK : torc_fail(ctx, TORC_E_MEMORY, "out of memory");
    if (status == TORC_OK) {
        status = TORC_ALLOC(ctx, path, folder_bytes + strlen(name) + 1);
    }
    if (status == TORC_OK) {
        memcpy(path, file->path, folder_bytes);
        memcpy(path + folder_bytes, name, strlen(name) + 1);
        status = torc_file_read(ctx, &bytes, &size, path, TORC_ONNX_MAX_FILE_BYTES);
    }
    free(path);
    if (status != TORC_OK) {
        free(copy);
        return status;
    }
    free(file->external_name);
    free(file->external_bytes);
    file->external_name = copy;
    file->external_bytes = bytes;
    file->external_size = size;
    return TORC_OK;
}

static torc_status parse_number(torc_ctx *ctx, size_t *out, const char *text, const char *where)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || value > PTRDIFF_MAX) {
        return torc_fail(ctx, TORC_E_FORMAT, "%s: external data has the offset or length '%s'",
                         where, TORC_PRINTABLE(text));
    }
    *out = (size_t)value;
    return TORC_OK;
}

static torc_status external_bytes(torc_ctx *ctx, const uint8_t **out, size_t *size,
                                  torc_onnx_file *file, const Onnx__Tensor *t, const char *where)
{
    const char *name = "";
    size_t offset = 0;
    size_t length = SIZE_MAX;
    for (size_t i = 0; i < t->n_external_data; i++) {
        const char *key = t->external_data[i]->key ? t->external_data[i]->key : "";
        const char *value = t->external_data[i]->value ? t->external_data[i]->value : "";
        if (strcmp(key, "location") == 0) {
            name = value;
        } else if (strcmp(key, "offset") == 0) {
            TORC_TRY(parse_number(ctx, &offset, value, where));
        } else if (strcmp(key, "length") == 0) {
            TORC_TRY(parse_number(ctx, &length, value, where));
        }
    }
    if (!is_plain_name(name)) {
        return torc_fail(
            ctx, TORC_E_FORMAT,
            "%s: its data stands in '%s'; only a file in the model's own folder is read", where,
            TORC_PRINTABLE(name));
    }
    torc_status status = load_external(ctx, file, name);
    if (status != TORC_OK) {
        return torc_fail_prefix(ctx, status, "%s", where);
    }
    if (offset > file->external_size ||
        (length != SIZE_MAX && length > file->external_size - offset)) {
        return torc_fail(ctx, TORC_E_FORMAT, "%s: its data ends beyond the %zu bytes of '%s'",
                         where, file->external_size, TORC_PRINTABLE(name));
    }
    *out = (const uint8_t *)file->external_bytes + offset;
    *size = length == SIZE_MAX ? file->external_size - offset : length;
    return TORC_OK;
}

/* --- the whole tensor ------------------------------------------------------------------------- */

static torc_status read_shape(torc_ctx *ctx, size_t *shape, const Onnx__Tensor *t,
                              const char *where)
{
    if (t->n_dims > TORC_MAX_RANK) {
        return torc_fail(ctx, TORC_E_UNSUPPORTED, "%s: %zu axes, at most %d are supported", where,
                         t->n_dims, TORC_MAX_RANK);
    }
    size_t count = 1;
    for (size_t i = 0; i < t->n_dims; i++) {
        if (t->dims[i] < 0 || (uint64_t)t->dims[i] > TORC_ONNX_MAX_ELEMENTS) {
            return torc_fail(ctx, TORC_E_FORMAT, "%s: axis %zu has length %lld, limit %zu", where,
                             i, (long long)t->dims[i], TORC_ONNX_MAX_ELEMENTS);
        }
        shape[i] = (size_t)t->dims[i];
        count *= shape[i] ? shape[i] : 1; /* below 2^52: checked at every step */
        if (count > TORC_ONNX_MAX_ELEMENTS) {
            return torc_fail(ctx, TORC_E_FORMAT, "%s: more than %zu elements", where,
                             TORC_ONNX_MAX_ELEMENTS);
        }
    }
    return TORC_OK;
}

static torc_status find_bytes(torc_ctx *ctx, const uint8_t **out, size_t *size,
                              torc_onnx_file *file, const Onnx__Tensor *t, const char *where)
{
    enum { EXTERNAL = 1 };
    *out = NULL;
    *size = 0;
    if (t->has_data_location && t->data_location == EXTERNAL) {
        return external_bytes(ctx, out, size, file, t, where);
    }
    if (t->has_raw_data) {
        static const uint8_t none[1];
        *out = t->raw_data.data ? t->raw_data.data : none;
        *size = t->raw_data.len;
    }
    return TORC_OK;
}

torc_status torc_onnx_tensor(torc_ctx *ctx, torc_tensor *out, torc_onnx_file *file,
                             const Onnx__Tensor *tensor, const char *where)
{
    *out = (torc_tensor){0};
    const element_type *type = find_type(tensor->has_data_type ? tensor->data_type : 0);
    if (!type || type->list == NO_LIST) {
        return torc_fail(ctx, TORC_E_UNSUPPORTED,
                         "%s: element type %d (%s); floats, integers and booleans are supported",
                         where, tensor->data_type, torc_onnx_type_name(tensor->data_type));
    }
    size_t shape[TORC_MAX_RANK] = {0};
    TORC_TRY(read_shape(ctx, shape, tensor, where));
    const uint8_t *raw = NULL;
    size_t raw_bytes = 0;
    TORC_TRY(find_bytes(ctx, &raw, &raw_bytes, file, tensor, where));
    uint32_t rank = (uint32_t)tensor->n_dims;
    size_t count = torc_shape_count(rank, shape);
    size_t found = raw ? raw_bytes / type->bytes : list_length(tensor, type->list);
    if (found != count || (raw && raw_bytes % type->bytes)) {
        return torc_fail(ctx, TORC_E_FORMAT,
                         "%s: its shape has %zu elements of type %s, its data %zu", where, count,
                         type->name, found);
    }
    torc_tensor t;
    TORC_TRY(torc_tensor_create(ctx, &t, type->is_float ? TORC_F64 : TORC_I64, rank, shape));
    torc_status status = fill(ctx, &t, tensor, type, raw, where);
    if (status != TORC_OK) {
        torc_tensor_free(&t);
        return status;
    }
    *out = t;
    return TORC_OK;
}
