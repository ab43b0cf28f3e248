/* Bootstraps of the CPU kernels with g key bits a step, cell by cell: exponents come from the
 * reference modulus switch, so the very coefficient that a rotation leaves in front is known.
 * Tables are random, with an entry for every cell where 256 suffice: one wrong exponent, residue or
 * sign is another entry. All instruction sets, every value of a group's key bits. */
#include "tests/cpu_tables.h"
#include "tests/kernel_keys.h"
#include "tests/kernel_oracles.h"

#include <criterion/criterion.h>
#include <math.h>

enum { BATCH = 5, ENTRIES = 256, INDEX_BITS = 8 };

typedef struct batch {
    uint64_t *out; /* [BATCH][kN + 1] */
    uint32_t *small;
    uint64_t entry[BATCH][ENTRIES];
} batch;

/* Random masks; for ciphertext 0 the switch gives 0, the last exponent, half a turn, .. in turn. */
static void draw_small(batch *b, const torc_shape *s, test_rng *rng)
{
    static const uint32_t extreme[] = {0, UINT32_MAX, 0x80000000u, 0x7fffffffu, 0x40000000u, 1};
    const size_t words = (size_t)s->lwe_dim + 1;
    for (size_t i = 0; i < BATCH * words; i++) {
        b->small[i] = (uint32_t)rng_next(rng);
        if (i < words && rng_next(rng) % 2 == 0) {
            b->small[i] = extreme[rng_next(rng) % 6];
        }
    }
    rng_words(rng, &b->entry[0][0], (size_t)BATCH * ENTRIES);
}

/* Coefficient 0 of the table after the rotation that these exponents mean. */
static uint64_t expected_entry(const test_keys *keys, const uint32_t *small, const uint64_t *entry)
{
    const torc_shape *s = &keys->shape;
    const uint32_t size = s->poly_size << s->extended_log2;
    uint32_t *switched = test_alloc((s->lwe_dim + (size_t)1) * sizeof *switched);
    uint32_t *exponent = test_alloc((s->lwe_dim + (size_t)1) * sizeof *exponent);
    uint64_t *poly = test_alloc(size * sizeof *poly);

    memcpy(switched, small, (s->lwe_dim + (size_t)1) * sizeof *switched);
    switched[s->lwe_dim] += (uint32_t)1 << (30 - INDEX_BITS);
    torc_ref_modulus_switch(exponent, switched, s);
    torc_ref_table_polynomial(poly, entry, INDEX_BITS, s);
    int64_t shift = -(int64_t)exponent[s->lwe_dim];
    for (uint32_t i = 0; i < s->lwe_dim; i++) {
        shift += (int64_t)(exponent[i] * keys->small[i]);
    }
    const uint64_t expected = naive_rotated(poly, size, shift, 0);
    free(switched);
    free(exponent);
    free(poly);
    return expected;
}

static void expect_rotated(const torc_cpu_kernels *cpu, const test_keys *keys, test_rng *rng)
{
    enum { ROUNDS = 4 };
    const torc_shape *s = &keys->shape;
    const size_t big_words = (size_t)s->glwe_dim * s->poly_size + 1;
    const size_t small_words = (size_t)s->lwe_dim + 1;
    const double bound = s->base_log > 16 ? 0x1p-12 : 0x1p-20;
    void *key = keys_cpu_bootstrap(keys, cpu);
    void *scratch = test_alloc(cpu->bootstrap_scratch_bytes(s, BATCH));
    batch b = {.out = test_alloc(BATCH * big_words * sizeof *b.out),
               .small = test_alloc(BATCH * small_words * sizeof *b.small)};
    const uint64_t *entries[BATCH];
    uint64_t *outs[BATCH];
    const uint32_t bits[BATCH] = {INDEX_BITS, INDEX_BITS, INDEX_BITS, INDEX_BITS, INDEX_BITS};

    memset(scratch, 0xff, cpu->bootstrap_scratch_bytes(s, BATCH));
    for (int round = 0; round < ROUNDS; round++) {
        const uint32_t count = round == 0 ? 1 : BATCH;
        draw_small(&b, s, rng);
        for (size_t i = 0; i < BATCH; i++) {
            entries[i] = b.entry[i];
            outs[i] = b.out + i * big_words;
        }
        cpu->bootstrap(outs, b.small, entries, bits, count, key, s, scratch);
        for (size_t i = 0; i < count; i++) {
            const uint64_t phase = torc_ref_lwe_phase(outs[i], keys->big, (uint32_t)big_words - 1);
            const uint64_t expected = expected_entry(keys, b.small + i * small_words, b.entry[i]);
            cr_expect(fabs(torus_fraction(phase - expected)) < bound,
                      "%s g=%u v=%u k=%u N=%u l=%u, ciphertext %zu: error %g", cpu->name,
                      s->grouping, s->extended_log2, s->glwe_dim, s->poly_size, s->level_count, i,
                      torus_fraction(phase - expected));
        }
    }
    free(key);
    free(scratch);
    free(b.out);
    free(b.small);
}

