/* The matrix product of the keyswitch: sum[b][w] = sum_r digit[b][r] row[r][w] modulo 2^32, on
 * tensor cores, a share of the depth r a block. Layouts: keyswitch.cuh.
 *
 *   sum = sum_s 2^(8s) sum_r digit[r] limb_s[r]     limb_s: byte s of the row's word, 0 .. 255
 *
 * |sum of a limb| <= kN l' slices 64 255 < 2^31 for every key that the interface takes (kN <=
 * 24,576, l' slices <= 5 where a slice reaches 64); past that it would wrap, which is harmless
 * modulo 2^32.
 *
 * Mapping: a block of 8 warps has row_tiles * row_warps tiles of 16 ciphertexts and 8 / row_warps
 * panels of 16 columns; a warp row_tiles tiles and one panel, all four limbs: 32 row_tiles sums a
 * lane. A ring of KEYSWITCH_STAGES steps in shared memory is filled by asynchronous copies; one
 * barrier a step. */
#ifndef TORC_CUDA_KEYSWITCH_PRODUCT_CUH
#define TORC_CUDA_KEYSWITCH_PRODUCT_CUH

#include "kernels/cuda/keyswitch.cuh"

#define KEYSWITCH_WARPS   8u
#define KEYSWITCH_THREADS (KEYSWITCH_WARPS * GPU_WARP_LANES)
#define KEYSWITCH_STAGES  5u

#define KEYSWITCH_TILE_UNITS  32u  /* 16-byte units of a step of a tile */
#define KEYSWITCH_PANEL_UNITS 128u /* of a panel */

typedef struct keyswitch_product_args {
    const uint4 *digits, *key;
    uint32_t *sums;
    uint32_t batch, panels, steps;
    uint32_t row_blocks, column_blocks, splits; /* of the grid, row blocks fastest */
} keyswitch_product_args;

template <uint32_t row_tiles, uint32_t of_row_warps> struct keyswitch_block {
    static constexpr uint32_t row_warps = of_row_warps;
    static constexpr uint32_t tiles = row_tiles * row_warps; /* at most one a warp */
    static constexpr uint32_t panels = KEYSWITCH_WARPS / row_warps;
    static constexpr uint32_t copied_limbs = KEYSWITCH_LIMBS / row_warps; /* by a warp */
    static constexpr uint32_t digit_units = tiles * KEYSWITCH_TILE_UNITS;
    static constexpr uint32_t key_units = panels * KEYSWITCH_PANEL_UNITS;
    static constexpr uint32_t stage_units = digit_units + key_units;
    static constexpr size_t shared_bytes = sizeof(uint4) * KEYSWITCH_STAGES * stage_units;
};

/* Where a thread's copies of the next step come from: a warp copies its share of the limbs of its
 * own panel, and, one of the first `tiles` warps, one tile of digits. */
typedef struct keyswitch_source {
    const uint4 *digits, *key;
    bool has_tile, has_panel;
} keyswitch_source;

template <class block>
__device__ __forceinline__ keyswitch_source keyswitch_source_at(const keyswitch_product_args &args,
                                                                uint32_t first_tile,
                                                                uint32_t first_panel, uint32_t step)
{
    const size_t tile = first_tile + gpu_warp();
    const size_t panel = first_panel + gpu_warp() / block::row_warps;
    const uint32_t limb = gpu_warp() % block::row_warps * block::copied_limbs;
    keyswitch_source from;
    from.has_tile = gpu_warp() < block::tiles;
    from.has_panel = panel < args.panels;
    from.digits = args.digits + (tile * args.steps + step) * KEYSWITCH_TILE_UNITS + gpu_lane();
    from.key = args.key + (panel * args.steps + step) * KEYSWITCH_PANEL_UNITS +
               limb * GPU_WARP_LANES + gpu_lane();
    return from;
}

/* Starts the copies of one step and goes on to the next. */
template <class block>
__device__ __forceinline__ void keyswitch_copy(uint4 *stage, keyswitch_source *from)
{
    uint4 *key = stage + block::digit_units + gpu_warp() * (block::copied_limbs * GPU_WARP_LANES) +
                 gpu_lane();
    if (from->has_tile) {
        gpu_copy_async_16(stage + threadIdx.x, from->digits);
    }
    if (from->has_panel) {
#pragma unroll
        for (uint32_t limb = 0; limb < block::copied_limbs; limb++) {
            gpu_copy_async_16(key + limb * GPU_WARP_LANES, from->key + limb * GPU_WARP_LANES);
        }
    }
    from->digits += KEYSWITCH_TILE_UNITS;
    from->key += KEYSWITCH_PANEL_UNITS;
}

