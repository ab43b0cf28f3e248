/* The matrix product of the keyswitch: sum[b][w] = sum_r digit[b][r] row[r][w] modulo 2^32, on
 * tensor cores, a share of the depth r a block. Layouts: keyswitch.cuh.
 *
 *   sum = sum_s 2^(8s) sum_r digit[r] limb_s[r]     limb_s: byte s of the row's word, 0 .. 255
 *
 * The slices of a word's digits add up to at most 5 * 64 for every gadget that the interface takes,
 * so |sum of a limb| <= 24,576 * 5 * 64 * 255 < 2^31; past that it would wrap, harmless modulo
 * 2^32.
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

template <uint32_t of_row_tiles, uint32_t of_row_warps> struct keyswitch_block {
    static constexpr uint32_t row_tiles = of_row_tiles;
    static constexpr uint32_t row_warps = of_row_warps;
    static constexpr uint32_t tiles = row_tiles * row_warps; /* at most one a warp */
    static constexpr uint32_t panels = KEYSWITCH_WARPS / row_warps;
    static constexpr uint32_t copied_limbs = KEYSWITCH_LIMBS / row_warps; /* by a warp */
    static constexpr uint32_t digit_units = tiles * KEYSWITCH_TILE_UNITS;
    static constexpr uint32_t key_units = panels * KEYSWITCH_PANEL_UNITS;
    static constexpr uint32_t stage_units = digit_units + key_units;
    static constexpr size_t shared_bytes = sizeof(uint4) * KEYSWITCH_STAGES * stage_units;
};

/* What a warp of a block has to do. */
typedef struct keyswitch_place {
    uint32_t split, first_step, end_step;
    uint32_t tile, panel; /* first of the block's */
    uint32_t warp_tile, warp_panel;
} keyswitch_place;

template <class block>
__device__ __forceinline__ keyswitch_place keyswitch_place_of(const keyswitch_product_args &args)
{
    const uint32_t share = blockIdx.x / args.row_blocks;
    keyswitch_place at;
    at.split = share / args.column_blocks;
    at.first_step = (uint32_t)((uint64_t)args.steps * at.split / args.splits);
    at.end_step = (uint32_t)((uint64_t)args.steps * (at.split + 1) / args.splits);
    at.tile = blockIdx.x % args.row_blocks * block::tiles;
    at.panel = share % args.column_blocks * block::panels;
    at.warp_tile = gpu_warp() % block::row_warps * block::row_tiles;
    at.warp_panel = gpu_warp() / block::row_warps;
    return at;
}

/* Where a thread's copies of the next step come from: a warp copies its share of the limbs of its
 * own panel, and, one of the first `tiles` warps, one tile of digits. */
typedef struct keyswitch_source {
    const uint4 *digits, *key;
    bool has_tile, has_panel;
} keyswitch_source;

template <class block>
__device__ __forceinline__ keyswitch_source keyswitch_source_of(const keyswitch_product_args &args,
                                                                const keyswitch_place &at)
{
    const size_t tile = at.tile + gpu_warp();
    const size_t panel = at.panel + at.warp_panel;
    const uint32_t limb = gpu_warp() % block::row_warps * block::copied_limbs;
    keyswitch_source from;
    from.has_tile = gpu_warp() < block::tiles;
    from.has_panel = panel < args.panels;
    from.digits =
        args.digits + (tile * args.steps + at.first_step) * KEYSWITCH_TILE_UNITS + gpu_lane();
    from.key = args.key + (panel * args.steps + at.first_step) * KEYSWITCH_PANEL_UNITS +
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
    const keyswitch_place at = keyswitch_place_of<block>(args);
    const uint32_t first_row = (at.tile + at.warp_tile) * KEYSWITCH_TILE;
    const bool works = first_row < args.batch && at.panel + at.warp_panel < args.panels;
    const uint4 *digits = ring + at.warp_tile * KEYSWITCH_TILE_UNITS; /* of stage 0 */
    const uint4 *key = ring + block::digit_units + at.warp_panel * KEYSWITCH_PANEL_UNITS;
    keyswitch_source from = keyswitch_source_of<block>(args, at);
    int32_t sum[row_tiles][2][KEYSWITCH_LIMBS][4] = {};

    for (uint32_t s = 0; s < KEYSWITCH_STAGES - 1; s++) {
        if (at.first_step + s < at.end_step) {
            keyswitch_copy<block>(ring + s * block::stage_units, &from);
        }
        gpu_copy_commit(); /* an empty group where the share is short: the count stays right */
    }
    uint32_t now = 0;                     /* stage of this step */
    uint32_t next = KEYSWITCH_STAGES - 1; /* of the step before: free after the barrier */
#pragma unroll 1
    for (uint32_t step = at.first_step; step < at.end_step; step++) {
        gpu_copy_wait<KEYSWITCH_STAGES - 2>();
        gpu_sync_block();
        if (step + KEYSWITCH_STAGES - 1 < at.end_step) {
            keyswitch_copy<block>(ring + next * block::stage_units, &from);
        }
        gpu_copy_commit();
        if (works) {
            const uint32_t stage = now * block::stage_units;
            keyswitch_multiply<row_tiles>(sum, digits + stage, key + stage);
        }
        next = now;
        now = now + 1 == KEYSWITCH_STAGES ? 0 : now + 1;
    }
    if (works) {
        keyswitch_store<row_tiles>(args, at.split, first_row, at.panel + at.warp_panel, sum);
    }
}

#endif
