#include "tests/common/folder.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];
static pid_t owner;

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about;
    (void)type;
    (void)where;
    return remove(path);
}

void folder_remove(void)
{
    if (folder[0] != '\0' && owner == getpid()) {
        nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
        folder[0] = '\0';
    }
}

/* A test runs in a fork of the runner: each process has a folder of its own. */
static void ensure(void)
{
    if (folder[0] != '\0' && owner == getpid()) {
        return;
    }
    const char *root = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.40s/torc-test-XXXXXX", root ? root : "/tmp");
    if (!mkdtemp(folder)) {
        perror(folder);
        abort();
    }
    owner = getpid();
    atexit(folder_remove);
}

const char *folder_path(const char *name)
{
    static char paths[8][512];
    static unsigned next;
    ensure();
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

size_t folder_count(void)
{
    size_t count = 0;
    ensure();
    DIR *entries = opendir(folder);
    for (const struct dirent *e = readdir(entries); e; e = readdir(entries)) {
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    }
    closedir(entries);
    return count;
}