static void expect_all_sets(const torc_shape *shape, uint64_t seed)
{
    test_rng rng = {seed};
    test_keys keys;
    keys_make(&keys, shape, &rng, 10, -1);
    for (size_t isa = 0; isa < CPU_TABLES; isa++) {
        const torc_cpu_kernels *cpu = cpu_table(isa);
        if (cpu != NULL) {
            expect_rotated(cpu, &keys, &rng);
        }
    }
    keys_free(&keys);
}

Test(kernels_cpu_grouped, every_shape_leaves_the_very_coefficient_in_front)
{
    static const torc_shape shapes[] = {
        {1, 256, 24, 0, 16, 2, 1, 1, 1, 0},  {1, 256, 24, 0, 16, 2, 1, 1, 2, 0},
        {1, 256, 24, 0, 16, 2, 1, 1, 3, 0},  {1, 256, 24, 1, 16, 2, 1, 1, 2, 0},
        {1, 256, 24, 1, 16, 2, 1, 1, 3, 0},  {1, 256, 24, 2, 16, 2, 1, 1, 3, 0},
        {1, 256, 24, 3, 16, 2, 1, 1, 2, 0},  {1, 256, 12, 5, 16, 2, 1, 1, 3, 0},
        {2, 256, 24, 0, 12, 3, 1, 1, 3, 0},  {6, 256, 12, 1, 16, 2, 1, 1, 2, 0},
        {1, 512, 24, 0, 6, 8, 1, 1, 2, 0},   {3, 512, 12, 2, 16, 2, 1, 1, 3, 0},
        {2, 1024, 12, 0, 22, 1, 1, 1, 3, 0}, {1, 1024, 12, 0, 25, 2, 1, 1, 2, 0},
        {1, 2048, 12, 0, 22, 1, 1, 1, 2, 0}, {1, 2048, 12, 1, 15, 2, 1, 1, 3, 0},
        {1, 4096, 12, 0, 16, 2, 1, 1, 3, 0},
    };
    for (size_t row = 0; row < sizeof shapes / sizeof *shapes; row++) {
        expect_all_sets(&shapes[row], 4000 + row);
    }
}

/* One group: all of its key's values. */
Test(kernels_cpu_grouped, every_key_of_a_group_rotates)
{
    for (uint32_t g = 2; g <= 3; g++) {
        for (uint32_t v = 0; v <= 2; v++) {
            const torc_shape s = {1, 256, g, v, 16, 2, 1, 1, g, 0};
            for (uint32_t value = 0; value < (uint32_t)1 << g; value++) {
                test_rng rng = {4100 + 10 * g + v};
                test_keys keys;
                keys_make(&keys, &s, &rng, 10, -1);
                for (uint32_t b = 0; b < g; b++) {
                    keys.small[b] = value >> b & 1;
                }
                for (size_t r = 0; r < keys_row_count(&s); r++) {
                    keys_bootstrap_row(&keys, &rng, r, 10);
                }
                expect_rotated(torc_cpu_kernels_get(), &keys, &rng);
                keys_free(&keys);
            }
        }
    }
}
