/* Encoding, decoding and quantising, against hand-computed values and 128-bit arithmetic. */
#include "tests/common/sample_spec.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* round(phase / 2^(63-W)) reduced into [low, low + 2^(W+1)) by walking, on wide integers. */
static int64_t slow_decode(uint64_t phase, uint32_t bits, bool is_signed)
{
    const __int128 period = (__int128)1 << (bits + 1);
    const __int128 low = is_signed ? -(period / 2) : -(period / 4);
    const __int128 step = (__int128)1 << (63 - bits);
    __int128 m = ((__int128)phase + step / 2) / step;
    while (m >= low + period) {
        m -= period;
    }
    return (int64_t)m;
}

Test(port, encoding_multiplies_by_the_step)
{
    cr_expect_eq(torc_encode(0, 4), 0);
    cr_expect_eq(torc_encode(1, 4), (uint64_t)1 << 59);
    cr_expect_eq(torc_encode(15, 4), (uint64_t)15 << 59);
    cr_expect_eq(torc_encode(-1, 4), 0xf800000000000000U);
    cr_expect_eq(torc_encode(-8, 4), 0xc000000000000000U);
    cr_expect_eq(torc_encode(1, 62), 2);
    cr_expect_eq(torc_encode(-1, 1), 0xc000000000000000U);
}

Test(port, decoding_agrees_with_wide_integers_at_every_width)
{
    uint64_t seed = 20240501;
    for (uint32_t bits = 1; bits <= 62; bits++) {
        for (int i = 0; i < 2000; i++) {
            const uint64_t phase = splitmix(&seed);
            for (int s = 0; s < 2; s++) {
                cr_assert_eq(torc_decode(phase, bits, s), slow_decode(phase, bits, s),
                             "bits %u phase %lx signed %d", bits, phase, s);
            }
        }
    }
}

/* Half a step above is the next integer, one less is not; the signed and unsigned windows end where
 * DESIGN says: [-2^W, 2^W) and [-2^(W-1), 3*2^(W-1)). */
Test(port, decoding_rounds_to_nearest_inside_its_window)
{
    for (uint32_t bits = 1; bits <= 12; bits++) {
        const int64_t size = (int64_t)1 << bits;
        for (int s = 0; s < 2; s++) {
            const int64_t low = s ? -size : -size / 2;
            for (int64_t m = low; m < low + 2 * size; m++) {
                const uint64_t word = torc_encode(m, bits);
                const uint64_t half = (uint64_t)1 << (62 - bits);
                const int64_t next = m + 1 == low + 2 * size ? low : m + 1;
                cr_assert_eq(torc_decode(word, bits, s), m);
                cr_assert_eq(torc_decode(word - half, bits, s), m);
                cr_assert_eq(torc_decode(word + half - 1, bits, s), m);
                cr_assert_eq(torc_decode(word + half, bits, s), next);
            }
        }
    }
}

static torc_tensor tensor_of(torc_dtype dtype, uint32_t rank, const size_t *shape)
{
    torc_tensor tensor;
    cr_assert_eq(torc_tensor_create(NULL, &tensor, dtype, rank, shape), TORC_OK);
    return tensor;
}

Test(port, floats_are_rounded_to_even_and_clipped)
{
    /* scale 1/4, offset 1: every x below is exact in binary */
    static const struct {
        double x;
        int64_t m;
        uint64_t clipped;
    } rows[] = {
        {1, 0, 0},      {1.25, 1, 0},    {1.125, 0, 0}, {1.375, 2, 0}, {1.625, 2, 0},
        {4.75, 15, 0},  {4.8125, 15, 0}, {5, 15, 1},    {0.9, 0, 0},   {0.75, 0, 1},
        {1e300, 15, 1}, {-1e300, 0, 1},  {1.76, 3, 0},  {4.88, 15, 1}, {0.874, 0, 1},
    };
    torc_ctx *ctx = torc_ctx_create();
    torc_port port = sample_port("x", 4, false, 0, NULL);
    sample_port_float(&port, 0.25, 1);
    torc_tensor in = tensor_of(TORC_F64, 0, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t m = -99;
        uint64_t saturated = 10;
        in.f64[0] = rows[i].x;
        cr_expect_eq(torc_port_quantize(ctx, &m, &saturated, &port, &in), TORC_OK);
        cr_expect_eq(m, rows[i].m, "x = %g", rows[i].x);
        cr_expect_eq(saturated, 10 + rows[i].clipped, "x = %g", rows[i].x);
    }
    in.f64[0] = 2;
    int64_t m = 0;
    cr_expect_eq(torc_port_quantize(ctx, &m, NULL, &port, &in), TORC_OK);
    cr_expect_eq(m, 4);
    torc_tensor_free(&in);
    free(port.name);
    free(port.real_scale);
    free(port.real_offset);
    torc_ctx_free(ctx);
}

