/* clang-format off */
/* Bundles of the latency form: for every step of every ciphertext what its key bits make of the key.
 *
 *   v = 0   m[i][e] = s ([c = e] B^-(j+1) / M + sum_T (X^(a_T) - 1) K_T[i][e]),   i = c l + j, T = 1 .. 2^g - 1
 *   v > 0   a_T = 2^v q_T + r_T, Y = X^(2^v); for each residue r
 *           m_r[i][e] = s ([r = 0] [c = e] B^-(j+1) / M + sum_T ([r_T = r] Y^(q_T) - [r = 0]) K_T[i][e])
 *   s       the inverse of what the latency form's transform is off by (rotate_latency_angles.cuh)
 *   Y^q at point y = 32 row + x of the key (fft.cuh): exp(i pi q (1 + 4 rev_5(x)) / N), in a table of the
 *           block, times exp(2 pi i q rev(row) / (M/32))
 *
 * Layouts: key double2 [steps][terms][inputs][columns][M] in the order of fft.cuh; bundle
 * double2 [ciphertexts][steps][2^v][inputs][columns][M], places in the order of latency_place.
 *
 * Mapping: a block takes 128 points of one step for up to 8 ciphertexts, a thread one point. A thread loads
 * the key words of a chunk of (i, e) once, past the first-level cache, and uses them for all ciphertexts.
 * Lanes are laid out so that a warp reads whole lines of the key and writes whole sectors of the bundles: 8
 * neighbouring x by 4 rows that are neighbours in the bundle.
 *
 * FP64 instructions a thread, chunk and ciphertext: 5 (2^g - 1) for the factors, then 4 (2^g - 1) + 4 for each
 * (i, e), one more where c = e. Shared wavefronts a warp, chunk and ciphertext: 9 (2^g - 1). Bytes: 16 (2^g - 1)
 * a point and (i, e) read once for 8 ciphertexts, 16 written for each. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_BUNDLE_CUH
#define TORC_CUDA_ROTATE_BUNDLE_CUH

#include "kernels/cuda/rotate_latency_angles.cuh"
#include "kernels/cuda/rotate_latency_plan.cuh"
#include "kernels/cuda/rotate_start.cuh"

#define BUNDLE_THREADS     128u
#define BUNDLE_CIPHERTEXTS 8u /* of a block */
#define BUNDLE_WORDS       30 /* complex key words in registers at once */

template <int glwe_dim_, int log2_n_, int level_count_, int grouping_, int extended_log2_>
struct bundle_plan {
    static constexpr uint32_t extended_log2 = extended_log2_, residues = 1u << extended_log2_;
    static constexpr int log2_n = log2_n_, m = log2_n_ - 1, grouping = grouping_;
    static constexpr uint32_t n = 1u << log2_n, size = 1u << m, rows = size / 32;
    static constexpr uint32_t level_count = level_count_, columns = glwe_dim_ + 1;
    static constexpr uint32_t inputs = columns * level_count, pairs = inputs * columns;
    static constexpr uint32_t terms = (1u << grouping_) - 1;
    static constexpr uint32_t parts = size / BUNDLE_THREADS; /* blocks of a step */
    static constexpr uint32_t chunk_of(uint32_t at_most)
    {
        return pairs % at_most == 0 ? at_most : chunk_of(at_most - 1);
    }
    static constexpr uint32_t chunk = chunk_of(BUNDLE_WORDS / terms); /* pairs (i, e) */
    /* Different x of a block. */
    static constexpr uint32_t xs = rows < BUNDLE_THREADS / 8 ? BUNDLE_THREADS / rows : 8;
    /* Shared memory: double2 [ciphertexts][terms][xs] Y^(q_T) at row 0, double2 [rows] roots of
     * order M/32, uint32 [ciphertexts][terms] a_T. */
    static constexpr uint32_t roots_at = BUNDLE_CIPHERTEXTS * terms * xs;
    static constexpr size_t sums_at = sizeof(double2) * (roots_at + rows);
    static constexpr size_t shared_bytes = sums_at + sizeof(uint32_t) * BUNDLE_CIPHERTEXTS * terms;
};

/* What a block works on. */
typedef struct bundle_share {
    uint32_t step, first_point, first_ciphertext, ciphertexts;
} bundle_share;

