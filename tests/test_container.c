/* Containers: what is written is read back; every rule of the layout refuses what breaks it. */
#include "runtime/container_layout.h"
#include "runtime/file.h"
#include "runtime/text.h"
#include "tests/common/folder.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

TestSuite(container, .fini = folder_remove);

static const uint64_t words[6] = {1, 2, 3, 4, 5, UINT64_MAX};
static const uint8_t bytes[5] = {9, 8, 7, 6, 5};
static const double reals[1] = {-0.5};

static void save_sample(const char *path, torc_file_kind kind)
{
    torc_writer *w = NULL;
    cr_assert_eq(torc_writer_create(NULL, &w, kind), TORC_OK);
    cr_assert_eq(torc_writer_text(NULL, w, "name", "a \"quoted\" \xc3\xa9\n name"), TORC_OK);
    cr_assert_eq(torc_writer_hex(NULL, w, "key_id", bytes, 5), TORC_OK);
    cr_assert_eq(torc_writer_tensor(NULL, w, "words", TORC_RAW_U64, 2, (size_t[]){2, 3}, words),
                 TORC_OK);
    cr_assert_eq(torc_writer_tensor(NULL, w, "layer.0/b-1", TORC_RAW_U8, 1, (size_t[]){5}, bytes),
                 TORC_OK);
    cr_assert_eq(torc_writer_tensor(NULL, w, "none", TORC_RAW_U32, 1, (size_t[]){0}, NULL),
                 TORC_OK);
    cr_assert_eq(torc_writer_tensor(NULL, w, "scalar", TORC_RAW_F64, 0, NULL, reals), TORC_OK);
    cr_assert_eq(torc_writer_save(NULL, w, path, 0644, false), TORC_OK);
    torc_writer_free(w);
}

static void load(uint8_t **out, size_t *size, const char *path)
{
    cr_assert_eq(torc_file_read(NULL, (char **)out, size, path, 1 << 24), TORC_OK);
}

static void store(const char *path, const void *data, size_t size)
{
    struct iovec piece = {(void *)(uintptr_t)data, size};
    cr_assert_eq(torc_file_write(NULL, path, 0644, false, &piece, 1), TORC_OK);
}

Test(container, what_is_written_is_read_back)
{
    for (int kind = 0; kind < TORC_FILE_KIND_COUNT; kind++) {
        const char *path = folder_path("sample");
        save_sample(path, (torc_file_kind)kind);
        torc_file_kind found = TORC_FILE_CIRCUIT;
        cr_assert_eq(torc_reader_kind(NULL, &found, path), TORC_OK);
        cr_expect_eq((int)found, kind);
        torc_reader *r = NULL;
        cr_assert_eq(torc_reader_open(NULL, &r, path, (torc_file_kind)kind), TORC_OK);
        cr_expect_str_eq(torc_reader_path(r), path);
        const char *text = NULL;
        uint8_t id[5];
        cr_expect_eq(torc_reader_text(NULL, r, "name", &text), TORC_OK);
        cr_expect_str_eq(text, "a \"quoted\" \xc3\xa9\n name");
        cr_expect_eq(torc_reader_hex(NULL, r, "key_id", id, 5), TORC_OK);
        cr_expect_arr_eq(id, bytes, 5);
        const void *data = NULL;
        size_t shape[TORC_MAX_RANK];
        cr_expect_eq(torc_reader_tensor(NULL, r, "words", TORC_RAW_U64, 2, shape, &data), TORC_OK);
        cr_expect_eq(shape[0], 2);
        cr_expect_eq(shape[1], 3);
        cr_expect_arr_eq(data, words, sizeof words);
        cr_expect_eq((uintptr_t)data % 4096, 0);
        cr_expect_eq(torc_reader_tensor(NULL, r, "layer.0/b-1", TORC_RAW_U8, 1, NULL, &data),
                     TORC_OK);
        cr_expect_arr_eq(data, bytes, sizeof bytes);
        cr_expect_eq((uintptr_t)data % 64, 0);
        cr_expect_eq(torc_reader_tensor(NULL, r, "scalar", TORC_RAW_F64, 0, NULL, &data), TORC_OK);
        cr_expect_eq(*(const double *)data, -0.5);
        cr_expect_eq((uintptr_t)data % 64, 0);
        cr_expect(torc_reader_has(r, "none"));
        cr_expect_not(torc_reader_has(r, "nonE"));
        torc_reader_close(r);
    }
    torc_reader_close(NULL);
    torc_writer_free(NULL);
}

