/* torc_compile: one attempt, or several where the width of weights is ours to choose. Float models
 * under the rounded contract trade precision for speed: fewer bits make smaller sums, which bear
 * more noise. Attempts from the most bits to the least; the cheapest lookup wins among those that
 * agree with the float model nearly as well as the first. */
#include "frontend/compile.h"
#include "runtime/status.h"

enum { LEAST_WEIGHT_BITS = 4 };
#define LOST_DB     3.0   /* of signal to noise, at most */
#define LOST_LABELS 0.005 /* of all samples of the inputset, at most */
#define WORTH       0.98  /* of the price, or more bits are kept */

static bool is_better(const torc_attempt *a, const torc_attempt *best, const torc_attempt *first)
{
    return a->price < WORTH * best->price &&
           a->signal_to_noise_db >= first->signal_to_noise_db - LOST_DB &&
           a->labels_equal >= first->labels_equal - LOST_LABELS;
}

/* The report of the attempt that won, with the time of all. */
static void report_best(torc_compile_report *report, const torc_compile_report *attempt, bool won)
{
    torc_compile_report total = won ? *attempt : *report;
    for (uint32_t i = 0; i < attempt->stage_count; i++) {
        total.stage_seconds[i] = report->stage_seconds[i] + attempt->stage_seconds[i];
    }
    *report = total;
}

/* best is `first` at the call; its circuit is replaced by that of a better attempt. */
static uint32_t choose_bits(torc_attempt *best, const torc_graph *graph,
                            const torc_tensor *inputset, const torc_options *options)
{
    const torc_attempt first = *best;
    torc_options fewer = *options;
    torc_compile_report report = {0};
    uint32_t bits = TORC_DEFAULT_WEIGHT_BITS;
    fewer.report = options->report == NULL ? NULL : &report;
    for (uint32_t w = TORC_DEFAULT_WEIGHT_BITS - 1; w >= LEAST_WEIGHT_BITS; w--) {
        torc_attempt attempt;
        fewer.weight_bits = w;
        if (torc_compile_attempt(NULL, &attempt, graph, inputset, &fewer) != TORC_OK) {
            break; /* no worse than not trying */
        }
        const bool won = is_better(&attempt, best, &first);
        if (options->report != NULL) {
            report_best(options->report, &report, won);
        }
        torc_circuit_free(won ? best->circuit : attempt.circuit);
        if (won) {
            *best = attempt;
            bits = w;
        }
    }
    return bits;
}

torc_status torc_compile(torc_ctx *ctx, torc_circuit **out, const torc_graph *graph,
                         const torc_tensor *inputset, const torc_options *options)
{
    torc_options o = options == NULL ? (torc_options){0} : *options;
    const bool is_open = o.weight_bits == 0 && !o.exact && !o.is_virtual;
    torc_options quiet = o;
    torc_attempt best;
    *out = NULL;
    if (is_open) {
        quiet.dump = NULL;
    }
    TORC_TRY(torc_compile_attempt(ctx, &best, graph, inputset, &quiet));
    if (is_open && best.has_agreement && best.contract == TORC_ROUNDED && best.price > 0.0) {
        o.weight_bits = choose_bits(&best, graph, inputset, &quiet);
    }
    if (is_open && o.dump != NULL && o.dump_after != NULL) { /* what was chosen, aloud */
        torc_circuit_free(best.circuit);
        TORC_TRY(torc_compile_attempt(ctx, &best, graph, inputset, &o));
    }
    *out = best.circuit;
    return TORC_OK;
}
