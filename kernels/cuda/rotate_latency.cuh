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
    uint32_t to_node;                 /* digit 0, node 4 u; q further: one warp's room further */
    uint32_t to_item[LATENCY_POINTS]; /* point q */
} latency_ways;

template <class plan>
__device__ __forceinline__ latency_ways latency_ways_make(const double2 *shared,
                                                          const latency_lane *me)
{
    latency_ways ways;
    const uint32_t node = 4 * me->u;
    ways.to_node =
        gpu_remote_address(shared + node % plan::warps * plan::node_room +
                               me->item_column * plan::level_count * plan::node_pitch + me->x,
                           node / plan::warps);
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        const uint32_t item = me->column * plan::node_size + q * plan::lanes + me->within;
        const uint32_t warp = item / LATENCY_ITEMS;
        ways.to_item[q] =
            gpu_remote_address(shared + plan::item_at + warp % plan::warps * plan::item_room +
                                   me->warp * LATENCY_ITEMS + item % LATENCY_ITEMS,
                               warp / plan::warps);
    }
    return ways;
}

/* --- items --- */

template <class plan>
__device__ __forceinline__ void
latency_send_to_nodes(double2 *v, uint32_t digit, const latency_twiddles *w,
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
                                                  const latency_twiddles *w,
                                                  const latency_ways *ways, const latency_lane *me)
{
    if constexpr (plan::level_count == 1) {
        const double base = (double)(1u << base_log);
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
                                                 const latency_twiddles *w, const latency_lane *me)
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

/* A lane's part of a bundle: its column, its points, all inputs. Input `ahead` columns further. */
template <class plan>
__device__ __forceinline__ void latency_bundle_load(double2 *words, const double2 *bundle,
                                                    const latency_lane *me)
{
    const double2 *mine =
        bundle + me->column * plan::size + me->warp * plan::node_size + me->within;
#pragma unroll
    for (uint32_t ahead = 0; ahead < plan::columns; ahead++) {
        const uint32_t from = (me->column + ahead) % plan::columns;
#pragma unroll
        for (uint32_t j = 0; j < plan::level_count; j++) {
            const double2 *row =
                mine + (from * plan::level_count + j) * (plan::columns * plan::size);
#pragma unroll
            for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
                words[(ahead * plan::level_count + j) * LATENCY_POINTS + q] =
                    gpu_load_readonly(row + q * plan::lanes);
            }
        }
    }
}

__device__ __forceinline__ void latency_multiply_add(double2 &out, double2 a, double2 b)
{
    out.x = fma(a.x, b.x, fma(-a.y, b.y, out.x));
    out.y = fma(a.x, b.y, fma(a.y, b.x, out.y));
}

/* out = sum over inputs of digit spectrum times bundle, the other polynomials' spectra by shuffles.
 */
template <class plan>
__device__ __forceinline__ void latency_product(double2 *out, const double2 *digits,
                                                const double2 *words, const latency_lane *me)
{
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        out[q] = make_double2(0.0, 0.0);
    }
#pragma unroll
    for (uint32_t ahead = 0; ahead < plan::columns; ahead++) {
        const uint32_t from = (me->column + ahead) % plan::columns * plan::lanes + me->within;
#pragma unroll
        for (uint32_t i = 0; i < plan::level_count * LATENCY_POINTS; i++) {
            double2 digit = digits[i];
            if (ahead != 0) {
                digit = make_double2(gpu_shuffle(digit.x, from), gpu_shuffle(digit.y, from));
            }
            latency_multiply_add(out[i % LATENCY_POINTS], digit,
                                 words[ahead * plan::level_count * LATENCY_POINTS + i]);
        }
    }
}

template <class plan>
__device__ __forceinline__ void latency_digits_in(double2 *digits, const double2 *shared,
                                                  const latency_twiddles *w, const latency_lane *me)
{
    const double2 *from = shared + gpu_warp() * plan::node_room +
                          me->column * plan::level_count * plan::node_pitch + me->within;
#pragma unroll
    for (uint32_t j = 0; j < plan::level_count; j++) {
#pragma unroll
        for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
            digits[j * LATENCY_POINTS + q] =
                gpu_load_shared(from + j * plan::node_pitch + q * plan::lanes);
        }
        latency_node_split<plan>(digits + j * LATENCY_POINTS, w);
    }
}

template <class plan>
__device__ __forceinline__ void latency_send_to_items(double2 *v, const latency_twiddles *w,
                                                      const latency_ways *ways,
                                                      const latency_lane *me)
{
    latency_node_join<plan>(v, w);
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        if (me->has_polynomial) {
            gpu_store_remote(ways->to_item[q], v[q]);
        }
    }
}

/* --- kernel --- */

/* words: the step's bundle, then the next one's. */
template <class plan>
__device__ __forceinline__ void latency_step(double2 *v, double2 *words, const double2 *next_bundle,
                                             uint32_t base_log, double2 *shared,
                                             const latency_twiddles *w, const latency_ways *ways,
                                             const latency_lane *me)
{
    double2 digits[plan::level_count * LATENCY_POINTS];
    gpu_mark(LATENCY_ITEM_SPLIT);
    latency_items_out<plan>(v, base_log, w, ways, me);
    gpu_sync_cluster(); /* nodes have their points */
    gpu_mark(LATENCY_NODE_SPLIT);
    latency_digits_in<plan>(digits, shared, w, me);
    gpu_mark(LATENCY_PRODUCT);
    latency_product<plan>(v, digits, words, me);
    latency_bundle_load<plan>(words, next_bundle, me);
    gpu_mark(LATENCY_NODE_JOIN);
    latency_send_to_items<plan>(v, w, ways, me);
    gpu_sync_cluster(); /* items have theirs */
    gpu_mark(LATENCY_ITEM_JOIN);
    latency_items_in<plan>(v, shared, w, me);
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
    latency_twiddles w;
    double2 v[LATENCY_POINTS], words[plan::inputs * LATENCY_POINTS];

    gpu_mark(LATENCY_BEGIN);
    bundle += (size_t)ciphertext * steps * bundle_size;
    latency_bundle_load<plan>(words, bundle, &me);
    latency_twiddles_make<plan>(&w, roots, &me);
    rotate_begin<typename plan::item_points>(v, &args, &at, lane);
    gpu_sync_cluster(); /* all blocks have begun */
#pragma unroll 1
    for (uint32_t step = 0; step < steps; step++) {
        bundle += step + 1 < steps ? bundle_size : 0;
        latency_step<plan>(v, words, bundle, args.base_log, shared, &w, &ways, &me);
    }
    if (me.has_item) {
        rotate_end<typename plan::item_points>(v, &args, &at, lane);
    }
}

#endif
