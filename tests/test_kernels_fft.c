/* The reference transform against its definition; exact products of every path against the
 * schoolbook. The round-off of the CPU transforms: slow_kernels_fft.c. */
#include "tests/kernel_keys.h"
#include "tests/kernel_oracles.h"

#include <criterion/criterion.h>
#include <math.h>

static const char *const isa_names[] = {"portable", "avx2", "avx512"};

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

/* Polynomials that stress limbs and signs. */
static void fill(uint64_t *a, uint64_t *b, uint32_t size, int kind, test_rng *rng)
{
    for (uint32_t i = 0; i < size; i++) {
        const uint64_t random = rng_next(rng);
        const uint64_t extreme[] = {random, UINT64_MAX, 0x1000007ffff80000u, 0x8000002000008000u,
                                    (uint64_t)1 << 63};
        a[i] = kind < 5 ? extreme[kind] : i == size - 1;
        b[i] = kind == 0 || kind == 5 ? rng_next(rng) >> 63 : 1;
    }
}

Test(kernels_fft, negacyclic_products_are_exact)
{
    static uint64_t a[4096];
    static uint64_t b[4096];
    static uint64_t start[4096];
    static uint64_t expected[4096];
    static uint64_t got[4096];
    test_rng rng = {3};
    for (uint32_t size = 256; size <= 4096; size *= 2) {
        for (int kind = 0; kind < 6; kind++) {
            fill(a, b, size, kind, &rng);
            rng_words(&rng, start, size);
            memcpy(expected, start, sizeof start);
            naive_product_add(expected, a, b, size);
            memcpy(got, start, sizeof start);
            torc_ref_negacyclic_add(got, a, b, size);
            cr_expect(memcmp(got, expected, size * sizeof *got) == 0, "ref N=%u kind %d", size,
                      kind);
            for (size_t isa = 0; isa < 3; isa++) {
                const torc_cpu_kernels *cpu = torc_cpu_kernels_named(isa_names[isa]);
                if (cpu != NULL) {
                    memcpy(got, start, sizeof start);
                    cpu->negacyclic_add(got, a, b, size);
                    cr_expect(memcmp(got, expected, size * sizeof *got) == 0, "%s N=%u kind %d",
                              cpu->name, size, kind);
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
