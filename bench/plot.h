/* A plot on two logarithmic axes: what is drawn (plot_rows.c fills it), and its drawing. */
#ifndef TORC_BENCH_PLOT_H
#define TORC_BENCH_PLOT_H

#include "runtime/torc_base.h"

#include <stdio.h>

enum { PLOT_SERIES_MAX = 24, PLOT_POINTS_MAX = 64 };

typedef struct plot_point {
    double x, y;
} plot_point;

typedef struct plot_series {
    char key[288];   /* rows that share it are points of one line */
    char label[96];  /* of the legend */
    char detail[96]; /* second line of it */
    uint32_t count;
    plot_point points[PLOT_POINTS_MAX]; /* by ascending x */
    double bound;                       /* a dashed line at this y; 0: none */
} plot_series;

typedef struct plot {
    const char *title;
    char subtitle[256]; /* devices and commits */
    const char *x_title, *y_title;
    bool y_is_seconds; /* ticks as 1 ms, 10 s */
    bool has_slope;    /* a thin line of growth in proportion, through the last point */
    uint32_t count;
    plot_series series[PLOT_SERIES_MAX];
} plot;

/* Of the lines of a bench. throughput: rows "lookup", lookups a second against the batch; time:
 * seconds against lookups, circuits too. E_FORMAT for lines that are no JSON, E_INPUT when none of
 * them can be drawn. */
TORC_MUST_CHECK torc_status plot_read(torc_ctx *ctx, plot *out, const char *text, bool throughput);

void plot_draw(FILE *svg, const plot *p);

#endif
