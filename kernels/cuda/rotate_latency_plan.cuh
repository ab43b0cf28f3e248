/* clang-format off */
/* How the latency form lies on a cluster: who holds what, and where. Arithmetic on sizes alone.
 *
 *   node        16 warps, whatever the number of blocks they stand in; warp w owns node w of level 4
 *               of the tree (fft.cuh), S = M/16 points of every polynomial
 *   lanes       4 points a lane: S/4 lanes a polynomial, (k+1) S/4 <= 32 of the warp
 *   item        (column, x), x < S: the 16 points x + S q of a polynomial, on which the upper four
 *               levels work; 4 lanes each, 8 items a warp: lane 8 u + t, item 8 w + t
 *
 * Shared memory of a block, for each of its warps: `node` double2 [inputs][S + pad], what the upper
 * levels left for the node; `item` double2 [16][8], what the nodes left for the warp's items. A
 * cluster of one keeps twiddles behind them, double2 [12][threads]. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_LATENCY_PLAN_CUH
#define TORC_CUDA_ROTATE_LATENCY_PLAN_CUH

#include "kernels/cuda/gpu.h"

#define LATENCY_WARPS  16u /* of a ciphertext */
#define LATENCY_POINTS 4u  /* of a lane */
#define LATENCY_ITEMS  8u  /* of a warp */

/* Complex numbers that a lane needs for its item, those of the joins behind those of the splits. */
#define LATENCY_ITEM_TWIDDLES 12u
#define LATENCY_ITEM_JOINS_AT 4u

template <int glwe_dim_, int log2_n_, int level_count_, int extended_log2_, int cluster_>
struct latency_plan {
    static constexpr uint32_t glwe_dim = glwe_dim_, columns = glwe_dim_ + 1;
    static constexpr uint32_t level_count = level_count_, inputs = columns * level_count_;
    static constexpr uint32_t extended_log2 = extended_log2_, parts = 1u << extended_log2_;
    static constexpr int log2_n = log2_n_, m = log2_n_ - 1;
    static constexpr uint32_t n = 1u << log2_n, size = 1u << m;
    static constexpr uint32_t node_size = size / LATENCY_WARPS; /* S */
    static constexpr uint32_t lanes = node_size / LATENCY_POINTS;
    /* Passes of a node take two levels each, the innermost one may be left with one. Lane numbers
     * of a polynomial, high and low part: of the exchange after the first pass, of the one after
     * that. */
    static constexpr int passes = (m - 3) / 2;
    static constexpr bool is_odd = (m - 4) % 2 == 1;
    static constexpr int low_bits = m - 8;
    static constexpr uint32_t items = columns * node_size;
    static constexpr uint32_t bundle_size = parts * inputs * columns * size; /* of a step */
    static constexpr uint32_t cluster = cluster_, warps = LATENCY_WARPS / cluster_;
    static constexpr uint32_t threads = 32 * warps;
    /* double2 in shared memory; nodes of 16 points stand apart so that two polynomials read at once
     * meet no bank twice. */
    static constexpr uint32_t node_pitch = node_size + (node_size % 32 != 0 ? 4 : 0);
    static constexpr uint32_t node_room = parts * inputs * node_pitch;
    static constexpr uint32_t item_part = LATENCY_WARPS * LATENCY_ITEMS;
    static constexpr uint32_t item_room = parts * item_part;
    static constexpr uint32_t item_at = warps * node_room;
    /* Where registers are short (16 warps in one block have 128 a lane, several parts need many)
     * the items' twiddles wait in shared memory. Groups of 4 words of a bundle that are asked for
     * before the transforms: all, or as many as there is room for. */
    static constexpr bool items_are_kept = cluster_ == 1 || extended_log2_ > 1;
    static constexpr uint32_t groups = parts * columns;
    static constexpr uint32_t early = cluster_ == 1 ? 0 : parts == 1 ? groups : parts == 2 ? 2 : 1;
    static constexpr uint32_t kept_at = item_at + warps * item_room;
    static constexpr uint32_t flips_at = kept_at + LATENCY_ITEM_TWIDDLES * threads;
    static constexpr uint32_t y_at = items_are_kept ? flips_at + threads / 4 : kept_at;
    static constexpr size_t shared_bytes =
        sizeof(double2) * (y_at + (parts > 1 ? LATENCY_POINTS * threads : 0));
    /* Blocks that the items of one polynomial lie in. */
    static constexpr uint32_t item_blocks =
        node_size / LATENCY_ITEMS > warps ? node_size / LATENCY_ITEMS / warps : 1;
    static constexpr bool nodes_fill = columns * lanes == 32;
    static constexpr bool items_fill = items == LATENCY_WARPS * LATENCY_ITEMS;
    /* The points of an item's lanes, as rotate_start.cuh wants them. */
    struct item_points {
        static constexpr uint32_t m = log2_n_ - 1, points = LATENCY_POINTS;
        static constexpr uint32_t size = 1u << m, lanes = size / points;
    };
    static_assert(m >= 8 && m <= 10, "N = 512, 1024, 2048");
    static_assert(columns * lanes <= 32, "a node in a warp");
    static_assert(items <= LATENCY_WARPS * LATENCY_ITEMS, "items of 16 warps");
};

/* What a lane is to its cluster. A lane without a polynomial works as one of polynomial 0 and its
 * results go nowhere; a lane without an item works on zeros. */
typedef struct latency_lane {
    uint32_t warp;           /* of the cluster: the node */
    uint32_t column, within; /* of the node: polynomial, lane of it */
    uint32_t high, low;      /* parts of `within` */
    uint32_t item_column, x, u;
    bool has_polynomial, has_item;
} latency_lane;

template <class plan> __device__ __forceinline__ latency_lane latency_lane_make(uint32_t rank)
{
    latency_lane me;
    me.warp = rank * plan::warps + gpu_warp();
    me.has_polynomial = plan::nodes_fill || gpu_lane() / plan::lanes < plan::columns;
    me.column = me.has_polynomial ? gpu_lane() / plan::lanes : 0;
    me.within = gpu_lane() % plan::lanes;
    me.high = me.within >> plan::low_bits;
    me.low = me.within & ((1u << plan::low_bits) - 1);
    const uint32_t item = LATENCY_ITEMS * me.warp + gpu_lane() % LATENCY_ITEMS;
    me.has_item = plan::items_fill || item < plan::items;
    me.item_column = me.has_item ? item / plan::node_size : 0;
    me.x = item % plan::node_size;
    me.u = gpu_lane() / LATENCY_ITEMS;
    return me;
}

/* Where the bundle keeps place e of the spectrum: node after node, register after register, so that
 * the lanes of a polynomial read neighbours. */
template <int m> __host__ __device__ __forceinline__ constexpr uint32_t latency_place(uint32_t e)
{
    const uint32_t size = 1u << (m - 4), node = e / size, at = e % size;
    const uint32_t q = m % 2 == 0 ? at & 3 : (at & 1) | (at >> 1 & 2);
    const uint32_t within = m % 2 == 0 ? at >> 2 : (at >> 3) << 1 | (at >> 1 & 1);
    return node * size + q * (size / 4) + within;
}

/* And back: the place in the tree of register q. */
template <class plan>
__device__ __forceinline__ uint32_t latency_tree_place(const latency_lane *me, uint32_t q)
{
    const uint32_t at =
        plan::is_odd ? (me->within >> 1) << 3 | (q & 2) << 1 | (me->within & 1) << 1 | (q & 1)
                     : 4 * me->within + q;
    return me->warp * plan::node_size + at;
}

#endif
