/* clang-format off */
/* The product of a step: bundles of key terms times digit spectra, frequency by frequency.
 *
 *   K_T[i][e]  term T = 1 .. 2^g - 1 of the step's key: input i = c l + j, column e; torus times 1/M
 *   f_T        X^(a_T) - 1 at the frequency, X^(a_T) the product of the X^(a_b), b in T
 *   bundle     m[i][e] = [c = e] B^-(j+1) / M + sum_T f_T K_T[i][e];   g = 1: m = K_1
 *   out_e      sum_i d_i m[i][e], in place of the digit spectrum (slot, e, j = 0)
 *
 * X^a at point y = 32 row + x: exp(i pi a (1 + 4 rev_5(x)) / N), the base of lane x, times
 * exp(2 pi i a rev(row) / (M/32)), the same for all lanes.
 *
 * Mapping: an item is a row of 32 frequencies and a share of the slots; warps take items in turn,
 * lane x frequency 32 row + x. The key words of a chunk are loaded once into registers and used for
 * every slot of the share: a chunk is all inputs and columns where terms x inputs x columns <= 28
 * complex numbers, else one column of as many inputs as fit. Then sums of up to 4 slots stay in
 * registers until all chunks have passed.
 *
 * FP64 instructions a lane, row and slot: (2^g - 1 - g + g) 4 + (2^g - 1) for the factors,
 * 4 (2^g - 1) + 4 for each (i, e), one more where c = e. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_PRODUCT_CUH
#define TORC_CUDA_ROTATE_PRODUCT_CUH

#include "kernels/cuda/rotate_plan.cuh"

#define ROTATE_KEY_REGISTERS 28 /* complex key words in registers at once */

__host__ __device__ constexpr int rotate_largest_divisor(int of, int at_most)
{
    int d = at_most < of ? at_most : of;
    while (of % d != 0) {
        d--;
    }
    return d;
}

/* How the product of a plan is cut. */
template <class plan> struct rotate_cut_of {
    static constexpr bool whole =
        plan::terms * plan::inputs * plan::columns <= ROTATE_KEY_REGISTERS;
    static constexpr int columns = whole ? plan::columns : 1; /* of a chunk */
    static constexpr int inputs_at_most = ROTATE_KEY_REGISTERS / plan::terms;
    static constexpr int inputs =
        whole ? plan::inputs : rotate_largest_divisor(plan::inputs, inputs_at_most);
    static constexpr int words = plan::terms * inputs * columns;
    /* Shares of the slots, so that every warp has an item. */
    static constexpr int wanted = (plan::warps + plan::fft::rows - 1) / plan::fft::rows;
    static constexpr int shares = rotate_largest_divisor(plan::slots, wanted);
    static constexpr int share = plan::slots / shares;
    static constexpr int group = whole ? 1 : rotate_largest_divisor(share, 4);
    static constexpr bool ahead = whole && words <= 12; /* the next item's words are under way */
    static_assert(whole || plan::route != ROTATE_RING, "a ring holds all words of an item");
};

/* Shared memory of the product. */
typedef struct rotate_spectra {
    double2 *slabs;
    const double2 *base, *root_high; /* monomials; fft_tables.h */
    const uint32_t *turn;            /* their exponents: rotate_plan.cuh */
    double2 *ring;                   /* this lane's place in its warp's, word by word */
    double unit[3];                  /* B^-(j+1) / M */
} rotate_spectra;

__device__ __forceinline__ void rotate_multiply_add(double2 &out, double2 a, double2 b)
{
    out.x = fma(a.x, b.x, fma(-a.y, b.y, out.x));
    out.y = fma(a.x, b.y, fma(a.y, b.x, out.y));
}

/* Where this lane's word of the row stands, of term t, input i and column e. */
template <class plan>
__device__ __forceinline__ const double2 *rotate_word_at(const double2 *key, uint32_t row, int t,
                                                         int i, int e)
{
    const size_t polynomial = ((size_t)t * plan::inputs + i) * plan::columns + e;
    return key + polynomial * plan::fft::size + 32 * row + gpu_lane();
}

/* words[t][i][e], the chunk's inputs and columns from `input` and `column` on. */
template <class plan>
__device__ __forceinline__ void rotate_load_words(double2 *words, const double2 *key, uint32_t row,
                                                  int input, int column)
{
    typedef rotate_cut_of<plan> cut;
#pragma unroll
    for (int t = 0; t < plan::terms; t++) {
#pragma unroll
        for (int i = 0; i < cut::inputs; i++) {
#pragma unroll
            for (int e = 0; e < cut::columns; e++) {
                const double2 *at = rotate_word_at<plan>(key, row, t, input + i, column + e);
                words[(t * cut::inputs + i) * cut::columns + e] =
                    plan::route == ROTATE_STREAM ? gpu_load_stream(at) : gpu_load_readonly(at);
            }
        }
    }
}

