/* .npy files: what numpy writes is read, what we write numpy would read, all else is refused. */
#include "runtime/file.h"
#include "tests/common/folder.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(npy, .fini = folder_remove);

/* Writes magic, version, length, header and data as they are. */
static const char *make(unsigned version, const char *header, const void *data, size_t data_bytes)
{
    const char *path = folder_path("x.npy");
    unsigned char start[12] = {0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)version, 0};
    size_t length = strlen(header);
    for (size_t i = 0; i < 4; i++) {
        start[8 + i] = (unsigned char)(length >> (8 * i));
    }
    struct iovec pieces[] = {{start, version == 1 ? 10 : 12},
                             {(void *)(uintptr_t)header, length},
                             {(void *)(uintptr_t)data, data_bytes}};
    cr_assert_eq(torc_file_write(NULL, path, 0644, false, pieces, 3), TORC_OK);
    return path;
}

Test(npy, what_is_saved_is_loaded)
{
    const size_t shapes[][8] = {{0}, {5}, {2, 3}, {4, 0, 2}, {1, 2, 1, 2, 1, 2, 1, 2}};
    const uint32_t ranks[] = {0, 1, 2, 3, 8};
    for (size_t i = 0; i < 5; i++) {
        for (torc_dtype dtype = TORC_I64; dtype <= TORC_F64; dtype++) {
            torc_tensor in;
            torc_tensor out;
            cr_assert_eq(torc_tensor_create(NULL, &in, dtype, ranks[i], shapes[i]), TORC_OK);
            for (size_t j = 0; j < torc_tensor_count(&in); j++) {
                in.i64[j] = dtype == TORC_I64 ? INT64_MIN + (int64_t)j : 0;
                if (dtype == TORC_F64) {
                    in.f64[j] = 0.1 * (double)j - 1e300;
                }
            }
            const char *path = folder_path("round.npy");
            cr_assert_eq(torc_npy_save(NULL, &in, path), TORC_OK);
            cr_assert_eq(torc_npy_load(NULL, &out, path), TORC_OK);
            cr_expect_eq(out.dtype, dtype);
            cr_expect_eq(out.rank, ranks[i]);
            cr_expect_eq(memcmp(in.shape, out.shape, sizeof in.shape), 0);
            cr_expect_eq(memcmp(in.data, out.data, 8 * torc_tensor_count(&in)), 0);
            torc_tensor_free(&in);
            torc_tensor_free(&out);
        }
    }
}

/* numpy.save(path, numpy.array([[1, 2, 3], [4, 5, 6]])), version 1.26, byte for byte */
Test(npy, files_are_those_of_numpy)
{
    torc_tensor in;
    cr_assert_eq(torc_tensor_create(NULL, &in, TORC_I64, 2, (size_t[]){2, 3}), TORC_OK);
    for (int i = 0; i < 6; i++) {
        in.i64[i] = i + 1;
    }
    const char *path = folder_path("numpy.npy");
    cr_assert_eq(torc_npy_save(NULL, &in, path), TORC_OK);
    char *found = NULL;
    size_t size = 0;
    cr_assert_eq(torc_file_read(NULL, &found, &size, path, 4096), TORC_OK);
    char expected[128 + 48];
    memset(expected, ' ', 128);
    memcpy(expected, "\x93NUMPY\x01\x00\x76\x00", 10);
    static const char dict[] = "{'descr': '<i8', 'fortran_order': False, 'shape': (2, 3), }";
    memcpy(expected + 10, dict, strlen(dict));
    expected[127] = '\n';
    memcpy(expected + 128, in.i64, 48);
    cr_assert_eq(size, sizeof expected);
    cr_expect_eq(memcmp(found, expected, size), 0);
    free(found);
    torc_tensor_free(&in);
}

