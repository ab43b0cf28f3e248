/* clang-format off */
/* The throughput form of the blind rotation, N = 2048, k = 1, l = 1: a skeleton with the arithmetic
 * and the memory traffic of the real kernel, to see whether the bound by phases can be reached. It
 * starts from accumulators and ends with accumulators: no table, no modulus switch, no extraction.
 *
 *   g = 1     acc <- acc + K ext-product ((X^a - 1) acc)
 *   g = 2, 3  acc <- (G + sum_T (X^(a_T) - 1) K_T) ext-product acc,  T over the 2^g - 1 nonempty
 *             subsets of the group's bits, X^(a_T) the product of the X^(a_i); the bundle is formed
 *             in the Fourier domain
 *   ext-product: digits d_c in [-B/2, B/2) of column c = 0 (mask), 1 (body), B = 2^base_log;
 *             out_e = sum_c d_c K[c][e]
 *
 * Layouts
 *   key        double2 [steps][2^g - 1][c][e][row][lane]   Fourier, order of fft_warp.cuh, torus
 *              times 1/1024 (B/1024 if narrow); subset T = index + 1, bit i of T: bit i of the group
 *   exponent   uint32 [ciphertexts][steps * g]   in [0, 2N)
 *   io         double [ciphertexts][2][2048]     torus units; out: not reduced modulo 1 (g > 1)
 *   root       double2 [128]   exp(i pi k / 32), k < 64; then exp(i pi k / 2048), k < 64
 *
 * Mapping: block = `ciphertexts` ciphertexts, all at the same step; warp 2c + e = polynomial e of
 * ciphertext c, 32 complex points a lane. A step:
 *   1 digits, forward transform               registers, and the warp's own slab
 *   2 spectrum to the slab, block barrier
 *   3 product: a warp takes rows of 32 frequencies, loads their key words once, and forms bundle
 *     and product for every ciphertext of the block, in place
 *   4 block barrier, inverse transform; the rounding is the next step's 1
 * g = 1 keeps the accumulator as 32-bit words in shared memory (a rotation gathers them); g > 1
 * keeps nothing: the output of the inverse is the accumulator.
 *
 * `narrow` digits take the low bits of acc B + 1.5 2^52: 2 FP64 instructions instead of 5. They
 * need |acc| B < 2^51 before reduction modulo 1 (9 sigma at g = 2, base_log = 22; too few at 23),
 * and a key in units of 1/B.
 *
 * Resources of a block of 4 (nvcc 13.0, sm_90); FP64 instructions of a lane in a step; clocks of the
 * phases of a step, each the larger of FP64, shared memory and key reads at 24 bytes a clock (all
 * multiprocessors at once) or 48 (half of them):
 *
 *   g  digits  registers  spills  shared B   FP64 = transforms + digits + product    forward  product         inverse
 *   1  wide       255       8 B   227,328    2,560 = 1984 + 320 + 16 * 16            4,608     2,731           5,120
 *   2  wide       196       0     165,952    3,568 = 1984 + 320 + 16 * 79            5,120     8,192 |  5,120  4,096
 *   2  narrow     192       0     165,952    3,376 = 1984 + 128 + 16 * 79            4,352     8,192 |  5,120  4,096
 *   3  wide       196       0     168,000    4,912 = 1984 + 320 + 16 * 163           5,120    19,115 | 10,432  4,096
 *
 * Counts are of the PTX (negations are free). What they predict: bench/results/README.md. */
/* clang-format on */
#ifndef TORC_CUDA_BLIND_ROTATE_SKELETON_CUH
#define TORC_CUDA_BLIND_ROTATE_SKELETON_CUH

#include "kernels/cuda/fft_warp.cuh"

#define ROTATE_N     2048
#define ROTATE_MARKS 5 /* start, spectrum stored, product begins, product ends, inverse ends */

