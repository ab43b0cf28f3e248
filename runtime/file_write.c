/* Atomic writing: a reader of path sees the old file or the whole new one, whatever happens. */
#include "runtime/file.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct target {
    const char *path;
    int folder;       /* open directory */
    const char *name; /* last part of path */
    char temporary[40];
    mode_t mode;
} target;

static torc_status fail_errno(torc_ctx *ctx, const target *t, const char *what, int error)
{
    char buffer[128];
    const char *reason = strerror_r(error, buffer, sizeof buffer);
    const char *way_out = "";
    if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
        way_out = "; free some space or choose another folder (nothing was written)";
    } else if (error == EACCES || error == EPERM || error == EROFS) {
        way_out = "; choose a folder that you may write to";
    } else if (error == ENOENT || error == ENOTDIR) {
        way_out = "; create the folder first";
    }
    return torc_fail(ctx, TORC_E_IO, "%s: cannot %s: %s%s", TORC_PRINTABLE(t->path), what, reason,
                     way_out);
}

static torc_status open_folder(torc_ctx *ctx, target *t)
{
    const char *slash = strrchr(t->path, '/');
    t->name = slash ? slash + 1 : t->path;
    if (*t->name == '\0' || strcmp(t->name, ".") == 0 || strcmp(t->name, "..") == 0) {
        return torc_fail(ctx, TORC_E_IO, "'%s': this names a folder; add a file name",
                         TORC_PRINTABLE(t->path));
    }
    char *folder = slash ? strndup(t->path, (size_t)(slash - t->path) + 1) : strdup(".");
    if (!folder) {
        return torc_fail(ctx, TORC_E_MEMORY, "out of memory: a path of %zu bytes", strlen(t->path));
    }
    t->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = errno;
    free(folder);
    return t->folder >= 0 ? TORC_OK : fail_errno(ctx, t, "open its folder", error);
}

/* What path names now: nothing, or a regular file that may be replaced. */
static torc_status check_present(torc_ctx *ctx, target *t, bool exclusive)
{
    struct stat present;
    if (fstatat(t->folder, t->name, &present, 0) != 0) {
        return errno == ENOENT ? TORC_OK : fail_errno(ctx, t, "look at it", errno);
    }
    if (!S_ISREG(present.st_mode)) {
        return torc_fail(ctx, TORC_E_IO,
                         "%s: this is a %s; files are written whole, give the name of a plain file",
                         TORC_PRINTABLE(t->path),
                         S_ISDIR(present.st_mode) ? "folder" : "device or pipe");
    }
    if (exclusive) {
        return torc_fail(ctx, TORC_E_IO, "%s: exists already and is not overwritten unless forced",
                         TORC_PRINTABLE(t->path));
    }
    if (faccessat(t->folder, t->name, W_OK, AT_EACCESS) != 0) {
        return fail_errno(ctx, t, "replace it", errno);
    }
    t->mode &= present.st_mode;
    return TORC_OK;
}

static int create_temporary(target *t)
{
    for (int attempt = 0; attempt < 16; attempt++) {
        int length = snprintf(t->temporary, sizeof t->temporary, ".torc-%08x%08x.tmp",
                              randombytes_random(), randombytes_random());
        if (length < 0) {
            break;
        }
        int file =
            openat(t->folder, t->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, t->mode);
        if (file >= 0 || errno != EEXIST) {
            return file;
        }
    }
    errno = EEXIST;
    return -1;
}

/* Writes everything, or returns an errno. */
static int write_pieces(int file, const struct iovec *pieces, size_t count)
{
    const size_t part_max = (size_t)1 << 30; /* Linux writes at most 2 GiB a call */
    for (size_t i = 0; i < count; i++) {
        const char *data = pieces[i].iov_base;
        for (size_t left = pieces[i].iov_len; left > 0;) {
            ssize_t done = write(file, data, left < part_max ? left : part_max);
            if (done < 0 && errno != EINTR) {
                return errno;
            }
            if (done > 0) {
                data += done;
                left -= (size_t)done;
            }
        }
    }
    return 0;
}

static int fill_and_close(int file, const struct iovec *pieces, size_t count)
{
    int error = write_pieces(file, pieces, count);
    if (error == 0 && fsync(file) != 0) {
        error = errno;
    }
    if (close(file) != 0 && error == 0) {
        error = errno;
    }
    return error;
}

/* Gives the temporary its name. Without RENAME_NOREPLACE (some network folders) a hard link does
 * it. */
static int publish(const target *t, bool exclusive)
{
    if (!exclusive) {
        return renameat(t->folder, t->temporary, t->folder, t->name) == 0 ? 0 : errno;
    }
    if (renameat2(t->folder, t->temporary, t->folder, t->name, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return errno;
    }
    if (linkat(t->folder, t->temporary, t->folder, t->name, 0) != 0) {
        return errno;
    }
    (void)unlinkat(t->folder, t->temporary, 0);
    return 0;
}

static torc_status replace(torc_ctx *ctx, target *t, bool exclusive, const struct iovec *pieces,
                           size_t count)
{
    TORC_TRY(check_present(ctx, t, exclusive));
    int file = create_temporary(t);
    if (file < 0) {
        return fail_errno(ctx, t, "create a file in its folder", errno);
    }
    int error = fill_and_close(file, pieces, count);
    const char *what = "write it";
    if (error == 0) {
        error = publish(t, exclusive);
        what = "move the finished file to this name";
    }
    if (error != 0) {
        (void)unlinkat(t->folder, t->temporary, 0);
        return fail_errno(ctx, t, what, error);
    }
    /* Some file systems cannot fsync a folder and say EINVAL; the name is then as safe as they are.
     */
    if (fsync(t->folder) != 0 && errno == EIO) {
        return fail_errno(ctx, t, "make sure that it survives a power loss", errno);
    }
    return TORC_OK;
}

torc_status torc_file_write(torc_ctx *ctx, const char *path, unsigned mode, bool exclusive,
                            const struct iovec *pieces, size_t count)
{
    target t = {.path = path, .folder = -1, .mode = (mode_t)mode};
    TORC_TRY(open_folder(ctx, &t));
    torc_status status = replace(ctx, &t, exclusive, pieces, count);
    (void)close(t.folder);
    return status;
}
