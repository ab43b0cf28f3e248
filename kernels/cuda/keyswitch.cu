/* clang-format off */
/* Keyswitch of a batch: exactly the bits of kernels/ref/keyswitch.c, with the centred modulus switch
 * of kernels/ref/modulus_switch.c in its last kernel.
 *   small = (0, round(body)) - sum_{i < kN} sum_{j < l'} digit_j(mask_i) * row_{i,j}     (mod 2^32)
 *   exponent_w = 2^o round(small_w / cell),  error = sum_w (round(small_w / cell) cell - small_w),
 *   w < n,  cell = 2^(32 + o) / (2N 2^v),  o = outputs_log2
 *
 * Three kernels, launched one behind the other (layouts: keyswitch.cuh):
 *   digits   masks to signed bytes in the order of the tensor cores, once a ciphertext
 *   product  the matrix product, four 8-bit limbs of the key at a time (keyswitch_product.cuh);
 *            where the grid would not fill the device, the depth kN l' is cut into shares, whose
 *            sums lie side by side in the scratch: no atomics, and nothing to clear
 *   finish   adds the shares and the body, then switches the modulus or stores the words
 *
 * A digit of base_log' <= 7 is a signed byte, ends included: [-B'/2, B'/2] fits [-64, 64]. Digits of
 * larger bases are cut into slices of 7 bits, each with its own rows 2^(7p) row_(i,j) in the key:
 * as exact, at the price of base_log' / 7 as many products (such gadgets have few levels).
 *
 * Resources at kN = 2048, n = 782, gadget 2^2 x 7 (4-bit lookups): 448 steps, 49 panels, key 45.0 MB
 * (2,048 bytes a step and panel), 10,976 mma of 4,096 multiply-adds a ciphertext. A step of a block of
 * the product in clocks of a multiprocessor: mma at the dense int8 rate of 1,979 TOP/s, one a clock
 * (by mma.sync about 0.6 of it has been reported for this device); shared memory at 128 bytes a clock,
 * reads + fills; second-level cache at 24 bytes a clock, all multiprocessors at once. Registers (nvcc
 * 13.0, sm_90, no spills), wavefronts and sectors are held by tests/resources.sh.
 *
 *   batch     block                    registers  shared B  mma   shared          L2 bytes, clocks
 *   1..16     16 x 128 columns            60       84,480    64   160 + 132 = 292   16,896     704
 *   17..64    64 x 128 columns           166       92,160   256   256 + 144 = 400   18,432     768
 *   65..     128 x  64 columns           180       61,440   256   256 +  96 = 352   12,288     512
 *
 * A warp issues 100 instructions a step, 32 of them mma: 200 clocks of the four schedulers. Copies run
 * ahead of the products, so the bound is the largest: the second-level cache. A full block
 * of 128 costs 512 clocks a step: 448 * 13 * 512 / 128 = 23.3 k clocks a ciphertext = 100 ns at 132
 * multiprocessors and 1.755 GHz, 1 % of a 4-bit lookup at 100,000 a second. A batch of up to 64 reads
 * the key once, 9 to 11 us from the cache or from memory, beside three launches.
 *
 * Two designs compared, clocks of one multiprocessor a ciphertext at the figures above:
 *   mma s8 x u8, four limbs       10,976 mma                           11.0 k (18.3 k at 0.6)
 *   dp4a, four limbs, 64 lanes    kN l' (n+1) = 11.2 M dp4a             175 k, plus operands
 *   32-bit multiply-add           11.2 M, the same count, no limbs      175 k: 8 % of a lookup
 * dp4a buys nothing: its four bytes are spent on the four limbs. Digits cut inside the product instead
 * of before it would be cut by each of the 13 column blocks: at 10 integer instructions a digit, 64
 * lanes a clock, 29 k clocks a ciphertext against 2.2 k and one launch; so they are cut before. Shares
 * added by atomics would need a clearing launch for the same traffic.
 *
 * Chillotti, Gama, Georgieva, Izabachene: TFHE (J. Cryptology 2020), section 4.1. */
