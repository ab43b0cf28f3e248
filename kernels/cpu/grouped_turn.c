/* The passes of the grouped rotation that see coefficients (grouped.h).
 *   x = last pass of the inverse transform;  x - round(x);  digits;  first pass of the forward
 * One butterfly reads and writes the same points before and after, so the accumulator never exists
 * in memory: a column turns into its l rows in registers. Columns from the last to the first: rows
 * c l, .. lie at or behind column c. */
#include "kernels/cpu/grouped.h"

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

INLINE void turn_pass(int log2_radix, bool one_level, double *rows, const double *column,
                      const digit_cut *cut, const fft_plan *plan, bool is_start)
{
    const int radix = 1 << log2_radix;
    const size_t half = plan->half;
    const size_t quarter = half >> log2_radix;
    vec_f64 forward[FFT_NODE_WORDS];
    vec_f64 inverse[FFT_NODE_WORDS];
    radix_points p;
    radix_points digit;

    splat_node(forward, plan->pass[0].forward);
    splat_node(inverse, plan->pass[0].inverse);
    for (size_t i = 0; i < quarter; i += VECTOR_WIDTH) {
        points_load(&p, log2_radix, column + i, column + half + i, quarter);
        if (!is_start) {
            radix_inverse(log2_radix, p.x, p.y, inverse);
        }
        for (int c = 0; c < radix; c++) {
            p.x[c] = rounded(p.x[c], cut);
            p.y[c] = rounded(p.y[c], cut);
        }
        for (uint32_t j = 0; j < (one_level ? 1 : cut->level_count); j++) {
            const uint32_t shift = one_level ? 0 : cut->base_log * (cut->level_count - 1 - j);
            double *row = rows + 2 * j * half + i;
            for (int c = 0; c < radix; c++) {
                digit.x[c] = digit_at(p.x[c], shift, cut);
                digit.y[c] = digit_at(p.y[c], shift, cut);
            }
            radix_forward(log2_radix, digit.x, digit.y, forward);
            points_store(row, row + half, log2_radix, &digit, quarter);
        }
    }
}

#define TURN(log2_radix, one_level) \
    turn_pass(log2_radix, one_level, rows, column, cut, plan, is_start)

static void turn_column(double *rows, const double *column, const digit_cut *cut,
                        const fft_plan *plan, bool is_start)
{
    const uint32_t log2_radix = plan->pass[0].log2_radix;
    if (cut->level_count == 1) {
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

void TORC_CPU(grouped_turn)(double *part, const grouped_plan *plan, bool is_start)
{
    const size_t size = plan->shape->poly_size;
    for (uint32_t c = plan->shape->glwe_dim + 1; c-- > 0;) {
        turn_column(part + c * plan->cut.level_count * size, part + c * size, &plan->cut, plan->fft,
                    is_start);
    }
}

INLINE void finish_pass(int log2_radix, uint64_t *poly, const double *column, const fft_plan *plan)
{
    const size_t half = plan->half;
    const size_t quarter = half >> log2_radix;
    vec_f64 inverse[FFT_NODE_WORDS];
    radix_points p;

    splat_node(inverse, plan->pass[0].inverse);
    for (size_t i = 0; i < quarter; i += VECTOR_WIDTH) {
        points_load(&p, log2_radix, column + i, column + half + i, quarter);
        radix_inverse(log2_radix, p.x, p.y, inverse);
        for (int c = 0; c < 1 << log2_radix; c++) {
            store_u64(poly + (size_t)c * quarter + i, torus_word(p.x[c]));
            store_u64(poly + (size_t)c * quarter + half + i, torus_word(p.y[c]));
        }
    }
}

void TORC_CPU(grouped_finish)(uint64_t *words, const double *part, const grouped_plan *plan)
{
    const size_t size = plan->shape->poly_size;
    for (uint32_t c = 0; c <= plan->shape->glwe_dim; c++, part += size) {
        uint64_t *poly = words + c * poly_words(plan->shape);
        switch (plan->fft->pass[0].log2_radix) {
        case 1: finish_pass(1, poly, part, plan->fft); break;
        case 2: finish_pass(2, poly, part, plan->fft); break;
        default: finish_pass(3, poly, part, plan->fft); break;
        }
    }
}
