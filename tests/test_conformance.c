/* Every backend runs the same programs and gives what the slow oracle gives: the virtual one to the
 * last bit, those on ciphertexts after decryption. */
#include "kernels/kernels.h"
#include "runtime/client/secret_key.h"
#include "runtime/executor.h"
#include "tests/common/example_programs.h"
#include "tests/common/program_oracle.h"
#include "tests/common/sample_spec.h"
#include "tests/common/seeded_random.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SAMPLES = 70, MAX_ELEMENTS = 16 };

/* A backend with what it takes to talk to it. */
typedef struct engine {
    const char *name;
    const torc_backend *backend;
    torc_params params;
    size_t samples;
    uint64_t tolerance; /* on a phase */
    torc_secret_key *secret;
    torc_evaluation_keys *keys;
} engine;

static uint64_t state = 2463534242;

static uint64_t xorshift(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static void make_keys(engine *e)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_spec spec = sample_spec();
    spec.params = e->params;
    cr_assert_eq(torc_keygen(ctx, &e->secret, &e->keys, &spec, 0), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    torc_spec_free(&spec);
    torc_ctx_free(ctx);
}

/* One element of the backend that stands for a torus word. */
static void encode(uint64_t *out, const engine *e, uint64_t word)
{
    int64_t noise = 0;
    if (e->secret == NULL) {
        *out = word;
        return;
    }
    const uint32_t dim = torc_params_big_dim(&e->params);
    for (uint32_t i = 0; i < dim; i++) {
        out[i] = xorshift();
    }
    torc_random_tuniform(&noise, 1, e->params.glwe_noise_log2);
    out[dim] = torc_ref_lwe_body(out, e->secret->big, noise, word, dim);
}

static uint64_t decode(const engine *e, const uint64_t *in)
{
    return e->secret == NULL
               ? *in
               : torc_ref_lwe_phase(in, e->secret->big, torc_params_big_dim(&e->params));
}

static int64_t random_input(const example_program *example)
{
    return example->min + (int64_t)(xorshift() % (uint64_t)(example->max - example->min + 1));
}

/* Writes random inputs to the target and to the oracle's samples. */
static void write_inputs(const engine *e, torc_target *target, const torc_program *p,
                         const example_program *example, oracle_value (*element)[MAX_ELEMENTS],
                         int64_t (*clear)[MAX_ELEMENTS])
{
    uint64_t *host = calloc(e->samples * target->element_words, sizeof *host);
    int64_t clear_host[MAX_SAMPLES];
    cr_assert_not_null(host);
    for (uint32_t in = 0; in < p->input_count; in++) {
        for (uint32_t i = 0; i < p->inputs[in].count; i++) {
            const uint32_t at = p->inputs[in].element[i];
            for (size_t s = 0; s < e->samples; s++) {
                const int64_t m = random_input(example);
                if (p->inputs[in].encrypted) {
                    element[s][at] = oracle_signed((uint64_t)m * EXAMPLE_UNIT);
                    encode(host + s * target->element_words, e, (uint64_t)m * EXAMPLE_UNIT);
                } else {
                    clear[s][at] = clear_host[s] = m;
                }
            }
            cr_assert_eq(p->inputs[in].encrypted
                             ? e->backend->write(NULL, target, at, 1, e->samples, host)
                             : e->backend->write_clear(NULL, target, at, 1, e->samples, clear_host),
                         TORC_OK);
        }
    }
    free(host);
}

static void expect_outputs(const engine *e, torc_target *target, const torc_program *p,
                           const example_program *example, oracle_value (*element)[MAX_ELEMENTS])
{
    uint64_t *host = calloc(e->samples * target->element_words, sizeof *host);
    cr_assert_not_null(host);
    for (uint32_t out = 0; out < p->output_count; out++) {
        for (uint32_t i = 0; p->outputs[out].encrypted && i < p->outputs[out].count; i++) {
            const uint32_t at = p->outputs[out].element[i];
            cr_assert_eq(e->backend->read(NULL, target, host, at, 1, e->samples), TORC_OK);
            for (size_t s = 0; s < e->samples; s++) {
                const uint64_t found = decode(e, host + s * target->element_words);
                const uint64_t off = found - (uint64_t)element[s][at];
                cr_expect(off + e->tolerance <= 2 * e->tolerance,
                          "%s, %s: output %u, element %u, sample %zu: %016lx, expected %016lx",
                          e->name, example->name, out, at, s, (unsigned long)found,
                          (unsigned long)(uint64_t)element[s][at]);
            }
        }
    }
    free(host);
}

static void run_example(const engine *e, const example_program *example)
{
    static oracle_value element[MAX_SAMPLES][MAX_ELEMENTS];
    static int64_t clear[MAX_SAMPLES][MAX_ELEMENTS];
    torc_ctx *ctx = torc_ctx_create();
    torc_program p = {0};
    torc_target *target = NULL;
    const torc_target_options options = {.capacity = e->samples + 1, .threads = 2};
    example->build(&p);
    cr_assert_leq(p.element_count, MAX_ELEMENTS);
    cr_assert_eq(e->backend->open(ctx, &target, &p, &e->params, e->keys, &options), TORC_OK,
                 "%s: %s", e->name, torc_ctx_message(ctx));
    cr_expect_eq(target->backend, e->backend);
    cr_expect_eq(target->capacity, options.capacity);
    cr_expect_gt(target->memory_bytes, 0);
    write_inputs(e, target, &p, example, element, clear);
    for (size_t s = 0; s < e->samples; s++) {
        oracle_run(element[s], clear[s], &p);
    }
    cr_assert_eq(torc_execute(ctx, target, &p, e->samples, NULL, NULL, NULL), TORC_OK, "%s, %s: %s",
                 e->name, example->name, torc_ctx_message(ctx));
    expect_outputs(e, target, &p, example, element);
    e->backend->close(target);
    torc_program_free(&p);
    torc_ctx_free(ctx);
}

static void run_all(engine *e)
{
    if (e->params.glwe_dim != 0) {
        make_keys(e);
    }
    for (size_t x = 0; x < example_program_count; x++) {
        run_example(e, &example_programs[x]);
    }
    torc_secret_key_free(e->secret);
    torc_evk_free(e->keys);
}

Test(conformance, virtual_backend)
{
    engine e = {.name = "virtual", .backend = torc_backend_virtual(), .samples = MAX_SAMPLES};
    run_all(&e);
}

Test(conformance, cpu_backend)
{
    engine e = {.name = "cpu",
                .backend = torc_backend_cpu(),
                .params = sample_params(900, 1, 2048),
                .samples = 4,
                .tolerance = EXAMPLE_UNIT / 8};
    seeded_random_start(7);
    run_all(&e);
}

Test(conformance, cpu_backend_with_an_extended_accumulator)
{
    engine e = {.name = "cpu, extended",
                .backend = torc_backend_cpu(),
                .params = sample_params(900, 2, 1024),
                .samples = 3,
                .tolerance = EXAMPLE_UNIT / 8};
    e.params.extended_log2 = 1;
    seeded_random_start(8);
    run_all(&e);
}

/* Compilers do not warn about a member left out of an initialiser. */
Test(conformance, every_entry_of_every_backend_is_there)
{
    const torc_backend *backends[] = {torc_backend_virtual(), torc_backend_cpu()};
    for (size_t b = 0; b < sizeof backends / sizeof *backends; b++) {
        const void *entry[sizeof(torc_backend) / sizeof(void *)];
        memcpy(entry, backends[b], sizeof entry);
        for (size_t i = 0; i < sizeof entry / sizeof *entry - 1; i++) { /* run may be missing */
            cr_expect_not_null(entry[i], "backend %zu, entry %zu", b, i);
        }
    }
}

/* --- the executor --------------------------------------------------------------------------------
 */

static torc_status count_calls(void *user, torc_ctx *ctx, torc_target *target, uint32_t instr)
{
    uint32_t *calls = user;
    (void)ctx;
    (void)target;
    cr_expect_eq(instr, *calls);
    return ++*calls == 2 ? TORC_E_INTERNAL : TORC_OK;
}

Test(conformance, an_observer_sees_each_instruction_and_may_stop)
{
    torc_program p = {0};
    torc_target *target = NULL;
    const torc_target_options options = {.capacity = 1, .threads = 1};
    uint32_t calls = 0;
    for (size_t x = 0; x < example_program_count && p.instr_count < 3; x++) {
        torc_program_free(&p);
        example_programs[x].build(&p);
    }
    cr_assert_geq(p.instr_count, 3);
    cr_assert_eq(torc_backend_virtual()->open(NULL, &target, &p, NULL, NULL, &options), TORC_OK);
    cr_expect_eq(torc_execute(NULL, target, &p, 1, NULL, count_calls, &calls), TORC_E_INTERNAL);
    cr_expect_eq(calls, 2);
    target->backend->close(target);
    torc_program_free(&p);
}

static void note_progress(void *user, const char *what, double done)
{
    double *last = user;
    cr_expect_str_eq(what, "run");
    cr_expect_geq(done, *last);
    *last = done;
}

Test(conformance, progress_rises_to_one)
{
    for (size_t x = 0; x < example_program_count; x++) {
        torc_ctx *ctx = torc_ctx_create();
        torc_program p = {0};
        torc_target *target = NULL;
        const torc_target_options options = {.capacity = 1, .threads = 1};
        double last = 0;
        example_programs[x].build(&p);
        torc_ctx_set_progress(ctx, note_progress, &last);
        cr_assert_eq(torc_backend_virtual()->open(ctx, &target, &p, NULL, NULL, &options), TORC_OK);
        cr_expect_eq(torc_execute(ctx, target, &p, 1, NULL, NULL, NULL), TORC_OK);
        cr_expect_eq(last, p.instr_count == 0 ? 0 : 1, "%s: %g", example_programs[x].name, last);
        target->backend->close(target);
        torc_program_free(&p);
        torc_ctx_free(ctx);
    }
}

Test(conformance, the_capacity_stays_within_the_bytes)
{
    const torc_program p = {.element_count = 1000, .clear_count = 10};
    const uint64_t sample_bytes = 1000 * 2049 * 8 + 10 * 8;
    cr_expect_eq(torc_execute_capacity(&p, 2049, 100, 10 * sample_bytes), 10);
    cr_expect_eq(torc_execute_capacity(&p, 2049, 7, 10 * sample_bytes), 7);
    cr_expect_eq(torc_execute_capacity(&p, 2049, 100, sample_bytes - 1), 1);
    cr_expect_eq(torc_execute_capacity(&p, 2049, 0, sample_bytes), 1);
    const torc_program empty = {0};
    cr_expect_eq(torc_execute_capacity(&empty, 1, 5, 1), 5);
}
