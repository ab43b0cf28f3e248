/* The grouped blind rotation (kernels/ref/blind_rotate_grouped.c has the formulas), split into
 * passes that all ciphertexts of a batch make together. A step replaces the accumulator, so between
 * two steps only spectra exist:
 *   grouped_turns     last pass of the inverse transform, modulo 1, digits, first pass of the next
 *                     forward transform
 *   grouped_children  one child of the root after another: its vertical passes, every ciphertext;
 *                     then one block of points after another, every ciphertext: end of the forward
 *                     transform, bundle, product, start of the inverse; vertical passes back
 * The block of the key stays in the first cache meanwhile.
 *
 *
 * state: double [M / FFT_BLOCK blocks][2^v parts][(k+1) l rows][re, im][FFT_BLOCK], one ciphertext;
 * a block may be padded (block_stride). Rows are digits before the product, the first k + 1 are
 * results after it. All that a product needs lies together; a vertical pass meets points of the
 * same polynomial whole blocks apart.
 *
 * key: double [n / g steps][M / W vectors][k + 1 columns][(k+1) l rows][slots][re, im][W], the
 * order in which it is read; scaled by 2^-64 / M. Slot T - 1 holds K_T; at v = 0 it holds A_T, the
 * sum of K_U, U = T and any bits above those of T.
 *
 * bundle at v = 0: G + u_1 A_1 + u_2 (A_2 + w_1 A_12) + u_3 ((A_3 + w_1 A_13) + w_2 (A_23 + w_1
 * A_123)), w_i = X^(a_i), u_i = w_i - 1: one complex multiply-add for each of the 2^g - 1 terms and
 * no product of monomials (G + sum_T (w_T - 1) K_T, sorted by the highest bit of T; at T = U + {m}:
 * w_T - 1 = (w_U - 1) + w_U u_m). At v > 0: grouped_extended.c. */
#ifndef TORC_KERNELS_CPU_GROUPED_H
#define TORC_KERNELS_CPU_GROUPED_H

#include "kernels/cpu/monomial.h"
#include "kernels/cpu/rotate.h"

enum {
    MAX_GROUPING = TORC_CPU_GROUPING_MAX,
    MAX_SETS = 1 << MAX_GROUPING,
    STATE_PAD = 64 /* doubles: states of a batch begin in different sets of the caches */
};

INLINE uint32_t slot_count(const torc_shape *shape)
{
    return ((uint32_t)1 << shape->grouping) - 1;
}
INLINE uint32_t slot_of(uint32_t set)
{
    return set - 1;
}
INLINE size_t grouped_step_doubles(const torc_shape *shape)
{
    return step_doubles(shape) * slot_count(shape);
}
INLINE size_t state_polys(const torc_shape *shape)
{
    return row_count(shape) << shape->extended_log2;
}
/* Doubles from one block of a state to the next. Blocks of many polynomials, 4 KB or a multiple,
 * would all begin in the same sets of the first cache. */
INLINE size_t block_stride(const torc_shape *shape)
{
    const size_t polys = state_polys(shape);
    return 2 * FFT_BLOCK * (polys + (polys >= 8));
}
INLINE size_t state_doubles(const torc_shape *shape)
{
    return shape->poly_size / 2 / FFT_BLOCK * block_stride(shape);
}
/* G in row (c, j), column c, of the scaled key. */
INLINE double gadget_unit(uint32_t level, const torc_shape *shape)
{
    return 2.0 / shape->poly_size / (double)((uint64_t)1 << (shape->base_log * (level + 1)));
}

/* How the accumulator is cut: x in [-1/2, 1/2], times B^l, rounded, ties to even, stands in the low
 * bits of a double beside an offset of B/2 at every level, so that every digit is a plain bit field
 * minus B/2. base_log * l <= 50. */
typedef struct digit_cut {
    double scale;  /* B^l */
    double offset; /* 3 * 2^51 and the offsets of all levels */
    double bias;   /* 2^52 + B/2 */
    uint64_t mask; /* B - 1 */
    uint32_t base_log, level_count;
} digit_cut;

/* What all passes of a rotation read. */
typedef struct grouped_plan {
    const torc_shape *shape;
    const fft_plan *fft;
    const monomial_table *monomials;
    digit_cut cut;
    double unit[(MAX_GLWE_DIM + 1) * MAX_ROWS]; /* [k + 1 columns][rows] of G, scaled as the key */
} grouped_plan;

INLINE uint32_t child_count(const grouped_plan *plan)
{
    return (uint32_t)1 << plan->fft->pass[0].log2_radix;
}
INLINE uint32_t child_blocks(const grouped_plan *plan)
{
    return plan->fft->half / FFT_BLOCK / child_count(plan);
}

/* The sets of a step sorted by the residue r of a_T modulo 2^v: bundle i is the sum of the
 * sets order[first[i]] .. order[first[i + 1] - 1], bundle 0, where r = 0, also of the empty set. */
typedef struct bundle_list {
    uint32_t count;
    uint32_t largest; /* residue */
    uint32_t residue[MAX_SETS];
    uint32_t first[MAX_SETS + 1];
    uint32_t order[MAX_SETS];
} bundle_list;

