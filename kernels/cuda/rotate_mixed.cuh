/* clang-format off */
/* The product of a grouped step on an extended accumulator: parts are mixed.
 *
 *   a_T = 2^v q_T + r_T,  Y = X^(2^v), the variable of a part
 *   B_r = sum over T with r_T = r of Y^(q_T) K_T,  B_0 also G - sum of all K_T
 *   out_j = sum_r Y^[j < r] B_r d_((j - r) mod 2^v),  over the residues r that occur
 * (ref/blind_rotate_grouped.c). At v = 0 this is rotate_product.cuh.
 *
 * Mapping: an item is 32 frequencies (16, 8 at v = 4, 5); lane = frequency and, where several lanes
 * share one, which parts: lane s of S sums the parts s, s + S, ..., up to 8 of them in registers. The
 * key words of an item are loaded once into registers, those of the next one as soon as they have been
 * used, and serve every residue and every ciphertext of the block; where they do not fit beside the
 * sums, column after column, or (16 parts and more) from the second-level cache each time. Residues are the same for all lanes: the loop over them has no divergence,
 * and a residue that no set has costs nothing (g = 2, v = 2: 2.7 of 4 occur). Digit spectra are read
 * again for every residue, from the slabs of the block, or in a cluster from a copy in local memory
 * that the warp makes first; results go to the slab of the part's block. All lanes of a warp have read
 * before the first writes.
 *
 * FP64 instructions a frequency: 8 (2^g - 1) for monomials, (k+1)^2 l times: 4 a set, 2 more for sets
 * of another residue than 0, 4 a residue but 0 for Y B_r, 4 a residue and part. resources.txt counts
 * more where words are kept: its tool takes every branch of the unrolled sets. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_MIXED_CUH
#define TORC_CUDA_ROTATE_MIXED_CUH

#include "kernels/cuda/rotate_product.cuh"

#define MIXED_REGISTERS 52 /* complex numbers of an item in registers at once */

/* Where a lane works: its frequency and its parts share, share + S, .. */
typedef struct mixed_lane {
    uint32_t point; /* y of the spectra, fft.cuh */
    uint32_t row, x;
    uint32_t share;
    const double2 *digits; /* [part][input] at `pitch`, at this lane's frequency */
    uint32_t pitch;
} mixed_lane;

/* Monomial number m of the ciphertext, m = 0: Y, else Y^(q_m), at the lane's frequency. */
template <class plan>
__device__ __forceinline__ double2 mixed_monomial(const rotate_spectra *at, uint32_t ciphertext,
                                                  uint32_t m, const mixed_lane *me)
{
    constexpr uint32_t order = plan::fft::size / 32;
    const uint32_t row_turn = fft_reverse(me->row, plan::fft::m - 5);
    const uint32_t turn = gpu_load_shared(at->turn + ciphertext * (plan::monomials + 1) + m);
    const uint32_t angle = (turn >> plan::extended_log2) * row_turn & (order - 1);
    return fft_multiply(gpu_load_shared(at->base + (ciphertext * plan::monomials + m) * 32 + me->x),
                        gpu_load_shared(at->root_high + 2 * angle));
}

/* How many columns go at once: all where their key words fit the registers beside the sums. Of 16
 * parts and more, whose digits cost more than the key, no words are kept instead: they are read
 * again for each residue. */
template <class plan> struct mixed_cut_of {
    static constexpr int sums = plan::parts / plan::sharing * plan::columns;
    static constexpr int pairs = plan::inputs * plan::columns; /* of a bundle, and turned by Y */
    static constexpr bool whole = (plan::terms + 2) * pairs + sums <= MIXED_REGISTERS;
    static constexpr bool keeps = plan::parts < 16;
    static constexpr int columns = whole || !keeps ? plan::columns : 1;
    static constexpr int words = keeps ? plan::terms * plan::inputs * columns : 1;
};

