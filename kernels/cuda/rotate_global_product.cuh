/* clang-format off */
/* The product of a step of a rotation through global memory, a thread a frequency.
 *
 *   K_T[i][e]   term T = 1 .. 2^g - 1 of the step's key: input i = c l + j, column e; torus times 1/M
 *   a_T         sum of the exponents a_b, b in T, = 2^v q_T + r_T, r_T the residue; Y = X^(2^v)
 *   B_r[i][e]   [r = 0] ([c = e] B^-(j+1) / M - sum_T K_T[i][e]) + sum_{T: r_T = r} Y^(q_T) K_T[i][e]
 *   out_e of part p    sum_r Y^[p < r] sum_i B_r[i][e] d_i of part (p - r) mod 2^v
 *   g = 1       out_e = sum_i K[i][e] d_i: parts stay apart, the rotation is in the digits
 *
 * Y^(q_T) at the frequency of root t: exp(i pi q_T (1 + 4t) / N), for one bit from the table of roots, for
 * a set as the product of its bits', times Y where the residues carry.
 *
 * Mapping: a warp is a row of 32 frequencies of one item: 1 .. 4 ciphertexts (8 slots at g = 1), at most 8
 * of their parts. For each column, its sums stay in registers while the inputs go by; the words of a pair (i, e)
 * serve the whole item, and by the first-level cache the block: its 4 warps hold 4 items of the same row.
 *
 * FP64 instructions a frequency, ciphertext and tile of parts: at most 8 (2^g - 1 - g) for the Y^(q_T); for
 * each (i, e) 4 (2^g - 1), 2 (2^g - 1) more with parts, and for each residue that occurs, at most
 * min(2^g, 2^v), 4 and 4 for each part of the tile.
 *
 * Sectors of 32 bytes that a warp reads for a row and an item of s slots: 32 for Y, at most 33 g a ciphertext
 * for exponents and roots, (k+1)^2 l (16 (2^g - 1) + 16 s a residue); it writes 16 (k+1) s. No shared memory.
 * At k = l = 1, g = 3, v = 0, an item of 4 ciphertexts: 604 FP64 instructions, 302 clocks of a
 * multiprocessor, and 1,132 sectors, 283 clocks of its first-level cache. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_GLOBAL_PRODUCT_CUH
#define TORC_CUDA_ROTATE_GLOBAL_PRODUCT_CUH

#include "kernels/cuda/rotate_global.cuh"

#define GLOBAL_PRODUCT_WARPS 4

template <int grouping_, int tile_log2_> struct global_product_plan {
    static constexpr int grouping = grouping_, terms = (1 << grouping_) - 1;
    static constexpr int tile_log2 = tile_log2_, tile = 1 << tile_log2_; /* parts of an item */
    static constexpr int ciphertexts = grouping_ == 1 ? 8 : tile_log2_ < 2 ? 4 >> tile_log2_ : 1;
    static constexpr bool has_parts = tile_log2_ > 0;
};

/* Where a warp stands, lane by lane. */
typedef struct global_item {
    const rotate_args *args;
    const rotate_global_work *work;
    uint32_t y, turn; /* its point of every spectrum; 1 + 4t of its root */
    double2 root;     /* Y there */
    uint32_t first_ciphertext, first_part;
} global_item;

/* What one ciphertext's exponents are to a step, at one frequency. */
template <class plan> struct global_terms {
    double2 factor[plan::terms];   /* of T: Y^(q_T), less 1 when there are no parts */
    uint32_t residue[plan::terms]; /* r_T */
    uint64_t residues;             /* those that occur, 0 first, 8 bits each */
    uint32_t residue_count;
};

__device__ __forceinline__ void global_multiply_add(double2 &out, double2 a, double2 b)
{
    out.x = fma(a.x, b.x, fma(-a.y, b.y, out.x));
    out.y = fma(a.x, b.y, fma(a.y, b.x, out.y));
}

/* exp(i pi angle / N), any angle. */
__device__ __forceinline__ double2 global_root(const rotate_global_work *work, uint32_t angle)
{
    return gpu_load_readonly(work->root + (angle & ((2u << work->log2_n) - 1)));
}

/* --- places --- */

/* Past the end of the batch: the last one again. */
__device__ __forceinline__ size_t global_ciphertext(const global_item *at, uint32_t c)
{
    const uint32_t wanted = at->first_ciphertext + c;
    return wanted < at->args->batch ? wanted : at->args->batch - 1;
}