/* Of one ciphertext and one step: X^(a_T) for every nonempty set T in the ring of a part, which is
 * Y^(q_T), a_T = 2^v q_T + r; with extension, the bundles too. */
typedef struct group_monomials {
    monomial set[MAX_SETS];
    bundle_list bundles;
} group_monomials;

/* The key of one thread on its way into the caches, ahead of its use by about one block. A few
 * lines are asked for in each of many places of a step: a core waits when more than some 20 are
 * under way, and a burst for a whole block would take as long as the block itself. */
typedef struct key_stream {
    const double *next, *end; /* in this thread's part of a step's key */
    size_t part, gap;         /* doubles of the part; from its end to the next step's */
    size_t lines, calls;      /* of a part; of key_fetch in a step */
    size_t owed;              /* lines times calls */
} key_stream;

enum {
    LINE_DOUBLES = 8, /* of a cache line */
    BURST_LINES = 4,
    BLOCK_CALLS = VECTOR_WIDTH + 2
};

INLINE void key_fetch(key_stream *stream)
{
    stream->owed += stream->lines;
    while (stream->owed >= BURST_LINES * stream->calls) {
        stream->owed -= BURST_LINES * stream->calls;
        for (int line = 0; line < BURST_LINES; line++) {
            __builtin_prefetch(stream->next, 0, VECTOR_LOG2 == 3 ? 2 : 3);
            stream->next += LINE_DOUBLES;
        }
        if (stream->next >= stream->end) {
            stream->next += stream->gap;
            stream->end += stream->gap + stream->part;
        }
    }
}

/* Results (coefficients when is_start) of all parts -> digits, at the places first .. end - 1 of
 * every child of the root; places are blocks, child_blocks of them. */
void TORC_CPU(grouped_turn)(double *state, const grouped_plan *plan, bool is_start, uint32_t first,
                            uint32_t end);
/* Results of the first `parts` parts -> their polynomials as rotate.h has them. */
void TORC_CPU(grouped_finish)(uint64_t *words, const double *state, uint32_t parts,
                              const grouped_plan *plan);

/* The vertical passes of one child of the root behind grouped_turn, all digits; before it, all
 * results. */
void TORC_CPU(grouped_vertical_forward)(double *state, uint32_t child, const grouped_plan *plan);
void TORC_CPU(grouped_vertical_inverse)(double *state, uint32_t child, const grouped_plan *plan);

/* Digits -> results at the points of one block; key of this block. Extended: v > 0, scratch double
 * [grouped_block_doubles], where grouped_block_empty left the bundle of the empty set. */
void TORC_CPU(grouped_block)(double *block_state, uint32_t block, const group_monomials *monomials,
                             const double *key, const grouped_plan *plan, key_stream *stream);
void TORC_CPU(grouped_block_extended)(double *block_state, uint32_t block,
                                      const group_monomials *monomials, const double *key,
                                      const grouped_plan *plan, double *scratch,
                                      key_stream *stream);
void TORC_CPU(grouped_block_empty)(const double *key, const grouped_plan *plan, double *scratch);
size_t TORC_CPU(grouped_block_doubles)(const torc_shape *shape);

/* Scratch of a batch. */
typedef struct grouped_batch {
    uint32_t count;
    size_t stride; /* doubles between two states */
    double *states;
    double *block;              /* for grouped_block_extended */
    group_monomials *monomials; /* [count] */
} grouped_batch;

INLINE size_t state_stride(const torc_shape *shape)
{
    return state_doubles(shape) + STATE_PAD;
}
INLINE double *state_of(const grouped_batch *batch, uint32_t ciphertext)
{
    return batch->states + ciphertext * batch->stride;
}

void TORC_CPU(grouped_plan)(grouped_plan *out, const torc_shape *shape);
size_t TORC_CPU(grouped_batch_bytes)(const torc_shape *shape, uint32_t count);
void TORC_CPU(grouped_batch)(grouped_batch *out, const torc_shape *shape, uint32_t count,
                             void *scratch);

/* Accumulator as rotate.h describes it -> digits. */
void TORC_CPU(grouped_start)(double *state, const uint64_t *accumulator, const grouped_plan *plan);
/* For the children first .. end - 1 of the root; key of the first step. */
void TORC_CPU(grouped_stream)(key_stream *out, const grouped_batch *batch, const double *key,
                              const grouped_plan *plan, uint32_t first, uint32_t end);
/* X^(a_T) of a step for all ciphertexts; exponent u32 [count][n + 1] from the first of this step
 * on. */
void TORC_CPU(grouped_exponents)(const grouped_batch *batch, const uint32_t *exponent,
                                 const grouped_plan *plan);
/* Digits -> results, all ciphertexts, in the children first .. end - 1 of the root; key of this
 * step. Then results -> digits of the next one, at the places first .. end - 1 of every child. */
void TORC_CPU(grouped_children)(const grouped_batch *batch, const double *key,
                                const grouped_plan *plan, uint32_t first, uint32_t end,
                                key_stream *stream);
void TORC_CPU(grouped_turns)(const grouped_batch *batch, const grouped_plan *plan, uint32_t first,
                             uint32_t end, key_stream *stream);

#endif
