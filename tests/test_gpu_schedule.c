/* Prices of launches against figures of bench/results/README.md and of the kernels' own headers,
 * waves, measured rows, splits, and the file. */
#include "kernels/kernels_cuda.h"
#include "runtime/configurations.h"
#include "runtime/gpu_schedule.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* k, N, noise, n, noise, v, g, bootstrap, keyswitch */
static const torc_params four_bits = {1, 2048, 17, 782, 20, 0, 2, {21, 1}, {2, 7}};
static const torc_params three_a_step = {1, 2048, 17, 918, 20, 0, 3, {22, 1}, {2, 7}};

static torc_gpu_schedule h200(void)
{
    torc_gpu_schedule schedule;

    torc_gpu_schedule_default(&schedule, &torc_gpu_identity_h200);
    return schedule;
}

static void expect_ratio(double found, double expected, double tolerance, const char *what)
{
    cr_expect(fabs(found / expected - 1.0) <= tolerance, "%s: found %.10g, expected %.10g", what,
              found, expected);
}

/* --- counts --- */

/* One wave of the throughput form: the clocks of resources.txt by hand, less 3 FP64 instructions a
 * coefficient for narrow digits, 70 % of the bound. */
Test(gpu_schedule, a_wave_of_the_throughput_form)
{
    const torc_gpu_schedule s = h200();
    const double one =
        torc_gpu_schedule_rotation(&s, &four_bits, TORC_GPU_FORM_THROUGHPUT, 0, 528, NULL);

    expect_ratio(one, 391 * (17420 - 768) / 1.755e9 / 0.7 + 7.2e-6, 1e-9, "wave");
    cr_expect_eq(torc_gpu_schedule_rotation(&s, &four_bits, TORC_GPU_FORM_THROUGHPUT, 0, 1, NULL),
                 one);
    expect_ratio(torc_gpu_schedule_rotation(&s, &four_bits, TORC_GPU_FORM_THROUGHPUT, 0, 529, NULL),
                 2 * one - 7.2e-6, 1e-9, "second wave");
}

/* kernels/cuda/rotate_latency.cuh, n = 918, ms: one ciphertext 0.38 at g = 3 and 0.32 at g = 4 (n =
 * 920), in one block 0.69; 132 of them at g = 3 in two turns 1.5. */
Test(gpu_schedule, figures_of_the_latency_form)
{
    const torc_gpu_schedule s = h200();
    torc_params four = three_a_step;
    torc_params two = three_a_step;
    four.grouping = 4;
    four.lwe_dim = 920;
    two.grouping = 2;

    expect_ratio(torc_gpu_schedule_rotation(&s, &three_a_step, TORC_GPU_FORM_LATENCY, 4, 1, NULL),
                 0.38e-3, 0.03, "g = 3");
    expect_ratio(torc_gpu_schedule_rotation(&s, &four, TORC_GPU_FORM_LATENCY, 4, 1, NULL), 0.32e-3,
                 0.03, "g = 4");
    expect_ratio(torc_gpu_schedule_rotation(&s, &two, TORC_GPU_FORM_LATENCY, 4, 1, NULL), 0.54e-3,
                 0.03, "g = 2");
    expect_ratio(torc_gpu_schedule_rotation(&s, &three_a_step, TORC_GPU_FORM_LATENCY, 4, 132, NULL),
                 1.5e-3, 0.05, "132");
    cr_expect_eq(torc_gpu_schedule_rotation(&s, &three_a_step, TORC_GPU_FORM_LATENCY, 0, 9, NULL),
                 torc_gpu_schedule_rotation(&s, &three_a_step, TORC_GPU_FORM_LATENCY, 4, 9, NULL));
}

/* bench/results/README.md, us at 1,980 MHz: kN = 2048, n = 782, 2^2 x 7. */
Test(gpu_schedule, figures_of_the_keyswitch)
{
    static const struct {
        uint32_t batch;
        double us;
    } rows[] = {{1, 18}, {16, 18}, {64, 19}, {128, 21}, {132, 33}, {528, 72}, {1056, 135}};
    torc_gpu_schedule s = h200();
    s.device.clock_hz *= 1.98 / 1.755;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char what[32];
        snprintf(what, sizeof what, "batch %u", rows[i].batch);
        expect_ratio(torc_gpu_schedule_keyswitch(&s, &four_bits, rows[i].batch, NULL),
                     1e-6 * rows[i].us, 0.13, what);
    }
}

