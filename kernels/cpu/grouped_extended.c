/* Bundles and products of a grouped step with extension, at the points of one block.
 *   B_r = sum of Y^(q_T) K_T over the sets T of residue r,  B_0 also G - sum of all K_T (slot 0)
 *   out_j = sum_r B_r D_(j - r),  D_m = digits of part m,  D_(m - 2^v) = Y D_m
 * A vector of points at a time, all parts: both halves of D; the bundles that occur (at most 2^g
 * and 2^v); then every part meets each of them. */
#include "kernels/cpu/block.h"
#include "kernels/cpu/grouped.h"

/* The sets of a step sorted by residue: bundle i is the sum of the sets order[first[i]], .. */
typedef struct bundle_list {
    uint32_t count;
    uint32_t residue[MAX_SETS]; /* of bundle i; bundle 0: residue 0 */
    uint32_t first[MAX_SETS + 1];
    uint32_t order[MAX_SETS];
} bundle_list;

static void bundles_find(bundle_list *out, const group_monomials *monomials, uint32_t sets)
{
    uint32_t placed = 0;
    uint32_t is_placed = 1; /* bit T; the empty set is slot 0 */
    out->count = 0;
    for (uint32_t next = 0; next < sets; next++) {
        const uint32_t residue = next == 0 ? 0 : monomials->residue[next];
        if (next != 0 && (is_placed >> next & 1) != 0) {
            continue;
        }
        out->residue[out->count] = residue;
        out->first[out->count++] = placed;
        for (uint32_t set = 1; set < sets; set++) {
            if ((is_placed >> set & 1) == 0 && monomials->residue[set] == residue) {
                out->order[placed++] = set;
                is_placed |= (uint32_t)1 << set;
            }
        }
    }
    out->first[out->count] = placed;
}

/* What one block of one ciphertext works with. */
typedef struct extended_block {
    const group_monomials *monomials;
    monomial y;
    complex_vec y_scalar;
    complex_vec scalar[MAX_SETS]; /* of Y^(q_T) */
    bundle_list list;
    uint32_t parts, columns, rows, sets;
    double *digits;  /* [parts][rows][re, im][FFT_BLOCK], in place the results */
    double *shifted; /* [2 parts][rows][re, im][W]: Y D, then D */
    double *bundles; /* [bundles][columns][rows][re, im][W] */
} extended_block;

INLINE complex_vec load_complex(const double *at)
{
    return (complex_vec){load_f64(at), load_f64(at + VECTOR_WIDTH)};
}

INLINE void store_complex(double *at, complex_vec x)
{
    store_f64(at, x.re);
    store_f64(at + VECTOR_WIDTH, x.im);
}

/* Vector v of the digits, twice. */
static NOINLINE void digits_shift(const extended_block *b, uint32_t v)
{
    const size_t polys = (size_t)b->parts * b->rows;
    const complex_vec y = monomial_at(&b->y, b->y_scalar, v);
    const complex_vec zero = {splat_f64(0.0), splat_f64(0.0)};
    const double *at = b->digits + v * VECTOR_WIDTH;
    double *turned = b->shifted;
    double *plain = turned + polys * 2 * VECTOR_WIDTH;
    for (size_t i = 0; i < polys; i++) {
        const complex_vec d = {load_f64(at), load_f64(at + FFT_BLOCK)};
        store_complex(turned + i * 2 * VECTOR_WIDTH, complex_add(zero, y, d));
        store_complex(plain + i * 2 * VECTOR_WIDTH, d);
        at += 2 * FFT_BLOCK;
    }
}

/* `count` elements of one bundle; key [elements][sets][re, im][W] of the first of them. */
INLINE void elements_form(int count, uint32_t sets, const bundle_list *list, double *out,
                          uint32_t bundle, const complex_vec *w, const double *key)
{
    const size_t stride = (size_t)sets * 2 * VECTOR_WIDTH;
    complex_vec sum[4];
    for (int e = 0; e < count; e++) {
        sum[e] = bundle == 0 ? load_complex(key + (size_t)e * stride)
                             : (complex_vec){splat_f64(0.0), splat_f64(0.0)};
    }
    for (uint32_t i = list->first[bundle]; i < list->first[bundle + 1]; i++) {
        const uint32_t set = list->order[i];
        const double *term = key + (size_t)set * 2 * VECTOR_WIDTH;
        for (int e = 0; e < count; e++) {
            sum[e] = complex_add(sum[e], w[set], load_complex(term + (size_t)e * stride));
        }
    }
    for (int e = 0; e < count; e++) {
        store_complex(out + (size_t)e * 2 * VECTOR_WIDTH, sum[e]);
    }
}

INLINE void sets_form(uint32_t sets, const extended_block *b, uint32_t v, const double *key)
{
    const uint32_t elements = b->columns * b->rows;
    const size_t stride = (size_t)sets * 2 * VECTOR_WIDTH;
    const bundle_list *list = &b->list;
    complex_vec w[MAX_SETS];
    for (uint32_t set = 1; set < sets; set++) {
        w[set] = monomial_at(&b->monomials->set[set], b->scalar[set], v);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        double *out = b->bundles + (size_t)i * elements * 2 * VECTOR_WIDTH;
        uint32_t e = 0;
        for (; e + 4 <= elements; e += 4) {
            elements_form(4, sets, list, out + (size_t)e * 2 * VECTOR_WIDTH, i, w,
                          key + e * stride);
        }
        for (; e < elements; e++) {
            elements_form(1, sets, list, out + (size_t)e * 2 * VECTOR_WIDTH, i, w,
                          key + e * stride);
        }
    }
}