Test(npy, every_number_type_is_converted)
{
    static const struct {
        const char *descr;
        const char *bytes;
        size_t size;
        bool is_float;
        double expected;
    } rows[] = {
        {"|b1", "\x01", 1, false, 1},
        {"|i1", "\xfe", 1, false, -2},
        {"<i2", "\xfe\xff", 2, false, -2},
        {">i2", "\xff\xfe", 2, false, -2},
        {"<i4", "\x00\x00\x00\x80", 4, false, -2147483648.0},
        {"<i8", "\xff\xff\xff\xff\xff\xff\xff\xff", 8, false, -1},
        {"=i8", "\x07\x00\x00\x00\x00\x00\x00\x00", 8, false, 7},
        {"u1", "\xfe", 1, false, 254},
        {"<u2", "\xfe\xff", 2, false, 65534},
        {"<u4", "\xff\xff\xff\xff", 4, false, 4294967295.0},
        {"<u8", "\x00\x00\x00\x00\x01\x00\x00\x00", 8, false, 4294967296.0},
        {"<f4", "\x00\x00\xc0\xbf", 4, true, -1.5},
        {">f4", "\xbf\xc0\x00\x00", 4, true, -1.5},
        {"<f8", "\x9a\x99\x99\x99\x99\x99\xb9\x3f", 8, true, 0.1},
        {">f8", "\x3f\xb9\x99\x99\x99\x99\x99\x9a", 8, true, 0.1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (unsigned version = 1; version <= 3; version++) {
            char header[128];
            snprintf(header, sizeof header,
                     "{\"shape\": (1,), 'fortran_order':False,'descr': '%s'}  \n", rows[i].descr);
            torc_tensor t;
            const char *path = make(version, header, rows[i].bytes, rows[i].size);
            cr_assert_eq(torc_npy_load(NULL, &t, path), TORC_OK, "%s", rows[i].descr);
            cr_expect_eq(t.dtype, rows[i].is_float ? TORC_F64 : TORC_I64, "%s", rows[i].descr);
            double found = rows[i].is_float ? t.f64[0] : (double)t.i64[0];
            cr_expect_eq(found, rows[i].expected, "%s: %g", rows[i].descr, found);
            torc_tensor_free(&t);
        }
    }
}

Test(npy, fortran_order_of_one_axis_is_c_order)
{
    torc_tensor t;
    const char *path =
        make(1, "{'descr': '<i8', 'fortran_order': True, 'shape': (1,)}", "\1\0\0\0\0\0\0", 8);
    cr_assert_eq(torc_npy_load(NULL, &t, path), TORC_OK);
    cr_expect_eq(t.i64[0], 1);
    torc_tensor_free(&t);
}

#define DICT(descr, shape) "{'descr': '" descr "', 'fortran_order': False, 'shape': " shape "}"

Test(npy, hostile_headers_are_refused_with_the_way_out)
{
    static const struct {
        const char *header;
        size_t data_bytes;
        const char *words;
    } rows[] = {
        {DICT("<f8", "(2,)"), 15, "need 16 bytes of data, the file has 15"},
        {DICT("<f8", "(2,)"), 17, "need 16 bytes of data, the file has 17"},
        {DICT("<f8", "(4611686018427387904, 2)"), 8, "cut off or damaged"},
        {DICT("<f8", "(2305843009213693952,)"), 0, "cut off or damaged"},
        {DICT("<f8", "(99999999999999999999999,)"), 8, "not a size"},
        {DICT("<f8", "(-1,)"), 8, "not a size"},
        {DICT("<f8", "(1.5,)"), 8, "'shape' is malformed"},
        {DICT("<f8", "(1 2)"), 16, "'shape' is malformed"},
        {DICT("<f8", "(,)"), 8, "not a size"},
        {DICT("<f8", "(1"), 8, "'shape' is malformed"},
        {DICT("<f8", "[1]"), 8, "not a tuple"},
        {DICT("<f8", "(1,1,1,1,1,1,1,1,1)"), 8, "more than 8 axes"},
        {DICT("<f2", "(4,)"), 8, "type '<f2' are not supported"},
        {DICT("<c16", "(1,)"), 16, "convert with x.astype"},
        {DICT("<U8", "(1,)"), 32, "not supported"},
        {DICT("|O", "(1,)"), 8, "not supported"},
        {DICT("", "(1,)"), 8, "not supported"},
        {DICT("<f8<f8<f8<f8<f8<f8", "(1,)"), 8, "unknown type"},
        {DICT("\x1b[2J", "(1,)"), 8, "\\x1b[2J"},
        {"{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}", 8, "records"},
        {"{'descr': '<f8', 'fortran_order': True, 'shape': (1, 1)}", 8, "ascontiguousarray"},
        {"{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}", 8, "neither True nor False"},
        {"{'descr': '<f8', 'shape': (1,)}", 8, "missing"},
        {"{'descr': '<f8', 'descr': '<f8', 'shape': (1,)}", 8, "repeated"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'x': 1}", 8, "end where"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,)} x", 8, "end where"},
        {"{'descr': '<f8' 'fortran_order': False, 'shape': (1,)}", 8, "',' is missing"},
        {"{'desc': '<f8', 'fortran_order': False, 'shape': (1,)}", 8, "unknown"},
        {"__import__('os').system('id')", 8, "not a dict"},
        {"", 8, "not a dict"},
    };
    static const char zeros[64] = {0};
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_tensor t;
        const char *path = make(1, rows[i].header, zeros, rows[i].data_bytes);
        cr_expect_eq(torc_npy_load(ctx, &t, path), TORC_E_FORMAT, "%s", rows[i].header);
        cr_expect_null(t.data);
        cr_expect(strstr(torc_ctx_message(ctx), rows[i].words), "%s: %s", rows[i].header,
                  torc_ctx_message(ctx));
        cr_expect(strstr(torc_ctx_message(ctx), path), "the message names the file");
    }
    torc_ctx_free(ctx);
}