/* The definition with the library's own functions, on halves and their neighbours, far outside, and
 * for ranges that the fast rounding does not reach; in parts too. */
Test(port, quantising_is_rounding_then_clipping)
{
    enum { SAMPLES = 333 };
    static const int64_t ends[][2] = {{0, 0}, {-7, 8}, {0, 255}, {-((int64_t)1 << 52), 9}};
    uint64_t state = 1;
    torc_tensor in = tensor_of(TORC_F64, 1, (const size_t[]){SAMPLES});
    for (size_t r = 0; r < sizeof ends / sizeof *ends; r++) {
        torc_port port = sample_port("x", 53, true, 0, NULL);
        int64_t whole[SAMPLES];
        int64_t part[SAMPLES];
        uint64_t saturated[3] = {0};
        sample_port_float(&port, 0.375, -1);
        port.min = ends[r][0];
        port.max = ends[r][1];
        for (size_t s = 0; s < SAMPLES; s++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            const double half = (double)((int64_t)(state >> 40 & 1023) - 512) / 2;
            in.f64[s] = (s % 3 == 0   ? half * 0.375 - 1
                         : s % 3 == 1 ? nextafter(half * 0.375 - 1, s % 2 == 0 ? 1e9 : -1e9)
                                      : ldexp(half, (int)(s % 900)));
        }
        cr_expect_eq(torc_port_quantize(NULL, whole, &saturated[0], &port, &in), TORC_OK);
        cr_expect_eq(torc_port_quantize_part(NULL, part, &saturated[1], &port, &in, 0, 100),
                     TORC_OK);
        cr_expect_eq(torc_port_quantize_part(NULL, part + 100, &saturated[1], &port, &in, 100,
                                             SAMPLES - 100),
                     TORC_OK);
        for (size_t s = 0; s < SAMPLES; s++) {
            const double m = nearbyint((in.f64[s] + 1) / 0.375);
            const double clipped = fmin(fmax(m, (double)port.min), (double)port.max);
            saturated[2] += m != clipped;
            cr_expect_eq(whole[s], (int64_t)clipped, "row %zu, x = %g", r, in.f64[s]);
        }
        cr_expect_arr_eq(part, whole, sizeof whole);
        cr_expect(saturated[0] == saturated[2] && saturated[1] == saturated[2]);
        free(port.name);
        free(port.real_scale);
        free(port.real_offset);
    }
    torc_tensor_free(&in);
}

Test(port, clipping_ends_at_the_calibrated_bounds_not_at_the_width)
{
    torc_port port = sample_port("x", 4, true, 1, (const size_t[]){2});
    sample_port_float(&port, 1, 0);
    port.min = -3;
    port.max = 5;
    torc_tensor in = tensor_of(TORC_I64, 2, (const size_t[]){2, 2});
    memcpy(in.i64, (const int64_t[]){-4, -3, 5, 6}, 4 * sizeof *in.i64);
    int64_t m[4];
    uint64_t saturated = 0;
    cr_expect_eq(torc_port_quantize(NULL, m, &saturated, &port, &in), TORC_OK);
    cr_expect_arr_eq(m, ((const int64_t[]){-3, -3, 5, 5}), sizeof m);
    cr_expect_eq(saturated, 2);
    torc_tensor_free(&in);
    free(port.name);
    free(port.real_scale);
    free(port.real_offset);
}

Test(port, one_scale_an_element_repeats_for_every_sample)
{
    torc_port port = sample_port("x", 8, false, 1, (const size_t[]){3});
    double scale[3] = {1, 2, -0.5};
    double offset[3] = {0, 10, 100};
    port.is_float = true;
    port.scale_count = 3;
    port.real_scale = scale;
    port.real_offset = offset;
    torc_tensor in = tensor_of(TORC_F64, 2, (const size_t[]){2, 3});
    memcpy(in.f64, (const double[]){7, 24, 80, 8, 26, 79}, 6 * sizeof *in.f64);
    int64_t m[6];
    cr_expect_eq(torc_port_quantize(NULL, m, NULL, &port, &in), TORC_OK);
    cr_expect_arr_eq(m, ((const int64_t[]){7, 7, 40, 8, 8, 42}), sizeof m);
    torc_tensor_free(&in);
    free(port.name);
}

