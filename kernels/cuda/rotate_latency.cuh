/* clang-format off */
/* The latency form of the blind rotation: one ciphertext walks through its bundles on a cluster of 1, 2 or
 * 4 blocks, 16 warps in all. g = 2 .. 4.
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
 * A step at k = 1, N = 2048, l = 1, v = 0, clocks of one of the 4 multiprocessors (machine code, emulator):
 *
 *             FP64 of a lane                            clocks   shuffles, shared, remote, bundle  clocks
 *   nodes     6 passes 144, product 32                     352   256 + 64 + 64 + 128                  512
 *   items     4 passes 96, twist 16, digits 40             304    96 + 64 + 64                        224
 *
 * so 816 when other clusters fill the gaps (168 registers: 3 blocks a multiprocessor, 96 ciphertexts at once
 * on 132 of them). Alone, each warp has its own FP64 pipe and waits for itself: 10 passes of 62, 6 exchanges
 * of 60, product 110, digits and twist 130, loads and stores 290, two barriers of 215: about 1,940. Remote
 * stores: 16 KB a block, 12 of them to others; bundle: 16 KB a block. With exchanges through shared memory
 * each would take 128 clocks of it instead of 48, and a wait: 2,350 alone.
 *
 * Predicted at 1.755 GHz, n = 918 (920 at g = 4), ms; bundles at 4.2 TB/s of key, 8 us for launches and ends:
 *
 *          steps   rotation   bundles   one ciphertext   in one block (3,700 clocks a step)
 *   g = 2    459       0.51      0.03             0.54                                 1.0
 *   g = 3    306       0.34      0.04             0.38                                 0.69
 *   g = 4    230       0.25      0.06             0.32                                 0.55
 *
 * 132 ciphertexts at g = 3 in two turns of 66: each 0.37 for the rotation and 0.38 for 1.3 GB of bundles,
 * 1.5 in all. Open until a device has measured: what a barrier costs behind remote stores (its release
 * waits for them in all of the device, ptxas writes MEMBAR.ALL.GPU) and whether signals that travel with
 * the stores would be faster; clusters of 4 and 2 side by side.
 *
 * Reference: ref/blind_rotate_grouped.c. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_LATENCY_CUH
#define TORC_CUDA_ROTATE_LATENCY_CUH

#include "kernels/cuda/rotate_latency_nodes.cuh"
#include "kernels/cuda/rotate_start.cuh"

/* v[2^v][4]: the accumulator of the lane's items. */
template <class plan>
__device__ __forceinline__ void
latency_step(double2 *v, const double2 *bundle, const double2 *next_bundle, uint32_t base_log,
             double2 *shared, latency_item_twiddles *items, const latency_node_twiddles *nodes,
             const latency_ways *ways, const latency_lane *me)
{
    gpu_mark(LATENCY_ITEM_SPLIT);
    latency_recall<plan>(items, shared, 0, LATENCY_ITEM_JOINS_AT);
#pragma unroll
    for (uint32_t part = 0; part < plan::parts; part++) {
        latency_items_out<plan>(v + part * LATENCY_POINTS, part, base_log, items, ways, me);
    }
    gpu_sync_cluster(); /* nodes have their points */
    latency_bundle_prefetch<plan>(next_bundle, me);
    latency_nodes<plan>(shared, bundle, nodes, ways, me);
    gpu_sync_cluster(); /* items have theirs */
    gpu_mark(LATENCY_ITEM_JOIN);
    latency_recall<plan>(items, shared, LATENCY_ITEM_JOINS_AT, LATENCY_ITEM_TWIDDLES);
#pragma unroll
    for (uint32_t part = 0; part < plan::parts; part++) {
        latency_items_in<plan>(v + part * LATENCY_POINTS, part, shared, items, me);
    }
}

/* The polynomial of a lane's item, as rotate_start.cuh names it. */
template <class plan>
__device__ __forceinline__ rotate_polynomial latency_polynomial(uint32_t part,
                                                                const latency_lane *me)
{
    return {blockIdx.x / plan::cluster, part, me->item_column, plan::glwe_dim, plan::n,
            plan::extended_log2};
}

/* bundle: double2 [batch][steps][2^v][inputs][columns][M]. roots: exp(i pi k / N), k < 2N. */
template <class plan>
__global__ void __launch_bounds__(plan::threads)
    rotate_latency_kernel(const rotate_args args, const double2 *roots, const double2 *bundle,
                          uint32_t steps)
{
    GPU_DYNAMIC_SHARED(double2, shared);
    const latency_lane me = latency_lane_make<plan>(gpu_cluster_rank());
    const latency_ways ways = latency_ways_make<plan>(shared, &me);
    const uint32_t lane = me.x + plan::node_size * me.u;
    latency_item_twiddles items;
    latency_node_twiddles nodes;
    double2 v[plan::parts * LATENCY_POINTS];

    gpu_mark(LATENCY_BEGIN);
    latency_item_twiddles_make<plan>(&items, roots, &me);
    latency_node_twiddles_make<plan>(&nodes, roots, &me);
    if constexpr (plan::items_are_kept) {
        latency_keep<plan>(shared, &items);
    }
    if constexpr (plan::parts > 1) {
        latency_y_make<plan>(shared, roots, &me);
    }
#pragma unroll
    for (uint32_t part = 0; part < plan::parts; part++) {
        const rotate_polynomial at = latency_polynomial<plan>(part, &me);
        rotate_begin<typename plan::item_points>(v + part * LATENCY_POINTS, &args, &at, lane);
    }
    gpu_sync_cluster(); /* all blocks have begun */
    bundle += (size_t)(blockIdx.x / plan::cluster) * steps * plan::bundle_size;
#pragma unroll 1
    for (uint32_t step = 0; step < steps; step++) {
        const double2 *next = bundle + (step + 1 < steps ? plan::bundle_size : 0);
        latency_step<plan>(v, bundle, next, args.base_log, shared, &items, &nodes, &ways, &me);
        bundle = next;
    }
#pragma unroll
    for (uint32_t part = 0; part < plan::parts; part++) {
        const rotate_polynomial at = latency_polynomial<plan>(part, &me);
        if (me.has_item) {
            rotate_end<typename plan::item_points>(v + part * LATENCY_POINTS, &args, &at, lane);
        }
    }
}

#endif
