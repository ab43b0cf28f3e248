/* Compiles NN-20 and saves it with images to try it on:
 *   example_save_nn20 ternary|dense cpu|cuda nn20.torc images.npy [SAMPLES]
 *   torc inspect nn20.torc;  torc verify nn20.torc --input images.npy */
#include "models/nn20/nn20.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGES_SEED 2 /* not those of the inputset */

static bool is_one_of(const char *text, const char *a, const char *b)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

int main(int argc, char **argv)
{
    if (argc < 5 || !is_one_of(argv[1], "ternary", "dense") || !is_one_of(argv[2], "cpu", "cuda")) {
        (void)fprintf(stderr, "usage: example_save_nn20 ternary|dense cpu|cuda OUT.torc IMAGES.npy "
                              "[SAMPLES]\n");
        return 2;
    }
    const nn20_shape *shape = strcmp(argv[1], "dense") == 0 ? &nn20_dense : &nn20_ternary;
    const size_t samples = argc > 5 ? strtoul(argv[5], NULL, 10) : 16;
    const torc_options options = {.target = strcmp(argv[2], "cuda") == 0 ? TORC_ENGINE_CUDA
                                                                         : TORC_ENGINE_CPU};
    torc_ctx *ctx = torc_ctx_create();
    torc_circuit *circuit = NULL;
    torc_tensor images = {0};
    torc_status s = nn20_compile(ctx, &circuit, shape, &options);
    if (s == TORC_OK) {
        s = torc_circuit_save(ctx, circuit, argv[3]);
    }
    if (s == TORC_OK) {
        s = nn20_images(ctx, &images, shape, samples, IMAGES_SEED);
    }
    if (s == TORC_OK) {
        s = torc_npy_save(ctx, &images, argv[4]);
    }
    if (s == TORC_OK) {
        printf("%" PRIu64 " lookups, at most %" PRIu32 " bits\n",
               torc_program_lookup_count(&circuit->program),
               torc_maximum_integer_bit_width(circuit));
    } else {
        (void)fprintf(stderr, "save_nn20: %s\n", torc_ctx_message(ctx));
    }
    torc_tensor_free(&images);
    torc_circuit_free(circuit);
    torc_ctx_free(ctx);
    return torc_status_exit_code(s);
}
