/* Words of 32 bits in a classic step (step.h): twice as many lanes, so two vectors of points are
 * cut at once. Their digits wait in memory, from where they are converted half by half. Rounding
 * the accumulator to 2^-32 adds n (1 + H) 2^-64/12: 2^-12 of what the digits of NARROW_BITS bits
 * leave out. */
#include "kernels/cpu/step.h"

enum { LANES = 2 * VECTOR_WIDTH };

typedef struct digit_cut {
    uint32_t shift, mask, offset, half_base;
} digit_cut;

typedef struct streams {
    const uint32_t *from[16];
    vec_u32 sign[16];
    vec_u32 offset[16];
} streams;

INLINE void streams_set(streams *s, int radix, const digit_source *source, const digit_cut *cut,
                        uint32_t half, uint32_t quarter, uint32_t start)
{
    for (int i = 0; i < 2 * radix; i++) {
        const stream_place place = stream_at(i, source->shift, half, quarter, start);
        s->from[i] = (const uint32_t *)source->from + place.index;
        s->sign[i] = splat_u32(place.negative ? UINT32_MAX : 0);
        s->offset[i] = splat_u32(cut->offset + place.negative);
    }
}

/* LANES digits of stream i: as step_wide.c, in integers. */
INLINE vec_u32 digits_of(const streams *s, int i, size_t j, const uint32_t *to,
                         const digit_cut *cut)
{
    const vec_u32 turned = load_u32(s->from[i] + j) ^ s->sign[i];
    const vec_u32 x = turned - load_u32(to) + s->offset[i];
    return ((x >> cut->shift) & splat_u32(cut->mask)) - splat_u32(cut->half_base);
}

INLINE void digit_pass(int log2_radix, double *re, const digit_source *source, const digit_cut *cut,
                       const fft_plan *plan)
{
    const int radix = 1 << log2_radix;
    const size_t half = plan->half;
    const size_t quarter = half >> log2_radix;
    const size_t crossing = source->shift & (quarter - 1);
    const size_t split = (crossing + LANES - 1) & ~(size_t)(LANES - 1);
    double *im = re + half;
    uint32_t digit[16][LANES] __attribute__((aligned(64)));
    vec_f64 w[FFT_NODE_WORDS];
    radix_points p;
    streams s;

    splat_node(w, plan->pass[0].forward);
    for (size_t start = 0, end = split; start < quarter; start = end, end = quarter) {
        if (start == end) {
            continue;
        }
        streams_set(&s, radix, source, cut, plan->half, (uint32_t)quarter, (uint32_t)start);
        for (size_t j = start; j < end; j += LANES) {
            for (int i = 0; i < 2 * radix; i++) {
                const uint32_t *to = (const uint32_t *)source->to + (size_t)(i / 2) * quarter +
                                     (size_t)(i % 2) * half + j;
                *(vec_u32 *)digit[i] = digits_of(&s, i, j - start, to, cut);
            }
            for (size_t h = 0; h < LANES; h += VECTOR_WIDTH) {
                for (int c = 0; c < radix; c++) {
                    p.x[c] = from_s32(digit[2 * c] + h);
                    p.y[c] = from_s32(digit[2 * c + 1] + h);
                }
                radix_forward(log2_radix, p.x, p.y, w);
                points_store(re + j + h, im + j + h, log2_radix, &p, quarter);
            }
        }
    }
}

void TORC_CPU(digits_narrow)(double *spectrum, const digit_source *source, uint32_t level,
                             const torc_shape *shape)
{
    const fft_plan *plan = TORC_CPU(fft_plan)(shape->poly_size);
    const digit_cut cut = {.shift = 32 - shape->base_log * (level + 1),
                           .mask = ((uint32_t)1 << shape->base_log) - 1,
                           .offset = (uint32_t)(digit_offset(shape) >> 32),
                           .half_base = (uint32_t)1 << (shape->base_log - 1)};
    switch (plan->pass[0].log2_radix) {
    case 1: digit_pass(1, spectrum, source, &cut, plan); break;
    case 2: digit_pass(2, spectrum, source, &cut, plan); break;
    default: digit_pass(3, spectrum, source, &cut, plan); break;
    }
}

INLINE void update_pass(int log2_radix, uint32_t *acc, const double *re, const fft_plan *plan)
{
    const size_t half = plan->half;
    const size_t quarter = half >> log2_radix;
    vec_f64 w[FFT_NODE_WORDS];
    radix_points p;

    splat_node(w, plan->pass[0].inverse);
    for (size_t j = 0; j < quarter; j += VECTOR_WIDTH) {
        points_load(&p, log2_radix, re + j, re + half + j, quarter);
        radix_inverse(log2_radix, p.x, p.y, w);
        for (int c = 0; c < 1 << log2_radix; c++) {
            uint32_t *to = acc + (size_t)c * quarter + j;
            add_s32(to, fraction(p.x[c]) * 0x1p32);
            add_s32(to + half, fraction(p.y[c]) * 0x1p32);
        }
    }
    pad_narrow(acc, 2 * plan->half);
}

void TORC_CPU(update_narrow)(uint32_t *to, const double *spectrum, const torc_shape *shape)
{
    const fft_plan *plan = TORC_CPU(fft_plan)(shape->poly_size);
    switch (plan->pass[0].log2_radix) {
    case 1: update_pass(1, to, spectrum, plan); break;
    case 2: update_pass(2, to, spectrum, plan); break;
    default: update_pass(3, to, spectrum, plan); break;
    }
}
