/* Nodes of the latency form: the lower levels of the digits' transforms, the product with a bundle,
 * the lower levels of the inverse. A warp does all of it for its node, for all polynomials and
 * parts.
 *
 *   out_j = sum_r Y^[j < r] B_r ext-product d_((j - r) mod 2^v),   Y = X^(2^v)
 *   v = 0: out = B ext-product d
 *
 * Bundle of a step double2 [2^v residues r][inputs][columns][M], points as latency_place orders
 * them. Words come in groups of 4, one residue and one input of all four points of a lane. */
#ifndef TORC_CUDA_ROTATE_LATENCY_NODES_CUH
#define TORC_CUDA_ROTATE_LATENCY_NODES_CUH

#include "kernels/cuda/rotate_latency_items.cuh"

/* Parts of a step, as gpu_mark names them. */
typedef enum latency_phase {
    LATENCY_BEGIN,
    LATENCY_ITEM_SPLIT,
    LATENCY_NODE_SPLIT,
    LATENCY_PRODUCT,
    LATENCY_NODE_JOIN,
    LATENCY_ITEM_JOIN
} latency_phase;

/* Y at the lane's points, in shared memory. */
template <class plan>
__device__ __forceinline__ void latency_y_make(double2 *shared, const double2 *roots,
                                               const latency_lane *me)
{
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        const uint32_t turn = 1 + 4 * fft_reverse(latency_tree_place<plan>(me, q), plan::m);
        gpu_store_shared(shared + plan::y_at + q * plan::threads + threadIdx.x,
                         latency_root<plan::log2_n>(roots, turn));
    }
}

/* --- words of a bundle --- */

/* words[4] of group `group` = ahead 2^v + r: residue r, input (column + ahead) l + digit. */
template <class plan>
__device__ __forceinline__ void latency_words_load(double2 *words, const double2 *bundle,
                                                   uint32_t group, uint32_t digit,
                                                   const latency_lane *me)
{
    const uint32_t column = (me->column + group / plan::parts) % plan::columns;
    const uint32_t row = group % plan::parts * plan::inputs + column * plan::level_count + digit;
    const double2 *from = bundle + (row * plan::columns + me->column) * plan::size +
                          me->warp * plan::node_size + me->within;
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        words[q] = gpu_load_readonly(from + q * plan::lanes);
    }
}

/* Asks the second-level cache for the warp's lines of a bundle, one a lane. */
template <class plan>
__device__ __forceinline__ void latency_bundle_prefetch(const double2 *bundle,
                                                        const latency_lane *me)
{
    constexpr uint32_t of_node = plan::node_size / 8;
    constexpr uint32_t lines = plan::bundle_size / plan::size * of_node;
    for (uint32_t line = gpu_lane(); line < lines; line += GPU_WARP_LANES) {
        gpu_prefetch_l2(bundle + line / of_node * plan::size + me->warp * plan::node_size +
                        line % of_node * 8);
    }
}

/* --- product --- */

__device__ __forceinline__ void latency_multiply_add(double2 &out, double2 a, double2 b)
{
    out.x = fma(a.x, b.x, fma(-a.y, b.y, out.x));
    out.y = fma(a.x, b.y, fma(a.y, b.x, out.y));
}

/* Spectra of all parts: those of the next column. */
template <class plan>
__device__ __forceinline__ void latency_next_column(double2 *digit, const latency_lane *me)
{
    const uint32_t from = (me->column + 1) % plan::columns * plan::lanes + me->within;
#pragma unroll
    for (uint32_t i = 0; i < plan::parts * LATENCY_POINTS; i++) {
        digit[i] = make_double2(gpu_shuffle(digit[i].x, from), gpu_shuffle(digit[i].y, from));
    }
}

