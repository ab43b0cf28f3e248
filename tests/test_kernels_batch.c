/* The references of batch kernels against independent ways: phases under a key for linear layers,
 * extraction and conversion; libsodium for the expansion of seeded rows. */
#include "runtime/rng.h"
#include "tests/kernel_keys.h"

#include <criterion/criterion.h>

enum { N = 64, K = 2, DIM = K * N, WORDS = DIM + 1, ELEMENTS = 12, SAMPLES = 3, CLEARS = 2 };

static uint64_t key[DIM];
static uint64_t in_words[ELEMENTS][SAMPLES][WORDS];
static uint64_t out_words[SAMPLES][ELEMENTS][WORDS];
static int64_t clear_words[CLEARS][SAMPLES];

/* Inputs with samples in elements, outputs with elements in samples: both are layouts. */
static const torc_elements in = {&in_words[0][0][0], SAMPLES *WORDS, WORDS, WORDS};
static const torc_elements out = {&out_words[0][0][0], WORDS, ELEMENTS *WORDS, WORDS};
static const torc_clear_values clear = {&clear_words[0][0], SAMPLES};

static void draw(test_rng *rng)
{
    rng_bits(rng, key, DIM);
    rng_words(rng, &in_words[0][0][0], sizeof in_words / sizeof(uint64_t));
    rng_words(rng, &out_words[0][0][0], sizeof out_words / sizeof(uint64_t));
    rng_words(rng, (uint64_t *)&clear_words[0][0], sizeof clear_words / sizeof(uint64_t));
}

static uint64_t phase_in(uint32_t element, uint32_t sample)
{
    return element == TORC_ABSENT ? 0 : torc_ref_lwe_phase(in_words[element][sample], key, DIM);
}

static uint64_t phase_out(uint32_t element, uint32_t sample)
{
    return torc_ref_lwe_phase(out_words[sample][element], key, DIM);
}

Test(kernels_batch, a_linear_layer_acts_on_the_phases)
{
    static const uint32_t gather[2][3] = {{4, TORC_ABSENT, 0}, {1, 2, TORC_ABSENT}};
    static const int64_t weight[2][3] = {{3, -5, INT64_MIN}, {-1, (int64_t)1 << 40, 7}};
    static const uint32_t weight_clear[2][3] = {{0, TORC_ABSENT, 1}, {TORC_ABSENT, 1, 0}};
    static const uint64_t constant[2][2] = {{5, 6}, {7, (uint64_t)1 << 63}};
    static const uint32_t term_out[] = {5, 8, 5};
    static const uint32_t term_clear[] = {0, 1, 1};
    static const uint64_t term_scale[] = {9, (uint64_t)1 << 60, 11};
    const torc_linear_layer layer = {.group_count = 2,
                                     .out_count = 2,
                                     .in_count = 3,
                                     .weight_groups = 1,
                                     .constant_groups = 2,
                                     .out = 5,
                                     .out_group_stride = 1,
                                     .out_stride = 2,
                                     .gather = &gather[0][0],
                                     .weight_i64 = &weight[0][0],
                                     .weight_clear = &weight_clear[0][0],
                                     .constant = &constant[0][0],
                                     .clear_term_count = 3,
                                     .clear_term_out = term_out,
                                     .clear_term_element = term_clear,
                                     .clear_term_scale = term_scale};
    test_rng rng = {71};
    draw(&rng);
    torc_ref_linear(&out, &in, &clear, &layer, SAMPLES);
    for (uint32_t s = 0; s < SAMPLES; s++) {
        const uint64_t c0 = (uint64_t)clear_words[0][s];
        const uint64_t c1 = (uint64_t)clear_words[1][s];
        const uint64_t x[2][2] = {{phase_in(4, s), phase_in(0, s)},
                                  {phase_in(1, s), phase_in(2, s)}};
        const uint64_t most = (uint64_t)1 << 63;
        const uint64_t expected[4] = {
            3 * c0 * x[0][0] + most * c1 * x[0][1] + 5 + 9 * c0 + 11 * c1,
            3 * c0 * x[1][0] - 5 * x[1][1] + 7, -x[0][0] + 7 * c0 * x[0][1] + 6,
            -x[1][0] + ((uint64_t)c1 << 40) * x[1][1] + most + ((uint64_t)c1 << 60)};
        for (uint32_t e = 0; e < 4; e++) {
            cr_expect_eq(phase_out(5 + e, s), expected[e], "sample %u, output %u", s, e);
        }
    }
}

