/* Stage optimise: what the options ask of the failure probability, and the search for parameters.
 */
#include "frontend/compile.h"
#include "frontend/optimize.h"
#include "runtime/security.h"
#include "runtime/status.h"

#include <math.h>

#define PRIVATE_LOG2_P_CIRCUIT (-40.0)
#define SHARED_LOG2_P_LOOKUP   (-128.0)

torc_goal torc_goal_of(const torc_options *options)
{
    torc_goal goal = {.profile = options->profile,
                      .log2_p_circuit = options->log2_p_error,
                      .log2_p_lookup = options->log2_p_error_lookup};
    if (goal.profile == TORC_SHARED) {
        goal.log2_p_lookup =
            goal.log2_p_lookup < SHARED_LOG2_P_LOOKUP ? goal.log2_p_lookup : SHARED_LOG2_P_LOOKUP;
    } else if (goal.log2_p_lookup == 0 && goal.log2_p_circuit == 0) {
        goal.log2_p_circuit = PRIVATE_LOG2_P_CIRCUIT;
    } else if (goal.log2_p_lookup != 0 || goal.log2_p_circuit > PRIVATE_LOG2_P_CIRCUIT) {
        goal.profile = TORC_CUSTOM;
    }
    return goal;
}

static torc_status refuse_shared_rounded(torc_ctx *ctx)
{
    return torc_fail(ctx, TORC_E_SECURITY,
                     "profile shared refuses a rounded circuit: which neighbour a rounded lookup "
                     "reads depends on secret noise, and shared results would reveal it; compile "
                     "with --exact, or keep the results to yourself with --profile private");
}

static bool keeps(const torc_goal *goal, const torc_claim *claim)
{
    return (goal->log2_p_circuit == 0 || claim->log2_p_circuit <= goal->log2_p_circuit) &&
           (goal->log2_p_lookup == 0 || claim->log2_p_lookup <= goal->log2_p_lookup);
}

/* The target's own failure, or what is worse with an engine that keeps the goal too. */
static void claim_failure(torc_compilation *c, const torc_goal *goal)
{
    const torc_claim own = torc_claim_on(c->rows, c->row_count, &c->params, c->options.target);

    c->log2_p_error_circuit = own.log2_p_circuit;
    c->log2_p_error_lookup = own.log2_p_lookup;
    for (uint32_t i = 0; i < TORC_ENGINE_COUNT; i++) {
        const torc_engine engine = (torc_engine)i;
        const torc_claim other = torc_claim_on(c->rows, c->row_count, &c->params, engine);
        if (torc_engine_takes(engine, &c->params) && keeps(goal, &other)) {
            c->log2_p_error_circuit = fmax(c->log2_p_error_circuit, other.log2_p_circuit);
            c->log2_p_error_lookup = fmax(c->log2_p_error_lookup, other.log2_p_lookup);
        }
    }
}

/* Lookups that go through the engine together, of one sample, on average. */
static double level_lookups(const torc_program *program)
{
    const uint32_t levels = torc_program_level_count(program);

    return levels > 0 ? (double)torc_program_lookup_count(program) / levels : 0.0;
}

static torc_search search_of(const torc_compilation *c, const torc_goal *goal)
{
    return (torc_search){.rows = c->rows,
                         .row_count = c->row_count,
                         .log2_p_circuit = goal->log2_p_circuit,
                         .log2_p_lookup = goal->log2_p_lookup,
                         .machine = NULL, /* not this one: a circuit compiles the same everywhere */
                         .lookup_count = torc_program_lookup_count(&c->program),
                         .level_lookups = level_lookups(&c->program),
                         .max_key_bytes = c->options.max_key_bytes,
                         .price_launches = true,
                         .schedule = c->options.schedule,
                         .target = c->options.target == TORC_ENGINE_CUDA ? TORC_SEARCH_GPU
                                                                         : TORC_SEARCH_CPU};
}

torc_status torc_stage_optimize(torc_ctx *ctx, torc_compilation *c)
{
    if (c->options.is_virtual) {
        return TORC_OK;
    }
    const torc_goal goal = torc_goal_of(&c->options);
    if (goal.profile == TORC_SHARED && c->contract == TORC_ROUNDED) {
        return refuse_shared_rounded(ctx);
    }
    const torc_search search = search_of(c, &goal);
    TORC_TRY(torc_optimize(ctx, &c->params, &search));
    claim_failure(c, &goal);
    return TORC_OK;
}

double torc_compilation_price(const torc_compilation *c)
{
    const torc_goal goal = torc_goal_of(&c->options);
    const torc_search search = search_of(c, &goal);

    return search.lookup_count == 0 ? 0.0 : torc_search_price(&search, &c->params);
}

torc_status torc_verify_parameters(torc_ctx *ctx, const torc_compilation *c)
{
    if (c->options.is_virtual) {
        return TORC_OK;
    }
    const torc_goal goal = torc_goal_of(&c->options);
    TORC_TRY(torc_params_check(ctx, &c->params));
    TORC_TRY(torc_security_check(ctx, &c->params));
    const torc_claim claim = {c->log2_p_error_circuit, c->log2_p_error_lookup};
    if (!keeps(&goal, &claim) || !torc_engine_takes(c->options.target, &c->params)) {
        return torc_fail(ctx, TORC_E_INTERNAL,
                         "the search returned parameters that fail too often");
    }
    return TORC_OK;
}