/* Ciphertexts vary fastest: those that share key words follow each other. */
template <class plan> __device__ __forceinline__ bundle_share bundle_share_make(uint32_t batch)
{
    const uint32_t groups = (batch + BUNDLE_CIPHERTEXTS - 1) / BUNDLE_CIPHERTEXTS;
    const uint32_t group = blockIdx.x % groups, rest = blockIdx.x / groups;
    const uint32_t first = group * BUNDLE_CIPHERTEXTS;
    return {rest / plan::parts, rest % plan::parts * BUNDLE_THREADS, first,
            min(BUNDLE_CIPHERTEXTS, batch - first)};
}

/* Coordinates of a point in the key. */
typedef struct bundle_point {
    uint32_t x, row;
} bundle_point;

template <class plan> __device__ __forceinline__ bundle_point bundle_point_make(uint32_t point)
{
    constexpr int row_bits = plan::m - 5;
    const uint32_t r = point >> 3 & (plan::rows - 1); /* row as the bundle counts */
    const uint32_t row = plan::m % 2 == 0
                             ? (r & (plan::rows / 4 - 1)) << 2 | r >> (row_bits - 2)
                             : (r & 1) << 1 | (r & 2) << 2 | (r >> 2 & 1) | (r >> 3 & 1) << 2;
    return {(point & 7) | point >> (row_bits + 3) << 3, row};
}

/* a_T, the sum of the exponents of the bits of T = set. */
template <class plan>
__device__ __forceinline__ uint32_t bundle_sum(const rotate_args *args, uint32_t ciphertext,
                                               uint32_t step, uint32_t set)
{
    const uint32_t *exponent =
        args->exponent + (size_t)ciphertext * args->lwe_dim + step * plan::grouping;
    uint32_t sum = 0;
#pragma unroll
    for (int bit = 0; bit < plan::grouping; bit++) {
        const uint32_t a = gpu_load_readonly(exponent + bit);
        sum += set >> bit & 1 ? a : 0;
    }
    return sum;
}

/* Tables of the block; roots: exp(i pi k / N), k < 2N. */
template <class plan>
__device__ __forceinline__ void bundle_prepare(unsigned char *shared, const rotate_args *args,
                                               const double2 *roots, const bundle_share *share)
{
    double2 *base = reinterpret_cast<double2 *>(shared);
    uint32_t *sums = reinterpret_cast<uint32_t *>(shared + plan::sums_at);
    const uint32_t first_x = bundle_point_make<plan>(share->first_point).x;
    for (uint32_t k = threadIdx.x; k < share->ciphertexts * plan::terms * plan::xs;
         k += BUNDLE_THREADS) {
        const uint32_t x = k % plan::xs, at = k / plan::xs;
        const uint32_t sum = bundle_sum<plan>(args, share->first_ciphertext + at / plan::terms,
                                              share->step, at % plan::terms + 1);
        const uint32_t angle = (sum >> plan::extended_log2) * (1 + 4 * fft_reverse(first_x + x, 5));
        gpu_store_shared(base + k, gpu_load_readonly(roots + (angle & (2 * plan::n - 1))));
        if (x == 0) {
            gpu_store_shared(sums + at, sum);
        }
    }
    for (uint32_t k = threadIdx.x; k < plan::rows; k += BUNDLE_THREADS) {
        gpu_store_shared(base + plan::roots_at + k, gpu_load_readonly(roots + 128 * k));
    }
}

/* words[t][p], pairs p from `pair` on; key: the step's, at the thread's point. */
template <class plan>
__device__ __forceinline__ void bundle_load(double2 *words, const double2 *key, uint32_t pair)
{
#pragma unroll
    for (uint32_t t = 0; t < plan::terms; t++) {
#pragma unroll
        for (uint32_t p = 0; p < plan::chunk; p++) {
            const size_t polynomial = (size_t)t * plan::pairs + pair + p;
            const uint4 w =
                gpu_load_stream(reinterpret_cast<const uint4 *>(key + polynomial * plan::size));
            words[t * plan::chunk + p] = make_double2(__hiloint2double((int)w.y, (int)w.x),
                                                      __hiloint2double((int)w.w, (int)w.z));
        }
    }
}

/* factor[t] = Y^(q_T) at a point. base[t][xs] of its x, root and sums: of the block's tables. */
template <class plan>
__device__ __forceinline__ void bundle_factors(double2 *factor, const double2 *base,
                                               const double2 *root, const uint32_t *sums,
                                               uint32_t row)
{
    const uint32_t turn = fft_reverse(row, plan::m - 5);
#pragma unroll
    for (uint32_t t = 0; t < plan::terms; t++) {
        const uint32_t q = gpu_load_shared(sums + t) >> plan::extended_log2;
        factor[t] = fft_multiply(gpu_load_shared(base + t * plan::xs),
                                 gpu_load_shared(root + (q * turn & (plan::rows - 1))));
    }
}

