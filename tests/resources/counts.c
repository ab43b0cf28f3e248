/* Counts, on the emulator, what one block of each rotation kernel and of the keyswitch's product
 * asks of shared memory and of the second-level cache in a step, phase by phase: a line a
 * configuration, for `resources --counts`.
 *
 *   PREFIX WAVEFRONTS SECTORS     of the kernel whose name begins with PREFIX; a+b by phases
 *
 * A step is the difference of rotations of 4 and 2 steps, so starts and ends fall out. Sectors are
 * those that warp instructions ask for: the first-level cache keeps nothing for them, it has less
 * than 30 KiB beside the blocks' shared memory. A prefetch asks for nothing that is not counted
 * later. */
#include "bench/gpu_digest/items.h"
#include "kernels/emu/emu.h"
#include "tests/gpu_test.h"

#define FEW_STEPS  2u
#define MANY_STEPS 4u

typedef struct phase_counts {
    double wavefronts[TORC_EMU_PHASES], sectors[TORC_EMU_PHASES];
    double blocks;
} phase_counts;

static double wavefronts_of(const torc_emu_counts *c)
{
    uint64_t sum = 0;
    for (int space = 0; space < TORC_EMU_SPACES; space++) {
        for (int action = 0; action < TORC_EMU_ACTIONS; action++) {
            sum += c->of[space][action].wavefronts;
        }
    }
    return (double)sum;
}

static double sectors_of(const torc_emu_counts *c)
{
    uint64_t sum = 0;
    for (int space = 0; space < TORC_EMU_SPACES; space++) {
        sum += c->of[space][TORC_EMU_LOAD].sectors;
    }
    return (double)sum;
}

/* One block, or one cluster of them, of a rotation of `steps` steps; false when no kernel runs it.
 */
static bool count_steps(phase_counts *out, const rotation_shape *shape, uint32_t steps)
{
    digest_item item = {.batch = 0};
    torc_emu_counts c;
    items_begin(gpu_test.stream);
    item_make_rotation(&item, shape, steps * shape->g, 1);
    torc_emu_count(true);
    int error = item.launch(&item, gpu_test.stream);
    error = error != 0 ? error : torc_gpu_stream_wait(gpu_test.stream);
    for (uint32_t phase = 0; phase < TORC_EMU_PHASES; phase++) {
        torc_emu_counts_read(&c, phase);
        out->wavefronts[phase] = wavefronts_of(&c);
        out->sectors[phase] = sectors_of(&c);
        out->blocks = phase == 0 ? (double)c.blocks : out->blocks;
    }
    torc_emu_count(false);
    items_free();
    return error == 0;
}

/* Phases that a step has are numbered from 1 (gpu_mark in the kernel). */
static void print_phases(const double *few, const double *many, uint32_t phases, double blocks)
{
    for (uint32_t p = 1; p <= phases; p++) {
        printf("%s%.0f", p == 1 ? " " : "+",
               (many[p] - few[p]) / (MANY_STEPS - FEW_STEPS) / blocks);
    }
}

static void count_shape(const rotation_shape *s)
{
    phase_counts few = {.blocks = 0}, many = {.blocks = 0};
    uint32_t phases = 0;
    if (!count_steps(&few, s, FEW_STEPS) || !count_steps(&many, s, MANY_STEPS)) {
        return;
    }
    while (phases + 1 < TORC_EMU_PHASES && many.wavefronts[phases + 1] > 0) {
        phases++;
    }
    if (phases > 0) {
        printf("rotate_throughput<rotate_plan<%u,%u,%u,%u,%u,", s->k, s->log2_n, s->l, s->g, s->v);
        print_phases(few.wavefronts, many.wavefronts, phases, many.blocks);
        print_phases(few.sectors, many.sectors, phases, many.blocks);
        printf("\n");
        fflush(stdout);
    }
}

/* A keyswitch of one block of ciphertexts and columns: all steps of the product are that block's.
 * The other kernels of a keyswitch to words use no shared memory and no asynchronous copy. */
static void count_keyswitch(const char *kernel, uint32_t batch, uint32_t columns)
{
    const torc_shape shape = {.glwe_dim = 1,
                              .poly_size = 256,
                              .lwe_dim = columns - 1,
                              .ks_base_log = 2,
                              .ks_level_count = 2};
    const double steps = 256 / 32 * 2;
    const torc_gpu_keyswitch_args args = {
        .key = gpu_test_zeros(torc_gpu_keyswitch_key_bytes(&shape)),
        .in = gpu_test_zeros(batch * 257 * sizeof(uint64_t)),
        .scratch = gpu_test_room(torc_gpu_keyswitch_scratch_bytes(&shape, batch)),
        .batch = batch};
    uint32_t *small = gpu_test_room((size_t)batch * columns * sizeof *small);
    torc_emu_counts c;

    GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
    torc_emu_count(true);
    GPU_OK(torc_gpu_keyswitch_small(small, &args, &shape, gpu_test.stream));
    GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
    torc_emu_counts_read(&c, TORC_EMU_ALL_PHASES);
    torc_emu_count(false);
    printf("%s %.0f %.0f\n", kernel, wavefronts_of(&c) / steps,
           (double)c.of[TORC_EMU_COPY_FROM][TORC_EMU_LOAD].sectors / steps);
    gpu_test_free_all();
}

int main(void)
{
    gpu_test_begin();
    count_keyswitch("keyswitch_product<1,1>", 16, 128);
    count_keyswitch("keyswitch_product<4,1>", 64, 128);
    count_keyswitch("keyswitch_product<4,2>", 128, 64);
    for (size_t i = 0; i < items_shape_count; i++) {
        count_shape(&items_shapes[i]);
    }
    torc_gpu_stream_destroy(gpu_test.stream);
    return 0;
}
