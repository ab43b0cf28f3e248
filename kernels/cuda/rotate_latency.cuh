/* clang-format off */
/* The latency form of the blind rotation: one ciphertext walks through its bundles on a cluster of 1, 2 or
 * 4 blocks, 16 warps in all. g = 2 .. 4, v = 0.
 *
 *   start  rotated table (rotate_start.cuh)
 *   step   acc <- bundle ext-product acc, the bundle read from global memory (rotate_bundle.cuh):
 *          digits of the items, upper four levels  | cluster |  rest of the tree in 16 nodes, product,
 *          rest of the inverse                     | cluster |  upper four levels of the inverse
 *   end    sample extraction
 *
 * Mapping and shared memory: rotate_latency_plan.cuh. Transforms: rotate_latency_passes.cuh. Between two
 * cluster barriers a warp needs nobody else: its node belongs to it alone, for all polynomials, and its
 * exchanges are shuffles. What it has for others it stores into their shared memory before the barrier, so
 * nobody waits for a load from another block. The last barrier of the last step is the one that lets blocks
 * end: behind it nobody uses another's memory.
 *
 * Reference: ref/blind_rotate_grouped.c. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_LATENCY_CUH
#define TORC_CUDA_ROTATE_LATENCY_CUH

#include "kernels/cuda/rotate_latency_passes.cuh"
#include "kernels/cuda/rotate_start.cuh"

/* Parts of a step, as gpu_mark names them. */
typedef enum latency_phase {
    LATENCY_BEGIN,
    LATENCY_ITEM_SPLIT,
    LATENCY_NODE_SPLIT,
    LATENCY_PRODUCT,
    LATENCY_NODE_JOIN,
    LATENCY_ITEM_JOIN
} latency_phase;

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

/* --- items --- */

template <class plan>
__device__ __forceinline__ void
latency_send_to_nodes(double2 *v, uint32_t digit, const latency_item_twiddles *w,
                      const latency_ways *ways, const latency_lane *me)
{
    latency_item_split(v, w);
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        if (me->has_item) {
            const uint32_t further = q * plan::node_room + digit * plan::node_pitch;
            gpu_store_remote(ways->to_node + (uint32_t)sizeof(double2) * further, v[q]);
        }
    }
}

/* Accumulator v of the items -> upper levels of its digits, in the nodes. */
template <class plan>
__device__ __forceinline__ void latency_items_out(double2 *v, uint32_t base_log,
                                                  const latency_item_twiddles *w,
                                                  const latency_ways *ways, const latency_lane *me)
{
    if constexpr (plan::level_count == 1) {
        const double base = __hiloint2double((int)(1023 + base_log) << 20, 0); /* B */
#pragma unroll
        for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
            v[q] = make_double2(rotate_digit(v[q].x, base), rotate_digit(v[q].y, base));
        }
        latency_send_to_nodes<plan>(v, 0, w, ways, me);
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
            latency_send_to_nodes<plan>(v, digit, w, ways, me);
        }
    }
}

/* What the nodes sent -> accumulator of the items. */
template <class plan>
__device__ __forceinline__ void latency_items_in(double2 *v, const double2 *shared,
                                                 const latency_item_twiddles *w,
                                                 const latency_lane *me)
{
    const double2 *from = shared + plan::item_at + gpu_warp() * plan::item_room +
                          4 * LATENCY_ITEMS * me->u + gpu_lane() % LATENCY_ITEMS;
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        v[q] = make_double2(0.0, 0.0);
        if (me->has_item) {
            v[q] = gpu_load_shared(from + q * LATENCY_ITEMS);
        }
    }
    latency_item_join(v, w);
}

/* --- nodes --- */

/* Where the lane's part of a bundle begins: its column, its points. */
template <class plan>
__device__ __forceinline__ const double2 *latency_bundle_at(const double2 *bundle,
                                                            const latency_lane *me)
{
    return bundle + me->column * plan::size + me->warp * plan::node_size + me->within;
}

