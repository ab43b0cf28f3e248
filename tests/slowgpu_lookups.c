/* Statistics of whole lookups, keyswitch to extraction: the variance of what comes out against the
 * formulas of kernels/README.md, and how many lookups miss their bin when tables are one and two
 * bits larger than the parameters allow, so that misses can be counted.
 *
 *   device      10^6 lookups over 20 keys (10^7 with TORC_LONG=yes); TORC_LOOKUPS names another
 * number emulator    64 lookups, one key: shows that the program works, little more
 *
 * Variance: within one part in 100, and 5 standard deviations of the estimate. Misses: the binomial
 * odds of as many, and of as few, are above 5e-7 each for some variance within one part in 100 of
 * the prediction, i.e. the prediction lies in the Clopper-Pearson interval at 1e-6. */
#include "tests/gpu_test.h"
#include "tests/kernel_keys.h"

#include <math.h>

/* Of 4 bits, kernels/configurations.def. */
static const torc_shape shape = {.glwe_dim = 1,
                                 .poly_size = 2048,
                                 .lwe_dim = 782,
                                 .base_log = 21,
                                 .level_count = 1,
                                 .ks_base_log = 2,
                                 .ks_level_count = 7,
                                 .grouping = 2};

enum {
    BITS = 4,
    GLWE_NOISE_LOG2 = 17, /* of 2^64 */
    LWE_NOISE_LOG2 = 16,  /* of 2^32 */
    BATCH_MAX = 2048,
    INFLATED = 2 /* tables of BITS + 1 and BITS + 2 bits */
};

/* There when the emulator is linked. */
__attribute__((weak)) void torc_emu_schedule(const char *order, uint64_t seed);

typedef struct statistics {
    double count, sum, sum_sq; /* of errors of the output, torus */
    double lookups[INFLATED], misses[INFLATED];
    double output_variance, input_variance; /* predicted, means over keys */
} statistics;

/* What a key needs on the device; host arrays for one batch. */
typedef struct world {
    test_keys keys;
    torc_gpu_rotate_args rotate;
    torc_gpu_keyswitch_args keyswitch;
    uint64_t *device_in, *device_out;
    uint64_t *in, *out;
    uint32_t *message;
    uint32_t batch;
} world;

/* --- predictions --- */

static double tuniform_variance(int bound_log2, int modulus_log2)
{
    return (exp2(2.0 * bound_log2 + 1) + 1) / 6 * exp2(-2.0 * modulus_log2);
}

static double weight_of(const test_keys *keys)
{
    double weight = 0;
    for (uint32_t i = 0; i < shape.poly_size * shape.glwe_dim; i++) {
        weight += (double)keys->big[i];
    }
    return weight;
}

static double predicted_output(const test_keys *keys)
{
    static const double bundle_factor[] = {1, 1, 1.03, 1.07, 1.12}; /* runtime/noise.c */
    const double n = shape.poly_size, base_sq = exp2(2.0 * shape.base_log);
    const double terms = 2.0 * ((1u << shape.grouping) - 1);
    const double rows = shape.level_count * (shape.glwe_dim + 1.0) * n;
    const double key = terms * rows * tuniform_variance(GLWE_NOISE_LOG2, 64) * (base_sq + 2) / 12;
    const double rounding = (1 + weight_of(keys)) / (12 * pow(base_sq, shape.level_count));
    const double transform = torc_gpu_fft_constant(&shape) * exp2(-106) * base_sq * rows * log2(n) *
                             (1 + weight_of(keys)) * terms * bundle_factor[shape.grouping];
    return (double)shape.lwe_dim / shape.grouping * (key + rounding + transform);
}

static double predicted_input(const test_keys *keys)
{
    const double base_sq = exp2(2.0 * shape.ks_base_log), cell = 1.0 / (2.0 * shape.poly_size);
    const double products = (double)shape.poly_size * shape.glwe_dim * shape.ks_level_count;
    const double key = products * tuniform_variance(LWE_NOISE_LOG2, 32) * (base_sq + 2) / 12;
    const double rounding =
        weight_of(keys) / (12 * pow(base_sq, shape.ks_level_count)) + exp2(-64) / 12;
    return tuniform_variance(GLWE_NOISE_LOG2, 64) + key + rounding +
           shape.lwe_dim * cell * cell / 48;
}

/* Odds of leaving half a bin of a table of `bits` bits. */
static double predicted_miss(double variance, uint32_t bits)
{
    return erfc(exp2(-(double)bits - 2) / sqrt(2 * variance));
}

