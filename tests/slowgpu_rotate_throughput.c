/* The throughput form at the size of production, for every shipped configuration that it takes: one
 * random rotation with all 2^v N coefficients, and lookups from keyswitch to extraction. Arguments:
 * the first configuration and the one past the last, by place in the list. */
#include "tests/gpu_lookup.h"

int main(int argc, char **argv)
{
    const size_t end = argc > 2 ? strtoul(argv[2], NULL, 10) : SIZE_MAX;
    torc_shape s;

    gpu_test_begin();
    for (size_t i = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
         i < end && lookup_configuration(&s, i); i++) {
        if (s.level_count < 3 && s.extended_log2 < 5) {
            lookup_expect_shape(&s, 1, 2, 9000 + i, TORC_GPU_FORM_THROUGHPUT);
            fflush(stdout);
        }
    }
    return gpu_test_end();
}
