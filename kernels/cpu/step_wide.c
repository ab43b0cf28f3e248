/* Words of 64 bits in a classic step (step.h). The field of a digit goes to double through the
 * mantissa of 2^52. */
#include "kernels/cpu/step.h"

typedef struct digit_cut {
    uint32_t shift;
    uint64_t mask;
    uint64_t offset;
    double bias; /* 2^52 + B/2 */
} digit_cut;

/* turned = rotated words, all ones where the sign changes; minus to. The one that ~x lacks from -x
 * is in the offset. */
INLINE vec_f64 digit_of(vec_u64 turned, vec_u64 to, vec_u64 offset, const digit_cut *cut)
{
    const vec_u64 x = turned - to + offset;
    const vec_u64 field = (x >> cut->shift) & splat_u64(cut->mask);
    return (vec_f64)(field | splat_u64(0x4330000000000000u)) - splat_f64(cut->bias);
}

typedef struct streams {
    const uint64_t *from[16];
    vec_u64 sign[16];
    vec_u64 offset[16];
} streams;

INLINE void streams_set(streams *s, int radix, const digit_source *source, const digit_cut *cut,
                        uint32_t half, uint32_t quarter, uint32_t start)
{
    for (int i = 0; i < 2 * radix; i++) {
        const stream_place place = stream_at(i, source->shift, half, quarter, start);
        s->from[i] = (const uint64_t *)source->from + place.index;
        s->sign[i] = splat_u64(place.negative ? UINT64_MAX : 0);
        s->offset[i] = splat_u64(cut->offset + place.negative);
    }
}

INLINE void digit_pass(int log2_radix, double *re, const digit_source *source, const digit_cut *cut,
                       const fft_plan *plan)
{
    const int radix = 1 << log2_radix;
    const size_t half = plan->half;
    const size_t quarter = half >> log2_radix;
    /* the place, modulo quarter, where streams cross a multiple of N; up to a whole vector */
    const size_t crossing = source->shift & (quarter - 1);
    const size_t split = (crossing + VECTOR_WIDTH - 1) & ~(size_t)(VECTOR_WIDTH - 1);
    double *im = re + half;
    vec_f64 w[FFT_NODE_WORDS];
    radix_points p;
    streams s;

    splat_node(w, plan->pass[0].forward);
    for (size_t start = 0, end = split; start < quarter; start = end, end = quarter) {
        if (start == end) {
            continue;
        }
        streams_set(&s, radix, source, cut, plan->half, (uint32_t)quarter, (uint32_t)start);
        for (size_t j = start; j < end; j += VECTOR_WIDTH) {
            for (int c = 0; c < radix; c++) {
                const uint64_t *to = (const uint64_t *)source->to + (size_t)c * quarter + j;
                const int i = 2 * c;
                const vec_u64 low = load_u64(s.from[i] + (j - start)) ^ s.sign[i];
                const vec_u64 high = load_u64(s.from[i + 1] + (j - start)) ^ s.sign[i + 1];
                p.x[c] = digit_of(low, load_u64(to), s.offset[i], cut);
                p.y[c] = digit_of(high, load_u64(to + half), s.offset[i + 1], cut);
            }
            radix_forward(log2_radix, p.x, p.y, w);
            points_store(re + j, im + j, log2_radix, &p, quarter);
        }
    }
}

void TORC_CPU(digits_wide)(double *spectrum, const digit_source *source, uint32_t level,
                           const torc_shape *shape)
{
    const fft_plan *plan = TORC_CPU(fft_plan)(shape->poly_size);
    const digit_cut cut = {.shift = 64 - shape->base_log * (level + 1),
                           .mask = ((uint64_t)1 << shape->base_log) - 1,
                           .offset = digit_offset(shape),
                           .bias = 0x1p52 + (double)((uint64_t)1 << (shape->base_log - 1))};
    switch (plan->pass[0].log2_radix) {
    case 1: digit_pass(1, spectrum, source, &cut, plan); break;
    case 2: digit_pass(2, spectrum, source, &cut, plan); break;
    default: digit_pass(3, spectrum, source, &cut, plan); break;
    }
}

INLINE void update_pass(int log2_radix, uint64_t *acc, const double *re, const fft_plan *plan)
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
            uint64_t *to = acc + (size_t)c * quarter + j;
            store_u64(to, load_u64(to) + torus_word(p.x[c]));
            store_u64(to + half, load_u64(to + half) + torus_word(p.y[c]));
        }
    }
    pad_wide(acc, 2 * plan->half);
}

void TORC_CPU(update_wide)(uint64_t *to, const double *spectrum, const torc_shape *shape)
{
    const fft_plan *plan = TORC_CPU(fft_plan)(shape->poly_size);
    switch (plan->pass[0].log2_radix) {
    case 1: update_pass(1, to, spectrum, plan); break;
    case 2: update_pass(2, to, spectrum, plan); break;
    default: update_pass(3, to, spectrum, plan); break;
    }
}
