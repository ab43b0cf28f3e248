/* clang-format off */
/* Tables of the transforms and of the rotation's monomials: sizes and layouts. Made on the host,
 * kept at the head of a prepared key, copied to shared memory by every block. Legend: fft.cuh.
 *
 *   forward1   [2^levels1 / 2][P]       w of the nodes 0, 2, .. below node h of pass 1, rows as
 *                                       fft_tree_table reads them
 *   forward2   [2^levels2 / 2][low][x]  the same for pass 2
 *   inverse2   [2^levels2][P]           exp(-2 pi i rev_p(i) r / 2^(p + levels2)) at [r][i]
 *   middle     [P - skipped][L]         exp(-i pi r (1 + 4 rev_p(h)) / N) at [register][lane]; register 0
 *                                       is skipped where r = 0 on every lane: square transforms, M = P^2
 *   root_low   [64]                     exp(i pi k / N)
 *   root_high  [N / 32]                 exp(i pi 64 k / N)
 *
 * Behind them, from a whole line of 128 bytes on, never copied to shared memory:
 *
 *   all_roots  [2N]                     exp(i pi k / N) */
/* clang-format on */
#ifndef TORC_CUDA_FFT_TABLES_H
#define TORC_CUDA_FFT_TABLES_H

#include <stddef.h>
#include <stdint.h>

/* Counts of double2. */
typedef struct fft_table_sizes {
    uint32_t forward1, forward2, inverse2, middle, roots;
} fft_table_sizes;

#define FFT_ROOT_LOW 64

static constexpr int fft_middle_skipped(int log2_n, int p)
{
    return log2_n - 1 == 2 * p ? 1 : 0;
}

static constexpr fft_table_sizes fft_table_sizes_of(int log2_n, int p)
{
    const int m = log2_n - 1;
    const int levels1 = m - p < p ? m - p : p;
    const int levels2 = m - p - levels1;
    fft_table_sizes t = {};
    t.forward1 = (1u << levels1 >> 1) << p;
    t.forward2 = levels2 > 0 ? 1u << (m - 1) : 0;
    t.inverse2 = levels2 > 0 ? 1u << (levels2 + p) : 0;
    t.middle = (1u << m) - ((uint32_t)fft_middle_skipped(log2_n, p) << (m - p));
    t.roots = FFT_ROOT_LOW + (1u << log2_n) / 32;
    return t;
}

static constexpr uint32_t fft_table_count(fft_table_sizes t)
{
    return t.forward1 + t.forward2 + t.inverse2 + t.middle + t.roots;
}

/* Where all_roots begins. */
static constexpr uint32_t fft_all_roots_at(fft_table_sizes t)
{
    return (fft_table_count(t) + 7) / 8 * 8;
}

/* Fills them all, in the order above; out: re, im interleaved, fft_all_roots_at + 2N
 * pairs. */
void fft_tables_fill(double *out, int log2_n, int p);

#endif