/* words[t][i][e] at the lane's frequency, the columns from `column` on. */
template <class plan>
__device__ __forceinline__ void mixed_load(double2 *words, const double2 *key, uint32_t point,
                                           int column)
{
    typedef mixed_cut_of<plan> cut;
#pragma unroll
    for (int w = 0; w < (cut::keeps ? cut::words : 0); w++) {
        const int ti = w / cut::columns, e = column + w % cut::columns;
        const size_t polynomial = (size_t)ti * plan::columns + e;
        words[w] = gpu_load_readonly(key + polynomial * plan::fft::size + point);
    }
}

/* bundle[i][e] = G where residue = 0. */
template <class plan>
__device__ __forceinline__ void
mixed_gadget(double2 bundle[plan::inputs][mixed_cut_of<plan>::columns], const rotate_spectra *at,
             uint32_t residue, int column)
{
#pragma unroll
    for (int i = 0; i < plan::inputs; i++) {
#pragma unroll
        for (int e = 0; e < mixed_cut_of<plan>::columns; e++) {
            bundle[i][e] = make_double2(0.0, 0.0);
            if (residue == 0 && i / plan::level_count == column + e) {
                bundle[i][e].x = at->unit[i % plan::level_count];
            }
        }
    }
}

/* The residue of set t's exponent. */
template <class plan>
__device__ __forceinline__ uint32_t mixed_residue(const rotate_spectra *at, uint32_t ciphertext,
                                                  uint32_t t)
{
    return gpu_load_shared(at->turn + ciphertext * (plan::monomials + 1) + t) & (plan::parts - 1);
}

/* bundle[i][e] = B_residue, columns as in words. */
template <class plan>
__device__ __forceinline__ void
mixed_bundle(double2 bundle[plan::inputs][mixed_cut_of<plan>::columns], const double2 *words,
             const rotate_spectra *at, uint32_t ciphertext, uint32_t residue, const mixed_lane *me)
{
    typedef mixed_cut_of<plan> cut;
#pragma unroll
    for (int t = 1; t <= plan::terms; t++) {
        const double2 *word = words + (t - 1) * plan::inputs * cut::columns;
        if (mixed_residue<plan>(at, ciphertext, t) == residue) {
            double2 factor = mixed_monomial<plan>(at, ciphertext, t, me);
            factor.x -= residue == 0 ? 1.0 : 0.0;
#pragma unroll
            for (int w = 0; w < plan::inputs * cut::columns; w++) {
                rotate_multiply_add(bundle[w / cut::columns][w % cut::columns], factor, word[w]);
            }
        } else if (residue == 0) {
#pragma unroll
            for (int w = 0; w < plan::inputs * cut::columns; w++) {
                bundle[w / cut::columns][w % cut::columns].x -= word[w].x;
                bundle[w / cut::columns][w % cut::columns].y -= word[w].y;
            }
        }
    }
}

/* The same with the words that it needs read from the key. */
template <class plan>
__device__ __forceinline__ void
mixed_bundle_read(double2 bundle[plan::inputs][mixed_cut_of<plan>::columns], const double2 *key,
                  const rotate_spectra *at, uint32_t ciphertext, uint32_t residue,
                  const mixed_lane *me)
{
#pragma unroll 1
    for (uint32_t t = 1; t <= plan::terms; t++) {
        const bool is_here = mixed_residue<plan>(at, ciphertext, t) == residue;
        if (is_here || residue == 0) {
            double2 factor = make_double2(0.0, 0.0);
            if (is_here) {
                factor = mixed_monomial<plan>(at, ciphertext, t, me);
            }
            factor.x -= residue == 0 ? 1.0 : 0.0;
#pragma unroll
            for (int w = 0; w < plan::inputs * plan::columns; w++) {
                const size_t polynomial = (size_t)(t - 1) * plan::inputs * plan::columns + w;
                rotate_multiply_add(
                    bundle[w / plan::columns][w % plan::columns], factor,
                    gpu_load_readonly(key + polynomial * plan::fft::size + me->point));
            }
        }
    }
}

/* out[..][column + e] += bundle times the digits of part (j - residue), j = share + S jj; twisted
 * by Y where the part passes the end. */
