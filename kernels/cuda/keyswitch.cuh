/* What the kernels of the keyswitch share: the sizes of its matrix product, the layouts of both
 * operands, and the mapping of a lane to their elements. Formula, design and figures:
 * keyswitch.cu.
 *
 * The product is
 *   sum[b][w] = sum_r digit[b][r] row[r][w]     b < batch, w <= n, r = (i, j, p)
 *   i < kN mask words, j < l' digits of a word, p < slices of a digit: digit = sum_p slice_p
 * 2^(7p), slices in [-64, 64], one when base_log' <= 7; row (i, j, p) is 2^(7p) row_(i,j), four
 * unsigned bytes, the limbs.
 *
 * Its depth goes by steps of 32: step (chunk l' + j) slices + p is slice p of digit j of the words
 * 32 chunk .. 32 chunk + 31. The order inside a step is free, as long as both operands agree; here
 * position 4 q + e of a step, q < 8 (a quad, e < 4, is one register of an operand), is the word
 * 8 e + q of the chunk, so that eight lanes with different q read eight words side by side.
 *
 * Layouts: both operands lie as the lanes of a warp take them (gpu_mma_s8u8), lane = 4 group +
 * thread; a step of a tile or panel is one run of bytes that asynchronous copies move unchanged.
 *   digits  uint4 [tiles][steps][32 lanes]             tile: 16 ciphertexts; 4 registers:
 * ciphertext group + 8 (r % 2), quad thread + 4 (r / 2) key     uint4 [panels][steps][4 limbs][32
 * lanes]   panel: 16 columns; 4 registers: column group + 8 (r / 2), quad thread + 4 (r % 2);
 * columns above n are zero sums    uint32 [splits][batch][16 panels]          splits: shares of the
 * depth */
#ifndef TORC_CUDA_KEYSWITCH_CUH
#define TORC_CUDA_KEYSWITCH_CUH

#include "kernels/cuda/gpu.h"
#include "kernels/kernels_cuda.h"

#define KEYSWITCH_CHUNK 32u /* mask words of a step */
#define KEYSWITCH_TILE  16u /* ciphertexts */
#define KEYSWITCH_PANEL 16u /* columns */
#define KEYSWITCH_LIMBS 4u  /* bytes of a key word */
#define KEYSWITCH_TILE_QUADS                                            \
    128u /* 32-bit words of a step of a tile; also of a limb of a panel \
          */
#define KEYSWITCH_SLICE_BITS 7u

typedef struct keyswitch_sizes {
    uint32_t big_dim, lwe_dim;      /* kN, n */
    uint32_t base_log, level_count; /* of the keyswitch */
    uint32_t slices;                /* 7-bit parts of a digit */
    uint32_t steps, panels;
} keyswitch_sizes;

static inline keyswitch_sizes keyswitch_sizes_of(const torc_shape *shape)
{
    keyswitch_sizes s;
    s.big_dim = shape->glwe_dim * shape->poly_size;
    s.lwe_dim = shape->lwe_dim;
    s.base_log = shape->ks_base_log;
    s.level_count = shape->ks_level_count;
    s.slices = (s.base_log + KEYSWITCH_SLICE_BITS - 1) / KEYSWITCH_SLICE_BITS;
    s.steps = s.big_dim / KEYSWITCH_CHUNK * s.level_count * s.slices;
    s.panels = (s.lwe_dim + 1 + KEYSWITCH_PANEL - 1) / KEYSWITCH_PANEL;
    return s;
}

/* The limits of kernels/kernels.h. */
static inline bool keyswitch_takes(const torc_shape *shape)
{
    const uint32_t size = shape->poly_size;
    return shape->glwe_dim >= 1 && shape->glwe_dim <= 6 && size >= 256 && size <= 4096 &&
           (size & (size - 1)) == 0 && shape->lwe_dim >= 1 && shape->lwe_dim < 1u << 16 &&
           shape->ks_base_log >= 1 && shape->ks_base_log <= 32 && shape->ks_level_count >= 1 &&
           shape->ks_level_count <= 32 && shape->ks_base_log * shape->ks_level_count <= 32;
}

/* First of the four words that stand in quad `quad` of a chunk; the others follow at distance 8. */
__device__ __forceinline__ uint32_t keyswitch_word(uint32_t chunk, uint32_t quad)
{
    return chunk * KEYSWITCH_CHUNK + quad;
}

/* in[slot] of ciphertext `row`. */
__device__ __forceinline__ const uint64_t *
keyswitch_ciphertext(const uint64_t *in, const uint32_t *index, uint32_t row, uint32_t big_dim)
{
    const size_t slot = index == NULL ? row : gpu_load_readonly(index + row);
    return in + slot * ((size_t)big_dim + 1);
}

#endif
