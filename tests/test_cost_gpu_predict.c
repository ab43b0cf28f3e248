/* Predictions of a program on a GPU against sums by hand. */
#include "runtime/gpu_schedule.h"

#include <criterion/criterion.h>
#include <math.h>

static const torc_params params = {1, 2048, 17, 782, 16, 0, 2, {21, 1}, {2, 7}};

static void expect_ratio(double found, double expected, double tolerance, const char *what)
{
    cr_expect(fabs(found / expected - 1.0) <= tolerance, "%s: found %.10g, expected %.10g", what,
              found, expected);
}

/* A lookup level costs what the schedule says of all samples' lookups together. */
static double lookups(const torc_gpu_schedule *schedule, uint32_t count)
{
    return torc_gpu_schedule_lookups(schedule, &params, count);
}

Test(cost_gpu_predict, levels_are_batches_of_all_samples)
{
    uint32_t in[300] = {0};
    uint32_t tables[300] = {0};
    uint64_t offset[300] = {0};
    uint64_t entry[2] = {0, 0};
    torc_table table = {1, entry};
    torc_instr instrs[2] = {
        {.kind = TORC_INSTR_LOOKUP, .lookup = {300, 0, in, tables, offset}},
        {.kind = TORC_INSTR_LOOKUP, .lookup = {20, 300, in, tables, offset}},
    };
    const torc_program program = {.element_count = 320,
                                  .table_count = 1,
                                  .tables = &table,
                                  .instr_count = 2,
                                  .instrs = instrs};
    torc_gpu_schedule schedule;
    torc_prediction p;
    torc_gpu_schedule_default(&schedule, &torc_gpu_identity_h200);

    torc_predict_gpu(&p, &schedule, &program, &params, 64);
    expect_ratio(p.seconds, lookups(&schedule, 300) + lookups(&schedule, 20), 1e-12, "alone");
    expect_ratio(p.seconds_batched, (lookups(&schedule, 19200) + lookups(&schedule, 1280)) / 64,
                 1e-12, "batched");
    cr_expect(p.seconds_batched < p.seconds);
    cr_expect_eq(p.evaluation_key_bytes, torc_params_key_bytes_seeded(&params));
}

/* 512 x 512 on 64 samples: 512 * 512 * 64 * 2049 multiply-adds at 7e12 a second at 1,980 MHz; 4
 * outputs of 512 inputs are bound by reading, a word once. */
Test(cost_gpu_predict, linear_layers_by_work_or_by_words)
{
    static uint32_t gather[512];
    static int64_t weight[512 * 512];
    uint64_t constant[512] = {0};
    torc_instr instr = {.kind = TORC_INSTR_LINEAR,
                        .linear = {.group_count = 1,
                                   .out_count = 512,
                                   .in_count = 512,
                                   .weight_groups = 1,
                                   .constant_groups = 1,
                                   .out = 512,
                                   .out_stride = 1,
                                   .gather = gather,
                                   .weight = weight,
                                   .constant = constant}};
    const torc_program program = {.element_count = 1024, .instr_count = 1, .instrs = &instr};
    torc_gpu_schedule schedule;
    torc_prediction p;
    torc_gpu_schedule_default(&schedule, &torc_gpu_identity_h200);

    torc_predict_gpu(&p, &schedule, &program, &params, 64);
    expect_ratio(64 * p.seconds_batched, 512.0 * 512 * 64 * 2049 / 7e12 * 1.98 / 1.755 + 2.2e-6,
                 0.01, "work");
    instr.linear.out_count = 4;
    torc_predict_gpu(&p, &schedule, &program, &params, 64);
    expect_ratio(64 * p.seconds_batched, 516.0 * 64 * 2049 * 8 / 4e12 + 2.2e-6, 0.01, "words");
}
