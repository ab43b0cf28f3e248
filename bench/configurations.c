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
    CASES = PROFILES * BITS * NORMS,
    RATES = 3,
    CELLS = RATES * CASES,
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

/* Bytes a clock; the first is the one that the search assumes, which alone is printed. The others
 * are the bursts of all multiprocessors at once and of half of them. */
static double cell_rate(uint32_t index)
{
    const double rate[RATES] = {torc_gpu_machine_default.l2_bytes, 24, 48};

    return rate[index / CASES];
}

static uint32_t cell_profile(uint32_t index)
{
    return index / (BITS * NORMS) % PROFILES;
}

static const char *profile_name(uint32_t index)
{
    return cell_profile(index) == 1 ? "shared" : "private";
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
    torc_gpu_machine device = torc_gpu_machine_default;
    device.l2_bytes = cell_rate(index);
    const torc_search search = {.rows = &row,
                                .row_count = 1,
                                .log2_p_circuit = is_shared ? 0 : -40,
                                .log2_p_lookup = is_shared ? -128 : 0,
                                .lookup_count = CIRCUIT_LOOKUPS,
                                .max_grouping = GROUPING_MAX,
                                .target = TORC_SEARCH_GPU,
                                .gpu = &device,
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

/* Shares of the best price lost. */
typedef struct loss {
    double worst; /* at the rate that the search assumes */
    double sum;
    double other_worst; /* at the other rates */
    double other_sum;
} loss;

#define OTHER_WEIGHT 0.4 /* of a loss at a rate that may never be */

static double worst_of(loss l)
{
    return fmax(l.worst, OTHER_WEIGHT * l.other_worst);
}

static bool is_less(loss a, loss b)
{
    return worst_of(a) < worst_of(b) ||
           (worst_of(a) == worst_of(b) &&
            a.sum + OTHER_WEIGHT * a.other_sum < b.sum + OTHER_WEIGHT * b.other_sum);
}

/* With the kept candidates but the one left out; fills in choices when asked. */
static loss measure_loss(selection *s, uint32_t left_out, bool choose)
{
    loss total = {0};
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
        const double lost = price / s->cells[i].best_price - 1;
        double *const worst = i < CASES ? &total.worst : &total.other_worst;
        *worst = fmax(*worst, lost);
        *(i < CASES ? &total.sum : &total.other_sum) += lost;
    }
    return total;
}

/* The kept candidate that is missed least. */
static uint32_t least_missed(selection *s, loss *least)
{
    uint32_t found = 0;
    *least = (loss){.worst = HUGE_VAL};
    for (uint32_t c = 0; c < s->candidate_count; c++) {
        if (s->candidates[c].kept) {
            const loss without = measure_loss(s, c, false);
            if (is_less(without, *least)) {
                *least = without;
                found = c;
            }
        }
    }
    return found;
}

/* Takes a dropped candidate back for the one that is then missed least, when that helps. */
static bool improve_by_exchange(selection *s)
{
    const loss now = measure_loss(s, UINT32_MAX, false);
    for (uint32_t c = 0; c < s->candidate_count; c++) {
        if (s->candidates[c].kept) {
            continue;
        }
        loss exchanged;
        s->candidates[c].kept = true;
        const uint32_t out = least_missed(s, &exchanged);
        if (is_less(exchanged, now)) {
            s->candidates[out].kept = false;
            return true;
        }
        s->candidates[c].kept = false;
    }
    return false;
}

static void select_shapes(selection *s)
{
    while (s->kept_count > TORC_CONFIGURATIONS_MAX) {
        loss ignored;
        s->candidates[least_missed(s, &ignored)].kept = false;
        s->kept_count--;
    }
    while (improve_by_exchange(s)) {
    }
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

static void print_head(const selection *s, loss lost)
{
    printf("/* clang-format off */\n"
           "/* Shapes that the GPU kernels are compiled for and that the search for the GPU may\n"
           " * choose: TORC_CONFIGURATION(k, log2_N, l, g, v); symbols in kernels/README.md.\n"
           " * Printed by torc_bench configurations, never edited; bench/configurations.c says\n"
           " * how they are chosen.\n"
           " *\n");
    printf(
        " * %u shapes are the cheapest somewhere among p = 1 .. 8 bits, both profiles, norms\n"
        " * 1 .. 2^8 and keys read at 24, 30 or 48 bytes a clock; %u are kept. At 30 bytes the\n"
        " * worst cell costs %.1f %% more than with all of them, the mean %.2f %%; at 24 and 48\n"
        " * bytes %.1f %% and %.2f %%.\n"
        " *\n",
        s->candidate_count, s->kept_count, 100 * lost.worst, 100 * lost.sum / CASES,
        100 * lost.other_worst, 100 * lost.other_sum / (CELLS - CASES));
}

static void print_cells(const selection *s)
{
    printf(" * Best kept set of each cell at 30 bytes; price in us of a full H200 (2 %% more for\n"
           " * every 100 MB of key), what was lost, MB of key on the device:\n"
           " *\n"
           " *  profile p norm  k    N l g v    n base_log keyswitch  price   lost   MB\n");
    for (uint32_t i = 0; i < CASES; i++) {
        const cell *at = &s->cells[i];
        const candidate *chosen = &s->candidates[at->choice];
        const torc_params *p = &chosen->params[i];
        printf(" *  %-7s %u 2^%u   %u %4u %u %u %u %4u    %2u     2^%u x %-2u", profile_name(i),
               cell_bits(i), cell_log2_norm(i), p->glwe_dim, p->poly_size, p->bootstrap.level_count,
               p->grouping, p->extended_log2, p->lwe_dim, p->bootstrap.base_log,
               p->keyswitch.base_log, p->keyswitch.level_count);
        printf(" %7.2f %4.1f %% %4.0f\n", 1e6 * chosen->price[i],
               100 * (chosen->price[i] / at->best_price - 1),
               1e-6 * (double)torc_params_key_bytes_resident(p));
    }
}

static void print_shapes(const selection *s)
{
    printf(" *\n"
           " * Behind each shape: cells that choose it at 24, 30, 48 bytes a clock. */\n");
    for (uint32_t c = 0; c < s->candidate_count; c++) {
        const torc_configuration *shape = &s->candidates[c].shape;
        uint32_t uses[RATES] = {0};
        for (uint32_t i = 0; i < CELLS; i++) {
            uses[i / CASES] += s->cells[i].choice == c;
        }
        if (s->candidates[c].kept) {
            printf("TORC_CONFIGURATION(%u, %2u, %u, %u, %u) /* %2u %2u %2u */\n", shape->glwe_dim,
                   shape->log2_poly_size, shape->level_count, shape->grouping, shape->extended_log2,
                   uses[1], uses[0], uses[2]);
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
        select_shapes(s);
        print_head(s, measure_loss(s, UINT32_MAX, true));
        print_cells(s);
        print_shapes(s);
    }
    free(s->candidates);
    free(s);
    return status;
}
