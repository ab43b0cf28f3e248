/* The reference transform against its definition; exact products of every path against the
 * schoolbook. The round-off of the CPU transforms: slow_kernels_fft.c. */
#include "tests/cpu_tables.h"
#include "tests/kernel_keys.h"
#include "tests/kernel_oracles.h"

#include <criterion/criterion.h>
#include <math.h>

Test(kernels_fft, forward_evaluates_at_the_roots)
{
    enum { N = 256 };
    const long double pi = 3.141592653589793238462643383279502884L;
    test_rng rng = {1};
    double in[N];
    double out[N];
    for (int i = 0; i < N; i++) {
        in[i] = (double)(int64_t)rng_next(&rng) * 0x1p-63;
    }
    torc_ref_fft_forward(out, in, N);
    for (int m = 0; m < N / 2; m++) {
        long double re = 0;
        long double im = 0;
        for (int j = 0; j < N; j++) { /* all N coefficients: no folding */
            const int turns = (int)((long)j * (4 * m + 1) % (2 * N));
            re += in[j] * cosl(pi * turns / N);
            im += in[j] * sinl(pi * turns / N);
        }
        cr_expect(fabsl(out[2 * m] - re) < 1e-13L && fabsl(out[2 * m + 1] - im) < 1e-13L,
                  "point %d: (%g, %g), expected (%Lg, %Lg)", m, out[2 * m], out[2 * m + 1], re, im);
    }
}

Test(kernels_fft, inverse_undoes_forward)
{
    test_rng rng = {2};
    for (uint32_t size = 256; size <= 4096; size *= 2) {
        double in[4096];
        double out[4096];
        for (uint32_t i = 0; i < size; i++) {
            in[i] = (double)(int64_t)rng_next(&rng) * 0x1p-63;
        }
        torc_ref_fft_forward(out, in, size);
        torc_ref_fft_inverse(out, out, size);
        for (uint32_t i = 0; i < size; i++) {
            cr_expect(fabs(out[i] - in[i]) < 4e-15, "N=%u coefficient %u", size, i);
        }
    }
}

/* Polynomials that stress limbs, the carry between them, and signs. */
static void fill(uint64_t *a, uint64_t *b, uint32_t size, int kind, test_rng *rng)
{
    for (uint32_t i = 0; i < size; i++) {
        const uint64_t random = rng_next(rng);
        const uint64_t extreme[] = {random,
                                    UINT64_MAX,
                                    0x7fffffff80000000u, /* both limbs least */
                                    0x7fffffff7fffffffu, /* both limbs largest */
                                    0x800000007fffffffu,
                                    (uint64_t)1 << 63};
        a[i] = kind < 6 ? extreme[kind] : i == size - 1;
        b[i] = kind == 0 || kind == 6 ? rng_next(rng) >> 63 : 1;
    }
}

/* Of `count` pairs of polynomials at once. */
static void expect_exact(const torc_cpu_kernels *cpu, const uint64_t *expected,
                         const uint64_t *start, const uint64_t *a, const uint64_t *b,
                         uint32_t count, uint32_t size)
{
    double *spectrum = test_alloc((size_t)count * size * sizeof *spectrum);
    uint64_t *got = test_alloc(size * sizeof *got);
    for (size_t c = 0; c < count; c++) {
        cpu->binary_spectrum(spectrum + c * size, b + c * size, size);
    }
    memcpy(got, start, size * sizeof *got);
    cpu->negacyclic_add(got, a, spectrum, count, size);
    cr_expect(memcmp(got, expected, size * sizeof *got) == 0, "%s N=%u, %u products", cpu->name,
              size, count);
    free(spectrum);
    free(got);
}

enum { PRODUCTS = 6, KINDS = 7 };

Test(kernels_fft, negacyclic_products_are_exact)
{
    static uint64_t a[4096];
    static uint64_t b[4096];
    static uint64_t start[4096];
    static uint64_t expected[4096];
    static uint64_t got[4096];
    test_rng rng = {3};
    for (uint32_t size = 256; size <= 4096; size *= 2) {
        for (int kind = 0; kind < KINDS; kind++) {
            fill(a, b, size, kind, &rng);
            rng_words(&rng, start, size);
            memcpy(expected, start, sizeof start);
            naive_product_add(expected, a, b, size);
            memcpy(got, start, sizeof start);
            torc_ref_negacyclic_add(got, a, b, size);
            cr_expect(memcmp(got, expected, size * sizeof *got) == 0, "ref N=%u kind %d", size,
                      kind);
            for (size_t isa = 0; isa < CPU_TABLES; isa++) {
                const torc_cpu_kernels *cpu = cpu_table(isa);
                if (cpu != NULL) {
                    expect_exact(cpu, expected, start, a, b, 1, size);
                }
            }
        }
    }
}

/* The same product of the largest values over and over is where sums are largest. */
Test(kernels_fft, sums_of_negacyclic_products_are_exact)
{
    static uint64_t a[PRODUCTS * 4096];
    static uint64_t b[PRODUCTS * 4096];
    static uint64_t start[4096];
    static uint64_t expected[4096];
    test_rng rng = {4};
    for (uint32_t size = 256; size <= 4096; size *= 4) {
        for (int kind = 0; kind < KINDS; kind++) {
            memset(expected, 0, sizeof expected);
            for (size_t c = 0; c < PRODUCTS; c++) {
                fill(a + c * size, b + c * size, size, kind, &rng);
                torc_ref_negacyclic_add(expected, a + c * size, b + c * size, size);
            }
            for (size_t isa = 0; isa < CPU_TABLES; isa++) {
                const torc_cpu_kernels *cpu = cpu_table(isa);
                if (cpu != NULL) {
                    expect_exact(cpu, expected, start, a, b, PRODUCTS, size);
                }
            }
        }
    }
}

Test(kernels_fft, portable_kernels_are_always_there)
{
    const torc_cpu_kernels *cpu = torc_cpu_kernels_named("portable");
    cr_assert_not_null(cpu);
    cr_expect_str_eq(cpu->name, "portable");
    cr_expect_null(torc_cpu_kernels_named("sse9"));
    cr_expect_not_null(torc_cpu_kernels_get());
}

/* Otherwise tests of AVX-512 would test nothing, and say nothing. */
Test(kernels_fft, avx512_is_emulated_where_the_build_says_so)
{
    const torc_cpu_kernels *cpu = torc_cpu_kernels_named("avx512_emulated");
    cr_expect_eq(cpu != NULL, TORC_AVX512_EMULATED && torc_cpu_kernels_named("avx2") != NULL);
    if (getenv("TORC_CPU") == NULL) {
        cr_expect(torc_cpu_kernels_get() != cpu, "chosen by itself");
    }
}
