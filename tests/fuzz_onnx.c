/* Damaged ONNX files: every mutation is either read or refused with a message; nothing crashes,
 * hangs or leaks (run under the sanitizers too). Seeded: the first argument, or 1; the second the
 * number of mutations of each file. */
#include "runtime/file.h"
#include "tests/common/float_model.h"
#include "tests/common/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATA TORC_SOURCE_DIR "/tests/data/onnx/"

static const char *const files[] = {"ts14_view",    "ts17_norm_leaky",     "dyn_residual",
                                    "dyn_external", "skl_cancer_logistic", "skl_iris_integer"};

static uint64_t state;

static uint64_t draw(uint64_t below) /* splitmix64 */
{
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % below;
}

/* Flips bits, sets bytes to edge values, copies stretches, cuts the end. Returns the new size. */
static size_t mutate(uint8_t *bytes, size_t size)
{
    static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff};
    uint64_t rounds = 1 + draw(4);
    for (uint64_t i = 0; i < rounds && size > 0; i++) {
        size_t at = draw(size);
        switch (draw(5)) {
        case 0: bytes[at] ^= (uint8_t)(1u << draw(8)); break;
        case 1: bytes[at] = edges[draw(sizeof edges)]; break;
        case 2: {
            size_t from = draw(size);
            size_t most = size - (at > from ? at : from);
            memmove(bytes + at, bytes + from, draw(most + 1));
            break;
        }
        case 3: size = draw(4) == 0 ? at : size; break;
        default: /* a length or a varint grows */
            for (size_t k = at; k < size && k < at + 1 + draw(6); k++) {
                bytes[k] |= 0x80;
            }
        }
    }
    return size;
}

static void save(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
}

/* One sample of zeros through a graph that was accepted. */
static void try_running(torc_ctx *ctx, const torc_graph *g)
{
    uint32_t id;
    torc_tensor x;
    torc_tensor y = {0};
    if (torc_graph_input_nodes(g, &id, 1) != 1) {
        return;
    }
    const torc_type *type = &g->nodes[id].type;
    size_t shape[TORC_MAX_RANK] = {1};
    if (type->rank + 1 > TORC_MAX_RANK || torc_shape_count(type->rank, type->shape) > 4096) {
        return;
    }
    memcpy(shape + 1, type->shape, type->rank * sizeof *shape);
    if (torc_tensor_create(ctx, &x, TORC_F64, type->rank + 1, shape) == TORC_OK) {
        if (test_run_float(ctx, &y, g, &x) == TORC_OK) {
            torc_tensor_free(&y);
        }
        torc_tensor_free(&x);
    }
}

static int fuzz_file(const char *name, uint64_t count)
{
    char path[512];
    char *original = NULL;
    size_t size = 0;
    torc_ctx *ctx = torc_ctx_create();
    int accepted = 0;
    snprintf(path, sizeof path, DATA "%s.onnx", name);
    if (torc_file_read(ctx, &original, &size, path, 1 << 20) != TORC_OK) {
        abort();
    }
    uint8_t *bytes = malloc(size);
    const char *copy = folder_path("fuzzed.onnx");
    for (uint64_t i = 0; i < count; i++) {
        torc_graph *g = NULL;
        memcpy(bytes, original, size);
        save(copy, bytes, mutate(bytes, size));
        torc_ctx_free(ctx);
        ctx = torc_ctx_create();
        torc_status status = torc_import_onnx(ctx, &g, copy, NULL);
        if (status == TORC_OK) {
            accepted++;
            try_running(ctx, g);
        } else if (g || torc_ctx_message(ctx)[0] == '\0' || status == TORC_E_INTERNAL) {
            printf("%s, mutation %llu: status %s, message '%s'\n", name, (unsigned long long)i,
                   torc_status_name(status), torc_ctx_message(ctx));
            abort();
        }
        torc_graph_free(g);
    }
    free(bytes);
    free(original);
    torc_ctx_free(ctx);
    return accepted;
}

/* The external data of dyn_external, beside the mutated model. */
static void copy_data(void)
{
    char *bytes = NULL;
    size_t size = 0;
    if (torc_file_read(NULL, &bytes, &size, DATA "dyn_external.onnx.data", 1 << 20) != TORC_OK) {
        abort();
    }
    save(folder_path("dyn_external.onnx.data"), (const uint8_t *)bytes, size);
    free(bytes);
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 600;
    printf("seed %llu\n", (unsigned long long)seed);
    state = seed;
    copy_data();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        int accepted = fuzz_file(files[i], count);
        printf("%s: %llu mutations, %d still models\n", files[i], (unsigned long long)count,
               accepted);
    }
    folder_remove();
    return 0;
}
