/* clang-format off */
/* The throughput form of the blind rotation: many ciphertexts a block walk through the key together.
 *
 *   start  rotated table (rotate_start.cuh)
 *   step   g = 1    acc <- acc + K ext-product ((X^a - 1) acc)
 *          g = 2..  acc <- (G + sum_T (X^(a_T) - 1) K_T) ext-product acc
 *          digits (rotate_digits.cuh), forward transforms (fft.cuh), product (rotate_product.cuh),
 *          inverse transforms
 *   end    sample extraction (rotate_start.cuh)
 *
 * Layouts: key double2 [steps][terms][inputs][columns][M], spectra in the order of fft.cuh; the rest in
 * rotate_start.cuh. Who holds what: rotate_plan.cuh.
 *
 * g > 1 keeps nothing between steps but the 32 complex points of each lane: what the inverse leaves is
 * the accumulator, and rounding it the next step's first act. g = 1 keeps 32-bit words in shared
 * memory, from which a rotation gathers. Two block barriers a step: spectra are complete, products are
 * complete. Reference: ref/blind_rotate.c, ref/blind_rotate_grouped.c. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_CUH
#define TORC_CUDA_ROTATE_CUH

#include "kernels/cuda/rotate_product.cuh"
#include "kernels/cuda/rotate_start.cuh"

/* What a lane is to its block: its polynomial and the memory of it. */
typedef struct rotate_lane {
    uint32_t polynomial, lane; /* of the block; of the polynomial */
    uint32_t slot, column, part;
    uint32_t ciphertext; /* of the batch; the last one again past its end */
    bool is_used;        /* false: an idle polynomial, or past the end of the batch */
    double2 *slab;       /* of digit 0 */
    const double2 *tables;
    uint32_t *word; /* g = 1: accumulator [N] */
} rotate_lane;

template <class plan>
__device__ __forceinline__ rotate_lane rotate_lane_make(unsigned char *shared, uint32_t block,
                                                        uint32_t batch)
{
    rotate_lane me;
    me.polynomial = threadIdx.x / plan::fft::lanes;
    me.lane = threadIdx.x % plan::fft::lanes;
    const bool is_idle = me.polynomial >= plan::polynomials_used;
    me.slot = is_idle ? 0 : me.polynomial / plan::columns;
    me.column = is_idle ? 0 : me.polynomial % plan::columns;
    me.part = me.slot % plan::parts;
    const uint32_t wanted = block * plan::ciphertexts + me.slot / plan::parts;
    me.ciphertext = wanted < batch ? wanted : batch - 1;
    me.is_used = !is_idle && wanted < batch;
    me.slab = reinterpret_cast<double2 *>(shared + plan::slab_at) +
              me.polynomial * plan::level_count * plan::fft::slab;
    me.tables = reinterpret_cast<const double2 *>(shared + plan::table_at);
    me.word = reinterpret_cast<uint32_t *>(shared + plan::word_at) + me.polynomial * plan::n;
    return me;
}

/* --- g = 1: accumulator words of 32 bits --- */

/* Digit source of coefficient c of (X^a - 1) acc, in units of 2^-kept; a in the extended ring. */
template <class plan>
__device__ __forceinline__ uint32_t rotate_difference(const rotate_lane *me, uint32_t c, uint32_t a,
                                                      uint32_t kept)
{
    const uint32_t residue = a & (plan::parts - 1);
    const uint32_t from_part = (me->part - residue) & (plan::parts - 1);
    const uint32_t shift = (a >> plan::extended_log2) + (me->part < residue ? 1 : 0);
    const uint32_t from = (c - shift) & (2 * plan::n - 1);
    const uint32_t *there =
        me->word + ((int32_t)from_part - (int32_t)me->part) * (plan::columns * plan::n);
    const uint32_t value = gpu_load_shared(there + (from & (plan::n - 1)));
    const uint32_t x = (from < plan::n ? value : 0 - value) - gpu_load_shared(me->word + c);
    return kept < 32 ? (x + (1u << (31 - kept))) >> (32 - kept) : x;
}

template <class plan>
__device__ __forceinline__ void rotate_words_store(const rotate_lane *me, const double2 *v)
{
#pragma unroll
    for (uint32_t q = 0; q < plan::fft::points; q++) {
        const uint32_t c = plan::fft::lanes * q + me->lane;
        gpu_store_shared(me->word + c, rotate_kept(v[q].x, 4294967296.0));
        gpu_store_shared(me->word + c + plan::fft::size, rotate_kept(v[q].y, 4294967296.0));
    }
}

template <class plan>
__device__ __forceinline__ void rotate_words_add(const rotate_lane *me, const double2 *v)
{
#pragma unroll
    for (uint32_t q = 0; q < plan::fft::points; q++) {
        uint32_t *re = me->word + plan::fft::lanes * q + me->lane, *im = re + plan::fft::size;
        gpu_store_shared(re, gpu_load_shared(re) + rotate_kept(v[q].x, 4294967296.0));
        gpu_store_shared(im, gpu_load_shared(im) + rotate_kept(v[q].y, 4294967296.0));
    }
}