Test(npy, values_that_do_not_fit_are_refused)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_tensor t;
    const char *path = make(1, DICT("<u8", "(2,)"), "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80", 16);
    cr_expect_eq(torc_npy_load(ctx, &t, path), TORC_E_FORMAT);
    cr_expect(strstr(torc_ctx_message(ctx), "element 1 is above 2^63-1"));
    path = make(1, DICT("|b1", "(3,)"), "\0\1\2", 3);
    cr_expect_eq(torc_npy_load(ctx, &t, path), TORC_E_FORMAT);
    cr_expect(strstr(torc_ctx_message(ctx), "element 2 is neither True nor False"));
    torc_ctx_free(ctx);
}

Test(npy, damaged_starts_are_refused)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *words;
    } rows[] = {
        {"", 0, "not a .npy file"},
        {"\x93NUMPX\x01\x00\x00\x00", 10, "not a .npy file"},
        {"\x93NUMPY\x01\x00\x00", 9, "not a .npy file"},
        {"\x93NUMPY\x04\x00\x00\x00", 10, "version 4.0"},
        {"\x93NUMPY\x01\x01\x00\x00", 10, "version 1.1"},
        {"\x93NUMPY\x01\x00\xff\xff", 10, "cut off inside"},
        {"\x93NUMPY\x02\x00\x00\x00", 10, "cut off inside"},
        {"\x93NUMPY\x02\x00\xff\xff\xff\xff", 12, "cut off inside"},
    };
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *path = folder_path("start.npy");
        struct iovec piece = {(void *)(uintptr_t)rows[i].bytes, rows[i].size};
        cr_assert_eq(torc_file_write(NULL, path, 0644, false, &piece, 1), TORC_OK);
        torc_tensor t;
        cr_expect_eq(torc_npy_load(ctx, &t, path), TORC_E_FORMAT, "row %zu", i);
        cr_expect(strstr(torc_ctx_message(ctx), rows[i].words), "row %zu: %s", i,
                  torc_ctx_message(ctx));
    }
    torc_tensor t;
    cr_expect_eq(torc_npy_load(ctx, &t, folder_path("absent.npy")), TORC_E_IO);
    char *large = malloc(65538);
    memset(large, ' ', 65537);
    large[65537] = '\0';
    cr_expect_eq(torc_npy_load(ctx, &t, make(2, large, "", 0)), TORC_E_FORMAT);
    cr_expect(strstr(torc_ctx_message(ctx), "longer than 65536"));
    free(large);
    torc_ctx_free(ctx);
}
