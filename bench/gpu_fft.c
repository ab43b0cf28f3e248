/* Times the transforms of every size against cuFFT, each checked first.
 *
 *   gpu_fft [--check] [--cufft]     --check: a few polynomials, one run; for the emulator
 *                                   --cufft: the oracle and the baseline, opened at run time
 *
 * One JSON object a row. Forward is compared with the reference on one polynomial and, with
 * --cufft, on all of them: cuFFT's cyclic transform of M = N/2 twisted points exp(i pi j / N) (a_j
 * + i a_(j+M)) has the values of ours in natural order. cuFFT's time is that of the cyclic
 * transform alone; the twist, which ours contains, would come on top. Exit code 1 when anything
 * differs. */
#include "bench/gpu_clock.h"
#include "tests/gpu_spectrum.h"
#include "tests/gpu_test.h"
#include "tests/kernel_keys.h"

#include <dlfcn.h>
#include <math.h>

enum { RUNS = 5, LAUNCHES = 10, POINTS_TOTAL = 1 << 22 };

/* The part of cuFFT that is used; its header is not needed to build. */
enum { CUFFT_Z2Z = 0x69, CUFFT_PLUS = 1 };
static struct {
    int (*plan)(int *plan, int points, int type, int batch);
    int (*set_stream)(int plan, torc_gpu_stream stream);
    int (*exec)(int plan, double *in, double *out, int direction);
    int (*destroy)(int plan);
} cufft;

static bool is_check;

static bool cufft_open(void)
{
    void *library = dlopen("libcufft.so.12", RTLD_NOW);
    if (library == NULL) {
        library = dlopen("libcufft.so", RTLD_NOW);
    }
    if (library == NULL) {
        return false;
    }
    *(void **)&cufft.plan = dlsym(library, "cufftPlan1d");
    *(void **)&cufft.set_stream = dlsym(library, "cufftSetStream");
    *(void **)&cufft.exec = dlsym(library, "cufftExecZ2Z");
    *(void **)&cufft.destroy = dlsym(library, "cufftDestroy");
    return cufft.plan != NULL && cufft.set_stream != NULL && cufft.exec != NULL &&
           cufft.destroy != NULL;
}

/* One size: `count` polynomials of random digits of 23 bits. */
typedef struct world {
    uint32_t poly_size, count;
    double *host, *in, *spectrum, *back;
    void *tables;
    int plan;        /* of cuFFT */
    double *twisted; /* its input */
    double *cyclic;  /* its output */
} world;

static world world_make(uint32_t poly_size)
{
    world w = {.poly_size = poly_size, .count = is_check ? 3 : POINTS_TOTAL / poly_size};
    const size_t words = (size_t)w.count * poly_size;
    test_rng rng = {poly_size};
    w.host = (double *)test_alloc(words * sizeof *w.host);
    for (size_t i = 0; i < words; i++) {
        w.host[i] = (double)((int64_t)rng_next(&rng) >> 41);
    }
    w.in = (double *)gpu_test_upload(w.host, words * sizeof *w.host);
    w.spectrum = (double *)gpu_test_room(words * sizeof *w.host);
    w.back = (double *)gpu_test_room(words * sizeof *w.host);
    w.tables = gpu_test_room(torc_gpu_fft_table_bytes(poly_size));
    GPU_OK(torc_gpu_fft_tables(w.tables, poly_size, gpu_test.stream));
    return w;
}

static int forward(const world *w)
{
    return torc_gpu_fft_forward(w->spectrum, w->in, w->count, w->tables, w->poly_size,
                                gpu_test.stream);
}

static int inverse(const world *w)
{
    return torc_gpu_fft_inverse(w->back, w->spectrum, w->count, w->tables, w->poly_size,
                                gpu_test.stream);
}

static int cyclic(const world *w)
{
    return cufft.exec(w->plan, w->twisted, w->cyclic, CUFFT_PLUS);
}

static void check_reference(const world *w)
{
    const size_t words = (size_t)w->count * w->poly_size;
    double *got = (double *)test_alloc(words * sizeof *got);
    double expected[4096];
    gpu_test_download(got, w->spectrum, words * sizeof *got);
    torc_ref_fft_forward(expected, w->host + words - w->poly_size, w->poly_size);
    const double off = spectrum_distance(got + words - w->poly_size, expected, w->poly_size);
    GPU_CHECK(off < 16, "N = %u: %.3g units from the reference", w->poly_size, off);
    gpu_test_download(got, w->back, words * sizeof *got);
    double worst = 0;
    for (size_t i = 0; i < words; i++) {
        worst = fmax(worst, fabs(got[i] - w->host[i]));
    }
    GPU_CHECK(worst < 0x1p-20, "N = %u: inverse(forward) is %.3g off", w->poly_size, worst);
    free(got);
}

