/* Digests of what every kernel writes, from the same inputs on a device and on the emulator: built
 * twice, the emulator's results gate what is measured on the device.
 *
 *   gpu_digest --write FILE      "name digest" a line
 *   gpu_digest --compare FILE    a row an item: does the digest agree? exit code 1 when one does
 * not gpu_digest --repeat COUNT    all items COUNT times, blocks starting at random times: does any
 *                                digest change? a row at the end
 *   gpu_digest [--toy]           runs the items once, the small ones with --toy; for a sanitizer
 *
 * Without a device 77. Outputs are filled with ones before each run: what is not written shows. */
#include "bench/gpu_digest/items.h"
#include "tests/gpu_test.h"

#include <inttypes.h>

#define NOT_VALID     1   /* cudaErrorInvalidValue: no kernel has this shape */
#define NOT_SUPPORTED 801 /* cudaErrorNotSupported: this device lacks what the kernel needs */

/* Where it is linked: keeps multiprocessors busy for random times, so that the blocks of what is
 * started next begin apart. */
__attribute__((weak)) int torc_bench_delay(torc_gpu_stream other, uint64_t seed);

static digest_item items[ITEMS_MAX];
static size_t item_count;
static uint8_t *results; /* host, for the largest output */

/* FNV-1a on words of 64 bits, with a multiplication that mixes downwards too. */
static uint64_t digest_of(const uint8_t *bytes, size_t count)
{
    uint64_t digest = 0xcbf29ce484222325u;
    for (size_t i = 0; i < count; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, count - i < 8 ? count - i : 8);
        digest = (digest ^ word) * 0x100000001b3u;
        digest ^= digest >> 29;
    }
    return digest;
}

/* False when no kernel runs the item here. */
static bool run_item(uint64_t *digest, const digest_item *item)
{
    memset(results, 0xff, item->out_bytes);
    GPU_OK(torc_gpu_copy_in(item->out, results, item->out_bytes, gpu_test.stream));
    GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
    const int error = item->launch(item, gpu_test.stream);
    if (error == NOT_VALID || error == NOT_SUPPORTED) {
        return false;
    }
    gpu_test_ok(error, item->name, __FILE__, __LINE__);
    gpu_test_download(results, item->out, item->out_bytes);
    *digest = digest_of(results, item->out_bytes);
    return true;
}

static int write_all(const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fprintf(stderr, "gpu_digest: %s cannot be written\n", path);
        return 1;
    }
    for (size_t i = 0; i < item_count; i++) {
        uint64_t digest = 0;
        if (run_item(&digest, &items[i])) {
            fprintf(file, "%s %016" PRIx64 "\n", items[i].name, digest);
        } else {
            fprintf(stderr, "gpu_digest: no kernel runs %s\n", items[i].name);
        }
    }
    return fclose(file) == 0 ? 0 : 1;
}

/* True when the file has a digest of that name. */
static bool find_digest(uint64_t *digest, FILE *file, const char *name)
{
    char line[160];
    const size_t length = strlen(name);
    rewind(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, length) == 0 && line[length] == ' ') {
            *digest = strtoull(line + length + 1, NULL, 16);
            return true;
        }
    }
    return false;
}

/* A row an item; agrees[i]: it was run here and its digest is that of the file. */
static int compare_all(bool *agrees, const char *path)
{
    FILE *file = fopen(path, "r");
    int wrong = 0;
    if (file == NULL) {
        fprintf(stderr, "gpu_digest: %s cannot be read\n", path);
        return 1;
    }
    for (size_t i = 0; i < item_count; i++) {
        uint64_t digest = 0;
        uint64_t expected = 0;
        const bool is_known = find_digest(&expected, file, items[i].name);
        if (!run_item(&digest, &items[i])) {
            printf("{\"name\":\"digest\",\"item\":\"%s\",\"skipped\":\"no kernel runs it here\"}\n",
                   items[i].name);
            continue;
        }
        printf("{\"name\":\"digest\",\"item\":\"%s\",\"digest\":\"%016" PRIx64
               "\",\"agrees\":%s}\n",
               items[i].name, digest, is_known ? digest == expected ? "true" : "false" : "null");
        fflush(stdout);
        agrees[i] = is_known && digest == expected;
        wrong += is_known && digest != expected;
    }
    (void)fclose(file);
    return wrong == 0 ? 0 : 1;
}

