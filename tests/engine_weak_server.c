/* A server on the CUDA backend: batches larger than what it holds, runs again, several devices,
 * predictions, and what it refuses. Toy keys. */
#include "runtime/executor.h"
#include "tests/common/program_builder.h"
#include "tests/common/weak_security.h"
#include "tests/engine_fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static torc_params toy(void)
{
    return toy_params(1, 512, 12, 2, 0);
}

Test(engine_server, a_batch_in_parts_gives_the_answers_of_the_definition)
{
    ENGINE_NEEDS_DEVICE();
    fixture f = fixture_make(toy());
    for (size_t capacity = 1; capacity <= FIXTURE_SAMPLES + 1; capacity += 2) {
        fixture_run(&f, fixture_device(":0").text, capacity);
    }
    fixture_free(&f);
}

Test(engine_server, runs_again_and_tells_where_the_time_went)
{
    ENGINE_NEEDS_DEVICE();
    fixture f = fixture_make(toy());
    torc_server *server = NULL;
    const device_name device = fixture_device(":0");
    cr_assert_eq(torc_server_open(f.ctx, &server, f.circuit, f.keys, device.text, 2, 0), TORC_OK);
    cr_expect_str_eq(torc_server_device(server), device.text);
    cr_expect_eq(torc_server_capacity(server), 2);
    for (int run = 0; run < 3; run++) {
        torc_ciphertexts *result = NULL;
        torc_run_stats stats;
        cr_assert_eq(torc_server_run(f.ctx, server, &result, &stats, f.in), TORC_OK, "%s",
                     torc_ctx_message(f.ctx));
        cr_expect_eq(stats.lookups, 2 * FIXTURE_SAMPLES);
        cr_expect_gt(stats.seconds_lookup, 0);
        cr_expect_leq(stats.seconds_linear + stats.seconds_lookup, stats.seconds);
        fixture_expect(&f, result);
        torc_ciphertexts_free(result);
    }
    torc_server_close(server);
    fixture_free(&f);
}

Test(engine_server, predicts_seconds_and_the_memory_of_the_device)
{
    ENGINE_NEEDS_DEVICE();
    fixture f = fixture_make(toy());
    torc_server *server = NULL;
    torc_prediction one;
    torc_prediction many;
    cr_assert_eq(torc_server_open(f.ctx, &server, f.circuit, f.keys, fixture_device("").text, 5, 0),
                 TORC_OK);
    cr_assert_eq(torc_server_predict(f.ctx, &one, server, 1), TORC_OK);
    cr_assert_eq(torc_server_predict(f.ctx, &many, server, 5), TORC_OK);
    cr_expect_gt(one.seconds, 0);
    cr_expect_gt(many.seconds_batched, 0);
    cr_expect_leq(many.seconds_batched, one.seconds);
    cr_expect_eq(one.memory_bytes, torc_server_memory_bytes(server));
    torc_server_close(server);
    fixture_free(&f);
}

Test(engine_server, several_devices_share_a_batch)
{
    uint32_t count = 0;
    ENGINE_NEEDS_DEVICE();
    cr_assert_eq(torc_gpus_count(NULL, &count), TORC_OK);
    if (count < 2) {
        cr_skip_test("one device only");
    }
    fixture f = fixture_make(toy());
    fixture_run(&f, fixture_device(":0,1").text, FIXTURE_SAMPLES);
    fixture_run(&f, fixture_device(":1,0").text, 1);
    fixture_run(&f, fixture_device(":1").text, 2);
    fixture_free(&f);
}

/* The first of seven has none of five samples. Emulated devices only: no machine has so many. */
Test(engine_server, more_devices_than_samples_share_a_batch)
{
    cr_assert_eq(setenv("TORC_EMU_DEVICES", "7", 1), 0);
    ENGINE_NEEDS_DEVICE();
    if (torc_gpus_check(NULL, 6) != TORC_OK) {
        cr_skip_test("fewer than 7 devices");
    }
    fixture f = fixture_make(toy());
    fixture_run(&f, fixture_device(":0,1,2,3,4,5,6").text, FIXTURE_SAMPLES);
    fixture_free(&f);
}

