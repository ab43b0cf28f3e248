/* Shows what a run of the digits circuit gave: for every encrypted image its picture, the true
 * digit and the three predictions; then the accuracies over the test set.
 *
 * usage: show_digits IMAGES LABELS FLOAT SIMULATED NOISY ENCRYPTED SECONDS
 *   arrays as .npy: images [count][64], labels [count], class scores [count][10]; ENCRYPTED may
 * hold fewer samples, the first ones. SECONDS: of the encrypted run. */
#include "runtime/torc_base.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { IMAGES, LABELS, FLOAT, SIMULATED, NOISY, ENCRYPTED, ARRAY_COUNT };

#define SIDE    8
#define CLASSES 10

static double value_at(const torc_tensor *t, size_t i)
{
    return t->dtype == TORC_I64 ? (double)t->i64[i] : t->f64[i];
}

static int label_of(const torc_tensor *scores, size_t sample)
{
    size_t best = 0;
    for (size_t c = 1; c < CLASSES; c++) {
        if (value_at(scores, sample * CLASSES + c) > value_at(scores, sample * CLASSES + best)) {
            best = c;
        }
    }
    return (int)best;
}

static double brightest(const torc_tensor *images)
{
    double max = 0;
    for (size_t i = 0; i < torc_tensor_count(images); i++) {
        max = value_at(images, i) > max ? value_at(images, i) : max;
    }
    return max;
}

static void show_image(const torc_tensor *arrays, size_t sample, double white, double seconds)
{
    static const char *const shades[] = {"  ", "..", "::", "++", "##"};
    const int truth = (int)value_at(&arrays[LABELS], sample);
    const int encrypted = label_of(&arrays[ENCRYPTED], sample);
    printf("\n");
    for (size_t row = 0; row < SIDE; row++) {
        printf("  |");
        for (size_t column = 0; column < SIDE; column++) {
            const double v = value_at(&arrays[IMAGES], (sample * SIDE + row) * SIDE + column);
            printf("%s", shades[(int)(4 * v / white + 0.5)]);
        }
        printf("|  ");
        switch (row) {
        case 1: printf("image %zu, true digit  %d", sample, truth); break;
        case 2: printf("float model           %d", label_of(&arrays[FLOAT], sample)); break;
        case 3: printf("simulated             %d", label_of(&arrays[SIMULATED], sample)); break;
        case 4:
            printf("encrypted             %d  %s", encrypted,
                   encrypted == truth ? "right" : "wrong");
            break;
        case 5: printf("time                  %.2f s", seconds); break;
        default: break;
        }
        printf("\n");
    }
}

static double accuracy(const torc_tensor *arrays, int which)
{
    const size_t count = arrays[LABELS].shape[0];
    size_t right = 0;
    for (size_t s = 0; s < count; s++) {
        right += label_of(&arrays[which], s) == (int)value_at(&arrays[LABELS], s);
    }
    return 100.0 * (double)right / (double)count;
}

static bool shapes_fit(const torc_tensor *arrays)
{
    const size_t count = arrays[LABELS].shape[0];
    bool fit =
        arrays[LABELS].rank == 1 && torc_tensor_count(&arrays[IMAGES]) == count * SIDE * SIDE;
    for (int a = FLOAT; a <= NOISY; a++) {
        fit = fit && torc_tensor_count(&arrays[a]) == count * CLASSES;
    }
    return fit && arrays[ENCRYPTED].rank == 2 && arrays[ENCRYPTED].shape[1] == CLASSES &&
           arrays[ENCRYPTED].shape[0] <= count;
}

int main(int argc, char **argv)
{
    torc_tensor arrays[ARRAY_COUNT] = {0};
    torc_ctx *ctx = torc_ctx_create();
    torc_status s = argc == ARRAY_COUNT + 2 && ctx != NULL ? TORC_OK : TORC_E_ARGUMENT;
    for (int a = 0; s == TORC_OK && a < ARRAY_COUNT; a++) {
        s = torc_npy_load(ctx, &arrays[a], argv[a + 1]);
    }
    if (s == TORC_OK && !shapes_fit(arrays)) {
        s = TORC_E_INPUT;
    }
    if (s != TORC_OK) {
        (void)fprintf(stderr, "show_digits: %s %s\n", torc_status_text(s), torc_ctx_message(ctx));
    } else {
        const size_t shown = arrays[ENCRYPTED].shape[0];
        const double seconds = strtod(argv[ARRAY_COUNT + 1], NULL);
        for (size_t i = 0; i < shown; i++) {
            show_image(arrays, i, brightest(&arrays[IMAGES]), seconds / (double)shown);
        }
        printf("\naccuracy over %zu test images: float %.2f %%, simulated %.2f %%, simulated with "
               "noise "
               "%.2f %%\n",
               arrays[LABELS].shape[0], accuracy(arrays, FLOAT), accuracy(arrays, SIMULATED),
               accuracy(arrays, NOISY));
    }
    for (int a = 0; a < ARRAY_COUNT; a++) {
        torc_tensor_free(&arrays[a]);
    }
    torc_ctx_free(ctx);
    return torc_status_exit_code(s);
}
