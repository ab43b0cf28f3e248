/* torc_bench configurations: which shapes of a blind rotation the GPU kernels should be compiled
 * for. Prints kernels/configurations.def.
 *
 * Cells: p = 1 .. 8 bits, profile private or shared, norm 1 .. 2^8. The cheapest shapes of all
 * cells are the candidates. While they are too many, the one goes whose loss makes the worst cell
 * least worse: its price with the shapes that stay against its price with all shapes. */
#include "bench/bench.h"
#include "frontend/optimize.h"
#include "runtime/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CIRCUIT_LOOKUPS 64 /* that share the 2^-40 of a private circuit */

enum {
    BITS = 8,
    PROFILES = 2,
    NORMS = 9,
    CELLS = PROFILES * BITS * NORMS,
    GROUPING_MAX = 3,
    ALL_SHAPES = 6 * 5 * 3 * GROUPING_MAX * 6,
};

typedef struct cell {
    torc_params best; /* of all shapes */
    double best_price;
    uint32_t choice; /* index of the cheapest kept candidate */
} cell;

typedef struct candidate {
    torc_configuration shape;
    bool kept;
    torc_params params[CELLS];
    double price[CELLS]; /* HUGE_VAL: does not fit */
} candidate;

typedef struct selection {
    cell cells[CELLS];
    candidate *candidates;
    uint32_t candidate_count, kept_count;
} selection;

static uint32_t cell_profile(uint32_t index)
{
    return index / (BITS * NORMS);
}

static uint32_t cell_bits(uint32_t index)
{
    return index / NORMS % BITS + 1;
}

static uint32_t cell_log2_norm(uint32_t index)
{
    return index % NORMS;
}

static torc_status search_cell(torc_ctx *ctx, torc_params *out, double *price, uint32_t index,
                               const torc_configurations *shapes)
{
    const torc_noise_row row = {.kind = TORC_ROW_LOOKUP_EXACT,
                                .bits = cell_bits(index),
                                .norm_sq_lookup = exp2(2.0 * cell_log2_norm(index)),
                                .count = CIRCUIT_LOOKUPS};
    const bool is_shared = cell_profile(index) == 1;
    const torc_search search = {.rows = &row,
                                .row_count = 1,
                                .log2_p_circuit = is_shared ? 0 : -40,
                                .log2_p_lookup = is_shared ? -128 : 0,
                                .lookup_count = CIRCUIT_LOOKUPS,
                                .max_grouping = GROUPING_MAX,
                                .target = TORC_SEARCH_GPU,
                                .configurations = shapes};
    bool found = false;
    TORC_TRY(torc_optimize_found(ctx, out, &found, &search));
    *price = found ? torc_search_price(&search, out) : HUGE_VAL;
    return TORC_OK;
}

/* --- candidates --- */

static void list_all_shapes(torc_configuration *out)
{
    for (uint32_t i = 0; i < ALL_SHAPES; i++) {
        out[i] = (torc_configuration){.glwe_dim = i % 6 + 1,
                                      .log2_poly_size = i / 6 % 5 + 8,
                                      .level_count = i / 30 % 3 + 1,
                                      .grouping = i / 90 % GROUPING_MAX + 1,
                                      .extended_log2 = i / (90 * GROUPING_MAX)};
    }
}

static torc_status find_bests(torc_ctx *ctx, selection *s)
{
    torc_configuration all[ALL_SHAPES];
    const torc_configurations shapes = {all, ALL_SHAPES};
    list_all_shapes(all);
    for (uint32_t i = 0; i < CELLS; i++) {
        TORC_TRY(search_cell(ctx, &s->cells[i].best, &s->cells[i].best_price, i, &shapes));
        if (s->cells[i].best_price == HUGE_VAL) {
            return torc_fail(ctx, TORC_E_PARAMETERS,
                             "configurations: nothing fits %u bits at norm 2^%u", cell_bits(i),
                             cell_log2_norm(i));
        }
    }
    return TORC_OK;
}

static bool is_candidate(const selection *s, const torc_configuration *shape)
{
    for (uint32_t i = 0; i < s->candidate_count; i++) {
        const torc_configurations one = {&s->candidates[i].shape, 1};
        if (torc_configurations_hold(&one, shape)) {
            return true;
        }
    }
    return false;
}

static torc_status fill_candidates(torc_ctx *ctx, selection *s)
{
    for (uint32_t i = 0; i < CELLS; i++) {
        const torc_configuration shape = torc_configuration_of(&s->cells[i].best);
        if (!is_candidate(s, &shape)) {
            s->candidates[s->candidate_count++] = (candidate){.shape = shape, .kept = true};
        }
    }
    s->kept_count = s->candidate_count;
    for (uint32_t c = 0; c < s->candidate_count; c++) {
        candidate *at = &s->candidates[c];
        const torc_configurations one = {&at->shape, 1};
        for (uint32_t i = 0; i < CELLS; i++) {
            TORC_TRY(search_cell(ctx, &at->params[i], &at->price[i], i, &one));
        }
    }
    return TORC_OK;
}

/* --- selection --- */

typedef struct loss {
    double worst; /* largest price over the best, 1: nothing lost */
    double sum;
} loss;

