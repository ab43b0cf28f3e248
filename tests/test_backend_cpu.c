/* The CPU backend on real ciphertexts: the example programs against their oracle, chunks and
 * threads, memory, refusals. Keys come from the test generator: small dimensions, next to no noise.
 */
#include "kernels/kernels.h"
#include "runtime/backend.h"
#include "runtime/cost.h"
#include "runtime/executor.h"
#include "runtime/status.h"
#include "tests/common/example_programs.h"
#include "tests/common/program_builder.h"
#include "tests/common/program_oracle.h"
#include "tests/kernel_keys.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const torc_params params_plain = {.glwe_dim = 1,
                                         .poly_size = 1024,
                                         .glwe_noise_log2 = 10,
                                         .lwe_dim = 460,
                                         .lwe_noise_log2 = 8,
                                         .grouping = 1,
                                         .bootstrap = {15, 2},
                                         .keyswitch = {4, 5}};
static const torc_params params_extended = {.glwe_dim = 2,
                                            .poly_size = 256,
                                            .glwe_noise_log2 = 10,
                                            .lwe_dim = 450,
                                            .lwe_noise_log2 = 8,
                                            .extended_log2 = 2,
                                            .grouping = 1,
                                            .bootstrap = {15, 2},
                                            .keyswitch = {4, 5}};
static const torc_params params_small = {.glwe_dim = 1,
                                         .poly_size = 256,
                                         .glwe_noise_log2 = 10,
                                         .lwe_dim = 450,
                                         .lwe_noise_log2 = 8,
                                         .grouping = 1,
                                         .bootstrap = {15, 2},
                                         .keyswitch = {4, 5}};

static const torc_params params_grouped = {.glwe_dim = 1,
                                           .poly_size = 1024,
                                           .glwe_noise_log2 = 10,
                                           .lwe_dim = 460,
                                           .lwe_noise_log2 = 8,
                                           .grouping = 2,
                                           .bootstrap = {15, 2},
                                           .keyswitch = {4, 5}};
static const torc_params params_grouped_extended = {.glwe_dim = 2,
                                                    .poly_size = 256,
                                                    .glwe_noise_log2 = 10,
                                                    .lwe_dim = 450,
                                                    .lwe_noise_log2 = 8,
                                                    .extended_log2 = 2,
                                                    .grouping = 3,
                                                    .bootstrap = {15, 2},
                                                    .keyswitch = {4, 5}};

typedef struct backend_keys {
    torc_evaluation_keys evaluation;
    uint64_t *big;
    uint64_t *small;
    uint64_t *bootstrap_body;
    uint32_t *keyswitch_body;
} backend_keys;

/* Of GGSW i: 1 when its step's bits, lowest first, are those of its term. */
static uint64_t term_bit(const backend_keys *keys, size_t ggsw)
{
    const uint32_t g = keys->evaluation.params.grouping;
    const size_t terms = ((size_t)1 << g) - 1;
    uint64_t bits = 0;
    for (uint32_t b = 0; b < g; b++) {
        bits |= keys->small[ggsw / terms * g + b] << b;
    }
    return bits == ggsw % terms + 1;
}

static void make_bootstrap_bodies(backend_keys *keys, test_rng *rng)
{
    const torc_params *p = &keys->evaluation.params;
    const uint32_t size = p->poly_size;
    const uint32_t levels = p->bootstrap.level_count;
    uint64_t *glwe = test_alloc((size_t)(p->glwe_dim + 1) * size * sizeof *glwe);
    for (size_t r = 0; r < torc_evk_bootstrap_rows(p); r++) {
        uint64_t *body = keys->bootstrap_body + r * size;
        const uint32_t c = (uint32_t)(r / levels % (p->glwe_dim + 1));
        const uint64_t bit = term_bit(keys, r / levels / (p->glwe_dim + 1));
        const uint64_t unit = bit << (64 - p->bootstrap.base_log * (r % levels + 1));
        torc_evk_expand_glwe(glwe, &keys->evaluation, r); /* its body is still zero */
        for (uint32_t i = 0; i < size; i++) {
            const uint64_t secret = c < p->glwe_dim ? -keys->big[c * size + i] : i == 0;
            body[i] = (uint64_t)rng_tuniform(rng, (int)p->glwe_noise_log2) + unit * secret;
        }
        keys_product_add(body, glwe, keys->big, p->glwe_dim, size);
    }
    free(glwe);
}