/* One step of one warp: its tiles times its panel, limb by limb. */
template <uint32_t row_tiles>
__device__ __forceinline__ void keyswitch_multiply(int32_t (&sum)[row_tiles][2][KEYSWITCH_LIMBS][4],
                                                   const uint4 *digits, const uint4 *key)
{
    uint4 digit[row_tiles];
#pragma unroll
    for (uint32_t i = 0; i < row_tiles; i++) {
        digit[i] = gpu_load_shared(digits + i * KEYSWITCH_TILE_UNITS + gpu_lane());
    }
#pragma unroll
    for (uint32_t limb = 0; limb < KEYSWITCH_LIMBS; limb++) {
        const uint4 b = gpu_load_shared(key + limb * GPU_WARP_LANES + gpu_lane());
#pragma unroll
        for (uint32_t i = 0; i < row_tiles; i++) {
            gpu_mma_s8u8(sum[i][0][limb], digit[i], b.x, b.y);
            gpu_mma_s8u8(sum[i][1][limb], digit[i], b.z, b.w);
        }
    }
}

/* Limbs of element e put together, modulo 2^32. */
__device__ __forceinline__ uint32_t keyswitch_word_of(const int32_t (&limb)[KEYSWITCH_LIMBS][4],
                                                      uint32_t e)
{
    return (uint32_t)limb[0][e] + ((uint32_t)limb[1][e] << 8) + ((uint32_t)limb[2][e] << 16) +
           ((uint32_t)limb[3][e] << 24);
}

/* Stores a warp's sums: a lane two neighbouring columns at once, rows beyond the batch not at all.
 */
template <uint32_t row_tiles>
__device__ __forceinline__ void
keyswitch_store(const keyswitch_product_args &args, uint32_t split, uint32_t first_row,
                uint32_t panel, const int32_t (&sum)[row_tiles][2][KEYSWITCH_LIMBS][4])
{
    const size_t stride = (size_t)args.panels * KEYSWITCH_PANEL;
    const uint32_t column = panel * KEYSWITCH_PANEL + 2 * (gpu_lane() % 4);
#pragma unroll
    for (uint32_t i = 0; i < row_tiles; i++) {
#pragma unroll
        for (uint32_t half = 0; half < 2; half++) {
            const uint32_t row = first_row + i * KEYSWITCH_TILE + gpu_lane() / 4 + 8 * half;
            uint32_t *out = args.sums + ((size_t)split * args.batch + row) * stride + column;
#pragma unroll
            for (uint32_t c = 0; c < 2 && row < args.batch; c++) {
                const uint64_t low = keyswitch_word_of(sum[i][c], 2 * half);
                const uint64_t high = keyswitch_word_of(sum[i][c], 2 * half + 1);
                gpu_store_global((uint64_t *)(out + 8 * c), low | high << 32);
            }
        }
    }
}

template <uint32_t row_tiles, uint32_t row_warps>
__global__ void __launch_bounds__(KEYSWITCH_THREADS) keyswitch_product(keyswitch_product_args args)
{
    typedef keyswitch_block<row_tiles, row_warps> block;
    GPU_DYNAMIC_SHARED(uint4, ring);
    const uint32_t share = blockIdx.x / args.row_blocks;
    const uint32_t split = share / args.column_blocks;
    const uint32_t first_tile = blockIdx.x % args.row_blocks * block::tiles;
    const uint32_t first_panel = share % args.column_blocks * block::panels;
    const uint32_t first_step = (uint32_t)((uint64_t)args.steps * split / args.splits);
    const uint32_t end_step = (uint32_t)((uint64_t)args.steps * (split + 1) / args.splits);

    const uint32_t warp_tile = gpu_warp() % row_warps * row_tiles;
    const uint32_t warp_panel = gpu_warp() / row_warps;
    const uint32_t first_row = (first_tile + warp_tile) * KEYSWITCH_TILE;
    const bool works = first_row < args.batch && first_panel + warp_panel < args.panels;
    int32_t sum[row_tiles][2][KEYSWITCH_LIMBS][4] = {};

    keyswitch_source from = keyswitch_source_at<block>(args, first_tile, first_panel, first_step);
    for (uint32_t s = 0; s < KEYSWITCH_STAGES - 1; s++) {
        if (first_step + s < end_step) {
            keyswitch_copy<block>(ring + s * block::stage_units, &from);
        }
        gpu_copy_commit(); /* an empty group where the share is short: the count stays right */
    }
    uint32_t now = 0; /* stage of this step */
    uint32_t next =
        KEYSWITCH_STAGES - 1; /* stage read in the step before: free after the barrier */
#pragma unroll 1
    for (uint32_t step = first_step; step < end_step; step++) {
        const uint4 *stage = ring + now * block::stage_units;
        gpu_copy_wait<KEYSWITCH_STAGES - 2>();
        gpu_sync_block();
        if (step + KEYSWITCH_STAGES - 1 < end_step) {
            keyswitch_copy<block>(ring + next * block::stage_units, &from);
        }
        gpu_copy_commit();
        if (works) {
            keyswitch_multiply<row_tiles>(sum, stage + warp_tile * KEYSWITCH_TILE_UNITS,
                                          stage + block::digit_units +
                                              warp_panel * KEYSWITCH_PANEL_UNITS);
        }
        next = now;
        now = now + 1 == KEYSWITCH_STAGES ? 0 : now + 1;
    }
    if (works) {
        keyswitch_store<row_tiles>(args, split, first_row, first_panel + warp_panel, sum);
    }
}

#endif