/* An input returned as it is: nothing starts, and nothing is written ahead. */
Test(engine_server, a_program_without_instructions_returns_its_inputs)
{
    ENGINE_NEEDS_DEVICE();
    torc_program p = {0};
    build_input(&p, true, 0, 2);
    build_output(&p, true, 0, 2);
    p.element_count = 2;
    const torc_params params = toy();
    const torc_target_options options = {.capacity = 1, .overlap = true};
    const torc_backend *b = torc_gpus_backend();
    torc_target *t = NULL;
    uint64_t in[2 * 513];
    uint64_t out[2 * 513];
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        in[i] = i * 0x9e3779b97f4a7c15u;
    }
    cr_assert_eq(b->open(NULL, &t, &p, &params, NULL, &options), TORC_OK);
    cr_assert_eq(b->write(NULL, t, 0, 2, 1, in), TORC_OK);
    cr_assert_eq(torc_execute(NULL, t, &p, 1, NULL, NULL, NULL), TORC_OK);
    cr_assert_eq(b->read(NULL, t, out, 0, 2, 1), TORC_OK);
    cr_expect_arr_eq(in, out, sizeof in);
    b->close(t);
    torc_program_free(&p);
}

Test(engine_server, auto_is_the_first_gpu_and_the_list_names_it)
{
    torc_device_info *devices = NULL;
    uint32_t count = 0;
    ENGINE_NEEDS_DEVICE();
    fixture f = fixture_make(toy());
    torc_server *server = NULL;
    cr_assert_eq(torc_server_open(f.ctx, &server, f.circuit, f.keys, "auto", 1, 0), TORC_OK);
    cr_expect_str_eq(torc_server_device(server), fixture_device(":0").text);
    torc_server_close(server);
    cr_assert_eq(torc_devices_list(f.ctx, &devices, &count), TORC_OK);
    cr_assert_geq(count, 2);
    cr_expect_str_eq(devices[0].name, "cpu");
    cr_expect_str_eq(devices[1].name, fixture_device(":0").text);
    cr_expect(devices[1].usable);
    cr_expect(devices[1].memory_free <= devices[1].memory_bytes && devices[1].memory_free > 0);
    free(devices);
    fixture_free(&f);
}

/* A client of its own, with keys of its own, on a thread of its own. */
static void *serve_client(void *argument)
{
    fixture *f = argument;
    for (int run = 0; run < 3; run++) {
        fixture_run(f, fixture_device(":0").text, 2);
    }
    return NULL;
}