static int time_all(const char *path)
{
    static const uint32_t few[] = {1, 32};
    static const uint32_t full[] = {1056};
    bool agrees[ITEMS_MAX] = {false};
    const int code = compare_all(agrees, path);
    items_free();
    for (size_t i = 0; i < item_count; i++) {
        const bool is_latency = items[i].form == TORC_GPU_FORM_LATENCY;
        if (agrees[i] && items[i].form != TORC_GPU_FORM_ANY) {
            items_time(&items[i], is_latency ? few : full, is_latency ? 2 : 1, gpu_test.stream);
        }
    }
    return code;
}

static int time_curve(void)
{
    static const uint32_t batches[] = {1, 4, 16, 32, 64, 132, 264, 528, 1056, 2112, 4224};
    items_free();
    for (size_t i = 0; i < item_count; i++) {
        const torc_shape *s = &items[i].shape;
        if (items[i].form == TORC_GPU_FORM_THROUGHPUT && s->poly_size == 2048 && s->glwe_dim == 1 &&
            s->level_count == 1 && s->extended_log2 == 0) {
            items[i].form = TORC_GPU_FORM_ANY;
            items_time(&items[i], batches, sizeof batches / sizeof *batches, gpu_test.stream);
        }
    }
    return 0;
}

static int repeat_all(long count)
{
    static uint64_t first[ITEMS_MAX];
    static bool runs[ITEMS_MAX];
    torc_gpu_stream other = NULL;
    long differences = 0;
    GPU_OK(torc_gpu_stream_create(&other));
    for (size_t i = 0; i < item_count; i++) {
        runs[i] = run_item(&first[i], &items[i]);
    }
    for (long repeat = 1; repeat < count; repeat++) {
        for (size_t i = 0; i < item_count; i++) {
            uint64_t digest = first[i];
            if (runs[i] && torc_bench_delay != NULL) {
                GPU_OK(torc_bench_delay(other, (uint64_t)repeat * ITEMS_MAX + i));
            }
            if (runs[i] && run_item(&digest, &items[i]) && digest != first[i]) {
                differences++;
                fprintf(stderr, "gpu_digest: %s: repeat %ld differs\n", items[i].name, repeat);
            }
        }
    }
    printf(
        "{\"name\":\"repeats\",\"items\":%zu,\"repeats\":%ld,\"delays\":%s,\"differences\":%ld}\n",
        item_count, count, torc_bench_delay != NULL ? "true" : "false", differences);
    torc_gpu_stream_destroy(other);
    return differences == 0 ? 0 : 1;
}

static int run_once(void)
{
    size_t done = 0;
    for (size_t i = 0; i < item_count; i++) {
        uint64_t digest = 0;
        done += run_item(&digest, &items[i]);
    }
    printf("gpu_digest: %zu of %zu items ran\n", done, item_count);
    return done > 0 ? 0 : 1;
}

/* value: "" for the modes that take none. */
static int run_mode(const char *mode, const char *value)
{
    static bool agrees[ITEMS_MAX];
    if (strcmp(mode, "--write") == 0) {
        return write_all(value);
    }
    if (strcmp(mode, "--compare") == 0) {
        return compare_all(agrees, value);
    }
    if (strcmp(mode, "--time") == 0) {
        return time_all(value);
    }
    if (strcmp(mode, "--curve") == 0) {
        return time_curve();
    }
    if (strcmp(mode, "--repeat") == 0) {
        return repeat_all(strtol(value, NULL, 10));
    }
    return run_once();
}

static bool is_one_of(const char *mode, const char *const *modes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(mode, modes[i]) == 0) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    static const char *const alone[] = {"--toy", "--curve"};
    static const char *const with_value[] = {"--write", "--compare", "--time", "--repeat"};
    const char *mode = argc > 1 ? argv[1] : "";
    if (!(argc == 1 || (argc == 2 && is_one_of(mode, alone, 2)) ||
          (argc == 3 && is_one_of(mode, with_value, 4)))) {
        fprintf(stderr, "usage: gpu_digest [--toy | --curve | --write FILE | --compare FILE | "
                        "--time FILE | --repeat N]\n");
        return 2;
    }
    gpu_test_begin();
    size_t largest = 8;
    item_count = items_make(items, strcmp(mode, "--toy") == 0, gpu_test.stream);
    for (size_t i = 0; i < item_count; i++) {
        largest = items[i].out_bytes > largest ? items[i].out_bytes : largest;
    }
    results = (uint8_t *)malloc(largest);
    if (results == NULL) {
        fprintf(stderr, "gpu_digest: out of memory\n");
        return 1;
    }
    const int code = run_mode(mode, argc == 3 ? argv[2] : "");
    free(results);
    items_free();
    torc_gpu_stream_destroy(gpu_test.stream);
    return code;
}
