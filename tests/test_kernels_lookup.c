/* A whole lookup (keyswitch and bootstrap) at a production parameter set: 4 bits, 128-bit security,
 * n=860, k=1, N=2048, base 2^23 x 1, keyswitch 2^3 x 5, TUniform(17) and, on 32 bits, TUniform(14).
 * Every entry of random tables, different for each ciphertext of the batch. Noise:
 * slow_kernels_noise.c. */
#include "tests/cpu_tables.h"
#include "tests/kernel_keys.h"
#include "tests/kernel_oracles.h"

#include <criterion/criterion.h>
#include <math.h>

enum { INDEX_BITS = 4, ENTRIES = 16, ENCRYPTION_NOISE = 17 };

static const torc_shape shape = {.glwe_dim = 1,
                                 .poly_size = 2048,
                                 .lwe_dim = 860,
                                 .base_log = 23,
                                 .level_count = 1,
                                 .ks_base_log = 3,
                                 .ks_level_count = 5};

static void expect_every_entry(const torc_cpu_kernels *cpu, const test_keys *keys, test_rng *rng)
{
    const size_t words = (size_t)shape.poly_size + 1;
    void *bootstrap_key = keys_cpu_bootstrap(keys, cpu);
    void *keyswitch_key = keys_cpu_keyswitch(keys, cpu);
    void *scratch = test_alloc(cpu->bootstrap_scratch_bytes(&shape, ENTRIES) +
                               cpu->keyswitch_scratch_bytes(&shape, ENTRIES));
    uint64_t *big = test_alloc(2 * ENTRIES * words * sizeof *big);
    uint32_t *small = test_alloc((size_t)ENTRIES * (shape.lwe_dim + 1) * sizeof *small);
    uint64_t entry[ENTRIES][ENTRIES];
    const uint64_t *in[ENTRIES];
    const uint64_t *entries[ENTRIES];
    uint64_t *out[ENTRIES];
    uint64_t offset[ENTRIES];
    uint32_t bits[ENTRIES];

    for (uint32_t b = 0; b < ENTRIES; b++) {
        uint64_t *lwe = big + b * words;
        rng_words(rng, entry[b], ENTRIES);
        offset[b] = rng_next(rng); /* taken off the message */
        keys_encrypt(lwe, keys, rng, ((uint64_t)b << (63 - INDEX_BITS)) - offset[b],
                     ENCRYPTION_NOISE);
        in[b] = lwe;
        out[b] = big + (ENTRIES + b) * words;
        entries[b] = entry[b];
        bits[b] = INDEX_BITS;
    }
    const torc_keyswitch_job job = {.small = small,
                                    .in = in,
                                    .offset = offset,
                                    .batch = ENTRIES,
                                    .key = keyswitch_key,
                                    .scratch = scratch};
    cpu->keyswitch(&job, &shape);
    cpu->bootstrap(out, small, entries, bits, ENTRIES, bootstrap_key, &shape, scratch);
    for (uint32_t b = 0; b < ENTRIES; b++) {
        const uint64_t phase = torc_ref_lwe_phase(out[b], keys->big, shape.poly_size);
        const double error = torus_fraction(phase - entry[b][b]);
        cr_expect(fabs(error) < 0x1p-11, "%s entry %u: error %g", cpu->name, b,
                  error); /* 13 sigma */
    }
    free(bootstrap_key);
    free(keyswitch_key);
    free(scratch);
    free(big);
    free(small);
}

Test(kernels_lookup, every_entry_is_right_at_production_parameters)
{
    test_rng rng = {71};
    test_keys keys;
    keys_make(&keys, &shape, &rng, 17, 14);
    for (size_t isa = 0; isa < CPU_TABLES; isa++) {
        const torc_cpu_kernels *cpu = cpu_table(isa);
        if (cpu != NULL) {
            expect_every_entry(cpu, &keys, &rng);
        }
    }
    keys_free(&keys);
}