typedef struct rotate_args {
    const double2 *key;
    const uint32_t *exponent;
    double *io;
    const double2 *root, *forward_table, *middle_table;
    uint64_t *marks; /* [blocks][ROTATE_MARKS] cycles at mark_step, or NULL */
    uint32_t steps, mark_step, base_log;
    uint32_t quads;        /* groups of `ciphertexts` ciphertexts; blocks take them in turn */
    uint32_t delay_cycles; /* odd blocks start so much later */
    size_t key_step_words; /* double2 from step to step: 0 reads one step's key again and again */
} rotate_args;

template <int g, int ciphertexts> struct rotate_shared { /* byte offsets */
    static constexpr size_t slab = 0;
    static constexpr size_t forward = slab + sizeof(double2) * ciphertexts * 2 * FFT_SLAB;
    static constexpr size_t middle = forward + sizeof(double2) * FFT_FORWARD_TABLE;
    static constexpr size_t root = middle + sizeof(double2) * FFT_MIDDLE_TABLE;
    static constexpr size_t base = root + sizeof(double2) * 128; /* [ciphertext][bit][lane] */
    static constexpr size_t turn = base + (g > 1 ? sizeof(double2) * ciphertexts * g * 32 : 0);
    static constexpr size_t words = turn + (g > 1 ? 64 : 0); /* [ciphertext][bit]; then g = 1 */
    static constexpr size_t bytes = words + (g == 1 ? ciphertexts * 2 * ROTATE_N * 4 : 0);
};

/* x + MAGIC rounds x to an integer, which then stands in the low bits; |x| < 2^51. */
#define ROTATE_MAGIC 6755399441055744.0 /* 1.5 * 2^52 */

/* Integer d as a double, by one subtraction: no conversion instruction, they run at a quarter rate.
 */
__device__ __forceinline__ double rotate_double(int32_t d)
{
    return __hiloint2double(0x43300000, (int)((uint32_t)d ^ 0x80000000u)) - 4503601774854144.0;
}

/* Digit of a torus value, of any size up to 2^51. */
__device__ __forceinline__ double rotate_digit(double t, double base)
{
    const double whole = (t + ROTATE_MAGIC) - ROTATE_MAGIC;
    return fma(t - whole, base, ROTATE_MAGIC) - ROTATE_MAGIC;
}

/* Digit of x / B, |x| < 2^51. */
__device__ __forceinline__ double rotate_digit_narrow(double x, uint32_t base_log)
{
    const int32_t low = __double2loint(x + ROTATE_MAGIC);
    return rotate_double((int32_t)((uint32_t)low << (32 - base_log)) >> (32 - base_log));
}

/* Torus value as a word of 32 bits. */
__device__ __forceinline__ uint32_t rotate_word(double t)
{
    const double whole = (t + ROTATE_MAGIC) - ROTATE_MAGIC;
    return (uint32_t)__double2loint(fma(t - whole, 4294967296.0, ROTATE_MAGIC));
}

/* --- g = 1: the accumulator in shared memory --- */

/* Digit of coefficient c of (X^a - 1) acc. */
__device__ __forceinline__ double rotate_difference(const uint32_t *acc, uint32_t c, uint32_t a,
                                                    uint32_t base_log)
{
    const uint32_t from = (c - a) & (2 * ROTATE_N - 1);
    const uint32_t there = gpu_load_shared(acc + (from & (ROTATE_N - 1)));
    const uint32_t x = (from < ROTATE_N ? there : 0u - there) - gpu_load_shared(acc + c);
    return rotate_double((int32_t)(x + (1u << (31 - base_log))) >> (32 - base_log));
}

__device__ __forceinline__ void rotate_add(uint32_t *acc, uint32_t c, double t)
{
    gpu_store_shared(acc + c, gpu_load_shared(acc + c) + rotate_word(t));
}

/* --- product --- */

__device__ __forceinline__ void rotate_multiply_add(double2 &out, double2 a, double2 b)
{
    out.x = fma(a.x, b.x, fma(-a.y, b.y, out.x));
    out.y = fma(a.x, b.y, fma(a.y, b.x, out.y));
}

template <int g>
__device__ __forceinline__ void rotate_load_key(double2 key[(1 << g) - 1][4], const double2 *from,
                                                uint32_t row)
{
#pragma unroll
    for (int t = 0; t < (1 << g) - 1; t++) {
#pragma unroll
        for (int ce = 0; ce < 4; ce++) {
            key[t][ce] =
                gpu_load_readonly(from + ((size_t)(4 * t + ce) * 32 + row) * 32 + gpu_lane());
        }
    }
}

