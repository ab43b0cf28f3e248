/* Keyswitch and modulus switch of the device against kernels/ref, bit for bit: shapes that do not
 * divide into tiles, gadgets from one bit to one digit of 32, batches for each size of block,
 * indices and offsets; digits at their ends against a closed form; noise of the phase against its
 * formula; refusals. */
#include "tests/gpu_test.h"
#include "tests/kernel_keys.h"
#include "tests/kernel_oracles.h"

#include <math.h>

typedef struct keyswitch_case {
    uint32_t glwe_dim, poly_size, lwe_dim, base_log, level_count, extended_log2;
    uint32_t batch;
} keyswitch_case;

static torc_shape shape_of(const keyswitch_case *c)
{
    return (torc_shape){.glwe_dim = c->glwe_dim,
                        .poly_size = c->poly_size,
                        .lwe_dim = c->lwe_dim,
                        .extended_log2 = c->extended_log2,
                        .base_log = 10,
                        .level_count = 1,
                        .ks_base_log = c->base_log,
                        .ks_level_count = c->level_count};
}

static size_t big_dim(const torc_shape *s)
{
    return (size_t)s->glwe_dim * s->poly_size;
}

/* One keyswitch, on the host. */
typedef struct trial {
    torc_shape shape;
    uint32_t batch, slots;
    uint32_t *rows;         /* [kN][l'][n + 1] */
    uint64_t *big;          /* [slots][kN + 1] */
    const uint32_t *index;  /* [batch] or NULL */
    const uint64_t *offset; /* [batch] or NULL */
} trial;

/* The key goes in by two calls, the second part first. */
static void *device_key(const trial *t)
{
    const torc_shape *s = &t->shape;
    const uint32_t dim = (uint32_t)big_dim(s);
    const uint32_t cut = dim / 2 - 32;
    const size_t row_words = (size_t)s->ks_level_count * (s->lwe_dim + 1);
    const uint32_t *rows = gpu_test_upload(t->rows, dim * row_words * sizeof *rows);
    void *key = gpu_test_room(torc_gpu_keyswitch_key_bytes(s));

    GPU_OK(torc_gpu_keyswitch_key(key, rows + cut * row_words, cut, dim - cut, s, gpu_test.stream));
    GPU_OK(torc_gpu_keyswitch_key(key, rows, 0, cut, s, gpu_test.stream));
    return key;
}

static torc_gpu_keyswitch_args device_args(const trial *t)
{
    const size_t big_bytes = t->slots * (big_dim(&t->shape) + 1) * sizeof *t->big;
    return (torc_gpu_keyswitch_args){
        .key = device_key(t),
        .in = gpu_test_upload(t->big, big_bytes),
        .index = t->index == NULL ? NULL : gpu_test_upload(t->index, t->batch * sizeof *t->index),
        .offset =
            t->offset == NULL ? NULL : gpu_test_upload(t->offset, t->batch * sizeof *t->offset),
        .scratch = gpu_test_room(torc_gpu_keyswitch_scratch_bytes(&t->shape, t->batch)),
        .batch = t->batch};
}

/* small[batch][n + 1] of the device. */
static void small_of_device(uint32_t *small, const trial *t)
{
    const size_t bytes = (size_t)t->batch * (t->shape.lwe_dim + 1) * sizeof *small;
    const torc_gpu_keyswitch_args args = device_args(t);
    uint32_t *device = gpu_test_room(bytes);

    GPU_OK(torc_gpu_keyswitch_small(device, &args, &t->shape, gpu_test.stream));
    gpu_test_download(small, device, bytes);
    gpu_test_free_all();
}

static void small_of_reference(uint32_t *small, const trial *t)
{
    const torc_shape *s = &t->shape;
    const size_t words = big_dim(s) + 1;
    uint64_t *big = test_alloc(words * sizeof *big);

    for (uint32_t b = 0; b < t->batch; b++) {
        const size_t slot = t->index == NULL ? b : t->index[b];
        memcpy(big, t->big + slot * words, words * sizeof *big);
        big[words - 1] += t->offset == NULL ? 0 : t->offset[b];
        torc_ref_keyswitch(small + (size_t)b * (s->lwe_dim + 1), big, t->rows, s);
    }
    free(big);
}

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

/* What the rotation makes of body and error, ref/modulus_switch.c. */
static uint32_t last_exponent(uint32_t body, int64_t error, const torc_shape *s)
{
    const int64_t twice = 2 * (int64_t)body + error;
    const int64_t modulus = (int64_t)(2 * s->poly_size) << s->extended_log2;
    const int64_t twice_cell = ((int64_t)1 << 33) / modulus;
    const int64_t down = (twice % twice_cell + twice_cell) % twice_cell;
    const int64_t floor = (twice - down) / twice_cell;
    return (uint32_t)((floor % modulus + modulus) % modulus);
}

