/* clang-format off */
/* How a configuration of the blind rotation lies on blocks: who holds what, and where. Arithmetic
 * on sizes alone.
 *
 *   slot         one part of one ciphertext: k+1 polynomials; a ciphertext has 2^v slots, all in one
 *                block, or spread evenly over a cluster of blocks that share one ciphertext
 *   polynomial   L lanes with 32 points each (fft.cuh); the block has slots (k+1) of them and, where
 *                that does not fill the last warp, idle ones that work on zeros
 *   slab         spectrum of one digit polynomial: slot, column c, digit j  ->  (slot (k+1) + c) l + j
 *   input        i = c l + j, a digit polynomial of a slot
 *
 * Shared memory, in this order: slabs; tables; monomials of the step, double2
 * [ciphertexts][monomials][32]; their exponents uint32 [ciphertexts][monomials + 1], the last word
 * the residues present; staging of clusters; rings; for g = 1 the accumulators uint32
 * [polynomials][N]. */
/* clang-format on */
#ifndef TORC_CUDA_ROTATE_PLAN_CUH
#define TORC_CUDA_ROTATE_PLAN_CUH

#include "kernels/cuda/fft.cuh"

/* How key words reach the registers. */
enum rotate_route {
    ROTATE_READONLY, /* loads, the next words under way during the arithmetic where registers allow
                      */
    ROTATE_STREAM,   /* the same past the first-level cache */
    ROTATE_RING      /* copies of each lane's own words to shared memory, one item ahead */
};

template <int glwe_dim_, int log2_n_, int level_count_, int grouping_, int extended_log2_,
          int slots_, int log2_points_ = 5, int route_ = ROTATE_READONLY>
struct rotate_plan {
    typedef fft_plan<log2_n_, log2_points_> fft;
    static constexpr int glwe_dim = glwe_dim_, log2_n = log2_n_, n = 1 << log2_n_;
    static constexpr int level_count = level_count_, grouping = grouping_;
    static constexpr int extended_log2 = extended_log2_, parts = 1 << extended_log2_;
    static constexpr int slots = slots_, route = route_;
    static constexpr int cluster = parts > slots ? parts / slots : 1;
    static constexpr int ciphertexts = cluster > 1 ? 1 : slots / parts;
    static constexpr int columns = glwe_dim_ + 1, inputs = columns * level_count_;
    static constexpr int terms = (1 << grouping_) - 1;
    static constexpr int polynomials_used = slots * columns;
    static constexpr int polynomials =
        fft::lanes >= 32 ? polynomials_used
                         : (polynomials_used * fft::lanes + 31) / 32 * (32 / fft::lanes);
    static constexpr int threads = polynomials * fft::lanes, warps = threads / 32;
    static constexpr int slabs = polynomials * level_count;
    /* double2 of a step's key: [terms][inputs][columns][M]. */
    static constexpr int key_step = terms * inputs * columns * fft::size;
    /* g > 1: one for each key bit, or extended: X itself and one for each set of key bits. */
    static constexpr bool is_mixed = extended_log2_ > 0 && grouping_ > 1;
    static constexpr int monomials = grouping_ == 1 ? 0 : is_mixed ? terms + 1 : grouping_;
    /* Product of a mixed plan: a lane sums up to 8 parts, lanes share a frequency where there are
     * more. A cluster stages the spectra of a warp's frequencies first. */
    static constexpr int sharing = parts > 8 ? parts / 8 : 1; /* lanes of a frequency */
    static constexpr int frequencies = 32 / sharing;          /* of a warp */
    static constexpr int staged = is_mixed && cluster > 1 ? parts *inputs *frequencies : 0;
    /* Byte offsets into shared memory. */
    static constexpr size_t slab_at = 0;
    static constexpr size_t table_at = slab_at + sizeof(double2) * slabs * fft::slab;
    static constexpr size_t base_at = table_at + sizeof(double2) * fft::table_count;
    static constexpr size_t turn_at = base_at + sizeof(double2) * ciphertexts * monomials * 32;
    static constexpr size_t stage_at =
        turn_at + (sizeof(uint32_t) * ciphertexts * (monomials + 1) + 15) / 16 * 16;
    static constexpr size_t ring_at = stage_at + sizeof(double2) * warps * staged;
    static constexpr int ring =
        route_ == ROTATE_RING ? terms * inputs * columns * 32 : 0; /* a warp's */
    static constexpr size_t word_at = ring_at + sizeof(double2) * warps * ring;
    static constexpr size_t shared_bytes =
        word_at + (grouping_ == 1 ? sizeof(uint32_t) * polynomials * n : 0);
    static_assert(cluster > 1 ? parts % slots == 0 : slots % parts == 0, "whole ciphertexts");
    static_assert(threads % 32 == 0 && threads <= 1024, "whole warps");
    static_assert(fft::lanes <= 32 || polynomials <= 15, "a named barrier each");
};

#endif
