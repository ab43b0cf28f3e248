/* Counts of access patterns whose cost is known: strides, padding, broadcasts, halves of a warp,
 * lines and sectors, phases, divergence. The order of threads must not matter. */
#include "kernels/cuda/gpu.h"
#include "kernels/emu/emu.h"
#include "kernels/kernels_cuda.h"

#include <stdio.h>

#define WORDS 4096u /* 8 bytes each */

static int failures;
static torc_gpu_stream stream;
static double *device; /* [WORDS], zeros */

static void expect(const char *what, uint64_t got, uint64_t expected)
{
    if (got != expected) {
        fprintf(stderr, "counts: %s: %llu, not %llu\n", what, (unsigned long long)got,
                (unsigned long long)expected);
        failures++;
    }
}

/* Runs one block of 32 threads and returns its counts. */
template <class... argument>
static torc_emu_counts counted(void (*kernel)(argument...), argument... arguments)
{
    torc_emu_counts counts;
    const gpu_grid grid = {1, 32, sizeof(double) * WORDS, stream, 1};
    torc_emu_count(true);
    expect("launch", (uint64_t)gpu_launch(&grid, kernel, arguments...), 0);
    expect("wait", (uint64_t)torc_gpu_stream_wait(stream), 0);
    torc_emu_counts_read(&counts, TORC_EMU_ALL_PHASES);
    torc_emu_count(false);
    return counts;
}

/* --- banks --- */

template <class type> __global__ void store_stride(uint32_t stride, uint32_t modulus)
{
    GPU_DYNAMIC_SHARED(type, words);
    gpu_store_shared(words + threadIdx.x % modulus * stride, type{});
}

typedef struct pattern {
    const char *what;
    uint32_t stride, modulus; /* lane's word: lane % modulus * stride */
    uint32_t wavefronts[3];   /* words of 4, 8, 16 bytes */
} pattern;

static const pattern patterns[] = {
    {"neighbours", 1, 32, {1, 2, 4}},
    {"every second word", 2, 32, {2, 4, 8}},
    {"every third word", 3, 32, {1, 2, 4}},
    {"one word of each 32", 32, 32, {32, 32, 32}},
    {"one of each 33, as in a padded square", 33, 32, {1, 2, 4}},
    {"the same word", 0, 32, {1, 2, 4}},
    {"two words a bank line apart", 32, 2, {2, 4, 8}},
};

static void check_banks(void)
{
    for (const pattern &p : patterns) {
        const torc_emu_counts c4 = counted(store_stride<uint32_t>, p.stride, p.modulus);
        const torc_emu_counts c8 = counted(store_stride<double>, p.stride, p.modulus);
        const torc_emu_counts c16 = counted(store_stride<double2>, p.stride, p.modulus);
        const torc_emu_counts *all[3] = {&c4, &c8, &c16};
        for (uint32_t i = 0; i < 3; i++) {
            const torc_emu_traffic *t = &all[i]->of[TORC_EMU_SHARED][TORC_EMU_STORE];
            expect(p.what, t->wavefronts, p.wavefronts[i]);
            expect("one instruction", t->instructions, 1);
            expect("accesses", t->accesses, 32);
            expect("bytes", t->bytes, 128u << i);
        }
    }
}

/* --- lines and sectors --- */

__global__ void load_stride(const double *from, uint32_t offset, uint32_t stride)
{
    (void)gpu_load_readonly(from + offset + threadIdx.x * stride);
}

static void check_sectors(void)
{
    const uint32_t offsets[] = {0, 0, 0, 2}, strides[] = {1, 4, 16, 1};
    const uint64_t lines[] = {2, 8, 32, 3}, sectors[] = {8, 32, 32, 9};
    for (uint32_t i = 0; i < 4; i++) {
        const torc_emu_counts c =
            counted(load_stride, (const double *)device, offsets[i], strides[i]);
        const torc_emu_traffic *t = &c.of[TORC_EMU_READONLY][TORC_EMU_LOAD];
        expect("lines", t->lines, lines[i]);
        expect("sectors", t->sectors, sectors[i]);
        expect("sectors of the block", c.block_sectors, sectors[i]);
    }
}

