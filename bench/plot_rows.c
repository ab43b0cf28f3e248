/* From the lines of torc_bench to lines of a plot. Lines of other programs are passed over. */
#include "bench/plot.h"
#include "runtime/json.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const cJSON *row, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, name));
    return text == NULL ? "" : text;
}

static double number_of(const cJSON *row, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(row, name);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static bool is_text(const cJSON *row, const char *name, const char *value)
{
    return strcmp(text_of(row, name), value) == 0;
}

/* --- a row's place --- */

static bool is_lookup(const cJSON *row)
{
    return is_text(row, "bench", "lookups") && is_text(row, "what", "lookup");
}

static plot_point point_of(const cJSON *row, bool throughput)
{
    const double batch = number_of(row, "batch");
    if (is_lookup(row)) {
        return throughput ? (plot_point){batch, number_of(row, "per_second")}
                          : (plot_point){batch, 1e-3 * number_of(row, "ms")};
    }
    if (!throughput && is_text(row, "bench", "circuit")) {
        return (plot_point){batch * number_of(row, "lookups"), number_of(row, "seconds")};
    }
    return (plot_point){0};
}

static void describe_params(char *out, size_t size, const cJSON *row)
{
    const cJSON *p = cJSON_GetObjectItemCaseSensitive(row, "parameters");
    snprintf(out, size, "n %.0f, k %.0f, N %.0f, g %.0f, v %.0f; 2^%.0f a lookup",
             number_of(p, "lwe_dim"), number_of(p, "glwe_dim"), number_of(p, "poly_size"),
             number_of(p, "grouping"), number_of(p, "extended_log2"),
             number_of(row, "log2_p_error_lookup"));
}

static void describe(plot_series *out, const cJSON *row)
{
    const char *device = text_of(row, "device");
    if (is_lookup(row)) {
        snprintf(out->label, sizeof out->label, "%s: %.0f bit%s, %s, norm %.3g", device,
                 number_of(row, "bits"), number_of(row, "bits") == 1 ? "" : "s",
                 text_of(row, "profile"), sqrt(number_of(row, "norm_sq")));
    } else {
        snprintf(out->label, sizeof out->label, "%s: circuit %s", device, text_of(row, "circuit"));
    }
    describe_params(out->detail, sizeof out->detail, row);
}

static torc_status find_series(torc_ctx *ctx, plot_series **out, plot *p, const cJSON *row)
{
    char key[sizeof p->series[0].key];
    char params[sizeof p->series[0].detail];
    describe_params(params, sizeof params, row);
    snprintf(key, sizeof key, "%s|%s|%s|%s|%.0f|%s", text_of(row, "device"), text_of(row, "model"),
             text_of(row, "set"), text_of(row, "circuit"), number_of(row, "norm_sq"), params);
    for (uint32_t i = 0; i < p->count; i++) {
        if (strcmp(p->series[i].key, key) == 0) {
            *out = &p->series[i];
            return TORC_OK;
        }
    }
    if (p->count == PLOT_SERIES_MAX) {
        return torc_fail(ctx, TORC_E_INPUT, "plot: more than %d lines; draw fewer sets",
                         PLOT_SERIES_MAX);
    }
    *out = &p->series[p->count++];
    memcpy((*out)->key, key, sizeof key);
    describe(*out, row);
    return TORC_OK;
}

/* In its place by x; a later row of the same x replaces an earlier one. */
static torc_status add_point(torc_ctx *ctx, plot_series *s, plot_point point)
{
    uint32_t at = s->count;
    while (at > 0 && s->points[at - 1].x >= point.x) {
        at--;
    }
    if (at < s->count && s->points[at].x == point.x) {
        s->points[at] = point;
        return TORC_OK;
    }
    if (s->count == PLOT_POINTS_MAX) {
        return torc_fail(ctx, TORC_E_INPUT, "plot: more than %d points on a line", PLOT_POINTS_MAX);
    }
    memmove(&s->points[at + 1], &s->points[at], (s->count - at) * sizeof point);
    s->points[at] = point;
    s->count++;
    return TORC_OK;
}

/* "AMD EPYC, 2 threads, abc123" once each, in the order of the rows. */
static void add_subtitle(plot *p, const cJSON *row)
{
    char found[192];
    const double threads = number_of(row, "threads");
    const double mhz = number_of(row, "sm_mhz");
    const size_t used = strlen(p->subtitle);
    size_t length = (size_t)snprintf(found, sizeof found, "%s", text_of(row, "model"));
    if (threads != 0 && length < sizeof found) {
        length +=
            (size_t)snprintf(found + length, sizeof found - length, ", %.0f threads", threads);
    }
    if (mhz != 0 && length < sizeof found) {
        length += (size_t)snprintf(found + length, sizeof found - length, ", %.0f MHz", mhz);
    }
    if (length < sizeof found) {
        snprintf(found + length, sizeof found - length, ", commit %s", text_of(row, "commit"));
    }
    if (strstr(p->subtitle, found) == NULL) {
        snprintf(p->subtitle + used, sizeof p->subtitle - used, "%s%s", used == 0 ? "" : "; ",
                 found);
    }
}

static torc_status add_row(torc_ctx *ctx, plot *p, const cJSON *row, bool throughput)
{
    const plot_point point = point_of(row, throughput);
    plot_series *series = NULL;
    if (point.x <= 0 || point.y <= 0) {
        return TORC_OK;
    }
    if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(row, "right"))) {
        return torc_fail(ctx, TORC_E_INPUT, "plot: a row whose results were not right");
    }
    TORC_TRY(find_series(ctx, &series, p, row));
    if (throughput) {
        series->bound = number_of(row, "bound_per_second");
    }
    add_subtitle(p, row);
    return add_point(ctx, series, point);
}

torc_status plot_read(torc_ctx *ctx, plot *out, const char *text, bool throughput)
{
    uint32_t line_number = 0;
    for (const char *line = text; *line != '\0'; line_number++) {
        const size_t length = strcspn(line, "\n");
        cJSON *row = NULL;
        if (length > 0 && torc_json_parse(NULL, &row, line, length) != TORC_OK) {
            return torc_fail(ctx, TORC_E_FORMAT, "plot: line %u is no JSON object",
                             line_number + 1);
        }
        const torc_status s = add_row(ctx, out, row, throughput);
        cJSON_Delete(row);
        TORC_TRY(s);
        line += length + (line[length] == '\n');
    }
    return out->count > 0 ? TORC_OK
                          : torc_fail(ctx, TORC_E_INPUT, "plot: no row of torc_bench to draw");
}
