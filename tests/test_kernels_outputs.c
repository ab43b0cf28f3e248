/* Several results of one rotation: 2^o tables, interleaved, read at once. */
#include "tests/cpu_tables.h"
#include "tests/kernel_keys.h"
#include "tests/kernel_oracles.h"

#include <criterion/criterion.h>
#include <math.h>

enum { LWE_DIM = 12 };

/* A key ready to rotate, and room for a rotation of all tables. */
typedef struct rotator {
    test_keys keys;
    double *fourier;
    const double *steps[LWE_DIM];
    double *bundle;
    uint64_t *acc, *scratch;
    uint64_t *entry, *poly; /* [2^o][2^bits], [2^v N] */
    uint64_t *big;          /* [2^o][kN + 1] */
    uint32_t bits;
} rotator;

static rotator rotator_make(const torc_shape *s, uint32_t bits, test_rng *rng)
{
    const size_t parts = (size_t)1 << s->extended_log2;
    const size_t words = keys_row_words(s);
    const size_t ggsw_words = words * (s->glwe_dim + 1) * s->level_count;
    const size_t step_words = keys_terms(s) * ggsw_words;
    const size_t steps = s->lwe_dim / s->grouping;
    rotator r = {.bits = bits};

    keys_make(&r.keys, s, rng, 10, -1);
    r.fourier = test_alloc(steps * step_words * sizeof *r.fourier);
    r.bundle = test_alloc(ggsw_words * sizeof *r.bundle);
    r.acc = test_alloc(parts * words * sizeof *r.acc);
    r.scratch = test_alloc((parts + 1) * words * sizeof *r.scratch);
    r.entry = test_alloc(((size_t)1 << (s->outputs_log2 + bits)) * sizeof *r.entry);
    r.poly = test_alloc(parts * s->poly_size * sizeof *r.poly);
    r.big = test_alloc(((size_t)s->glwe_dim * s->poly_size + 1) * sizeof *r.big << s->outputs_log2);
    for (size_t i = 0; i < steps * keys_terms(s); i++) {
        torc_ref_ggsw_forward(r.fourier + i * ggsw_words, r.keys.ggsw + i * ggsw_words, s);
    }
    for (size_t i = 0; i < steps; i++) {
        r.steps[i] = r.fourier + i * step_words;
    }
    rng_words(rng, r.entry, (size_t)1 << (s->outputs_log2 + bits));
    torc_ref_table_polynomial(r.poly, r.entry, bits, s);
    return r;
}

static void rotator_free(rotator *r)
{
    keys_free(&r->keys);
    free(r->fourier);
    free(r->bundle);
    free(r->acc);
    free(r->scratch);
    free(r->entry);
    free(r->poly);
    free(r->big);
}

/* r->big = the results for an encryption of the middle of bin `index`. */
static void look_up(rotator *r, uint32_t index, test_rng *rng)
{
    const torc_shape *s = &r->keys.shape;
    uint32_t small[LWE_DIM + 1];
    uint32_t exponent[LWE_DIM + 1];

    keys_encrypt_small(small, &r->keys, rng, index << (31 - r->bits), -1);
    small[s->lwe_dim] += (uint32_t)1 << (30 - r->bits);
    torc_ref_modulus_switch(exponent, small, s);
    torc_ref_blind_rotate_grouped(r->acc, r->scratch, r->bundle, r->poly, exponent, r->steps, s);
    torc_ref_extract_outputs(r->big, r->acc, s);
}

/* The results of all tables for an encryption of the middle of bin `index`, as a share of a turn
 * away from the entries at most 2^-12. */
static void expect_entries(const rotator *r, uint32_t index, const char *name)
{
    const torc_shape *s = &r->keys.shape;
    const size_t big_dim = (size_t)s->glwe_dim * s->poly_size;
    for (uint32_t t = 0; t < (uint32_t)1 << s->outputs_log2; t++) {
        const uint64_t phase =
            torc_ref_lwe_phase(r->big + t * (big_dim + 1), r->keys.big, (uint32_t)big_dim);
        const uint64_t value = r->entry[(t << r->bits) + index % (1u << r->bits)];
        const uint64_t expected = index >> r->bits ? -value : value;
        cr_expect(fabs(torus_fraction(phase - expected)) < 0x1p-12,
                  "%s k=%u N=%u v=%u g=%u: result %u of index %u, error %g", name, s->glwe_dim,
                  s->poly_size, s->extended_log2, s->grouping, t, index,
                  torus_fraction(phase - expected));
    }
}

