#include "tests/common/conformance.h"

#include "kernels/kernels.h"
#include "runtime/client/secret_key.h"
#include "runtime/executor.h"
#include "tests/common/example_programs.h"
#include "tests/common/program_oracle.h"
#include "tests/common/sample_spec.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { MAX_ELEMENTS = 16 };

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
    int64_t clear_host[CONFORMANCE_MAX_SAMPLES];
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
    static oracle_value element[CONFORMANCE_MAX_SAMPLES][MAX_ELEMENTS];
    static int64_t clear[CONFORMANCE_MAX_SAMPLES][MAX_ELEMENTS];
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

void conformance_run(engine *e)
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
