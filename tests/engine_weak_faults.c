/* Every CUDA call of a whole run fails once in turn: each failure is a clean status with a message,
 * nothing is left behind, and the next run works. Emulator only. */
#include "kernels/emu/emu.h"
#include "tests/common/weak_security.h"
#include "tests/engine_fixture.h"

#include <string.h>

enum {
    OUT_OF_MEMORY = 2, /* cudaErrorMemoryAllocation */
    NOT_READY = 46,    /* cudaErrorDevicesUnavailable */
    ILLEGAL_ADDRESS = 700
};

/* Opens, predicts, runs, closes; the status of the first step that fails. */
static torc_status whole_run(const fixture *f)
{
    torc_server *server = NULL;
    torc_ciphertexts *result = NULL;
    torc_prediction prediction;
    torc_status s =
        torc_server_open(f->ctx, &server, f->circuit, f->keys, fixture_device(":0").text, 3, 0);
    if (s == TORC_OK) {
        s = torc_server_predict(f->ctx, &prediction, server, FIXTURE_SAMPLES);
    }
    if (s == TORC_OK) {
        s = torc_server_run(f->ctx, server, &result, NULL, f->in);
    }
    if (s == TORC_OK) {
        fixture_expect(f, result);
    }
    cr_expect(s == TORC_OK || result == NULL);
    torc_ciphertexts_free(result);
    torc_server_close(server);
    return s;
}

static uint64_t calls_of_a_run(const fixture *f)
{
    const uint64_t before = torc_emu_calls();
    cr_assert_eq(whole_run(f), TORC_OK, "%s", torc_ctx_message(f->ctx));
    return torc_emu_calls() - before;
}

static void fail_each(int error, torc_status expected, const char *words)
{
    fixture f = fixture_make(toy_params(1, 256, 4, 2, 0));
    const uint64_t calls = calls_of_a_run(&f);
    uint64_t failed = 0;
    cr_expect_gt(calls, 50);
    for (uint64_t call = 1; call <= calls; call++) {
        torc_emu_fail(call, error);
        const torc_status s = whole_run(&f);
        torc_emu_fail(0, 0);
        torc_emu_device_reset();
        failed += s != TORC_OK;
        if (s != TORC_OK) { /* else: a call whose failure does no harm, as freeing */
            cr_expect_eq(s, expected, "call %lu: %s", call, torc_ctx_message(f.ctx));
            cr_expect(strstr(torc_ctx_message(f.ctx), words) != NULL, "call %lu: %s", call,
                      torc_ctx_message(f.ctx));
        }
        if (call % 4 == 0 || call == calls) {
            cr_assert_eq(whole_run(&f), TORC_OK, "after call %lu: %s", call,
                         torc_ctx_message(f.ctx));
        }
    }
    cr_expect_gt(10 * failed, 6 * calls, "%lu of %lu calls", failed, calls);
    fixture_free(&f);
}

Test(engine_faults, any_call_may_fail)
{
    fail_each(NOT_READY, TORC_E_DEVICE, "emu");
}

Test(engine_faults, any_call_may_run_out_of_memory)
{
    fail_each(OUT_OF_MEMORY, TORC_E_MEMORY, "run fewer samples at once");
}

/* Sticky: all that follows fails too, and still nothing is left behind. */
Test(engine_faults, the_device_may_be_lost_at_any_call)
{
    fail_each(ILLEGAL_ADDRESS, TORC_E_DEVICE, "emu");
}
