/* A plot as SVG: plain shapes and text, no style sheet, readable in black on white. Must not know
 * where its points come from. */
#include "bench/plot.h"
#include "runtime/memstream.h"

#include <math.h>
#include <string.h>

#define LEFT     92.0
#define TOP      74.0
#define WIDTH    600.0
#define HEIGHT   420.0
#define LEGEND_X (LEFT + WIDTH + 24)
#define LEGEND_Y (TOP + 8)
#define LEGEND   38.0 /* from one entry to the next */
#define TOTAL_X  1040.0
#define TOTAL_Y  560.0
#define FONT     "font-family=\"Helvetica, Arial, sans-serif\""

/* Told apart by most eyes, also in grey by their markers. */
static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                      "#e69f00", "#56b4e9", "#000000", "#8c6d31"};
#define COLOURS (sizeof colours / sizeof *colours)

typedef struct axis {
    double first, last; /* log10 */
} axis;

typedef struct frame {
    FILE *svg;
    axis x, y;
} frame;

/* --- scales --- */

static double at_x(const frame *f, double x)
{
    return LEFT + WIDTH * (log10(x) - f->x.first) / (f->x.last - f->x.first);
}

static double at_y(const frame *f, double y)
{
    return TOP + HEIGHT * (1 - (log10(y) - f->y.first) / (f->y.last - f->y.first));
}

/* Down and up to 1, 2 or 5 times a power of ten, with a little room. */
static axis axis_of(double least, double most)
{
    static const double steps[] = {1, 2, 5, 10};
    axis a = {floor(log10(least)), ceil(log10(most))};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const double low = floor(log10(least)) + log10(steps[i]);
        const double high = floor(log10(most)) + log10(steps[3 - i]);
        a.first = low <= log10(least) - 0.02 ? low : a.first;
        a.last = high >= log10(most) + 0.02 ? high : a.last;
    }
    if (a.last - a.first < 0.95) { /* at least a decade */
        a = (axis){floor(log10(least)), floor(log10(least)) + 1};
        a.last = a.last <= log10(most) ? a.last + 1 : a.last;
    }
    return a;
}

static frame frame_of(FILE *svg, const plot *p)
{
    double low_x = HUGE_VAL;
    double high_x = 0;
    double low_y = HUGE_VAL;
    double high_y = 0;
    for (uint32_t s = 0; s < p->count; s++) {
        for (uint32_t i = 0; i < p->series[s].count; i++) {
            const plot_point at = p->series[s].points[i];
            low_x = fmin(low_x, at.x);
            high_x = fmax(high_x, at.x);
            low_y = fmin(low_y, at.y);
            high_y = fmax(high_y, at.y);
        }
        high_y = fmax(high_y, p->series[s].bound);
    }
    return (frame){svg, axis_of(low_x, high_x), axis_of(low_y, high_y)};
}

/* --- text --- */

static void text(const frame *f, double x, double y, const char *how, const char *words)
{
    torc_print(f->svg, "<text x=\"%.1f\" y=\"%.1f\" " FONT " %s>", x, y, how);
    for (const char *c = words; *c != '\0'; c++) {
        switch (*c) {
        case '<': torc_print(f->svg, "&lt;"); break;
        case '>': torc_print(f->svg, "&gt;"); break;
        case '&': torc_print(f->svg, "&amp;"); break;
        case '"': torc_print(f->svg, "&quot;"); break;
        default: torc_print(f->svg, "%c", *c);
        }
    }
    torc_print(f->svg, "</text>\n");
}

