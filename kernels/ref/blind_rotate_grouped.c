/* Blind rotation with g key bits a step: one external product in place of g.
 *   U     nonempty sets of the step's g bits; K_T = GGSW(1 when exactly the bits of T are 1, else
 * 0) step  acc = (G + sum_{T in U} (X^(a_T) - 1) K_T) external-product acc, a_T = sum_{i in T}
 * exponent_i modulo 2N',   G = GGSW(1) without noise or mask Of all K_T at most one holds 1, that
 * of the ones of the key: the bracket, the bundle, is a GGSW of X^(sum_i exponent_i s_i). (If none
 * does it is one of 1: G alone.)
 *
 * Extended, N' = 2^v N, Y = X^(2^v): a_T = 2^v q_T + r_T, so the bundle falls apart by residues,
 *   B_r = sum_{T: r_T = r} Y^(q_T) K_T  +  [r = 0] (G - sum_{T in U} K_T)
 *   out_j = sum_r Y^[j < r] B_r external-product acc_((j - r) mod 2^v)
 * which at v = 0 is the step above. Bundles are formed from spectra, Y^(q_T) as the product of the
 * Y^(q_i) and of Y to the carry of the residues: (sum_{i in T} r_i) >> v.
 *
 * Noise of a step (torus units, all coefficients alike, whatever v): for g >= 1
 *   2 (2^g - 1) l (k+1) N vb (B^2+2)/12  +  (1 + weight(S)) B^(-2l)/12  +  V_FFT,g
 * Every term enters twice, times X^(a_T) and times -1; the digits that are dropped always count,
 * also when all bits are 0.
 *
 * Layouts: kernels.h; accumulators as in ref/blind_rotate.c.
 *
 * One term a set: Bourse, Minelli, Minihold, Paillier, "Fast homomorphic evaluation of deep
 * discretized neural networks" (CRYPTO 2018). */
#include "kernels/kernels.h"

#include <stdbool.h>
#include <string.h>

enum { MAX_POLY_SIZE = 4096 };

static uint32_t group_size(const torc_shape *shape)
{
    return shape->grouping == 0 ? 1 : shape->grouping;
}

static size_t part_words(const torc_shape *shape)
{
    return (size_t)(shape->glwe_dim + 1) * shape->poly_size;
}

static size_t ggsw_words(const torc_shape *shape)
{
    return part_words(shape) * (shape->glwe_dim + 1) * shape->level_count;
}

/* a[N] = a b, spectra. */
static void spectrum_multiply(double *a, const double *b, uint32_t size)
{
    for (uint32_t m = 0; m < size; m += 2) {
        const double re = a[m] * b[m] - a[m + 1] * b[m + 1];
        a[m + 1] = a[m] * b[m + 1] + a[m + 1] * b[m];
        a[m] = re;
    }
}

/* r_T: set is the bits of T, exponent[g]. */
static uint32_t set_residue(uint32_t set, const uint32_t *exponent, const torc_shape *shape)
{
    uint32_t sum = 0;
    for (uint32_t b = 0; b < group_size(shape); b++) {
        sum += set >> b & 1 ? exponent[b] : 0;
    }
    return sum & (((uint32_t)1 << shape->extended_log2) - 1);
}

/* factor[N] = Y^(q_T). */
static void set_monomial(double *factor, uint32_t set, const uint32_t *exponent,
                         const torc_shape *shape)
{
    const uint32_t part_mask = ((uint32_t)1 << shape->extended_log2) - 1;
    double monomial[MAX_POLY_SIZE];
    uint32_t residue_sum = 0;

    torc_ref_fft_monomial(factor, 0, shape->poly_size);
    for (uint32_t b = 0; b < group_size(shape); b++) {
        if (set >> b & 1) {
            residue_sum += exponent[b] & part_mask;
            torc_ref_fft_monomial(monomial, exponent[b] >> shape->extended_log2, shape->poly_size);
            spectrum_multiply(factor, monomial, shape->poly_size);
        }
    }
    torc_ref_fft_monomial(monomial, residue_sum >> shape->extended_log2, shape->poly_size);
    spectrum_multiply(factor, monomial, shape->poly_size);
}

