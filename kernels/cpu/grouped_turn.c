/* The passes of the grouped rotation that see coefficients (grouped.h).
 *   x = last pass of the inverse transform;  x - round(x);  digits;  first pass of the forward
 * One butterfly reads and writes the same points before and after, so the accumulator never exists
 * in memory: a column turns into its l rows in registers. Columns from the last to the first: rows
 * c l, .. lie at or behind column c. */
#include "kernels/cpu/grouped.h"

/* The only digit of one level: x - round(x) times B, rounded, in [-B/2, B/2]. */
INLINE vec_f64 digit_alone(vec_f64 x, const digit_cut *cut)
{
    const vec_f64 magic = splat_f64(0x1.8p52);
    return fused_add(magic, fraction(x), splat_f64(cut->scale)) - magic;
}

/* The low bits of the result are B^l x modulo B^l, offsets added. */
INLINE vec_f64 rounded(vec_f64 x, const digit_cut *cut)
{
    return fused_add(splat_f64(cut->offset), fraction(x), splat_f64(cut->scale));
}

INLINE vec_f64 digit_at(vec_f64 bits, uint32_t shift, const digit_cut *cut)
{
    const vec_u64 field = ((vec_u64)bits >> shift) & splat_u64(cut->mask);
    return (vec_f64)(field | splat_u64(0x4330000000000000u)) - splat_f64(cut->bias);
}

/* One column at block `place` of every child of the root; stride: from child to child. */
INLINE void turn_pass(int log2_radix, bool one_level, double *column, double *rows, size_t stride,
                      const grouped_plan *plan, bool is_start)
{
    const int radix = 1 << log2_radix;
    const digit_cut *cut = &plan->cut;
    vec_f64 forward[FFT_NODE_WORDS];
    vec_f64 inverse[FFT_NODE_WORDS];
    radix_points p;
    radix_points digit;

    splat_node(forward, plan->fft->pass[0].forward);
    splat_node(inverse, plan->fft->pass[0].inverse);
    for (size_t i = 0; i < FFT_BLOCK; i += VECTOR_WIDTH) {
        points_load(&p, log2_radix, column + i, column + FFT_BLOCK + i, stride);
        if (!is_start) {
            radix_inverse(log2_radix, p.x, p.y, inverse);
        }
        for (int c = 0; c < radix; c++) {
            p.x[c] = one_level ? digit_alone(p.x[c], cut) : rounded(p.x[c], cut);
            p.y[c] = one_level ? digit_alone(p.y[c], cut) : rounded(p.y[c], cut);
        }
        if (one_level) {
            radix_forward(log2_radix, p.x, p.y, forward);
            points_store(rows + i, rows + FFT_BLOCK + i, log2_radix, &p, stride);
            continue;
        }
        for (uint32_t j = 0; j < cut->level_count; j++) {
            const uint32_t shift = cut->base_log * (cut->level_count - 1 - j);
            double *row = rows + (size_t)j * 2 * FFT_BLOCK + i;
            for (int c = 0; c < radix; c++) {
                digit.x[c] = digit_at(p.x[c], shift, cut);
                digit.y[c] = digit_at(p.y[c], shift, cut);
            }
            radix_forward(log2_radix, digit.x, digit.y, forward);
            points_store(row, row + FFT_BLOCK, log2_radix, &digit, stride);
        }
    }
}

INLINE void turn_places(int log2_radix, bool one_level, double *state, const grouped_plan *plan,
                        bool is_start, uint32_t first, uint32_t end)
{
    const torc_shape *shape = plan->shape;
    const size_t stride = block_stride(shape);
    const size_t poly = (size_t)2 * FFT_BLOCK;
    for (uint32_t place = first; place < end; place++) {
        for (uint32_t part = 0; part < (uint32_t)1 << shape->extended_log2; part++) {
            double *at = state + place * stride + part * row_count(shape) * poly;
            for (uint32_t c = shape->glwe_dim + 1; c-- > 0;) {
                turn_pass(log2_radix, one_level, at + c * poly,
                          at + (size_t)c * shape->level_count * poly, child_blocks(plan) * stride,
                          plan, is_start);
            }
        }
    }
}

#define TURN(log2_radix, one_level) \
    turn_places(log2_radix, one_level, state, plan, is_start, first, end)

void TORC_CPU(grouped_turn)(double *state, const grouped_plan *plan, bool is_start, uint32_t first,
                            uint32_t end)
{
    const uint32_t log2_radix = plan->fft->pass[0].log2_radix;
    if (plan->shape->level_count == 1) {
        switch (log2_radix) {
        case 1: TURN(1, true); break;
        case 2: TURN(2, true); break;
        default: TURN(3, true); break;
        }
    } else {
        switch (log2_radix) {
        case 1: TURN(1, false); break;
        case 2: TURN(2, false); break;
        default: TURN(3, false); break;
        }
    }
}

INLINE void finish_pass(int log2_radix, uint64_t *poly, const double *column, size_t stride,
                        const fft_plan *fft)
{
    const size_t half = fft->half;
    const size_t quarter = half >> log2_radix;
    vec_f64 inverse[FFT_NODE_WORDS];
    radix_points p;

    splat_node(inverse, fft->pass[0].inverse);
    for (size_t i = 0; i < quarter; i += VECTOR_WIDTH) {
        const double *at = column + i / FFT_BLOCK * stride + i % FFT_BLOCK;
        points_load(&p, log2_radix, at, at + FFT_BLOCK, quarter / FFT_BLOCK * stride);
        radix_inverse(log2_radix, p.x, p.y, inverse);
        for (int c = 0; c < 1 << log2_radix; c++) {
            store_u64(poly + (size_t)c * quarter + i, torus_word(p.x[c]));
            store_u64(poly + (size_t)c * quarter + half + i, torus_word(p.y[c]));
        }
    }
}

void TORC_CPU(grouped_finish)(uint64_t *words, const double *state, uint32_t parts,
                              const grouped_plan *plan)
{
    const torc_shape *shape = plan->shape;
    const uint32_t columns = shape->glwe_dim + 1;
    for (uint32_t i = 0; i < parts * columns; i++) {
        const uint32_t part = i / columns;
        const uint32_t c = i % columns;
        const double *column = state + (part * row_count(shape) + c) * 2 * FFT_BLOCK;
        uint64_t *poly = words + part * part_words(shape) + c * poly_words(shape);
        switch (plan->fft->pass[0].log2_radix) {
        case 1: finish_pass(1, poly, column, block_stride(shape), plan->fft); break;
        case 2: finish_pass(2, poly, column, block_stride(shape), plan->fft); break;
        default: finish_pass(3, poly, column, block_stride(shape), plan->fft); break;
        }
    }
}
