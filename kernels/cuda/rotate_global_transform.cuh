/* clang-format off */
/* Between two products of a rotation through global memory: polynomials, each by L lanes (fft.cuh).
 *
 *   g > 1   product -> inverse -> digits (rotate_digits.cuh) -> forward -> spectra    one kernel
 *   g = 1   product -> inverse -> word += .                                           one,
 *           (X^a - 1) word -> digits -> forward -> spectra                            and another
 *   the first takes the rotated table in place of a product, the last writes results (rotate_start.cuh)
 *
 * Mapping: polynomial (ciphertext, part, column) of the batch; 128 lanes a block, 64 at N = 4096, where
 * the slab of one polynomial and the tables take 90 KiB. A polynomial past the end repeats the last one
 * and writes nothing. Lane j's accesses to global memory are those of its neighbour, one further:
 * register q holds point 32 row + x, x running with the lanes.
 *
 * FP64 instructions a lane of P = 32 points: inverse 3 m P + 4 P (fft.cuh), 8 P for the words, l times 2 P for
 * a digit and 3 m P for its transform: 1,024 + 256 + 1,024 l at N = 2048.
 * Shared memory, a block of 4 polynomials at N = 2048, g > 1: 188 wavefronts for the tables, 380 a polynomial
 * for the inverse, 320 for a transform. Sectors of global memory: 752 a block for the tables, 512 a polynomial
 * for the product, 512 written for a spectrum. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_GLOBAL_TRANSFORM_CUH
#define TORC_CUDA_ROTATE_GLOBAL_TRANSFORM_CUH

#include "kernels/cuda/rotate_global.cuh"

template <int log2_n> struct global_plan {
    typedef fft_plan<log2_n, 5> fft;
    static constexpr int n = 1 << log2_n;
    static constexpr int tables = fft::root_low; /* those before the roots */
    static constexpr int polynomials = log2_n == 12 ? 1 : 128 / fft::lanes;
    static constexpr int threads = polynomials * fft::lanes;
    static constexpr size_t table_at = sizeof(double2) * polynomials * fft::slab; /* behind slabs */
    static constexpr size_t shared_bytes = table_at + sizeof(double2) * tables;
};

/* Which step of the rotation a kernel stands before. */
typedef enum global_place { GLOBAL_FIRST = 1, GLOBAL_LAST = 2 } global_place;

typedef struct global_lane {
    uint32_t polynomial, lane; /* of the block; of the polynomial */
    uint32_t index;            /* of the polynomial in the batch */
    rotate_polynomial at;
    bool is_used;
    double2 *slab;
    const double2 *tables;
} global_lane;

template <class plan>
__device__ __forceinline__ global_lane global_lane_make(unsigned char *shared,
                                                        const rotate_args *args,
                                                        const rotate_global_work *work)
{
    const uint32_t columns = work->glwe_dim + 1, parts = 1u << work->extended_log2;
    const uint32_t count = args->batch * parts * columns;
    global_lane me;
    me.polynomial = threadIdx.x / plan::fft::lanes;
    me.lane = threadIdx.x % plan::fft::lanes;
    const uint32_t wanted = blockIdx.x * plan::polynomials + me.polynomial;
    const uint32_t index = wanted < count ? wanted : count - 1, slot = index / columns;
    me.is_used = wanted < count;
    me.index = index;
    me.at = {
        slot >> work->extended_log2, slot & (parts - 1), index % columns, work->glwe_dim, plan::n,
        work->extended_log2};
    me.slab = reinterpret_cast<double2 *>(shared) + me.polynomial * plan::fft::slab;
    me.tables = reinterpret_cast<const double2 *>(shared + plan::table_at);
    return me;
}

template <class plan>
__device__ __forceinline__ void global_tables_copy(unsigned char *shared, const double2 *tables)
{
    double2 *to = reinterpret_cast<double2 *>(shared + plan::table_at);
    for (uint32_t i = threadIdx.x; i < plan::tables; i += plan::threads) {
        gpu_store_shared(to + i, gpu_load_readonly(tables + i));
    }
}

