/* Keyswitch and modulus switch of the device against kernels/ref, bit for bit: shapes that do not
 * divide into tiles, gadgets from one bit to one digit of 32, batches for each size of block,
 * indices and offsets, words on the edge between two exponents; digits at their ends against a
 * closed form; refusals. */
#include "tests/keyswitch_trial.h"

/* --- the same bits --- */

static void expect_words(const uint32_t *got, const uint32_t *expected, const trial *t,
                         const char *what)
{
    const torc_shape *s = &t->shape;
    for (uint32_t b = 0; b < t->batch; b++) {
        for (uint32_t w = 0; w <= s->lwe_dim; w++) {
            const size_t i = (size_t)b * (s->lwe_dim + 1) + w;
            if (got[i] != expected[i]) {
                GPU_CHECK(false,
                          "%s: k=%u N=%u n=%u 2^%u x %u: word %u of ciphertext %u of %u is %08x, "
                          "not %08x",
                          what, s->glwe_dim, s->poly_size, s->lwe_dim, s->ks_base_log,
                          s->ks_level_count, w, b, t->batch, got[i], expected[i]);
                return;
            }
        }
    }
    GPU_CHECK(true, "%s", what);
}

/* Sum over the masks of what rounding to exponents adds, in units of 2^-32. */
static int64_t error_sum(const uint32_t *small, const uint32_t *exponent, const torc_shape *s)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < s->lwe_dim; i++) {
        const int64_t whole = (int64_t)(exponent[i] >> s->outputs_log2) * cell_of(s);
        sum += (int32_t)((uint32_t)whole - small[i]); /* at most half a cell: below 2^31 */
    }
    return sum;
}

static void expect_switched(const trial *t, const uint32_t *small)
{
    const torc_shape *s = &t->shape;
    const uint32_t n = s->lwe_dim;
    uint32_t *expected = test_alloc((n + 1) * sizeof *expected);
    trial_switched got = switched_of_device(t);

    for (uint32_t b = 0; b < t->batch; b++) {
        const uint32_t *word = small + (size_t)b * (n + 1);
        torc_ref_modulus_switch(expected, word, s);
        GPU_CHECK(memcmp(got.exponent + (size_t)b * n, expected, n * sizeof *expected) == 0,
                  "N=%u v=%u o=%u: exponents of ciphertext %u of %u", s->poly_size,
                  s->extended_log2, s->outputs_log2, b, t->batch);
        GPU_CHECK(got.body[b] == word[n], "body of ciphertext %u is %08x, not %08x", b, got.body[b],
                  word[n]);
        const int64_t error = error_sum(word, expected, s);
        GPU_CHECK(got.error[b] == error, "error of ciphertext %u is %lld, not %lld", b,
                  (long long)got.error[b], (long long)error);
        GPU_CHECK(body_exponent(got.body[b], got.error[b], s) == expected[n],
                  "exponent of the body of ciphertext %u", b);
    }
    switched_free(&got);
    free(expected);
}

static void expect_reference(const trial *t)
{
    const size_t bytes = (size_t)t->batch * (t->shape.lwe_dim + 1) * sizeof(uint32_t);
    uint32_t *expected = test_alloc(bytes);
    uint32_t *got = test_alloc(bytes);

    small_of_reference(expected, t);
    small_of_device(got, t);
    expect_words(got, expected, t, "keyswitch");
    expect_switched(t, expected);
    free(expected);
    free(got);
}

/* The first ones are toys that have two blocks in every direction and every size of block. */
enum { TOYS = 6 };

static const keyswitch_case cases[] = {
    {1, 256, 130, 2, 2, 0, 0, 3},   {1, 256, 33, 3, 2, 1, 0, 17}, {1, 256, 70, 2, 2, 0, 1, 200},
    {1, 256, 17, 9, 2, 2, 0, 1},    {2, 256, 15, 7, 2, 0, 2, 3},  {1, 256, 20, 1, 17, 5, 0, 3},
    {1, 512, 33, 3, 5, 0, 0, 1},    {2, 256, 100, 2, 8, 1, 0, 3}, {1, 1024, 150, 4, 4, 0, 0, 16},
    {1, 512, 47, 7, 4, 2, 0, 17},   {1, 512, 15, 5, 3, 0, 0, 64}, {3, 256, 70, 2, 7, 5, 3, 65},
    {1, 4096, 20, 2, 1, 3, 0, 130}, {2, 2048, 1, 3, 4, 0, 0, 3},  {6, 256, 31, 6, 5, 0, 0, 3},
    {1, 256, 17, 1, 32, 0, 0, 3},   {1, 256, 33, 8, 4, 0, 0, 3},  {1, 256, 33, 14, 2, 0, 0, 65},
    {1, 256, 20, 16, 2, 0, 0, 1},   {1, 256, 20, 21, 1, 0, 0, 3}, {1, 256, 16, 31, 1, 0, 0, 3},
    {1, 256, 17, 32, 1, 0, 0, 3},
};

