/* The device's primitives on a CPU: the twin of kernels/cuda/gpu_device.h, wrapper for wrapper.
 * Included by kernels/cuda/gpu.h alone, which documents them. Here: what a kernel calls between two
 * barriers, inline; barriers, clusters and copies are functions of the emulator.
 *
 * Every load and store passes emu_touch with address, size, kind of memory and place in the source:
 * the one point where accesses are checked and counted. */
#ifndef TORC_EMU_GPU_EMU_H
#define TORC_EMU_GPU_EMU_H

#include "kernels/emu/access.h"
#include "kernels/emu/calls.h"
#include "kernels/emu/gpu_emu_launch.h"
#include "kernels/emu/state.h"

#include <string.h>

#define GPU_HAS_CLUSTERS 1

#define threadIdx (emu_self->thread)
#define blockIdx  (emu_self->block->index)
#define blockDim  (emu_running.threads)
#define gridDim   (emu_running.grid)

#define GPU_DYNAMIC_SHARED(type, name) \
    type *name = reinterpret_cast<type *>(emu_self->block->shared)

static inline uint32_t gpu_shared_address(const void *p)
{
    return (uint32_t)((const unsigned char *)p - emu_shared_base);
}

/* --- loads and stores --- */

#define GPU_ACCESS(type)                                                             \
    __forceinline__ type gpu_load_shared(const type *p, emu_site at = emu_here())    \
    {                                                                                \
        return emu_load(TORC_EMU_SHARED, p, at);                                     \
    }                                                                                \
    __forceinline__ void gpu_store_shared(type *p, type v, emu_site at = emu_here()) \
    {                                                                                \
        emu_store(TORC_EMU_SHARED, p, v, at);                                        \
    }                                                                                \
    __forceinline__ type gpu_load_global(const type *p, emu_site at = emu_here())    \
    {                                                                                \
        return emu_load(TORC_EMU_GLOBAL, p, at);                                     \
    }                                                                                \
    __forceinline__ void gpu_store_global(type *p, type v, emu_site at = emu_here()) \
    {                                                                                \
        emu_store(TORC_EMU_GLOBAL, p, v, at);                                        \
    }                                                                                \
    __forceinline__ type gpu_load_readonly(const type *p, emu_site at = emu_here())  \
    {                                                                                \
        return emu_load(TORC_EMU_READONLY, p, at);                                   \
    }

GPU_ACCESS(uint32_t)
GPU_ACCESS(uint64_t)
GPU_ACCESS(double)
GPU_ACCESS(double2)
GPU_ACCESS(uint4)
#undef GPU_ACCESS

__forceinline__ uint4 gpu_load_stream(const uint4 *p, emu_site at = emu_here())
{
    return emu_load(TORC_EMU_STREAM, p, at);
}

__forceinline__ double2 gpu_load_stream(const double2 *p, emu_site at = emu_here())
{
    return emu_load(TORC_EMU_STREAM, p, at);
}

__forceinline__ void gpu_prefetch_l2(const void *p)
{
    (void)p;
}

/* --- integer sums in memory --- */

#define GPU_ADD(type)                                                              \
    __forceinline__ void gpu_add_global(type *p, type v, emu_site at = emu_here()) \
    {                                                                              \
        emu_add(TORC_EMU_GLOBAL, p, v, at);                                        \
    }                                                                              \
    __forceinline__ void gpu_add_shared(type *p, type v, emu_site at = emu_here()) \
    {                                                                              \
        emu_add(TORC_EMU_SHARED, p, v, at);                                        \
    }

GPU_ADD(uint32_t)
GPU_ADD(uint64_t)
#undef GPU_ADD

/* --- integers --- */

__forceinline__ uint64_t gpu_multiply_add_wide(int32_t a, int32_t b, uint64_t sum)
{
    return sum + (uint64_t)((int64_t)a * b);
}

/* --- asynchronous copies --- */