template <class plan>
__device__ __forceinline__ void rotate_words_load(double2 *v, const rotate_lane *me)
{
#pragma unroll
    for (uint32_t q = 0; q < plan::fft::points; q++) {
        const uint32_t c = plan::fft::lanes * q + me->lane;
        v[q].x = rotate_double((int32_t)gpu_load_shared(me->word + c)) * (1.0 / 4294967296.0);
        v[q].y = rotate_double((int32_t)gpu_load_shared(me->word + c + plan::fft::size)) *
                 (1.0 / 4294967296.0);
    }
}

/* --- digits and their spectra --- */

/* v -> spectrum of the only digit, in the slab. */
template <class plan>
__device__ __forceinline__ void rotate_forward_one(double2 *v, const rotate_args *args,
                                                   const rotate_lane *me, uint32_t a)
{
    const double base = (double)(1u << args->base_log);
#pragma unroll
    for (uint32_t q = 0; q < plan::fft::points; q++) {
        if constexpr (plan::grouping == 1) {
            const uint32_t c = plan::fft::lanes * q + me->lane, kept = args->base_log;
            uint32_t re = rotate_difference<plan>(me, c, a, kept);
            uint32_t im = rotate_difference<plan>(me, c + plan::fft::size, a, kept);
            v[q].x = rotate_cut(&re, kept);
            v[q].y = rotate_cut(&im, kept);
        } else {
            v[q] = make_double2(rotate_digit(v[q].x, base), rotate_digit(v[q].y, base));
        }
    }
    fft_forward<plan::fft>(v, me->slab, me->tables, me->polynomial, me->lane);
}

/* The same for l digits, the last one first: words of `kept` bits wait in registers. */
template <class plan>
__device__ __forceinline__ void rotate_forward_levels(double2 *v, const rotate_args *args,
                                                      const rotate_lane *me, uint32_t a)
{
    const uint32_t kept = args->base_log * plan::level_count;
    const double scale = kept < 32 ? (double)(1u << kept) : 4294967296.0;
    uint32_t re[plan::fft::points], im[plan::fft::points];
#pragma unroll
    for (uint32_t q = 0; q < plan::fft::points; q++) {
        if constexpr (plan::grouping == 1) {
            const uint32_t c = plan::fft::lanes * q + me->lane;
            re[q] = rotate_difference<plan>(me, c, a, kept);
            im[q] = rotate_difference<plan>(me, c + plan::fft::size, a, kept);
        } else {
            re[q] = rotate_kept(v[q].x, scale);
            im[q] = rotate_kept(v[q].y, scale);
        }
    }
#pragma unroll 1
    for (uint32_t j = plan::level_count; j-- > 0;) {
#pragma unroll
        for (uint32_t q = 0; q < plan::fft::points; q++) {
            v[q].x = rotate_cut(&re[q], args->base_log);
            v[q].y = rotate_cut(&im[q], args->base_log);
        }
        fft_forward<plan::fft>(v, me->slab + j * plan::fft::slab, me->tables, me->polynomial,
                               me->lane);
    }
}

/* --- the step's monomials --- */

/* turn[ciphertext][bit], and X^a at row 0 for every ciphertext, bit and lane. */
template <class plan>
__device__ __forceinline__ void rotate_bases(unsigned char *shared, const rotate_args *args,
                                             uint32_t block, uint32_t step)
{
    double2 *base = reinterpret_cast<double2 *>(shared + plan::base_at);
    uint32_t *turn = reinterpret_cast<uint32_t *>(shared + plan::turn_at);
    const double2 *tables = reinterpret_cast<const double2 *>(shared + plan::table_at);
    const double2 *low = tables + plan::fft::root_low, *high = tables + plan::fft::root_high;
    for (uint32_t i = threadIdx.x; i < plan::ciphertexts * plan::grouping * 32;
         i += plan::threads) {
        const uint32_t x = i % 32, bit = i / 32 % plan::grouping, c = i / 32 / plan::grouping;
        const uint32_t wanted = block * plan::ciphertexts + c;
        const uint32_t ciphertext = wanted < args->batch ? wanted : args->batch - 1;
        const uint32_t a = gpu_load_readonly(args->exponent + (size_t)ciphertext * args->lwe_dim +
                                             step * plan::grouping + bit);
        const uint32_t angle = a * (1 + 4 * fft_reverse(x, 5)) & (2 * plan::n - 1);
        if (x == 0) {
            gpu_store_shared(turn + c * plan::grouping + bit, a);
        }
        gpu_store_shared(base + i, fft_multiply(gpu_load_shared(high + angle / FFT_ROOT_LOW),
                                                gpu_load_shared(low + angle % FFT_ROOT_LOW)));
    }
}