/* words[4] of input (column + ahead) l + digit; `bundle` as above. */
template <class plan>
__device__ __forceinline__ void latency_words_load(double2 *words, const double2 *bundle,
                                                   uint32_t ahead, uint32_t digit,
                                                   const latency_lane *me)
{
    const uint32_t input = (me->column + ahead) % plan::columns * plan::level_count + digit;
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        words[q] =
            gpu_load_readonly(bundle + input * (plan::columns * plan::size) + q * plan::lanes);
    }
}

/* Asks the second-level cache for the warp's lines of a bundle, one a lane. */
template <class plan>
__device__ __forceinline__ void latency_bundle_prefetch(const double2 *bundle,
                                                        const latency_lane *me)
{
    constexpr uint32_t of_node = plan::node_size / 8;
    constexpr uint32_t lines = plan::inputs * plan::columns * of_node;
    for (uint32_t line = gpu_lane(); line < lines; line += GPU_WARP_LANES) {
        gpu_prefetch_l2(bundle + line / of_node * plan::size + me->warp * plan::node_size +
                        line % of_node * 8);
    }
}

__device__ __forceinline__ void latency_multiply_add(double2 &out, double2 a, double2 b)
{
    out.x = fma(a.x, b.x, fma(-a.y, b.y, out.x));
    out.y = fma(a.x, b.y, fma(a.y, b.x, out.y));
}

/* out[4] += the spectrum `digit` of the polynomial `ahead` columns further, times words. */
template <class plan>
__device__ __forceinline__ void latency_accumulate(double2 *out, const double2 *digit,
                                                   const double2 *words, uint32_t ahead,
                                                   const latency_lane *me)
{
    const uint32_t from = (me->column + ahead) % plan::columns * plan::lanes + me->within;
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        double2 d = digit[q];
        if (ahead != 0) {
            d = make_double2(gpu_shuffle(d.x, from), gpu_shuffle(d.y, from));
        }
        latency_multiply_add(out[q], d, words[q]);
    }
}

/* One digit of all polynomials: its spectrum and what it adds to the product out[4]. */
template <class plan>
__device__ __forceinline__ void
latency_digit(double2 *out, const double2 *shared, const double2 *bundle, uint32_t digit,
              const latency_node_twiddles *w, const latency_lane *me)
{
    constexpr uint32_t early = plan::words_come_early ? plan::columns : 1;
    double2 v[LATENCY_POINTS], words[early * LATENCY_POINTS];
    const double2 *from = shared + gpu_warp() * plan::node_room +
                          (me->column * plan::level_count + digit) * plan::node_pitch + me->within;
    gpu_mark(LATENCY_NODE_SPLIT);
    if constexpr (plan::words_come_early) {
#pragma unroll
        for (uint32_t ahead = 0; ahead < plan::columns; ahead++) {
            latency_words_load<plan>(words + ahead * LATENCY_POINTS, bundle, ahead, digit, me);
        }
    }
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        v[q] = gpu_load_shared(from + q * plan::lanes);
    }
    latency_node_split<plan>(v, w);
    gpu_mark(LATENCY_PRODUCT);
#pragma unroll
    for (uint32_t ahead = 0; ahead < plan::columns; ahead++) {
        if constexpr (plan::words_come_early) {
            latency_accumulate<plan>(out, v, words + ahead * LATENCY_POINTS, ahead, me);
        } else {
            latency_words_load<plan>(words, bundle, ahead, digit, me);
            latency_accumulate<plan>(out, v, words, ahead, me);
        }
    }
}

template <class plan>
__device__ __forceinline__ void latency_send_to_items(double2 *v, const latency_node_twiddles *w,
                                                      const latency_ways *ways,
                                                      const latency_lane *me)
{
    latency_node_join<plan>(v, w);
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        const uint32_t block = q / (LATENCY_POINTS / plan::item_blocks);
        if (me->has_polynomial) {
            gpu_store_remote(ways->to_item[block] +
                                 (uint32_t)sizeof(double2) * latency_item_offset<plan>(q),
                             v[q]);
        }
    }
}

/* Nodes' points of the digits -> points of the product, sent to the items. */
template <class plan>
__device__ __forceinline__ void latency_nodes(const double2 *shared, const double2 *bundle,
                                              const latency_node_twiddles *w,
                                              const latency_ways *ways, const latency_lane *me)
{
    double2 out[LATENCY_POINTS];
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        out[q] = make_double2(0.0, 0.0);
    }