template <class plan>
__device__ __forceinline__ void
mixed_accumulate(double2 out[plan::parts / plan::sharing][plan::columns],
                 const double2 bundle[plan::inputs][mixed_cut_of<plan>::columns], double2 y,
                 uint32_t residue, int column, const mixed_lane *me)
{
    typedef mixed_cut_of<plan> cut;
    double2 turned[plan::inputs][cut::columns];
    if (residue != 0) {
#pragma unroll
        for (int i = 0; i < plan::inputs; i++) {
#pragma unroll
            for (int e = 0; e < cut::columns; e++) {
                turned[i][e] = fft_multiply(bundle[i][e], y);
            }
        }
    }
#pragma unroll
    for (int jj = 0; jj < plan::parts / plan::sharing; jj++) {
        const uint32_t j = me->share + plan::sharing * jj;
        const double2 *d =
            me->digits + ((j - residue) & (plan::parts - 1)) * plan::inputs * me->pitch;
        if (j < residue) {
#pragma unroll
            for (int i = 0; i < plan::inputs; i++) {
                const double2 digit = gpu_load_shared(d + i * me->pitch);
#pragma unroll
                for (int e = 0; e < cut::columns; e++) {
                    rotate_multiply_add(out[jj][column + e], digit, turned[i][e]);
                }
            }
        } else {
#pragma unroll
            for (int i = 0; i < plan::inputs; i++) {
                const double2 digit = gpu_load_shared(d + i * me->pitch);
#pragma unroll
                for (int e = 0; e < cut::columns; e++) {
                    rotate_multiply_add(out[jj][column + e], digit, bundle[i][e]);
                }
            }
        }
    }
}

/* A cluster: copies the spectra of the warp's frequencies, of all parts, into `stage`
 * [part][input][frequencies]. */
template <class plan>
__device__ __forceinline__ void mixed_stage(double2 *stage, const double2 *slabs, mixed_lane *me)
{
#pragma unroll
    for (int jj = 0; jj < plan::parts / plan::sharing; jj++) {
        const uint32_t j = me->share + plan::sharing * jj;
        const double2 *there =
            slabs + (j % plan::slots) * plan::inputs * plan::fft::slab + me->point;
#pragma unroll
        for (int i = 0; i < plan::inputs; i++) {
            const uint32_t remote =
                gpu_remote_address(there + i * plan::fft::slab, j / plan::slots);
            gpu_store_shared(stage + (j * plan::inputs + i) * plan::frequencies +
                                 gpu_lane() % plan::frequencies,
                             gpu_load_remote(remote));
        }
    }
    gpu_sync_warp(); /* lanes of a frequency read each other's */
    me->digits = stage + gpu_lane() % plan::frequencies;
    me->pitch = plan::frequencies;
}

/* out -> column slabs of the parts, wherever they are. */
template <class plan>
__device__ __forceinline__ void
mixed_store(const double2 out[plan::parts / plan::sharing][plan::columns], double2 *slabs,
            const mixed_lane *me)
{
#pragma unroll
    for (int jj = 0; jj < plan::parts / plan::sharing; jj++) {
        const uint32_t j = me->share + plan::sharing * jj;
        const uint32_t slot = plan::cluster > 1 ? j % plan::slots : j;
#pragma unroll
        for (int e = 0; e < plan::columns; e++) {
            double2 *to = slabs + (slot * plan::columns + e) * plan::level_count * plan::fft::slab +
                          me->point;
            if constexpr (plan::cluster > 1) {
                gpu_store_remote(gpu_remote_address(to, j / plan::slots), out[jj][e]);
            } else {
                gpu_store_shared(to, out[jj][e]);
            }
        }
    }
}

