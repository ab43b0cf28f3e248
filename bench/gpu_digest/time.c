/* Times rotations that have been found right: see items.h. A rotation's time is its steps: a key of
 * TIME_LWE_DIM bits is enough, and larger than the second-level cache. */
#include "bench/gpu_clock.h"
#include "bench/gpu_digest/items.h"
#include "tests/gpu_test.h"

#define TIME_LWE_DIM 240 /* a multiple of g = 1 .. 4 */
#define TIME_RUNS    5

/* Median of TIME_RUNS, one before them to warm up; false when it does not run here. */
static bool time_item(double seconds[TIME_RUNS], const digest_item *item, torc_gpu_stream stream)
{
    for (int run = -1; run < TIME_RUNS; run++) {
        const double start = seconds_now();
        if (item->launch(item, stream) != 0 || torc_gpu_stream_wait(stream) != 0) {
            return false;
        }
        if (run >= 0) {
            seconds[run] = seconds_now() - start;
        }
    }
    qsort(seconds, TIME_RUNS, sizeof *seconds, compare_doubles);
    return true;
}

void items_time(const digest_item *like, const uint32_t *batches, size_t batch_count,
                torc_gpu_stream stream)
{
    const torc_shape *s = &like->shape;
    uint32_t log2_n = 0;
    while (1u << log2_n < s->poly_size) {
        log2_n++;
    }
    const rotation_shape shape = {s->glwe_dim, log2_n, s->level_count, s->grouping,
                                  s->extended_log2};
    for (size_t i = 0; i < batch_count; i++) {
        digest_item item = {.batch = 0};
        double seconds[TIME_RUNS];
        items_begin(stream);
        item_make_rotation(&item, &shape, TIME_LWE_DIM, batches[i]);
        item_set_form(&item, like->form, like->cluster);
        if (time_item(seconds, &item, stream)) {
            const double median = seconds[TIME_RUNS / 2];
            printf("{\"name\":\"%s\",\"batch\":%u,\"n\":%d,\"ms\":%.5g,\"spread_ms\":%.3g,"
                   "\"ns_per_ciphertext_bit\":%.5g}\n",
                   item.name, batches[i], TIME_LWE_DIM, median * 1e3,
                   (seconds[TIME_RUNS - 1] - seconds[0]) * 1e3,
                   median * 1e9 / batches[i] / TIME_LWE_DIM);
        } else {
            printf("{\"name\":\"%s\",\"batch\":%u,\"skipped\":\"does not run here\"}\n", item.name,
                   batches[i]);
        }
        fflush(stdout);
        items_free();
    }
}
