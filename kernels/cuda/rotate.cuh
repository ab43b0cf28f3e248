/* clang-format off */
/* The throughput form of the blind rotation: many ciphertexts a block walk through the key together.
 *
 *   start  rotated table (rotate_start.cuh)
 *   step   g = 1    acc <- acc + K ext-product ((X^a - 1) acc)
 *          g = 2..  acc <- (G + sum_T (X^(a_T) - 1) K_T) ext-product acc
 *          digits and forward transforms (rotate_spectra.cuh, fft.cuh), product (rotate_product.cuh),
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
 * hide latency with; P = 32 has 16 independent butterflies a lane instead. log2_points of rotate_plan
 * chooses, so that a device can decide.
 *
 * Bounds of an H200: sum over the phases of a step of max(FP64, shared memory, key reads at 24 bytes a
 * clock), in clocks a ciphertext and key bit; N = 2048, k = 1 but for the first two. All configurations
 * are rows of resources.txt, which tests/resources.sh recomputes from machine code and counted accesses:
 *
 *   k 3 N 512 g 2: 1,858   k 2 N 1024 g 2: 1,770   g 2: 2,178   g 3: 2,364   l 2, g 2: 4,416
 *   v = 1, g 2: 3,893      v = 2, g 2: 7,717       v = 2, g 3: 7,855         v = 3, g 3: 14,149
 *   v = 4, g 3: 27,708 */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_CUH
#define TORC_CUDA_ROTATE_CUH

#include "kernels/cuda/rotate_mixed.cuh"
#include "kernels/cuda/rotate_spectra.cuh"

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
        double2 words[mixed_cut_of<plan>::words];
        mixed_begin<plan>(words, key);
        rotate_sync<plan>(); /* spectra are complete */
        gpu_mark(1);
        mixed_product<plan>(words, key, &at, reinterpret_cast<double2 *>(shared + plan::stage_at));
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