/* bundle[ce] = G + sum_T (X^(a_T) - 1) K_T at this lane's frequency of the row. base[bit][lane] is
 * X^(a_bit) at row 0; the row adds a root of order 32, the same for all lanes. */
template <int g>
__device__ __forceinline__ void
rotate_bundle(double2 bundle[4], const double2 key[(1 << g) - 1][4], const double2 *base,
              const double2 *root, const uint32_t *turn, uint32_t row_angle, double gadget)
{
    double2 power[1 << g];
#pragma unroll
    for (int bit = 0; bit < g; bit++) {
        const uint32_t angle = (gpu_load_shared(turn + bit) * row_angle) & 31;
        power[1 << bit] = fft_multiply(gpu_load_shared(base + bit * 32 + gpu_lane()),
                                       gpu_load_shared(root + 2 * angle));
    }
#pragma unroll
    for (int t = 3; t < 1 << g; t++) {
        const int low = t & -t;
        if (t != low) {
            power[t] = fft_multiply(power[t - low], power[low]);
        }
    }
#pragma unroll
    for (int ce = 0; ce < 4; ce++) {
        bundle[ce] = make_double2(ce % 3 == 0 ? gadget : 0.0, 0.0);
    }
#pragma unroll
    for (int t = 1; t < 1 << g; t++) {
        const double2 factor = make_double2(power[t].x - 1.0, power[t].y);
#pragma unroll
        for (int ce = 0; ce < 4; ce++) {
            rotate_multiply_add(bundle[ce], factor, key[t - 1][ce]);
        }
    }
}

/* out_e = sum_c d_c m[2c + e], in place. */
__device__ __forceinline__ void rotate_product(double2 *mask, double2 *body, const double2 m[4])
{
    const double2 d0 = gpu_load_shared(mask), d1 = gpu_load_shared(body);
    double2 out0 = fft_multiply(d0, m[0]), out1 = fft_multiply(d0, m[1]);
    rotate_multiply_add(out0, d1, m[2]);
    rotate_multiply_add(out1, d1, m[3]);
    gpu_store_shared(mask, out0);
    gpu_store_shared(body, out1);
}

/* --- kernel --- */

/* The step's exponents turn[ciphertext][bit], and X^(a) at row 0 for every ciphertext, bit and
 * lane, from two tables of 64 roots. */
template <int g, int ciphertexts>
__device__ __forceinline__ void rotate_bases(double2 *base, uint32_t *turn, const double2 *root,
                                             const uint32_t *exponent, uint32_t stride)
{
    for (uint32_t i = threadIdx.x; i < ciphertexts * g * 32; i += 64 * ciphertexts) {
        const uint32_t lane = i % 32, bit = i / 32 % g, c = i / (32 * g);
        const uint32_t a = gpu_load_readonly(exponent + (size_t)c * stride + bit);
        const uint32_t angle = a * (1 + 4 * (uint32_t)fft_reverse((int)lane));
        if (lane == 0) {
            gpu_store_shared(turn + c * g + bit, a);
        }
        gpu_store_shared(base + i, fft_multiply(gpu_load_shared(root + (angle / 64 & 63)),
                                                gpu_load_shared(root + 64 + (angle & 63))));
    }
}