/* The same for a whole row by way of the ring: ask for words, later take them. */
template <class plan>
__device__ __forceinline__ void rotate_ask_words(double2 *ring, const double2 *key, uint32_t row)
{
#pragma unroll
    for (int w = 0; w < rotate_cut_of<plan>::words; w++) {
        const int t = w / (plan::inputs * plan::columns), ie = w % (plan::inputs * plan::columns);
        gpu_copy_async_16(ring + 32 * w, rotate_word_at<plan>(key, row, t, ie / plan::columns,
                                                              ie % plan::columns));
    }
    gpu_copy_commit();
}

template <class plan>
__device__ __forceinline__ void rotate_take_words(double2 *words, const double2 *ring)
{
    gpu_copy_wait<0>();
#pragma unroll
    for (int w = 0; w < rotate_cut_of<plan>::words; w++) {
        words[w] = gpu_load_shared(ring + 32 * w);
    }
}

/* factor[t - 1] = f_t of a ciphertext at this lane's frequency of the row. */
template <class plan>
__device__ __forceinline__ void rotate_factors(double2 factor[plan::terms],
                                               const rotate_spectra *at, uint32_t ciphertext,
                                               uint32_t row)
{
    constexpr uint32_t order = plan::fft::size / 32;
    const uint32_t row_turn = fft_reverse(row, plan::fft::m - 5);
    const double2 *base = at->base + ciphertext * plan::grouping * 32 + gpu_lane();
#pragma unroll
    for (int bit = 0; bit < plan::grouping; bit++) {
        const uint32_t a = gpu_load_shared(at->turn + ciphertext * (plan::monomials + 1) + bit);
        const double2 root = gpu_load_shared(at->root_high + 2 * (a * row_turn & (order - 1)));
        factor[(1 << bit) - 1] = fft_multiply(gpu_load_shared(base + 32 * bit), root);
    }
#pragma unroll
    for (int t = 3; t <= plan::terms; t++) {
        const int low = t & -t;
        if (t != low) {
            factor[t - 1] = fft_multiply(factor[t - low - 1], factor[low - 1]);
        }
    }
#pragma unroll
    for (int t = 0; t < plan::terms; t++) {
        factor[t].x -= 1.0;
    }
}

/* m[i][e] from the chunk's words; i, e within the chunk, input and column where it begins. */
template <class plan>
__device__ __forceinline__ double2 rotate_bundle(const double2 *words,
                                                 const double2 factor[plan::terms], int i, int e,
                                                 int input, int column, const double *unit)
{
    typedef rotate_cut_of<plan> cut;
    if constexpr (plan::grouping == 1) {
        return words[i * cut::columns + e];
    } else {
        double2 m = make_double2(0.0, 0.0);
        if ((input + i) / plan::level_count == column + e) {
            m.x = unit[(input + i) % plan::level_count];
        }
#pragma unroll
        for (int t = 0; t < plan::terms; t++) {
            rotate_multiply_add(m, factor[t], words[(t * cut::inputs + i) * cut::columns + e]);
        }
        return m;
    }
}

/* out[columns of the chunk] += what the chunk gives to one slot; d: its slabs at the frequency. */
template <class plan>
__device__ __forceinline__ void
rotate_accumulate(double2 *out, const double2 *words, const double2 *d, const rotate_spectra *at,
                  uint32_t slot, uint32_t row, int input, int column)
{
    typedef rotate_cut_of<plan> cut;
    double2 factor[plan::terms];
    if constexpr (plan::grouping > 1) {
        rotate_factors<plan>(factor, at, slot / plan::parts, row);
    }
#pragma unroll
    for (int i = 0; i < cut::inputs; i++) {
        const double2 digit = gpu_load_shared(d + (input + i) * plan::fft::slab);
#pragma unroll
        for (int e = 0; e < cut::columns; e++) {
            const double2 m = rotate_bundle<plan>(words, factor, i, e, input, column, at->unit);
            rotate_multiply_add(out[e], digit, m);
        }
    }
}

