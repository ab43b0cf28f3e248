/* Transforms of the device against the reference, for every size: forward point by point, inverse
 * of forward, and rows of a bootstrap key. */
#include "tests/gpu_spectrum.h"
#include "tests/gpu_test.h"
#include "tests/kernel_keys.h"

#include <math.h>

enum { COUNT = 5 }; /* polynomials: the last block is not full */

static void check_size(uint32_t poly_size, test_rng *rng)
{
    const size_t bytes = COUNT * (size_t)poly_size * sizeof(double);
    double *in = test_alloc(bytes), *out = test_alloc(bytes), *expected = test_alloc(bytes);
    for (size_t i = 0; i < COUNT * (size_t)poly_size; i++) {
        in[i] = (double)(int64_t)rng_next(rng) * 0x1p-40; /* digits have up to 23 bits */
    }
    void *tables = gpu_test_room(torc_gpu_fft_table_bytes(poly_size));
    double *device = gpu_test_upload(in, bytes);
    double *spectrum = gpu_test_room(bytes), *back = gpu_test_room(bytes);
    GPU_OK(torc_gpu_fft_tables(tables, poly_size, gpu_test.stream));
    GPU_OK(torc_gpu_fft_forward(spectrum, device, COUNT, tables, poly_size, gpu_test.stream));
    GPU_OK(torc_gpu_fft_inverse(back, spectrum, COUNT, tables, poly_size, gpu_test.stream));
    gpu_test_download(out, spectrum, bytes);
    for (size_t p = 0; p < COUNT; p++) {
        torc_ref_fft_forward(expected, in + p * poly_size, poly_size);
        const double distance = spectrum_distance(out + p * poly_size, expected, poly_size);
        GPU_CHECK(distance < 16, "N = %u: polynomial %zu is %.3g units off", poly_size, p,
                  distance);
    }
    gpu_test_download(out, back, bytes);
    double worst = 0;
    for (size_t i = 0; i < COUNT * (size_t)poly_size; i++) {
        worst = fmax(worst, fabs(out[i] - in[i]) * 0x1p-23);
    }
    GPU_CHECK(worst < 32 * 0x1p-52, "N = %u: inverse(forward) is %.3g off", poly_size, worst);
    free(in);
    free(out);
    free(expected);
    gpu_test_free_all();
}

/* Rows of a key: the transform of the words as torus values over N/2, in the order of the rows. */
static void check_key(const torc_shape *shape, test_rng *rng)
{
    const size_t row_words = (size_t)(shape->glwe_dim + 1) * shape->poly_size;
    const size_t head = torc_gpu_fft_table_bytes(shape->poly_size);
    uint64_t *glwe = test_alloc(3 * row_words * sizeof *glwe);
    double *coefficient = test_alloc(shape->poly_size * sizeof(double));
    double *expected = test_alloc(shape->poly_size * sizeof(double));
    double *got = test_alloc(3 * row_words * sizeof *got);
    rng_words(rng, glwe, 3 * row_words);
    char *key = gpu_test_room(torc_gpu_bootstrap_key_bytes(shape));
    GPU_OK(torc_gpu_fft_tables(key, shape->poly_size, gpu_test.stream));
    GPU_OK(torc_gpu_bootstrap_key_rows(key, 2, 3, gpu_test_upload(glwe, 3 * row_words * 8), shape,
                                       gpu_test.stream));
    gpu_test_download(got, key + head + 2 * row_words * sizeof(double), 3 * row_words * 8);
    for (size_t p = 0; p < 3 * row_words; p += shape->poly_size) {
        for (uint32_t i = 0; i < shape->poly_size; i++) {
            coefficient[i] = (double)(int64_t)glwe[p + i] * 0x1p-63 / shape->poly_size;
        }
        torc_ref_fft_forward(expected, coefficient, shape->poly_size);
        const double distance = spectrum_distance(got + p, expected, shape->poly_size);
        GPU_CHECK(distance < 16, "key, N = %u: %.3g units off", shape->poly_size, distance);
    }
    GPU_CHECK(torc_gpu_bootstrap_key_rows(key, 4 * 15, 3, NULL, shape, gpu_test.stream) != 0,
              "rows past the end of a key are taken");
    free(glwe);
    free(coefficient);
    free(expected);
    free(got);
    gpu_test_free_all();
}

int main(void)
{
    test_rng rng = {20261129};
    gpu_test_begin();
    for (uint32_t poly_size = 256; poly_size <= 4096; poly_size *= 2) {
        check_size(poly_size, &rng);
    }
    check_key(&(torc_shape){.glwe_dim = 1,
                            .poly_size = 1024,
                            .lwe_dim = 8,
                            .grouping = 2,
                            .base_log = 14,
                            .level_count = 2},
              &rng);
    GPU_CHECK(torc_gpu_fft_table_bytes(128) == 0 && torc_gpu_fft_table_bytes(8192) == 0 &&
                  torc_gpu_fft_table_bytes(1000) == 0,
              "sizes that no kernel has are taken");
    return gpu_test_end();
}