/* --- what belongs together --- */

/* A loop: its passes are one instruction each; a phase each half; a line that half the lanes pass.
 */
__global__ void loops_and_branches(const double *from)
{
    GPU_DYNAMIC_SHARED(double, words);
    for (uint32_t i = 0; i < 4; i++) {
        gpu_mark(1 + i / 2);
        gpu_store_shared(words + 32 * i + threadIdx.x, gpu_load_global(from + threadIdx.x));
    }
    gpu_sync_block();
    gpu_mark(3);
    if (threadIdx.x < 16) {
        (void)gpu_load_shared(words + threadIdx.x);
    }
    (void)gpu_shuffle(1.0, 0);
    (void)gpu_shuffle(1u, 0);
    gpu_sync_warp();
    gpu_add_shared(reinterpret_cast<uint32_t *>(words), 1u);
}

static void check_matching(void)
{
    torc_emu_counts phase[4];
    const gpu_grid grid = {2, 64, sizeof(double) * WORDS, stream, 1};
    torc_emu_count(true);
    expect("launch", (uint64_t)gpu_launch(&grid, loops_and_branches, (const double *)device), 0);
    expect("wait", (uint64_t)torc_gpu_stream_wait(stream), 0);
    for (uint32_t p = 0; p < 4; p++) {
        torc_emu_counts_read(&phase[p], p);
    }
    torc_emu_count(false);
    const uint64_t warps = 4;
    expect("phase 0", phase[0].of[TORC_EMU_GLOBAL][TORC_EMU_LOAD].instructions, 0);
    for (uint32_t p = 1; p < 3; p++) {
        const torc_emu_traffic *load = &phase[p].of[TORC_EMU_GLOBAL][TORC_EMU_LOAD];
        expect("loads of a phase", load->instructions, 2 * warps);
        expect("their lines", load->lines, 2 * warps * 2);
        expect("their sectors", load->sectors, 2 * warps * 8);
        expect("sectors of two blocks", phase[p].block_sectors, 2 * 16);
        expect("stores of a phase", phase[p].of[TORC_EMU_SHARED][TORC_EMU_STORE].wavefronts,
               2 * warps * 2);
    }
    const torc_emu_traffic *half = &phase[3].of[TORC_EMU_SHARED][TORC_EMU_LOAD];
    expect("half a warp", half->instructions, 2); /* of the first warp of each block */
    expect("its lanes", half->accesses, 2 * 16);
    expect("its wavefronts", half->wavefronts, 2);
    expect("a sum by all lanes", phase[3].of[TORC_EMU_SHARED][TORC_EMU_ADD].wavefronts, warps * 32);
    expect("shuffles", phase[3].shuffles, warps * 3);
    expect("warp barriers", phase[3].warp_barriers, warps);
    expect("block barriers", phase[2].block_barriers, 2);
}

/* --- asynchronous copies and other blocks --- */

__global__ void copies(const double *from)
{
    GPU_DYNAMIC_SHARED(double2, words);
    gpu_copy_async_16(words + threadIdx.x, from + 2 * threadIdx.x);
    gpu_copy_commit();
    gpu_copy_wait<0>();
}

static void check_copies(void)
{
    const torc_emu_counts c = counted(copies, (const double *)device);
    expect("copied lines", c.of[TORC_EMU_COPY_FROM][TORC_EMU_LOAD].lines, 4);
    expect("copied sectors", c.of[TORC_EMU_COPY_FROM][TORC_EMU_LOAD].sectors, 16);
    expect("copied into banks", c.of[TORC_EMU_COPY_TO][TORC_EMU_STORE].wavefronts, 4);
}

int main(void)
{
    expect("stream", (uint64_t)torc_gpu_stream_create(&stream), 0);
    expect("device", (uint64_t)torc_gpu_alloc((void **)&device, sizeof(double) * WORDS), 0);
    expect("zero", (uint64_t)torc_gpu_set_zero(device, sizeof(double) * WORDS, stream), 0);
    check_banks();
    check_sectors();
    check_matching();
    check_copies();
    torc_gpu_free(device);
    torc_gpu_stream_destroy(stream);
    return failures == 0 ? 0 : 1;
}