/* Rows warp, warp + warps, ...: `words` holds the first row's key. */
template <int g, int ciphertexts>
__device__ __forceinline__ void rotate_rows(double2 words[(1 << g) - 1][4], double2 *slabs,
                                            const double2 *base, const double2 *root,
                                            const uint32_t *turn, const double2 *key, double gadget)
{
    constexpr uint32_t warps = 2 * ciphertexts;
#pragma unroll 1
    for (uint32_t row = gpu_warp(); row < 32; row += warps) {
        double2 next[(1 << g) - 1][4]; /* under way during the arithmetic, where registers allow */
        if constexpr (g < 3) {
            rotate_load_key<g>(next, key, row + warps < 32 ? row + warps : row);
        }
#pragma unroll 1
        for (uint32_t c = 0; c < ciphertexts; c++) {
            double2 *mask = slabs + 2 * c * FFT_SLAB + row * FFT_PITCH + gpu_lane();
            if constexpr (g == 1) {
                rotate_product(mask, mask + FFT_SLAB, words[0]);
            } else {
                double2 bundle[4];
                rotate_bundle<g>(bundle, words, base + c * g * 32, root, turn + c * g,
                                 (uint32_t)fft_reverse((int)row), gadget);
                rotate_product(mask, mask + FFT_SLAB, bundle);
            }
        }
        if constexpr (g < 3) {
#pragma unroll
            for (int t = 0; t < (1 << g) - 1; t++) {
#pragma unroll
                for (int ce = 0; ce < 4; ce++) {
                    words[t][ce] = next[t][ce];
                }
            }
        } else if (row + warps < 32) {
            rotate_load_key<g>(words, key, row + warps);
        }
    }
}

/* The next step's key towards the second-level cache, a part by each block of the grid. */
__device__ __forceinline__ void rotate_prefetch(const double2 *key, uint32_t words)
{
    const uint32_t lines = words / 8, share = (lines + gridDim.x - 1) / gridDim.x;
    const uint32_t line = blockIdx.x * share + threadIdx.x;
    if (threadIdx.x < share && line < lines) {
        gpu_prefetch_l2(key + 8 * (size_t)line);
    }
}

__device__ __forceinline__ void rotate_mark(const rotate_args *args, uint32_t step, uint32_t mark)
{
    if (args->marks != NULL && step == args->mark_step && threadIdx.x == 0) {
        args->marks[blockIdx.x * ROTATE_MARKS + mark] = gpu_cycles();
    }
}

__device__ __forceinline__ void rotate_copy(double2 *to, const double2 *from, uint32_t count)
{
    for (uint32_t i = threadIdx.x; i < count; i += blockDim.x) {
        gpu_store_shared(to + i, gpu_load_readonly(from + i));
    }
}