/* v = the rotated table. */
template <class plan>
__device__ __forceinline__ void global_begin(double2 *v, const rotate_args *args,
                                             const global_lane *me)
{
    rotate_begin_slab<typename plan::fft>(v, me->slab, args, &me->at, me->lane);
    fft_sync<typename plan::fft>(me->polynomial); /* before the slab is written again */
}

/* v = coefficients of the polynomial's product. */
template <class plan>
__device__ __forceinline__ void global_inverse(double2 *v, const rotate_global_work *work,
                                               const global_lane *me)
{
    typedef typename plan::fft fft;
    const double2 *from = work->product + (size_t)me->index * fft::size +
                          fft_point<fft>(fft_place<fft, fft::last>(0, me->lane));
#pragma unroll
    for (uint32_t q = 0; q < fft::points; q++) {
        v[q] = gpu_load_readonly(from + fft_point<fft>(fft_place<fft, fft::last>(q, 0)));
    }
    fft_inverse_registers<fft>(v, me->slab, me->tables, me->polynomial, me->lane);
#pragma unroll
    for (uint32_t q = 0; q < fft::points; q++) {
        v[q] = fft_last_twist<fft>(v[q], (int)q);
    }
}

/* Spectra of all digits, the last one first, of words in units of B^-l. */
template <class plan>
__device__ __forceinline__ void global_forward(uint32_t *re, uint32_t *im, const rotate_args *args,
                                               const rotate_global_work *work,
                                               const global_lane *me)
{
    typedef typename plan::fft fft;
    const uint32_t first = fft_point<fft>(fft_place<fft, fft::last>(0, me->lane));
#pragma unroll 1
    for (uint32_t j = work->level_count; j-- > 0;) {
        double2 v[fft::points];
#pragma unroll
        for (uint32_t q = 0; q < fft::points; q++) {
            v[q].x = rotate_cut(&re[q], args->base_log);
            v[q].y = rotate_cut(&im[q], args->base_log);
        }
        fft_forward_registers<fft>(v, me->slab, me->tables, me->polynomial, me->lane);
        if (me->is_used) {
            double2 *to =
                work->spectra + first + ((size_t)me->index * work->level_count + j) * fft::size;
#pragma unroll
            for (uint32_t q = 0; q < fft::points; q++) {
                gpu_store_global(to + fft_point<fft>(fft_place<fft, fft::last>(q, 0)), v[q]);
            }
        }
    }
}

/* --- g > 1 --- */

/* place: GLOBAL_FIRST before step 0, GLOBAL_LAST behind the last one. */
template <class plan>
__global__ void __launch_bounds__(plan::threads)
    rotate_global_transform(const rotate_args args, const rotate_global_work work, uint32_t place)
{
    GPU_DYNAMIC_SHARED(unsigned char, shared);
    const global_lane me = global_lane_make<plan>(shared, &args, &work);
    double2 v[plan::fft::points];

    global_tables_copy<plan>(shared, args.tables);
    gpu_sync_block(); /* tables are there */
    if (place & GLOBAL_FIRST) {
        global_begin<plan>(v, &args, &me);
    } else {
        global_inverse<plan>(v, &work, &me);
    }
    if (place & GLOBAL_LAST) {
        if (me.is_used) {
            rotate_end_slab<typename plan::fft>(v, me.slab, &args, &me.at, me.lane);
        }
    } else {
        const uint32_t kept = args.base_log * work.level_count;
        const double scale = (double)(1ull << kept);
        uint32_t re[plan::fft::points], im[plan::fft::points];
#pragma unroll
        for (uint32_t q = 0; q < plan::fft::points; q++) {
            re[q] = rotate_kept(v[q].x, scale);
            im[q] = rotate_kept(v[q].y, scale);
        }
        global_forward<plan>(re, im, &args, &work, &me);
    }
}

/* --- g = 1 --- */

