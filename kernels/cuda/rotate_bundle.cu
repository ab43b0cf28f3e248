/* Bundles of every shape that the latency form takes: v = 0, g >= 2 of the shipped configurations,
 * and g = 4. */
#include "kernels/cuda/rotate_bundle.cuh"
#include "kernels/cuda/rotate_forms.h"
#include "kernels/cuda/rotate_latency.h"

template <class plan>
static int run(const rotate_args *args, const double2 *roots, double2 *bundle, cudaStream_t stream)
{
    const uint32_t groups = (args->batch + BUNDLE_CIPHERTEXTS - 1) / BUNDLE_CIPHERTEXTS;
    gpu_grid grid = {};
    grid.blocks = args->lwe_dim / plan::grouping * plan::parts * groups;
    grid.threads = BUNDLE_THREADS;
    grid.shared_bytes = plan::shared_bytes;
    grid.stream = stream;
    return gpu_launch(&grid, rotate_bundle<plan>, *args, roots, bundle);
}

/* Runs the configuration when it is one of this form and the one that the shape asks for. */
template <int k, int log2_n, int l, int g, int v>
static bool run_if(int *error, const rotate_args *args, const torc_shape *shape,
                   const double2 *roots, double2 *bundle, cudaStream_t stream)
{
    if constexpr (rotate_latency_takes(log2_n, l, g, v)) {
        if (rotate_is_shape(shape, k, log2_n, l, g, v)) {
            *error = run<bundle_plan<k, log2_n, l, g, v>>(args, roots, bundle, stream);
            return true;
        }
    }
    return false;
}

int rotate_bundles(const rotate_args *args, const torc_shape *shape, const double2 *roots,
                   double2 *bundle, cudaStream_t stream)
{
    int error = cudaErrorInvalidValue;
#define TORC_CONFIGURATION(k, log2_n, l, g, v)                                    \
    if (run_if<k, log2_n, l, g, v>(&error, args, shape, roots, bundle, stream)) { \
        return error;                                                             \
    }
#include "kernels/configurations.def"
    TORC_CONFIGURATION(1, 11, 1, 4, 0)
#undef TORC_CONFIGURATION
    return error;
}
