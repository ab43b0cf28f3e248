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
 * complete. Extended accumulators that one block cannot hold lie on a cluster, whose barriers then take
 * their place (rotate_plan.cuh). Reference: ref/blind_rotate.c, ref/blind_rotate_grouped.c.
 *
 * Two designs were counted (nvcc 13.0, sm_90; N = 2048, k = l = 1, 4 ciphertexts a block, a step, clocks
 * of a multiprocessor: FP64 instructions at 64 lanes a clock, 16-byte accesses at 4 wavefronts a warp):
 *
 *                                         P = 32, 8 warps        P = 16, 16 warps
 *   passes, exchanges of a transform      2, 1                   3, 2
 *   registers, spilled in the loop        194 (g = 2), 0         128, 17 words (g = 2), 80 (g = 3)
 *   FP64, transforms and digits           8,448                  8,664
 *   shared memory, transforms             7,648                  13,056
 *   product (FP64), g = 2 / g = 3         5,056 / 10,432         the same
 *
 * P = 32 is bound by arithmetic, P = 16 by shared memory in every transform, and with 128 registers
 * the 28 key words of g = 3 do not fit beside a bundle. What speaks for P = 16 is twice the warps to
 * hide latency with; P = 32 has 16 independent butterflies a lane instead. rotate_plan's last argument
 * chooses, so that a device can decide. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_CUH
#define TORC_CUDA_ROTATE_CUH

#include "kernels/cuda/rotate_mixed.cuh"
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

/* --- digits and their spectra --- */

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

/* --- the step's monomials --- */

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

/* All threads that share a ciphertext. */
template <class plan> __device__ __forceinline__ void rotate_sync(void)
{
    if constexpr (plan::cluster > 1) {
        gpu_sync_cluster();
    } else {
        gpu_sync_block();
    }
}

template <class plan>
__device__ __forceinline__ void rotate_step(double2 *v, const rotate_args *args,
                                            const rotate_lane *me, unsigned char *shared,
                                            uint32_t first, uint32_t step)
{
    const double2 *key = args->key + (size_t)step * plan::key_step;
    const double unit = 1.0 / (double)(1u << args->base_log);
    const rotate_spectra at = {reinterpret_cast<double2 *>(shared + plan::slab_at),
                               reinterpret_cast<const double2 *>(shared + plan::base_at),
                               me->tables + plan::fft::root_high,
                               reinterpret_cast<const uint32_t *>(shared + plan::turn_at),
                               reinterpret_cast<double2 *>(shared + plan::ring_at) +
                                   gpu_warp() * plan::ring + gpu_lane(),
                               {unit / plan::fft::size, unit * unit / plan::fft::size,
                                unit * unit * unit / plan::fft::size}};
    uint32_t a = 0;
    if (step + 1 < args->lwe_dim / plan::grouping) {
        rotate_prefetch<plan>(key + plan::key_step);
    }
    if constexpr (plan::grouping > 1) {
        rotate_bases<plan>(shared, args, first, step);
    } else {
        a = gpu_load_readonly(args->exponent + (size_t)me->ciphertext * args->lwe_dim + step);
    }
    rotate_forward<plan>(v, args, me, a);
    if constexpr (plan::is_mixed) {
        rotate_sync<plan>(); /* spectra are complete */
        gpu_mark(1);
        mixed_product<plan>(key, &at, reinterpret_cast<double2 *>(shared + plan::stage_at));
    } else {
        double2 words[rotate_cut_of<plan>::words];
        rotate_product_begin<plan>(words, key, &at);
        gpu_sync_block(); /* spectra are complete */
        gpu_mark(1);
        rotate_product<plan>(words, key, &at);
    }
    rotate_sync<plan>(); /* products are complete */
    gpu_mark(2);
    fft_inverse<typename plan::fft>(v, me->slab, me->tables, me->polynomial, me->lane);
#pragma unroll
    for (uint32_t q = 0; q < plan::fft::points; q++) {
        v[q] = fft_last_twist<typename plan::fft>(v[q], (int)q);
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
    for (uint32_t i = threadIdx.x; i < plan::fft::table_count; i += plan::threads) {
        gpu_store_shared(tables + i, gpu_load_readonly(args.tables + i));
    }
    if (blockIdx.x % 2 == 1 && args.delay_cycles != 0) {
        for (const uint64_t start = gpu_cycles(); gpu_cycles() - start < args.delay_cycles;) {
        }
    }
    gpu_sync_block(); /* tables are there */
#pragma unroll 1
    for (uint32_t first = blockIdx.x / plan::cluster * plan::ciphertexts; first < args.batch;
         first += gridDim.x / plan::cluster * plan::ciphertexts) {
        const rotate_lane me = rotate_lane_make<plan>(shared, first, args.batch);
        double2 v[plan::fft::points];
        const rotate_polynomial at = {me.ciphertext,  me.part, me.column,
                                      plan::glwe_dim, plan::n, plan::extended_log2};
        rotate_begin_slab<typename plan::fft>(v, me.slab, &args, &at, me.lane);
        fft_sync<typename plan::fft>(me.polynomial); /* the slab may be written */
        if constexpr (plan::grouping == 1) {
            rotate_words_store<plan>(&me, v);
            rotate_sync<plan>(); /* parts read each other's words */
        }
#pragma unroll 1
        for (uint32_t step = 0; step < args.lwe_dim / plan::grouping; step++) {
            rotate_step<plan>(v, &args, &me, shared, first, step);
            if constexpr (plan::grouping == 1 && plan::parts > 1) {
                rotate_sync<plan>(); /* words of all parts are complete */
                gpu_mark(3);
            } else if constexpr (plan::grouping == 1) {
                fft_sync<typename plan::fft>(me.polynomial);
            }
        }
        if constexpr (plan::grouping == 1) {
            rotate_words_load<plan>(v, &me);
        }
        if (me.is_used) {
            rotate_end_slab<typename plan::fft>(v, me.slab, &args, &at, me.lane);
        }
        rotate_sync<plan>(); /* shared memory may be written again, or go */
    }
}

#endif
