/* The calibration of a GPU, on the emulated one: short keys, few ciphertexts; times mean nothing
 * there, but every form must have run and every row must be told. */
#include "kernels/emu/emu.h"
#include "kernels/kernels_cuda.h"
#include "runtime/server/gpus.h"
#include "tests/common/check.h"

#include <string.h>
#include <unistd.h>

static const torc_configuration shape = {3, 9, 1, 2, 0};
static const torc_configurations shapes = {&shape, 1};
static const torc_gpu_calibration options = {
    .seconds = 1e9, .lwe_dim = 4, .batch = 8, .shapes = &shapes};

static const struct {
    uint32_t form, cluster;
} ways[] = {{TORC_GPU_FORM_THROUGHPUT, 0}, {TORC_GPU_FORM_LATENCY, 4}, {TORC_GPU_FORM_LATENCY, 2},
            {TORC_GPU_FORM_LATENCY, 1},    {TORC_GPU_FORM_GLOBAL, 0},  {TORC_GPU_KEYSWITCH, 0}};
enum { OUT_OF_RESOURCES = 701 }; /* cudaErrorLaunchOutOfResources: the device survives */
enum { WAYS = sizeof ways / sizeof *ways };

static const torc_gpu_row *find(const torc_gpu_schedule *s, uint32_t way, uint32_t batch)
{
    for (uint32_t i = 0; i < s->row_count; i++) {
        const torc_gpu_row *row = &s->rows[i];
        if (row->form == ways[way].form && row->cluster == ways[way].cluster &&
            row->batch == batch) {
            return row;
        }
    }
    return NULL;
}

static double price(const torc_gpu_schedule *s, const torc_gpu_row *row, bool *is_measured)
{
    return row->form == TORC_GPU_KEYSWITCH
               ? torc_gpu_schedule_keyswitch(s, &row->params, row->batch, is_measured)
               : torc_gpu_schedule_rotation(s, &row->params, row->form, row->cluster, row->batch,
                                            is_measured);
}

/* Each form at one and at eight ciphertexts, and nothing else; prices are then the measured ones.
 */
static void check_rows(torc_ctx *ctx, const torc_gpu_schedule *s)
{
    CHECK(ctx, s->row_count == 2 * WAYS);
    for (uint32_t way = 0; way < WAYS; way++) {
        for (uint32_t batch = 1; batch <= 8; batch += 7) {
            const torc_gpu_row *row = find(s, way, batch);
            bool is_measured = false;
            CHECK(ctx, row != NULL);
            CHECK(ctx, row->seconds > 0 && row->params.lwe_dim == 4);
            const double ratio = price(s, row, &is_measured) / row->seconds;
            CHECK(ctx, is_measured && ratio > 0.999999 && ratio < 1.000001);
        }
    }
}

/* Files hold real sets alone: n as if it had been measured. */
static void check_file(torc_ctx *ctx, torc_gpu_schedule *s)
{
    torc_gpu_schedule back;
    const char *path = "calibrate_emulated.json";

    for (uint32_t i = 0; i < s->row_count; i++) {
        s->rows[i].params.lwe_dim = 840;
        s->rows[i].params.glwe_noise_log2 = 17;
        s->rows[i].params.lwe_noise_log2 = 17;
    }
    CHECK(ctx, torc_gpu_schedule_save(ctx, s, path) == TORC_OK);
    CHECK(ctx, torc_gpu_schedule_load(ctx, &back, &s->device, path) == TORC_OK);
    CHECK(ctx, back.row_count == s->row_count && strcmp(back.date, s->date) == 0);
    CHECK(ctx, unlink(path) == 0);
    torc_gpu_schedule_free(&back);
}

/* Without time nothing is measured; the schedule is the predicted one. */
static void check_limits(torc_ctx *ctx)
{
    torc_gpu_calibration none = options;
    torc_gpu_schedule s;

    none.seconds = 1e-9;
    CHECK(ctx, torc_gpus_calibrate(ctx, &s, 0, &none) == TORC_OK);
    CHECK(ctx, s.row_count == 0 && strlen(s.date) == 10);
    torc_gpu_schedule_free(&s);
    CHECK(ctx, torc_gpus_calibrate(ctx, &s, 77, &options) == TORC_E_DEVICE);
    CHECK(ctx, strstr(torc_ctx_message(ctx), "77") != NULL && s.rows == NULL);
}

/* A call fails in turn: a clean status each time, and the next calibration works. Sizes alone
 * decide what a launch does, so a single ciphertext will do. */
static void check_faults(torc_ctx *ctx)
{
    torc_gpu_calibration one = options;
    torc_gpu_schedule s;
    one.batch = 1;
    one.lwe_dim = 2;
    for (uint64_t call = 1; call < 2000; call += 1 + call / 8) {
        const uint64_t before = torc_emu_objects();
        torc_emu_fail(call, OUT_OF_RESOURCES);
        const torc_status status = torc_gpus_calibrate(ctx, &s, 0, &one);
        const bool has_failed = status != TORC_OK;
        torc_emu_fail(0, 0);
        CHECK(ctx, !has_failed || (status == TORC_E_DEVICE && s.rows == NULL));
        CHECK(ctx, has_failed || (s.row_count == WAYS && call > 50));
        torc_gpu_schedule_free(&s);
        CHECK(ctx, torc_emu_objects() == before);
        if (!has_failed) {
            return;
        }
    }
    CHECK(ctx, !"calls without end");
}

/* Prices know where the latency form begins another turn: there its scratch shrinks. */
static void check_turns(torc_ctx *ctx)
{
    static const torc_params sets[] = {{1, 2048, 17, 840, 16, 0, 3, {21, 1}, {2, 7}},
                                       {1, 2048, 17, 840, 16, 1, 2, {14, 2}, {2, 7}}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const torc_params *p = &sets[i];
        const torc_shape s = {.glwe_dim = p->glwe_dim,
                              .poly_size = p->poly_size,
                              .lwe_dim = p->lwe_dim,
                              .extended_log2 = p->extended_log2,
                              .base_log = p->bootstrap.base_log,
                              .level_count = p->bootstrap.level_count,
                              .grouping = p->grouping};
        uint32_t turn = 1;
        while (torc_gpu_rotate_scratch_bytes(&s, turn + 1) >=
               torc_gpu_rotate_scratch_bytes(&s, turn)) {
            turn++;
        }
        const double full =
            torc_cost_gpu_rotation(&torc_gpu_machine_default, p, TORC_GPU_FORM_LATENCY, 4, turn);
        const double next = torc_cost_gpu_rotation(&torc_gpu_machine_default, p,
                                                   TORC_GPU_FORM_LATENCY, 4, turn + 1);
        const double before = torc_cost_gpu_rotation(&torc_gpu_machine_default, p,
                                                     TORC_GPU_FORM_LATENCY, 4, turn - 1);
        CHECK(ctx, turn == (i == 0 ? 66u : 14u));
        CHECK(ctx, next > 1.15 * full && full < 1.1 * before);
    }
}

int main(void)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_gpu_schedule schedule;

    CHECK(ctx, torc_gpus_calibrate(ctx, &schedule, 0, &options) == TORC_OK);
    check_rows(ctx, &schedule);
    check_file(ctx, &schedule);
    torc_gpu_schedule_free(&schedule);
    check_limits(ctx);
    check_faults(ctx);
    check_turns(ctx);
    torc_ctx_free(ctx);
    return 0;
}
