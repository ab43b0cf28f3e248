/* Devices with little memory: batches go in parts, levels in tiles, inputs are not written ahead;
 * the answers are the same. Where not even one sample fits, the message says what is needed.
 * Emulator only. */
#include "kernels/emu/emu.h"
#include "runtime/cuda/engine.h"
#include "tests/common/weak_security.h"
#include "tests/engine_fixture.h"

#include <stdlib.h>
#include <string.h>

#define KEY_BYTES ((size_t)(613632 + 393216)) /* of toy(): bootstrap and keyswitch key */

static torc_params toy(void)
{
    return toy_params(1, 512, 12, 2, 0);
}

/* Before the first call of the emulator. */
static void set_memory(size_t bytes)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%zu", bytes);
    cr_assert_eq(setenv("TORC_EMU_MEMORY", text, 1), 0);
}

/* The samples held at once on a device of this size; all answers are right. */
static size_t capacity_with(size_t bytes)
{
    torc_server *server = NULL;
    torc_ciphertexts *result = NULL;
    set_memory(bytes);
    fixture f = fixture_make(toy());
    const torc_status s = torc_server_open(f.ctx, &server, f.circuit, f.keys,
                                           fixture_device("").text, FIXTURE_SAMPLES, 0);
    cr_assert_eq(s, TORC_OK, "%zu bytes: %s", bytes, torc_ctx_message(f.ctx));
    const size_t capacity = torc_server_capacity(server);
    cr_expect_lt(torc_server_memory_bytes(server), bytes);
    cr_assert_eq(torc_server_run(f.ctx, server, &result, NULL, f.in), TORC_OK, "%s",
                 torc_ctx_message(f.ctx));
    fixture_expect(&f, result);
    torc_ciphertexts_free(result);
    torc_server_close(server);
    fixture_free(&f);
    return capacity;
}

Test(engine_memory, enough_for_the_whole_batch)
{
    cr_expect_eq(capacity_with((size_t)4 << 20), FIXTURE_SAMPLES);
}

Test(engine_memory, a_batch_goes_in_parts)
{
    const size_t capacity = capacity_with(KEY_BYTES + ((size_t)250 << 10));
    cr_expect(capacity > 1 && capacity < FIXTURE_SAMPLES, "%zu", capacity);
}

Test(engine_memory, one_sample_at_a_time)
{
    cr_expect_eq(capacity_with(KEY_BYTES + ((size_t)200 << 10)), 1);
}

Test(engine_memory, too_little_says_how_much_is_needed)
{
    torc_server *server = NULL;
    set_memory(KEY_BYTES);
    fixture f = fixture_make(toy());
    cr_expect_eq(torc_server_open(f.ctx, &server, f.circuit, f.keys, fixture_device("").text, 1, 0),
                 TORC_E_MEMORY);
    cr_expect(strstr(torc_ctx_message(f.ctx), "1 sample at once needs 1 MiB") != NULL, "%s",
              torc_ctx_message(f.ctx));
    fixture_free(&f);
}

/* A level of many lookups in tiles: the plan halves until they fit. */
Test(engine_memory, a_level_goes_in_tiles)
{
    cuda_plan all;
    cuda_plan some;
    fixture f = fixture_make(toy());
    const torc_program *p = &f.circuit->program;
    const torc_params params = toy();
    cr_assert_eq(torc_cuda_plan(f.ctx, &all, p, &params, FIXTURE_SAMPLES, false, (size_t)1 << 30),
                 TORC_OK);
    cr_expect_eq(all.lookups_at_once, 2 * FIXTURE_SAMPLES);
    const size_t tight = (torc_cuda_plan_bytes(&all) - all.scratch / 4) * 10 / 9;
    cr_assert_eq(torc_cuda_plan(f.ctx, &some, p, &params, FIXTURE_SAMPLES, false, tight), TORC_OK);
    cr_expect(some.lookups_at_once < all.lookups_at_once && some.lookups_at_once > 0);
    cr_expect_leq(torc_cuda_plan_bytes(&some), tight);
    set_memory(tight);
    torc_target *t = NULL;
    const torc_target_options options = {.capacity = FIXTURE_SAMPLES};
    cr_assert_eq(torc_gpus_backend()->open(f.ctx, &t, p, &params, f.keys, &options), TORC_OK, "%s",
                 torc_ctx_message(f.ctx));
    cr_expect_eq(((cuda_target *)t)->plan.lookups_at_once, some.lookups_at_once);
    t->backend->close(t);
    fixture_run(&f, fixture_device("").text, FIXTURE_SAMPLES);
    fixture_free(&f);
}