/* 1,000 with commas; seconds with a unit. */
static void tick_text(char *out, size_t size, double value, bool is_seconds)
{
    if (is_seconds) {
        const bool micro = value < 0.999e-3;
        const bool milli = value < 0.999;
        snprintf(out, size, "%.6g %s",
                 value * (micro   ? 1e6
                          : milli ? 1e3
                                  : 1),
                 micro   ? "µs"
                 : milli ? "ms"
                         : "s");
    } else if (value >= 999999.5) {
        snprintf(out, size, "%.6g million", value * 1e-6);
    } else if (value >= 999.5) {
        snprintf(out, size, "%.0f,%03.0f", floor(value / 1000), fmod(value, 1000));
    } else {
        snprintf(out, size, "%.6g", value);
    }
}

/* --- axes --- */

static void line(const frame *f, double x1, double y1, double x2, double y2, const char *how)
{
    torc_print(f->svg, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2,
               y2, how);
}

/* The labels of 2 and 5 only where there is room. */
static bool has_label(const axis *a, double step, bool is_x)
{
    const double decades = a->last - a->first;
    return step == 1 || decades < (is_x ? 3.2 : 4.5);
}

static void tick(const frame *f, const axis *a, double value, double step, bool is_x,
                 bool is_seconds)
{
    char words[32];
    const char *how = step == 1 ? "stroke=\"#c8c8c8\"" : "stroke=\"#ececec\"";
    tick_text(words, sizeof words, value, is_seconds);
    if (is_x) {
        line(f, at_x(f, value), TOP, at_x(f, value), TOP + HEIGHT, how);
    } else {
        line(f, LEFT, at_y(f, value), LEFT + WIDTH, at_y(f, value), how);
    }
    if (!has_label(a, step, is_x)) {
        return;
    }
    if (is_x) {
        text(f, at_x(f, value), TOP + HEIGHT + 18, "font-size=\"12\" text-anchor=\"middle\"",
             words);
    } else {
        text(f, LEFT - 7, at_y(f, value) + 4, "font-size=\"12\" text-anchor=\"end\"", words);
    }
}

static void ticks(const frame *f, const axis *a, bool is_x, bool is_seconds)
{
    static const double steps[] = {1, 2, 5};
    for (int decade = (int)floor(a->first); decade <= (int)ceil(a->last); decade++) {
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            const double value = steps[i] * pow(10, decade);
            const double at = log10(value);
            if (at >= a->first - 1e-9 && at <= a->last + 1e-9) {
                tick(f, a, value, steps[i], is_x, is_seconds);
            }
        }
    }
}

static void axes(const frame *f, const plot *p)
{
    char turned[128];
    ticks(f, &f->x, true, false);
    ticks(f, &f->y, false, p->y_is_seconds);
    torc_print(f->svg,
               "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"none\" "
               "stroke=\"#404040\"/>\n",
               LEFT, TOP, WIDTH, HEIGHT);
    text(f, LEFT + WIDTH / 2, TOP + HEIGHT + 42, "font-size=\"14\" text-anchor=\"middle\"",
         p->x_title);
    snprintf(turned, sizeof turned,
             "font-size=\"14\" text-anchor=\"middle\" transform=\"rotate(-90 20 %.1f)\"",
             TOP + HEIGHT / 2);
    text(f, 20, TOP + HEIGHT / 2, turned, p->y_title);
}

/* --- series --- */

static void marker(const frame *f, double x, double y, uint32_t index)
{
    const char *colour = colours[index % COLOURS];
    switch (index % 3) {
    case 0:
        torc_print(f->svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.6\" fill=\"%s\"/>\n", x, y,
                   colour);
        break;
    case 1:
        torc_print(f->svg, "<rect x=\"%.1f\" y=\"%.1f\" width=\"7\" height=\"7\" fill=\"%s\"/>\n",
                   x - 3.5, y - 3.5, colour);
        break;
    default:
        torc_print(f->svg, "<path d=\"M%.1f %.1f l4.5 8 h-9 z\" fill=\"%s\"/>\n", x, y - 5, colour);
    }
}

