/* One step of the blind rotation.
 *   acc_to += GGSW external-product (Y^shift acc_from - acc_to)      for every part `to`
 * (kernels/ref/blind_rotate.c gives from and shift). In passes over the second cache:
 *   digit_pass    rotate, subtract, cut a digit, to double, first pass of the transform
 *   children      for each child of the root, all rows: the other vertical passes; block by block
 * the end of the forward transforms, the key product, the start of the inverse; vertical
 *   update_pass   last pass of the inverse, reduce modulo 1, to words, add
 *
 * Digits: one offset for all levels (half of every base and half of the last unit kept) makes every
 * digit a plain bit field minus B/2. The field goes to double through the mantissa of 2^52.
 * Layouts: rotate.h. Noise: kernels/ref/external_product.c. */
#include "kernels/cpu/block.h"
#include "kernels/cpu/rotate.h"

#include <stdbool.h>
#include <string.h>

/* Y^shift from - to, cut at one level: what digit_pass reads. */
typedef struct digit_source {
    const uint64_t *from;
    const uint64_t *to;
    uint32_t shift; /* [0, 2N) */
    uint32_t field_shift;
    uint64_t field_mask;
    uint64_t offset;
    double bias; /* 2^52 + B/2 */
} digit_source;

static uint64_t digit_offset(const torc_shape *shape)
{
    uint64_t offset = (uint64_t)1 << (63 - shape->base_log * shape->level_count);
    for (uint32_t j = 0; j < shape->level_count; j++) {
        offset += (uint64_t)1 << (63 - shape->base_log * j);
    }
    return offset;
}

/* turned = rotated words, all ones where the sign changes; minus to. The one that ~x lacks from -x
 * is in the offset. */
INLINE vec_f64 digit_of(vec_u64 turned, vec_u64 to, vec_u64 offset, const digit_source *source)
{
    const vec_u64 x = turned - to + offset;
    const vec_u64 field = (x >> source->field_shift) & splat_u64(source->field_mask);
    return (vec_f64)(field | splat_u64(0x4330000000000000u)) - splat_f64(source->bias);
}

/* The 2R streams of words that one radix-R butterfly reads, stream 2c + h at coefficient
 * c * quarter + h * M. Between two multiples of `quarter` no stream changes its sign. */
typedef struct streams {
    const uint64_t *from[16];
    vec_u64 sign[16];
    vec_u64 offset[16];
} streams;

INLINE void streams_set(streams *s, int radix, const digit_source *source, uint32_t half,
                        uint32_t quarter, uint32_t start)
{
    for (int i = 0; i < 2 * radix; i++) {
        const uint32_t place = (uint32_t)(i / 2) * quarter + (uint32_t)(i % 2) * half + start;
        const uint32_t origin = (place - source->shift) & (4 * half - 1);
        const bool negative = origin >= 2 * half;
        s->from[i] = source->from + (origin & (2 * half - 1));
        s->sign[i] = splat_u64(negative ? UINT64_MAX : 0);
        s->offset[i] = splat_u64(source->offset + negative);
    }
}

INLINE void digit_pass(int log2_radix, double *re, double *im, const digit_source *source,
                       const fft_plan *plan)
{
    const int radix = 1 << log2_radix;
    const size_t half = plan->half;
    const size_t quarter = half >> log2_radix;
    /* the place, modulo quarter, where streams cross a multiple of N; up to a whole vector */
    const size_t crossing = source->shift & (quarter - 1);
    const size_t split = (crossing + VECTOR_WIDTH - 1) & ~(size_t)(VECTOR_WIDTH - 1);
    vec_f64 w[FFT_NODE_WORDS];
    radix_points p;
    streams s;

    splat_node(w, plan->pass[0].forward);
    for (size_t start = 0, end = split; start < quarter; start = end, end = quarter) {
        if (start == end) {
            continue;
        }
        streams_set(&s, radix, source, plan->half, (uint32_t)quarter, (uint32_t)start);
        for (size_t j = start; j < end; j += VECTOR_WIDTH) {
            for (int c = 0; c < radix; c++) {
                const uint64_t *to = source->to + (size_t)c * quarter + j;
                const int i = 2 * c;
                const vec_u64 low = load_u64(s.from[i] + (j - start)) ^ s.sign[i];
                const vec_u64 high = load_u64(s.from[i + 1] + (j - start)) ^ s.sign[i + 1];
                p.x[c] = digit_of(low, load_u64(to), s.offset[i], source);
                p.y[c] = digit_of(high, load_u64(to + half), s.offset[i + 1], source);
            }
            radix_forward(log2_radix, p.x, p.y, w);
            points_store(re + j, im + j, log2_radix, &p, quarter);
        }
    }
}

