/* The first half of a step: accumulators are cut into digits and transformed; the step's monomials
 * are made ready for the product.
 *
 *   words     re, im of a point in units of 2^-kept, kept = base_log l <= 32 (rotate_digits.cuh)
 *   digits    cut from the words, the last first; with l > 1 the words wait in the slab of digit 0,
 * so that registers hold one polynomial alone monomial  Y^(a / 2^v) at row 0 of the spectrum for
 * every x; rotate_product.cuh and rotate_mixed.cuh turn it to other rows */
#ifndef TORC_CUDA_ROTATE_SPECTRA_CUH
#define TORC_CUDA_ROTATE_SPECTRA_CUH

#include "kernels/cuda/rotate_words.cuh"

/* The words, in units of 2^-kept, that point q is cut from. */
template <class plan, bool is_narrow>
__device__ __forceinline__ uint2 rotate_words(double2 v, uint32_t q, const rotate_args *args,
                                              const rotate_lane *me, uint32_t a)
{
    const uint32_t kept = args->base_log * plan::level_count;
    if constexpr (plan::grouping == 1) {
        const uint32_t c = plan::fft::lanes * q + me->lane;
        return make_uint2(rotate_difference<plan>(me, c, a, kept),
                          rotate_difference<plan>(me, c + plan::fft::size, a, kept));
    } else {
        const double scale = (double)((uint64_t)1 << kept);
        return is_narrow
                   ? make_uint2(rotate_kept_narrow(v.x, scale), rotate_kept_narrow(v.y, scale))
                   : make_uint2(rotate_kept(v.x, scale), rotate_kept(v.y, scale));
    }
}

/* v = the only digit. */
template <class plan, bool is_narrow>
__device__ __forceinline__ void rotate_cut_one(double2 *v, const rotate_args *args,
                                               const rotate_lane *me, uint32_t a)
{
#pragma unroll
    for (uint32_t q = 0; q < plan::fft::points; q++) {
        uint2 w = rotate_words<plan, is_narrow>(v[q], q, args, me, a);
        v[q].x = rotate_cut(&w.x, args->base_log);
        v[q].y = rotate_cut(&w.y, args->base_log);
    }
}

/* Words wait in the slab of digit 0, which is written last, each lane's own: re, im of point q. */
template <class plan> __device__ __forceinline__ uint64_t *rotate_waiting(const rotate_lane *me)
{
    return reinterpret_cast<uint64_t *>(me->slab) + me->lane;
}

template <class plan, bool is_narrow>
__device__ __forceinline__ void rotate_wait(const double2 *v, const rotate_args *args,
                                            const rotate_lane *me, uint32_t a)
{
    uint64_t *waiting = rotate_waiting<plan>(me);
#pragma unroll
    for (uint32_t q = 0; q < plan::fft::points; q++) {
        const uint2 w = rotate_words<plan, is_narrow>(v[q], q, args, me, a);
        gpu_store_shared(waiting + plan::fft::lanes * q, (uint64_t)w.y << 32 | w.x);
    }
}

/* v = digit j, the last that has not been cut; what remains waits on. */
template <class plan>
__device__ __forceinline__ void rotate_cut_waiting(double2 *v, const rotate_args *args,
                                                   const rotate_lane *me, uint32_t j)
{
    uint64_t *waiting = rotate_waiting<plan>(me);
#pragma unroll
    for (uint32_t q = 0; q < plan::fft::points; q++) {
        const uint64_t both = gpu_load_shared(waiting + plan::fft::lanes * q);
        uint2 w = make_uint2((uint32_t)both, (uint32_t)(both >> 32));
        v[q].x = rotate_cut(&w.x, args->base_log);
        v[q].y = rotate_cut(&w.y, args->base_log);
        if (j > 0) {
            gpu_store_shared(waiting + plan::fft::lanes * q, (uint64_t)w.y << 32 | w.x);
        }
    }
}