/* Every second case takes its ciphertexts by index, with repeats, and adds offsets. In every third,
 * all rows are multiples of half a cell: half of the masks lie between two exponents. */
static void random_words_give_the_reference_bits(void)
{
    const size_t count = gpu_test_is_toy() ? TOYS : sizeof cases / sizeof *cases;
    for (size_t row = 0; row < count; row++) {
        test_rng rng = {700 + row};
        trial t = {.shape = shape_of(&cases[row]), .batch = cases[row].batch};
        t.slots = t.batch + 2;
        const size_t row_words = big_dim(&t.shape) * t.shape.ks_level_count * (t.shape.lwe_dim + 1);
        uint32_t *index = test_alloc(t.batch * sizeof *index);
        uint64_t *offset = test_alloc(t.batch * sizeof *offset);
        t.rows = test_alloc(row_words * sizeof *t.rows);
        t.big = test_alloc(t.slots * (big_dim(&t.shape) + 1) * sizeof *t.big);

        for (size_t i = 0; i < row_words; i++) {
            const uint32_t kept = row % 3 == 2 ? (uint32_t) - (cell_of(&t.shape) / 2) : UINT32_MAX;
            t.rows[i] = (uint32_t)rng_next(&rng) & kept;
        }
        rng_words(&rng, t.big, t.slots * (big_dim(&t.shape) + 1));
        rng_words(&rng, offset, t.batch);
        for (uint32_t b = 0; b < t.batch; b++) {
            index[b] = (uint32_t)(rng_next(&rng) % t.slots);
        }
        t.index = row % 2 == 0 ? NULL : index;
        t.offset = row % 2 == 0 ? NULL : offset;
        expect_reference(&t);
        free(t.rows);
        free(t.big);
        free(index);
        free(offset);
    }
}

/* --- digits at their ends --- */

/* All l' digits are -B'/2, or, with the negated word and its choosing bit, all are B'/2. */
static uint64_t extreme_word(const torc_shape *s, bool positive)
{
    const uint32_t kept_bits = s->ks_base_log * s->ks_level_count;
    uint64_t sum = 0;
    for (uint32_t j = 0; j < s->ks_level_count; j++) {
        sum += (uint64_t)1 << (63 - s->ks_base_log * j); /* B'/2 2^(64 - base_log' (j+1)) */
    }
    return positive ? sum | (uint64_t)1 << (62 - kept_bits) : -sum;
}

/* Every row word -1 and every digit d: each word is kN l' d, the limbs' sums as large as they get.
 */
static void extreme_digits_add_up(void)
{
    static const keyswitch_case extremes[] = {
        {1, 256, 17, 2, 3, 0, 0, 2},  {1, 512, 17, 1, 9, 0, 0, 2},  {1, 512, 17, 8, 4, 0, 0, 2},
        {1, 512, 17, 14, 2, 0, 0, 2}, {1, 512, 17, 28, 1, 0, 0, 2}, {1, 2048, 17, 2, 8, 0, 0, 2},
        {6, 4096, 2, 7, 4, 0, 0, 2},
    };
    const size_t count = gpu_test_is_toy() ? 1 : sizeof extremes / sizeof *extremes;
    for (size_t row = 0; row < count; row++) {
        trial t = {.shape = shape_of(&extremes[row]), .batch = 2, .slots = 2};
        const size_t dim = big_dim(&t.shape);
        const size_t words = (size_t)t.shape.lwe_dim + 1;
        const uint32_t half_base = (uint32_t)1 << (t.shape.ks_base_log - 1);
        const size_t row_bytes = dim * t.shape.ks_level_count * words * sizeof *t.rows;
        uint32_t *expected = test_alloc(2 * words * sizeof *expected);
        uint32_t *got = test_alloc(2 * words * sizeof *got);
        t.rows = test_alloc(row_bytes);
        t.big = test_alloc(2 * (dim + 1) * sizeof *t.big);

        memset(t.rows, 0xff, row_bytes);
        for (size_t i = 0; i < dim; i++) {
            t.big[i] = extreme_word(&t.shape, false);
            t.big[dim + 1 + i] = extreme_word(&t.shape, true);
        }
        for (size_t w = 0; w < words; w++) {
            expected[words + w] = (uint32_t)dim * t.shape.ks_level_count * half_base;
            expected[w] = 0u - expected[words + w];
        }
        small_of_device(got, &t);
        expect_words(got, expected, &t, "extreme digits");
        small_of_reference(got, &t);
        expect_words(got, expected, &t, "extreme digits of the reference");
        free(t.rows);
        free(t.big);
        free(expected);
        free(got);
    }
}

