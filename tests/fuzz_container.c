/* Damage to containers. (1) Every single flipped bit of a small file of every kind is refused, and
 * so is every length but the right one. (2) Seeded mutations of the header under a recomputed
 * digest, and of the whole file, never crash; what is accepted can be read. Files live in memory.
 */
#include "runtime/container_layout.h"
#include "runtime/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { START_BYTES = 4096, ROOM = 8192 };

typedef struct memory_file {
    int file;
    char path[32];
} memory_file;

static void fail(const char *what, size_t at)
{
    fprintf(stderr, "fuzz_container: %s %zu\n", what, at);
    exit(1);
}

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

static memory_file open_memory(void)
{
    memory_file m = {.file = memfd_create("fuzz", 0)};
    (void)snprintf(m.path, sizeof m.path, "/proc/self/fd/%d", m.file);
    return m;
}

static void put(const memory_file *m, const void *data, size_t size, size_t at)
{
    if (pwrite(m->file, data, size, (off_t)at) != (ssize_t)size) {
        fail("cannot write byte", at);
    }
}

static void resize(const memory_file *m, size_t size)
{
    if (ftruncate(m->file, (off_t)size) != 0) {
        fail("cannot resize to", size);
    }
}

/* A small file: returns its size and its bytes. */
static size_t make_sample(uint8_t bytes[ROOM], torc_file_kind kind)
{
    static const uint64_t words[4] = {1, 0, UINT64_MAX, 42};
    static const uint8_t small[3] = {1, 2, 3};
    static const char name[] = "/tmp/torc-fuzz-container-XXXXXX";
    char path[sizeof name];
    memcpy(path, name, sizeof name);
    int file = mkstemp(path);
    torc_writer *w = NULL;
    if (file < 0 || torc_writer_create(NULL, &w, kind) != TORC_OK ||
        torc_writer_text(NULL, w, "name", "fuzz") != TORC_OK ||
        torc_writer_hex(NULL, w, "key_id", small, 3) != TORC_OK ||
        torc_writer_tensor(NULL, w, "a", TORC_RAW_U8, 1, (size_t[]){3}, small) != TORC_OK ||
        torc_writer_tensor(NULL, w, "b.c", TORC_RAW_U64, 2, (size_t[]){2, 2}, words) != TORC_OK ||
        torc_writer_save(NULL, w, path, 0600, false) != TORC_OK) {
        fail("cannot make a sample of kind", (size_t)kind);
    }
    torc_writer_free(w);
    (void)close(file);
    FILE *saved = fopen(path, "rb");
    size_t size = saved ? fread(bytes, 1, ROOM, saved) : 0;
    if (saved) {
        (void)fclose(saved);
    }
    (void)unlink(path);
    return size;
}

/* Opens, and reads everything that is offered. */
static bool accepted(const char *path, torc_file_kind kind)
{
    torc_reader *r = NULL;
    if (torc_reader_open(NULL, &r, path, kind) != TORC_OK) {
        if (r) {
            fail("a failure returned a reader of kind", (size_t)kind);
        }
        return false;
    }
    static const char *const names[] = {"a", "b.c"};
    static volatile uint8_t sink;
    for (size_t i = 0; i < 2; i++) {
        for (torc_raw_dtype dtype = TORC_RAW_U8; dtype <= TORC_RAW_F64; dtype++) {
            for (uint32_t rank = 0; rank <= TORC_MAX_RANK; rank++) {
                size_t shape[TORC_MAX_RANK];
                const void *data = NULL;
                if (torc_reader_tensor(NULL, r, names[i], dtype, rank, shape, &data) != TORC_OK) {
                    continue;
                }
                size_t size = torc_shape_count(rank, shape) * torc_raw_dtype_bytes(dtype);
                for (size_t j = 0; j < size; j++) {
                    sink = (uint8_t)(sink + ((const uint8_t *)data)[j]);
                }
            }
        }
    }
    torc_reader_close(r);
    return true;
}

