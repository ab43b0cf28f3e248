/* Text of a graph: one line a node, then `return`, then the bodies of subgraphs. Stable: tests and
 * dumps compare it to the character. */
#include "frontend/print.h"

#include "frontend/print_value.h"
#include "runtime/memstream.h"
#include "runtime/status.h"
#include "runtime/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMN_GAP = 8 };

size_t torc_text_columns(const char *text)
{
    size_t columns = 0;
    for (; *text; text++) {
        columns += ((unsigned char)*text & 0xc0U) != 0x80U; /* not inside a UTF-8 character */
    }
    return columns;
}

void torc_print_free(char **lines, uint32_t count)
{
    for (uint32_t i = 0; lines && i < count; i++) {
        free(lines[i]);
    }
    free(lines);
}

/* --- columns ---------------------------------------------------------------------------------- */

static torc_status write_call(torc_ctx *ctx, FILE *file, const torc_graph *g, uint32_t id)
{
    int digits = 1;
    for (uint32_t last = g->node_count; last > 10; last = (last + 9) / 10) {
        digits++;
    }
    char name[16];
    snprintf(name, sizeof name, "%%%u", id);
    fprintf(file, "%*s = ", digits + 1, name);
    return torc_print_op(ctx, file, &g->nodes[id]);
}

static torc_status write_type(torc_ctx *ctx, FILE *file, const torc_graph *g, uint32_t id)
{
    (void)ctx;
    torc_type type = g->nodes[id].type;
    double min = 0;
    double max = 0;
    if (type.dtype == TORC_I64 && type.bits == 0 && torc_node_range(&g->nodes[id], &min, &max)) {
        type.bits = torc_range_bits(min, max, &type.is_signed); /* measured, widths not yet set */
    }
    fputs("# ", file);
    torc_print_type(file, &type);
    return TORC_OK;
}

/* Floats to six digits after the point, without trailing zeros but one. */
static void write_bound(FILE *file, const torc_node *node, double bound)
{
    if (node->type.dtype == TORC_I64) {
        fprintf(file, "%.0f", bound);
        return;
    }
    char text[400];
    snprintf(text, sizeof text, fabs(bound) < 1e16 ? "%.6f" : "%g", bound);
    char *point = strchr(text, '.');
    for (char *end = text + strlen(text) - 1; point && end > point + 1 && *end == '0'; end--) {
        *end = '\0';
    }
    fputs(text, file);
}

static torc_status write_bounds(torc_ctx *ctx, FILE *file, const torc_graph *g, uint32_t id)
{
    (void)ctx;
    const torc_node *node = &g->nodes[id];
    if (node->measured) {
        fputs("\u2208 [", file); /* element of */
        write_bound(file, node, node->min);
        fputs(", ", file);
        write_bound(file, node, node->max);
        fputs("]", file);
    }
    return TORC_OK;
}

static torc_status write_tag(torc_ctx *ctx, FILE *file, const torc_graph *g, uint32_t id)
{
    (void)ctx;
    const char *tag = g->nodes[id].tag;
    if (tag && tag[0]) {
        fprintf(file, "@ %s", TORC_PRINTABLE(tag));
    }
    return TORC_OK;
}

typedef torc_status column_fn(torc_ctx *ctx, FILE *file, const torc_graph *g, uint32_t id);