Test(container, a_file_may_hold_nothing)
{
    const char *path = folder_path("empty");
    torc_writer *w = NULL;
    cr_assert_eq(torc_writer_create(NULL, &w, TORC_FILE_CLIENT), TORC_OK);
    cr_assert_eq(torc_writer_save(NULL, w, path, 0644, false), TORC_OK);
    torc_writer_free(w);
    torc_reader *r = NULL;
    cr_assert_eq(torc_reader_open(NULL, &r, path, TORC_FILE_CLIENT), TORC_OK);
    torc_reader_close(r);
}

Test(container, the_same_content_gives_the_same_bytes)
{
    uint8_t *a = NULL;
    uint8_t *b = NULL;
    size_t a_size = 0;
    size_t b_size = 0;
    save_sample(folder_path("a"), TORC_FILE_CIRCUIT);
    save_sample(folder_path("b"), TORC_FILE_CIRCUIT);
    load(&a, &a_size, folder_path("a"));
    load(&b, &b_size, folder_path("b"));
    cr_assert_eq(a_size, b_size);
    cr_expect_eq(memcmp(a, b, a_size), 0);
    free(a);
    free(b);
}

/* The layout that other safetensors readers expect, found without our reader. */
Test(container, the_layout_is_the_one_described)
{
    uint8_t *file = NULL;
    size_t size = 0;
    save_sample(folder_path("a"), TORC_FILE_SECRET);
    load(&file, &size, folder_path("a"));
    cr_expect_eq(size, 4096 + 128 + 8, "48 bytes, 5 at 64, none at 128, 8 at 128");
    cr_expect_eq(file[0] + 256 * file[1], 4088);
    file[4095] = '\0';
    const char *json = (const char *)file + 8;
    cr_expect(strstr(json, "\"format\":\"torc-secret/1\""));
    cr_expect(
        strstr(json, "\"words\":{\"dtype\":\"U64\",\"shape\":[2,3],\"data_offsets\":[0,48]}"));
    cr_expect(
        strstr(json, "\"scalar\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[128,136]}"));
    cr_expect_eq(memcmp(file + 4096, words, 48), 0);
    cr_expect_eq(memcmp(file + 4096 + 64, bytes, 5), 0);
    free(file);
}

Test(container, writing_keeps_existing_files_when_asked)
{
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("secret");
    torc_writer *w = NULL;
    cr_assert_eq(torc_writer_create(ctx, &w, TORC_FILE_SECRET), TORC_OK);
    cr_expect_eq(torc_writer_save(ctx, w, path, 0600, true), TORC_OK);
    struct stat about;
    cr_assert_eq(stat(path, &about), 0);
    cr_expect_eq(about.st_mode & 0777, 0600);
    cr_expect_eq(torc_writer_save(ctx, w, path, 0600, true), TORC_E_IO);
    cr_expect(strstr(torc_ctx_message(ctx), "exists already"));
    torc_writer_free(w);
    torc_ctx_free(ctx);
}

Test(container, a_writer_refuses_what_no_reader_would_take)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_writer *w = NULL;
    cr_assert_eq(torc_writer_create(ctx, &w, TORC_FILE_CIRCUIT), TORC_OK);
    cr_expect_eq(torc_writer_text(ctx, w, "a", "1"), TORC_OK);
    static const char *const keys[] = {"a", "", "A", "a b", "digest:x", "format", "header_digest"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        cr_expect_eq(torc_writer_text(ctx, w, keys[i], "2"), TORC_E_INTERNAL, "%s", keys[i]);
    }
    cr_expect_eq(torc_writer_text(ctx, w, "b", "\xff"), TORC_E_ARGUMENT);
    cr_expect(strstr(torc_ctx_message(ctx), "not UTF-8"));
    char long_name[130];
    memset(long_name, 'x', 129);
    long_name[129] = '\0';
    const size_t one = 1;
    cr_expect_eq(torc_writer_tensor(ctx, w, "t", TORC_RAW_U8, 1, &one, bytes), TORC_OK);
    const char *const names[] = {"t", "", "T", "../\n", "__metadata__ ", long_name};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_expect_eq(torc_writer_tensor(ctx, w, names[i], TORC_RAW_U8, 1, &one, bytes),
                     TORC_E_INTERNAL, "%s", names[i]);
    }
    const size_t huge[2] = {SIZE_MAX / 4, 8};
    cr_expect_eq(torc_writer_tensor(ctx, w, "u", TORC_RAW_U64, 2, huge, bytes), TORC_E_INTERNAL);
    char *text = malloc(1 << 20);
    memset(text, 'x', 1 << 20);
    text[(1 << 20) - 1] = '\0';
    cr_expect_eq(torc_writer_text(ctx, w, "long", text), TORC_OK);
    cr_expect_eq(torc_writer_save(ctx, w, folder_path("long"), 0644, false), TORC_E_ARGUMENT);
    cr_expect(strstr(torc_ctx_message(ctx), "at most 1048568"), "%s", torc_ctx_message(ctx));
    cr_expect_eq(folder_count(), 0);
    free(text);
    torc_writer_free(w);
    torc_ctx_free(ctx);
}

