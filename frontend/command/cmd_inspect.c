/* torc inspect: everything that is known of a circuit. */
#include "frontend/command/command.h"
#include "frontend/command/dot.h"
#include "frontend/command/output.h"
#include "frontend/command/report.h"
#include "runtime/status.h"

#include <stdio.h>
#include <string.h>

static void print_text(const report *r)
{
    const char *graph = r->circuit->graph_text;
    report_print(r);
    if (graph != NULL && graph[0] != '\0') {
        putchar('\n');
        print_untrusted(graph);
        printf("%s", graph[strlen(graph) - 1] == '\n' ? "" : "\n");
    }
}

static void print_object(const report *r)
{
    cJSON *object = report_to_json(r);
    if (r->circuit->graph_text != NULL) {
        cJSON_AddStringToObject(object, "graph", r->circuit->graph_text);
    }
    print_json(object);
}

static torc_status show(torc_ctx *ctx, const torc_circuit *circuit, const options *o)
{
    if (strcmp(o->format, "dot") == 0 && !o->json) {
        dot_print(circuit->graph_text == NULL ? "" : circuit->graph_text);
        return TORC_OK;
    }
    report r;
    TORC_TRY(report_make(ctx, &r, circuit, o->threads));
    if (o->json || strcmp(o->format, "json") == 0) {
        print_object(&r);
    } else {
        print_text(&r);
    }
    report_free(&r);
    return TORC_OK;
}

static torc_status run(torc_ctx *ctx, const options *o)
{
    torc_circuit *circuit = NULL;
    TORC_TRY(torc_circuit_load(ctx, &circuit, o->subject));
    warn_if_virtual(&circuit->spec, o->subject);
    const torc_status s = show(ctx, circuit, o);
    torc_circuit_free(circuit);
    return s;
}

static const struct argp_option rows[] = {
    {"format", KEY_FORMAT, "text|json|dot", 0,
     "How to show it (default: text); dot is for Graphviz", 1},
    OPTION_THREADS,
    OPTION_JSON,
    {0},
};

const command command_inspect = {
    .name = "inspect",
    .summary = "show what is known of a circuit: widths, parameters, failure, cost, graph",
    .arguments = "M.torc",
    .doc = "Shows the contract, the bit-widths, the lookups of each level, the cryptographic "
           "parameters, the security, the failure probability, the seconds and bytes predicted for "
           "this machine, and the graph.",
    .example = "Example:\n"
               "  torc inspect m.torc\n"
               "  torc inspect m.torc --json | jq .predicted.seconds\n"
               "  torc inspect m.torc --format dot | dot -Tsvg > m.svg",
    .options = rows,
    .run = run,
};