/* clang-format on */
#include "kernels/cuda/keyswitch_digits.cuh"
#include "kernels/cuda/keyswitch_finish.cuh"
#include "kernels/cuda/keyswitch_product.cuh"

/* --- plan of a launch --- */

#define PLAN_MULTIPROCESSORS 132u /* of the device that shares are balanced for; right on any */
#define PLAN_SPLITS_MAX      64u
#define PLAN_SHARE_STEPS     8u /* no share is shorter: filling the ring costs as much */

typedef struct plan {
    uint32_t tiles, panels; /* of a block */
    uint32_t row_blocks, column_blocks, splits;
    size_t digit_bytes, sum_bytes;
} plan;

static uint32_t ceiling(uint32_t a, uint32_t b)
{
    return (a + b - 1) / b;
}

/* The number of shares of the depth with which `slots` blocks at a time end soonest. Every shape
 * has steps for one share: at least 256 / 32. */
static uint32_t best_splits(uint32_t blocks, uint32_t slots, uint32_t steps)
{
    uint32_t best = 1;
    uint64_t best_steps = UINT64_MAX;
    for (uint32_t splits = 1; splits <= PLAN_SPLITS_MAX && splits * PLAN_SHARE_STEPS <= steps;
         splits++) {
        const uint64_t waves = ((uint64_t)blocks * splits + slots - 1) / slots;
        const uint64_t cost = waves * (ceiling(steps, splits) + PLAN_SHARE_STEPS);
        if (cost < best_steps) {
            best = splits;
            best_steps = cost;
        }
    }
    return best;
}

/* Few ciphertexts: a small block, two at a time, that mostly reads the key. Many: a block of 128,
 * which reads it half as often as one of 64. */
static plan plan_of(const keyswitch_sizes *s, uint32_t batch)
{
    plan p = {};
    p.tiles = batch <= 16 ? 1 : batch <= 64 ? 4 : 8;
    p.panels = batch <= 64 ? 8 : 4;
    p.row_blocks = ceiling(batch, p.tiles * KEYSWITCH_TILE);
    p.column_blocks = ceiling(s->panels, p.panels);
    p.splits = best_splits(p.row_blocks * p.column_blocks,
                           PLAN_MULTIPROCESSORS * (p.tiles == 1 ? 2 : 1), s->steps);
    p.digit_bytes = (size_t)p.row_blocks * p.tiles * s->steps * KEYSWITCH_TILE_QUADS * 4;
    p.sum_bytes = (size_t)p.splits * batch * s->panels * KEYSWITCH_PANEL * 4;
    return p;
}

/* --- launches --- */

static cudaError_t launch_digits(const torc_gpu_keyswitch_args *in, const keyswitch_sizes *s,
                                 const plan *p, cudaStream_t stream)
{
    keyswitch_digits_args args = {};
    args.out = (uint32_t *)in->scratch;
    args.in = in->in;
    args.index = in->index;
    args.batch = in->batch;
    args.sizes = *s;
    gpu_grid grid = {};
    grid.blocks = p->row_blocks * p->tiles * (s->big_dim / KEYSWITCH_CHUNK);
    grid.threads = KEYSWITCH_DIGITS_THREADS;
    grid.stream = stream;
    return gpu_launch(&grid, keyswitch_digits, args);
}

template <uint32_t row_tiles, uint32_t row_warps>
static cudaError_t launch_block(gpu_grid *grid, const keyswitch_product_args *args)
{
    grid->shared_bytes = keyswitch_block<row_tiles, row_warps>::shared_bytes;
    GPU_TRY(gpu_allow_shared(keyswitch_product<row_tiles, row_warps>, grid->shared_bytes));
    return gpu_launch(grid, keyswitch_product<row_tiles, row_warps>, *args);
}