/* This lane's point of digit spectrum i of a part. */
__device__ __forceinline__ const double2 *global_digit(const global_item *at, uint32_t c,
                                                       uint32_t part, uint32_t i)
{
    const rotate_global_work *work = at->work;
    const size_t slot = (global_ciphertext(at, c) << work->extended_log2) + part;
    const size_t polynomial = slot * (work->glwe_dim + 1) * work->level_count + i;
    return work->spectra + (polynomial << (work->log2_n - 1)) + at->y;
}

/* And of column e of the product; of no ciphertext past the end. */
__device__ __forceinline__ double2 *global_result(const global_item *at, uint32_t c, uint32_t part,
                                                  uint32_t e)
{
    const rotate_global_work *work = at->work;
    const size_t ciphertext = at->first_ciphertext + c;
    const size_t slot = (ciphertext << work->extended_log2) + part;
    const size_t polynomial = slot * (work->glwe_dim + 1) + e;
    return work->product + (polynomial << (work->log2_n - 1)) + at->y;
}

/* word[T] = K_T[i][e] of a step. */
template <class plan>
__device__ __forceinline__ void global_words(double2 word[plan::terms], const global_item *at,
                                             uint32_t step, uint32_t i, uint32_t e)
{
    const rotate_global_work *work = at->work;
    const uint32_t columns = work->glwe_dim + 1, inputs = columns * work->level_count;
#pragma unroll
    for (uint32_t t = 0; t < plan::terms; t++) {
        const size_t polynomial = (((size_t)step * plan::terms + t) * inputs + i) * columns + e;
        word[t] = gpu_load_readonly(at->args->key + (polynomial << (work->log2_n - 1)) + at->y);
    }
}

/* --- the terms of a ciphertext --- */

/* Lists the residues that occur, each once. */
template <class plan> __device__ __forceinline__ void global_list_residues(global_terms<plan> *x)
{
    x->residues = 0;
    x->residue_count = 1;
#pragma unroll
    for (int t = 0; t < plan::terms; t++) {
        bool is_new = x->residue[t] != 0;
#pragma unroll
        for (int u = 0; u < t; u++) {
            is_new = is_new && x->residue[u] != x->residue[t];
        }
        if (is_new) {
            x->residues |= (uint64_t)x->residue[t] << (8 * x->residue_count++);
        }
    }
}

template <class plan>
__device__ __forceinline__ void global_terms_make(global_terms<plan> *x, const global_item *at,
                                                  uint32_t c, uint32_t step)
{
    const uint32_t v = at->work->extended_log2, parts = 1u << v;
    const uint32_t *exponent =
        at->args->exponent + global_ciphertext(at, c) * at->args->lwe_dim + step * plan::grouping;
#pragma unroll
    for (int t = 1; t <= plan::terms; t++) {
        const int low = t & -t, rest = t - low;
        if (rest == 0) {
            const uint32_t a = gpu_load_readonly(exponent + low / 2); /* bit 0, 1, 2 */
            x->residue[t - 1] = a & (parts - 1);
            x->factor[t - 1] = global_root(at->work, (a >> v) * at->turn);
        } else {
            const uint32_t sum = x->residue[rest - 1] + x->residue[low - 1];
            x->residue[t - 1] = sum & (parts - 1);
            x->factor[t - 1] = fft_multiply(x->factor[rest - 1], x->factor[low - 1]);
            if (plan::has_parts && sum >= parts) {
                x->factor[t - 1] = fft_multiply(x->factor[t - 1], at->root);
            }
        }
    }
    if constexpr (!plan::has_parts) {
#pragma unroll
        for (int t = 0; t < plan::terms; t++) {
            x->factor[t].x -= 1.0;
        }
    }
    global_list_residues<plan>(x);
}

/* B_r[i][e]; gadget = [c = e] B^-(j+1) / M. */
template <class plan>
__device__ __forceinline__ double2 global_bundle(const global_terms<plan> *x, uint32_t residue,
                                                 const double2 word[plan::terms], double gadget)
{
    double2 m = make_double2(0.0, 0.0);
    if (residue == 0) {
        m.x = gadget;
        if constexpr (plan::has_parts) {
#pragma unroll
            for (int t = 0; t < plan::terms; t++) {
                m.x -= word[t].x;
                m.y -= word[t].y;
            }
        }
    }
#pragma unroll
    for (int t = 0; t < plan::terms; t++) {
        if (!plan::has_parts || x->residue[t] == residue) {
            global_multiply_add(m, x->factor[t], word[t]);
        }
    }
    return m;
}

/* --- sums of a column --- */

