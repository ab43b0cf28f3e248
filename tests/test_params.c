/* Ranges, fingerprint and key sizes of parameter sets. */
#include "runtime/params.h"

#include <criterion/criterion.h>
#include <string.h>

static const torc_params good = {
    .glwe_dim = 1,
    .poly_size = 2048,
    .glwe_noise_log2 = 17,
    .lwe_dim = 918,
    .lwe_noise_log2 = 13,
    .extended_log2 = 0,
    .grouping = 1,
    .bootstrap = {.base_log = 23, .level_count = 1},
    .keyswitch = {.base_log = 4, .level_count = 4},
};

/* Every field in order of the struct, to change one at a time. */
enum { FIELD_COUNT = sizeof(torc_params) / sizeof(uint32_t) };

static torc_params with(size_t field, uint32_t value)
{
    uint32_t words[FIELD_COUNT];
    memcpy(words, &good, sizeof words);
    words[field] = value;
    torc_params changed;
    memcpy(&changed, words, sizeof changed);
    return changed;
}

enum {
    GLWE_DIM,
    POLY_SIZE,
    GLWE_NOISE,
    LWE_DIM,
    LWE_NOISE,
    EXTENDED,
    GROUPING,
    BASE,
    LEVELS,
    KS_BASE,
    KS_LEVELS
};

Test(params, ranges_are_checked_by_name)
{
    torc_ctx *ctx = torc_ctx_create();
    cr_expect_eq(torc_params_check(ctx, &good), TORC_OK);
    static const struct {
        size_t field;
        uint32_t value;
        bool accepted;
        const char *word;
    } rows[] = {
        {GLWE_DIM, 0, false, "glwe_dim"},
        {GLWE_DIM, 6, true, ""},
        {GLWE_DIM, 7, false, "glwe_dim"},
        {POLY_SIZE, 128, false, "poly_size"},
        {POLY_SIZE, 256, true, ""},
        {POLY_SIZE, 4096, true, ""},
        {POLY_SIZE, 8192, false, "4096"},
        {POLY_SIZE, 2047, false, "power of two"},
        {GLWE_NOISE, 62, true, ""},
        {GLWE_NOISE, 63, false, "glwe_noise_log2"},
        {LWE_DIM, 449, false, "450"},
        {LWE_DIM, 450, true, ""},
        {LWE_DIM, 2048, true, ""},
        {LWE_DIM, 2049, false, "2048"},
        {LWE_DIM, 0, false, "no lookups"},
        {LWE_NOISE, 30, true, ""},
        {LWE_NOISE, 31, false, "lwe_noise_log2"},
        {EXTENDED, 5, true, ""},
        {EXTENDED, 6, false, "extended_log2"},
        {GROUPING, 0, false, "grouping"},
        {GROUPING, 2, true, ""},
        {GROUPING, 3, true, ""},
        {GROUPING, 4, false, "multiple of grouping 4"},
        {GROUPING, 5, false, "grouping"},
        {BASE, 0, false, "bootstrap"},
        {BASE, 63, true, ""},
        {BASE, 64, false, "bootstrap"},
        {LEVELS, 0, false, "bootstrap"},
        {LEVELS, 2, true, ""},
        {LEVELS, 3, false, "bootstrap"},
        {LEVELS, UINT32_MAX, false, "bootstrap"},
        {KS_BASE, 8, true, ""},
        {KS_BASE, 9, false, "keyswitch"},
        {KS_BASE, UINT32_MAX, false, "keyswitch"},
        {KS_LEVELS, 0, false, "keyswitch"},
        {KS_LEVELS, 8, true, ""},
        {KS_LEVELS, 9, false, "keyswitch"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_params p = with(rows[i].field, rows[i].value);
        torc_status expected = rows[i].accepted ? TORC_OK : TORC_E_PARAMETERS;
        cr_expect_eq(torc_params_check(ctx, &p), expected, "row %zu", i);
        if (!rows[i].accepted) {
            cr_expect(strstr(torc_ctx_message(ctx), rows[i].word), "row %zu: %s", i,
                      torc_ctx_message(ctx));
        }
    }
    torc_ctx_free(ctx);
}

Test(params, a_set_without_lookups_has_nothing_else)
{
    torc_params p = {.glwe_dim = 2, .poly_size = 1024, .glwe_noise_log2 = 17};
    cr_expect_eq(torc_params_check(NULL, &p), TORC_OK);
    cr_expect_eq(torc_params_key_bytes_seeded(&p), 0);
    cr_expect_eq(torc_params_key_bytes_resident(&p), 0);
    cr_expect_not(torc_params_has_lookup(&p));
    p.keyswitch.level_count = 1;
    cr_expect_eq(torc_params_check(NULL, &p), TORC_E_PARAMETERS);
}

Test(params, every_field_changes_the_fingerprint)
{
    uint8_t seen[FIELD_COUNT + 1][TORC_FINGERPRINT_BYTES];
    torc_params_fingerprint(seen[FIELD_COUNT], &good);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        torc_params p = with(i, 1000003);
        torc_params_fingerprint(seen[i], &p);
    }
    for (size_t i = 0; i <= FIELD_COUNT; i++) {
        for (size_t j = 0; j < i; j++) {
            cr_expect(memcmp(seen[i], seen[j], TORC_FINGERPRINT_BYTES) != 0, "%zu %zu", i, j);
        }
    }
}

/* Sizes in reference/reliability-and-security.md 3.3, there with a 64-bit keyswitch key: bootstrap
 * key 57.4 MiB, keyswitch key 57.4 MiB (half of it on 32 bits), seeded bootstrap key 28.7 MiB. */
Test(params, key_sizes_match_published_ones)
{
    const double mib = 1024.0 * 1024.0;
    double resident = (double)torc_params_key_bytes_resident(&good) / mib;
    double seeded = (double)torc_params_key_bytes_seeded(&good) / mib;
    cr_expect_float_eq(resident, 86.1, 0.05, "%g", resident);
    cr_expect_float_eq(seeded, 28.7 + 2048.0 * 4 * 4 / mib, 0.05, "%g", seeded);

    torc_params p =
        good; /* multi-bit, g = 4, n = 920: 230.0 MiB and half of 72.0 with the constant term */
    p.lwe_dim = 920;
    p.grouping = 4;
    p.keyswitch = (torc_gadget){.base_log = 3, .level_count = 5};
    double expected = 230.0 * 15 / 16 + 72.0 / 2;
    cr_expect_float_eq((double)torc_params_key_bytes_resident(&p) / mib, expected, 0.1);
    cr_expect_eq(torc_params_step_count(&p), 230);
    cr_expect_eq(torc_params_big_dim(&p), 2048);
    cr_expect_eq(torc_params_big_words(&p), 2049);
}