static void flip_every_bit(const memory_file *m, const uint8_t *bytes, size_t size,
                           torc_file_kind kind)
{
    for (size_t bit = 0; bit < 8 * size; bit++) {
        uint8_t flipped = (uint8_t)(bytes[bit / 8] ^ (1U << (bit % 8)));
        put(m, &flipped, 1, bit / 8);
        if (accepted(m->path, kind)) {
            fail("accepted with this bit flipped:", bit);
        }
        put(m, &bytes[bit / 8], 1, bit / 8);
    }
}

/* Leaves the file empty. */
static void cut_to_every_length(const memory_file *m, size_t size, torc_file_kind kind)
{
    for (size_t length = size; length-- > 0;) {
        resize(m, length);
        if (accepted(m->path, kind)) {
            fail("accepted when cut to", length);
        }
    }
}

static void append_zeros(const memory_file *m, const uint8_t *bytes, size_t size,
                         torc_file_kind kind)
{
    resize(m, 0);
    put(m, bytes, size, 0);
    for (size_t more = 1; more < 130; more++) {
        resize(m, size + more);
        if (accepted(m->path, kind)) {
            fail("accepted with bytes appended:", more);
        }
    }
    resize(m, size);
    if (!accepted(m->path, kind)) {
        fail("the sample itself is refused, kind", (size_t)kind);
    }
}

static void fix_digest(uint8_t *bytes)
{
    uint8_t digest[TORC_DIGEST_BYTES];
    char digits[TORC_DIGEST_DIGITS + 1];
    torc_container_header_digest(digest, bytes, START_BYTES);
    torc_hex_encode(digits, digest, sizeof digest);
    memcpy(bytes + TORC_CONTAINER_DIGEST_AT, digits, TORC_DIGEST_DIGITS);
}

/* One change within [begin, end): a bit, a byte, a telling character, a run copied elsewhere. */
static void mutate(uint8_t *bytes, size_t begin, size_t end)
{
    static const char telling[] = "\"{}[]:,0123456789-.eE\\u \x00\x1f\xff";
    size_t at = begin + below(end - begin);
    size_t from = begin + below(end - begin);
    switch (below(4)) {
    case 0: bytes[at] ^= (uint8_t)(1U << below(8)); break;
    case 1: bytes[at] = (uint8_t)next_random(); break;
    case 2: bytes[at] = (uint8_t)telling[below(sizeof telling)]; break;
    default: memmove(bytes + at, bytes + from, below(end - (at > from ? at : from))); break;
    }
}

static size_t run_mutations(const memory_file *m, const uint8_t *sample, size_t size, size_t runs)
{
    size_t text_end = 8 + strcspn((const char *)sample + 8, " ");
    size_t survivors = 0;
    for (size_t run = 0; run < runs; run++) {
        uint8_t bytes[ROOM];
        memcpy(bytes, sample, size);
        bool in_header = run % 2 == 0;
        for (size_t i = 1 + below(3); i > 0; i--) {
            mutate(bytes, in_header ? TORC_CONTAINER_DIGEST_AT + TORC_DIGEST_DIGITS : 0,
                   in_header ? text_end : size);
        }
        if (in_header) {
            fix_digest(bytes);
        }
        size_t length = below(10) == 0 ? below(size) : size;
        resize(m, 0);
        put(m, bytes, length, 0);
        survivors += accepted(m->path, TORC_FILE_CIRCUIT);
    }
    return survivors;
}

int main(void)
{
    enum { RUNS = 20000 };
    memory_file m = open_memory();
    uint8_t sample[ROOM];
    size_t size = 0;
    size_t flips = 0;
    for (int kind = 0; kind < TORC_FILE_KIND_COUNT; kind++) {
        size = make_sample(sample, (torc_file_kind)kind);
        append_zeros(&m, sample, size, (torc_file_kind)kind);
        flip_every_bit(&m, sample, size, (torc_file_kind)kind);
        cut_to_every_length(&m, size, (torc_file_kind)kind);
        flips += 8 * size;
    }
    state = 7;
    size = make_sample(sample, TORC_FILE_CIRCUIT);
    size_t survivors = run_mutations(&m, sample, size, RUNS);
    printf("fuzz_container: %zu flipped bits refused; seed 7, %d mutations, %zu still good\n",
           flips, RUNS, survivors);
    return survivors > 0 && survivors < RUNS / 2 ? 0 : 1;
}