static NOINLINE void bundles_form(const extended_block *b, uint32_t v, const double *key)
{
    if (b->sets == 4) {
        sets_form(4, b, v, key);
    } else {
        sets_form(8, b, v, key);
    }
}

/* Results of `count` neighbouring parts, one column. */
INLINE void parts_product(int count, const extended_block *b, uint32_t v, uint32_t part,
                          uint32_t column)
{
    const size_t part_stride = (size_t)b->rows * 2 * VECTOR_WIDTH;
    complex_vec sum[4];
    for (int p = 0; p < count; p++) {
        sum[p] = (complex_vec){splat_f64(0.0), splat_f64(0.0)};
    }
    for (uint32_t i = 0; i < b->list.count; i++) {
        const double *bundle =
            b->bundles + ((size_t)i * b->columns + column) * b->rows * 2 * VECTOR_WIDTH;
        const double *digit = b->shifted + (b->parts + part - b->list.residue[i]) * part_stride;
        for (uint32_t r = 0; r < b->rows; r++) {
            const complex_vec factor = load_complex(bundle + (size_t)r * 2 * VECTOR_WIDTH);
            for (int p = 0; p < count; p++) {
                const double *d = digit + (size_t)p * part_stride + (size_t)r * 2 * VECTOR_WIDTH;
                sum[p] = complex_add(sum[p], factor, load_complex(d));
            }
        }
    }
    for (int p = 0; p < count; p++) {
        double *out = b->digits + (((size_t)part + (uint32_t)p) * b->rows + column) * 2 * FFT_BLOCK;
        store_f64(out + v * VECTOR_WIDTH, sum[p].re);
        store_f64(out + FFT_BLOCK + v * VECTOR_WIDTH, sum[p].im);
    }
}

static NOINLINE void products(const extended_block *b, uint32_t v)
{
    for (uint32_t column = 0; column < b->columns; column++) {
        if (b->parts == 2) {
            parts_product(2, b, v, 0, column);
        }
        for (uint32_t part = 0; part + 4 <= b->parts; part += 4) {
            parts_product(4, b, v, part, column);
        }
    }
}

static NOINLINE void block_open(extended_block *b, uint32_t block, const group_monomials *monomials,
                                const grouped_plan *plan, double *scratch)
{
    const torc_shape *shape = plan->shape;
    b->monomials = monomials;
    b->parts = (uint32_t)1 << shape->extended_log2;
    b->columns = shape->glwe_dim + 1;
    b->rows = (uint32_t)row_count(shape);
    b->sets = (uint32_t)1 << shape->grouping;
    b->digits = scratch;
    b->shifted = b->digits + (size_t)b->parts * b->rows * 2 * FFT_BLOCK;
    b->bundles = b->shifted + (size_t)2 * b->parts * b->rows * 2 * VECTOR_WIDTH;
    b->y = monomial_of(plan->monomials, 1);
    b->y_scalar = monomial_scalar(plan->monomials, &b->y, block);
    for (uint32_t set = 1; set < b->sets; set++) {
        b->scalar[set] = monomial_scalar(plan->monomials, &monomials->set[set], block);
    }
    bundles_find(&b->list, monomials, b->sets);
}

size_t TORC_CPU(grouped_block_doubles)(const torc_shape *shape)
{
    const size_t rows = row_count(shape);
    const size_t parts = (size_t)1 << shape->extended_log2;
    return parts * rows * 2 * FFT_BLOCK + 2 * parts * rows * 2 * VECTOR_WIDTH +
           MAX_SETS * (shape->glwe_dim + 1) * rows * 2 * VECTOR_WIDTH;
}

void TORC_CPU(grouped_block_extended)(double *state, uint32_t block,
                                      const group_monomials *monomials, const double *key,
                                      const grouped_plan *plan, double *scratch)
{
    const uint32_t half = plan->fft->half;
    const uint32_t first = block * FFT_BLOCK;
    const size_t node = (size_t)block * FFT_KERNEL_WORDS;
    extended_block b;

    block_open(&b, block, monomials, plan, scratch);
    const size_t key_vector = (size_t)b.columns * b.rows * b.sets * 2 * VECTOR_WIDTH;
    for (uint32_t part = 0; part < b.parts; part++) {
        block_forward(b.digits + (size_t)part * b.rows * 2 * FFT_BLOCK,
                      state + (size_t)part * b.rows * 2 * half, b.rows, half, first,
                      plan->fft->kernel_forward + node);
    }
    for (uint32_t v = 0; v < VECTOR_WIDTH; v++) {
        digits_shift(&b, v);
        bundles_form(&b, v, key + v * key_vector);
        products(&b, v);
    }
    for (uint32_t part = 0; part < b.parts; part++) {
        block_inverse(state + (size_t)part * b.rows * 2 * half,
                      b.digits + (size_t)part * b.rows * 2 * FFT_BLOCK, b.columns, half, first,
                      plan->fft->kernel_inverse + node);
    }
}