Test(port, bad_numbers_are_refused_with_their_place)
{
    static const struct {
        const char *label;
        double x;
        const char *words;
    } rows[] = {
        {"nan", NAN, "element 1 is NaN"},
        {"inf", INFINITY, "element 1 is infinite"},
        {"-inf", -INFINITY, "element 1 is infinite"},
    };
    torc_ctx *ctx = torc_ctx_create();
    torc_port port = sample_port("x", 4, false, 1, (const size_t[]){2});
    sample_port_float(&port, 0.25, 1);
    torc_tensor in = tensor_of(TORC_F64, 1, (const size_t[]){2});
    int64_t m[2];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        in.f64[1] = rows[i].x;
        cr_expect_eq(torc_port_quantize(ctx, m, NULL, &port, &in), TORC_E_INPUT);
        cr_expect_neq(strstr(torc_ctx_message(ctx), rows[i].words), NULL, "%s: %s", rows[i].label,
                      torc_ctx_message(ctx));
    }
    torc_tensor_free(&in);
    free(port.name);
    free(port.real_scale);
    free(port.real_offset);
    torc_ctx_free(ctx);
}

Test(port, integers_outside_the_width_are_refused)
{
    static const struct {
        uint32_t width;
        bool is_signed;
        int64_t m;
        bool fits;
    } rows[] = {
        {4, false, 0, true},
        {4, false, 15, true},
        {4, false, 16, false},
        {4, false, -1, false},
        {4, true, -8, true},
        {4, true, 7, true},
        {4, true, 8, false},
        {4, true, -9, false},
        {1, false, 1, true},
        {1, false, 2, false},
        {1, true, -1, true},
        {1, true, 1, false},
        {62, false, INT64_MAX / 2, true},
        {62, false, INT64_MAX, false},
        {62, true, INT64_MIN / 4, true},
        {62, true, INT64_MIN, false},
    };
    torc_ctx *ctx = torc_ctx_create();
    torc_tensor in = tensor_of(TORC_I64, 1, (const size_t[]){1});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        torc_port port = sample_port("k", rows[i].width, rows[i].is_signed, 0, NULL);
        int64_t m = 0;
        in.i64[0] = rows[i].m;
        const torc_status status = torc_port_quantize(ctx, &m, NULL, &port, &in);
        cr_expect_eq(status, rows[i].fits ? TORC_OK : TORC_E_INPUT, "row %zu", i);
        if (rows[i].fits) {
            cr_expect_eq(m, rows[i].m);
        } else {
            cr_expect_neq(strstr(torc_ctx_message(ctx), "'k': element 0"), NULL);
            cr_expect_neq(strstr(torc_ctx_message(ctx), "outside"), NULL);
        }
        free(port.name);
    }
    torc_tensor_free(&in);
    torc_ctx_free(ctx);
}

Test(port, floats_for_integers_are_refused)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_port port = sample_port("k", 4, false, 0, NULL);
    torc_tensor in = tensor_of(TORC_F64, 1, (const size_t[]){1});
    int64_t m = 0;
    cr_expect_eq(torc_port_quantize(ctx, &m, NULL, &port, &in), TORC_E_INPUT);
    cr_expect_neq(strstr(torc_ctx_message(ctx), "'k': float64, wanted integers"), NULL);
    torc_tensor_free(&in);
    free(port.name);
    torc_ctx_free(ctx);
}

Test(port, the_batch_axis_may_be_missing_and_other_shapes_are_refused)
{
    static const struct {
        uint32_t rank;
        size_t shape[3];
        size_t samples; /* 0: refused */
    } rows[] = {
        {2, {2, 3}, 1}, {3, {1, 2, 3}, 1}, {3, {5, 2, 3}, 5}, {3, {0, 2, 3}, 0}, {1, {6}, 0},
        {2, {3, 2}, 0}, {3, {5, 3, 2}, 0}, {2, {5, 6}, 0},    {0, {0}, 0},
    };
    torc_ctx *ctx = torc_ctx_create();
    torc_port port = sample_port("image", 4, false, 2, (const size_t[]){2, 3});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t samples = 0;
        torc_tensor in = tensor_of(TORC_I64, rows[i].rank, rows[i].shape);
        const torc_status status = torc_port_samples(ctx, &samples, &port, &in);
        cr_expect_eq(status, rows[i].samples > 0 ? TORC_OK : TORC_E_INPUT, "row %zu", i);
        cr_expect_eq(samples, rows[i].samples, "row %zu", i);
        torc_tensor_free(&in);
    }
    torc_tensor in = tensor_of(TORC_I64, 3, (const size_t[]){5, 3, 2});
    size_t samples = 0;
    cr_expect_eq(torc_port_samples(ctx, &samples, &port, &in), TORC_E_INPUT);
    cr_expect_str_eq(
        torc_ctx_message(ctx),
        "input 'image': shape (5, 3, 2), wanted one sample (2, 3) or a batch of at least "
        "one with its axis in front of these");
    torc_tensor_free(&in);
    free(port.name);
    torc_ctx_free(ctx);
}