Test(container, asking_for_what_is_not_there_names_it)
{
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("sample");
    save_sample(path, TORC_FILE_CIRCUIT);
    torc_reader *r = NULL;
    cr_expect_eq(torc_reader_open(ctx, &r, path, TORC_FILE_EVALUATION), TORC_E_FORMAT);
    cr_expect_null(r);
    cr_expect(strstr(torc_ctx_message(ctx), "of kind 'circuit', 'evaluation keys' is needed"));
    cr_assert_eq(torc_reader_open(ctx, &r, path, TORC_FILE_CIRCUIT), TORC_OK);
    const char *text = NULL;
    uint8_t id[32];
    const void *data = NULL;
    cr_expect_eq(torc_reader_text(ctx, r, "absent", &text), TORC_E_FORMAT);
    cr_expect(strstr(torc_ctx_message(ctx), "no 'absent'"));
    cr_expect(strstr(torc_ctx_message(ctx), path));
    cr_expect_eq(torc_reader_hex(ctx, r, "key_id", id, 32), TORC_E_FORMAT);
    cr_expect(strstr(torc_ctx_message(ctx), "not 32 bytes"));
    cr_expect_eq(torc_reader_hex(ctx, r, "name", id, 5), TORC_E_FORMAT);
    cr_expect_eq(torc_reader_tensor(ctx, r, "absent", TORC_RAW_U8, 1, NULL, &data), TORC_E_FORMAT);
    cr_expect(strstr(torc_ctx_message(ctx), "'absent' is missing"));
    cr_expect_eq(torc_reader_tensor(ctx, r, "words", TORC_RAW_I64, 2, NULL, &data), TORC_E_FORMAT);
    cr_expect(strstr(torc_ctx_message(ctx), "is U64 of rank 2, I64 of rank 2 is needed"));
    cr_expect_eq(torc_reader_tensor(ctx, r, "words", TORC_RAW_U64, 1, NULL, &data), TORC_E_FORMAT);
    torc_reader_close(r);
    torc_ctx_free(ctx);
}

/* --- files made by hand: a header with a right digest, and what must be said about it
 * ------------- */

static void make_file(const char *path, const char *json, const void *data, size_t data_bytes)
{
    uint8_t file[4096 + 512];
    memset(file, ' ', sizeof file);
    memcpy(file, "\xf8\x0f\0\0\0\0\0\0", 8);
    memcpy(file + 8, json, strlen(json));
    uint8_t digest[TORC_DIGEST_BYTES];
    char digits[TORC_DIGEST_DIGITS + 1];
    torc_container_header_digest(digest, file, 4096);
    torc_hex_encode(digits, digest, sizeof digest);
    memcpy(file + TORC_CONTAINER_DIGEST_AT, digits, TORC_DIGEST_DIGITS);
    memcpy(file + 4096, data, data_bytes);
    store(path, file, 4096 + data_bytes);
}

#define ZERO_DIGEST "0000000000000000000000000000000000000000000000000000000000000000"
#define START       TORC_CONTAINER_PREFIX ZERO_DIGEST "\",\"format\":\"torc-circuit/1\""
/* BLAKE2b-256 of 8 zero bytes, from b2sum -l 256 */
#define ZERO_8       "\"81e47a19e6b29b0a65b9591762ce5143ed30d0261e5d24a3201752506b20f15c\""
#define TENSOR(text) START ",\"digest:t\":" ZERO_8 "},\"t\":" text "}"