static void draw_series(const frame *f, const plot_series *s, uint32_t index)
{
    char how[96];
    torc_print(f->svg, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"",
               colours[index % COLOURS]);
    for (uint32_t i = 0; i < s->count; i++) {
        torc_print(f->svg, "%.1f,%.1f ", at_x(f, s->points[i].x), at_y(f, s->points[i].y));
    }
    torc_print(f->svg, "\"/>\n");
    for (uint32_t i = 0; i < s->count; i++) {
        marker(f, at_x(f, s->points[i].x), at_y(f, s->points[i].y), index);
    }
    if (s->bound > 0) {
        snprintf(how, sizeof how, "stroke=\"%s\" stroke-width=\"1.5\" stroke-dasharray=\"7 5\"",
                 colours[index % COLOURS]);
        line(f, LEFT, at_y(f, s->bound), LEFT + WIDTH, at_y(f, s->bound), how);
    }
}

/* Through the last point of the first line, as far as the frame goes. */
static void draw_slope(const frame *f, const plot *p)
{
    const plot_point last = p->series[0].points[p->series[0].count - 1];
    const double slope = log10(last.y / last.x); /* log10 y = log10 x + slope */
    const double from = fmax(f->x.first, f->y.first - slope);
    const double to = fmin(f->x.last, f->y.last - slope);
    line(f, at_x(f, pow(10, from)), at_y(f, pow(10, from + slope)), at_x(f, pow(10, to)),
         at_y(f, pow(10, to + slope)), "stroke=\"#707070\" stroke-dasharray=\"2 4\"");
}

static void legend(const frame *f, const plot *p)
{
    bool has_bound = false;
    for (uint32_t i = 0; i < p->count; i++) {
        const double y = LEGEND_Y + i * LEGEND;
        char how[96];
        snprintf(how, sizeof how, "stroke=\"%s\" stroke-width=\"2\"", colours[i % COLOURS]);
        line(f, LEGEND_X, y, LEGEND_X + 26, y, how);
        marker(f, LEGEND_X + 13, y, i);
        text(f, LEGEND_X + 34, y + 4, "font-size=\"12.5\"", p->series[i].label);
        text(f, LEGEND_X + 34, y + 19, "font-size=\"11\" fill=\"#505050\"", p->series[i].detail);
        has_bound = has_bound || p->series[i].bound > 0;
    }
    double y = LEGEND_Y + p->count * LEGEND;
    if (has_bound) {
        line(f, LEGEND_X, y, LEGEND_X + 26, y,
             "stroke=\"#404040\" stroke-width=\"1.5\" stroke-dasharray=\"7 5\"");
        text(f, LEGEND_X + 34, y + 4, "font-size=\"12.5\"", "bound of the rotation's phases");
        y += LEGEND;
    }
    if (p->has_slope) {
        line(f, LEGEND_X, y, LEGEND_X + 26, y, "stroke=\"#707070\" stroke-dasharray=\"2 4\"");
        text(f, LEGEND_X + 34, y + 4, "font-size=\"12.5\"", "in proportion");
    }
}

void plot_draw(FILE *svg, const plot *p)
{
    const frame f = frame_of(svg, p);
    const double wanted = LEGEND_Y + (p->count + 2) * LEGEND;
    const double height = wanted > TOTAL_Y ? wanted : TOTAL_Y;
    torc_print(svg,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
               "viewBox=\"0 0 %.0f %.0f\">\n<rect width=\"100%%\" height=\"100%%\" "
               "fill=\"white\"/>\n",
               TOTAL_X, height, TOTAL_X, height);
    text(&f, LEFT, 30, "font-size=\"19\" font-weight=\"bold\"", p->title);
    text(&f, LEFT, 53, "font-size=\"13\" fill=\"#404040\"", p->subtitle);
    axes(&f, p);
    if (p->has_slope) {
        draw_slope(&f, p);
    }
    for (uint32_t i = 0; i < p->count; i++) {
        draw_series(&f, &p->series[i], i);
    }
    legend(&f, p);
    torc_print(svg, "</svg>\n");
}
