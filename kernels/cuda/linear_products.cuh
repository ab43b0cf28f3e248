/* Products of words and weights in linear layers (linear.cu), and the sums of a thread.
 *
 * Word and weight are cut into signed lower halves, x = 2^32 h + l and w = 2^32 h' + l', and
 *   w x = l l' + 2^32 (h l' + h' l mod 2^32)
 * takes one multiply-add of 32 x 32 + 64 bits and one or two of 32 x 32 + 32. A weight of 32 bits
 * has h' = 0: two instructions a product, the least for words of two limbs. (8-bit weights by dp4a
 * need two as well, 8 limbs of x and 4 products an instruction, after a transposition of bytes: so
 * weights of 8, 16 and 32 bits are one type.) Weights of 64 bits take three. */
#ifndef TORC_CUDA_LINEAR_PRODUCTS_CUH
#define TORC_CUDA_LINEAR_PRODUCTS_CUH

#include "kernels/cuda/gpu.h"

/* 2^32 h + l with l signed: h is one more than the upper half where l is negative. */
__device__ __forceinline__ uint64_t linear_halves(uint64_t x)
{
    return x + ((x & 0x80000000u) << 1);
}

/* The sums of a thread, low + 2^32 high: with one accumulator for both the assembler spends a third
 * multiply and an addition on each product. */
template <int outs, int columns> struct linear_sums {
    uint64_t low[outs][columns];
    uint32_t high[outs][columns];
};

/* low + 2^32 high += w x, both in halves; the upper half of a weight of 32 bits is 0. */
template <int weight_words>
__device__ __forceinline__ void linear_add(uint64_t *low, uint32_t *high, uint64_t w, uint64_t x)
{
    const uint32_t w_low = (uint32_t)w;
    const uint32_t x_low = (uint32_t)x;
    *low = gpu_multiply_add_wide((int32_t)w_low, (int32_t)x_low, *low);
    *high += w_low * (uint32_t)(x >> 32);
    if (weight_words == 2) {
        *high += (uint32_t)(w >> 32) * x_low;
    }
}

/* w[count] = the weights of the next `count` outputs, 1 or 4. */
template <int weight_words, int count>
__device__ __forceinline__ void linear_load_weights(uint64_t w[count], const uint32_t *from)
{
    if (count == 1) {
        w[0] = weight_words == 1 ? gpu_load_shared(from) : gpu_load_shared((const uint64_t *)from);
    } else if (weight_words == 1) {
        const uint4 v = gpu_load_shared((const uint4 *)from);
        w[0] = v.x;
        w[1 % count] = v.y;
        w[2 % count] = v.z;
        w[3 % count] = v.w;
    } else {
        const uint4 a = gpu_load_shared((const uint4 *)from);
        const uint4 b = gpu_load_shared((const uint4 *)from + 1);
        w[0] = a.x | (uint64_t)a.y << 32;
        w[1 % count] = a.z | (uint64_t)a.w << 32;
        w[2 % count] = b.x | (uint64_t)b.y << 32;
        w[3 % count] = b.z | (uint64_t)b.w << 32;
    }
}

/* sums[o][j] += weight[o] x[j]. */
template <int weight_words, int outs, int columns>
__device__ __forceinline__ void linear_add_input(linear_sums<outs, columns> *sums,
                                                 const uint32_t *weight, const uint64_t x[columns],
                                                 uint32_t out_count)
{
    constexpr int quad = outs < 4 ? outs : 4;
#pragma unroll
    for (int o = 0; o < outs; o += quad) {
        if ((uint32_t)o < out_count) {
            uint64_t w[quad];
            linear_load_weights<weight_words, quad>(w, weight + o * weight_words);
#pragma unroll
            for (int q = 0; q < quad; q++) {
#pragma unroll
                for (int j = 0; j < columns; j++) {
                    linear_add<weight_words>(&sums->low[o + q][j], &sums->high[o + q][j], w[q],
                                             x[j]);
                }
            }
        }
    }
}

#endif