/* The next step's key towards the second-level cache, a part by each block of the grid. */
template <class plan> __device__ __forceinline__ void rotate_prefetch(const double2 *key)
{
    constexpr uint32_t lines = plan::key_step / 8;
    const uint32_t share = (lines + gridDim.x - 1) / gridDim.x;
    for (uint32_t i = threadIdx.x; i < share; i += plan::threads) {
        const uint32_t line = blockIdx.x * share + i;
        if (line < lines) {
            gpu_prefetch_l2(key + 8 * (size_t)line);
        }
    }
}

/* --- kernel --- */

template <class plan>
__device__ __forceinline__ void rotate_step(double2 *v, const rotate_args *args,
                                            const rotate_lane *me, unsigned char *shared,
                                            uint32_t block, uint32_t step)
{
    const double2 *key = args->key + (size_t)step * plan::key_step;
    const double unit = 1.0 / (double)(1u << args->base_log);
    const rotate_spectra at = {reinterpret_cast<double2 *>(shared + plan::slab_at),
                               reinterpret_cast<const double2 *>(shared + plan::base_at),
                               me->tables + plan::fft::root_high,
                               reinterpret_cast<const uint32_t *>(shared + plan::turn_at),
                               {unit / plan::fft::size, unit * unit / plan::fft::size,
                                unit * unit * unit / plan::fft::size}};
    double2 words[rotate_cut_of<plan>::words];
    uint32_t a = 0;
    if (step + 1 < args->lwe_dim / plan::grouping) {
        rotate_prefetch<plan>(key + plan::key_step);
    }
    if constexpr (plan::grouping > 1) {
        rotate_bases<plan>(shared, args, block, step);
    } else {
        a = gpu_load_readonly(args->exponent + (size_t)me->ciphertext * args->lwe_dim + step);
    }
    if constexpr (plan::level_count == 1) {
        rotate_forward_one<plan>(v, args, me, a);
    } else {
        rotate_forward_levels<plan>(v, args, me, a);
    }
    rotate_product_begin<plan>(words, key);
    gpu_sync_block(); /* spectra are complete */
    rotate_product<plan>(words, key, &at);
    gpu_sync_block(); /* products are complete */
    fft_inverse<plan::fft>(v, me->slab, me->tables, me->polynomial, me->lane);
#pragma unroll
    for (uint32_t q = 0; q < plan::fft::points; q++) {
        v[q] = fft_last_twist<plan::fft>(v[q], (int)q);
    }
    if constexpr (plan::grouping == 1) {
        rotate_words_add<plan>(me, v);
    }
}

template <class plan>
__global__ void __launch_bounds__(plan::threads, 1) rotate_throughput(const rotate_args args)
{
    GPU_DYNAMIC_SHARED(unsigned char, shared);
    double2 *tables = reinterpret_cast<double2 *>(shared + plan::table_at);
    const uint32_t blocks = (args.batch + plan::ciphertexts - 1) / plan::ciphertexts;

    for (uint32_t i = threadIdx.x; i < plan::fft::table_count; i += plan::threads) {
        gpu_store_shared(tables + i, gpu_load_readonly(args.tables + i));
    }
    if (blockIdx.x % 2 == 1 && args.delay_cycles != 0) {
        for (const uint64_t start = gpu_cycles(); gpu_cycles() - start < args.delay_cycles;) {
        }
    }
    gpu_sync_block(); /* tables are there */
#pragma unroll 1
    for (uint32_t block = blockIdx.x; block < blocks; block += gridDim.x) {
        const rotate_lane me = rotate_lane_make<plan>(shared, block, args.batch);
        double2 v[plan::fft::points];
        const rotate_polynomial at = {me.ciphertext,  me.part, me.column,
                                      plan::glwe_dim, plan::n, plan::extended_log2};
        rotate_begin<typename plan::fft>(v, &args, &at, me.lane);
        if constexpr (plan::grouping == 1) {
            rotate_words_store<plan>(&me, v);
            gpu_sync_block(); /* parts read each other's words */
        }
#pragma unroll 1
        for (uint32_t step = 0; step < args.lwe_dim / plan::grouping; step++) {
            rotate_step<plan>(v, &args, &me, shared, block, step);
            if constexpr (plan::grouping == 1) {
                if constexpr (plan::parts > 1) {
                    gpu_sync_block(); /* words of all parts are complete */
                } else {
                    fft_sync<typename plan::fft>(me.polynomial);
                }
            }
        }
        if constexpr (plan::grouping == 1) {
            rotate_words_load<plan>(v, &me);
        }
        if (me.is_used) {
            rotate_end<typename plan::fft>(v, &args, &at, me.lane);
        }
        gpu_sync_block(); /* turns and slabs may be written again */
    }
}

#endif
