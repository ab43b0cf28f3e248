/* Negacyclic FFT in double precision.
 *   M = N/2,  z_j = a_j + i a_{j+M},  j = 0 .. M-1
 *   forward:  A_m = a(r_m) = sum_j z_j r_m^j,   r_m = exp(i pi (4m + 1) / N),  m = 0 .. M-1
 *   inverse:  the exact inverse, 1/M included
 *   monomial: X^e has the spectrum r_m^e
 * The r_m are the roots of X^M - i, one from each conjugate pair of roots of X^N + 1, so products
 * of polynomials modulo X^N + 1 are products of A_m. r_m^j = exp(i pi j / N) exp(2 i pi m j / M): a
 * twist, then an ordinary FFT of M points (radix 2, decimation in time).
 *
 * Layouts: coefficients double[N]; spectrum double[M][2] (re, im), natural order of m.
 * Error: relative to the norm of the output about 2^-53 sqrt(log2 N). Roots are computed from
 * reduced arguments in long double: rounding them once is all the error they have. */
#include "kernels/kernels.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

enum { MAX_POLY_SIZE = 4096, ROOT_COUNT = 2 * MAX_POLY_SIZE };

typedef struct complex_value {
    double re;
    double im;
} complex_value;

static complex_value roots[ROOT_COUNT]; /* exp(2 i pi t / ROOT_COUNT) */
static pthread_once_t roots_once = PTHREAD_ONCE_INIT;

static void roots_fill(void)
{
    const long double turn = 6.283185307179586476925286766559005768L;
    for (int t = 0; t < ROOT_COUNT; t++) {
        const long double angle = turn * (long double)t / ROOT_COUNT;
        roots[t].re = (double)cosl(angle);
        roots[t].im = (double)sinl(angle);
    }
}

static complex_value multiply(complex_value a, complex_value b)
{
    return (complex_value){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static complex_value conjugate(complex_value a)
{
    return (complex_value){a.re, -a.im};
}

static void bit_reverse(complex_value *z, size_t count)
{
    for (size_t i = 1, j = 0; i < count; i++) {
        size_t bit = count >> 1;
        for (; j & bit; bit >>= 1) {
            j ^= bit;
        }
        j ^= bit;
        if (i < j) {
            const complex_value swap = z[i];
            z[i] = z[j];
            z[j] = swap;
        }
    }
}

/* z_m = sum_j z_j exp(sign * 2 i pi m j / count). */
static void fft_cyclic(complex_value *z, size_t count, int sign)
{
    bit_reverse(z, count);
    for (size_t half = 1; half < count; half *= 2) {
        for (size_t first = 0; first < count; first += 2 * half) {
            for (size_t j = 0; j < half; j++) {
                const complex_value root = roots[j * (ROOT_COUNT / (2 * half))];
                const complex_value a = z[first + j];
                const complex_value b =
                    multiply(z[first + j + half], sign > 0 ? root : conjugate(root));
                z[first + j] = (complex_value){a.re + b.re, a.im + b.im};
                z[first + j + half] = (complex_value){a.re - b.re, a.im - b.im};
            }
        }
    }
}

void torc_ref_fft_forward(double *out, const double *in, uint32_t poly_size)
{
    const size_t half = poly_size / 2;
    complex_value z[MAX_POLY_SIZE / 2];
    pthread_once(&roots_once, roots_fill);
    for (size_t j = 0; j < half; j++) {
        const complex_value folded = {in[j], in[j + half]};
        z[j] = multiply(folded, roots[j * (ROOT_COUNT / (2 * poly_size))]);
    }
    fft_cyclic(z, half, 1);
    for (size_t m = 0; m < half; m++) {
        out[2 * m] = z[m].re;
        out[2 * m + 1] = z[m].im;
    }
}

void torc_ref_fft_inverse(double *out, const double *in, uint32_t poly_size)
{
    const size_t half = poly_size / 2;
    const double scale = 1.0 / (double)half;
    complex_value z[MAX_POLY_SIZE / 2];
    pthread_once(&roots_once, roots_fill);
    memcpy(z, in, half * sizeof *z);
    fft_cyclic(z, half, -1);
    for (size_t j = 0; j < half; j++) {
        const complex_value root = conjugate(roots[j * (ROOT_COUNT / (2 * poly_size))]);
        const complex_value value = multiply(z[j], root);
        out[j] = value.re * scale;
        out[j + half] = value.im * scale;
    }
}

void torc_ref_fft_monomial(double *out, uint32_t exponent, uint32_t poly_size)
{
    const uint32_t turn = 2 * poly_size; /* r_m^exponent = exp(2 i pi (4m + 1) exponent / 2N) */
    pthread_once(&roots_once, roots_fill);
    for (uint32_t m = 0; m < poly_size / 2; m++) {
        const uint32_t angle = ((4 * m + 1) * exponent) & (turn - 1); /* wraps: 2N divides 2^32 */
        const complex_value root = roots[(size_t)angle * (ROOT_COUNT / turn)];
        *out++ = root.re;
        *out++ = root.im;
    }
}