static void make_keyswitch_bodies(backend_keys *keys, test_rng *rng)
{
    const torc_params *p = &keys->evaluation.params;
    const uint32_t levels = p->keyswitch.level_count;
    uint32_t *lwe = test_alloc((p->lwe_dim + 1) * sizeof *lwe);
    for (size_t r = 0; r < torc_evk_keyswitch_rows(p); r++) {
        const uint32_t unit = (uint32_t)1 << (32 - p->keyswitch.base_log * (r % levels + 1));
        torc_evk_expand_lwe(lwe, &keys->evaluation, r);
        keys->keyswitch_body[r] =
            torc_ref_lwe_body32(lwe, keys->small, rng_tuniform(rng, (int)p->lwe_noise_log2),
                                unit * (uint32_t)keys->big[r / levels], p->lwe_dim);
    }
    free(lwe);
}

static void make_keys(backend_keys *keys, const torc_params *params, test_rng *rng)
{
    const size_t bootstrap_words = torc_evk_bootstrap_rows(params) * params->poly_size;
    keys->evaluation = (torc_evaluation_keys){.params = *params, .seed = {1, 2, 3}};
    keys->big = test_alloc(torc_params_big_dim(params) * sizeof(uint64_t));
    keys->small = test_alloc(params->lwe_dim * sizeof(uint64_t));
    keys->bootstrap_body = test_alloc(bootstrap_words * sizeof(uint64_t));
    keys->keyswitch_body = test_alloc(torc_evk_keyswitch_rows(params) * sizeof(uint32_t));
    keys->evaluation.bootstrap_body = keys->bootstrap_body;
    keys->evaluation.keyswitch_body = keys->keyswitch_body;
    rng_bits(rng, keys->big, torc_params_big_dim(params));
    rng_bits(rng, keys->small, params->lwe_dim);
    make_bootstrap_bodies(keys, rng);
    make_keyswitch_bodies(keys, rng);
}

static void free_keys(backend_keys *keys)
{
    free(keys->big);
    free(keys->small);
    free(keys->bootstrap_body);
    free(keys->keyswitch_body);
}

static torc_target *open_cpu(const torc_program *program, const backend_keys *keys, size_t capacity,
                             uint32_t threads)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_target *target = NULL;
    const torc_target_options options = {.capacity = capacity, .threads = threads};
    const torc_status status = torc_backend_cpu()->open(
        ctx, &target, program, &keys->evaluation.params, &keys->evaluation, &options);
    cr_assert_eq(status, TORC_OK, "%s", torc_ctx_message(ctx));
    torc_ctx_free(ctx);
    return target;
}

static void write_element(torc_target *target, const backend_keys *keys, uint32_t element,
                          size_t samples, const uint64_t *message, test_rng *rng)
{
    const uint32_t dim = torc_params_big_dim(&keys->evaluation.params);
    uint64_t *lwe = test_alloc(samples * (dim + 1) * sizeof *lwe);
    for (size_t s = 0; s < samples; s++) {
        uint64_t *own = lwe + s * (dim + 1);
        rng_words(rng, own, dim);
        own[dim] = torc_ref_lwe_body(own, keys->big, 0, message[s], dim);
    }
    cr_assert_eq(target->backend->write(NULL, target, element, 1, samples, lwe), TORC_OK);
    free(lwe);
}

static void read_phases(torc_target *target, const backend_keys *keys, uint64_t *phase,
                        uint32_t element, size_t samples)
{
    const uint32_t dim = torc_params_big_dim(&keys->evaluation.params);
    uint64_t *lwe = test_alloc(samples * (dim + 1) * sizeof *lwe);
    cr_assert_eq(target->backend->read(NULL, target, lwe, element, 1, samples), TORC_OK);
    for (size_t s = 0; s < samples; s++) {
        phase[s] = torc_ref_lwe_phase(lwe + s * (dim + 1), keys->big, dim);
    }
    free(lwe);
}

static int64_t draw(test_rng *rng, const example_program *example)
{
    return example->min + (int64_t)(rng_next(rng) % (uint64_t)(example->max - example->min + 1));
}