Test(kernels_batch, both_weight_types_mean_the_same)
{
    static const uint32_t gather[4] = {3, 2, 1, 0};
    static const int32_t narrow[4] = {INT32_MIN, -1, 3, INT32_MAX};
    static const int64_t wide[4] = {INT32_MIN, -1, 3, INT32_MAX};
    static const uint64_t constant[1] = {0};
    static uint64_t first[WORDS];
    torc_linear_layer layer = {.group_count = 1,
                               .out_count = 1,
                               .in_count = 4,
                               .weight_groups = 1,
                               .constant_groups = 1,
                               .gather = gather,
                               .weight_i32 = narrow,
                               .constant = constant};
    test_rng rng = {72};
    draw(&rng);
    torc_ref_linear(&out, &in, NULL, &layer, 1);
    memcpy(first, out_words[0][0], sizeof first);
    layer.weight_i32 = NULL;
    layer.weight_i64 = wide;
    torc_ref_linear(&out, &in, NULL, &layer, 1);
    cr_expect_arr_eq(first, out_words[0][0], sizeof first);
}

Test(kernels_batch, a_gather_copies_adds_and_drops)
{
    static const uint32_t to[] = {3, TORC_ABSENT, 0, 7};
    static const uint32_t from[] = {1, 2, TORC_ABSENT, 1};
    static const uint64_t offset[] = {10, 20, 30, 40};
    const torc_moves moves = {4, to, from, offset};
    test_rng rng = {73};
    draw(&rng);
    const uint64_t untouched = out_words[1][2][5];
    torc_ref_gather(&out, &in, &moves, SAMPLES);
    for (uint32_t s = 0; s < SAMPLES; s++) {
        for (uint32_t i = 0; i < 4; i++) {
            cr_expect(to[i] == TORC_ABSENT ||
                          phase_out(to[i], s) == phase_in(from[i], s) + offset[i],
                      "sample %u, item %u", s, i);
        }
        cr_expect_eq(out_words[s][0][0], 0, "the zero ciphertext has no mask");
    }
    cr_expect_eq(out_words[1][2][5], untouched);
}

Test(kernels_batch, every_coefficient_can_be_extracted)
{
    uint64_t glwe[(K + 1) * N];
    uint64_t phase[N];
    uint64_t big[WORDS];
    test_rng rng = {74};
    draw(&rng);
    rng_words(&rng, glwe, (K + 1) * N);
    torc_ref_glwe_phase(phase, glwe, key, K, N);
    for (uint32_t p = 0; p < N; p++) {
        torc_ref_sample_extract_at(big, glwe, p, K, N);
        cr_expect_eq(torc_ref_lwe_phase(big, key, DIM), phase[p], "coefficient %u", p);
    }
}

Test(kernels_batch, an_extraction_places_its_items)
{
    enum { GLWE_WORDS = (K + 1) * N };
    static uint64_t glwe[SAMPLES][2][GLWE_WORDS];
    static const uint32_t to[] = {6, TORC_ABSENT, 2};
    static const uint32_t from[] = {1, 0, 0};
    static const uint64_t offset[] = {1, 2, 3};
    static const uint32_t index[] = {0, 1, N / 2};
    const torc_elements acc = {&glwe[0][0][0], GLWE_WORDS, 2 * GLWE_WORDS, GLWE_WORDS};
    const torc_moves moves = {3, to, from, offset};
    test_rng rng = {75};
    draw(&rng);
    rng_words(&rng, &glwe[0][0][0], sizeof glwe / sizeof(uint64_t));
    torc_ref_extract(&out, &acc, &moves, index, N, SAMPLES);
    for (uint32_t s = 0; s < SAMPLES; s++) {
        uint64_t phase[N];
        torc_ref_glwe_phase(phase, glwe[s][1], key, K, N);
        cr_expect_eq(phase_out(6, s), phase[0] + 1, "sample %u", s);
        torc_ref_glwe_phase(phase, glwe[s][0], key, K, N);
        cr_expect_eq(phase_out(2, s), phase[N / 2] + 3, "sample %u", s);
    }
}