INLINE void update_pass(int log2_radix, uint64_t *acc, const double *re, const double *im,
                        const fft_plan *plan)
{
    const size_t half = plan->half;
    const size_t quarter = half >> log2_radix;
    vec_f64 w[FFT_NODE_WORDS];
    radix_points p;

    splat_node(w, plan->pass[0].inverse);
    for (size_t j = 0; j < quarter; j += VECTOR_WIDTH) {
        points_load(&p, log2_radix, re + j, im + j, quarter);
        radix_inverse(log2_radix, p.x, p.y, w);
        for (int c = 0; c < 1 << log2_radix; c++) {
            uint64_t *to = acc + (size_t)c * quarter + j;
            store_u64(to, load_u64(to) + torus_word(p.x[c]));
            store_u64(to + half, load_u64(to + half) + torus_word(p.y[c]));
        }
    }
    pad_polynomial(acc, 2 * plan->half);
}

static void digits_first(double *spectrum, const digit_source *source, const fft_plan *plan)
{
    double *im = spectrum + plan->half;
    if (plan->pass[0].log2_radix == 1) {
        digit_pass(1, spectrum, im, source, plan);
    } else if (plan->pass[0].log2_radix == 2) {
        digit_pass(2, spectrum, im, source, plan);
    } else {
        digit_pass(3, spectrum, im, source, plan);
    }
}

static void update_last(uint64_t *acc, const double *spectrum, const fft_plan *plan)
{
    const double *im = spectrum + plan->half;
    if (plan->pass[0].log2_radix == 1) {
        update_pass(1, acc, spectrum, im, plan);
    } else if (plan->pass[0].log2_radix == 2) {
        update_pass(2, acc, spectrum, im, plan);
    } else {
        update_pass(3, acc, spectrum, im, plan);
    }
}

/* x + i y = sum over rows of digit * key, a block of one column. fetch: calls the key `ahead`
 * doubles further into the first cache. */
INLINE void block_product(vec_f64 *x, vec_f64 *y, const double *digit, const double *key,
                          size_t rows, bool fetch, size_t ahead)
{
    for (uint32_t v = 0; v < VECTOR_WIDTH; v++) {
        x[v] = splat_f64(0.0);
        y[v] = splat_f64(0.0);
    }
    for (size_t r = 0; r < rows; r++, digit += 2 * FFT_BLOCK, key += 2 * FFT_BLOCK) {
        for (uint32_t v = 0; v < VECTOR_WIDTH; v++) {
            const double *d = digit + v * VECTOR_WIDTH;
            const double *k = key + v * VECTOR_WIDTH;
            const vec_f64 d_re = load_f64(d);
            const vec_f64 d_im = load_f64(d + FFT_BLOCK);
            const vec_f64 k_re = load_f64(k);
            const vec_f64 k_im = load_f64(k + FFT_BLOCK);
            if (fetch) {
                __builtin_prefetch(k + ahead, 0, 3);
                __builtin_prefetch(k + ahead + FFT_BLOCK, 0, 3);
            }
            x[v] = fused_sub(fused_add(x[v], d_re, k_re), d_im, k_im);
            y[v] = fused_add(fused_add(y[v], d_re, k_im), d_im, k_re);
        }
    }
}

/* Spectra of the digits -> spectra of the k + 1 result columns, in place, blocks of the points
 * begin .. end - 1; key of the whole step. */
INLINE void product(double *spectra, const double *key, const torc_shape *shape,
                    const fft_plan *plan, uint32_t begin, uint32_t end, bool fetch)
{
    const size_t rows = row_count(shape);
    const size_t key_column = rows * 2 * FFT_BLOCK;
    const size_t key_block = key_column * (shape->glwe_dim + 1);
    const uint32_t half = plan->half;
    double digit[MAX_ROWS * 2 * FFT_BLOCK] __attribute__((aligned(64)));
    vec_f64 x[VECTOR_WIDTH];
    vec_f64 y[VECTOR_WIDTH];

    key += begin / FFT_BLOCK * key_block;
    for (uint32_t first = begin; first < end; first += FFT_BLOCK) {
        const size_t node = (size_t)(first / FFT_BLOCK) * FFT_KERNEL_WORDS;
        block_forward(digit, spectra + first, rows, (block_place){2 * (size_t)half, half},
                      plan->kernel_forward + node);
        for (uint32_t column = 0; column <= shape->glwe_dim; column++, key += key_column) {
            double *re = spectra + 2 * (size_t)column * half + first;
            block_product(x, y, digit, key, rows, fetch, key_block);
            kernel_inverse(x, y, plan->kernel_inverse + node);
            for (uint32_t v = 0; v < VECTOR_WIDTH; v++) {
                store_f64(re + v * VECTOR_WIDTH, x[v]);
                store_f64(re + half + v * VECTOR_WIDTH, y[v]);
            }
        }
    }
}