/* The same by one table of CPU kernels. */
static void cpu_look_up(const rotator *r, const torc_cpu_kernels *cpu, const void *key,
                        void *scratch, uint32_t index, test_rng *rng)
{
    const torc_shape *s = &r->keys.shape;
    uint32_t small[LWE_DIM + 1];
    const uint64_t *entry = r->entry;
    uint64_t *out = r->big;

    keys_encrypt_small(small, &r->keys, rng, index << (31 - r->bits), -1);
    cpu->bootstrap(&out, small, &entry, &r->bits, 1, key, s, scratch);
}

Test(kernels_outputs, table_polynomial_interleaves_the_tables)
{
    const torc_shape s = {.poly_size = 256, .extended_log2 = 1, .outputs_log2 = 2};
    uint64_t entry[4 * 8];
    uint64_t poly[512];
    test_rng rng = {53};
    rng_words(&rng, entry, 4 * 8);
    torc_ref_table_polynomial(poly, entry, 3, &s);
    for (uint32_t i = 0; i < 512; i++) {
        cr_expect_eq(poly[i], entry[8 * (i % 4) + (uint32_t)floor(i / 512.0 * 8)]);
    }
}

static const torc_shape shapes[] = {
    {1, 256, LWE_DIM, 0, 16, 2, 1, 1, 1, 1},  {1, 256, LWE_DIM, 1, 16, 2, 1, 1, 2, 3},
    {2, 256, LWE_DIM, 3, 16, 2, 1, 1, 3, 2},  {1, 1024, LWE_DIM, 2, 16, 2, 1, 1, 2, 2},
    {1, 1024, LWE_DIM, 0, 20, 1, 1, 1, 1, 2}, {1, 512, LWE_DIM, 1, 20, 1, 1, 1, 1, 2},
};

static uint32_t index_bits(const torc_shape *s)
{
    return (uint32_t)log2(s->poly_size) + s->extended_log2 - s->outputs_log2 - 4;
}

/* Every entry of every table in both halves, from an encryption through modulus switch and
 * extraction; fewer results than parts, as many, and more. The switch adds n/48 cells^2 (n = 12):
 * half a bin has 8 cells, 16 sigma. */
Test(kernels_outputs, each_result_is_the_entry_of_its_own_table)
{
    for (size_t row = 0; row < sizeof shapes / sizeof *shapes; row++) {
        test_rng rng = {700 + row};
        rotator r = rotator_make(&shapes[row], index_bits(&shapes[row]), &rng);
        for (uint32_t index = 0; index < (uint32_t)2 << r.bits; index++) {
            look_up(&r, index, &rng);
            expect_entries(&r, index, "reference");
        }
        rotator_free(&r);
    }
}

/* The same for every table of CPU kernels; words of 64 and of 32 bits, grouped and not. */
Test(kernels_outputs, cpu_kernels_give_each_result, .timeout = 120)
{
    for (size_t row = 0; row < sizeof shapes / sizeof *shapes; row++) {
        const torc_shape *s = &shapes[row];
        test_rng rng = {800 + row};
        rotator r = rotator_make(s, index_bits(s), &rng);
        for (size_t isa = 0; isa < CPU_TABLES; isa++) {
            const torc_cpu_kernels *cpu = cpu_table(isa);
            if (cpu == NULL) {
                continue;
            }
            void *key = keys_cpu_bootstrap(&r.keys, cpu);
            void *scratch = test_alloc(cpu->bootstrap_scratch_bytes(s, 1));
            for (uint32_t index = 0; index < (uint32_t)2 << r.bits; index++) {
                cpu_look_up(&r, cpu, key, scratch, index, &rng);
                expect_entries(&r, index, cpu->name);
            }
            free(key);
            free(scratch);
        }
        rotator_free(&r);
    }
}