/* A new key of 2 DIM bits that holds the old bits in another order, and strange ones beside them.
 */
Test(kernels_batch, a_conversion_keeps_the_phase)
{
    enum { NEW = 2 * DIM };
    static uint64_t wide[SAMPLES][ELEMENTS][NEW + 1];
    static uint64_t new_key[NEW];
    static uint32_t source[NEW];
    const torc_elements converted = {&wide[0][0][0], NEW + 1, ELEMENTS * (NEW + 1), NEW + 1};
    test_rng rng = {76};
    draw(&rng);
    for (uint32_t w = 0; w < NEW; w++) {
        source[w] = w % 2 == 0 ? DIM - 1 - w / 2 : TORC_ABSENT;
        new_key[w] = w % 2 == 0 ? key[source[w]] : w / 2 % 2;
    }
    torc_ref_convert(&converted, &in, source, 5, ELEMENTS, SAMPLES);
    for (uint32_t e = 0; e < ELEMENTS; e++) {
        cr_expect_eq(torc_ref_lwe_phase(wide[2][e], new_key, NEW), phase_in(e, 2) << 5, "%u", e);
    }
    memcpy(new_key, key, sizeof key);
    torc_ref_convert(&converted, &in, NULL, 0, ELEMENTS, SAMPLES);
    cr_expect_eq(torc_ref_lwe_phase(wide[1][4], new_key, NEW), phase_in(4, 1), "padded");
}

static torc_expansion expansion_of(test_rng *rng, torc_mask_domain domain, uint32_t mask_words)
{
    torc_expansion e = {.domain = (uint32_t)domain,
                        .first_row = rng_next(rng),
                        .outer_count = 2,
                        .inner_count = 3,
                        .mask_words = mask_words,
                        .body_words = 2};
    for (int i = 0; i < TORC_SEED_BYTES; i++) {
        e.seed[i] = (uint8_t)rng_next(rng);
    }
    e.inner_stride = mask_words + 3; /* one word between rows stays untouched */
    e.outer_stride = 4 * e.inner_stride;
    return e;
}

Test(kernels_batch, expanded_rows_are_those_of_libsodium)
{
    static const uint32_t lengths[] = {1, 7, 8, 9, 15, 16, 17, 100};
    test_rng rng = {77};
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        const torc_expansion e = expansion_of(&rng, TORC_MASK_CIPHERTEXT, lengths[l]);
        uint64_t rows[8 * 103];
        uint64_t body[12];
        uint64_t mask[100];
        memset(rows, 0xaa, sizeof rows);
        rng_words(&rng, body, 12);
        torc_ref_expand_u64(rows, body, &e);
        for (uint32_t r = 0; r < 6; r++) {
            const uint64_t *row = rows + r / 3 * e.outer_stride + r % 3 * e.inner_stride;
            torc_mask_expand_u64(mask, lengths[l], e.seed, TORC_MASK_CIPHERTEXT, e.first_row + r);
            cr_expect_arr_eq(row, mask, lengths[l] * sizeof *mask, "row %u of %u", r, lengths[l]);
            cr_expect_arr_eq(row + lengths[l], body + (size_t)2 * r, 2 * sizeof *body);
            cr_expect_eq(row[lengths[l] + 2], 0xaaaaaaaaaaaaaaaau, "wrote past the row");
        }
    }
}

Test(kernels_batch, expanded_halves_are_those_of_libsodium)
{
    static const uint32_t lengths[] = {1, 15, 16, 17, 33, 918};
    test_rng rng = {78};
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        const torc_expansion e = expansion_of(&rng, TORC_MASK_KEYSWITCH, lengths[l]);
        static uint32_t rows[8 * 921];
        static uint32_t mask[918];
        static const uint32_t body[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
        torc_ref_expand_u32(rows, body, &e);
        for (uint32_t r = 0; r < 6; r++) {
            const uint32_t *row = rows + r / 3 * e.outer_stride + r % 3 * e.inner_stride;
            torc_mask_expand_u32(mask, lengths[l], e.seed, TORC_MASK_KEYSWITCH, e.first_row + r);
            cr_expect_arr_eq(row, mask, lengths[l] * sizeof *mask, "row %u of %u", r, lengths[l]);
            cr_expect_arr_eq(row + lengths[l], body + (size_t)2 * r, 2 * sizeof *body);
        }
    }
}
