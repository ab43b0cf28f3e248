/* Round-off of the rotation: c of V_FFT (kernels/README.md) for every size and grouping, without
 * parts and with 32, through global memory; and in throughput form for the shipped configurations
 * that have two digits and at most 16 parts. Digits of 16 bits, two of them, drop nothing, and the
 * keys have no noise: round-off is nearly all there is.
 *
 * The search takes torc_gpu_fft_constant and 10 % more: none may be larger than that. */
#include "tests/gpu_lookup.h"

/* 40 steps; 15 random rotations or what makes as many polynomials of 2048 coefficients. */
static void measure(torc_shape s, torc_gpu_form form, const char *name)
{
    const uint32_t most = 30 * 2048 / rotation_size(&s);
    const uint32_t count = most < 2 ? 2 : most > 30 ? 30 : most;

    s.base_log = 16;
    s.level_count = 2;
    s.lwe_dim = 40 * keys_grouping(&s);
    s.ks_base_log = s.ks_level_count = 1;
    printf("%s: ", name);
    rotation_expect_noise(&s, -1, count, 2, 7000 + s.poly_size + 10 * s.grouping + s.extended_log2,
                          form);
    fflush(stdout);
}

int main(void)
{
    torc_shape s;

    gpu_test_begin();
    for (uint32_t log2_n = 8; log2_n <= 12; log2_n++) {
        for (uint32_t g = 1; g <= 3; g++) {
            measure(lookup_shape(1, log2_n, 2, g, 0), TORC_GPU_FORM_GLOBAL, "global");
            measure(lookup_shape(1, log2_n, 2, g, 5), TORC_GPU_FORM_GLOBAL, "global");
        }
    }
    for (size_t i = 0; lookup_configuration(&s, i); i++) {
        if (s.level_count == 2 && s.extended_log2 < 5) { /* 32 parts: through global memory */
            measure(s, TORC_GPU_FORM_THROUGHPUT, "throughput");
        }
    }
    return gpu_test_end();
}
