/* clang-format off */
/* Bundles of the latency form: for every step of every ciphertext what its key bits make of the key.
 *
 *   m[i][e] = s ([c = e] B^-(j+1) / M + sum_T (X^(a_T) - 1) K_T[i][e]),   i = c l + j, T = 1 .. 2^g - 1
 *   s       the inverse of what the latency form's transform is off by (rotate_latency_angles.cuh)
 *   X^a at place y of the key: exp(i pi a (1 + 4t) / N), t = rev_m(e), e the place in the tree
 *
 * Layouts: key double2 [steps][terms][inputs][columns][M] in the order of fft.cuh; bundle
 * double2 [ciphertexts][steps][inputs][columns][M], places in the order of latency_place.
 *
 * Mapping: a block takes 128 points of one step for up to 8 ciphertexts, a thread one point. A thread loads
 * the key words of a chunk of (i, e) once, past the first-level cache, and uses them for all ciphertexts.
 * Lanes are laid out so that a warp reads whole lines of the key and writes whole sectors of the bundles: 8
 * neighbouring x by 4 rows that are neighbours in the bundle.
 *
 * FP64 instructions a thread, chunk and ciphertext: 7 (2^g - 1) + 4 for the factors, 4 (2^g - 1) + 1 for each
 * (i, e). Bytes: 16 (2^g - 1) a point and (i, e) read once for 8 ciphertexts, 16 written for each. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_BUNDLE_CUH
#define TORC_CUDA_ROTATE_BUNDLE_CUH

#include "kernels/cuda/rotate_latency_angles.cuh"
#include "kernels/cuda/rotate_latency_plan.cuh"
#include "kernels/cuda/rotate_start.cuh"

#define BUNDLE_THREADS     128u
#define BUNDLE_CIPHERTEXTS 8u /* of a block */
#define BUNDLE_WORDS       30 /* complex key words in registers at once */

