/* Items of the latency form: accumulators to digits, the upper four levels of their transforms and
 * of the inverse. What lies on the way to the nodes: rotate_latency_plan.cuh. */
#ifndef TORC_CUDA_ROTATE_LATENCY_ITEMS_CUH
#define TORC_CUDA_ROTATE_LATENCY_ITEMS_CUH

#include "kernels/cuda/rotate_digits.cuh"
#include "kernels/cuda/rotate_latency_passes.cuh"

/* --- twiddles, where registers are short --- */

template <class plan> __device__ __forceinline__ uint32_t *latency_kept_flips(double2 *shared)
{
    return reinterpret_cast<uint32_t *>(shared + plan::flips_at) + threadIdx.x;
}

template <class plan>
__device__ __forceinline__ void latency_keep(double2 *shared, const latency_item_twiddles *w)
{
    const double2 *values = &w->split[0].first;
#pragma unroll
    for (uint32_t i = 0; i < LATENCY_ITEM_TWIDDLES; i++) {
        gpu_store_shared(shared + plan::kept_at + i * plan::threads + threadIdx.x, values[i]);
    }
    gpu_store_shared(latency_kept_flips<plan>(shared), w->flips);
}

/* Those from `first` to before `end`. */
template <class plan>
__device__ __forceinline__ void latency_recall(latency_item_twiddles *w, double2 *shared,
                                               uint32_t first, uint32_t end)
{
    double2 *values = &w->split[0].first;
    if constexpr (plan::items_are_kept) {
#pragma unroll
        for (uint32_t i = first; i < end; i++) {
            values[i] = gpu_load_shared(shared + plan::kept_at + i * plan::threads + threadIdx.x);
        }
        w->flips = gpu_load_shared(latency_kept_flips<plan>(shared));
    }
}

/* --- ways --- */

/* Addresses in the cluster's shared memory that a lane stores to. */
typedef struct latency_ways {
    uint32_t to_node;    /* digit 0, node 4 u; q further: one warp's room further */
    uint32_t to_item[2]; /* first point for each block that a polynomial's items lie in */
} latency_ways;

/* double2 from the first point of a block's items to point q. */
template <class plan> __device__ __forceinline__ constexpr uint32_t latency_item_offset(uint32_t q)
{
    const uint32_t further = q % (LATENCY_POINTS / plan::item_blocks) * plan::lanes;
    return further / LATENCY_ITEMS * plan::item_room + further % LATENCY_ITEMS;
}

template <class plan>
__device__ __forceinline__ latency_ways latency_ways_make(const double2 *shared,
                                                          const latency_lane *me)
{
    latency_ways ways = {};
    const uint32_t node = 4 * me->u;
    ways.to_node =
        gpu_remote_address(shared + node % plan::warps * plan::node_room +
                               me->item_column * plan::level_count * plan::node_pitch + me->x,
                           node / plan::warps);
#pragma unroll
    for (uint32_t i = 0; i < plan::item_blocks; i++) {
        const uint32_t item = me->column * plan::node_size + me->within +
                              i * (LATENCY_POINTS / plan::item_blocks) * plan::lanes;
        const uint32_t warp = item / LATENCY_ITEMS;
        ways.to_item[i] =
            gpu_remote_address(shared + plan::item_at + warp % plan::warps * plan::item_room +
                                   me->warp * LATENCY_ITEMS + item % LATENCY_ITEMS,
                               warp / plan::warps);
    }
    return ways;
}

/* --- out and in --- */

template <class plan>
__device__ __forceinline__ void
latency_send_to_nodes(double2 *v, uint32_t part, uint32_t digit, const latency_item_twiddles *w,
                      const latency_ways *ways, const latency_lane *me)
{
    latency_item_split(v, w);
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        if (me->has_item) {
            const uint32_t further =
                q * plan::node_room + (part * plan::inputs + digit) * plan::node_pitch;
            gpu_store_remote(ways->to_node + (uint32_t)sizeof(double2) * further, v[q]);
        }
    }
}

/* Accumulator v of the items, one part -> upper levels of its digits, in the nodes. */
template <class plan>
__device__ __forceinline__ void latency_items_out(double2 *v, uint32_t part, uint32_t base_log,
                                                  const latency_item_twiddles *w,
                                                  const latency_ways *ways, const latency_lane *me)
{
    if constexpr (plan::level_count == 1) {
        const double base = __hiloint2double((int)(1023 + base_log) << 20, 0); /* B */
#pragma unroll
        for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
            v[q] = make_double2(rotate_digit(v[q].x, base), rotate_digit(v[q].y, base));
        }
        latency_send_to_nodes<plan>(v, part, 0, w, ways, me);
    } else {
        const uint32_t kept = base_log * plan::level_count;
        const double scale = kept < 32 ? (double)(1u << kept) : 4294967296.0;
        uint32_t re[LATENCY_POINTS], im[LATENCY_POINTS];
#pragma unroll
        for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
            re[q] = rotate_kept(v[q].x, scale);
            im[q] = rotate_kept(v[q].y, scale);
        }
#pragma unroll 1
        for (uint32_t digit = plan::level_count; digit-- > 0;) {
#pragma unroll
            for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
                v[q].x = rotate_cut(&re[q], base_log);
                v[q].y = rotate_cut(&im[q], base_log);
            }
            latency_send_to_nodes<plan>(v, part, digit, w, ways, me);
        }
    }
}

/* What the nodes sent -> accumulator of the items, one part. */
template <class plan>
__device__ __forceinline__ void latency_items_in(double2 *v, uint32_t part, const double2 *shared,
                                                 const latency_item_twiddles *w,
                                                 const latency_lane *me)
{
    const double2 *from = shared + plan::item_at + gpu_warp() * plan::item_room +
                          part * plan::item_part + 4 * LATENCY_ITEMS * me->u +
                          gpu_lane() % LATENCY_ITEMS;
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        v[q] = make_double2(0.0, 0.0);
        if (me->has_item) {
            v[q] = gpu_load_shared(from + q * LATENCY_ITEMS);
        }
    }
    latency_item_join(v, w);
}

#endif
