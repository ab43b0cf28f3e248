/* clang-format off */
/* Twiddles of the latency form as angles: integers in units of pi/N, modulo 2N. No floating point.
 *
 *   split   level s of the tree of remainders (fft.cuh), node h:  (a, b) -> (a + w b, a - w b),
 *           w = exp(i pi (1 + 4 rev_s(h)) / 2^(s+2)); two levels at once make four nodes 4h + c of a node h
 *   join    two levels of the cyclic inverse: four children of 2^j points, each at position x, make the
 *           positions x + 2^j d of one node;  w = exp(-i pi x / 2^j), then exp(-i pi (x + 2^j d_0) / 2^(j+1))
 *
 * Four lanes u = 0 .. 3 of four registers exchange rows for columns by shuffles alone when register r
 * holds entry r ^ u: then register r goes to lane u ^ r, and what arrives is entry u of row r ^ u. No
 * lane ever picks a register. The passes on both sides cooperate, at no cost:
 *
 *   leaving results at r ^ next:      -w in place of w where the bit of `next` is set
 *   taking operands from r ^ held:    a + w b = w (b + w^-1 a): w^-1 in place of w where the bit of `held`
 *                                     is set, and both results are off by a factor: w^-1, or -w^-1
 *
 * Behind an exchange `held` is what names the node (split) or the position (join), so every entry of a
 * node, or of a position, is off by one and the same root of unity, and later passes keep it so. The
 * bundle takes the factors of its node into account, the last twist those of its position. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_LATENCY_ANGLES_CUH
#define TORC_CUDA_ROTATE_LATENCY_ANGLES_CUH

#include "kernels/cuda/fft_root.cuh"

/* Of a pass of two levels: `second` for the pair that register 0 belongs to; for the other one it
 * is i times that, or -i times where is_flipped. */
typedef struct latency_angles {
    uint32_t first, second;
    bool is_flipped;
} latency_angles;

__device__ __forceinline__ uint32_t latency_signed(uint32_t angle, uint32_t is_negative)
{
    return is_negative ? 0 - angle : angle;
}

/* --- split --- */

template <int log2_n>
__device__ __forceinline__ uint32_t latency_split_angle(int level, uint32_t node)
{
    return (1 + 4 * fft_reverse(node, level)) << (log2_n - level - 2);
}

template <int log2_n>
__device__ __forceinline__ latency_angles latency_split_angles(int level, uint32_t node,
                                                               uint32_t held, uint32_t next)
{
    const uint32_t high = next >> 1, low = next & 1;
    const uint32_t w1 = latency_split_angle<log2_n>(level, node);
    const uint32_t w2 = latency_split_angle<log2_n>(level + 1, 2 * node + high);
    return {latency_signed(w1, held >> 1) + (high << log2_n),
            latency_signed(w2, held & 1) + (low << log2_n), high != (held & 1)};
}

/* By what node 4 `node` + c is off behind the pass. */
template <int log2_n>
__device__ __forceinline__ uint32_t latency_split_factor(int level, uint32_t node, uint32_t held,
                                                         uint32_t c)
{
    uint32_t factor = 0;
    if (held >> 1) {
        factor += ((c >> 1) << log2_n) - latency_split_angle<log2_n>(level, node);
    }
    if (held & 1) {
        factor += ((c & 1) << log2_n) - latency_split_angle<log2_n>(level + 1, 2 * node + (c >> 1));
    }
    return factor;
}

/* By what place e of the spectrum is off. The passes whose operands come out of an exchange: levels
 * 2 and 3, 6 and 7, and what is left from level 8 on. */
template <int log2_n> __device__ __forceinline__ uint32_t latency_spectrum_factor(uint32_t e)
{
    constexpr int m = log2_n - 1;
    const uint32_t node2 = e >> (m - 2), node6 = e >> (m - 6);
    uint32_t factor = latency_split_factor<log2_n>(2, node2, node2, (e >> (m - 4)) & 3) +
                      latency_split_factor<log2_n>(6, node6, node6 & 3, (e >> (m - 8)) & 3);
    if constexpr (m == 10) {
        factor += latency_split_factor<log2_n>(8, e >> 2, (e >> 2) & 3, e & 3);
    } else if constexpr (m == 9) {
        if ((e >> 1) & 1) {
            factor += ((e & 1) << log2_n) - latency_split_angle<log2_n>(8, e >> 1);
        }
    }
    return factor;
}

/* --- join --- */

template <int log2_n>
__device__ __forceinline__ uint32_t latency_join_angle(int log2_size, uint32_t x)
{
    return 0 - (x << (log2_n - log2_size));
}

template <int log2_n>
__device__ __forceinline__ latency_angles latency_join_angles(int log2_size, uint32_t x,
                                                              uint32_t held, uint32_t next)
{
    const uint32_t high = next >> 1, low = next & 1;
    const uint32_t w1 = latency_join_angle<log2_n>(log2_size, x);
    const uint32_t w2 = latency_join_angle<log2_n>(log2_size + 1, x + (low << log2_size));
    return {latency_signed(w1, held & 1) + (low << log2_n),
            latency_signed(w2, held >> 1) + (high << log2_n), low == held >> 1};
}

/* By what position x of the joined node is off behind the pass; only the low bits of x count. */
template <int log2_n>
__device__ __forceinline__ uint32_t latency_join_factor(int log2_size, uint32_t x, uint32_t held)
{
    const uint32_t low = (x >> log2_size) & 1, high = (x >> (log2_size + 1)) & 1;
    const uint32_t below = x & ((1u << log2_size) - 1);
    uint32_t factor = 0;
    if (held & 1) {
        factor += (low << log2_n) - latency_join_angle<log2_n>(log2_size, below);
    }
    if (held >> 1) {
        factor += (high << log2_n) -
                  latency_join_angle<log2_n>(log2_size + 1, below + (low << log2_size));
    }
    return factor;
}

/* By what coefficient x is off at the end, its place in the cyclic transform included. */
template <int log2_n> __device__ __forceinline__ uint32_t latency_position_factor(uint32_t x)
{
    constexpr int m = log2_n - 1;
    uint32_t factor = x + latency_join_factor<log2_n>(m - 6, x, (x >> (m - 8)) & 3) +
                      latency_join_factor<log2_n>(m - 2, x, (x >> (m - 4)) & 3);
    if constexpr (m > 8) {
        factor += latency_join_factor<log2_n>(m - 8, x, x & ((1u << (m - 8)) - 1));
    }
    return factor;
}

#endif