/* Odds of at least (or at most) `seen` of `count` at p each. */
static double binomial_tail(double seen, double count, double p, bool at_least)
{
    double sum = 0, below = 0;
    const double last = at_least ? seen - 1 : seen;
    for (double k = fmax(0, last - 200000); k <= last; k++) {
        below = lgamma(count + 1) - lgamma(k + 1) - lgamma(count - k + 1) + k * log(p) +
                (count - k) * log1p(-p);
        sum += exp(below);
    }
    return at_least ? 1 - sum : sum;
}

/* --- lookups --- */

static void *upload_bootstrap_key(const test_keys *keys)
{
    const uint32_t rows = (uint32_t)keys_row_count(&shape);
    const size_t words = keys_row_words(&shape);
    const uint32_t part = 256;
    void *key = gpu_test_room(torc_gpu_bootstrap_key_bytes(&shape));
    uint64_t *staged = gpu_test_room(part * words * sizeof *staged);
    GPU_OK(torc_gpu_fft_tables(key, shape.poly_size, gpu_test.stream));
    for (uint32_t row = 0; row < rows; row += part) {
        const uint32_t count = rows - row < part ? rows - row : part;
        GPU_OK(torc_gpu_copy_in(staged, keys->ggsw + row * words, count * words * sizeof *staged,
                                gpu_test.stream));
        GPU_OK(torc_gpu_bootstrap_key_rows(key, row, count, staged, &shape, gpu_test.stream));
        GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
    }
    return key;
}

static void world_make(world *w, test_rng *rng, uint32_t batch)
{
    const size_t big_words = (size_t)shape.glwe_dim * shape.poly_size + 1;
    const size_t row_words = (size_t)shape.ks_level_count * (shape.lwe_dim + 1);
    keys_make(&w->keys, &shape, rng, GLWE_NOISE_LOG2, LWE_NOISE_LOG2);
    void *keyswitch_key = gpu_test_room(torc_gpu_keyswitch_key_bytes(&shape));
    const uint32_t *rows =
        gpu_test_upload(w->keys.ksk, (big_words - 1) * row_words * sizeof(uint32_t));
    GPU_OK(torc_gpu_keyswitch_key(keyswitch_key, rows, 0, (uint32_t)big_words - 1, &shape,
                                  gpu_test.stream));
    w->batch = batch;
    w->in = test_alloc(batch * big_words * sizeof *w->in);
    w->out = test_alloc(batch * big_words * sizeof *w->out);
    w->message = test_alloc(batch * sizeof *w->message);
    w->device_in = gpu_test_room(batch * big_words * sizeof *w->in);
    w->device_out = gpu_test_room(batch * big_words * sizeof *w->out);
    w->keyswitch = (torc_gpu_keyswitch_args){
        .key = keyswitch_key,
        .in = w->device_in,
        .scratch = gpu_test_room(torc_gpu_keyswitch_scratch_bytes(&shape, batch)),
        .batch = batch};
    w->rotate = (torc_gpu_rotate_args){
        .key = upload_bootstrap_key(&w->keys),
        .in = {.exponent = gpu_test_room((size_t)batch * shape.lwe_dim * sizeof(uint32_t)),
               .body = gpu_test_room(batch * sizeof(uint32_t)),
               .error = gpu_test_room(batch * sizeof(int64_t))},
        .table_index = gpu_test_zeros(batch * sizeof(uint32_t)),
        .table_stride = 1u << (BITS + INFLATED),
        .batch = batch,
        .scratch = gpu_test_room(torc_gpu_rotate_scratch_bytes(&shape, batch))};
}

static void world_free(world *w)
{
    gpu_test_free_all();
    keys_free(&w->keys);
    free(w->in);
    free(w->out);
    free(w->message);
}

/* A table of `bits` bits whose entry is its own index. */
static void set_table(world *w, uint32_t bits)
{
    uint64_t entry[1u << (BITS + INFLATED)] = {0};
    for (uint64_t u = 0; u < (uint64_t)1 << bits; u++) {
        entry[u] = u << (63 - bits);
    }
    w->rotate.table = gpu_test_upload(entry, sizeof entry);
    w->rotate.index_bits = gpu_test_upload(&bits, sizeof bits);
}

static void look_up(world *w, test_rng *rng, uint32_t bits)
{
    const size_t words = (size_t)shape.glwe_dim * shape.poly_size + 1;
    for (uint32_t b = 0; b < w->batch; b++) {
        w->message[b] = (uint32_t)(rng_next(rng) >> (64 - bits));
        keys_encrypt(w->in + b * words, &w->keys, rng, (uint64_t)w->message[b] << (63 - bits),
                     GLWE_NOISE_LOG2);
    }
    GPU_OK(
        torc_gpu_copy_in(w->device_in, w->in, w->batch * words * sizeof *w->in, gpu_test.stream));
    GPU_OK(torc_gpu_keyswitch(&w->rotate.in, &w->keyswitch, &shape, gpu_test.stream));
    GPU_OK(torc_gpu_rotate(w->device_out, &w->rotate, &shape, gpu_test.stream));
    gpu_test_download(w->out, w->device_out, w->batch * words * sizeof *w->out);
}

