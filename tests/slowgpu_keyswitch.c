/* Noise that the device's keyswitch and modulus switch add to the phase, mean and variance, against
 * the formulas of kernels/README.md. Bounds at odds of 1e-6 for T samples: 5 sqrt(2/T) for the
 * variance, 5 / sqrt(T) standard deviations for the mean. */
#include "tests/kernel_oracles.h"
#include "tests/keyswitch_trial.h"

#include <math.h>

enum { KEYS = 2, BATCH = 128 };

typedef struct noise_case {
    const char *name;
    keyswitch_case shape;
    int key_noise_log2; /* negative: none */
    bool switched;      /* errors of the switched phase */
    uint32_t samples;
} noise_case;

/* The keyswitch's noise does not depend on n: a few columns are enough. */
static const noise_case cases[] = {
    {"key noise", {1, 1024, 15, 4, 8, 0, 0, BATCH}, 10, false, 4096},
    {"rounding", {2, 512, 15, 3, 4, 0, 0, BATCH}, -1, false, 4096},
    {"keyswitch, 4 bits", {1, 2048, 15, 2, 7, 0, 0, BATCH}, 14, false, 4096},
    {"switched", {1, 512, 600, 3, 4, 2, 0, BATCH}, 10, true, 2048},
    {"switched, two results", {1, 512, 600, 3, 4, 2, 1, BATCH}, 10, true, 2048},
};

static double keyswitch_variance(const test_keys *keys, int key_noise_log2)
{
    const torc_shape *s = &keys->shape;
    const double products = (double)big_dim(s) * s->ks_level_count;
    const double base_sq = exp2(2.0 * s->ks_base_log);
    const double key_noise =
        key_noise_log2 < 0 ? 0 : (exp2(2 * key_noise_log2 + 1) + 1) / 6 * exp2(-64);
    double weight = 0;
    for (size_t i = 0; i < big_dim(s); i++) {
        weight += (double)keys->big[i];
    }
    return products * key_noise * (base_sq + 2) / 12 +
           weight * exp2(-2.0 * s->ks_base_log * s->ks_level_count) / 12 + exp2(-64) / 12;
}

/* n / 48 cells squared, and 1/12 because the phase read is the middle of a cell. */
static double switch_variance(const torc_shape *s)
{
    const double cell = (double)cell_of(s) * exp2(-32);
    return (s->lwe_dim / 48.0 + 1.0 / 12) * cell * cell;
}

/* phase[batch] under the small key. */
static void phases_of_words(uint64_t *phase, const test_keys *keys, const trial *t)
{
    const size_t words = (size_t)t->shape.lwe_dim + 1;
    uint32_t *small = test_alloc(t->batch * words * sizeof *small);
    small_of_device(small, t);
    for (size_t b = 0; b < t->batch; b++) {
        const uint32_t word =
            torc_ref_lwe_phase32(small + b * words, keys->small, t->shape.lwe_dim);
        phase[b] = (uint64_t)word << 32;
    }
    free(small);
}

/* The same of the exponents: the middle of the cell that a rotation reads. */
static void phases_of_exponents(uint64_t *phase, const test_keys *keys, const trial *t)
{
    const torc_shape *s = &t->shape;
    const uint64_t cell = (uint64_t)cell_of(s) << 32;
    trial_switched got = switched_of_device(t);
    for (size_t b = 0; b < t->batch; b++) {
        uint32_t sum = body_exponent(got.body[b], got.error[b], s);
        for (size_t i = 0; i < s->lwe_dim; i++) {
            sum -= got.exponent[b * s->lwe_dim + i] * (uint32_t)keys->small[i];
        }
        phase[b] = (uint64_t)((int64_t)(int32_t)sum >> s->outputs_log2) * cell + cell / 2;
    }
    switched_free(&got);
}

typedef struct moments {
    double mean, square;
} moments;

static moments measure(const noise_case *c, const test_keys *keys, test_rng *rng)
{
    const size_t dim = big_dim(&keys->shape);
    uint64_t phase[BATCH];
    moments m = {0, 0};
    trial t = {.shape = keys->shape, .batch = BATCH, .slots = BATCH, .rows = keys->ksk};
    t.big = test_alloc(BATCH * (dim + 1) * sizeof *t.big);

    for (uint32_t done = 0; done < c->samples; done += BATCH) {
        rng_words(rng, t.big, BATCH * (dim + 1));
        if (c->switched) {
            phases_of_exponents(phase, keys, &t);
        } else {
            phases_of_words(phase, keys, &t);
        }
        for (size_t b = 0; b < BATCH; b++) {
            const uint64_t exact =
                torc_ref_lwe_phase(t.big + b * (dim + 1), keys->big, (uint32_t)dim);
            const double error = torus_fraction(phase[b] - exact);
            m.mean += error / c->samples;
            m.square += error * error / c->samples;
        }
    }
    free(t.big);
    return m;
}

static void expect_noise(const noise_case *c, uint64_t seed)
{
    const torc_shape shape = shape_of(&c->shape);
    test_rng rng = {seed};
    test_keys keys;
    keys_make(&keys, &shape, &rng, -1, c->key_noise_log2);
    const moments m = measure(c, &keys, &rng);
    const double expected =
        keyswitch_variance(&keys, c->key_noise_log2) + (c->switched ? switch_variance(&shape) : 0);
    const double ratio = m.square / expected;
    const double mean = m.mean / sqrt(expected);

    printf("%-22s std 2^%.2f, variance / predicted %.3f, mean / std %+.3f\n", c->name,
           log2(m.square) / 2, ratio, mean);
    GPU_CHECK(fabs(ratio - 1) < 5 * sqrt(2.0 / c->samples), "%s: variance %g times predicted",
              c->name, ratio);
    GPU_CHECK(fabs(mean) < 5 / sqrt(c->samples), "%s: mean %g deviations", c->name, mean);
    keys_free(&keys);
}

int main(void)
{
    gpu_test_begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (uint64_t key = 0; key < KEYS; key++) {
            expect_noise(&cases[i], 800 + 10 * i + key);
        }
    }
    return gpu_test_end();
}
