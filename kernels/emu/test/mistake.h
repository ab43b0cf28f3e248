/* Runs programs that make one mistake each, every one in a process of its own: it must end with the
 * emulator's exit code, and its report must hold the words expected; right ones must say nothing.
 */
#ifndef TORC_EMU_TEST_MISTAKE_H
#define TORC_EMU_TEST_MISTAKE_H

#include "kernels/cuda/gpu.h"
#include "kernels/emu/emu.h"
#include "kernels/kernels_cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct mistake {
    const char *name;
    void (*kernel)(double *); /* launched ... */
    uint32_t cluster;         /* ... in clusters of so many blocks */
    void (*host)(void);       /* instead of a kernel */
    const char *words;        /* of the report; NULL: no report, and a good end */
} mistake;

#define KERNEL(name, cluster, words)      \
    {                                     \
#name, name, cluster, NULL, words \
    }
#define HOST(name, words)           \
    {                               \
#name, NULL, 0, name, words \
    }

static inline void must(int error)
{
    if (error != 0) {
        fprintf(stderr, "mistakes: %s\n", torc_gpu_error_text(error));
        exit(1);
    }
}

/* Exit code of a process that makes the mistake, and what it says. */
static inline int mistake_outcome(const mistake *m, void (*make)(const mistake *m), char *said,
                                  size_t room)
{
    int ends[2];
    if (pipe(ends) != 0) {
        exit(1);
    }
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        make(m);
        exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got = 1; got > 0 && length + 1 < room; length += (size_t)got) {
        got = read(ends[0], said + length, room - 1 - length);
        got = got < 0 ? 0 : got;
    }
    said[length] = '\0';
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline bool mistake_is_found(const mistake *m, void (*make)(const mistake *m))
{
    char said[2000];
    const int code = mistake_outcome(m, make, said, sizeof said);
    const bool as_expected = m->words == NULL
                                 ? code == 0 && said[0] == '\0'
                                 : code == TORC_EMU_MISTAKE && strstr(said, m->words) != NULL;
    if (!as_expected) {
        fprintf(stderr, "mistakes: %s: code %d, '%s', expected '%s'\n", m->name, code, said,
                m->words == NULL ? "silence" : m->words);
    }
    return as_expected;
}

/* All of the table, or the one that the argument names, in this process. The exit code. */
static inline int mistake_main(int argc, char **argv, const mistake *table, size_t count,
                               void (*make)(const mistake *m))
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (argc > 1 && strcmp(argv[1], table[i].name) == 0) {
            make(&table[i]);
            exit(0);
        }
    }
    for (size_t i = 0; i < count; i++) {
        found += mistake_is_found(&table[i], make);
    }
    printf("%zu of %zu mistakes found\n", found, count);
    return found == count ? 0 : 1;
}

#endif