/* v -> spectra of its digits, in the slabs. a: exponent of the step, for g = 1. */
template <class plan>
__device__ __forceinline__ void rotate_forward(double2 *v, const rotate_args *args,
                                               const rotate_lane *me, uint32_t a)
{
    const bool is_narrow = plan::grouping > 1 && args->is_narrow;
    if constexpr (plan::level_count == 1) {
        is_narrow ? rotate_cut_one<plan, true>(v, args, me, a)
                  : rotate_cut_one<plan, false>(v, args, me, a);
        fft_forward<typename plan::fft>(v, me->slab, me->tables, me->polynomial, me->lane);
    } else {
        is_narrow ? rotate_wait<plan, true>(v, args, me, a)
                  : rotate_wait<plan, false>(v, args, me, a);
#pragma unroll 1
        for (uint32_t j = plan::level_count; j-- > 0;) {
            rotate_cut_waiting<plan>(v, args, me, j);
            fft_sync<typename plan::fft>(me->polynomial); /* slab 0 may be written */
            fft_forward<typename plan::fft>(v, me->slab + j * plan::fft::slab, me->tables,
                                            me->polynomial, me->lane);
        }
    }
}

/* Exponent of monomial m of a ciphertext, exponent[g]: that of key bit m, or mixed: one of Y for m
 * = 0, else the sum over the set m. */
template <class plan>
__device__ __forceinline__ uint32_t rotate_turn(const uint32_t *exponent, uint32_t m)
{
    if constexpr (!plan::is_mixed) {
        return gpu_load_readonly(exponent + m);
    } else {
        uint32_t sum = m == 0 ? plan::parts : 0;
#pragma unroll
        for (int bit = 0; bit < plan::grouping; bit++) {
            const uint32_t a = gpu_load_readonly(exponent + bit);
            sum += (m >> bit & 1) != 0 ? a : 0;
        }
        return sum & (2 * plan::parts * plan::n - 1);
    }
}

/* Residues that occur, as bits. */
template <class plan> __device__ __forceinline__ uint32_t rotate_present(const uint32_t *exponent)
{
    uint32_t present = 1;
#pragma unroll
    for (uint32_t m = 1; m < plan::monomials; m++) {
        present |= 1u << (rotate_turn<plan>(exponent, m) & (plan::parts - 1));
    }
    return present;
}

/* Exponents of the step's monomials, and Y^(exponent / 2^v) at row 0 for every lane. */
template <class plan>
__device__ __forceinline__ void rotate_bases(unsigned char *shared, const rotate_args *args,
                                             uint32_t first, uint32_t step)
{
    double2 *base = reinterpret_cast<double2 *>(shared + plan::base_at);
    uint32_t *turn = reinterpret_cast<uint32_t *>(shared + plan::turn_at);
    const double2 *tables = reinterpret_cast<const double2 *>(shared + plan::table_at);
    const double2 *low = tables + plan::fft::root_low, *high = tables + plan::fft::root_high;
    for (uint32_t i = threadIdx.x; i < plan::ciphertexts * plan::monomials * 32;
         i += plan::threads) {
        const uint32_t x = i % 32, m = i / 32 % plan::monomials, c = i / 32 / plan::monomials;
        const uint32_t ciphertext = first + c < args->batch ? first + c : args->batch - 1;
        const uint32_t *exponent =
            args->exponent + (size_t)ciphertext * args->lwe_dim + step * plan::grouping;
        const uint32_t a = rotate_turn<plan>(exponent, m);
        const uint32_t angle =
            (a >> plan::extended_log2) * (1 + 4 * fft_reverse(x, 5)) & (2 * plan::n - 1);
        if (x == 0) {
            gpu_store_shared(turn + c * (plan::monomials + 1) + m, a);
        }
        if (plan::is_mixed && x == 1 && m == 0) {
            gpu_store_shared(turn + c * (plan::monomials + 1) + plan::monomials,
                             rotate_present<plan>(exponent));
        }
        gpu_store_shared(base + i, fft_multiply(gpu_load_shared(high + angle / FFT_ROOT_LOW),
                                                gpu_load_shared(low + angle % FFT_ROOT_LOW)));
    }
}

#endif
