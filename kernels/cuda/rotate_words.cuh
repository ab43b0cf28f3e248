/* clang-format off */
/* Who a lane is, and the accumulator of the classic step, g = 1: words of 32 bits in shared memory,
 * from which a rotation gathers. A cluster's parts are read where they lie.
 *
 *   difference   (X^a - 1) acc, a = 2^v q + r: part j comes from part j - r, times Y^q, or Y^(q+1)
 *                where that passes the end (ref/blind_rotate.c)
 *   word         torus value in units of 2^-32; the output of an inverse transform is added to it
 *
 * Layout: uint32 [polynomials][N], rotate_plan.cuh. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_WORDS_CUH
#define TORC_CUDA_ROTATE_WORDS_CUH

#include "kernels/cuda/rotate_plan.cuh"
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
__device__ __forceinline__ rotate_lane rotate_lane_make(unsigned char *shared, uint32_t first,
                                                        uint32_t batch)
{
    rotate_lane me;
    me.polynomial = threadIdx.x / plan::fft::lanes;
    me.lane = threadIdx.x % plan::fft::lanes;
    const bool is_idle = me.polynomial >= plan::polynomials_used;
    me.slot = is_idle ? 0 : me.polynomial / plan::columns; /* an idle one copies slot 0's start */
    me.column = is_idle ? 0 : me.polynomial % plan::columns;
    me.part =
        plan::cluster > 1 ? gpu_cluster_rank() * plan::slots + me.slot : me.slot % plan::parts;
    const uint32_t wanted = first + (plan::cluster > 1 ? 0 : me.slot / plan::parts);
    me.ciphertext = wanted < batch ? wanted : batch - 1;
    me.is_used = !is_idle && wanted < batch;
    me.slab = reinterpret_cast<double2 *>(shared + plan::slab_at) +
              me.polynomial * plan::level_count * plan::fft::slab;
    me.tables = reinterpret_cast<const double2 *>(shared + plan::table_at);
    me.word = reinterpret_cast<uint32_t *>(shared + plan::word_at) + me.polynomial * plan::n;
    return me;
}

/* Digit source of coefficient c of (X^a - 1) acc, in units of 2^-kept; a in the extended ring. */
template <class plan>
__device__ __forceinline__ uint32_t rotate_difference(const rotate_lane *me, uint32_t c, uint32_t a,
                                                      uint32_t kept)
{
    const uint32_t residue = a & (plan::parts - 1);
    const uint32_t from_part = (me->part - residue) & (plan::parts - 1);
    const uint32_t shift = (a >> plan::extended_log2) + (me->part < residue ? 1 : 0);
    const uint32_t from = (c - shift) & (2 * plan::n - 1);
    const uint32_t place = from & (plan::n - 1);
    uint32_t value;
    if constexpr (plan::cluster > 1) {
        const int32_t slots_away = (int32_t)(from_part % plan::slots) - (int32_t)me->slot;
        const uint32_t *there = me->word + slots_away * (plan::columns * plan::n) + place;
        value = gpu_load_remote_u32(gpu_remote_address(there, from_part / plan::slots));
    } else {
        const int32_t slots_away = (int32_t)from_part - (int32_t)me->part;
        value = gpu_load_shared(me->word + slots_away * (plan::columns * plan::n) + place);
    }
    const uint32_t x = (from < plan::n ? value : 0 - value) - gpu_load_shared(me->word + c);
    return rotate_kept_word(x, kept);
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

#endif