#pragma unroll
    for (uint32_t digit = 0; digit < plan::level_count; digit++) {
        latency_digit<plan>(out, shared, latency_bundle_at<plan>(bundle, me), digit, w, me);
    }
    gpu_mark(LATENCY_NODE_JOIN);
    latency_send_to_items<plan>(out, w, ways, me);
}

/* --- twiddles of the items, where registers are short --- */

/* The lane's slots: double2 [LATENCY_ITEM_TWIDDLES][threads]. Nobody else uses them. */
template <class plan> __device__ __forceinline__ double2 *latency_slots(double2 *shared)
{
    return shared + plan::slots_at + threadIdx.x;
}

template <class plan>
__device__ __forceinline__ void latency_keep(double2 *shared, const latency_item_twiddles *w)
{
    const double2 *values = &w->split[0].first;
#pragma unroll
    for (uint32_t i = 0; i < LATENCY_ITEM_TWIDDLES; i++) {
        gpu_store_shared(latency_slots<plan>(shared) + i * plan::threads, values[i]);
    }
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
            values[i] = gpu_load_shared(latency_slots<plan>(shared) + i * plan::threads);
        }
    }
}

/* --- kernel --- */

template <class plan>
__device__ __forceinline__ void
latency_step(double2 *v, const double2 *bundle, const double2 *next_bundle, uint32_t base_log,
             double2 *shared, latency_item_twiddles *items, const latency_node_twiddles *nodes,
             const latency_ways *ways, const latency_lane *me)
{
    gpu_mark(LATENCY_ITEM_SPLIT);
    latency_recall<plan>(items, shared, 0, LATENCY_ITEM_JOINS_AT);
    latency_items_out<plan>(v, base_log, items, ways, me);
    gpu_sync_cluster(); /* nodes have their points */
    latency_bundle_prefetch<plan>(next_bundle, me);
    latency_nodes<plan>(shared, bundle, nodes, ways, me);
    gpu_sync_cluster(); /* items have theirs */
    gpu_mark(LATENCY_ITEM_JOIN);
    latency_recall<plan>(items, shared, LATENCY_ITEM_JOINS_AT, LATENCY_ITEM_TWIDDLES);
    latency_items_in<plan>(v, shared, items, me);
}

/* bundle: double2 [batch][steps][inputs][columns][M]. roots: exp(i pi k / N), k < 2N. */
template <class plan>
__global__ void __launch_bounds__(plan::threads)
    rotate_latency_kernel(const rotate_args args, const double2 *roots, const double2 *bundle,
                          uint32_t steps)
{
    constexpr uint32_t bundle_size = plan::inputs * plan::columns * plan::size;
    GPU_DYNAMIC_SHARED(double2, shared);
    const latency_lane me = latency_lane_make<plan>(gpu_cluster_rank());
    const latency_ways ways = latency_ways_make<plan>(shared, &me);
    const uint32_t ciphertext = blockIdx.x / plan::cluster;
    const rotate_polynomial at = {ciphertext, 0, me.item_column, plan::glwe_dim, plan::n, 0};
    const uint32_t lane = me.x + plan::node_size * me.u;
    latency_item_twiddles items;
    latency_node_twiddles nodes;
    double2 v[LATENCY_POINTS];

    gpu_mark(LATENCY_BEGIN);
    latency_item_twiddles_make<plan>(&items, roots, &me);
    latency_node_twiddles_make<plan>(&nodes, roots, &me);
    if constexpr (plan::items_are_kept) {
        latency_keep<plan>(shared, &items);
    }
    rotate_begin<typename plan::item_points>(v, &args, &at, lane);
    gpu_sync_cluster(); /* all blocks have begun */
    bundle += (size_t)ciphertext * steps * bundle_size;
#pragma unroll 1
    for (uint32_t step = 0; step < steps; step++) {
        const double2 *next = bundle + (step + 1 < steps ? bundle_size : 0);
        latency_step<plan>(v, bundle, next, args.base_log, shared, &items, &nodes, &ways, &me);
        bundle = next;
    }
    if (me.has_item) {
        rotate_end<typename plan::item_points>(v, &args, &at, lane);
    }
}

#endif