/* Inputs drawn, program run, every output within a quarter of a unit of the oracle. */
static void expect_oracle(const example_program *example, const backend_keys *keys, test_rng *rng)
{
    enum { SAMPLES = 3, MAX = 16 };
    torc_program p = {0};
    oracle_value expected[SAMPLES][MAX] = {0};
    int64_t clear[SAMPLES][MAX] = {0};
    uint64_t phase[SAMPLES];

    example->build(&p);
    torc_target *target = open_cpu(&p, keys, SAMPLES + 1, 2);
    for (uint32_t i = 0; i < p.input_count; i++) {
        for (uint32_t j = 0; j < p.inputs[i].count; j++) {
            const uint32_t e = p.inputs[i].element[j];
            int64_t value[SAMPLES];
            for (size_t s = 0; s < SAMPLES; s++) {
                value[s] = draw(rng, example);
                phase[s] = (uint64_t)value[s] * EXAMPLE_UNIT;
            }
            for (size_t s = 0; s < SAMPLES; s++) {
                if (p.inputs[i].encrypted) {
                    expected[s][e] = oracle_signed(phase[s]);
                } else {
                    clear[s][e] = value[s];
                }
            }
            if (p.inputs[i].encrypted) {
                write_element(target, keys, e, SAMPLES, phase, rng);
            } else {
                cr_assert_eq(target->backend->write_clear(NULL, target, e, 1, SAMPLES, value),
                             TORC_OK);
            }
        }
    }
    torc_run_stats stats;
    cr_assert_eq(torc_execute(NULL, target, &p, SAMPLES, &stats, NULL, NULL), TORC_OK);
    for (size_t s = 0; s < SAMPLES; s++) {
        oracle_run(expected[s], clear[s], &p);
    }
    for (uint32_t i = 0; i < p.output_count; i++) {
        for (uint32_t j = 0; j < p.outputs[i].count && p.outputs[i].encrypted; j++) {
            const uint32_t e = p.outputs[i].element[j];
            read_phases(target, keys, phase, e, SAMPLES);
            for (size_t s = 0; s < SAMPLES; s++) {
                const uint64_t error = phase[s] - (uint64_t)expected[s][e];
                cr_expect(error + EXAMPLE_UNIT / 4 < EXAMPLE_UNIT / 2,
                          "%s: output %u, element %u, sample %zu is off by %ld", example->name, i,
                          e, s, (int64_t)error);
            }
        }
    }
    target->backend->close(target);
    torc_program_free(&p);
}

Test(backend_cpu, example_programs_agree_with_the_oracle)
{
    const torc_params *const sets[] = {&params_plain, &params_extended, &params_grouped,
                                       &params_grouped_extended};
    for (size_t set = 0; set < sizeof sets / sizeof *sets; set++) {
        test_rng rng = {900 + set};
        backend_keys keys;
        make_keys(&keys, sets[set], &rng);
        for (size_t i = 0; i < example_program_count; i++) {
            expect_oracle(&example_programs[i], &keys, &rng);
        }
        free_keys(&keys);
    }
}

/* 70 lookups of 3 samples fill several chunks; sharing them out differently changes no bit. */
Test(backend_cpu, chunks_and_threads_change_no_bit)
{
    enum { COUNT = 70, SAMPLES = 3 };
    test_rng rng = {77};
    backend_keys keys;
    torc_program p = {0};
    make_keys(&keys, &params_small, &rng);
    build_input(&p, true, 0, 2);
    const uint32_t table = build_table(&p, 2);
    torc_lookup *lookup = build_lookup(&p, 0, 2, COUNT, 0);
    build_output(&p, true, 2, COUNT);
    rng_words(&rng, p.tables[table].entry, 4);
    for (uint32_t i = 0; i < COUNT; i++) {
        lookup->in[i] = i % 2;
        lookup->offset[i] = (uint64_t)(i % 8) << 61;
    }
    const size_t words = COUNT * SAMPLES * torc_params_big_words(&params_small);
    uint64_t *first = test_alloc(words * sizeof *first);
    uint64_t *other = test_alloc(words * sizeof *other);
    for (uint32_t threads = 1; threads <= 3; threads++) {
        static const uint64_t message[2][SAMPLES] = {{0, (uint64_t)1 << 61, (uint64_t)7 << 61},
                                                     {(uint64_t)2 << 61, (uint64_t)3 << 61, 0}};
        test_rng inputs = {5};
        torc_target *target = open_cpu(&p, &keys, SAMPLES, threads);
        write_element(target, &keys, 0, SAMPLES, message[0], &inputs);
        write_element(target, &keys, 1, SAMPLES, message[1], &inputs);
        cr_assert_eq(target->backend->lookup(NULL, target, lookup, SAMPLES), TORC_OK);
        cr_assert_eq(
            target->backend->read(NULL, target, threads == 1 ? first : other, 2, COUNT, SAMPLES),
            TORC_OK);
        cr_expect(threads == 1 || memcmp(first, other, words * sizeof *first) == 0, "%u threads",
                  threads);
        for (uint32_t i = 0; i < COUNT; i++) {
            uint64_t phase[SAMPLES];
            read_phases(target, &keys, phase, 2 + i, SAMPLES);
            for (size_t s = 0; s < SAMPLES; s++) {
                const uint32_t u = (uint32_t)((message[i % 2][s] + lookup->offset[i]) >> 61);
                const uint64_t entry = p.tables[table].entry[u % 4];
                const int64_t error = (int64_t)(phase[s] - (u < 4 ? entry : -entry));
                cr_expect(llabs(error) < (int64_t)1 << 50, "lookup %u sample %zu", i, s);
            }
        }
        target->backend->close(target);
    }
    free(first);
    free(other);
    free_keys(&keys);
    torc_program_free(&p);
}

