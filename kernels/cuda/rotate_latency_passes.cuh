/* clang-format off */
/* Transforms of the latency form: two levels at a time in four registers of a lane, exchanges by shuffles
 * within a warp (rotate_latency_angles.cuh says how), two of them through shared memory of the cluster.
 *
 *   forward  digits of an item -> levels 0, 1 | exchange over u | levels 2, 3 -> to the nodes
 *            node -> levels 4, 5 | over `high` | 6, 7 | over `low` | 8, 9 -> spectrum     (N = 2048)
 *   inverse  the same backwards, joins for splits, then the last twist
 *
 * N = 1024 ends with level 8 alone, N = 512 with levels 6 and 7. In which register of which lane a point of
 * the spectrum ends up: latency_place (rotate_latency_plan.cuh).
 *
 * Twiddles stay in registers for the whole rotation: 2 complex numbers a pass. FP64 instructions a lane: 24
 * a pass of two levels, 12 of one, 16 for the twist. Shuffles of 4 bytes: 12 an exchange of four registers, 8
 * of two.
 *
 * Joins as the cyclic inverse in fft.cuh. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_LATENCY_PASSES_CUH
#define TORC_CUDA_ROTATE_LATENCY_PASSES_CUH

#include "kernels/cuda/rotate_latency_angles.cuh"
#include "kernels/cuda/rotate_latency_plan.cuh"

typedef struct latency_twiddle {
    double2 first, second;
} latency_twiddle;

/* Of a lane's passes, from outside in. The bits of `flips` are latency_angles::is_flipped. */
typedef struct latency_item_twiddles {
    latency_twiddle split[2], join[2];
    double2 twist[LATENCY_POINTS];
    uint32_t flips; /* bit i of split[i], bit 2 + i of join[i] */
} latency_item_twiddles;

typedef struct latency_node_twiddles {
    latency_twiddle split[3], join[3];
    uint32_t flips; /* bit i of split[i], bit 3 + i of join[i] */
} latency_node_twiddles;

/* --- passes --- */

/* i w, or -i w where the bit is set. */
__device__ __forceinline__ double2 latency_turned(double2 w, uint32_t flips, int bit)
{
    const uint32_t sign = 0x80000000u, flip = flips << (31 - bit) & sign;
    return make_double2(
        __hiloint2double(__double2hiint(w.y) ^ (int)(flip ^ sign), __double2loint(w.y)),
        __hiloint2double(__double2hiint(w.x) ^ (int)flip, __double2loint(w.x)));
}

__device__ __forceinline__ void latency_split(double2 *v, const latency_twiddle *w, uint32_t flips,
                                              int bit)
{
    const double2 other = latency_turned(w->second, flips, bit);
    fft_butterfly(v[0], v[2], w->first.x, w->first.y);
    fft_butterfly(v[1], v[3], w->first.x, w->first.y);
    fft_butterfly(v[0], v[1], w->second.x, w->second.y);
    fft_butterfly(v[2], v[3], other.x, other.y);
}

__device__ __forceinline__ void latency_join(double2 *v, const latency_twiddle *w, uint32_t flips,
                                             int bit)
{
    const double2 other = latency_turned(w->second, flips, bit);
    fft_butterfly(v[0], v[1], w->first.x, w->first.y);
    fft_butterfly(v[2], v[3], w->first.x, w->first.y);
    fft_butterfly(v[0], v[2], w->second.x, w->second.y);
    fft_butterfly(v[1], v[3], other.x, other.y);
}

/* One level, split or join. */
__device__ __forceinline__ void latency_pairs(double2 *v, const latency_twiddle *w)
{
    fft_butterfly(v[0], v[1], w->first.x, w->first.y);
    fft_butterfly(v[2], v[3], w->second.x, w->second.y);
}

/* Register q to the lane whose number differs by q in the bits at `shift`. */
template <int shift> __device__ __forceinline__ void latency_exchange(double2 *v)
{
#pragma unroll
    for (uint32_t q = 1; q < LATENCY_POINTS; q++) {
        v[q].x = gpu_shuffle_xor(v[q].x, q << shift);
        v[q].y = gpu_shuffle_xor(v[q].y, q << shift);
    }
}

/* Odd registers to the neighbour. */
__device__ __forceinline__ void latency_exchange_odd(double2 *v)
{
#pragma unroll
    for (uint32_t q = 1; q < LATENCY_POINTS; q += 2) {
        v[q].x = gpu_shuffle_xor(v[q].x, 1);
        v[q].y = gpu_shuffle_xor(v[q].y, 1);
    }
}

/* Points of an item -> what its four lanes send to nodes 4 u + q. */
__device__ __forceinline__ void latency_item_split(double2 *v, const latency_item_twiddles *w)
{
    latency_split(v, &w->split[0], w->flips, 0);
    latency_exchange<3>(v);
    latency_split(v, &w->split[1], w->flips, 1);
}

/* Points x of the nodes 4 u + q -> coefficients x + S (4 q + u), and those M further. */
__device__ __forceinline__ void latency_item_join(double2 *v, const latency_item_twiddles *w)
{
    latency_join(v, &w->join[1], w->flips, 3);
    latency_exchange<3>(v);
    latency_join(v, &w->join[0], w->flips, 2);
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        v[q] = fft_multiply(v[q], w->twist[q]);
    }
}

