/* Atomic writing and bounded reading. */
#include "runtime/file.h"
#include "tests/common/folder.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(file, .fini = folder_remove);

static torc_status write_text(torc_ctx *ctx, const char *path, const char *text, unsigned mode,
                              bool exclusive)
{
    struct iovec piece = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
    return torc_file_write(ctx, path, mode, exclusive, &piece, 1);
}

static void expect_content(const char *path, const char *text)
{
    char *found = NULL;
    size_t size = 0;
    cr_assert_eq(torc_file_read(NULL, &found, &size, path, 1 << 20), TORC_OK);
    cr_expect_eq(size, strlen(text));
    cr_expect_str_eq(found, text);
    free(found);
}

static unsigned mode_of(const char *path)
{
    struct stat about;
    cr_assert_eq(stat(path, &about), 0);
    return about.st_mode & 07777;
}

Test(file, pieces_are_joined_and_nothing_else_is_left)
{
    const char *path = folder_path("a");
    struct iovec pieces[] = {{"one ", 4}, {NULL, 0}, {"two", 3}};
    cr_assert_eq(torc_file_write(NULL, path, 0644, false, pieces, 3), TORC_OK);
    expect_content(path, "one two");
    cr_assert_eq(torc_file_write(NULL, path, 0644, false, pieces, 0), TORC_OK);
    expect_content(path, "");
    cr_expect_eq(folder_count(), 1);
}

Test(file, exclusive_never_overwrites)
{
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("key");
    cr_assert_eq(write_text(ctx, path, "first", 0600, true), TORC_OK);
    cr_expect_eq(write_text(ctx, path, "second", 0600, true), TORC_E_IO);
    cr_expect(strstr(torc_ctx_message(ctx), "exists already"), "%s", torc_ctx_message(ctx));
    expect_content(path, "first");
    /* a link that leads nowhere is something that exists, too */
    const char *dangling = folder_path("dangling");
    cr_assert_eq(symlink("nowhere", dangling), 0);
    cr_expect_eq(write_text(ctx, dangling, "x", 0600, true), TORC_E_IO);
    cr_expect_eq(folder_count(), 2);
    torc_ctx_free(ctx);
}

Test(file, mode_is_an_upper_bound)
{
    umask(0022);
    const char *path = folder_path("m");
    cr_assert_eq(write_text(NULL, path, "x", 0666, false), TORC_OK);
    cr_expect_eq(mode_of(path), 0644);
    cr_assert_eq(write_text(NULL, path, "x", 0600, false), TORC_OK);
    cr_expect_eq(mode_of(path), 0600, "a secret that replaces an open file is closed");
    cr_assert_eq(write_text(NULL, path, "x", 0644, false), TORC_OK);
    cr_expect_eq(mode_of(path), 0600, "a file made private stays private");
}