template <int g, int ciphertexts, bool narrow>
__global__ void __launch_bounds__(64 * ciphertexts, ciphertexts == 2 ? 2 : 1)
    rotate_skeleton(const rotate_args args)
{
    typedef rotate_shared<g, ciphertexts> at;
    GPU_DYNAMIC_SHARED(unsigned char, shared);
    double2 *slabs = reinterpret_cast<double2 *>(shared + at::slab);
    double2 *forward_table = reinterpret_cast<double2 *>(shared + at::forward);
    double2 *middle_table = reinterpret_cast<double2 *>(shared + at::middle);
    double2 *root = reinterpret_cast<double2 *>(shared + at::root);
    double2 *base = reinterpret_cast<double2 *>(shared + at::base);
    double2 *slab = slabs + gpu_warp() * FFT_SLAB;
    uint32_t *turn = reinterpret_cast<uint32_t *>(shared + at::turn);
    uint32_t *acc = reinterpret_cast<uint32_t *>(shared + at::words) + gpu_warp() * ROTATE_N;
    const uint32_t key_words = ((1u << g) - 1) * 4 * 1024;
    const double base_b = (double)(1u << args.base_log),
                 gadget = 1.0 / (narrow ? 1024.0 : 1024.0 * base_b);

    rotate_copy(forward_table, args.forward_table, FFT_FORWARD_TABLE);
    rotate_copy(middle_table, args.middle_table, FFT_MIDDLE_TABLE);
    rotate_copy(root, args.root, 128);
    gpu_sync_block();
    if (blockIdx.x % 2 == 1) {
        for (const uint64_t start = gpu_cycles(); gpu_cycles() - start < args.delay_cycles;) {
        }
    }
    for (uint32_t quad = blockIdx.x; quad < args.quads; quad += gridDim.x) {
        double *io = args.io + ((size_t)quad * ciphertexts * 2 + gpu_warp()) * ROTATE_N;
        const uint32_t stride = args.steps * g;
        const uint32_t *exponent = args.exponent + (size_t)quad * ciphertexts * stride;
        double2 v[FFT_POINTS];
#pragma unroll
        for (int q = 0; q < FFT_POINTS; q++) {
            const uint32_t c = 32 * (uint32_t)q + gpu_lane();
            const double re = gpu_load_global(io + c), im = gpu_load_global(io + c + 1024);
            if constexpr (g == 1) {
                gpu_store_shared(acc + c, rotate_word(re));
                gpu_store_shared(acc + c + 1024, rotate_word(im));
            } else if constexpr (narrow) {
                v[q] = make_double2(re * base_b, im * base_b);
            } else {
                v[q] = make_double2(re, im);
            }
        }
        gpu_sync_warp();
#pragma unroll 1
        for (uint32_t step = 0; step < args.steps; step++) {
            const double2 *key = args.key + step * args.key_step_words;
            rotate_mark(&args, step, 0);
            if (step + 1 < args.steps) {
                rotate_prefetch(key + args.key_step_words, key_words);
            }
            if constexpr (g > 1) {
                rotate_bases<g, ciphertexts>(base, turn, root, exponent + step * g, stride);
            }
            /* 1 */
            const uint32_t own =
                g > 1 ? 0 : gpu_load_readonly(exponent + (size_t)(gpu_warp() / 2) * stride + step);
#pragma unroll
            for (int q = 0; q < FFT_POINTS; q++) {
                const uint32_t c = 32 * (uint32_t)q + gpu_lane();
                if constexpr (g == 1) {
                    v[q] = make_double2(rotate_difference(acc, c, own, args.base_log),
                                        rotate_difference(acc, c + 1024, own, args.base_log));
                } else if constexpr (narrow) {
                    v[q] = make_double2(rotate_digit_narrow(v[q].x, args.base_log),
                                        rotate_digit_narrow(v[q].y, args.base_log));
                } else {
                    v[q] = make_double2(rotate_digit(v[q].x, base_b), rotate_digit(v[q].y, base_b));
                }
            }
            fft_forward(v, slab, forward_table);
            /* 2 */
#pragma unroll
            for (int q = 0; q < FFT_POINTS; q++) {
                gpu_store_shared(slab + q * FFT_PITCH + gpu_lane(), v[q]);
            }
            rotate_mark(&args, step, 1);
            double2 words[(1 << g) - 1][4];
            rotate_load_key<g>(words, key, gpu_warp());
            gpu_sync_block();
            /* 3 */
            rotate_mark(&args, step, 2);
            rotate_rows<g, ciphertexts>(words, slabs, base, root, turn, key, gadget);
            rotate_mark(&args, step, 3);
            gpu_sync_block();
            /* 4 */
#pragma unroll
            for (int q = 0; q < FFT_POINTS; q++) {
                v[q] = gpu_load_shared(slab + q * FFT_PITCH + gpu_lane());
            }
            gpu_sync_warp();
            fft_inverse(v, slab, middle_table);
#pragma unroll
            for (int q = 0; q < FFT_POINTS; q++) {
                const uint32_t c = 32 * (uint32_t)q + gpu_lane();
                v[q] = fft_last_twist(v[q], q);
                if constexpr (g == 1) {
                    rotate_add(acc, c, v[q].x);
                    rotate_add(acc, c + 1024, v[q].y);
                }
            }
            gpu_sync_warp();
            rotate_mark(&args, step, 4);
        }
#pragma unroll
        for (int q = 0; q < FFT_POINTS; q++) {
            const uint32_t c = 32 * (uint32_t)q + gpu_lane();
            double2 out = v[q];
            if constexpr (g == 1) {
                out = make_double2((double)gpu_load_shared(acc + c) * (1.0 / 4294967296.0),
                                   (double)gpu_load_shared(acc + c + 1024) * (1.0 / 4294967296.0));
            } else if constexpr (narrow) {
                out = make_double2(out.x / base_b, out.y / base_b);
            }
            gpu_store_global(io + c, out.x);
            gpu_store_global(io + c + 1024, out.y);
        }
        gpu_sync_block();
    }
}

#endif
