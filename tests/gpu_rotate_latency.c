/* The latency form of the rotation: whole accumulators of every shape it takes, on clusters of
 * every size, whose bits must not depend on that size; several results; batches that end within a
 * block of bundles and beyond what goes at once; noise; a whole lookup; refusals. */
#include "tests/gpu_lookup.h"

static size_t accumulator_bytes(const rotation_batch *b)
{
    return (b->count * rotation_part_words(&b->shape) << b->shape.extended_log2) *
           sizeof *b->accumulator;
}

/* Rotates on clusters of `cluster` blocks and compares with the table, and with the bits of `first`
 * unless that is NULL. */
static void expect_cluster(rotation_batch *b, const rotation_key *key, uint32_t cluster,
                           const uint64_t *first, double bound)
{
    const rotation_name name = rotation_name_of(&b->shape);
    b->cluster = cluster;
    memset(b->accumulator, 0, accumulator_bytes(b));
    GPU_OK(rotation_try(b, key, TORC_GPU_FORM_LATENCY));
    rotation_expect_coefficients(b, key, bound, name.text);
    rotation_expect_outputs(b, name.text);
    GPU_CHECK(first == NULL || memcmp(first, b->accumulator, accumulator_bytes(b)) == 0,
              "%s: clusters of %u give other bits than clusters of 4", name.text, cluster);
}

/* `count` random ciphertexts on clusters of 4, then on those of 2 and 1 that hold the parts. */
static void expect_rotations(const torc_shape *shape, uint32_t count, uint64_t seed)
{
    test_rng rng = {seed};
    rotation_key key = rotation_key_make(shape, &rng, 10);
    rotation_batch b = rotation_batch_make(shape, count, ROTATION_VARIED, &rng);
    uint64_t *first = (uint64_t *)test_alloc(accumulator_bytes(&b));
    static rotation_noise noise;

    rotation_noise_begin(&noise, &key);
    expect_cluster(&b, &key, 4, NULL, noise.bound);
    memcpy(first, b.accumulator, accumulator_bytes(&b));
    if (shape->extended_log2 <= 1) {
        expect_cluster(&b, &key, 2, first, noise.bound);
    }
    if (shape->extended_log2 == 0) {
        expect_cluster(&b, &key, 1, first, noise.bound);
    }
    free(first);
    rotation_batch_free(&b);
    rotation_key_free(&key);
}

static bool is_taken(const torc_shape *s)
{
    return s->grouping >= 2 && s->extended_log2 <= (s->level_count == 1 ? 2u : 1u);
}

static torc_shape groups_of_4(void)
{
    torc_shape s = lookup_shape(1, 11, 1, 4, 0);
    s.lwe_dim = 8;
    return s;
}

/* Two steps of every shipped configuration of this form, and of g = 4. */
static void configurations(void)
{
    const torc_shape four = groups_of_4();
    torc_shape s;
    for (size_t i = 0; lookup_configuration(&s, i); i++) {
        s.lwe_dim = 2 * s.grouping;
        s.outputs_log2 = (uint32_t)i % 3;
        if (is_taken(&s)) {
            expect_rotations(&s, gpu_test_is_toy() ? 1 : 3, 500 + i);
        }
    }
    expect_rotations(&four, 2, 550);
}

/* Bundles are formed for 8 ciphertexts a block; rotations run for 66 at once. */
static void batches(void)
{
    torc_shape s = lookup_shape(3, 9, 1, 2, 0);
    s.lwe_dim = 4;
    expect_rotations(&s, 9, 600);
    expect_rotations(&s, 67, 601);
}

static void noise(void)
{
    torc_shape small = lookup_shape(3, 9, 1, 2, 0), medium = lookup_shape(2, 10, 1, 2, 0);
    torc_shape large = lookup_shape(1, 11, 1, 3, 0), four = groups_of_4();
    small.lwe_dim = medium.lwe_dim = 80;
    large.lwe_dim = 120;
    four.lwe_dim = 80;
    small.base_log = 16;
    rotation_expect_noise(&small, 28, 12, 1, 700, TORC_GPU_FORM_LATENCY);
    rotation_expect_noise(&medium, -1, 8, 1, 701, TORC_GPU_FORM_LATENCY);
    rotation_expect_noise(&large, 17, 8, 1, 702, TORC_GPU_FORM_LATENCY);
    large.base_log = four.base_log = 24; /* round-off alone */
    rotation_expect_noise(&large, -1, 8, 1, 703, TORC_GPU_FORM_LATENCY);
    rotation_expect_noise(&four, -1, 8, 1, 704, TORC_GPU_FORM_LATENCY);
}

static void refusals(void)
{
    const torc_shape bad[] = {lookup_shape(1, 11, 1, 1, 0), lookup_shape(1, 12, 1, 2, 0),
                              lookup_shape(5, 9, 1, 2, 0), lookup_shape(1, 11, 1, 3, 3),
                              lookup_shape(1, 11, 2, 2, 2)};
    const torc_shape good = lookup_shape(1, 11, 1, 2, 0);
    torc_gpu_rotate_args call = {.batch = 1, .form = TORC_GPU_FORM_LATENCY};

    GPU_CHECK(torc_gpu_rotate(NULL, &call, &good, gpu_test.stream) != 0, "no scratch");
    call.scratch = gpu_test_room(256);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const rotation_name name = rotation_name_of(&bad[i]);
        GPU_CHECK(torc_gpu_rotate(NULL, &call, &bad[i], gpu_test.stream) != 0, "%s is not refused",
                  name.text);
    }
    call.cluster = 3;
    GPU_CHECK(torc_gpu_rotate(NULL, &call, &good, gpu_test.stream) != 0, "clusters of 3");
    gpu_test_free_all();
}

int main(void)
{
    gpu_test_begin();
    configurations();
    refusals();
    if (!gpu_test_is_toy()) {
        const torc_shape production = lookup_shape(1, 11, 1, 3, 0);
        batches();
        noise();
        lookup_expect_shape(&production, 1, 2, 800, TORC_GPU_FORM_LATENCY);
    }
    return gpu_test_end();
}