Test(file, what_is_no_plain_file_is_refused)
{
    torc_ctx *ctx = torc_ctx_create();
    const char *folder = folder_path("sub");
    cr_assert_eq(mkdir(folder, 0755), 0);
    const char *fifo = folder_path("fifo");
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    const struct {
        const char *path;
        const char *words;
    } rows[] = {
        {folder, "folder"},
        {folder_path("sub/"), "add a file name"},
        {folder_path("sub/."), "add a file name"},
        {"", "add a file name"},
        {"/dev/full", "device or pipe"},
        {fifo, "device or pipe"},
        {folder_path("missing/x"), "create the folder first"},
        {folder_path("sub/\033[2J/x"), "\\x1b[2J"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect_eq(write_text(ctx, rows[i].path, "x", 0644, false), TORC_E_IO, "row %zu", i);
        cr_expect(strstr(torc_ctx_message(ctx), rows[i].words), "row %zu: %s", i,
                  torc_ctx_message(ctx));
    }
    cr_expect_eq(folder_count(), 2);
    torc_ctx_free(ctx);
}

/* The limit on file size makes write fail half-way, as a full disk does. */
Test(file, a_failed_write_leaves_the_old_file_and_no_rest)
{
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("old");
    cr_assert_eq(write_text(ctx, path, "old content", 0644, false), TORC_OK);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit small = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    char *large = calloc(1, 10000);
    struct iovec piece = {large, 10000};
    cr_expect_eq(torc_file_write(ctx, path, 0644, false, &piece, 1), TORC_E_IO);
    cr_expect(strstr(torc_ctx_message(ctx), "cannot write it"), "%s", torc_ctx_message(ctx));
    cr_expect(strstr(torc_ctx_message(ctx), "free some space"), "%s", torc_ctx_message(ctx));
    cr_expect_eq(torc_file_write(ctx, folder_path("new"), 0644, true, &piece, 1), TORC_E_IO);
    setrlimit(RLIMIT_FSIZE, &before);
    cr_expect_eq(folder_count(), 1);
    expect_content(path, "old content");
    free(large);
    torc_ctx_free(ctx);
}

Test(file, a_full_disk_leaves_the_old_file_and_no_rest)
{
    torc_ctx *ctx = torc_ctx_create();
    const char *disk = folder_path("disk");
    cr_assert_eq(mkdir(disk, 0755), 0);
    if (mount("tmpfs", disk, "tmpfs", 0, "size=64k") != 0) {
        torc_ctx_free(ctx);
        cr_skip_test("no right to mount a small disk");
    }
    const char *path = folder_path("disk/old");
    cr_expect_eq(write_text(ctx, path, "old content", 0644, false), TORC_OK);
    char *large = calloc(1, 1 << 20);
    struct iovec piece = {large, 1 << 20};
    cr_expect_eq(torc_file_write(ctx, path, 0644, false, &piece, 1), TORC_E_IO);
    cr_expect(strstr(torc_ctx_message(ctx), "No space left"), "%s", torc_ctx_message(ctx));
    cr_expect(strstr(torc_ctx_message(ctx), "free some space"), "%s", torc_ctx_message(ctx));
    expect_content(path, "old content");
    cr_expect_eq(unlink(path), 0);
    cr_expect_eq(rmdir(disk), -1);
    cr_expect_eq(umount(disk), 0);
    free(large);
    torc_ctx_free(ctx);
}

Test(file, reading_is_bounded)
{
    torc_ctx *ctx = torc_ctx_create();
    const char *path = folder_path("r");
    cr_assert_eq(write_text(ctx, path, "0123456789", 0644, false), TORC_OK);
    char *text = NULL;
    size_t size = 0;
    cr_expect_eq(torc_file_read(ctx, &text, &size, path, 10), TORC_OK);
    cr_expect_eq(size, 10);
    free(text);
    cr_expect_eq(torc_file_read(ctx, &text, &size, path, 9), TORC_E_FORMAT);
    cr_expect_null(text);
    cr_expect(strstr(torc_ctx_message(ctx), "longer than 9 bytes"));
    cr_expect_eq(torc_file_read(ctx, &text, &size, "/dev/zero", 1000000), TORC_E_FORMAT);
    cr_expect_eq(torc_file_read(ctx, &text, &size, folder_path("no"), 9), TORC_E_IO);
    cr_expect(strstr(torc_ctx_message(ctx), "No such file"));
    cr_expect_eq(torc_file_read(ctx, &text, &size, folder_path(""), 9), TORC_E_IO);
    cr_expect(strstr(torc_ctx_message(ctx), "directory"));
    torc_ctx_free(ctx);
}

/* Files of /proc tell length 0 and have content: the pipe's way of reading. */
Test(file, length_is_found_by_reading)
{
    char *text = NULL;
    size_t size = 0;
    cr_assert_eq(torc_file_read(NULL, &text, &size, "/proc/self/status", 1 << 20), TORC_OK);
    cr_expect_gt(size, 100);
    cr_expect_eq(text[size], '\0');
    free(text);
    cr_expect_eq(torc_file_read(NULL, &text, &size, "/proc/self/status", 10), TORC_E_FORMAT);
}

Test(file, mapping_shows_the_content)
{
    torc_ctx *ctx = torc_ctx_create();
    const uint8_t *data = NULL;
    size_t size = 0;
    const char *path = folder_path("map");
    cr_assert_eq(write_text(ctx, path, "abc", 0644, false), TORC_OK);
    cr_assert_eq(torc_file_map(ctx, &data, &size, path), TORC_OK);
    cr_expect_eq(size, 3);
    cr_expect_eq(memcmp(data, "abc", 3), 0);
    cr_expect_eq((uintptr_t)data % 4096, 0);
    torc_file_unmap(data, size);
    cr_assert_eq(write_text(ctx, path, "", 0644, false), TORC_OK);
    cr_assert_eq(torc_file_map(ctx, &data, &size, path), TORC_OK);
    cr_expect_null(data);
    torc_file_unmap(data, size);
    cr_expect_eq(torc_file_map(ctx, &data, &size, "/dev/null"), TORC_E_IO);
    cr_expect(strstr(torc_ctx_message(ctx), "not a plain file"));
    torc_ctx_free(ctx);
}