/* rotate_global.cuh: n = 864, g = 3: 5.9 us a lookup if nothing but FP64 counted, at least 1 ms. */
Test(gpu_schedule, figures_of_the_global_form)
{
    const torc_gpu_schedule s = h200();
    torc_params p = three_a_step;
    p.lwe_dim = 864;
    const double one = torc_gpu_schedule_rotation(&s, &p, TORC_GPU_FORM_GLOBAL, 0, 1, NULL);
    const double most = torc_gpu_schedule_rotation(&s, &p, TORC_GPU_FORM_GLOBAL, 0, 2000, NULL);
    const double more = torc_gpu_schedule_rotation(&s, &p, TORC_GPU_FORM_GLOBAL, 0, 3000, NULL);

    cr_expect(one > 1e-3 && one < 2e-3, "%g", one);
    cr_expect((more - most) / 1000 > 5.9e-6 && (more - most) / 1000 < 25e-6, "%g", more - most);
    p.grouping = 4;
    cr_expect_eq(torc_gpu_schedule_rotation(&s, &p, TORC_GPU_FORM_GLOBAL, 0, 1, NULL), HUGE_VAL);
}

/* Every shipped shape has a form, and the throughput form wherever a kernel was compiled. */
Test(gpu_schedule, shipped_shapes_have_prices)
{
    const torc_gpu_schedule s = h200();
    uint32_t throughput = 0;

    for (uint32_t i = 0; i < torc_configurations_shipped.count; i++) {
        const torc_configuration *c = &torc_configurations_shipped.list[i];
        const torc_params p = {.glwe_dim = c->glwe_dim,
                               .poly_size = 1u << c->log2_poly_size,
                               .lwe_dim = 840,
                               .extended_log2 = c->extended_log2,
                               .grouping = c->grouping,
                               .bootstrap = {10, c->level_count},
                               .keyswitch = {2, 7}};
        torc_gpu_piece pieces[TORC_GPU_MAX_PIECES];
        double before = 0;
        for (uint32_t batch = 1; batch <= 5000; batch += batch < 70 ? 1 : 331) {
            const uint32_t count = torc_gpu_schedule_split(pieces, &s, &p, batch);
            uint32_t sum = 0;
            for (uint32_t j = 0; j < count; j++) {
                sum += pieces[j].count;
            }
            cr_expect_eq(sum, batch, "shape %u", i);
            const double seconds = torc_gpu_schedule_lookups(&s, &p, batch);
            cr_expect(isfinite(seconds) && seconds >= 0.999 * before, "shape %u batch %u", i,
                      batch);
            before = seconds;
        }
        throughput +=
            isfinite(torc_gpu_schedule_rotation(&s, &p, TORC_GPU_FORM_THROUGHPUT, 0, 1, NULL)) ? 1
                                                                                               : 0;
    }
    cr_expect_eq(throughput, 21);
}

/* --- splits --- */

Test(gpu_schedule, few_go_to_clusters_and_full_waves_to_blocks)
{
    const torc_gpu_schedule s = h200();
    torc_gpu_piece p[TORC_GPU_MAX_PIECES];

    cr_assert_eq(torc_gpu_schedule_split(p, &s, &four_bits, 1), 1);
    cr_expect(p[0].form == TORC_GPU_FORM_LATENCY && p[0].cluster == 4);
    cr_assert_eq(torc_gpu_schedule_split(p, &s, &four_bits, 528), 1);
    cr_expect(p[0].form == TORC_GPU_FORM_THROUGHPUT && p[0].count == 528);
    cr_assert_eq(torc_gpu_schedule_split(p, &s, &four_bits, 1056), 1);
    cr_assert_eq(torc_gpu_schedule_split(p, &s, &four_bits, 530), 2);
    cr_expect(p[0].form == TORC_GPU_FORM_THROUGHPUT && p[0].count == 528);
    cr_expect(p[1].form == TORC_GPU_FORM_LATENCY && p[1].count == 2);
    cr_assert_eq(torc_gpu_schedule_split(p, &s, &four_bits, 1000), 1);
    cr_expect_eq(p[0].form, TORC_GPU_FORM_THROUGHPUT);
    cr_expect_eq(torc_gpu_schedule_split(p, &s, &four_bits, 0), 0);
    cr_expect_eq(torc_gpu_schedule_lookups(&s, &four_bits, 0), 0);
}

/* No split of two launches of any forms is faster than the one chosen. */
Test(gpu_schedule, splits_are_the_fastest_of_two_launches)
{
    static const uint32_t ways[][2] = {{TORC_GPU_FORM_THROUGHPUT, 0},
                                       {TORC_GPU_FORM_LATENCY, 4},
                                       {TORC_GPU_FORM_LATENCY, 2},
                                       {TORC_GPU_FORM_LATENCY, 1},
                                       {TORC_GPU_FORM_GLOBAL, 0}};
    const torc_gpu_schedule s = h200();

    for (uint32_t batch = 1; batch < 1700; batch += 53) {
        torc_gpu_piece p[TORC_GPU_MAX_PIECES];
        const uint32_t count = torc_gpu_schedule_split(p, &s, &four_bits, batch);
        double seconds = 0;
        double best = HUGE_VAL;
        for (uint32_t i = 0; i < count; i++) {
            seconds += p[i].seconds;
        }
        for (uint32_t i = 0; i < 25; i++) {
            const uint32_t *a = ways[i / 5];
            const uint32_t *b = ways[i % 5];
            for (uint32_t first = 0; first <= batch; first += 1 + batch / 40) {
                best =
                    fmin(best, torc_gpu_schedule_rotation(&s, &four_bits, a[0], a[1], first, NULL) +
                                   torc_gpu_schedule_rotation(&s, &four_bits, b[0], b[1],
                                                              batch - first, NULL));
            }
        }
        cr_expect(seconds <= 1.01 * best, "batch %u: %g, best %g", batch, seconds, best);
    }
}