/* --- what is refused --- */

static void expect_refused(const char *what, const torc_shape *s)
{
    const torc_gpu_keyswitch_args args = {.batch = 1};
    const torc_gpu_switched out = {0};
    GPU_CHECK(torc_gpu_keyswitch_key_bytes(s) == 0, "%s: bytes of a key", what);
    GPU_CHECK(torc_gpu_keyswitch_scratch_bytes(s, 1) == 0, "%s: bytes of scratch", what);
    GPU_CHECK(torc_gpu_keyswitch_key(NULL, NULL, 0, 32, s, gpu_test.stream) != 0, "%s: key", what);
    GPU_CHECK(torc_gpu_keyswitch(&out, &args, s, gpu_test.stream) != 0, "%s: switched", what);
    GPU_CHECK(torc_gpu_keyswitch_small(NULL, &args, s, gpu_test.stream) != 0, "%s: words", what);
}

static void other_shapes_are_refused(void)
{
    static const struct {
        const char *what;
        keyswitch_case shape;
    } refused[] = {
        {"gadget of 33 bits", {1, 512, 33, 3, 11, 0, 0, 1}},
        {"no levels", {1, 512, 33, 3, 0, 0, 0, 1}},
        {"base 1", {1, 512, 33, 0, 5, 0, 0, 1}},
        {"no key bits", {1, 512, 0, 3, 5, 0, 0, 1}},
        {"N = 384", {1, 384, 33, 3, 5, 0, 0, 1}},
        {"N = 128", {1, 128, 33, 3, 5, 0, 0, 1}},
        {"N = 8192", {1, 8192, 33, 3, 5, 0, 0, 1}},
        {"k = 7", {7, 256, 33, 3, 5, 0, 0, 1}},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const torc_shape s = shape_of(&refused[i].shape);
        expect_refused(refused[i].what, &s);
    }
    const torc_shape wide = shape_of(&(keyswitch_case){1, 512, 33, 3, 5, 6, 0, 1});
    const torc_shape many = shape_of(&(keyswitch_case){1, 512, 33, 3, 5, 0, 10, 1});
    const torc_gpu_keyswitch_args args = {.batch = 1};
    const torc_gpu_switched out = {0};
    GPU_CHECK(torc_gpu_keyswitch(&out, &args, &wide, gpu_test.stream) != 0, "v = 6");
    GPU_CHECK(torc_gpu_keyswitch(&out, &args, &many, gpu_test.stream) != 0, "2^10 results");
    const torc_shape s = shape_of(&cases[6]);
    GPU_CHECK(torc_gpu_keyswitch_key(NULL, NULL, 16, 32, &s, gpu_test.stream) != 0, "word 16");
    GPU_CHECK(torc_gpu_keyswitch_key(NULL, NULL, 0, 33, &s, gpu_test.stream) != 0, "33 words");
    GPU_CHECK(torc_gpu_keyswitch_key(NULL, NULL, 480, 64, &s, gpu_test.stream) != 0, "past kN");
}

static void nothing_is_done_for_no_ciphertexts(void)
{
    const torc_shape s = shape_of(&cases[0]);
    const torc_gpu_keyswitch_args args = {.batch = 0};
    const torc_gpu_switched out = {0};
    GPU_CHECK(torc_gpu_keyswitch(&out, &args, &s, gpu_test.stream) == 0, "switched");
    GPU_CHECK(torc_gpu_keyswitch_small(NULL, &args, &s, gpu_test.stream) == 0, "words");
}

int main(void)
{
    gpu_test_begin();
    random_words_give_the_reference_bits();
    extreme_digits_add_up();
    other_shapes_are_refused();
    nothing_is_done_for_no_ciphertexts();
    return gpu_test_end();
}