/* out += what the columns of `words` give. */
template <class plan>
__device__ __forceinline__ void
mixed_residues(double2 out[plan::parts / plan::sharing][plan::columns], const double2 *words,
               const double2 *key, const rotate_spectra *at, uint32_t ciphertext, int column,
               const mixed_lane *me)
{
    const double2 y = mixed_monomial<plan>(at, ciphertext, 0, me);
    uint32_t present =
        gpu_load_shared(at->turn + ciphertext * (plan::monomials + 1) + plan::monomials);
#pragma unroll 1
    for (uint32_t residue = 0; present != 0; residue++, present >>= 1) {
        if ((present & 1) != 0) {
            double2 bundle[plan::inputs][mixed_cut_of<plan>::columns];
            mixed_gadget<plan>(bundle, at, residue, column);
            if constexpr (mixed_cut_of<plan>::keeps) {
                mixed_bundle<plan>(bundle, words, at, ciphertext, residue, me);
            } else {
                mixed_bundle_read<plan>(bundle, key, at, ciphertext, residue, me);
            }
            mixed_accumulate<plan>(out, bundle, y, residue, column, me);
        }
    }
}

/* One ciphertext at the item's frequencies. words: those of the first columns; whatever else is
 * needed is loaded in their place. */
template <class plan>
__device__ __forceinline__ void mixed_item(double2 *words, const double2 *key,
                                           const rotate_spectra *at, double2 *stage,
                                           uint32_t ciphertext, mixed_lane me)
{
    typedef mixed_cut_of<plan> cut;
    double2 *slabs = at->slabs + ciphertext * plan::parts * plan::inputs * plan::fft::slab;
    double2 out[plan::parts / plan::sharing][plan::columns];
    me.digits = slabs + me.point;
    me.pitch = plan::fft::slab;
#pragma unroll
    for (int jj = 0; jj < plan::parts / plan::sharing; jj++) {
#pragma unroll
        for (int e = 0; e < plan::columns; e++) {
            out[jj][e] = make_double2(0.0, 0.0);
        }
    }
    if constexpr (plan::cluster > 1) {
        mixed_stage<plan>(stage + gpu_warp() * plan::staged, slabs, &me);
    }
#pragma unroll
    for (int column = 0; column < plan::columns; column += cut::columns) {
        if (column > 0) {
            mixed_load<plan>(words, key, me.point, column);
        }
        mixed_residues<plan>(out, words, key, at, ciphertext, column, &me);
    }
    gpu_sync_warp(); /* all have read */
    mixed_store<plan>(out, slabs, &me);
}

/* The lane's frequency of an item, in the order of this block's. */
template <class plan> __device__ __forceinline__ uint32_t mixed_point(uint32_t item)
{
    const uint32_t chunk = item * plan::cluster + (plan::cluster > 1 ? gpu_cluster_rank() : 0);
    return chunk * plan::frequencies + gpu_lane() % plan::frequencies;
}

/* The words of a warp's first item, to be asked for before the barrier. */
template <class plan>
__device__ __forceinline__ void mixed_begin(double2 *words, const double2 *key)
{
    mixed_load<plan>(words, key, mixed_point<plan>(gpu_warp()), 0);
}

/* All items of this warp; words as mixed_begin left them. */
template <class plan>
__device__ __forceinline__ void mixed_product(double2 *words, const double2 *key,
                                              const rotate_spectra *at, double2 *stage)
{
    constexpr uint32_t items = plan::fft::size / plan::frequencies / plan::cluster;
    static_assert(items % plan::warps == 0, "every warp has as many items");
    static_assert(mixed_cut_of<plan>::whole || plan::ciphertexts == 1, "words serve all of them");
#pragma unroll 1
    for (uint32_t item = gpu_warp(); item < items; item += plan::warps) {
        mixed_lane me;
        me.point = mixed_point<plan>(item);
        me.row = me.point / 32;
        me.x = me.point % 32;
        me.share = gpu_lane() / plan::frequencies;
#pragma unroll 1
        for (uint32_t c = 0; c < plan::ciphertexts; c++) {
            mixed_item<plan>(words, key, at, stage, c, me);
        }
        if (item + plan::warps < items) {
            mixed_load<plan>(words, key, mixed_point<plan>(item + plan::warps), 0);
        }
    }
}

#endif