/* A device without the memory or the clusters of an H200 takes what it can. */
Test(gpu_schedule, smaller_devices)
{
    torc_gpu_schedule s = h200();
    torc_gpu_piece p[TORC_GPU_MAX_PIECES];

    s.device.clusters_of_4 = 0;
    s.device.shared_bytes = 100 << 10;
    s.device.major = 8;
    cr_assert_eq(torc_gpu_schedule_split(p, &s, &four_bits, 528), 1);
    cr_expect_eq(p[0].form, TORC_GPU_FORM_GLOBAL);
    s.device.shared_bytes = torc_gpu_identity_h200.shared_bytes;
    cr_assert_eq(torc_gpu_schedule_split(p, &s, &four_bits, 1), 1);
    cr_expect(p[0].form == TORC_GPU_FORM_LATENCY && p[0].cluster == 1);
    torc_gpu_schedule half = h200();
    half.device.multiprocessors /= 2;
    cr_expect(torc_gpu_schedule_lookups(&half, &four_bits, 1056) >
              1.9 * torc_gpu_schedule_lookups(
                        &(torc_gpu_schedule){.device = torc_gpu_identity_h200}, &four_bits, 1056));
}

/* --- measured rows --- */

Test(gpu_schedule, measured_rows_keep_the_waves)
{
    torc_gpu_schedule s = h200();
    const torc_gpu_schedule counted = h200();
    torc_gpu_row rows[] = {{four_bits, TORC_GPU_FORM_THROUGHPUT, 0, 528, 0},
                           {four_bits, TORC_GPU_FORM_THROUGHPUT, 0, 2112, 0}};
    bool measured = false;
    rows[0].seconds = 1.2 * torc_gpu_schedule_rotation(&s, &four_bits, 1, 0, 528, NULL);
    rows[1].seconds = 1.4 * torc_gpu_schedule_rotation(&s, &four_bits, 1, 0, 2112, NULL);
    s.rows = rows;
    s.row_count = 2;

    static const struct {
        uint32_t batch;
        double ratio;
    } points[] = {{1, 1.2}, {528, 1.2}, {1056, 1.3}, {2112, 1.4}, {9999, 1.4}};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        const uint32_t batch = points[i].batch;
        expect_ratio(torc_gpu_schedule_rotation(&s, &four_bits, 1, 0, batch, &measured),
                     points[i].ratio *
                         torc_gpu_schedule_rotation(&counted, &four_bits, 1, 0, batch, NULL),
                     1e-9, "measured");
        cr_expect(measured);
    }
    /* Another n of the shape hears of it, another form or shape does not. */
    torc_params longer = four_bits;
    longer.lwe_dim = 900;
    (void)torc_gpu_schedule_rotation(&s, &longer, 1, 0, 528, &measured);
    cr_expect(measured);
    (void)torc_gpu_schedule_rotation(&s, &four_bits, TORC_GPU_FORM_LATENCY, 4, 528, &measured);
    cr_expect(!measured);
    (void)torc_gpu_schedule_rotation(&s, &three_a_step, 1, 0, 528, &measured);
    cr_expect(!measured);
}

/* --- the file --- */

static char folder[] = "/tmp/torc-schedule-XXXXXX";

static void make_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(setenv("TORC_CONFIG_DIR", folder, 1), 0);
}

Test(gpu_schedule, path_follows_the_environment)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_gpu_identity device = torc_gpu_identity_h200;
    char *path = NULL;
    strcpy(device.name, "NVIDIA H200 (../x)");
    setenv("TORC_CONFIG_DIR", "/a", 1);
    cr_assert_eq(torc_gpu_schedule_path(ctx, &path, &device), TORC_OK);
    cr_expect_str_eq(path, "/a/gpu-NVIDIA-H200-x-.json");
    free(path);
    unsetenv("TORC_CONFIG_DIR");
    setenv("XDG_CONFIG_HOME", "/b", 1);
    cr_assert_eq(torc_gpu_schedule_path(ctx, &path, &device), TORC_OK);
    cr_expect_str_eq(path, "/b/torc/gpu-NVIDIA-H200-x-.json");
    free(path);
    unsetenv("XDG_CONFIG_HOME");
    setenv("HOME", "/c", 1);
    cr_assert_eq(torc_gpu_schedule_path(ctx, &path, &device), TORC_OK);
    cr_expect_str_eq(path, "/c/.config/torc/gpu-NVIDIA-H200-x-.json");
    free(path);
    unsetenv("HOME");
    cr_expect_eq(torc_gpu_schedule_path(ctx, &path, &device), TORC_E_IO);
    cr_expect(strstr(torc_ctx_message(ctx), "TORC_CONFIG_DIR") != NULL);
    torc_ctx_free(ctx);
}