/* word = the start, or += the product; GLOBAL_LAST: results instead of words. */
template <class plan>
__global__ void __launch_bounds__(plan::threads)
    rotate_global_add(const rotate_args args, const rotate_global_work work, uint32_t place)
{
    typedef typename plan::fft fft;
    GPU_DYNAMIC_SHARED(unsigned char, shared);
    const global_lane me = global_lane_make<plan>(shared, &args, &work);
    uint32_t *word = work.word + (size_t)me.index * plan::n + me.lane;
    double2 v[fft::points];

    global_tables_copy<plan>(shared, args.tables);
    gpu_sync_block(); /* tables are there */
    if (place & GLOBAL_FIRST) {
        global_begin<plan>(v, &args, &me);
    } else {
        global_inverse<plan>(v, &work, &me);
    }
#pragma unroll
    for (uint32_t q = 0; q < fft::points; q++) {
        uint32_t *to = word + fft::lanes * q;
        uint32_t re = rotate_kept(v[q].x, 4294967296.0), im = rotate_kept(v[q].y, 4294967296.0);
        if (!(place & GLOBAL_FIRST) && me.is_used) { /* else another thread writes them */
            re += gpu_load_global(to);
            im += gpu_load_global(to + fft::size);
        }
        if (place & GLOBAL_LAST) {
            v[q].x = rotate_double((int32_t)re) * (1.0 / 4294967296.0);
            v[q].y = rotate_double((int32_t)im) * (1.0 / 4294967296.0);
        } else if (me.is_used) {
            gpu_store_global(to, re);
            gpu_store_global(to + fft::size, im);
        }
    }
    if ((place & GLOBAL_LAST) && me.is_used) {
        rotate_end_slab<fft>(v, me.slab, &args, &me.at, me.lane);
    }
}

/* How a rotation by X^a reads one polynomial. */
typedef struct global_gather {
    const uint32_t *from, *here; /* [N]: the part that comes here, and this one */
    uint32_t shift;              /* modulo 2N */
} global_gather;

__device__ __forceinline__ global_gather global_gather_make(const rotate_global_work *work,
                                                            const global_lane *me, uint32_t a)
{
    const uint32_t parts = 1u << work->extended_log2, residue = a & (parts - 1);
    const uint32_t from_part = (me->at.part - residue) & (parts - 1);
    const size_t slot = ((size_t)me->at.ciphertext << work->extended_log2) + from_part;
    global_gather g;
    g.from = work->word + (slot * (work->glwe_dim + 1) + me->at.column) * me->at.poly_size;
    g.here = work->word + (size_t)me->index * me->at.poly_size;
    g.shift = (a >> work->extended_log2) + (me->at.part < residue ? 1 : 0);
    return g;
}

/* Coefficient c of (X^a - 1) acc in units of 2^-kept. */
__device__ __forceinline__ uint32_t global_difference(const global_gather *g, uint32_t c,
                                                      uint32_t poly_size, uint32_t kept)
{
    const uint32_t from = (c - g->shift) & (2 * poly_size - 1);
    const uint32_t value = gpu_load_readonly(g->from + (from & (poly_size - 1)));
    const uint32_t x = (from < poly_size ? value : 0 - value) - gpu_load_readonly(g->here + c);
    return rotate_kept_word(x, kept);
}

template <class plan>
__global__ void __launch_bounds__(plan::threads)
    rotate_global_gather(const rotate_args args, const rotate_global_work work, uint32_t step)
{
    GPU_DYNAMIC_SHARED(unsigned char, shared);
    const global_lane me = global_lane_make<plan>(shared, &args, &work);
    const uint32_t kept = args.base_log * work.level_count;
    const uint32_t a =
        gpu_load_readonly(args.exponent + (size_t)me.at.ciphertext * args.lwe_dim + step);
    const global_gather gather = global_gather_make(&work, &me, a);
    uint32_t re[plan::fft::points], im[plan::fft::points];

    global_tables_copy<plan>(shared, args.tables);
    gpu_sync_block(); /* tables are there */
#pragma unroll
    for (uint32_t q = 0; q < plan::fft::points; q++) {
        const uint32_t c = plan::fft::lanes * q + me.lane;
        re[q] = global_difference(&gather, c, plan::n, kept);
        im[q] = global_difference(&gather, c + plan::fft::size, plan::n, kept);
    }
    global_forward<plan>(re, im, &args, &work, &me);
}

#endif
