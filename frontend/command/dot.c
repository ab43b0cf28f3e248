/* Draws the printed op-graph: one line "%3 = matmul(%1, %2)   # type" is one node, every "%n" right
 * of the "=" one edge, "return %4" an edge into the result. Subgraphs, printed below, are left out.
 */
#include "frontend/command/dot.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text in a quoted Graphviz string; runs of spaces become one, at the ends none. */
static void print_quoted(const char *text, size_t length)
{
    while (length > 0 && text[length - 1] == ' ') {
        length--;
    }
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        if (c == ' ' && (i == 0 || text[i - 1] == ' ')) {
            continue;
        }
        if (c == '"' || c == '\\') {
            putchar('\\');
        }
        putchar(iscntrl((unsigned char)c) ? '?' : c);
    }
}

static void print_edges(const char *text, size_t length, const char *target)
{
    for (size_t i = 0; i + 1 < length; i++) {
        if (text[i] == '%' && isdigit((unsigned char)text[i + 1])) {
            printf("  n%lu -> %s;\n", strtoul(text + i + 1, NULL, 10), target);
        }
    }
}

static void print_node(const char *line, size_t length)
{
    const char *equals = memchr(line, '=', length);
    const char *percent = memchr(line, '%', length);
    if (equals == NULL || percent == NULL || percent > equals ||
        !isdigit((unsigned char)percent[1])) {
        return;
    }
    const unsigned long id = strtoul(percent + 1, NULL, 10);
    const size_t rest = length - (size_t)(equals + 1 - line);
    const char *hash = memchr(equals, '#', rest);
    const size_t expression = hash == NULL ? rest : (size_t)(hash - equals - 1);
    printf("  n%lu [label=\"", id);
    print_quoted(equals + 1, expression);
    if (hash != NULL) {
        printf("\\n");
        print_quoted(hash + 1, length - (size_t)(hash + 1 - line));
    }
    printf("\"];\n");
    char target[32];
    snprintf(target, sizeof target, "n%lu", id);
    print_edges(equals + 1, expression, target);
}

void dot_print(const char *graph_text)
{
    printf("digraph circuit {\n  node [shape=box, fontname=\"monospace\"];\n");
    while (*graph_text != '\0') {
        const size_t length = strcspn(graph_text, "\n");
        if (strncmp(graph_text, "return", 6) == 0) {
            printf("  result [shape=ellipse];\n");
            print_edges(graph_text, length, "result");
            break;
        }
        print_node(graph_text, length);
        graph_text += length + (graph_text[length] == '\n');
    }
    printf("}\n");
}