Test(gpu_schedule, file_comes_back_and_belongs_to_its_device)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_gpu_schedule s = h200();
    torc_gpu_schedule back;
    torc_gpu_row rows[] = {{four_bits, TORC_GPU_FORM_LATENCY, 4, 132, 1.25e-3},
                           {four_bits, TORC_GPU_KEYSWITCH, 0, 528, 7.5e-5}};
    char path[128];
    make_folder();
    strcpy(s.date, "2026-11-29");
    s.rows = rows;
    s.row_count = 2;
    snprintf(path, sizeof path, "%s/a/b/gpu.json", folder);

    cr_assert_eq(torc_gpu_schedule_save(ctx, &s, path), TORC_OK, "%s", torc_ctx_message(ctx));
    cr_assert_eq(torc_gpu_schedule_load(ctx, &back, &s.device, path), TORC_OK, "%s",
                 torc_ctx_message(ctx));
    cr_assert_eq(back.row_count, 2);
    cr_expect_str_eq(back.date, s.date);
    cr_expect_eq(memcmp(&back.device, &s.device, sizeof s.device), 0);
    for (uint32_t i = 0; i < 2; i++) {
        cr_expect_eq(memcmp(&back.rows[i].params, &rows[i].params, sizeof four_bits), 0);
        cr_expect(back.rows[i].form == rows[i].form && back.rows[i].cluster == rows[i].cluster);
        cr_expect(back.rows[i].batch == rows[i].batch && back.rows[i].seconds == rows[i].seconds);
    }
    torc_gpu_schedule_free(&back);
    torc_gpu_identity other = s.device;
    strcpy(other.name, "NVIDIA H100");
    cr_expect_eq(torc_gpu_schedule_load(ctx, &back, &other, path), TORC_E_MISMATCH);
    cr_expect(strstr(torc_ctx_message(ctx), "NVIDIA H100") != NULL, "%s", torc_ctx_message(ctx));
    cr_expect_null(back.rows);
    other = s.device;
    other.multiprocessors = 66;
    cr_expect_eq(torc_gpu_schedule_load(ctx, &back, &other, path), TORC_E_MISMATCH);
    torc_ctx_free(ctx);
}

Test(gpu_schedule, find_falls_back_and_names_a_damaged_file)
{
    torc_ctx *ctx = torc_ctx_create();
    torc_gpu_schedule s = h200();
    torc_gpu_schedule back;
    char *path = NULL;
    make_folder();

    cr_assert_eq(torc_gpu_schedule_find(ctx, &back, &s.device), TORC_OK);
    cr_expect_eq(back.row_count, 0);
    cr_assert_eq(torc_gpu_schedule_path(ctx, &path, &s.device), TORC_OK);
    static const char *const bad[] = {
        "",
        "[]",
        "{\"format\":\"torc-gpu-schedule/2\"}",
        "{\"format\":\"torc-gpu-schedule/1\",\"date\":\"\",\"device\":3,\"rows\":[]}",
        "{\"format\":\"torc-gpu-schedule/1\",\"date\":\"\",\"device\":{\"name\":\"NVIDIA "
        "H200\",\"major\":9,\"minor\":0,\"multiprocessors\":132,\"clock_hz\":0,\"shared_bytes\":1,"
        "\"clusters_of_4\":32},\"rows\":[]}",
        "{\"format\":\"torc-gpu-schedule/1\",\"date\":\"\",\"device\":{\"name\":\"NVIDIA "
        "H200\",\"major\":9,\"minor\":0,\"multiprocessors\":132,\"clock_hz\":1,\"shared_bytes\":1,"
        "\"clusters_of_4\":32},\"rows\":[{\"form\":\"fast\"}]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        FILE *file = fopen(path, "w");
        cr_assert_not_null(file);
        fputs(bad[i], file);
        fclose(file);
        cr_expect_eq(torc_gpu_schedule_find(ctx, &back, &s.device), TORC_E_FORMAT, "file %zu", i);
        cr_expect(strstr(torc_ctx_message(ctx), path) != NULL, "%s", torc_ctx_message(ctx));
    }
    free(path);
    torc_ctx_free(ctx);
}