static cudaError_t launch_product(const torc_gpu_keyswitch_args *in, const keyswitch_sizes *s,
                                  const plan *p, cudaStream_t stream)
{
    keyswitch_product_args args = {};
    args.digits = (const uint4 *)in->scratch;
    args.key = (const uint4 *)in->key;
    args.sums = (uint32_t *)((char *)in->scratch + p->digit_bytes);
    args.batch = in->batch;
    args.panels = s->panels;
    args.steps = s->steps;
    args.row_blocks = p->row_blocks;
    args.column_blocks = p->column_blocks;
    args.splits = p->splits;
    gpu_grid grid = {};
    grid.blocks = p->row_blocks * p->column_blocks * p->splits;
    grid.threads = KEYSWITCH_THREADS;
    grid.stream = stream;
    switch (p->tiles) {
    case 1: return launch_block<1, 1>(&grid, &args);
    case 4: return launch_block<4, 1>(&grid, &args);
    default: return launch_block<4, 2>(&grid, &args);
    }
}

static keyswitch_finish_args finish_args_of(const torc_gpu_keyswitch_args *in,
                                            const keyswitch_sizes *s, const plan *p)
{
    keyswitch_finish_args args = {};
    args.sums = (const uint32_t *)((const char *)in->scratch + p->digit_bytes);
    args.in = in->in;
    args.index = in->index;
    args.offset = in->offset;
    args.batch = in->batch;
    args.splits = p->splits;
    args.big_dim = s->big_dim;
    args.lwe_dim = s->lwe_dim;
    args.panels = s->panels;
    return args;
}

/* Digits and product; then the kernel that the caller names. */
static cudaError_t keyswitch(keyswitch_finish_args *finish, const torc_gpu_keyswitch_args *args,
                             const torc_shape *shape, cudaStream_t stream)
{
    const keyswitch_sizes s = keyswitch_sizes_of(shape);
    const plan p = plan_of(&s, args->batch);
    *finish = finish_args_of(args, &s, &p);
    GPU_TRY(launch_digits(args, &s, &p, stream));
    return launch_product(args, &s, &p, stream);
}

static gpu_grid finish_grid(uint32_t batch, cudaStream_t stream)
{
    gpu_grid grid = {};
    grid.blocks = batch;
    grid.threads = KEYSWITCH_FINISH_THREADS;
    grid.stream = stream;
    return grid;
}

static uint32_t log2_of(uint32_t power)
{
    uint32_t log = 0;
    while (power > 1) {
        power >>= 1;
        log++;
    }
    return log;
}

extern "C" size_t torc_gpu_keyswitch_scratch_bytes(const torc_shape *shape, uint32_t batch)
{
    if (!keyswitch_takes(shape) || batch == 0) {
        return 0;
    }
    const keyswitch_sizes s = keyswitch_sizes_of(shape);
    const plan p = plan_of(&s, batch);
    return p.digit_bytes + p.sum_bytes;
}

extern "C" int torc_gpu_keyswitch(const torc_gpu_switched *out, const torc_gpu_keyswitch_args *args,
                                  const torc_shape *shape, torc_gpu_stream stream)
{
    keyswitch_finish_args finish;
    if (!keyswitch_takes(shape) || shape->extended_log2 > 5 ||
        shape->outputs_log2 > log2_of(shape->poly_size)) {
        return cudaErrorInvalidValue;
    }
    if (args->batch == 0) {
        return cudaSuccess;
    }
    GPU_TRY(keyswitch(&finish, args, shape, stream));
    finish.switched = *out;
    finish.outputs_log2 = shape->outputs_log2;
    finish.cell_log2 = 31 - log2_of(shape->poly_size) - shape->extended_log2 + shape->outputs_log2;
    gpu_grid grid = finish_grid(args->batch, stream);
    grid.shared_bytes = KEYSWITCH_FINISH_THREADS * sizeof(uint64_t);
    return gpu_launch(&grid, keyswitch_switch, finish);
}

extern "C" int torc_gpu_keyswitch_small(uint32_t *small, const torc_gpu_keyswitch_args *args,
                                        const torc_shape *shape, torc_gpu_stream stream)
{
    keyswitch_finish_args finish;
    if (!keyswitch_takes(shape)) {
        return cudaErrorInvalidValue;
    }
    if (args->batch == 0) {
        return cudaSuccess;
    }
    GPU_TRY(keyswitch(&finish, args, shape, stream));
    finish.small = small;
    const gpu_grid grid = finish_grid(args->batch, stream);
    return gpu_launch(&grid, keyswitch_finish, finish);
}