template <int glwe_dim_, int log2_n_, int level_count_, int grouping_> struct bundle_plan {
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
    /* Shared memory, double2: roots k and 64 k; then uint32 sums of exponents. */
    static constexpr uint32_t low = 64, high = 2 * n / low;
    static constexpr size_t sums_at = sizeof(double2) * (low + high);
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

/* Place in the tree of a thread's point. */
template <class plan> __device__ __forceinline__ uint32_t bundle_point(uint32_t thread)
{
    constexpr int row_bits = plan::m - 5;
    const uint32_t x = (thread & 7) | thread >> (row_bits + 3) << 3;
    const uint32_t r = thread >> 3 & (plan::rows - 1);
    const uint32_t row = plan::m % 2 == 0
                             ? (r & (plan::rows / 4 - 1)) << 2 | r >> (row_bits - 2)
                             : (r & 1) << 1 | (r & 2) << 2 | (r >> 2 & 1) | (r >> 3 & 1) << 2;
    return x * plan::rows + row;
}

/* Roots and sums of exponents of all T, for the block's ciphertexts. */
template <class plan>
__device__ __forceinline__ void bundle_prepare(unsigned char *shared, const rotate_args *args,
                                               const double2 *roots, const bundle_share *share)
{
    double2 *root = reinterpret_cast<double2 *>(shared);
    uint32_t *sums = reinterpret_cast<uint32_t *>(shared + plan::sums_at);
    for (uint32_t k = threadIdx.x; k < plan::low + plan::high; k += BUNDLE_THREADS) {
        const uint32_t at = k < plan::low ? k : (k - plan::low) * plan::low;
        gpu_store_shared(root + k, gpu_load_readonly(roots + at));
    }
    for (uint32_t k = threadIdx.x; k < share->ciphertexts * plan::terms; k += BUNDLE_THREADS) {
        const uint32_t set = k % plan::terms + 1;
        const uint32_t *exponent =
            args->exponent + (size_t)(share->first_ciphertext + k / plan::terms) * args->lwe_dim +
            share->step * plan::grouping;
        uint32_t sum = 0;
#pragma unroll
        for (int bit = 0; bit < plan::grouping; bit++) {
            const uint32_t a = gpu_load_readonly(exponent + bit);
            sum += set >> bit & 1 ? a : 0;
        }
        gpu_store_shared(sums + k, sum);
    }
}

template <class plan>
__device__ __forceinline__ double2 bundle_root(const double2 *root, uint32_t angle)
{
    const uint32_t k = angle & (2 * plan::n - 1);
    return fft_multiply(gpu_load_shared(root + plan::low + k / plan::low),
                        gpu_load_shared(root + k % plan::low));
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

/* factor[t] = s (X^(a_T) - 1). */
template <class plan>
__device__ __forceinline__ void bundle_factors(double2 *factor, const double2 *root,
                                               const uint32_t *sums, double2 s, uint32_t turn,
                                               uint32_t leaf)
{
#pragma unroll
    for (uint32_t t = 0; t < plan::terms; t++) {
        const double2 x = bundle_root<plan>(root, gpu_load_shared(sums + t) * turn + leaf);
        factor[t] = make_double2(x.x - s.x, x.y - s.y);
    }
}

/* Word (i, e) = `pair` of a bundle from words[t] of the chunk's pair p. */
template <class plan>
__device__ __forceinline__ double2 bundle_word(const double2 *words, const double2 *factor,
                                               double2 s, uint32_t pair, uint32_t p, double unit)
{
    const uint32_t input = pair / plan::columns, column = pair % plan::columns;
    double2 m = make_double2(0.0, 0.0);
    if (input / plan::level_count == column) {
        double gadget = 1.0 / plan::size;
#pragma unroll
        for (uint32_t j = 0; j < plan::level_count; j++) {
            gadget *= j <= input % plan::level_count ? unit : 1.0;
        }
        m = make_double2(s.x * gadget, s.y * gadget);
    }
#pragma unroll
    for (uint32_t t = 0; t < plan::terms; t++) {
        const double2 f = factor[t], k = words[t * plan::chunk + p];
        m.x = fma(f.x, k.x, fma(-f.y, k.y, m.x));
        m.y = fma(f.x, k.y, fma(f.y, k.x, m.y));
    }
    return m;
}

template <class plan>
__global__ void __launch_bounds__(BUNDLE_THREADS)
    rotate_bundle(const rotate_args args, const double2 *roots, double2 *bundle)
{
    GPU_DYNAMIC_SHARED(unsigned char, shared);
    const double2 *root = reinterpret_cast<const double2 *>(shared);
    const uint32_t *sums = reinterpret_cast<const uint32_t *>(shared + plan::sums_at);
    const bundle_share share = bundle_share_make<plan>(args.batch);
    const uint32_t e = bundle_point<plan>(share.first_point + threadIdx.x);
    const uint32_t turn = 1 + 4 * fft_reverse(e, plan::m);
    const uint32_t leaf = 0 - latency_spectrum_factor<plan::log2_n>(e);
    const uint32_t steps = args.lwe_dim / plan::grouping;
    const double2 *key = args.key + (size_t)share.step * plan::terms * plan::pairs * plan::size +
                         32 * (e % plan::rows) + e / plan::rows;
    const double unit = 1.0 / (double)(1u << args.base_log);

    bundle_prepare<plan>(shared, &args, roots, &share);
    gpu_sync_block(); /* roots and sums are there */
    const double2 s = bundle_root<plan>(root, leaf);
#pragma unroll 1
    for (uint32_t pair = 0; pair < plan::pairs; pair += plan::chunk) {
        double2 words[plan::terms * plan::chunk];
        bundle_load<plan>(words, key, pair);
#pragma unroll 1
        for (uint32_t c = 0; c < share.ciphertexts; c++) {
            const size_t at = (size_t)(share.first_ciphertext + c) * steps + share.step;
            double2 *to =
                bundle + (at * plan::pairs + pair) * plan::size + latency_place<plan::m>(e);
            double2 factor[plan::terms];
            bundle_factors<plan>(factor, root, sums + c * plan::terms, s, turn, leaf);
#pragma unroll
            for (uint32_t p = 0; p < plan::chunk; p++) {
                gpu_store_global(to + p * plan::size,
                                 bundle_word<plan>(words, factor, s, pair + p, p, unit));
            }
        }
    }
}

#endif
