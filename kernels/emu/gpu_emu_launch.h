/* How a launch becomes a call of the kernel by every fiber: the launch functions of gpu.h. Included
 * by gpu_emu.h, after gpu_grid. */
#ifndef TORC_EMU_GPU_EMU_LAUNCH_H
#define TORC_EMU_GPU_EMU_LAUNCH_H

#include "kernels/emu/calls.h"

#include <tuple>
#include <type_traits>

static inline emu_launch emu_launch_of(const gpu_grid *grid)
{
    emu_launch launch = {};
    launch.grid = dim3(grid->blocks);
    launch.threads = dim3(grid->threads);
    launch.cluster = grid->cluster > 1 ? grid->cluster : 1;
    launch.shared_bytes = grid->shared_bytes;
    return launch;
}

template <class... parameter>
static inline cudaError_t gpu_allow_shared(void (*kernel)(parameter...), size_t shared_bytes)
{
    return emu_allow_shared(reinterpret_cast<const void *>(kernel), shared_bytes);
}

template <class... parameter, class... argument>
static inline cudaError_t gpu_launch(const gpu_grid *grid, void (*kernel)(parameter...),
                                     argument... arguments)
{
    static_assert((std::is_trivially_copyable_v<parameter> && ...), "arguments are plain data");
    typedef std::tuple<void (*)(parameter...), parameter...> call;
    emu_launch launch = emu_launch_of(grid);
    launch.call = new call(kernel, parameter(arguments)...);
    launch.drop = [](void *p) { delete static_cast<call *>(p); };
    launch.run = [](const void *p) {
        std::apply([](auto *f, const parameter &...of) { f(of...); },
                   *static_cast<const call *>(p));
    };
    return emu_launch_queue(reinterpret_cast<const void *>(kernel), &launch, grid->stream);
}

template <class... parameter>
static inline cudaError_t gpu_clusters_at_once(int *count, const gpu_grid *grid,
                                               void (*kernel)(parameter...))
{
    const emu_launch launch = emu_launch_of(grid);
    return emu_clusters_at_once(count, reinterpret_cast<const void *>(kernel), &launch);
}

/* One block a multiprocessor. */
template <class... parameter>
static inline cudaError_t gpu_blocks_at_once(int *count, const gpu_grid *grid,
                                             void (*kernel)(parameter...))
{
    gpu_grid one = *grid;
    one.cluster = 1;
    return gpu_clusters_at_once(count, &one, kernel);
}

#endif
