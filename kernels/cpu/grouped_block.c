/* Bundle and product of a grouped step without extension, at the points of one block (grouped.h).
 *   B_cr = bundle of column c, row r;   result_c = sum_r digit_r B_cr
 * A vector of points at a time: B_cr is formed in registers, used and forgotten. Fused
 * multiply-adds of a point: 4 g for the monomials, 4 2^g for each of the (k+1)^2 l elements. */
#include "kernels/cpu/block.h"
#include "kernels/cpu/grouped.h"

/* w_i and u_i = w_i - 1 of a vector of points. */
typedef struct bit_monomials {
    complex_vec w[MAX_GROUPING];
    complex_vec u[MAX_GROUPING];
} bit_monomials;

INLINE complex_vec slot_load(const double *key, uint32_t slot)
{
    return load_complex(key + (size_t)slot * 2 * VECTOR_WIDTH, VECTOR_WIDTH);
}

/* One element; key double [slots][re, im][W]. */
INLINE complex_vec bundle_at(int g, const double *key, const bit_monomials *m, double unit)
{
    complex_vec sum = {splat_f64(unit), splat_f64(0.0)};
    sum = complex_add(sum, m->u[0], slot_load(key, 0));
    complex_vec rest = complex_add(slot_load(key, 1), m->w[0], slot_load(key, 2));
    sum = complex_add(sum, m->u[1], rest);
    if (g == 3) {
        complex_vec low = complex_add(slot_load(key, 3), m->w[0], slot_load(key, 4));
        complex_vec high = complex_add(slot_load(key, 5), m->w[0], slot_load(key, 6));
        sum = complex_add(sum, m->u[2], complex_add(low, m->w[1], high));
    }
    return sum;
}

/* result [k + 1][re, im][FFT_BLOCK] = bundle times digit [rows][re, im][FFT_BLOCK]. */
INLINE void block_product(int g, double *result, const double *digit, const double *key,
                          const monomial *const *bit, const complex_vec *scalar, const double *unit,
                          uint32_t columns, uint32_t rows, key_stream *stream)
{
    const size_t element = (((size_t)1 << g) - 1) * 2 * VECTOR_WIDTH;
    for (uint32_t v = 0; v < VECTOR_WIDTH; v++) {
        bit_monomials m;
        key_fetch(stream);
        for (int i = 0; i < g; i++) {
            m.w[i] = monomial_at(bit[i], scalar[i], v);
            m.u[i] = (complex_vec){m.w[i].re - splat_f64(1.0), m.w[i].im};
        }
        for (uint32_t c = 0; c < columns; c++) {
            complex_vec sum = {splat_f64(0.0), splat_f64(0.0)};
            for (uint32_t r = 0; r < rows; r++, key += element) {
                const complex_vec bundle = bundle_at(g, key, &m, unit[c * rows + r]);
                const double *d = digit + (size_t)r * 2 * FFT_BLOCK + v * VECTOR_WIDTH;
                sum = complex_add(sum, load_complex(d, FFT_BLOCK), bundle);
            }
            store_complex(result + (size_t)c * 2 * FFT_BLOCK + v * VECTOR_WIDTH, FFT_BLOCK, sum);
        }
    }
}

INLINE void block_pass(int g, uint32_t columns, uint32_t rows, double *block_state, uint32_t block,
                       const group_monomials *monomials, const double *key,
                       const grouped_plan *plan, key_stream *stream)
{
    const block_place place = {2 * FFT_BLOCK, FFT_BLOCK};
    const size_t node = (size_t)block * FFT_KERNEL_WORDS;
    double result[(MAX_GLWE_DIM + 1) * 2 * FFT_BLOCK] __attribute__((aligned(64)));
    const monomial *bit[MAX_GROUPING];
    complex_vec scalar[MAX_GROUPING];

    for (int i = 0; i < g; i++) {
        bit[i] = &monomials->set[1 << i];
        scalar[i] = monomial_scalar(plan->monomials, bit[i], block);
    }
    key_fetch(stream);
    block_forward(block_state, block_state, rows, place, plan->fft->kernel_forward + node);
    block_product(g, result, block_state, key, bit, scalar, plan->unit, columns, rows, stream);
    key_fetch(stream);
    block_inverse(block_state, result, columns, place, plan->fft->kernel_inverse + node);
}

/* k = l = 1 with its sizes as constants, or any shape. */
INLINE void block_any(int g, double *block_state, uint32_t block, const group_monomials *monomials,
                      const double *key, const grouped_plan *plan, key_stream *stream)
{
    const uint32_t columns = plan->shape->glwe_dim + 1;
    const uint32_t rows = (uint32_t)row_count(plan->shape);
    if (columns == 2 && rows == 2) {
        block_pass(g, 2, 2, block_state, block, monomials, key, plan, stream);
    } else {
        block_pass(g, columns, rows, block_state, block, monomials, key, plan, stream);
    }
}

void TORC_CPU(grouped_block)(double *block_state, uint32_t block, const group_monomials *monomials,
                             const double *key, const grouped_plan *plan, key_stream *stream)
{
    if (plan->shape->grouping == 2) {
        block_any(2, block_state, block, monomials, key, plan, stream);
    } else {
        block_any(3, block_state, block, monomials, key, plan, stream);
    }
}
