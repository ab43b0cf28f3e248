/* The rotation through global memory: whole accumulators of toy rotations for every size, grouping,
 * number of parts, digits and columns; batches that end within a block, an item and a piece; every
 * shipped configuration. */
#include "tests/gpu_rotation.h"
#include "tests/gpu_rotation_noise.h"

/* Rotates `count` random ciphertexts and compares everything. */
static void expect_rotations(const torc_shape *shape, uint32_t count, uint64_t seed)
{
    const rotation_name name = rotation_name_of(shape);
    test_rng rng = {seed};
    rotation_key key = rotation_key_make(shape, &rng, 10);
    rotation_batch b = rotation_batch_make(shape, count, ROTATION_VARIED, &rng);
    static rotation_noise noise;

    rotation_noise_begin(&noise, &key);
    GPU_OK(rotation_try(&b, &key, TORC_GPU_FORM_GLOBAL));
    rotation_expect_coefficients(&b, &key, noise.bound, name.text);
    rotation_expect_outputs(&b, name.text);
    rotation_noise_add_batch(&noise, &b, &key);
    printf("%s base %u: std 2^%.2f, variance/predicted %.3f\n", name.text, shape->base_log,
           log2(noise.variance) / 2, rotation_noise_ratio(&noise));
    rotation_batch_free(&b);
    rotation_key_free(&key);
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

int main(void)
{
    gpu_test_begin();
    for (uint32_t g = 1; g <= 3; g++) {
        for (uint32_t v = 0; v <= 5; v++) {
            const torc_shape s = shape_of(1, 256, 1 + (g + v) % 3, g, v);
            expect_rotations(&s, 5, 100 * g + v);
        }
        for (uint32_t size = 512; size <= 4096; size *= 2) {
            const torc_shape s = shape_of(1, size, 1 + g % 2, g, 0);
            expect_rotations(&s, 3, 200 * g + size);
        }
    }
    for (uint32_t k = 2; k <= 6; k++) {
        const torc_shape s = shape_of(k, 256, 1 + k % 3, 1 + k % 3, k % 2);
        expect_rotations(&s, 5, 300 + k);
    }
    return gpu_test_end();
}