/* sum[tile] += B_r times input i of the parts that it moves here. */
template <class plan>
__device__ __forceinline__ void global_spread(double2 sum[plan::tile], double2 m, uint32_t residue,
                                              const global_item *at, uint32_t c, uint32_t i)
{
    const uint32_t part_mask = (1u << at->work->extended_log2) - 1;
    const double2 over = plan::has_parts ? fft_multiply(m, at->root) : m;
#pragma unroll
    for (uint32_t p = 0; p < plan::tile; p++) {
        const uint32_t part = at->first_part + p, from = (part - residue) & part_mask;
        const double2 d = gpu_load_readonly(global_digit(at, c, from, i));
        global_multiply_add(sum[p], d, part < residue ? over : m);
    }
}

/* sum[ciphertexts][tile] += input i, all residues. */
template <class plan>
__device__ __forceinline__ void global_input(double2 sum[plan::ciphertexts][plan::tile],
                                             const global_terms<plan> *x, const global_item *at,
                                             uint32_t step, uint32_t i, uint32_t e)
{
    const uint32_t l = at->work->level_count;
    double2 word[plan::terms];
    double gadget = 0.0;

    global_words<plan>(word, at, step, i, e);
    if constexpr (plan::grouping == 1) {
#pragma unroll
        for (uint32_t c = 0; c < plan::ciphertexts; c++) {
            const double2 d = gpu_load_readonly(global_digit(at, c, 0, i));
            global_multiply_add(sum[c][0], d, word[0]);
        }
    } else {
        if (i / l == e) {
            const uint32_t j = i % l;
            gadget = j == 0 ? at->work->gadget0 : j == 1 ? at->work->gadget1 : at->work->gadget2;
        }
#pragma unroll
        for (uint32_t c = 0; c < plan::ciphertexts; c++) {
#pragma unroll 1
            for (uint32_t r = 0; r < (plan::has_parts ? x[c].residue_count : 1); r++) {
                const uint32_t residue = (uint32_t)(x[c].residues >> (8 * r)) & 0xff;
                const double2 m = global_bundle<plan>(&x[c], residue, word, gadget);
                global_spread<plan>(sum[c], m, residue, at, c, i);
            }
        }
    }
}

template <class plan>
__device__ __forceinline__ void global_column(const global_terms<plan> *x, const global_item *at,
                                              uint32_t step, uint32_t e)
{
    const uint32_t inputs = (at->work->glwe_dim + 1) * at->work->level_count;
    double2 sum[plan::ciphertexts][plan::tile];
#pragma unroll
    for (uint32_t s = 0; s < plan::ciphertexts * plan::tile; s++) {
        sum[s / plan::tile][s % plan::tile] = make_double2(0.0, 0.0);
    }
#pragma unroll 1
    for (uint32_t i = 0; i < inputs; i++) {
        global_input<plan>(sum, x, at, step, i, e);
    }
#pragma unroll
    for (uint32_t s = 0; s < plan::ciphertexts * plan::tile; s++) {
        const uint32_t c = s / plan::tile, p = s % plan::tile;
        if (at->first_ciphertext + c < at->args->batch) {
            gpu_store_global(global_result(at, c, at->first_part + p, e), sum[c][p]);
        }
    }
}

/* --- kernel --- */

/* g = 1 wants slots in place of ciphertexts: args.batch 2^v of them, work.extended_log2 0. */
template <class plan>
__global__ void __launch_bounds__(32 * GLOBAL_PRODUCT_WARPS)
    rotate_global_product(const rotate_args args, const rotate_global_work work, uint32_t step)
{
    const uint32_t rows_log2 = work.log2_n - 6, row = blockIdx.x & ((1u << rows_log2) - 1);
    const uint32_t item = (blockIdx.x >> rows_log2) * GLOBAL_PRODUCT_WARPS + gpu_warp();
    const uint32_t tiles_log2 = work.extended_log2 - plan::tile_log2;
    global_item at = {};
    global_terms<plan> x[plan::ciphertexts];

    at.args = &args;
    at.work = &work;
    at.y = 32 * row + gpu_lane();
    at.turn = 1 + 4 * (fft_reverse(gpu_lane(), 5) + 32 * fft_reverse(row, (int)rows_log2));
    at.first_ciphertext = (item >> tiles_log2) * plan::ciphertexts;
    at.first_part = (item & ((1u << tiles_log2) - 1)) * plan::tile;
    if (at.first_ciphertext < args.batch) {
        at.root = global_root(&work, at.turn);
        if constexpr (plan::grouping > 1) {
#pragma unroll
            for (uint32_t c = 0; c < plan::ciphertexts; c++) {
                global_terms_make<plan>(&x[c], &at, c, step);
            }
        }
#pragma unroll 1
        for (uint32_t e = 0; e <= work.glwe_dim; e++) {
            global_column<plan>(x, &at, step, e);
        }
    }
}

#endif
