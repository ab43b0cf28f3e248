/* Digits of the masks, in the layout of the product (keyswitch.cuh); formula: ref/keyswitch.c.
 * Block = one chunk of 32 mask words of one tile; thread t makes word t of each of the chunk's
 * steps: four mask words of one ciphertext, read eight side by side, and a 128-byte store a warp
 * and step. Tiles are whole: rows beyond the batch get zeros. */
#ifndef TORC_CUDA_KEYSWITCH_DIGITS_CUH
#define TORC_CUDA_KEYSWITCH_DIGITS_CUH

#include "kernels/cuda/keyswitch.cuh"

#define KEYSWITCH_DIGITS_THREADS KEYSWITCH_TILE_QUADS

typedef struct keyswitch_digits_args {
    uint32_t *out;
    const uint64_t *in;
    const uint32_t *index; /* NULL: ciphertext b is in[b] */
    uint32_t batch;
    keyswitch_sizes sizes;
} keyswitch_digits_args;

/* The digits of a mask word side by side in the top bits of `fields`: digit = field - bias. The bit
 * of the word that chooses between the digits [-B'/2, B'/2) and (-B'/2, B'/2] (ref/keyswitch.c)
 * makes the bias one less. */
typedef struct keyswitch_mask_digits {
    uint32_t fields, bias;
} keyswitch_mask_digits;

__device__ __forceinline__ keyswitch_mask_digits keyswitch_cut(uint64_t word,
                                                               const keyswitch_sizes &s)
{
    const uint32_t kept_bits = s.base_log * s.level_count;
    const uint32_t chosen = (uint32_t)(word >> (62 - kept_bits)) & 1u;
    const uint64_t rounded = word + ((uint64_t)1 << (63 - kept_bits));
    keyswitch_mask_digits d;
    d.bias = (1u << (s.base_log - 1)) - chosen;
    d.fields = (uint32_t)(rounded >> 32);
    for (uint32_t j = 0; j < s.level_count; j++) {
        d.fields += d.bias << (32 - s.base_log * (j + 1));
    }
    return d;
}

__device__ __forceinline__ uint32_t keyswitch_digit(const keyswitch_mask_digits &d, uint32_t level,
                                                    const keyswitch_sizes &s)
{
    const uint32_t mask = UINT32_MAX >> (32 - s.base_log);
    return (d.fields >> (32 - s.base_log * (level + 1)) & mask) - d.bias;
}

/* Slice p of a digit as a byte: all but the highest in [-64, 63]. */
__device__ __forceinline__ uint32_t keyswitch_slice(uint32_t digit, uint32_t p, uint32_t slices)
{
    uint32_t moved = digit;
    for (uint32_t q = 0; q + 1 < slices; q++) {
        moved += 64u << (KEYSWITCH_SLICE_BITS * q);
    }
    const uint32_t part = (uint32_t)((int32_t)moved >> (KEYSWITCH_SLICE_BITS * p));
    return (p + 1 < slices ? (part & 127u) - 64u : part) & 255u;
}

__global__ void __launch_bounds__(KEYSWITCH_DIGITS_THREADS)
    keyswitch_digits(keyswitch_digits_args args)
{
    const keyswitch_sizes &s = args.sizes;
    const uint32_t chunks = s.big_dim / KEYSWITCH_CHUNK;
    const uint32_t tile = blockIdx.x / chunks;
    const uint32_t chunk = blockIdx.x % chunks;
    const uint32_t lane = threadIdx.x / 4;
    const uint32_t r = threadIdx.x % 4;
    const uint32_t row = tile * KEYSWITCH_TILE + lane / 4 + 8 * (r % 2);
    const uint32_t first_word = keyswitch_word(chunk, lane % 4 + 4 * (r / 2));
    uint32_t *out =
        args.out +
        ((size_t)tile * s.steps + chunk * s.level_count * s.slices) * KEYSWITCH_TILE_QUADS +
        threadIdx.x;
    keyswitch_mask_digits word[4] = {};

    if (row < args.batch) {
        const uint64_t *mask =
            keyswitch_ciphertext(args.in, args.index, row, s.big_dim) + first_word;
        for (uint32_t e = 0; e < 4; e++) {
            word[e] = keyswitch_cut(gpu_load_readonly(mask + 8 * e), s);
        }
    }
    for (uint32_t level = 0; level < s.level_count; level++) {
        for (uint32_t slice = 0; slice < s.slices; slice++) {
            uint32_t quad = 0;
            for (uint32_t e = 0; e < 4; e++) {
                const uint32_t digit = keyswitch_digit(word[e], level, s);
                quad |= keyswitch_slice(digit, slice, s.slices) << (8 * e);
            }
            gpu_store_global(out, quad);
            out += KEYSWITCH_TILE_QUADS;
        }
    }
}

#endif