/* bundle += G: row (c, j) is 2^(-base_log (j+1)) in column c. */
static void gadget_add(double *bundle, const torc_shape *shape)
{
    for (uint32_t c = 0; c <= shape->glwe_dim; c++) {
        double unit = 1;
        for (uint32_t j = 0; j < shape->level_count; j++) {
            double *row = bundle + ((size_t)c * shape->level_count + j) * part_words(shape);
            unit /= (double)((uint64_t)1 << shape->base_log);
            for (uint32_t m = 0; m < shape->poly_size; m += 2) {
                row[(size_t)c * shape->poly_size + m] += unit;
            }
        }
    }
}

/* bundle += factor[N] term, both GGSW. */
static void term_add(double *bundle, const double *term, const double *factor,
                     const torc_shape *shape)
{
    const uint32_t size = shape->poly_size;
    for (size_t first = 0; first < ggsw_words(shape); first += size) {
        double *out = bundle + first;
        const double *in = term + first;
        for (uint32_t m = 0; m < size; m += 2) {
            out[m] += factor[m] * in[m] - factor[m + 1] * in[m + 1];
            out[m + 1] += factor[m] * in[m + 1] + factor[m + 1] * in[m];
        }
    }
}

/* bundle = B_residue; false when nothing has this residue. */
static bool bundle_form(double *bundle, uint32_t residue, const uint32_t *exponent,
                        const double *terms, const torc_shape *shape)
{
    const uint32_t set_count = (uint32_t)1 << group_size(shape);
    double factor[MAX_POLY_SIZE];
    bool is_used = residue == 0;

    memset(bundle, 0, ggsw_words(shape) * sizeof *bundle);
    for (uint32_t set = 1; set < set_count; set++) {
        const bool is_here = set_residue(set, exponent, shape) == residue;
        if (!is_here && residue != 0) {
            continue;
        }
        memset(factor, 0, sizeof factor);
        if (is_here) {
            set_monomial(factor, set, exponent, shape);
        }
        for (uint32_t m = 0; m < shape->poly_size && residue == 0; m += 2) {
            factor[m] -= 1;
        }
        term_add(bundle, terms + (set - 1) * ggsw_words(shape), factor, shape);
        is_used = true;
    }
    if (residue == 0) {
        gadget_add(bundle, shape);
    }
    return is_used;
}

/* out[k + 1][N] += in, or Y in when shift is 1. */
static void part_add(uint64_t *out, const uint64_t *in, uint32_t shift, const torc_shape *shape)
{
    const uint32_t size = shape->poly_size;
    for (size_t first = 0; first < part_words(shape); first += size) {
        for (uint32_t i = 0; i < size - shift; i++) {
            out[first + i + shift] += in[first + i];
        }
        if (shift != 0) {
            out[first] -= in[first + size - 1];
        }
    }
}

/* out[2^v] = one step of in[2^v]; exponent[g], terms of the step. */
static void grouped_step(uint64_t *out, uint64_t *product, double *bundle, const uint64_t *in,
                         const uint32_t *exponent, const double *terms, const torc_shape *shape)
{
    const uint32_t part_count = (uint32_t)1 << shape->extended_log2;
    const size_t words = part_words(shape);

    memset(out, 0, (words << shape->extended_log2) * sizeof *out);
    for (uint32_t r = 0; r < part_count; r++) {
        if (!bundle_form(bundle, r, exponent, terms, shape)) {
            continue;
        }
        for (uint32_t to = 0; to < part_count; to++) {
            const uint32_t from = (to - r) & (part_count - 1);
            torc_ref_external_product(product, bundle, in + words * from, shape);
            part_add(out + words * to, product, to < r, shape);
        }
    }
}

void torc_ref_blind_rotate_grouped(uint64_t *parts, uint64_t *scratch, double *bundle,
                                   const uint64_t *poly, const uint32_t *exponent,
                                   const double *const *fourier, const torc_shape *shape)
{
    const uint32_t exponent_mask = 2 * (shape->poly_size << shape->extended_log2) - 1;
    const uint32_t g = group_size(shape);
    const size_t all_words = part_words(shape) << shape->extended_log2;

    torc_ref_accumulator_start(parts, poly, (0 - exponent[shape->lwe_dim]) & exponent_mask, shape);
    for (uint32_t step = 0; step < shape->lwe_dim / g; step++) {
        grouped_step(scratch, scratch + all_words, bundle, parts, exponent + (size_t)step * g,
                     fourier[step], shape);
        memcpy(parts, scratch, all_words * sizeof *parts);
    }
}
