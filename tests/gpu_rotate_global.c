/* The rotation through global memory: whole accumulators of toy rotations for every size, grouping,
 * number of parts, digits and columns; several results; batches that end within a block, an item
 * and a piece; shipped configurations; noise; whole lookups; refusals. */
#include "tests/gpu_lookup.h"

/* Rotates `count` random ciphertexts and compares everything. */
static void expect_rotations(const torc_shape *shape, uint32_t count, uint64_t seed)
{
    rotation_expect_form(shape, count, seed, TORC_GPU_FORM_GLOBAL);
}

static torc_shape shape_of(uint32_t k, uint32_t size, uint32_t l, uint32_t g, uint32_t v)
{
    static const uint32_t base_log[] = {0, 22, 14, 10};
    return (torc_shape){.glwe_dim = k,
                        .poly_size = size,
                        .lwe_dim = 2 * g,
                        .extended_log2 = v,
                        .base_log = base_log[l],
                        .level_count = l,
                        .ks_base_log = 1,
                        .ks_level_count = 1,
                        .grouping = g};
}

static void every_size_grouping_and_part(void)
{
    for (uint32_t g = 1; g <= 3; g++) {
        for (uint32_t v = 0; v <= 5; v++) {
            const torc_shape s = shape_of(1, 256, 1 + (g + v) % 3, g, v);
            expect_rotations(&s, 4, 100 * g + v);
        }
        for (uint32_t size = 512; size <= (gpu_test_is_toy() ? 512 : 4096); size *= 2) {
            const torc_shape s = shape_of(1, size, 1 + g % 2, g, size == 1024);
            expect_rotations(&s, 4, 200 * g + size);
        }
    }
    for (uint32_t k = 2; k <= 6; k++) {
        const torc_shape s = shape_of(k, 256, 1 + k % 3, 1 + k % 3, k % 2);
        expect_rotations(&s, 4, 300 + k);
    }
}

/* Fewer results than parts, as many, and more. */
static void several_results(void)
{
    static const uint32_t outputs_log2[] = {1, 2, 3};
    for (uint32_t i = 0; i < 3; i++) {
        torc_shape s = shape_of(1 + i % 2, 256, 1, 1 + i, 2);
        s.outputs_log2 = outputs_log2[i];
        expect_rotations(&s, 4, 400 + i);
    }
}

/* Items of a product hold up to 8 slots, blocks of transforms up to 32 polynomials; at N = 4096,
 * k = 1, l = 2, v = 5 a piece of a batch is 4 ciphertexts. */
static void batches_of_every_size(void)
{
    for (uint32_t count = 1; count <= 9; count++) {
        const torc_shape s = shape_of(1, 256, 1, 1 + count % 3, 0);
        expect_rotations(&s, count, 500 + count);
    }
    if (!gpu_test_is_toy()) {
        torc_shape large = shape_of(1, 4096, 2, 2, 5);
        large.lwe_dim = 2;
        expect_rotations(&large, 5, 520);
    }
}

/* Rounding at both ends of what 32 bits keep. */
static void gadgets(void)
{
    static const uint32_t base_log[][2] = {{30, 1}, {16, 2}, {10, 3}, {1, 1}, {2, 3}};
    for (uint32_t g = 1; g <= 3; g++) {
        for (size_t i = 0; i < sizeof base_log / sizeof *base_log; i++) {
            torc_shape s = shape_of(1, 256, base_log[i][1], g, 0);
            s.base_log = base_log[i][0];
            expect_rotations(&s, 3, 600 + 10 * g + i);
        }
    }
}

/* 12 ciphertexts of N = 512 and 40 steps: 3,072 terms at v = 0, so that odds of 1e-6 leave 9 %. The
 * key's noise, then rounding and round-off, make up what there is. */
static void noise(void)
{
    static const struct {
        uint32_t base_log, level_count, extended_log2;
        int noise_log2;
    } cases[] = {{12, 2, 0, 36}, {15, 1, 0, -1}, {16, 2, 0, -1}, {12, 2, 2, 36}};
    for (uint32_t g = 1; g <= 3; g++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            torc_shape s = shape_of(1, 512, cases[i].level_count, g, cases[i].extended_log2);
            s.base_log = cases[i].base_log;
            s.lwe_dim = 40 * g;
            rotation_expect_noise(&s, cases[i].noise_log2, 12, 1, 700 + 10 * g + i,
                                  TORC_GPU_FORM_GLOBAL);
        }
    }
}

static void refusals(void)
{
    const torc_shape good = shape_of(1, 256, 1, 2, 0);
    torc_shape bad[] = {good, good, good, good, good, good};
    bad[0].grouping = 4;
    bad[1].level_count = 4;
    bad[2].glwe_dim = 7;
    bad[3].extended_log2 = 6;
    bad[4].base_log = 32;
    bad[5].lwe_dim = 3;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        torc_gpu_rotate_args call = {.batch = 1, .form = TORC_GPU_FORM_GLOBAL};
        call.scratch = gpu_test_room(256);
        GPU_CHECK(torc_gpu_rotate(NULL, &call, &bad[i], gpu_test.stream) != 0,
                  "shape %zu is not refused", i);
    }
    torc_gpu_rotate_args call = {.batch = 1, .form = TORC_GPU_FORM_GLOBAL};
    GPU_CHECK(torc_gpu_rotate(NULL, &call, &good, gpu_test.stream) != 0, "no scratch");
    gpu_test_free_all();
}

/* Two steps of every shipped configuration. */
static void configurations(void)
{
    torc_shape s;
    for (size_t i = 0; lookup_configuration(&s, i); i++) {
        s.lwe_dim = 2 * s.grouping;
        expect_rotations(&s, 4, 800 + i);
    }
}

/* At the size of production; all of them: slowgpu_rotate_global.c. */
static void lookups(void)
{
    const torc_shape classic = lookup_shape(3, 9, 1, 1, 0);
    const torc_shape grouped = lookup_shape(1, 11, 1, 3, 0);
    torc_shape several = lookup_shape(2, 9, 1, 3, 1);
    several.outputs_log2 = 1;
    lookup_expect_shape(&classic, 1, 2, 900, TORC_GPU_FORM_GLOBAL);
    lookup_expect_shape(&grouped, 1, 2, 901, TORC_GPU_FORM_GLOBAL);
    lookup_expect_shape(&several, 1, 2, 902, TORC_GPU_FORM_GLOBAL);
}

int main(void)
{
    gpu_test_begin();
    every_size_grouping_and_part();
    several_results();
    batches_of_every_size();
    gadgets();
    refusals();
    if (!gpu_test_is_toy()) {
        configurations();
        noise();
        lookups();
    }
    return gpu_test_end();
}