Test(engine_server, keys_of_one_client_are_loaded_while_another_runs)
{
    enum { CLIENTS = 3 };
    pthread_t thread[CLIENTS];
    fixture f[CLIENTS];
    ENGINE_NEEDS_DEVICE();
    for (int i = 0; i < CLIENTS; i++) {
        f[i] = fixture_make(toy());
    }
    for (int i = 0; i < CLIENTS; i++) {
        cr_assert_eq(pthread_create(&thread[i], NULL, serve_client, &f[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        cr_assert_eq(pthread_join(thread[i], NULL), 0);
        fixture_free(&f[i]);
    }
}

/* --- refused -------------------------------------------------------------------------------------
 */

static void expect_refused(const fixture *f, const torc_evaluation_keys *keys, const char *device,
                           torc_status status, const char *words)
{
    torc_server *server = NULL;
    const torc_status got = torc_server_open(f->ctx, &server, f->circuit, keys, device, 1, 0);
    cr_expect_eq(got, status, "%s: %s", device, torc_ctx_message(f->ctx));
    cr_expect(strstr(torc_ctx_message(f->ctx), words) != NULL, "%s: '%s' lacks '%s'", device,
              torc_ctx_message(f->ctx), words);
    cr_expect_null(server);
}

Test(engine_server, devices_that_are_not_there_are_refused)
{
    ENGINE_NEEDS_DEVICE();
    fixture f = fixture_make(toy());
    expect_refused(&f, f.keys, fixture_device(":900").text, TORC_E_DEVICE, "numbers start at 0");
    expect_refused(&f, f.keys, fixture_device(":0,0").text, TORC_E_ARGUMENT, "unknown");
    expect_refused(&f, f.keys, fixture_device(":x").text, TORC_E_ARGUMENT, "unknown");
    expect_refused(&f, f.keys, fixture_device(":0,").text, TORC_E_ARGUMENT, "unknown");
    expect_refused(&f, f.keys, fixture_device(":-1").text, TORC_E_ARGUMENT, "unknown");
    expect_refused(&f, f.keys, fixture_device("x").text, TORC_E_ARGUMENT, "unknown");
    expect_refused(&f, f.keys, "gpu", TORC_E_ARGUMENT, "use cpu, auto");
    fixture_free(&f);
}

Test(engine_server, keys_and_circuits_that_do_not_belong_are_refused)
{
    ENGINE_NEEDS_DEVICE();
    fixture f = fixture_make(toy());
    fixture other = fixture_make(toy_params(1, 1024, 12, 2, 0));
    const device_name device = fixture_device("");
    torc_server *server = NULL;
    torc_ciphertexts *result = NULL;
    expect_refused(&f, other.keys, device.text, TORC_E_MISMATCH, "make keys from");
    expect_refused(&f, NULL, device.text, TORC_E_ARGUMENT, "evaluation keys");
    cr_assert_eq(torc_server_open(f.ctx, &server, f.circuit, f.keys, device.text, 1, 0), TORC_OK);
    cr_expect_eq(torc_server_run(f.ctx, server, &result, NULL, other.in), TORC_E_MISMATCH);
    f.in->samples = 0;
    cr_expect_eq(torc_server_run(f.ctx, server, &result, NULL, f.in), TORC_E_MISMATCH);
    f.in->samples = FIXTURE_SAMPLES;
    torc_server_close(server);
    fixture_free(&f);
    fixture_free(&other);
}

/* The backend itself, below the server's checks. */
static torc_status open_target(const fixture *f, const torc_params *params, size_t capacity)
{
    torc_target *target = NULL;
    const torc_target_options options = {.capacity = capacity};
    const torc_status s =
        torc_gpus_backend()->open(f->ctx, &target, &f->circuit->program, params, f->keys, &options);
    if (s == TORC_OK) {
        torc_gpus_backend()->close(target);
    }
    return s;
}

Test(engine_server, parameters_that_no_kernel_takes_are_refused)
{
    ENGINE_NEEDS_DEVICE();
    fixture f = fixture_make(toy());
    torc_params p = toy();
    cr_expect_eq(open_target(&f, &p, 0), TORC_E_ARGUMENT);
    cr_expect_eq(open_target(&f, &p, 1), TORC_OK);
    p.bootstrap = (torc_gadget){4, 8};
    cr_expect_eq(open_target(&f, &p, 1), TORC_E_UNSUPPORTED, "%s", torc_ctx_message(f.ctx));
    cr_expect(strstr(torc_ctx_message(f.ctx), "--target cuda") != NULL);
    p = toy();
    p.grouping = 4;
    cr_expect_eq(open_target(&f, &p, 1), TORC_E_UNSUPPORTED, "%s", torc_ctx_message(f.ctx));
    f.circuit->program.tables[0].index_bits = 9;
    p = toy();
    cr_expect_eq(open_target(&f, &p, 1), TORC_E_WIDTH, "%s", torc_ctx_message(f.ctx));
    f.circuit->program.tables[0].index_bits = 3;
    fixture_free(&f);
}

Test(engine_server, calls_outside_the_target_are_refused)
{
    ENGINE_NEEDS_DEVICE();
    fixture f = fixture_make(toy());
    const torc_backend *b = torc_gpus_backend();
    const torc_program *p = &f.circuit->program;
    const torc_target_options options = {.capacity = 2};
    torc_target *t = NULL;
    uint64_t *host = calloc(8 * 513, sizeof *host);
    int64_t clear[4] = {0};
    cr_assert_eq(b->open(f.ctx, &t, p, &f.circuit->spec.params, f.keys, &options), TORC_OK);
    cr_expect_eq(b->write(f.ctx, t, p->element_count, 1, 1, host), TORC_E_ARGUMENT);
    cr_expect_eq(b->write(f.ctx, t, 0, 1, 3, host), TORC_E_ARGUMENT);
    cr_expect_eq(b->read(f.ctx, t, host, 0, 1, 1), TORC_E_ARGUMENT, "nothing was written");
    cr_expect_eq(b->write(f.ctx, t, 0, 1, 2, host), TORC_OK);
    cr_expect_eq(b->read(f.ctx, t, host, 0, 1, 1), TORC_E_ARGUMENT, "another number of samples");
    cr_expect_eq(b->read(f.ctx, t, host, 0, 1, 2), TORC_OK);
    cr_expect_eq(b->write_clear(f.ctx, t, p->clear_count, 1, 1, clear), TORC_E_ARGUMENT);
    torc_program other = {0};
    build_small_program(&other);
    for (uint32_t i = 0; i < other.instr_count; i++) {
        const torc_instr *instr = &other.instrs[i];
        cr_expect_eq(instr->kind == TORC_INSTR_LINEAR ? b->linear(f.ctx, t, &instr->linear, 2)
                                                      : b->lookup(f.ctx, t, &instr->lookup, 2),
                     TORC_E_ARGUMENT);
    }
    torc_program_free(&other);
    b->close(t);
    free(host);
    fixture_free(&f);
}