/* What multiplies K_T in the bundle of residue r. */
template <class plan>
__device__ __forceinline__ void bundle_of_residue(double2 *out, const double2 *factor,
                                                  const uint32_t *sums, uint32_t r)
{
    const double one = r == 0 ? 1.0 : 0.0;
#pragma unroll
    for (uint32_t t = 0; t < plan::terms; t++) {
        if constexpr (plan::residues == 1) {
            out[t] = make_double2(factor[t].x - 1.0, factor[t].y);
        } else {
            const bool is_here = (gpu_load_shared(sums + t) & (plan::residues - 1)) == r;
            out[t] = make_double2((is_here ? factor[t].x : 0.0) - one, is_here ? factor[t].y : 0.0);
        }
    }
}

/* Word (i, e) = `pair` of a bundle from words[t] of the chunk's pair p; unit: 1 / B, or 0 for a
 * bundle without a gadget. */
template <class plan>
__device__ __forceinline__ double2 bundle_word(const double2 *words, const double2 *factor,
                                               double2 s, uint32_t pair, uint32_t p, double unit)
{
    const uint32_t input = pair / plan::columns, column = pair % plan::columns;
    double2 m = make_double2(0.0, 0.0);
    if (input / plan::level_count == column) {
        m.x = unit / plan::size;
#pragma unroll
        for (uint32_t j = 1; j < plan::level_count; j++) {
            m.x *= j <= input % plan::level_count ? unit : 1.0;
        }
    }
#pragma unroll
    for (uint32_t t = 0; t < plan::terms; t++) {
        const double2 f = factor[t], k = words[t * plan::chunk + p];
        m.x = fma(f.x, k.x, fma(-f.y, k.y, m.x));
        m.y = fma(f.x, k.y, fma(f.y, k.x, m.y));
    }
    return fft_multiply(s, m);
}

template <class plan>
__global__ void __launch_bounds__(BUNDLE_THREADS)
    rotate_bundle(const rotate_args args, const double2 *roots, double2 *bundle)
{
    GPU_DYNAMIC_SHARED(unsigned char, shared);
    const bundle_share share = bundle_share_make<plan>(args.batch);
    const bundle_point point = bundle_point_make<plan>(share.first_point + threadIdx.x);
    const uint32_t e = point.x * plan::rows + point.row; /* place in the tree */
    const uint32_t steps = args.lwe_dim / plan::grouping;
    const double2 *base = reinterpret_cast<const double2 *>(shared) + point.x % plan::xs;
    const double2 *root = reinterpret_cast<const double2 *>(shared) + plan::roots_at;
    const uint32_t *sums = reinterpret_cast<const uint32_t *>(shared + plan::sums_at);
    const double2 *key = args.key + (size_t)share.step * plan::terms * plan::pairs * plan::size +
                         32 * point.row + point.x;
    const double2 s = gpu_load_readonly(
        roots + ((0 - latency_spectrum_factor<plan::log2_n>(e)) & (2 * plan::n - 1)));
    const double unit = 1.0 / (double)(1u << args.base_log);

    bundle_prepare<plan>(shared, &args, roots, &share);
    gpu_sync_block(); /* tables are there */
#pragma unroll 1
    for (uint32_t pair = 0; pair < plan::pairs; pair += plan::chunk) {
        double2 words[plan::terms * plan::chunk];
        bundle_load<plan>(words, key, pair);
#pragma unroll 1
        for (uint32_t c = 0; c < share.ciphertexts; c++) {
            const uint32_t *sum = sums + c * plan::terms;
            double2 factor[plan::terms];
            bundle_factors<plan>(factor, base + c * plan::terms * plan::xs, root, sum, point.row);
            const size_t at = (size_t)(share.first_ciphertext + c) * steps + share.step;
            double2 *to = bundle + (at * plan::residues * plan::pairs + pair) * plan::size +
                          latency_place<plan::m>(e);
#pragma unroll 1
            for (uint32_t r = 0; r < plan::residues; r++) {
                double2 of_residue[plan::terms];
                bundle_of_residue<plan>(of_residue, factor, sum, r);
#pragma unroll
                for (uint32_t p = 0; p < plan::chunk; p++) {
                    const double2 word =
                        bundle_word<plan>(words, of_residue, s, pair + p, p, r == 0 ? unit : 0.0);
                    gpu_store_global(to + (r * plan::pairs + p) * plan::size, word);
                }
            }
        }
    }
}

#endif