/* Exponents in the layout of the reference: [batch][n + 1], the body's last. */
static void exponents_of_device(uint32_t *exponent, const trial *t)
{
    const uint32_t n = t->shape.lwe_dim;
    const torc_gpu_keyswitch_args args = device_args(t);
    const size_t masks = (size_t)t->batch * n;
    const torc_gpu_switched out = {.exponent = gpu_test_room(masks * sizeof(uint32_t)),
                                   .body = gpu_test_room(t->batch * sizeof(uint32_t)),
                                   .error = gpu_test_room(t->batch * sizeof(int64_t))};
    uint32_t *mask = test_alloc(masks * sizeof *mask);
    uint32_t *body = test_alloc(t->batch * sizeof *body);
    int64_t *error = test_alloc(t->batch * sizeof *error);

    GPU_OK(torc_gpu_keyswitch(&out, &args, &t->shape, gpu_test.stream));
    gpu_test_download(mask, out.exponent, masks * sizeof *mask);
    gpu_test_download(body, out.body, t->batch * sizeof *body);
    gpu_test_download(error, out.error, t->batch * sizeof *error);
    for (uint32_t b = 0; b < t->batch; b++) {
        memcpy(exponent + (size_t)b * (n + 1), mask + (size_t)b * n, n * sizeof *exponent);
        exponent[(size_t)b * (n + 1) + n] = last_exponent(body[b], error[b], &t->shape);
    }
    free(mask);
    free(body);
    free(error);
    gpu_test_free_all();
}

static void expect_reference(const trial *t)
{
    const size_t words = (size_t)t->shape.lwe_dim + 1;
    const size_t bytes = t->batch * words * sizeof(uint32_t);
    uint32_t *expected = test_alloc(bytes);
    uint32_t *got = test_alloc(bytes);

    small_of_reference(expected, t);
    small_of_device(got, t);
    expect_words(got, expected, t, "keyswitch");
    for (uint32_t b = 0; b < t->batch; b++) {
        memcpy(got, expected + b * words, words * sizeof *got);
        torc_ref_modulus_switch(expected + b * words, got, &t->shape);
    }
    exponents_of_device(got, t);
    expect_words(got, expected, t, "exponents");
    free(expected);
    free(got);
}

static const keyswitch_case cases[] = {
    {1, 512, 33, 3, 5, 0, 1},    {2, 256, 100, 2, 8, 1, 3}, {1, 1024, 150, 4, 4, 0, 16},
    {1, 512, 47, 7, 4, 2, 17},   {1, 512, 15, 5, 3, 0, 64}, {3, 256, 70, 2, 7, 5, 65},
    {1, 4096, 20, 2, 1, 3, 130}, {2, 2048, 1, 3, 4, 0, 3},  {6, 256, 31, 6, 5, 0, 3},
    {1, 256, 20, 1, 17, 0, 1},   {1, 256, 17, 1, 32, 0, 3}, {1, 256, 33, 8, 4, 0, 3},
    {1, 256, 33, 14, 2, 0, 65},  {1, 256, 20, 16, 2, 0, 1}, {1, 256, 20, 21, 1, 0, 3},
    {1, 256, 16, 31, 1, 0, 3},   {1, 256, 17, 32, 1, 0, 3},
};

