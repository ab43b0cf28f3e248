/* The latency form at the size of production, for every shipped configuration that it takes: one
 * random rotation with all 2^v N coefficients, and lookups from keyswitch to extraction. Arguments:
 * the first configuration and the one past the last, by place in the list. */
#include "tests/gpu_lookup.h"

int main(int argc, char **argv)
{
    const size_t end = argc > 2 ? strtoul(argv[2], NULL, 10) : SIZE_MAX;
    const torc_shape four = lookup_shape(1, 11, 1, 4, 0);
    torc_shape s;

    gpu_test_begin();
    for (size_t i = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
         i < end && lookup_configuration(&s, i); i++) {
        if (s.grouping >= 2 && s.extended_log2 <= (s.level_count == 1 ? 2u : 1u)) {
            lookup_expect_shape(&s, 1, 2, 9500 + i, TORC_GPU_FORM_LATENCY);
            fflush(stdout);
        }
    }
    lookup_expect_shape(&four, 1, 2, 9600, TORC_GPU_FORM_LATENCY);
    return gpu_test_end();
}
