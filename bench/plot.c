/* torc_bench plot: lines of the bench as an SVG file. */
#include "bench/plot.h"

#include "bench/bench.h"
#include "runtime/file.h"
#include "runtime/memstream.h"
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX_BYTES ((size_t)1 << 26)
#define SVG_MODE       0644

static torc_status check(torc_ctx *ctx, bool *throughput, const bench_options *o)
{
    const char *kind = o->plot == NULL ? "throughput" : o->plot;
    if (o->rows == NULL || o->output == NULL) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "plot: expected ROWS.jsonl --output FILE.svg");
    }
    *throughput = strcmp(kind, "throughput") == 0;
    if (!*throughput && strcmp(kind, "time") != 0) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "--plot: found '%s', expected throughput or time",
                         kind);
    }
    return TORC_OK;
}

static void fill_titles(plot *p, bool throughput)
{
    p->title = throughput ? "Encrypted lookups a second, by batch"
                          : "Time of encrypted lookups, by their number";
    p->x_title = throughput ? "lookups in a batch" : "lookups";
    p->y_title = throughput ? "lookups a second" : "time";
    p->y_is_seconds = !throughput;
    p->has_slope = !throughput;
}

static torc_status draw(torc_ctx *ctx, const plot *p, const char *path)
{
    torc_memstream stream;
    TORC_TRY(torc_memstream_open(ctx, &stream));
    plot_draw(stream.file, p);
    return torc_memstream_save(ctx, &stream, path, SVG_MODE);
}

torc_status bench_plot(torc_ctx *ctx, const bench_options *o)
{
    bool throughput = false;
    char *rows = NULL;
    size_t size = 0;
    plot *p = NULL;
    TORC_TRY(check(ctx, &throughput, o));
    TORC_TRY(torc_file_read(ctx, &rows, &size, o->rows, ROWS_MAX_BYTES));
    torc_status s = TORC_ALLOC(ctx, p, 1);
    if (s == TORC_OK) {
        fill_titles(p, throughput);
        s = plot_read(ctx, p, rows, throughput);
    }
    if (s == TORC_OK) {
        s = draw(ctx, p, o->output);
    }
    free(p);
    free(rows);
    return s;
}
