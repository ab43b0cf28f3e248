/* The loops of the parameter search.
 *
 *   for every structure (v, k, N), cheapest first
 *     for every bootstrap gadget, for n ascending
 *       stop when the keys are too large
 *       stop when bootstrap and modulus switch alone break a row (they grow with n)
 *       stop when the bootstrap alone costs more than the best set
 *       take the first keyswitch gadget, cheapest first, with which all rows hold
 *
 * Every row gives a ceiling to its variance: the odds of one lookup may not exceed the bound of all
 * divided by the row's count. Ceilings reject quickly; what they let pass is accepted on the sum of
 * all odds, so the bound of the circuit needs no outer loop. */
#include "frontend/optimize_search.h"

#include "runtime/security.h"
#include "runtime/status.h"

#include <math.h>
#include <stdlib.h>

typedef struct structure {
    double floor;      /* of the price */
    torc_params start; /* smallest n that can fit */
    uint32_t order;    /* of creation: equal floors keep it */
} structure;

typedef struct state {
    const torc_search_model *model;
    const torc_search *search;
    double *ceiling;         /* [row_count] variance */
    torc_gadgets *keyswitch; /* [lwe_dim_max - lwe_dim_min + 1], filled on first use */
    uint32_t cells_min;      /* 2N 2^v is at least this */
    bool found;
    torc_params best;
    double best_price;
    double best_log2_failure;
} state;

void torc_model_noise(torc_noise *out, const torc_search_model *model, const torc_params *params)
{
    *out = (torc_noise){.fresh = model->fresh(params)};
    if (torc_params_has_lookup(params)) {
        out->bootstrap = model->bootstrap(params);
        out->keyswitch = model->keyswitch(params);
        out->modulus_switch = model->modulus_switch(params);
    }
}

static double row_ceiling(const torc_search *search, const torc_noise_row *row)
{
    const double threshold = torc_row_threshold(row);
    double log2_p = 0.0;

    if (row->kind == TORC_ROW_OUTPUT_ROUNDED) {
        return threshold * threshold;
    }
    if (row->count == 0) {
        return HUGE_VAL;
    }
    if (search->log2_p_circuit < 0.0) {
        log2_p = search->log2_p_circuit - log2((double)row->count);
    }
    if (search->log2_p_lookup < 0.0) {
        log2_p = fmin(log2_p, search->log2_p_lookup);
    }
    const double kappa = torc_failure_kappa(log2_p);
    return kappa > 0.0 ? threshold * threshold / (kappa * kappa) : HUGE_VAL;
}

bool torc_rows_hold(const torc_search *search, const torc_noise *noise)
{
    for (uint32_t i = 0; i < search->row_count; i++) {
        const torc_noise_row *row = &search->rows[i];
        if (row->kind == TORC_ROW_OUTPUT_ROUNDED &&
            torc_row_variance(row, noise) > row->max_std * row->max_std) {
            return false;
        }
    }
    if (search->log2_p_lookup < 0.0 &&
        torc_rows_log2_worst(search->rows, search->row_count, noise) > search->log2_p_lookup) {
        return false;
    }
    return search->log2_p_circuit >= 0.0 ||
           torc_rows_log2_failure(search->rows, search->row_count, noise) <= search->log2_p_circuit;
}

static bool below_ceilings(const state *s, const torc_noise *noise)
{
    for (uint32_t i = 0; i < s->search->row_count; i++) {
        if (torc_row_variance(&s->search->rows[i], noise) > s->ceiling[i]) {
            return false;
        }
    }
    return true;
}

static const torc_gadgets *keyswitch_gadgets(state *s, const torc_params *params)
{
    torc_gadgets *gadgets = &s->keyswitch[params->lwe_dim - s->model->lwe_dim_min];

    if (gadgets->count == 0) {
        torc_gadgets_keyswitch(gadgets, s->model, params);
    }
    return gadgets;
}

static void offer(state *s, const torc_params *params, const torc_noise *noise, double price)
{
    const double log2_failure =
        torc_rows_log2_failure(s->search->rows, s->search->row_count, noise);

    if (!s->found || price < s->best_price ||
        (price == s->best_price && log2_failure < s->best_log2_failure)) {
        s->found = true;
        s->best = *params;
        s->best_price = price;
        s->best_log2_failure = log2_failure;
    }
}

