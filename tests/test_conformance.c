/* The virtual backend and the CPU's run the example programs as the oracle does, the first to the
 * last bit; and what the executor promises. GPUs: tests/engine_weak_programs.c. */
#include "runtime/executor.h"
#include "tests/common/conformance.h"
#include "tests/common/example_programs.h"
#include "tests/common/sample_spec.h"
#include "tests/common/seeded_random.h"

#include <criterion/criterion.h>
#include <string.h>

Test(conformance, virtual_backend)
{
    engine e = {
        .name = "virtual", .backend = torc_backend_virtual(), .samples = CONFORMANCE_MAX_SAMPLES};
    conformance_run(&e);
}

Test(conformance, cpu_backend)
{
    engine e = {.name = "cpu",
                .backend = torc_backend_cpu(),
                .params = sample_params(900, 1, 2048),
                .samples = 4,
                .tolerance = EXAMPLE_UNIT / 8};
    seeded_random_start(7);
    conformance_run(&e);
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
    conformance_run(&e);
}

/* Compilers do not warn about a member left out of an initialiser. */
Test(conformance, every_entry_of_every_backend_is_there)
{
    const torc_backend *backends[] = {torc_backend_virtual(), torc_backend_cpu()};
    for (size_t b = 0; b < sizeof backends / sizeof *backends; b++) {
        const void *entry[sizeof(torc_backend) / sizeof(void *)];
        memcpy(entry, backends[b], sizeof entry);
        for (size_t i = 0; i < sizeof entry / sizeof *entry - 3;
             i++) { /* the last three may be missing */
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
