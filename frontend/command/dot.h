/* The op-graph of a circuit as a Graphviz drawing. */
#ifndef TORC_COMMAND_DOT_H
#define TORC_COMMAND_DOT_H

/* graph_text is the printed op-graph that a circuit file carries; prints on stdout. */
void dot_print(const char *graph_text);

#endif