/* Every second case takes its ciphertexts by index, with repeats, and adds offsets. */
static void random_words_give_the_reference_bits(void)
{
    for (size_t row = 0; row < sizeof cases / sizeof *cases; row++) {
        test_rng rng = {700 + row};
        trial t = {.shape = shape_of(&cases[row]), .batch = cases[row].batch};
        t.slots = t.batch + 2;
        const size_t row_words = big_dim(&t.shape) * t.shape.ks_level_count * (t.shape.lwe_dim + 1);
        uint32_t *index = test_alloc(t.batch * sizeof *index);
        uint64_t *offset = test_alloc(t.batch * sizeof *offset);
        t.rows = test_alloc(row_words * sizeof *t.rows);
        t.big = test_alloc(t.slots * (big_dim(&t.shape) + 1) * sizeof *t.big);

        for (size_t i = 0; i < row_words; i++) {
            t.rows[i] = (uint32_t)rng_next(&rng);
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
        {6, 4096, 2, 7, 4, 0, 2}, {1, 2048, 17, 2, 8, 0, 2}, {1, 512, 17, 1, 9, 0, 2},
        {1, 512, 17, 8, 4, 0, 2}, {1, 512, 17, 14, 2, 0, 2}, {1, 512, 17, 28, 1, 0, 2},
    };
    for (size_t row = 0; row < sizeof extremes / sizeof *extremes; row++) {
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

/* --- noise --- */

typedef struct noise_case {
    const char *name;
    keyswitch_case shape;
    int key_noise_log2; /* negative: none */
} noise_case;

/* Noise does not depend on n: a few columns are enough. */
static const noise_case noise_cases[] = {
    {"key noise", {1, 1024, 15, 4, 8, 0, 128}, 10},
    {"rounding", {2, 512, 15, 3, 4, 0, 128}, -1},
    {"production", {1, 2048, 15, 2, 7, 0, 128}, 14},
};

static double predicted(const test_keys *keys, int key_noise_log2)
{
    const torc_shape *s = &keys->shape;
    const double dim = (double)big_dim(s);
    const double key_noise =
        key_noise_log2 < 0 ? 0 : (exp2(2 * key_noise_log2 + 1) + 1) / 6 * exp2(-64);
    double weight = 0;
    for (size_t i = 0; i < big_dim(s); i++) {
        weight += (double)keys->big[i];
    }
    return dim * s->ks_level_count * key_noise * (exp2(2.0 * s->ks_base_log) + 2) / 12 +
           weight * exp2(-2.0 * s->ks_base_log * s->ks_level_count) / 12 + exp2(-64) / 12;
}

/* Adds mean and mean square of the phase errors of one batch of random words. */
static void add_errors(double *mean, double *square, const test_keys *keys, trial *t, int samples,
                       test_rng *rng)
{
    const size_t dim = big_dim(&t->shape);
    const size_t small_words = (size_t)t->shape.lwe_dim + 1;
    uint32_t *small = test_alloc(t->batch * small_words * sizeof *small);

    rng_words(rng, t->big, t->batch * (dim + 1));
    small_of_device(small, t);
    for (size_t b = 0; b < t->batch; b++) {
        const uint32_t phase =
            torc_ref_lwe_phase32(small + b * small_words, keys->small, t->shape.lwe_dim);
        const uint64_t exact = torc_ref_lwe_phase(t->big + b * (dim + 1), keys->big, (uint32_t)dim);
        const double error = torus_fraction(((uint64_t)phase << 32) - exact);
        *mean += error / samples;
        *square += error * error / samples;
    }
    free(small);
}

/* Bounds at odds of 1e-6: 5 sqrt(2/T) for the variance, 5 / sqrt(T) deviations for the mean. */
static void noise_is_predicted(void)
{
    enum { SAMPLES = 1024 };
    for (size_t row = 0; row < sizeof noise_cases / sizeof *noise_cases; row++) {
        const noise_case *c = &noise_cases[row];
        test_rng rng = {800 + row};
        test_keys keys;
        trial t = {.shape = shape_of(&c->shape), .batch = c->shape.batch, .slots = c->shape.batch};
        double mean = 0;
        double square = 0;
        keys_make(&keys, &t.shape, &rng, -1, c->key_noise_log2);
        t.rows = keys.ksk;
        t.big = test_alloc(t.batch * (big_dim(&t.shape) + 1) * sizeof *t.big);
        for (uint32_t done = 0; done < SAMPLES; done += t.batch) {
            add_errors(&mean, &square, &keys, &t, SAMPLES, &rng);
        }
        const double expected = predicted(&keys, c->key_noise_log2);
        const double ratio = square / expected;
        mean /= sqrt(expected);
        printf("%-10s std 2^%.2f, variance / predicted %.3f, mean / std %+.3f\n", c->name,
               log2(square) / 2, ratio, mean);
        GPU_CHECK(fabs(ratio - 1) < 5 * sqrt(2.0 / SAMPLES), "%s: variance ratio %g", c->name,
                  ratio);
        GPU_CHECK(fabs(mean) < 5 / sqrt(SAMPLES), "%s: mean %g deviations", c->name, mean);
        free(t.big);
        keys_free(&keys);
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
        {"gadget of 33 bits", {1, 512, 33, 3, 11, 0, 1}},
        {"no levels", {1, 512, 33, 3, 0, 0, 1}},
        {"base 1", {1, 512, 33, 0, 5, 0, 1}},
        {"no key bits", {1, 512, 0, 3, 5, 0, 1}},
        {"N = 384", {1, 384, 33, 3, 5, 0, 1}},
        {"N = 128", {1, 128, 33, 3, 5, 0, 1}},
        {"k = 7", {7, 256, 33, 3, 5, 0, 1}},
        {"N = 8192", {1, 8192, 33, 3, 5, 0, 1}},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const torc_shape s = shape_of(&refused[i].shape);
        expect_refused(refused[i].what, &s);
    }
    const torc_shape s = shape_of(&cases[0]);
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
    noise_is_predicted();
    other_shapes_are_refused();
    nothing_is_done_for_no_ciphertexts();
    return gpu_test_end();
}