/* With the kept candidates but the one left out; fills in choices when asked. */
static loss measure_loss(selection *s, uint32_t left_out, bool choose)
{
    loss total = {1.0, 0.0};
    for (uint32_t i = 0; i < CELLS; i++) {
        double price = HUGE_VAL;
        for (uint32_t c = 0; c < s->candidate_count; c++) {
            const candidate *at = &s->candidates[c];
            if (at->kept && c != left_out && at->price[i] < price) {
                price = at->price[i];
                if (choose) {
                    s->cells[i].choice = c;
                }
            }
        }
        const double ratio = price / s->cells[i].best_price;
        total.worst = fmax(total.worst, ratio);
        total.sum += ratio;
    }
    return total;
}

static void drop_one(selection *s)
{
    uint32_t cheapest = 0;
    loss least = {HUGE_VAL, HUGE_VAL};
    for (uint32_t c = 0; c < s->candidate_count; c++) {
        if (s->candidates[c].kept) {
            const loss without = measure_loss(s, c, false);
            if (without.worst < least.worst ||
                (without.worst == least.worst && without.sum < least.sum)) {
                least = without;
                cheapest = c;
            }
        }
    }
    s->candidates[cheapest].kept = false;
    s->kept_count--;
}

/* --- the file --- */

static int compare_candidates(const void *left, const void *right)
{
    const torc_configuration *a = &((const candidate *)left)->shape;
    const torc_configuration *b = &((const candidate *)right)->shape;
    const uint32_t first[] = {a->extended_log2, a->log2_poly_size, a->glwe_dim, a->level_count,
                              a->grouping};
    const uint32_t second[] = {b->extended_log2, b->log2_poly_size, b->glwe_dim, b->level_count,
                               b->grouping};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        if (first[i] != second[i]) {
            return first[i] < second[i] ? -1 : 1;
        }
    }
    return 0;
}

static void print_head(const selection *s, loss total)
{
    printf(
        "/* clang-format off */\n"
        "/* Shapes that the GPU kernels are compiled for and that the search for the GPU may\n"
        " * choose: TORC_CONFIGURATION(k, log2_N, l, g, v); symbols in kernels/README.md. Printed\n"
        " * by torc_bench configurations (bench/configurations.c says how they were chosen), "
        "never\n"
        " * edited.\n"
        " *\n"
        " * %u shapes are the cheapest somewhere among p = 1 .. 8 bits, both profiles and norms\n"
        " * 1 .. 2^8; %u are kept: the worst of the %u cells costs %.1f %% more than with all, "
        "the\n"
        " * mean %.2f %%.\n"
        " *\n",
        s->candidate_count, s->kept_count, CELLS, 100 * (total.worst - 1),
        100 * (total.sum / CELLS - 1));
}

static void print_cells(const selection *s)
{
    printf(" * Best set of each cell, us of a full device (H200), MB of key on the device:\n"
           " *\n"
           " *  profile p norm   k    N  l  g  v     n  base_log  keyswitch     us   lost    MB\n");
    for (uint32_t i = 0; i < CELLS; i++) {
        const cell *at = &s->cells[i];
        const candidate *chosen = &s->candidates[at->choice];
        const torc_params *p = &chosen->params[i];
        printf(" *  %-7s %u 2^%u    %u %4u  %u  %u  %u  %4u     %2u      2^%u x %-2u %6.2f %5.1f "
               "%% %4.0f\n",
               cell_profile(i) == 1 ? "shared" : "private", cell_bits(i), cell_log2_norm(i),
               p->glwe_dim, p->poly_size, p->bootstrap.level_count, p->grouping, p->extended_log2,
               p->lwe_dim, p->bootstrap.base_log, p->keyswitch.base_log, p->keyswitch.level_count,
               1e6 * chosen->price[i], 100 * (chosen->price[i] / at->best_price - 1),
               1e-6 * (double)torc_params_key_bytes_resident(p));
    }
    printf(" */\n");
}

static void print_shapes(const selection *s)
{
    for (uint32_t c = 0; c < s->candidate_count; c++) {
        const torc_configuration *shape = &s->candidates[c].shape;
        uint32_t uses = 0;
        for (uint32_t i = 0; i < CELLS; i++) {
            uses += s->cells[i].choice == c;
        }
        if (s->candidates[c].kept) {
            printf("TORC_CONFIGURATION(%u, %2u, %u, %u, %u) /* %u cells */\n", shape->glwe_dim,
                   shape->log2_poly_size, shape->level_count, shape->grouping, shape->extended_log2,
                   uses);
        }
    }
}

torc_status bench_configurations(torc_ctx *ctx)
{
    selection *s = NULL;
    TORC_TRY(TORC_ALLOC(ctx, s, 1));
    torc_status status = TORC_ALLOC(ctx, s->candidates, CELLS);
    if (status == TORC_OK) {
        status = find_bests(ctx, s);
    }
    if (status == TORC_OK) {
        status = fill_candidates(ctx, s);
    }
    if (status == TORC_OK) {
        qsort(s->candidates, s->candidate_count, sizeof *s->candidates, compare_candidates);
        while (s->kept_count > TORC_CONFIGURATIONS_MAX) {
            drop_one(s);
        }
        const loss total = measure_loss(s, UINT32_MAX, true);
        print_head(s, total);
        print_cells(s);
        print_shapes(s);
    }
    free(s->candidates);
    free(s);
    return status;
}