Test(container, every_rule_of_the_header_is_checked)
{
    static const struct {
        const char *json;
        size_t data_bytes;
        const char *words; /* NULL: accepted */
    } rows[] = {
        {START "}}", 0, NULL},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]}"), 8, NULL},
        {TENSOR("{\"shape\":[8],\"data_offsets\":[0,8],\"dtype\":\"U8\"}"), 8, NULL},
        {START ",\"later\":\"minor addition\"}}", 0, NULL},
        {START "}}", 1, "bytes were appended"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]}"), 7, "cut off"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]}"), 16, "appended"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[64,72]}"), 72,
         "start at byte 0"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,16]}"), 16, "shape does not"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,-8]}"), 8, "not a size"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0]}"), 8, "start at byte"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8,8]}"), 8, "at most 2"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[0.5],\"data_offsets\":[0,4]}"), 4, "not a size"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[1e300],\"data_offsets\":[0,8]}"), 8, "not a size"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[9007199254740991,9007199254740991],"
                "\"data_offsets\":[0,8]}"),
         8, "shape does not"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[4503599627370496,4096],\"data_offsets\":[0,0]}"), 0,
         "shape does not"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,8]}"), 8,
         "at most 8"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":1,\"data_offsets\":[0,8]}"), 8, "not an array"},
        {TENSOR("{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]}"), 8, "type 'F16'"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[1]}"), 8, "not an object of"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[1],\"offsets\":[0,8]}"), 8, "is missing"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8],\"x\":1}"), 8,
         "not an object of"},
        {TENSOR("[1,2,3]"), 8, "not an object of"},
        {TENSOR("{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]},\"t\":1"), 8,
         "'t' appears twice"},
        {START "},\"T\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8,
         "'T': malformed name"},
        {START "},\"\\u001b\":1}", 8, "'\\x1b': malformed name"},
        {START "},\"t\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8,
         "0 digests for 1"},
        {START ",\"digest:u\":" ZERO_8
               "},\"t\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]}}",
         8, "'t' has no digest"},
        {START
         ",\"digest:t\":\"00\"},\"t\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]}}",
         8, "'t' has no digest"},
        {START ",\"digest:t\":\"" ZERO_DIGEST
               "\"},\"t\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]}}",
         8, "'t' does not have the digest"},
        {START ",\"digest:t\":" ZERO_8 "}}", 0, "1 digests for 0"},
        {START ",\"Key\":\"x\"}}", 0, "'Key' in its header"},
        {START ",\"key\":1}}", 0, "'key' in its header"},
        {START "}} x", 0, "does not end with"},
        {START "}}\n", 0, "does not end with"},
        {START "}", 0, "JSON at byte"},
        {START ",\"format\":\"torc-circuit/1\"}}", 0, "appears twice"},
        {TORC_CONTAINER_PREFIX ZERO_DIGEST "\"}}", 0, "'format' is missing"},
        {TORC_CONTAINER_PREFIX ZERO_DIGEST "\",\"format\":\"torc-thing/1\"}}", 0,
         "unknown format 'torc-thing/1'"},
        {TORC_CONTAINER_PREFIX ZERO_DIGEST "\",\"format\":\"torc-circuit/x\"}}", 0,
         "unknown format"},
        {TORC_CONTAINER_PREFIX ZERO_DIGEST "\",\"format\":\"torc-circuit/01\"}}", 0,
         "unknown format"},
    };
    static const char zeros[128] = {0};
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *path = folder_path("hand");
        make_file(path, rows[i].json, zeros, rows[i].data_bytes);
        torc_reader *r = NULL;
        torc_status status = torc_reader_open(ctx, &r, path, TORC_FILE_CIRCUIT);
        if (!rows[i].words) {
            cr_expect_eq(status, TORC_OK, "row %zu: %s", i, torc_ctx_message(ctx));
        } else {
            cr_expect_eq(status, TORC_E_FORMAT, "row %zu", i);
            const char *message = torc_ctx_message(ctx);
            cr_expect(strstr(message, rows[i].words), "row %zu: %s", i, message);
            cr_expect(strstr(message, path), "row %zu: %s", i, message);
        }
        torc_reader_close(r);
    }
    torc_ctx_free(ctx);
}