/* Keys grow with n and with the levels of either gadget: past the limit there is nothing more. */
static bool keys_fit(const torc_search_model *model, const torc_params *params)
{
    const uint64_t most = model->key_bytes_max[params->bootstrap.level_count > 1];

    return most == 0 || torc_params_key_bytes_resident(params) <= most;
}

/* Sets params->keyswitch and noise->keyswitch. */
static bool keyswitch_fits(const state *s, torc_params *params, torc_noise *noise,
                           torc_gadget gadget)
{
    params->keyswitch = gadget;
    noise->keyswitch = s->model->keyswitch(params);
    return below_ceilings(s, noise);
}

/* The cheapest keyswitch with which all rows hold. noise: all but the keyswitch. */
static void try_keyswitches(state *s, torc_params params, torc_noise noise)
{
    const torc_gadgets *gadgets = keyswitch_gadgets(s, &params);

    if (!keyswitch_fits(s, &params, &noise, gadgets->list[gadgets->count - 1])) {
        return; /* not even the most precise */
    }
    for (uint32_t i = 0; i < gadgets->count; i++) {
        params.keyswitch = gadgets->list[i];
        const double price = s->model->price(s->model, &params);
        if ((s->found && price > s->best_price) || !keys_fit(s->model, &params)) {
            return;
        }
        if (keyswitch_fits(s, &params, &noise, gadgets->list[i]) &&
            torc_rows_hold(s->search, &noise)) {
            offer(s, &params, &noise, price);
            return;
        }
    }
}

static void set_lwe_dim(const state *s, torc_params *params, uint32_t lwe_dim)
{
    params->lwe_dim = lwe_dim;
    if (s->model->choose_noise != NULL) {
        s->model->choose_noise(params);
    }
}

static void try_lwe_dims(state *s, torc_params params)
{
    const torc_search_model *model = s->model;
    torc_noise noise = {.fresh = model->fresh(&params)};

    for (uint32_t n = params.lwe_dim; n <= model->lwe_dim_max; n += model->grouping) {
        set_lwe_dim(s, &params, n);
        if ((s->found && model->price_floor(model, &params) > s->best_price) ||
            !keys_fit(model, &params)) {
            return;
        }
        noise.bootstrap = model->bootstrap(&params);
        noise.modulus_switch = model->modulus_switch(&params);
        if (!below_ceilings(s, &noise)) {
            return;
        }
        try_keyswitches(s, params, noise);
    }
}

/* Whether the model allows the shape, whatever its level count is when that is still open. */
static bool shape_allowed(const torc_search_model *model, const torc_params *params,
                          bool levels_open)
{
    if (model->configurations == NULL) {
        return true;
    }
    torc_configuration shape = torc_configuration_of(params);
    if (!levels_open) {
        return torc_configurations_hold(model->configurations, &shape);
    }
    for (uint32_t levels = 1; levels <= model->bootstrap_levels_max; levels++) {
        shape.level_count = levels;
        if (torc_configurations_hold(model->configurations, &shape)) {
            return true;
        }
    }
    return false;
}

static void try_structure(state *s, const structure *at)
{
    torc_params params = at->start;
    torc_gadgets gadgets;

    if (s->found && at->floor > s->best_price) {
        return;
    }
    torc_gadgets_bootstrap(&gadgets, s->model, &params);
    for (uint32_t i = 0; i < gadgets.count; i++) {
        params.bootstrap = gadgets.list[i];
        if (s->found && s->model->price_floor(s->model, &params) > s->best_price) {
            return;
        }
        if (shape_allowed(s->model, &params, false)) {
            try_lwe_dims(s, params);
        }
    }
}