/* out_j += Y^[j < r] words digit_(j - r), all parts j. */
template <class plan>
__device__ __forceinline__ void latency_accumulate(double2 *out, const double2 *digit,
                                                   double2 *words, uint32_t r,
                                                   const double2 *shared)
{
#pragma unroll
    for (uint32_t j = plan::parts; j-- > 0;) {
        const uint32_t from = (j - r) % plan::parts;
#pragma unroll
        for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
            if (j + 1 == r) { /* this part and those below it */
                const double2 *y = shared + plan::y_at + q * plan::threads + threadIdx.x;
                words[q] = fft_multiply(words[q], gpu_load_shared(y));
            }
            latency_multiply_add(out[j * LATENCY_POINTS + q], digit[from * LATENCY_POINTS + q],
                                 words[q]);
        }
    }
}

/* One digit of all polynomials: its spectra and what they add to the product out[2^v][4]. */
template <class plan>
__device__ __forceinline__ void
latency_digit(double2 *out, const double2 *shared, const double2 *bundle, uint32_t digit,
              const latency_node_twiddles *w, const latency_lane *me)
{
    constexpr uint32_t early = plan::early, held = early > 0 ? early : 1;
    double2 v[plan::parts * LATENCY_POINTS], words[held][LATENCY_POINTS];
    const double2 *from = shared + gpu_warp() * plan::node_room +
                          (me->column * plan::level_count + digit) * plan::node_pitch + me->within;
    gpu_mark(LATENCY_NODE_SPLIT);
    if constexpr (early > 0) {
#pragma unroll
        for (uint32_t group = 0; group < early; group++) {
            latency_words_load<plan>(words[group], bundle, group, digit, me);
        }
    }
#pragma unroll
    for (uint32_t part = 0; part < plan::parts; part++) {
#pragma unroll
        for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
            v[part * LATENCY_POINTS + q] =
                gpu_load_shared(from + part * plan::inputs * plan::node_pitch + q * plan::lanes);
        }
        latency_node_split<plan>(v + part * LATENCY_POINTS, w);
    }
    gpu_mark(LATENCY_PRODUCT);
#pragma unroll
    for (uint32_t group = 0; group < plan::groups; group++) {
        if (group % plan::parts == 0 && group > 0) {
            latency_next_column<plan>(v, me);
        }
        if (early == 0) {
            latency_words_load<plan>(words[0], bundle, group, digit, me);
        }
        latency_accumulate<plan>(out, v, words[group % held], group % plan::parts, shared);
        if (early > 0 && group + early < plan::groups) {
            latency_words_load<plan>(words[group % held], bundle, group + early, digit, me);
        }
    }
}

/* --- a node's share of a step --- */

template <class plan>
__device__ __forceinline__ void
latency_send_to_items(double2 *v, uint32_t part, const latency_node_twiddles *w,
                      const latency_ways *ways, const latency_lane *me)
{
    latency_node_join<plan>(v, w);
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        const uint32_t block = q / (LATENCY_POINTS / plan::item_blocks);
        const uint32_t further = part * plan::item_part + latency_item_offset<plan>(q);
        if (me->has_polynomial) {
            gpu_store_remote(ways->to_item[block] + (uint32_t)sizeof(double2) * further, v[q]);
        }
    }
}

/* Points of the digits -> points of the product, sent to the items. */
template <class plan>
__device__ __forceinline__ void latency_nodes(const double2 *shared, const double2 *bundle,
                                              const latency_node_twiddles *w,
                                              const latency_ways *ways, const latency_lane *me)
{
    double2 out[plan::parts * LATENCY_POINTS];
#pragma unroll
    for (uint32_t i = 0; i < plan::parts * LATENCY_POINTS; i++) {
        out[i] = make_double2(0.0, 0.0);
    }
#pragma unroll 1
    for (uint32_t digit = 0; digit < plan::level_count; digit++) {
        latency_digit<plan>(out, shared, bundle, digit, w, me);
    }
    gpu_mark(LATENCY_NODE_JOIN);
#pragma unroll
    for (uint32_t part = 0; part < plan::parts; part++) {
        latency_send_to_items<plan>(out + part * LATENCY_POINTS, part, w, ways, me);
    }
}

#endif
