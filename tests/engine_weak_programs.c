/* The CUDA backend runs the example programs as the oracle does: every grouping, extended
 * accumulators, several polynomials, fewer samples than it holds. Toy keys. */
#include "runtime/server/gpus.h"
#include "tests/common/conformance.h"
#include "tests/common/example_programs.h"
#include "tests/common/seeded_random.h"
#include "tests/common/toy_params.h"
#include "tests/common/weak_security.h"
#include "tests/engine_test.h"

static void conforms(const char *name, torc_params params, size_t samples)
{
    engine e = {.name = name,
                .backend = torc_gpus_backend(),
                .params = params,
                .samples = samples,
                .tolerance = EXAMPLE_UNIT / 8};
    ENGINE_NEEDS_DEVICE();
    seeded_random_start(11);
    conformance_run(&e);
}

Test(engine_programs, classic_steps)
{
    conforms("gpu, g = 1", toy_params(1, 512, 24, 1, 0), 3);
}

Test(engine_programs, two_bits_a_step)
{
    conforms("gpu, g = 2", toy_params(1, 512, 12, 2, 0), 5);
}

Test(engine_programs, three_bits_a_step)
{
    conforms("gpu, g = 3", toy_params(1, 1024, 8, 3, 0), 1);
}

Test(engine_programs, two_polynomials)
{
    conforms("gpu, k = 2", toy_params(2, 256, 12, 2, 0), 2);
}

Test(engine_programs, an_extended_accumulator)
{
    conforms("gpu, v = 1", toy_params(1, 256, 12, 2, 1), 2);
}
