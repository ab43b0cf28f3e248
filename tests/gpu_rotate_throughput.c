/* The throughput form of the rotation, in blocks and on clusters: whole accumulators of two steps
 * of every shipped configuration that it takes; several results; batches that end within a block
 * and beyond what goes at once; wide digits; noise; refusals. */
#include "tests/gpu_lookup.h"

/* Three levels on clusters and v = 5 do not fit: the global form runs those. */
static bool is_taken(const torc_shape *s)
{
    return s->level_count < 3 && s->extended_log2 < 5;
}

/* Two steps, so that the second meets an accumulator with masks. */
static void configurations(void)
{
    torc_shape s;
    for (size_t i = 0; lookup_configuration(&s, i); i++) {
        const uint32_t parts = 1u << s.extended_log2;
        s.lwe_dim = 2 * s.grouping;
        s.outputs_log2 = (uint32_t)i % 3;
        if (is_taken(&s)) {
            rotation_expect_form(&s, gpu_test_is_toy() || parts > 4 ? 2 : 5, 100 + i,
                                 TORC_GPU_FORM_THROUGHPUT);
        }
    }
}

/* Blocks hold 8 ciphertexts of N = 512, and 132 blocks go at once. */
static void batches(void)
{
    torc_shape s = lookup_shape(3, 9, 1, 2, 0);
    s.lwe_dim = 2;
    rotation_expect_form(&s, 8, 200, TORC_GPU_FORM_THROUGHPUT);
    rotation_expect_form(&s, 9, 201, TORC_GPU_FORM_THROUGHPUT);
    if (!gpu_test_is_toy()) {
        rotation_expect_form(&s, 132 * 8 + 3, 202, TORC_GPU_FORM_THROUGHPUT);
    }
}

/* Bases at both sides of what low bits can be taken from (torc_gpu_digits_are_narrow). */
static void digits(void)
{
    torc_shape s = lookup_shape(1, 11, 1, 2, 0);
    s.lwe_dim = 4;
    s.base_log = 21;
    GPU_CHECK(torc_gpu_digits_are_narrow(&s), "base 2^21 is not narrow");
    rotation_expect_form(&s, 2, 300, TORC_GPU_FORM_THROUGHPUT);
    s.base_log = 23;
    GPU_CHECK(!torc_gpu_digits_are_narrow(&s), "base 2^23 is narrow");
    rotation_expect_form(&s, 2, 301, TORC_GPU_FORM_THROUGHPUT);
}

/* Key noise and rounding, then round-off alone, for every g, in blocks of one and of several parts.
 */
static void noise(void)
{
    static const struct {
        uint32_t k, log2_n, l, g, v, base_log;
        int noise_log2;
    } cases[] = {{3, 9, 1, 1, 0, 16, 28},  {3, 9, 1, 2, 0, 16, 28},  {2, 10, 1, 2, 0, 18, -1},
                 {2, 10, 2, 2, 0, 12, -1}, {1, 11, 1, 3, 0, 22, 17}, {1, 11, 1, 2, 0, 24, -1},
                 {1, 11, 1, 3, 0, 24, -1}, {1, 11, 1, 2, 1, 24, -1}, {1, 11, 1, 3, 2, 22, 17}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        torc_shape s =
            lookup_shape(cases[i].k, cases[i].log2_n, cases[i].l, cases[i].g, cases[i].v);
        s.base_log = cases[i].base_log;
        s.lwe_dim = 40 * s.grouping;
        rotation_expect_noise(&s, cases[i].noise_log2, 8, 1, 400 + i, TORC_GPU_FORM_THROUGHPUT);
    }
}

/* Whatever form is chosen: few ciphertexts, many, and shapes that only the global form takes. */
static void any_form(void)
{
    const torc_shape shapes[] = {lookup_shape(3, 9, 1, 2, 0), lookup_shape(3, 9, 1, 1, 0),
                                 lookup_shape(1, 8, 3, 3, 1), lookup_shape(1, 11, 2, 3, 3)};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        torc_shape s = shapes[i];
        s.lwe_dim = s.grouping;
        rotation_expect_form(&s, 2, 500 + i, TORC_GPU_FORM_ANY);
    }
    if (!gpu_test_is_toy()) {
        torc_shape s = shapes[0];
        s.lwe_dim = s.grouping;
        rotation_expect_form(&s, 133, 510, TORC_GPU_FORM_ANY);
    }
}

static void refusals(void)
{
    const torc_shape bad[] = {lookup_shape(1, 8, 1, 2, 0), lookup_shape(1, 12, 1, 2, 0),
                              lookup_shape(1, 11, 3, 3, 3), lookup_shape(1, 11, 2, 3, 5)};
    const torc_gpu_rotate_args call = {.batch = 1, .form = TORC_GPU_FORM_THROUGHPUT};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const rotation_name name = rotation_name_of(&bad[i]);
        GPU_CHECK(torc_gpu_rotate(NULL, &call, &bad[i], gpu_test.stream) != 0, "%s is not refused",
                  name.text);
    }
}

int main(void)
{
    gpu_test_begin();
    configurations();
    batches();
    digits();
    any_form();
    refusals();
    if (!gpu_test_is_toy()) {
        noise();
    }
    return gpu_test_end();
}
