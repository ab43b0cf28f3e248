/* Bounded reading and mapping of whole files. */
#include "runtime/file.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static torc_status fail_errno(torc_ctx *ctx, const char *path, const char *what, int error)
{
    char buffer[128];
    const char *reason = strerror_r(error, buffer, sizeof buffer);
    return torc_fail(ctx, TORC_E_IO, "%s: cannot %s: %s", TORC_PRINTABLE(path), what, reason);
}

static torc_status open_file(torc_ctx *ctx, int *file, struct stat *about, const char *path)
{
    *file = open(path, O_RDONLY | O_CLOEXEC);
    if (*file < 0) {
        return fail_errno(ctx, path, "open it", errno);
    }
    int error = fstat(*file, about) == 0 ? 0 : errno;
    if (error == 0 && S_ISDIR(about->st_mode)) {
        error = EISDIR;
    }
    if (error != 0) {
        (void)close(*file);
        return fail_errno(ctx, path, "read it", error);
    }
    return TORC_OK;
}

typedef struct buffer {
    char *data;
    size_t used;
    size_t capacity; /* one byte more is allocated for the NUL */
} buffer;

static bool buffer_grow(buffer *b, size_t capacity)
{
    char *data = realloc(b->data, capacity + 1);
    if (!data) {
        return false;
    }
    b->data = data;
    b->capacity = capacity;
    return true;
}

/* Reads to the end of the file; one byte above max_bytes is read to know that it is too long. */
static torc_status read_all(torc_ctx *ctx, buffer *b, int file, const char *path, size_t max_bytes)
{
    for (;;) {
        if (b->used == b->capacity) {
            size_t doubled = b->capacity > max_bytes / 2 ? max_bytes + 1 : 2 * b->capacity;
            if (!buffer_grow(b, doubled)) {
                return torc_fail(ctx, TORC_E_MEMORY, "%s: out of memory: %zu bytes to read it",
                                 TORC_PRINTABLE(path), doubled);
            }
        }
        ssize_t got = read(file, b->data + b->used, b->capacity - b->used);
        if (got < 0 && errno != EINTR) {
            return fail_errno(ctx, path, "read it", errno);
        }
        if (got == 0) {
            return TORC_OK;
        }
        b->used += got > 0 ? (size_t)got : 0;
        if (b->used > max_bytes) {
            return torc_fail(ctx, TORC_E_FORMAT,
                             "%s: longer than %zu bytes, the most such a file can have; is it the "
                             "right file?",
                             TORC_PRINTABLE(path), max_bytes);
        }
    }
}

torc_status torc_file_read(torc_ctx *ctx, char **out, size_t *size, const char *path,
                           size_t max_bytes)
{
    *out = NULL;
    *size = 0;
    int file = -1;
    struct stat about = {0};
    /* Room for the length that stat tells, plus one to see the end; pipes tell 0. */
    TORC_TRY(open_file(ctx, &file, &about, path));
    size_t limit = max_bytes < SIZE_MAX / 4 ? max_bytes : SIZE_MAX / 4;
    size_t expected = about.st_size > 0 ? (size_t)about.st_size : 65535;
    buffer b = {0};
    torc_status status = TORC_OK;
    if (!buffer_grow(&b, (expected < limit ? expected : limit) + 1)) {
        status = torc_fail(ctx, TORC_E_MEMORY, "%s: out of memory: %zu bytes to read it",
                           TORC_PRINTABLE(path), expected);
    } else {
        status = read_all(ctx, &b, file, path, limit);
    }
    (void)close(file);
    if (status != TORC_OK) {
        free(b.data);
        return status;
    }
    b.data[b.used] = '\0';
    *out = b.data;
    *size = b.used;
    return TORC_OK;
}

torc_status torc_file_map(torc_ctx *ctx, const uint8_t **out, size_t *size, const char *path)
{
    *out = NULL;
    *size = 0;
    int file = -1;
    struct stat about = {0};
    TORC_TRY(open_file(ctx, &file, &about, path));
    torc_status status = TORC_OK;
    if (!S_ISREG(about.st_mode)) {
        status = torc_fail(ctx, TORC_E_IO, "%s: this is not a plain file; copy it to one first",
                           TORC_PRINTABLE(path));
    } else if (about.st_size > 0) {
        void *data = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        if (data == MAP_FAILED) {
            status = fail_errno(ctx, path, "map it", errno);
        } else {
            *out = data;
            *size = (size_t)about.st_size;
        }
    }
    (void)close(file);
    return status;
}

void torc_file_unmap(const uint8_t *data, size_t size)
{
    if (data) {
        (void)munmap((void *)data, size);
    }
}
