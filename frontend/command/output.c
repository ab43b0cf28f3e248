/* Messages, progress and the formats of figures. */
#include "frontend/command/output.h"

#include "runtime/clock.h"
#include "runtime/spec_names.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool progress_shown;

void progress_clear(void)
{
    if (progress_shown) {
        fputs("\r\033[K", stderr);
        progress_shown = false;
    }
}

static void progress_show(void *user, const char *what, double done)
{
    static double last_shown;
    (void)user;
    const double now = torc_seconds_now();
    if (done >= 1) {
        progress_clear();
        return;
    }
    if (now - last_shown < 0.1) {
        return;
    }
    last_shown = now;
    fprintf(stderr, "\r\033[K%s %3.0f %%", what, 100 * done);
    fflush(stderr);
    progress_shown = true;
}

void progress_attach(torc_ctx *ctx)
{
    if (isatty(STDERR_FILENO)) {
        torc_ctx_set_progress(ctx, progress_show, NULL);
    }
}

static void say_all(const char *format, va_list args) TORC_PRINTF(1, 0);
static void say_all(const char *format, va_list args)
{
    progress_clear();
    fputs("torc: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_all(format, args);
    va_end(args);
}

void print_json(cJSON *object)
{
    progress_clear();
    char *text = cJSON_PrintUnformatted(object);
    puts(text == NULL ? "{}" : text);
    free(text);
    cJSON_Delete(object);
}

const char *format_probability(char out[32], double log2_p)
{
    if (log2_p <= TORC_LOG2_P_NEVER) {
        return "0";
    }
    snprintf(out, 32, "2^%.1f", log2_p);
    return out;
}

const char *format_bytes(char out[32], uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1000;
        unit++;
    }
    snprintf(out, 32, unit > 0 && value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return out;
}

const char *format_seconds(char out[32], double seconds)
{
    static const struct {
        double below;
        double scale;
        const char *unit;
    } units[] = {{1e-3, 1e6, "us"}, {1, 1e3, "ms"}, {120, 1, "s"}, {HUGE_VAL, 1.0 / 60, "min"}};
    size_t u = 0;
    while (seconds >= units[u].below) {
        u++;
    }
    const double value = seconds * units[u].scale;
    snprintf(out, 32, "%.*f %s", value < 10 ? 2 : value < 100 ? 1 : 0, value, units[u].unit);
    return out;
}

void warn_if_virtual(const torc_spec *spec, const char *path)
{
    if (spec->is_virtual) {
        say("%s is a virtual circuit: it runs in the clear and protects nothing", path);
    }
}

void print_untrusted(const char *text)
{
    for (; *text != '\0'; text++) {
        const bool control = ((unsigned char)*text < 0x20 && *text != '\n') || *text == 0x7f;
        putchar(control ? '?' : *text);
    }
}