/* One row, all inputs and columns in one chunk: slot after slot, words stay. */
template <class plan>
__device__ __forceinline__ void rotate_row_whole(const double2 *words, const rotate_spectra *at,
                                                 uint32_t row, uint32_t first_slot)
{
#pragma unroll 1
    for (uint32_t slot = first_slot; slot < first_slot + rotate_cut_of<plan>::share; slot++) {
        double2 *d = at->slabs + slot * plan::inputs * plan::fft::slab + 32 * row + gpu_lane();
        double2 out[plan::columns];
#pragma unroll
        for (int e = 0; e < plan::columns; e++) {
            out[e] = make_double2(0.0, 0.0);
        }
        rotate_accumulate<plan>(out, words, d, at, slot, row, 0, 0);
#pragma unroll
        for (int e = 0; e < plan::columns; e++) {
            gpu_store_shared(d + e * plan::level_count * plan::fft::slab, out[e]);
        }
    }
}

/* One row, chunk after chunk; the sums of a group of slots stay. */
template <class plan>
__device__ __forceinline__ void rotate_row_chunks(double2 *words, const double2 *key,
                                                  const rotate_spectra *at, uint32_t row,
                                                  uint32_t first_slot)
{
    typedef rotate_cut_of<plan> cut;
#pragma unroll 1
    for (uint32_t slot = first_slot; slot < first_slot + cut::share; slot += cut::group) {
        double2 *d = at->slabs + slot * plan::inputs * plan::fft::slab + 32 * row + gpu_lane();
        double2 out[cut::group][plan::columns];
#pragma unroll
        for (int e = 0; e < plan::columns; e++) {
#pragma unroll
            for (int s = 0; s < cut::group; s++) {
                out[s][e] = make_double2(0.0, 0.0);
            }
#pragma unroll
            for (int input = 0; input < plan::inputs; input += cut::inputs) {
                rotate_load_words<plan>(words, key, row, input, e);
#pragma unroll
                for (int s = 0; s < cut::group; s++) {
                    rotate_accumulate<plan>(&out[s][e], words,
                                            d + s * plan::inputs * plan::fft::slab, at, slot + s,
                                            row, input, e);
                }
            }
        }
#pragma unroll
        for (int s = 0; s < cut::group; s++) {
#pragma unroll
            for (int e = 0; e < plan::columns; e++) {
                const int slab = (s * plan::columns + e) * plan::level_count;
                gpu_store_shared(d + slab * plan::fft::slab, out[s][e]);
            }
        }
    }
}

/* The first words of a warp's first item, to be asked for before the barrier. */
template <class plan>
__device__ __forceinline__ void rotate_product_begin(double2 *words, const double2 *key,
                                                     const rotate_spectra *at)
{
    if constexpr (plan::route == ROTATE_RING) {
        rotate_ask_words<plan>(at->ring, key, gpu_warp() % plan::fft::rows);
    } else if constexpr (rotate_cut_of<plan>::whole) {
        rotate_load_words<plan>(words, key, gpu_warp() % plan::fft::rows, 0, 0);
    }
}

/* An item whose words are in registers; those of the next item take their place. */
template <class plan>
__device__ __forceinline__ void rotate_item_whole(double2 *words, const double2 *key,
                                                  const rotate_spectra *at, uint32_t row,
                                                  uint32_t first_slot, uint32_t next_row)
{
    typedef rotate_cut_of<plan> cut;
    double2 next[cut::words];
    if constexpr (cut::ahead) {
        rotate_load_words<plan>(next, key, next_row, 0, 0);
    }
    rotate_row_whole<plan>(words, at, row, first_slot);
    if constexpr (!cut::ahead) {
        rotate_load_words<plan>(next, key, next_row, 0, 0);
    }
#pragma unroll
    for (int w = 0; w < cut::words; w++) {
        words[w] = next[w];
    }
}

/* All items of this warp; words as rotate_product_begin left them. */
template <class plan>
__device__ __forceinline__ void rotate_product(double2 *words, const double2 *key,
                                               const rotate_spectra *at)
{
    typedef rotate_cut_of<plan> cut;
    constexpr uint32_t rows = plan::fft::rows, items = rows * cut::shares;
#pragma unroll 1
    for (uint32_t item = gpu_warp(); item < items; item += plan::warps) {
        const uint32_t row = item % rows, first_slot = item / rows * cut::share;
        const uint32_t next_row = (item + plan::warps < items ? item + plan::warps : item) % rows;
        if constexpr (plan::route == ROTATE_RING) {
            rotate_take_words<plan>(words, at->ring);
            if (item + plan::warps < items) {
                rotate_ask_words<plan>(at->ring, key, next_row);
            }
            rotate_row_whole<plan>(words, at, row, first_slot);
        } else if constexpr (cut::whole) {
            rotate_item_whole<plan>(words, key, at, row, first_slot, next_row);
        } else {
            rotate_row_chunks<plan>(words, key, at, row, first_slot);
        }
    }
}

#endif
