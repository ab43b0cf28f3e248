/* A printed graph with notes under some of its lines, for messages. Long graphs show the lines
 * around the notes only. */
#include "frontend/print.h"
#include "runtime/memstream.h"
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_WHOLE_NODES = 24, /* a message is read in a terminal */
    MAX_TAIL_COLUMNS = 100,
};

/* Which lines to show: all of a short graph, else noted nodes, their operands and the inputs of it.
 */
static void choose_lines(bool *is_shown, const torc_graph *g, const torc_note *notes,
                         uint32_t count)
{
    for (uint32_t i = 0; i < g->node_count; i++) {
        is_shown[i] = g->node_count <= MAX_WHOLE_NODES;
    }
    for (uint32_t i = 0; i < count; i++) {
        const torc_node *node = &g->nodes[notes[i].node];
        is_shown[notes[i].node] = true;
        for (uint32_t j = 0; j < node->input_count; j++) {
            is_shown[node->inputs[j]] = true;
        }
    }
}

static void write_notes(FILE *file, const char *line, uint32_t node, const torc_note *notes,
                        uint32_t count)
{
    const size_t columns = torc_text_columns(line);
    bool is_first = true;
    for (uint32_t i = 0; i < count; i++) {
        if (notes[i].node != node) {
            continue;
        }
        for (size_t j = 0; j < columns; j++) {
            fputc(is_first ? '^' : ' ', file);
        }
        fprintf(file, " %.*s\n", (int)sizeof notes[i].text, notes[i].text);
        is_first = false;
    }
}

static void write_return(FILE *file, const torc_graph *g)
{
    fputs("return", file);
    size_t columns = 0;
    for (uint32_t i = 0; i < g->output_count && columns < MAX_TAIL_COLUMNS; i++) {
        columns += (size_t)fprintf(file, "%s%%%u", i ? ", " : " ", g->outputs[i].node);
    }
    fputs(columns < MAX_TAIL_COLUMNS ? "" : ", ...", file);
}

torc_status torc_graph_highlight(torc_ctx *ctx, char **out, const torc_graph *g,
                                 const torc_note *notes, uint32_t count)
{
    char **lines = NULL;
    bool *is_shown = NULL;
    torc_memstream stream = {0};
    *out = NULL;
    torc_status s = torc_print_lines(ctx, &lines, g, true);
    s = s == TORC_OK ? TORC_ALLOC(ctx, is_shown, g->node_count) : s;
    s = s == TORC_OK ? torc_memstream_open(ctx, &stream) : s;
    if (s == TORC_OK) {
        choose_lines(is_shown, g, notes, count);
        for (uint32_t i = 0; i < g->node_count; i++) {
            if (is_shown[i]) {
                fprintf(stream.file, "%s\n", lines[i]);
                write_notes(stream.file, lines[i], i, notes, count);
            } else if (i == 0 || is_shown[i - 1]) {
                fputs("...\n", stream.file);
            }
        }
        write_return(stream.file, g);
        s = torc_memstream_close(ctx, &stream, out);
    }
    torc_print_free(lines, g->node_count);
    free(is_shown);
    return s;
}