/* Large linear layers are cut into slices of outputs; compared word by word with the definition. */
Test(backend_cpu, wide_layers_are_exact)
{
    enum { IN = 45, OUT = 71, SAMPLES = 2 };
    const torc_params params = {.glwe_dim = 1, .poly_size = 256, .glwe_noise_log2 = 10};
    const torc_target_options options = {.capacity = SAMPLES, .threads = 3};
    const size_t words = torc_params_big_words(&params);
    test_rng rng = {78};
    torc_program p = {0};
    torc_target *target = NULL;
    build_input(&p, true, 0, IN);
    torc_linear *layer = build_linear(&p, 0, IN, 1, OUT, IN);
    build_output(&p, true, IN, OUT);
    for (uint32_t i = 0; i < IN; i++) {
        layer->gather[i] = i;
    }
    for (uint32_t i = 0; i < IN * OUT; i++) {
        layer->weight[i] = (int64_t)(rng_next(&rng) % 33) - 16;
    }
    rng_words(&rng, layer->constant, OUT);
    cr_assert_eq(torc_backend_cpu()->open(NULL, &target, &p, &params, NULL, &options), TORC_OK);
    uint64_t *in = test_alloc(IN * SAMPLES * words * sizeof *in);
    uint64_t *out = test_alloc(OUT * SAMPLES * words * sizeof *out);
    rng_words(&rng, in, IN * SAMPLES * words);
    cr_assert_eq(target->backend->write(NULL, target, 0, IN, SAMPLES, in), TORC_OK);
    cr_assert_eq(target->backend->linear(NULL, target, layer, SAMPLES), TORC_OK);
    cr_assert_eq(target->backend->read(NULL, target, out, IN, OUT, SAMPLES), TORC_OK);
    for (size_t o = 0; o < OUT; o++) {
        for (size_t w = 0; w < SAMPLES * words; w++) {
            uint64_t sum = w % words == words - 1 ? layer->constant[o] : 0;
            for (size_t i = 0; i < IN; i++) {
                sum += (uint64_t)layer->weight[o * IN + i] * in[i * SAMPLES * words + w];
            }
            cr_assert_eq(out[o * SAMPLES * words + w], sum, "output %zu word %zu", o, w);
        }
    }
    free(in);
    free(out);
    target->backend->close(target);
    torc_program_free(&p);
}

static void expect_memory(const torc_params *params)
{
    test_rng rng = {79};
    backend_keys keys;
    torc_program p = {0};
    make_keys(&keys, params, &rng);
    build_input(&p, true, 0, 100);
    build_table(&p, 3);
    build_lookup(&p, 0, 100, 100, 0);
    build_output(&p, true, 100, 100);
    torc_target *target = open_cpu(&p, &keys, 50, 1);
    const torc_machine machine = {.threads = 1};
    torc_prediction prediction;
    torc_predict(&prediction, &machine, &p, params, 50);
    const uint64_t predicted =
        prediction.memory_bytes - torc_predict_host_bytes(&p, params, 50, 50);
    cr_expect(target->memory_bytes < predicted + predicted / 20 &&
                  target->memory_bytes > predicted - predicted / 20,
              "g=%u: %lu bytes held, %lu predicted", params->grouping, target->memory_bytes,
              predicted);
    target->backend->close(target);
    free_keys(&keys);
    torc_program_free(&p);
}