Test(container, a_newer_version_is_told_from_damage)
{
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("newer");
    make_file(path,
              TORC_CONTAINER_PREFIX ZERO_DIGEST
              "\",\"format\":\"torc-circuit/2\",\"New-Key\":\"x\"}}",
              "", 0);
    torc_reader *r = NULL;
    torc_file_kind kind;
    cr_expect_eq(torc_reader_open(ctx, &r, path, TORC_FILE_CIRCUIT), TORC_E_UNSUPPORTED);
    cr_expect(strstr(torc_ctx_message(ctx), "version 2 by a newer torc"));
    cr_expect(strstr(torc_ctx_message(ctx), "update torc"));
    cr_expect_eq(torc_reader_kind(ctx, &kind, path), TORC_E_UNSUPPORTED);
    torc_ctx_free(ctx);
}

Test(container, overlap_and_dirty_padding_are_refused)
{
    static const char two[] =
        START ",\"digest:a\":" ZERO_8 ",\"digest:b\":" ZERO_8
              "},\"a\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]},"
              "\"b\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[%s]}}";
    static const struct {
        const char *offsets;
        size_t dirty; /* index of a byte set to 1 */
        const char *words;
    } rows[] = {
        {"64,72", 1000, NULL},
        {"64,72", 8, "between its tensors are not zero"},
        {"64,72", 63, "between its tensors are not zero"},
        {"64,72", 64, "'b' does not have the digest"},
        {"64,72", 0, "'a' does not have the digest"},
        {"0,8", 1000, "start at byte 64"},
        {"4,12", 1000, "start at byte 64"},
        {"8,16", 1000, "start at byte 64"},
        {"128,136", 1000, "start at byte 64"},
    };
    torc_ctx *ctx = torc_ctx_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[2048];
        uint8_t data[1001] = {0};
        snprintf(json, sizeof json, two, rows[i].offsets);
        data[rows[i].dirty] = 1;
        const char *path = folder_path("hand");
        make_file(path, json, data, 72);
        torc_reader *r = NULL;
        torc_status status = torc_reader_open(ctx, &r, path, TORC_FILE_CIRCUIT);
        cr_expect_eq(status, rows[i].words ? TORC_E_FORMAT : TORC_OK, "row %zu: %s", i,
                     torc_ctx_message(ctx));
        cr_expect(!rows[i].words || strstr(torc_ctx_message(ctx), rows[i].words), "row %zu: %s", i,
                  torc_ctx_message(ctx));
        torc_reader_close(r);
    }
    torc_ctx_free(ctx);
}

Test(container, impossible_starts_are_refused)
{
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("start");
    uint8_t *file = NULL;
    size_t size = 0;
    save_sample(path, TORC_FILE_CIRCUIT);
    load(&file, &size, path);
    static const struct {
        size_t size; /* 0: whole */
        uint64_t length;
        const char *words;
    } rows[] = {
        {1, 4088, "not a torc file"},
        {8, 4088, "not a torc file"},
        {100, 4088, "not a torc file"},
        {4095, 4088, "cut off inside its header"},
        {0, 4087, "impossible"},
        {0, 0, "impossible"},
        {0, 8184, "cut off inside its header"},
        {0, (1 << 20) - 8, "cut off inside its header"},
        {0, (1 << 20) + 4088, "impossible"},
        {0, UINT64_MAX, "impossible"},
        {0, UINT64_MAX - 7, "impossible"},
        {0, (uint64_t)1 << 63, "impossible"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memcpy(file, &rows[i].length, 8);
        store(path, file, rows[i].size > 0 ? rows[i].size : size);
        torc_reader *r = NULL;
        cr_expect_eq(torc_reader_open(ctx, &r, path, TORC_FILE_CIRCUIT), TORC_E_FORMAT, "%zu", i);
        cr_expect(strstr(torc_ctx_message(ctx), rows[i].words), "%s", torc_ctx_message(ctx));
    }
    store(path, "", 0);
    torc_reader *r = NULL;
    cr_expect_eq(torc_reader_open(ctx, &r, path, TORC_FILE_CIRCUIT), TORC_E_FORMAT);
    cr_expect_eq(torc_reader_open(ctx, &r, folder_path("absent"), TORC_FILE_CIRCUIT), TORC_E_IO);
    cr_expect_eq(torc_reader_open(ctx, &r, folder_path(""), TORC_FILE_CIRCUIT), TORC_E_IO);
    free(file);
    torc_ctx_free(ctx);
}
