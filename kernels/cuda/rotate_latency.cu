/* Rotations of every shape that the latency form takes, on clusters of 1, 2 and 4 blocks. */
#include "kernels/cuda/rotate_forms.h"
#include "kernels/cuda/rotate_latency.cuh"
#include "kernels/cuda/rotate_latency.h"

/* The rotation's part of a call. */
typedef struct latency_call {
    const rotate_args *args; /* NULL: only asks whether the device holds the cluster */
    const double2 *roots, *bundle;
    uint32_t steps;
    cudaStream_t stream;
} latency_call;

template <class plan> static gpu_grid grid_of(uint32_t ciphertexts, cudaStream_t stream)
{
    gpu_grid grid = {};
    grid.blocks = ciphertexts * plan::cluster;
    grid.threads = plan::threads;
    grid.shared_bytes = plan::shared_bytes;
    grid.stream = stream;
    grid.cluster = plan::cluster;
    return grid;
}

/* cudaErrorNotSupported where the device has no clusters of this size. */
template <class plan> static int run(const latency_call *call)
{
    const gpu_grid grid = grid_of<plan>(call->args == NULL ? 1 : call->args->batch, call->stream);
    int at_once = 1;
    GPU_TRY(gpu_allow_shared(rotate_latency_kernel<plan>, grid.shared_bytes));
    if (plan::cluster > 1) {
        GPU_TRY(gpu_clusters_at_once(&at_once, &grid, rotate_latency_kernel<plan>));
    }
    if (at_once == 0) {
        return cudaErrorNotSupported;
    }
    if (call->args == NULL) {
        return cudaSuccess;
    }
    return gpu_launch(&grid, rotate_latency_kernel<plan>, *call->args, call->roots, call->bundle,
                      call->steps);
}

/* Several parts need the registers of a cluster: 16 points a lane those of 4 blocks. */
template <int k, int log2_n, int l, int v>
static int run_on(uint32_t cluster, const latency_call *call)
{
    switch (cluster) {
    case 1:
        if constexpr (v == 0) {
            return run<latency_plan<k, log2_n, l, v, 1>>(call);
        }
        return cudaErrorNotSupported;
    case 2:
        if constexpr (v <= 1) {
            return run<latency_plan<k, log2_n, l, v, 2>>(call);
        }
        return cudaErrorNotSupported;
    case 4: return run<latency_plan<k, log2_n, l, v, 4>>(call);
    default: return cudaErrorInvalidValue;
    }
}

/* Runs the configuration when it is one of this form and the one that the shape asks for. */
template <int k, int log2_n, int l, int g, int v>
static bool run_if(int *error, uint32_t cluster, const latency_call *call, const torc_shape *shape)
{
    if constexpr (rotate_latency_takes(log2_n, l, g, v)) {
        if (rotate_is_shape(shape, k, log2_n, l, g, v)) {
            *error = run_on<k, log2_n, l, v>(cluster, call);
            return true;
        }
    }
    return false;
}

static int run_shape(uint32_t cluster, const latency_call *call, const torc_shape *shape)
{
    int error = cudaErrorInvalidValue;
#define TORC_CONFIGURATION(k, log2_n, l, g, v)                      \
    if (run_if<k, log2_n, l, g, v>(&error, cluster, call, shape)) { \
        return error;                                               \
    }
#include "kernels/configurations.def"
    TORC_CONFIGURATION(1, 11, 1, 4, 0)
#undef TORC_CONFIGURATION
    return error;
}

/* --- for callers --- */

static bool is_taken(const torc_shape *s)
{
#define TORC_CONFIGURATION(k, log2_n, l, g, v)                                             \
    if (rotate_latency_takes(log2_n, l, g, v) && rotate_is_shape(s, k, log2_n, l, g, v)) { \
        return true;                                                                       \
    }
#include "kernels/configurations.def"
    TORC_CONFIGURATION(1, 11, 1, 4, 0)
#undef TORC_CONFIGURATION
    return false;
}

static size_t bundle_bytes(const torc_shape *s)
{
    const size_t columns = s->glwe_dim + (size_t)1;
    const size_t bundle = columns * s->level_count * columns * (s->poly_size / 2);
    return (s->lwe_dim / s->grouping * bundle << s->extended_log2) * sizeof(double2);
}

/* Ciphertexts whose bundles are formed and used together. */
static uint32_t chunk_of(const torc_shape *shape, uint32_t batch)
{
    const size_t fit = LATENCY_SCRATCH_BYTES / bundle_bytes(shape);
    const uint32_t most = fit > LATENCY_CHUNK ? LATENCY_CHUNK : fit > 0 ? (uint32_t)fit : 1;
    const uint32_t turns = (batch + most - 1) / most;
    return (batch + turns - 1) / turns;
}

size_t rotate_latency_scratch_bytes(const torc_shape *shape, uint32_t batch)
{
    return is_taken(shape) ? chunk_of(shape, batch) * bundle_bytes(shape) : 0;
}

/* The arguments of `count` ciphertexts from `first` on. */
static rotate_args part_of(const rotate_args *args, const torc_shape *shape, uint32_t first,
                           uint32_t count)
{
    const size_t big = (size_t)shape->glwe_dim * shape->poly_size + 1;
    rotate_args part = *args;
    part.exponent += (size_t)first * args->lwe_dim;
    part.body += first;
    part.error += first;
    part.table_index += first;
    part.out += (first * big) << args->outputs_log2;
    if (args->accumulator != NULL) {
        const size_t words = (size_t)(shape->glwe_dim + 1) * shape->poly_size;
        part.accumulator += (first * words) << shape->extended_log2;
    }
    part.batch = count;
    return part;
}

/* *cluster: what is wanted, or for 0 the largest that the device holds. */
static int choose_cluster(uint32_t *cluster, const torc_shape *shape)
{
    const latency_call question = {};
    int error = cudaErrorNotSupported;
    if (*cluster != 0) {
        return run_shape(*cluster, &question, shape);
    }
    for (uint32_t c = 4; c > 0 && error != cudaSuccess; c /= 2) {
        *cluster = c;
        error = run_shape(c, &question, shape);
    }
    return error;
}

int rotate_latency(const rotate_args *args, const torc_shape *shape, void *scratch,
                   cudaStream_t stream)
{
    double2 *bundle = (double2 *)scratch;
    if (!is_taken(shape) || scratch == NULL) {
        return cudaErrorInvalidValue;
    }
    uint32_t cluster = args->cluster;
    GPU_TRY((cudaError_t)choose_cluster(&cluster, shape));
    /* all_roots, the last of the tables at the head of the key (fft_tables.h) */
    const double2 *roots = args->tables +
                           torc_gpu_fft_table_bytes(shape->poly_size) / sizeof(double2) -
                           2 * (size_t)shape->poly_size;
    const uint32_t chunk = chunk_of(shape, args->batch);
    for (uint32_t first = 0; first < args->batch; first += chunk) {
        const uint32_t left = args->batch - first;
        const rotate_args part = part_of(args, shape, first, left < chunk ? left : chunk);
        const latency_call call = {&part, roots, bundle, shape->lwe_dim / shape->grouping, stream};
        GPU_TRY((cudaError_t)rotate_bundles(&part, shape, roots, bundle, stream));
        GPU_TRY((cudaError_t)run_shape(cluster, &call, shape));
    }
    return cudaSuccess;
}