__forceinline__ void gpu_copy_async_16(void *shared, const void *global, emu_site at = emu_here())
{
    const emu_access from = {TORC_EMU_COPY_FROM, TORC_EMU_LOAD, global, 16, at};
    const emu_access to = {TORC_EMU_COPY_TO, TORC_EMU_STORE, shared, 16, at};
    emu_touch(&from);
    emu_touch(&to);
    emu_copy_start(shared, global);
}

__forceinline__ void gpu_copy_commit(void)
{
    emu_copy_commit();
}

template <int pending> __forceinline__ void gpu_copy_wait(void)
{
    emu_copy_wait(pending);
}

/* --- barriers --- */

__forceinline__ void gpu_sync_warp(emu_site at = emu_here())
{
    emu_wait(&emu_self->warp->barrier, at);
}

__forceinline__ void gpu_sync_block(emu_site at = emu_here())
{
    emu_wait(&emu_self->block->barrier, at);
}

__forceinline__ void gpu_sync_named(uint32_t id, uint32_t threads, emu_site at = emu_here())
{
    emu_wait_named(id, threads, at);
}

__forceinline__ void gpu_sync_cluster(emu_site at = emu_here())
{
    emu_wait(&emu_running.barrier, at);
}

/* --- clusters --- */

static inline uint32_t gpu_cluster_rank(void)
{
    return emu_self->block->rank;
}

__forceinline__ uint32_t gpu_remote_address(const void *p, uint32_t rank, emu_site at = emu_here())
{
    return emu_remote_address(p, rank, at);
}

__forceinline__ uint32_t gpu_load_remote_u32(uint32_t address, emu_site at = emu_here())
{
    return emu_load(TORC_EMU_REMOTE, (const uint32_t *)emu_remote_pointer(address, 4, at), at);
}

__forceinline__ double2 gpu_load_remote(uint32_t address, emu_site at = emu_here())
{
    return emu_load(TORC_EMU_REMOTE, (const double2 *)emu_remote_pointer(address, 16, at), at);
}

__forceinline__ void gpu_store_remote(uint32_t address, double2 v, emu_site at = emu_here())
{
    emu_store(TORC_EMU_REMOTE, (double2 *)emu_remote_pointer(address, 16, at), v, at);
}

/* --- lanes --- */

/* What lane `from_lane` of the warp shows; all lanes show theirs. */
template <class type> __forceinline__ type emu_shuffle(type v, uint32_t from_lane, emu_site at)
{
    type out;
    memcpy(&out, emu_exchange(&v, sizeof v, at)[from_lane % EMU_WARP_LANES], sizeof out);
    return out;
}

__forceinline__ uint32_t gpu_shuffle(uint32_t v, uint32_t from_lane, emu_site at = emu_here())
{
    return emu_shuffle(v, from_lane, at);
}

__forceinline__ double gpu_shuffle(double v, uint32_t from_lane, emu_site at = emu_here())
{
    return emu_shuffle(v, from_lane, at);
}

__forceinline__ double gpu_shuffle_xor(double v, uint32_t lane_mask, emu_site at = emu_here())
{
    return emu_shuffle(v, emu_self->lane ^ lane_mask, at);
}

/* --- tensor cores --- */

__forceinline__ void gpu_mma_s8u8(int32_t (&sum)[4], uint4 a, uint32_t b0, uint32_t b1,
                                  emu_site at = emu_here())
{
    const uint32_t operands[6] = {a.x, a.y, a.z, a.w, b0, b1};
    emu_mma_s8u8(sum, operands, at);
}

/* --- phases of a kernel, for counts --- */

static inline void gpu_mark(uint32_t phase)
{
    emu_mark(phase);
}

/* --- clocks: they go on at each reading --- */

static inline uint64_t gpu_cycles(void)
{
    return emu_clock();
}

static inline uint64_t gpu_nanoseconds(void)
{
    return emu_clock();
}

#endif