/* Appends column text to every line that has one, 8 spaces after the longest line so far. */
static torc_status add_column(torc_ctx *ctx, char **lines, const torc_graph *g, column_fn *write)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < g->node_count; i++) {
        const size_t columns = lines[i] ? torc_text_columns(lines[i]) : 0;
        longest = columns > longest ? columns : longest;
    }
    for (uint32_t i = 0; i < g->node_count; i++) {
        torc_memstream stream;
        TORC_TRY(torc_memstream_open(ctx, &stream));
        torc_status s = write(ctx, stream.file, g, i);
        char *text = NULL;
        char *line = NULL;
        const torc_status closed = torc_memstream_close(ctx, &stream, &text);
        s = s == TORC_OK ? closed : s;
        if (s == TORC_OK && lines[i] && text[0]) {
            const int gap = (int)(longest - torc_text_columns(lines[i])) + COLUMN_GAP;
            if (asprintf(&line, "%s%*s%s", lines[i], gap, "", text) < 0) {
                line = NULL;
                s = torc_fail(ctx, TORC_E_MEMORY, "text: out of memory");
            }
        }
        if (s == TORC_OK && !lines[i]) {
            lines[i] = text;
            text = NULL;
        } else if (line) {
            free(lines[i]);
            lines[i] = line;
        }
        free(text);
        TORC_TRY(s);
    }
    return TORC_OK;
}

torc_status torc_print_lines(torc_ctx *ctx, char ***lines, const torc_graph *g, bool with_bounds)
{
    column_fn *const columns[] = {write_call, write_type, with_bounds ? write_bounds : NULL,
                                  write_tag};
    char **made = NULL;
    *lines = NULL;
    TORC_TRY(TORC_ALLOC(ctx, made, g->node_count));
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        torc_status s = columns[i] ? add_column(ctx, made, g, columns[i]) : TORC_OK;
        if (s != TORC_OK) {
            torc_print_free(made, g->node_count);
            return s;
        }
    }
    *lines = made;
    return TORC_OK;
}

/* --- the whole text --------------------------------------------------------------------------- */

static torc_status write_graph(torc_ctx *ctx, FILE *file, const torc_graph *g, bool with_bounds,
                               int indent);

static torc_status write_bodies(torc_ctx *ctx, FILE *file, const torc_graph *g, int indent)
{
    bool is_first = true;
    for (uint32_t i = 0; i < g->node_count; i++) {
        const torc_node *node = &g->nodes[i];
        if (!node->body) {
            continue;
        }
        fputs(is_first ? "\n\nSubgraphs:" : "", file);
        fprintf(file, "\n\n%*s%%%u = ", indent + 4, "", i);
        TORC_TRY(torc_print_op(ctx, file, node));
        fputs(":\n\n", file);
        TORC_TRY(write_graph(ctx, file, node->body, false, indent + 8));
        is_first = false;
    }
    return TORC_OK;
}

static torc_status write_graph(torc_ctx *ctx, FILE *file, const torc_graph *g, bool with_bounds,
                               int indent)
{
    char **lines = NULL;
    TORC_TRY(torc_print_lines(ctx, &lines, g, with_bounds));
    for (uint32_t i = 0; i < g->node_count; i++) {
        fprintf(file, "%*s%s\n", indent, "", lines[i]);
    }
    torc_print_free(lines, g->node_count);
    fprintf(file, "%*sreturn", indent, "");
    for (uint32_t i = 0; i < g->output_count; i++) {
        fprintf(file, "%s%%%u", i ? ", " : " ", g->outputs[i].node);
    }
    return write_bodies(ctx, file, g, indent);
}

static torc_status print_tidied(torc_ctx *ctx, char **out, const torc_graph *g, bool with_bounds)
{
    torc_memstream stream;
    TORC_TRY(torc_memstream_open(ctx, &stream));
    torc_status s = write_graph(ctx, stream.file, g, with_bounds, 0);
    fputc('\n', stream.file);
    torc_status closed = torc_memstream_close(ctx, &stream, out);
    if (s != TORC_OK) {
        free(*out);
        *out = NULL;
    }
    return s != TORC_OK ? s : closed;
}

torc_status torc_graph_print(torc_ctx *ctx, char **out, const torc_graph *graph, bool with_bounds)
{
    torc_graph *tidied = NULL;
    *out = NULL;
    TORC_TRY(torc_graph_tidy(ctx, &tidied, graph));
    torc_status s = print_tidied(ctx, out, tidied, with_bounds);
    torc_graph_free(tidied);
    return s;
}
