/* Compiles a share of the shipped configurations (kernels/configurations.def) in throughput form.
 * The files rotate_share_*.cu each define ROTATE_SHARE and include this one, so that shares compile
 * side by side; rotate.cu asks one share after the other. */
#include "kernels/cuda/rotate.cuh"
#include "kernels/cuda/rotate_forms.h"

/* Slots of a block: as many as fit 227 KiB and 256 threads; for N = 2048 the parts of a larger
 * ciphertext go to a cluster. N = 512, k = 3, g = 2: with 8 slots, sums of 4 at a time, the step
 * counter leaves the registers; 6 slots, sums of 3, keep the loop free of local memory. */
static constexpr int rotate_slots(int k, int log2_n, int l, int g, int v)
{
    if (log2_n == 11) {
        return l == 1 ? 4 : l == 2 && v == 0 ? 3 : 2;
    }
    if (log2_n == 10) {
        return l == 1 ? 5 : 4;
    }
    return k > 3 || (k == 3 && g > 1) ? 6 : 8;
}

template <class plan> static int rotate_run(const rotate_args *args, torc_gpu_stream stream)
{
    const uint32_t needed =
        (args->batch + plan::ciphertexts - 1) / plan::ciphertexts * plan::cluster;
    gpu_grid grid = {};
    int at_once = 0;
    grid.blocks = plan::cluster;
    grid.threads = plan::threads;
    grid.shared_bytes = plan::shared_bytes;
    grid.stream = stream;
    grid.cluster = plan::cluster;
    GPU_TRY(gpu_allow_shared(rotate_throughput<plan>, grid.shared_bytes));
    if (plan::cluster > 1) {
        GPU_TRY(gpu_clusters_at_once(&at_once, &grid, rotate_throughput<plan>));
    } else {
        GPU_TRY(gpu_blocks_at_once(&at_once, &grid, rotate_throughput<plan>));
    }
    if (at_once == 0) {
        return cudaErrorNotSupported; /* no clusters of this size here */
    }
    const uint32_t room = (uint32_t)at_once * plan::cluster;
    grid.blocks = needed < room ? needed : room;
    return gpu_launch(&grid, rotate_throughput<plan>, *args);
}

/* Runs the configuration when it belongs to this share and is the one that the shape asks for. */
template <int index, int k, int log2_n, int l, int g, int v>
static bool rotate_try(int *error, const rotate_args *args, const torc_shape *shape,
                       torc_gpu_stream stream)
{
    if constexpr (index % ROTATE_SHARES == ROTATE_SHARE) {
        typedef rotate_plan<k, log2_n, l, g, v, rotate_slots(k, log2_n, l, g, v)> plan;
        if constexpr (plan::cluster <= 8 && plan::shared_bytes <= ROTATE_SHARED_LIMIT) {
            if (rotate_is_shape(shape, k, log2_n, l, g, v)) {
                *error = rotate_run<plan>(args, stream);
                return true;
            }
        }
    }
    return false;
}

#define ROTATE_NAME_OF(share) rotate_share_##share
#define ROTATE_NAME(share)    ROTATE_NAME_OF(share)

bool ROTATE_NAME(ROTATE_SHARE)(int *error, const rotate_args *args, const torc_shape *shape,
                               torc_gpu_stream stream)
{
    constexpr int first = __COUNTER__ + 1;
#define TORC_CONFIGURATION(k, log2_n, l, g, v)                                             \
    if (rotate_try<__COUNTER__ - first, k, log2_n, l, g, v>(error, args, shape, stream)) { \
        return true;                                                                       \
    }
#include "kernels/configurations.def"
#undef TORC_CONFIGURATION
    return false;
}
