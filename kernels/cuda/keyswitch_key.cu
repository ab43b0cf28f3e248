/* The keyswitch key in the layout of the device (keyswitch.cuh): words cut into four unsigned
 * bytes, rows of a digit's higher slices multiplied by 2^(7p), columns padded to panels with zeros.
 *
 * Layouts: rows u32 [words][l'][n + 1], the rows of `words` mask words; key as in keyswitch.cuh.
 * Mapping: a warp makes one step of one panel, 2 KB; a lane its 4 limbs of 16 key words. Runs once
 * a key: its speed is that of reading the rows. */
#include "kernels/cuda/keyswitch.cuh"

#define KEY_THREADS 128u

typedef struct key_args {
    uint4 *key;           /* of the whole shape */
    const uint32_t *rows; /* of the words from first_step on */
    uint32_t first_step, step_count;
    keyswitch_sizes sizes;
} key_args;

/* Word (i, j, p) of column `column`: 2^(7p) row_(i,j)[column]; i counts from the first word given.
 */
static __device__ __forceinline__ uint32_t key_word(const key_args &args, uint32_t i, uint32_t j,
                                                    uint32_t slice, uint32_t column)
{
    const size_t words = (size_t)args.sizes.lwe_dim + 1;
    const size_t row = (size_t)i * args.sizes.level_count + j;
    if (column >= words) {
        return 0;
    }
    return gpu_load_readonly(args.rows + row * words + column) << (KEYSWITCH_SLICE_BITS * slice);
}

/* limb[s]: byte s of each of the four words, the first word lowest. */
static __device__ __forceinline__ void key_limbs(uint32_t limb[KEYSWITCH_LIMBS],
                                                 const uint32_t word[4])
{
    for (uint32_t s = 0; s < KEYSWITCH_LIMBS; s++) {
        limb[s] = 0;
        for (uint32_t e = 0; e < 4; e++) {
            limb[s] |= (word[e] >> (8 * s) & 255u) << (8 * e);
        }
    }
}

__global__ void __launch_bounds__(KEY_THREADS) keyswitch_key(key_args args)
{
    const keyswitch_sizes &s = args.sizes;
    const uint32_t unit = blockIdx.x * (KEY_THREADS / GPU_WARP_LANES) + gpu_warp();
    const uint32_t panel = unit / args.step_count;
    const uint32_t step = unit % args.step_count; /* of those given */
    const uint32_t slice = step % s.slices;
    const uint32_t j = step / s.slices % s.level_count;
    const uint32_t chunk = step / s.slices / s.level_count;
    const uint32_t lane = gpu_lane();
    uint32_t limb[4][KEYSWITCH_LIMBS];

    if (panel >= s.panels) {
        return; /* no barrier in this kernel */
    }
    for (uint32_t r = 0; r < 4; r++) {
        const uint32_t column = panel * KEYSWITCH_PANEL + lane / 4 + 8 * (r / 2);
        const uint32_t first = keyswitch_word(chunk, lane % 4 + 4 * (r % 2));
        uint32_t word[4];
        for (uint32_t e = 0; e < 4; e++) {
            word[e] = key_word(args, first + 8 * e, j, slice, column);
        }
        key_limbs(limb[r], word);
    }
    uint4 *out = args.key + ((size_t)panel * s.steps + args.first_step + step) * KEYSWITCH_LIMBS *
                                GPU_WARP_LANES;
    for (uint32_t l = 0; l < KEYSWITCH_LIMBS; l++) {
        gpu_store_global(out + l * GPU_WARP_LANES + lane,
                         make_uint4(limb[0][l], limb[1][l], limb[2][l], limb[3][l]));
    }
}

extern "C" size_t torc_gpu_keyswitch_key_bytes(const torc_shape *shape)
{
    if (!keyswitch_takes(shape)) {
        return 0;
    }
    const keyswitch_sizes s = keyswitch_sizes_of(shape);
    return (size_t)s.panels * s.steps * KEYSWITCH_LIMBS * GPU_WARP_LANES * sizeof(uint4);
}

extern "C" int torc_gpu_keyswitch_key(void *key, const uint32_t *rows, uint32_t first_word,
                                      uint32_t word_count, const torc_shape *shape,
                                      torc_gpu_stream stream)
{
    if (!keyswitch_takes(shape)) {
        return cudaErrorInvalidValue;
    }
    const keyswitch_sizes s = keyswitch_sizes_of(shape);
    if (first_word % KEYSWITCH_CHUNK != 0 || word_count % KEYSWITCH_CHUNK != 0 ||
        first_word > s.big_dim || word_count > s.big_dim - first_word) {
        return cudaErrorInvalidValue;
    }
    if (word_count == 0) {
        return cudaSuccess;
    }
    const uint32_t chunk_steps = s.level_count * s.slices;
    key_args args = {};
    args.key = (uint4 *)key;
    args.rows = rows;
    args.first_step = first_word / KEYSWITCH_CHUNK * chunk_steps;
    args.step_count = word_count / KEYSWITCH_CHUNK * chunk_steps;
    args.sizes = s;
    const uint32_t warps = KEY_THREADS / GPU_WARP_LANES;
    gpu_grid grid = {};
    grid.blocks = (s.panels * args.step_count + warps - 1) / warps;
    grid.threads = KEY_THREADS;
    grid.stream = stream;
    return gpu_launch(&grid, keyswitch_key, args);
}
