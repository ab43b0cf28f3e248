/* Keyswitch: the reference against rounded masks, the CPU kernels against the reference, bit for
 * bit. */
#include "tests/cpu_tables.h"
#include "tests/kernel_keys.h"

#include <criterion/criterion.h>

typedef struct keyswitch_case {
    uint32_t glwe_dim, poly_size, lwe_dim, base_log, level_count;
} keyswitch_case;

static const keyswitch_case cases[] = {
    {1, 256, 100, 3, 5}, {2, 512, 63, 4, 4},  {1, 1024, 500, 2, 8}, {6, 256, 31, 5, 3},
    {1, 256, 64, 1, 32}, {3, 256, 33, 16, 2}, {1, 512, 95, 32, 1},  {1, 256, 40, 15, 2},
};

static torc_shape shape_of(const keyswitch_case *c)
{
    return (torc_shape){.glwe_dim = c->glwe_dim,
                        .poly_size = c->poly_size,
                        .lwe_dim = c->lwe_dim,
                        .base_log = 10,
                        .level_count = 1,
                        .ks_base_log = c->base_log,
                        .ks_level_count = c->level_count};
}

/* Without key noise the phase is exactly round(body) minus the masks rounded to the kept bits. */
Test(kernels_keyswitch, phase_is_that_of_the_rounded_ciphertext)
{
    for (size_t row = 0; row < sizeof cases / sizeof *cases; row++) {
        const torc_shape s = shape_of(&cases[row]);
        const uint32_t dim = s.glwe_dim * s.poly_size;
        const uint32_t dropped = 64 - s.ks_base_log * s.ks_level_count;
        test_rng rng = {300 + row};
        test_keys keys;
        keys_make(&keys, &s, &rng, -1, -1);
        uint64_t *big = test_alloc((dim + 1) * sizeof *big);
        uint32_t *small = test_alloc((s.lwe_dim + 1) * sizeof *small);

        keys_encrypt(big, &keys, &rng, rng_next(&rng), 20);
        uint32_t expected = (uint32_t)((big[dim] + 0x80000000u) >> 32);
        for (uint32_t i = 0; i < dim; i++) {
            const uint64_t rounded = (big[i] + ((uint64_t)1 << (dropped - 1))) >> dropped
                                                                                      << dropped;
            expected -= (uint32_t)(rounded >> 32) * (uint32_t)keys.big[i];
        }
        torc_ref_keyswitch(small, big, keys.ksk, &s);
        cr_expect_eq(torc_ref_lwe_phase32(small, keys.small, s.lwe_dim), expected, "row %zu", row);
        free(big);
        free(small);
        keys_free(&keys);
    }
}

/* All columns, by as many parts as asked for. */
static void switch_parts(const torc_cpu_kernels *cpu, torc_keyswitch_job *job, uint32_t parts,
                         const torc_shape *s)
{
    job->part_count = parts;
    for (job->part = 0; job->part < parts; job->part++) {
        memset(job->scratch, 0xff, cpu->keyswitch_scratch_bytes(s, job->batch));
        cpu->keyswitch(job, s);
    }
}

static void expect_same_bits(const torc_cpu_kernels *cpu, const test_keys *keys, uint32_t batch,
                             uint32_t parts, test_rng *rng)
{
    const torc_shape *s = &keys->shape;
    const size_t big_words = (size_t)s->glwe_dim * s->poly_size + 1;
    const size_t small_words = (size_t)s->lwe_dim + 1;
    void *key = keys_cpu_keyswitch(keys, cpu);
    void *scratch = test_alloc(cpu->keyswitch_scratch_bytes(s, batch));
    uint64_t *big = test_alloc(batch * big_words * sizeof *big);
    uint32_t *small = test_alloc(batch * small_words * sizeof *small);
    uint32_t *expected = test_alloc(small_words * sizeof *expected);
    const uint64_t **in = test_alloc(batch * sizeof *in);
    uint64_t *offset = test_alloc(batch * sizeof *offset);

    rng_words(rng, big, batch * big_words);
    rng_words(rng, offset, batch);
    for (uint32_t b = 0; b < batch; b++) {
        in[b] = big + b * big_words;
    }
    torc_keyswitch_job job = {
        .small = small, .in = in, .offset = offset, .batch = batch, .key = key, .scratch = scratch};
    switch_parts(cpu, &job, parts, s);
    for (uint32_t b = 0; b < batch; b++) {
        big[(b + 1) * big_words - 1] += offset[b];
        torc_ref_keyswitch(expected, in[b], keys->ksk, s);
        cr_expect(memcmp(small + b * small_words, expected, small_words * sizeof *small) == 0,
                  "%s N=%u n=%u base 2^%u: ciphertext %u of %u", cpu->name, s->poly_size,
                  s->lwe_dim, s->ks_base_log, b, batch);
    }
    free(key);
    free(scratch);
    free(big);
    free(small);
    free(expected);
    free(in);
    free(offset);
}

Test(kernels_keyswitch, every_instruction_set_gives_the_same_bits)
{
    static const uint32_t batches[] = {1, 3, 8, 65, 5, 7, 11, 12};
    static const uint32_t part_counts[] = {1, 2, 3, 7, 200, 1, 4, 2}; /* 200: more than panels */
    for (size_t row = 0; row < sizeof cases / sizeof *cases; row++) {
        const torc_shape s = shape_of(&cases[row]);
        test_rng rng = {400 + row};
        test_keys keys;
        keys_make(&keys, &s, &rng, 5, 14);
        for (size_t isa = 0; isa < CPU_TABLES; isa++) {
            const torc_cpu_kernels *cpu = cpu_table(isa);
            if (cpu != NULL) {
                expect_same_bits(cpu, &keys, batches[row], part_counts[row], &rng);
            }
        }
        keys_free(&keys);
    }
}