/* The bin that came out is the nearest; what is left is noise. Bin -1 is the last one negated. */
static void count_outcomes(statistics *s, const world *w, uint32_t bits)
{
    const uint32_t dim = shape.glwe_dim * shape.poly_size;
    for (uint32_t b = 0; b < w->batch; b++) {
        const uint64_t phase = torc_ref_lwe_phase(w->out + (size_t)b * (dim + 1), w->keys.big, dim);
        const uint64_t bin = (phase + ((uint64_t)1 << (62 - bits))) >> (63 - bits);
        const double error = (double)(int64_t)(phase - (bin << (63 - bits))) * 0x1p-64;
        s->misses[bits - BITS - 1] += bin != w->message[b];
        s->lookups[bits - BITS - 1]++;
        s->count++;
        s->sum += error;
        s->sum_sq += error * error;
    }
}

/* --- verdicts --- */

static void check_variance(const statistics *s)
{
    const double mean = s->sum / s->count, variance = s->sum_sq / s->count;
    const double ratio = variance / s->output_variance, allowed = 0.01 + 5 * sqrt(2 / s->count);
    printf("{\"name\":\"lookup_variance\",\"lookups\":%.0f,\"measured\":%.4g,\"predicted\":%.4g,"
           "\"ratio\":%.4f,\"allowed\":%.4f}\n",
           s->count, variance, s->output_variance, ratio, allowed);
    GPU_CHECK(fabs(ratio - 1) <= allowed, "the output's variance is %.4f of the prediction", ratio);
    GPU_CHECK(fabs(mean) <= 5 * sqrt(s->output_variance / s->count), "the output's mean is %g",
              mean);
}

static void check_misses(const statistics *s, uint32_t i)
{
    const uint32_t bits = BITS + 1 + i;
    const double low = predicted_miss(0.99 * s->input_variance, bits);
    const double high = predicted_miss(1.01 * s->input_variance, bits);
    printf("{\"name\":\"lookup_misses\",\"bits\":%u,\"lookups\":%.0f,\"misses\":%.0f,"
           "\"predicted\":%.1f}\n",
           bits, s->lookups[i], s->misses[i],
           predicted_miss(s->input_variance, bits) * s->lookups[i]);
    GPU_CHECK(binomial_tail(s->misses[i], s->lookups[i], high, true) > 5e-7,
              "%u bits: %.0f misses of %.0f are too many", bits, s->misses[i], s->lookups[i]);
    GPU_CHECK(binomial_tail(s->misses[i], s->lookups[i], low, false) > 5e-7,
              "%u bits: %.0f misses of %.0f are too few", bits, s->misses[i], s->lookups[i]);
}

int main(void)
{
    const bool emulated = torc_emu_schedule != NULL;
    const char *long_run = getenv("TORC_LONG"), *wanted = getenv("TORC_LOOKUPS");
    const bool is_long = long_run != NULL && strcmp(long_run, "yes") == 0;
    const double lookups = wanted != NULL ? strtod(wanted, NULL)
                           : emulated     ? 64
                           : is_long      ? 1e7
                                          : 1e6;
    const uint32_t key_count = emulated ? 1 : 20;
    const double per_table = lookups / (key_count * INFLATED);
    const uint32_t batch = per_table < BATCH_MAX ? (uint32_t)fmax(per_table, 1) : BATCH_MAX;
    statistics s = {0};
    test_rng rng = {20261129};
    gpu_test_begin();
    for (uint32_t k = 0; k < key_count; k++) {
        world w = {.batch = 0};
        world_make(&w, &rng, batch);
        s.output_variance += predicted_output(&w.keys) / key_count;
        s.input_variance += predicted_input(&w.keys) / key_count;
        for (uint32_t i = 0; i < INFLATED; i++) {
            set_table(&w, BITS + 1 + i);
            for (double done = 0; done < per_table; done += batch) {
                look_up(&w, &rng, BITS + 1 + i);
                count_outcomes(&s, &w, BITS + 1 + i);
            }
        }
        world_free(&w);
    }
    check_variance(&s);
    for (uint32_t i = 0; i < INFLATED; i++) {
        check_misses(&s, i);
    }
    return gpu_test_end();
}