/* False when cuFFT makes no plan. */
static bool cufft_prepare(world *w)
{
    const size_t points = w->poly_size / 2;
    const size_t bytes = (size_t)w->count * w->poly_size * sizeof(double);
    double *twisted = (double *)test_alloc(bytes);
    for (size_t p = 0; p < w->count; p++) {
        const double *a = w->host + p * w->poly_size;
        for (size_t j = 0; j < points; j++) {
            const double angle = acos(-1) * (double)j / w->poly_size;
            double *z = twisted + p * w->poly_size + 2 * j;
            z[0] = a[j] * cos(angle) - a[j + points] * sin(angle);
            z[1] = a[j] * sin(angle) + a[j + points] * cos(angle);
        }
    }
    w->twisted = (double *)gpu_test_upload(twisted, bytes);
    w->cyclic = (double *)gpu_test_room(bytes);
    free(twisted);
    return cufft.plan(&w->plan, (int)points, CUFFT_Z2Z, (int)w->count) == 0 &&
           cufft.set_stream(w->plan, gpu_test.stream) == 0;
}

static void check_cufft(const world *w)
{
    const size_t words = (size_t)w->count * w->poly_size;
    double *got = (double *)test_alloc(words * sizeof *got);
    double *natural = (double *)test_alloc(words * sizeof *natural);
    GPU_OK(cyclic(w));
    gpu_test_download(got, w->spectrum, words * sizeof *got);
    gpu_test_download(natural, w->cyclic, words * sizeof *natural);
    for (size_t p = 0; p < words; p += w->poly_size) {
        const double off = spectrum_distance(got + p, natural + p, w->poly_size);
        GPU_CHECK(off < 32, "N = %u: %.3g units from cuFFT", w->poly_size, off);
    }
    free(got);
    free(natural);
}

/* --- time --- */

/* Best of several runs of several launches each. */
static void time_row(const char *name, const world *w, int (*launch)(const world *))
{
    const int launches = is_check ? 1 : LAUNCHES;
    double best = 1e9;
    for (int run = 0; run < (is_check ? 1 : RUNS); run++) {
        const double start = seconds_now();
        for (int i = 0; i < launches; i++) {
            GPU_OK(launch(w));
        }
        GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
        best = fmin(best, (seconds_now() - start) / launches);
    }
    printf("{\"name\":\"fft_%s_%u\",\"value\":%.6g,\"unit\":\"polynomials/s\",\"batch\":%u,"
           "\"decides\":\"transforms\"}\n",
           name, w->poly_size, w->count / best, w->count);
    (void)fflush(stdout);
}

static void run_size(uint32_t poly_size, bool with_cufft)
{
    world w = world_make(poly_size);
    GPU_OK(forward(&w));
    GPU_OK(inverse(&w));
    check_reference(&w);
    time_row("forward", &w, forward);
    time_row("inverse", &w, inverse);
    if (with_cufft && cufft_prepare(&w)) {
        check_cufft(&w);
        time_row("cufft", &w, cyclic);
        (void)cufft.destroy(w.plan);
    } else if (with_cufft) {
        printf("{\"name\":\"fft_cufft_%u\",\"skipped\":\"no plan\"}\n", poly_size);
    }
    free(w.host);
    gpu_test_free_all();
}

int main(int argc, char **argv)
{
    bool with_cufft = false;
    for (int i = 1; i < argc; i++) {
        is_check |= strcmp(argv[i], "--check") == 0;
        with_cufft |= strcmp(argv[i], "--cufft") == 0;
    }
    gpu_test_begin();
    if (with_cufft && !cufft_open()) {
        printf("{\"name\":\"cufft\",\"skipped\":\"the library is not there\"}\n");
        with_cufft = false;
    }
    for (uint32_t poly_size = 256; poly_size <= 4096; poly_size *= 2) {
        run_size(poly_size, with_cufft);
    }
    return gpu_test_end();
}