static void product_cached(double *spectra, const double *key, const torc_shape *shape,
                           const fft_plan *plan, uint32_t begin, uint32_t end)
{
    product(spectra, key, shape, plan, begin, end, false);
}

static void product_fresh(double *spectra, const double *key, const torc_shape *shape,
                          const fft_plan *plan, uint32_t begin, uint32_t end)
{
    product(spectra, key, shape, plan, begin, end, true);
}

/* Everything between digit_pass and update_pass, for one child of the root at a time: what a child
 * holds, all rows, stays in the first cache. */
static void children(double *spectra, const double *key, const torc_shape *shape,
                     const fft_plan *plan, bool key_is_fresh)
{
    const uint32_t child = plan->half >> plan->pass[0].log2_radix;
    for (uint32_t begin = 0; begin < plan->half; begin += child) {
        for (size_t r = 0; r < row_count(shape); r++) {
            double *re = spectra + 2 * r * plan->half;
            TORC_CPU(fft_vertical_forward)(plan, re, re + plan->half, 1, begin, begin + child);
        }
        if (key_is_fresh) {
            product_fresh(spectra, key, shape, plan, begin, begin + child);
        } else {
            product_cached(spectra, key, shape, plan, begin, begin + child);
        }
        for (size_t c = 0; c <= shape->glwe_dim; c++) {
            double *re = spectra + 2 * c * plan->half;
            TORC_CPU(fft_vertical_inverse)(plan, re, re + plan->half, 1, begin, begin + child);
        }
    }
}

/* to += GGSW external-product (Y^shift from - to), one part. */
static void part_step(uint64_t *to, const uint64_t *from, uint32_t shift, const double *key,
                      bool key_is_fresh, const torc_shape *shape, const fft_plan *plan,
                      double *spectra)
{
    digit_source source = {.shift = shift,
                           .field_mask = ((uint64_t)1 << shape->base_log) - 1,
                           .offset = digit_offset(shape),
                           .bias = 0x1p52 + (double)((uint64_t)1 << (shape->base_log - 1))};
    double *spectrum = spectra;
    for (uint32_t c = 0; c <= shape->glwe_dim; c++) {
        source.from = from + c * poly_words(shape);
        source.to = to + c * poly_words(shape);
        for (uint32_t j = 0; j < shape->level_count; j++, spectrum += shape->poly_size) {
            source.field_shift = 64 - shape->base_log * (j + 1);
            digits_first(spectrum, &source, plan);
        }
    }
    children(spectra, key, shape, plan, key_is_fresh);
    for (uint32_t c = 0; c <= shape->glwe_dim; c++) {
        update_last(to + c * poly_words(shape), spectra + (size_t)c * shape->poly_size, plan);
    }
}

/* The parts that exchange places form cycles: to <- to - residue <- to - 2 residue ... Walking a
 * cycle in that order needs the old value of its first part once more, at its end. */
void TORC_CPU(rotate_step)(uint64_t *accumulator, uint32_t exponent, const double *key,
                           bool key_is_fresh, const torc_shape *shape, double *spectra,
                           uint64_t *saved)
{
    const fft_plan *plan = TORC_CPU(fft_plan)(shape->poly_size);
    const uint32_t part_mask = ((uint32_t)1 << shape->extended_log2) - 1;
    const uint32_t quotient = exponent >> shape->extended_log2;
    const uint32_t residue = exponent & part_mask;
    const uint32_t cycles = residue == 0 ? part_mask + 1 : residue & -residue;
    const size_t words = part_words(shape);

    for (uint32_t first = 0; first < cycles; first++) {
        uint32_t to = first;
        uint32_t from = 0;
        if (residue != 0) {
            memcpy(saved, accumulator + words * first, words * sizeof *saved);
        }
        do {
            from = (to - residue) & part_mask;
            const uint64_t *old =
                from == first && residue != 0 ? saved : accumulator + words * from;
            const uint32_t shift = (quotient + (to < residue)) & (2 * shape->poly_size - 1);
            part_step(accumulator + words * to, old, shift, key, key_is_fresh, shape, plan,
                      spectra);
            key_is_fresh = false;
            to = from;
        } while (from != first);
    }
}
