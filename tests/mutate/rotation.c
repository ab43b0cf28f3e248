/* For mutation tests: whole accumulators of two steps, for every configuration of toy.def in every
 * form that takes it, and the routes of key words. Batches end within a block. */
#include "tests/gpu_rotation.h"
#include "tests/gpu_rotation_noise.h"

int mutate_routes(void); /* routes.cu */

/* cluster: of the latency form, 0: as large as it goes. */
static void expect_rotations(const torc_shape *shape, uint32_t count, uint64_t seed,
                             torc_gpu_form form, uint32_t cluster)
{
    const rotation_name name = rotation_name_of(shape);
    test_rng rng = {seed};
    rotation_key key = rotation_key_make(shape, &rng, 10);
    rotation_batch b = rotation_batch_make(shape, count, ROTATION_VARIED, &rng);
    static rotation_noise noise;

    b.cluster = cluster;
    rotation_noise_begin(&noise, &key);
    GPU_OK(rotation_try(&b, &key, form));
    rotation_expect_coefficients(&b, &key, noise.bound, name.text);
    rotation_expect_outputs(&b, name.text);
    rotation_batch_free(&b);
    rotation_key_free(&key);
}

/* Configuration (k, log2 N, l, g, v). */
static void try_configuration(uint32_t k, uint32_t log2_n, uint32_t l, uint32_t g, uint32_t v)
{
    static const uint32_t base_log[] = {0, 22, 14, 10};
    const torc_shape shape = {.glwe_dim = k,
                              .poly_size = 1u << log2_n,
                              .lwe_dim = 2 * g,
                              .extended_log2 = v,
                              .base_log = base_log[l],
                              .level_count = l,
                              .ks_base_log = 1,
                              .ks_level_count = 1,
                              .grouping = g};
    const uint64_t seed = 10 * log2_n + 3 * g + v;

    expect_rotations(&shape, v > 1 ? 2 : 9, seed, TORC_GPU_FORM_THROUGHPUT, 0);
    expect_rotations(&shape, v > 1 ? 1 : 5, seed, TORC_GPU_FORM_GLOBAL, 0);
    if (log2_n == 9) {
        expect_rotations(&shape, 9, seed, TORC_GPU_FORM_LATENCY, 0); /* 8 in a block's turn */
        if (v == 0) { /* one block: twiddles in shared memory */
            expect_rotations(&shape, 1, seed, TORC_GPU_FORM_LATENCY, 1);
        }
    }
}

int main(void)
{
    gpu_test_begin();
#define TORC_CONFIGURATION(k, log2_n, l, g, v) try_configuration(k, log2_n, l, g, v);
#include "kernels/configurations.def"
    GPU_CHECK(mutate_routes() == 0, "a route of key words");
    return gpu_test_end();
}
