/* What the batch kernels ask of a device, block by block, is what their headers say: wavefronts of
 * shared memory and sectors of global memory. Full blocks; arrays begin at multiples of 128 bytes.
 */
#include "kernels/emu/emu.h"
#include "kernels/kernels_cuda.h"

#include <stdio.h>
#include <string.h>

#define CHUNK      64u /* inputs of a linear layer that are staged together */
#define ROOM_WORDS (1u << 18)

static int failures;
static torc_gpu_stream stream;
static uint64_t *room[2]; /* device, ROOM_WORDS each, zeros */
static uint32_t *numbers; /* device, 0 .. 2 CHUNK - 1 */

static void expect(const char *what, uint64_t got, uint64_t expected)
{
    if (got != expected) {
        fprintf(stderr, "batch_counts: %s: %llu, not %llu\n", what, (unsigned long long)got,
                (unsigned long long)expected);
        failures++;
    }
}

static torc_elements elements(uint64_t *words, uint32_t element_words)
{
    return {words, element_words, element_words, element_words};
}

static torc_emu_counts counts_of(int error)
{
    torc_emu_counts counts;
    expect("launch", (uint64_t)error, 0);
    expect("wait", (uint64_t)torc_gpu_stream_wait(stream), 0);
    torc_emu_counts_read(&counts, TORC_EMU_ALL_PHASES);
    torc_emu_count(false);
    return counts;
}

/* --- linear layers: what one chunk of inputs adds to a block --- */

typedef struct linear_row {
    const char *what;
    bool wide;
    uint32_t outs, columns;          /* of a block */
    uint64_t loads, stores, sectors; /* wavefronts, wavefronts, 32 bytes */
} linear_row;

static const linear_row linear_rows[] = {
    {"16 x 2", false, 16, 256, 72 * CHUNK, 132, 66 * CHUNK + 8},
    {"4 x 4", false, 4, 512, 24 * CHUNK, 36, 128 * CHUNK + 40},
    {"1 x 8", false, 1, 1024, 12 * CHUNK, 6, 256 * CHUNK + 16},
    {"16 x 2, 64-bit weights", true, 16, 256, 136 * CHUNK, 132, 68 * CHUNK + 8},
    {"4 x 4, 64-bit weights", true, 4, 512, 40 * CHUNK, 36, 129 * CHUNK + 8},
    {"1 x 8, 64-bit weights", true, 1, 1024, 16 * CHUNK, 8, 256 * CHUNK + 24},
};

static torc_emu_counts linear_counts(const linear_row *row, uint32_t in_count)
{
    const torc_elements in = elements(room[0], row->columns);
    const torc_elements out = elements(room[1], row->columns);
    const uint64_t *weight = room[1] + ROOM_WORDS / 2; /* zeros, as the constants */
    torc_linear_layer layer = {};
    layer.group_count = layer.weight_groups = layer.constant_groups = 1;
    layer.out_count = row->outs;
    layer.in_count = in_count;
    layer.out_stride = 1;
    layer.gather = numbers;
    layer.weight_i32 = row->wide ? NULL : (const int32_t *)weight;
    layer.weight_i64 = row->wide ? (const int64_t *)weight : NULL;
    layer.constant = weight;
    torc_emu_count(true);
    return counts_of(torc_gpu_linear(&out, &in, NULL, &layer, 1, stream));
}

static void check_linear(const linear_row *row)
{
    char what[100];
    const torc_emu_counts one = linear_counts(row, CHUNK);
    const torc_emu_counts two = linear_counts(row, 2 * CHUNK);
    (void)snprintf(what, sizeof what, "linear %s, shared loads", row->what);
    expect(what,
           two.of[TORC_EMU_SHARED][TORC_EMU_LOAD].wavefronts -
               one.of[TORC_EMU_SHARED][TORC_EMU_LOAD].wavefronts,
           row->loads);
    (void)snprintf(what, sizeof what, "linear %s, shared stores", row->what);
    expect(what,
           two.of[TORC_EMU_SHARED][TORC_EMU_STORE].wavefronts -
               one.of[TORC_EMU_SHARED][TORC_EMU_STORE].wavefronts,
           row->stores);
    (void)snprintf(what, sizeof what, "linear %s, sectors read", row->what);
    expect(what,
           two.of[TORC_EMU_READONLY][TORC_EMU_LOAD].sectors -
               one.of[TORC_EMU_READONLY][TORC_EMU_LOAD].sectors,
           row->sectors);
}

/* --- moves and expansion: a block of each --- */

static void check_gather(void)
{
    const torc_elements in = elements(room[0], 1024);
    const torc_elements out = elements(room[1], 1024);
    const torc_moves one = {1, NULL, NULL, NULL};
    torc_emu_count(true);
    const torc_emu_counts c = counts_of(torc_gpu_gather(&out, &in, &one, 1, stream));
    expect("gather, sectors read", c.of[TORC_EMU_READONLY][TORC_EMU_LOAD].sectors, 256);
    expect("gather, sectors written", c.of[TORC_EMU_GLOBAL][TORC_EMU_STORE].sectors, 256);
}

static void check_expand(void)
{
    torc_expansion row = {};
    row.outer_count = row.inner_count = 1;
    row.mask_words = 1024;
    torc_emu_count(true);
    const torc_emu_counts c =
        counts_of(torc_gpu_expand_u32((uint32_t *)room[1], NULL, &row, stream));
    expect("expand, shared stores", c.of[TORC_EMU_SHARED][TORC_EMU_STORE].wavefronts, 32);
    expect("expand, shared loads", c.of[TORC_EMU_SHARED][TORC_EMU_LOAD].wavefronts, 32);
    expect("expand, sectors written", c.of[TORC_EMU_GLOBAL][TORC_EMU_STORE].sectors, 128);
}

int main(void)
{
    uint32_t host[2 * CHUNK];
    for (uint32_t i = 0; i < 2 * CHUNK; i++) {
        host[i] = i;
    }
    expect("stream", (uint64_t)torc_gpu_stream_create(&stream), 0);
    for (uint64_t *&words : room) {
        expect("room", (uint64_t)torc_gpu_alloc((void **)&words, 8 * ROOM_WORDS), 0);
        expect("zeros", (uint64_t)torc_gpu_set_zero(words, 8 * ROOM_WORDS, stream), 0);
    }
    expect("numbers", (uint64_t)torc_gpu_alloc((void **)&numbers, sizeof host), 0);
    expect("copy", (uint64_t)torc_gpu_copy_in(numbers, host, sizeof host, stream), 0);
    for (const linear_row &row : linear_rows) {
        check_linear(&row);
    }
    check_gather();
    check_expand();
    torc_gpu_free(room[0]);
    torc_gpu_free(room[1]);
    torc_gpu_free(numbers);
    torc_gpu_stream_destroy(stream);
    return failures == 0 ? 0 : 1;
}
