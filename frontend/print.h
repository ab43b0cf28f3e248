/* Lines of a printed graph, shared by printing and highlighting. */
#ifndef TORC_PRINT_H
#define TORC_PRINT_H

#include "frontend/graph.h"

/* One line a node, columns aligned, no newline; the caller frees each line and the array. */
TORC_MUST_CHECK torc_status torc_print_lines(torc_ctx *ctx, char ***lines, const torc_graph *g,
                                             bool with_bounds);
void torc_print_free(char **lines, uint32_t count);
/* Columns that a terminal needs: characters, not bytes. */
size_t torc_text_columns(const char *text);

#endif