static int compare_structures(const void *left, const void *right)
{
    const structure *a = left;
    const structure *b = right;

    if (a->floor != b->floor) {
        return a->floor < b->floor ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

/* Whether the most precise keyswitch alone keeps all rows at this n. */
static bool keyswitch_can_fit(state *s, torc_params params, uint32_t lwe_dim)
{
    set_lwe_dim(s, &params, lwe_dim);
    const torc_gadgets *gadgets = keyswitch_gadgets(s, &params);
    torc_noise noise = {.fresh = s->model->fresh(&params)};

    return keyswitch_fits(s, &params, &noise, gadgets->list[gadgets->count - 1]);
}

/* Smallest n that keyswitch_can_fit: its noise falls as n grows. False when there is none. */
static bool find_start(state *s, torc_params *params)
{
    const uint32_t g = s->model->grouping;
    uint32_t low = (s->model->lwe_dim_min + g - 1) / g; /* in groups */
    uint32_t high = s->model->lwe_dim_max / g;

    if (!keyswitch_can_fit(s, *params, high * g)) {
        return false;
    }
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (keyswitch_can_fit(s, *params, middle * g)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    set_lwe_dim(s, params, low * g);
    return true;
}

static uint32_t list_structures(structure *list, state *s)
{
    const torc_search_model *model = s->model;
    const uint32_t sizes = model->log2_poly_max - model->log2_poly_min + 1;
    uint32_t count = 0;

    for (uint32_t i = 0; i < (model->extended_max + 1) * model->glwe_dim_max * sizes; i++) {
        structure at = {.order = i};
        at.start = (torc_params){.glwe_dim = i / sizes % model->glwe_dim_max + 1,
                                 .poly_size = UINT32_C(1) << (model->log2_poly_min + i % sizes),
                                 .extended_log2 = i / sizes / model->glwe_dim_max,
                                 .grouping = model->grouping,
                                 .bootstrap = {1, 1},
                                 .keyswitch = {1, 1}};
        const uint64_t cells = (uint64_t)at.start.poly_size << (at.start.extended_log2 + 1);
        if (torc_params_big_dim(&at.start) >= TORC_MIN_SECURE_DIM && cells >= s->cells_min &&
            shape_allowed(model, &at.start, true) && find_start(s, &at.start)) {
            at.floor = model->price_floor(model, &at.start);
            list[count++] = at;
        }
    }
    qsort(list, count, sizeof *list, compare_structures);
    return count;
}

/* A table of 2^P entries covers half the cells; two cells an entry are the least that can be read.
 */
static uint32_t least_cells(const torc_search *search)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < search->row_count; i++) {
        const torc_noise_row *row = &search->rows[i];
        const bool is_lookup =
            row->kind == TORC_ROW_LOOKUP_EXACT || row->kind == TORC_ROW_LOOKUP_ROUNDED;
        if (is_lookup && row->bits > bits) {
            bits = row->bits;
        }
    }
    return bits < 30 ? UINT32_C(1) << (bits + 2) : UINT32_MAX;
}

static torc_status allocate(torc_ctx *ctx, state *s, structure **list)
{
    const torc_search_model *model = s->model;
    const size_t sizes = model->log2_poly_max - model->log2_poly_min + 1;
    const size_t structures = (model->extended_max + (size_t)1) * model->glwe_dim_max * sizes;

    TORC_TRY(TORC_ALLOC(ctx, s->ceiling, s->search->row_count));
    TORC_TRY(TORC_ALLOC(ctx, s->keyswitch, model->lwe_dim_max - model->lwe_dim_min + (size_t)1));
    return TORC_ALLOC(ctx, *list, structures);
}

torc_status torc_search_run(torc_ctx *ctx, torc_params *out, bool *found,
                            const torc_search_model *model, const torc_search *search)
{
    if (search->lookup_count == 0) {
        *found = torc_search_linear(out, model, search);
        return TORC_OK;
    }
    state s = {.model = model, .search = search, .cells_min = least_cells(search)};
    structure *list = NULL;
    const torc_status status = allocate(ctx, &s, &list);

    if (status == TORC_OK) {
        for (uint32_t i = 0; i < search->row_count; i++) {
            s.ceiling[i] = row_ceiling(search, &search->rows[i]);
        }
        const uint32_t count = list_structures(list, &s);
        for (uint32_t i = 0; i < count; i++) {
            try_structure(&s, &list[i]);
        }
        *found = s.found;
        if (s.found) {
            *out = s.best;
        }
    }
    free(list);
    free(s.keyswitch);
    free(s.ceiling);
    return status;
}