Test(backend_cpu, memory_is_what_was_predicted)
{
    expect_memory(&params_plain);
    expect_memory(&params_grouped);
    expect_memory(&params_grouped_extended);
}

static void expect_refused(const torc_program *program, const torc_params *params,
                           const torc_evaluation_keys *keys, size_t capacity, torc_status status,
                           const char *words)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_target *target = (torc_target *)ctx;
    const torc_target_options options = {.capacity = capacity, .threads = 1};
    const torc_status got = torc_backend_cpu()->open(ctx, &target, program, params, keys, &options);
    cr_expect_eq(got, status, "%s: %s", words, torc_ctx_message(ctx));
    cr_expect_not_null(strstr(torc_ctx_message(ctx), words), "\"%s\" not in \"%s\"", words,
                       torc_ctx_message(ctx));
    cr_expect_null(target);
    torc_ctx_free(ctx);
}

Test(backend_cpu, what_it_cannot_run_is_refused)
{
    const torc_evaluation_keys keys = {.params = params_small};
    torc_params grouped = params_small;
    torc_params wide = params_small;
    torc_params none = {.glwe_dim = 1, .poly_size = 256, .glwe_noise_log2 = 10};
    torc_params odd = params_small;
    torc_program p = {0};
    torc_program big_table = {0};
    torc_params precise = params_grouped;
    grouped.grouping = 4;
    grouped.lwe_dim = 452;
    precise.bootstrap = (torc_gadget){17, 3};
    wide.bootstrap = (torc_gadget){51, 1};
    odd.poly_size = 300;
    build_input(&p, true, 0, 1);
    build_table(&p, 3);
    build_lookup(&p, 0, 1, 1, 0);
    build_input(&big_table, true, 0, 1);
    build_table(&big_table, 9);
    build_lookup(&big_table, 0, 1, 1, 0);

    expect_refused(&p, &grouped, &keys, 1, TORC_E_UNSUPPORTED, "groups 4 key bits");
    expect_refused(&p, &precise, &keys, 1, TORC_E_UNSUPPORTED, "keeps 51 bits");
    expect_refused(&p, &wide, &keys, 1, TORC_E_UNSUPPORTED, "base 2^51");
    expect_refused(&p, &odd, &keys, 1, TORC_E_PARAMETERS, "not a power of two");
    expect_refused(&p, &params_small, NULL, 1, TORC_E_ARGUMENT, "no evaluation keys");
    expect_refused(&p, &params_plain, &keys, 1, TORC_E_MISMATCH, "belong to other parameters");
    expect_refused(&p, &none, &keys, 1, TORC_E_MISMATCH, "lwe_dim 0");
    expect_refused(&p, &params_small, &keys, 0, TORC_E_ARGUMENT, "capacity is 0");
    expect_refused(&p, &params_small, &keys, SIZE_MAX / 1000, TORC_E_MEMORY, "samples");
    expect_refused(&big_table, &params_small, &keys, 1, TORC_E_WIDTH, "9 index bits");
    torc_program_free(&p);
    torc_program_free(&big_table);
}

Test(backend_cpu, every_function_is_there)
{
    const torc_backend *b = torc_backend_cpu();
    cr_expect_str_eq(b->name, "cpu");
    cr_expect(b->open && b->close && b->write && b->read && b->write_clear && b->linear &&
              b->lookup && b->sync);
    b->close(NULL);
}

Test(backend_cpu, an_unknown_forced_instruction_set_is_refused)
{
    const torc_params params = {.glwe_dim = 1, .poly_size = 256, .glwe_noise_log2 = 10};
    torc_program p = {0};
    build_input(&p, true, 0, 1);
    build_output(&p, true, 0, 1);
    cr_assert_eq(setenv("TORC_CPU", "mmx", 1), 0); /* each test is its own process */
    expect_refused(&p, &params, NULL, 1, TORC_E_ARGUMENT, "TORC_CPU is \"mmx\"");
    torc_program_free(&p);
}