/* Points `within` + q S/4 of a node -> its spectrum. */
template <class plan>
__device__ __forceinline__ void latency_node_split(double2 *v, const latency_node_twiddles *w)
{
    latency_split(v, &w->split[0], w->flips, 0);
    latency_exchange<plan::low_bits>(v);
    latency_split(v, &w->split[1], w->flips, 1);
    if constexpr (plan::is_odd) {
        latency_exchange_odd(v);
        latency_pairs(v, &w->split[2]);
    } else if constexpr (plan::passes == 3) {
        latency_exchange<0>(v);
        latency_split(v, &w->split[2], w->flips, 2);
    }
}

/* And back. */
template <class plan>
__device__ __forceinline__ void latency_node_join(double2 *v, const latency_node_twiddles *w)
{
    if constexpr (plan::is_odd) {
        latency_pairs(v, &w->join[2]);
        latency_exchange_odd(v);
    } else if constexpr (plan::passes == 3) {
        latency_join(v, &w->join[2], w->flips, 5);
        latency_exchange<0>(v);
    }
    latency_join(v, &w->join[1], w->flips, 4);
    latency_exchange<plan::low_bits>(v);
    latency_join(v, &w->join[0], w->flips, 3);
}

/* --- twiddles, at the start of a kernel --- */

/* exp(i pi angle / N); roots [2N]. */
template <int log2_n>
__device__ __forceinline__ double2 latency_root(const double2 *roots, uint32_t angle)
{
    return gpu_load_readonly(roots + (angle & ((2u << log2_n) - 1)));
}

template <int log2_n>
__device__ __forceinline__ latency_twiddle latency_twiddle_make(const double2 *roots,
                                                                latency_angles angles,
                                                                uint32_t *flips, int bit)
{
    *flips |= (angles.is_flipped ? 1u : 0) << bit;
    return {latency_root<log2_n>(roots, angles.first), latency_root<log2_n>(roots, angles.second)};
}

template <class plan>
__device__ __forceinline__ void
latency_item_twiddles_make(latency_item_twiddles *out, const double2 *roots, const latency_lane *me)
{
    constexpr int log2_n = plan::log2_n, m = plan::m;
    const uint32_t joined = me->x + plan::node_size * me->u; /* position behind join[1] */
    out->flips = 0;
    out->split[0] = latency_twiddle_make<log2_n>(
        roots, latency_split_angles<log2_n>(0, 0, 0, me->u), &out->flips, 0);
    out->split[1] = latency_twiddle_make<log2_n>(
        roots, latency_split_angles<log2_n>(2, me->u, me->u, 0), &out->flips, 1);
    out->join[0] = latency_twiddle_make<log2_n>(
        roots, latency_join_angles<log2_n>(m - 2, joined, me->u, 0), &out->flips, 2);
    out->join[1] = latency_twiddle_make<log2_n>(
        roots, latency_join_angles<log2_n>(m - 4, me->x, 0, me->u), &out->flips, 3);
    out->split[0].first.y = out->split[0].first.x; /* +-exp(i pi / 4): saves registers */
#pragma unroll
    for (uint32_t q = 0; q < LATENCY_POINTS; q++) {
        const uint32_t coefficient = joined + 4 * plan::node_size * q;
        out->twist[q] =
            latency_root<log2_n>(roots, 0 - latency_position_factor<log2_n>(coefficient));
    }
}

/* The innermost pass of one level. */
template <int log2_n>
__device__ __forceinline__ void latency_odd_twiddles_make(latency_node_twiddles *out,
                                                          const double2 *roots, uint32_t node,
                                                          uint32_t low)
{
    const uint32_t w0 = latency_split_angle<log2_n>(8, 4 * node + low);
    const uint32_t w1 = latency_split_angle<log2_n>(8, 4 * node + 2 + low);
    const double sign = low != 0 ? -1.0 : 1.0;
    out->split[2] = {latency_root<log2_n>(roots, latency_signed(w0, low)),
                     latency_root<log2_n>(roots, latency_signed(w1, low))};
    out->join[2] = {make_double2(sign, 0.0), make_double2(sign, 0.0)};
}

template <class plan>
__device__ __forceinline__ void
latency_node_twiddles_make(latency_node_twiddles *out, const double2 *roots, const latency_lane *me)
{
    constexpr int log2_n = plan::log2_n, m = plan::m;
    const uint32_t node6 = 4 * me->warp + me->high;
    out->flips = 0;
    out->split[0] = latency_twiddle_make<log2_n>(
        roots, latency_split_angles<log2_n>(4, me->warp, 0, me->high), &out->flips, 0);
    out->split[1] = latency_twiddle_make<log2_n>(
        roots, latency_split_angles<log2_n>(6, node6, me->high, me->low), &out->flips, 1);
    out->join[0] = latency_twiddle_make<log2_n>(
        roots, latency_join_angles<log2_n>(m - 6, me->within, me->high, 0), &out->flips, 3);
    out->join[1] = latency_twiddle_make<log2_n>(
        roots, latency_join_angles<log2_n>(m - 8, me->low, me->low, me->high), &out->flips, 4);
    if constexpr (plan::is_odd) {
        latency_odd_twiddles_make<log2_n>(out, roots, node6, me->low);
    } else if constexpr (plan::passes == 3) {
        out->split[2] = latency_twiddle_make<log2_n>(
            roots, latency_split_angles<log2_n>(8, 4 * node6 + me->low, me->low, 0), &out->flips,
            2);
        out->join[2] = latency_twiddle_make<log2_n>(
            roots, latency_join_angles<log2_n>(0, 0, 0, me->low), &out->flips, 5);
        out->join[2].first.y = 0.0; /* +-1 */
    }
}

#endif
