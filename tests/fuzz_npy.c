/* Seeded mutations of .npy files: the reader refuses or returns a tensor that can be read, and
 * never crashes. Run under the address and undefined-behaviour sanitizers this finds reads out of
 * bounds. */
#include "runtime/torc_base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t state;

static uint64_t next_random(void) /* splitmix64 */
{
    uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static size_t below(size_t bound)
{
    return bound == 0 ? 0 : (size_t)(next_random() % bound);
}

enum { ROOM = 512 };

/* A mutation: flip a bit, set a byte, copy a run, cut, append. */
static size_t mutate(unsigned char *bytes, size_t size)
{
    static const char tokens[] = "'\"(){},:<>|=fiub1248 \n0TrueFalse\x00\xff";
    size_t at = below(size);
    switch (below(6)) {
    case 0: bytes[at] ^= (unsigned char)(1U << below(8)); return size;
    case 1: bytes[at] = (unsigned char)next_random(); return size;
    case 2: bytes[at] = (unsigned char)tokens[below(sizeof tokens)]; return size;
    case 3: {
        size_t from = below(size);
        size_t length = below(size - (at > from ? at : from));
        memmove(bytes + at, bytes + from, length);
        return size;
    }
    case 4: return at;
    default: {
        size_t more = below(ROOM - size < 40 ? ROOM - size : 40);
        memset(bytes + size, (int)below(256), more);
        return size + more;
    }
    }
}

static size_t make_seed(unsigned char bytes[ROOM])
{
    static const char *const dicts[] = {
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }",
        "{'descr': '>i4', 'fortran_order': False, 'shape': (12,), }",
        "{'descr': '|b1', 'fortran_order': True, 'shape': (48,), }",
        "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3, 4, 1), }",
    };
    const char *dict = dicts[below(4)];
    size_t length = strlen(dict);
    memset(bytes, 0, ROOM);
    memcpy(bytes, "\x93NUMPY\x01\x00", 8);
    bytes[8] = (unsigned char)length;
    memcpy(bytes + 10, dict, length);
    return 10 + length + 48;
}

int main(void)
{
    enum { RUNS = 20000 };
    int file = memfd_create("fuzz", 0); /* in memory: no disk in the loop */
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    state = 20240501;
    size_t accepted = 0;
    double sum = 0;
    for (int run = 0; run < RUNS; run++) {
        unsigned char bytes[ROOM];
        size_t size = make_seed(bytes);
        for (size_t i = below(4); i > 0; i--) {
            size = mutate(bytes, size);
        }
        if (ftruncate(file, 0) != 0 || pwrite(file, bytes, size, 0) != (ssize_t)size) {
            perror(path);
            return 1;
        }
        torc_tensor t;
        if (torc_npy_load(NULL, &t, path) == TORC_OK) {
            accepted++;
            for (size_t i = 0; i < torc_tensor_count(&t); i++) {
                sum += t.dtype == TORC_F64 ? t.f64[i] : (double)t.i64[i];
            }
        } else if (t.data) {
            fprintf(stderr, "run %d: a failure returned data\n", run);
            return 1;
        }
        torc_tensor_free(&t);
    }
    printf("fuzz_npy: seed 20240501, %d files, %zu accepted, sum %g\n", RUNS, accepted, sum);
    return accepted > RUNS / 10 && accepted < RUNS ? 0 : 1;
}
