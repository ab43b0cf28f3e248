/* What the emulator knows of the kernels, for `resources`: threads and shared memory of every
 * launch that the items of gpu_digest make, and what one block of a rotation asks of shared memory
 * and of the second-level cache in a step, phase by phase; the same of the keyswitch's product.
 *
 *   launch KERNEL THREADS BYTES
 *   step KERNEL WAVEFRONTS SECTORS     a+b by phases, of a block
 *
 * A step is the difference of rotations of 18 and 2 steps: starts and ends fall out, and where the
 * work depends on exponents (extended accumulators) it is the mean of 16. Sectors are
 * those that warp instructions ask for: the first-level cache keeps nothing for them, it has less
 * than 30 KiB beside the blocks' shared memory. A prefetch asks for nothing that is not counted
 * later. */
#include "bench/gpu_digest/items.h"
#include "kernels/emu/emu.h"
#include "tests/gpu_test.h"
#include "tests/resources/sass.h"

#include <dlfcn.h>

#define FEW_STEPS  2u
#define MANY_STEPS 18u
#define NAMES_MAX  512

/* Marks (gpu_mark in the kernels) that follow a barrier of the step, barrier by barrier. */
typedef struct form_marks {
    torc_gpu_form form;
    uint32_t cluster;
    const char *kernel; /* begins its name */
    uint32_t phases[4]; /* a bit for each mark; 0 ends */
} form_marks;

static const form_marks forms[] = {
    {TORC_GPU_FORM_THROUGHPUT, 0, "rotate_throughput<", {1u << 1, 1u << 2, 1u << 3}},
    {TORC_GPU_FORM_LATENCY,
     1,
     "rotate_latency_kernel<",
     {1u << 2 | 1u << 3 | 1u << 4, 1u << 5 | 1u << 1}},
    {TORC_GPU_FORM_LATENCY,
     2,
     "rotate_latency_kernel<",
     {1u << 2 | 1u << 3 | 1u << 4, 1u << 5 | 1u << 1}},
    {TORC_GPU_FORM_LATENCY,
     4,
     "rotate_latency_kernel<",
     {1u << 2 | 1u << 3 | 1u << 4, 1u << 5 | 1u << 1}},
};

typedef struct phase_counts {
    double wavefronts[4], sectors[4];
    double blocks;
} phase_counts;

/* --- launches --- */

static char names[NAMES_MAX][SASS_NAME_SIZE]; /* of kernels that have been launched */
static size_t name_count;
static char last_name[SASS_NAME_SIZE];

static void launch_seen(const void *kernel, uint32_t threads, uint64_t shared_bytes)
{
    Dl_info symbol;
    if (dladdr(kernel, &symbol) == 0 || symbol.dli_sname == NULL) {
        fprintf(stderr, "resource_counts: a kernel without a symbol\n");
        return;
    }
    sass_plain_name(last_name, symbol.dli_sname);
    for (size_t i = 0; i < name_count; i++) {
        if (strcmp(names[i], last_name) == 0) {
            return;
        }
    }
    if (name_count < NAMES_MAX) {
        memcpy(names[name_count++], last_name, sizeof last_name);
        printf("launch %s %u %llu\n", last_name, threads, (unsigned long long)shared_bytes);
    }
}

/* Every kernel that an item needs, once. */
static void see_launches(void)
{
    static digest_item items[ITEMS_MAX];
    const size_t count = items_make(items, false, gpu_test.stream);
    torc_emu_watch_launches(launch_seen);
    for (size_t i = 0; i < count; i++) {
        (void)items[i].launch(&items[i], gpu_test.stream); /* what none runs is not launched */
        GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
    }
    items_free();
}

/* --- steps --- */

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
static bool count_steps(phase_counts *out, const form_marks *form, const rotation_shape *shape,
                        uint32_t steps)
{
    digest_item item = {.batch = 0};
    torc_emu_counts c;
    memset(out, 0, sizeof *out);
    items_begin(gpu_test.stream);
    item_make_rotation(&item, shape, steps * shape->g, 1);
    item_set_form(&item, form->form, form->cluster);
    GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
    torc_emu_count(true);
    const bool runs = item.launch(&item, gpu_test.stream) == 0;
    GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
    for (uint32_t mark = 0; mark < TORC_EMU_PHASES; mark++) {
        torc_emu_counts_read(&c, mark);
        out->blocks += (double)c.blocks;
        for (uint32_t p = 0; p < 4; p++) {
            out->wavefronts[p] += form->phases[p] >> mark & 1 ? wavefronts_of(&c) : 0;
            out->sectors[p] += form->phases[p] >> mark & 1 ? sectors_of(&c) : 0;
        }
    }
    torc_emu_count(false);
    items_free();
    return runs;
}

static void print_phases(const double *few, const double *many, uint32_t phases, double blocks)
{
    for (uint32_t p = 0; p < phases; p++) {
        printf("%s%.0f", p == 0 ? " " : "+",
               (many[p] - few[p]) / (MANY_STEPS - FEW_STEPS) / blocks);
    }
}

static void count_shape(const form_marks *form, const rotation_shape *shape)
{
    phase_counts few, many;
    uint32_t phases = 0;
    if (!count_steps(&few, form, shape, FEW_STEPS) ||
        !count_steps(&many, form, shape, MANY_STEPS) ||
        strncmp(last_name, form->kernel, strlen(form->kernel)) != 0) {
        return;
    }
    while (phases < 4 && many.wavefronts[phases] > 0) {
        phases++;
    }
    /* Blocks of the kernel alone: others of the call run outside its marks. */
    const double blocks = form->cluster > 0 ? form->cluster : many.blocks;
    printf("step %s", last_name);
    print_phases(few.wavefronts, many.wavefronts, phases, blocks);
    print_phases(few.sectors, many.sectors, phases, blocks);
    printf("\n");
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
    printf("step %s %.0f %.0f\n", kernel, wavefronts_of(&c) / steps,
           (double)c.of[TORC_EMU_COPY_FROM][TORC_EMU_LOAD].sectors / steps);
    gpu_test_free_all();
}

int main(void)
{
    gpu_test_begin();
    see_launches();
    count_keyswitch("keyswitch_product<1,1>", 16, 128);
    count_keyswitch("keyswitch_product<4,1>", 64, 128);
    count_keyswitch("keyswitch_product<4,2>", 128, 64);
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        for (size_t i = 0; i < items_shape_count; i++) {
            count_shape(&forms[f], &items_shapes[i]);
        }
    }
    torc_gpu_stream_destroy(gpu_test.stream);
    return 0;
}
