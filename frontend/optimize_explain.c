/* Why a parameter search found nothing: the limit on keys; else the first row that no set satisfies
 * even alone, and how far it would have to give way. Runs the search a few times more; failures are
 * rare and need the answer. */
#include "frontend/optimize_search.h"
#include "runtime/status.h"

#include <math.h>
#include <stdio.h>

#define MEGABYTE 1000000

static torc_status row_fits(torc_ctx *ctx, bool *fits, const torc_search *search,
                            const torc_noise_row *row)
{
    torc_search alone = *search;
    torc_params ignored;

    alone.rows = row;
    alone.row_count = 1;
    return torc_search_groupings(ctx, &ignored, fits, &alone);
}

/* Most bits below the row's own that would fit, 0: none. */
static torc_status fitting_bits(torc_ctx *ctx, uint32_t *out, const torc_search *search,
                                torc_noise_row row)
{
    bool fits = false;

    while (!fits && row.bits > 1) {
        row.bits--;
        TORC_TRY(row_fits(ctx, &fits, search, &row));
    }
    *out = fits ? row.bits : 0;
    return TORC_OK;
}

/* Fewest halvings (1 .. 64) of both squared norms that would make the row fit, 0: none. */
static torc_status fitting_halvings(torc_ctx *ctx, uint32_t *out, const torc_search *search,
                                    const torc_noise_row *row)
{
    uint32_t low = 0; /* does not fit */
    uint32_t high = 65;

    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        torc_noise_row smaller = *row;
        bool fits = false;
        smaller.norm_sq_fresh = ldexp(row->norm_sq_fresh, -(int)middle);
        smaller.norm_sq_lookup = ldexp(row->norm_sq_lookup, -(int)middle);
        TORC_TRY(row_fits(ctx, &fits, search, &smaller));
        if (fits) {
            high = middle;
        } else {
            low = middle;
        }
    }
    *out = high <= 64 ? high : 0;
    return TORC_OK;
}

static void describe(char *out, size_t size, const torc_noise_row *row)
{
    const double norm_log2 = log2(fmax(row->norm_sq_fresh + row->norm_sq_lookup, 1.0));

    switch (row->kind) {
    case TORC_ROW_LOOKUP_EXACT:
    case TORC_ROW_LOOKUP_ROUNDED:
        (void)snprintf(out, size, "a lookup of %u bits (%s) on a sum with norm_sq 2^%.1f",
                       row->bits, row->kind == TORC_ROW_LOOKUP_EXACT ? "exact" : "rounded",
                       norm_log2);
        return;
    case TORC_ROW_OUTPUT_EXACT:
        (void)snprintf(out, size, "an exact output of %u bits with norm_sq 2^%.1f", row->bits,
                       norm_log2);
        return;
    case TORC_ROW_OUTPUT_ROUNDED:
        (void)snprintf(
            out, size,
            "an output with standard error at most 2^%.1f of the torus and norm_sq 2^%.1f",
            log2(row->max_std), norm_log2);
        return;
    }
}

static void describe_bound(char *out, size_t size, const torc_search *search)
{
    if (search->log2_p_circuit < 0.0) {
        (void)snprintf(out, size, "2^%.4g for the circuit", search->log2_p_circuit);
    } else {
        (void)snprintf(out, size, "2^%.4g a lookup", search->log2_p_lookup);
    }
}

static torc_status blame(torc_ctx *ctx, const torc_search *search, const torc_noise_row *row)
{
    const bool has_bits = row->kind != TORC_ROW_OUTPUT_ROUNDED;
    uint32_t bits = 0;
    uint32_t halvings;
    char what[128];
    char bound[64];
    char remedy[128] = "";

    if (has_bits) {
        TORC_TRY(fitting_bits(ctx, &bits, search, *row));
    }
    TORC_TRY(fitting_halvings(ctx, &halvings, search, row));
    if (bits != 0 && halvings != 0) {
        (void)snprintf(remedy, sizeof remedy,
                       "; %u bits would fit, or a norm_sq 2^%u times smaller", bits, halvings);
    } else if (bits != 0) {
        (void)snprintf(remedy, sizeof remedy, "; %u bits would fit", bits);
    } else if (halvings != 0) {
        (void)snprintf(remedy, sizeof remedy, "; a norm_sq 2^%u times smaller would fit", halvings);
    }
    describe(what, sizeof what, row);
    describe_bound(bound, sizeof bound, search);
    return torc_fail(
        ctx, TORC_E_PARAMETERS,
        "parameter search: no secure set holds %s (%llu of them) at a failure bound of "
        "%s%s; use fewer bits, smaller weights or a weaker --p-error",
        what, (unsigned long long)row->count, bound, remedy);
}

/* The limit on keys alone forbids all sets: how much the smallest takes, to a megabyte, and what
 * the cheapest would take. */
static torc_status blame_key_limit(torc_ctx *ctx, const torc_search *search,
                                   const torc_params *cheapest)
{
    torc_search limited = *search;
    uint64_t low = search->max_key_bytes; /* nothing fits */
    uint64_t high = torc_params_key_bytes_resident(cheapest);

    while (high - low > MEGABYTE) {
        torc_params params;
        bool fits = false;
        limited.max_key_bytes = low + (high - low) / 2;
        TORC_TRY(torc_search_groupings(ctx, &params, &fits, &limited));
        if (fits) {
            high = torc_params_key_bytes_resident(&params);
        } else {
            low = limited.max_key_bytes;
        }
    }
    return torc_fail(ctx, TORC_E_PARAMETERS,
                     "parameter search: no secure set has keys of at most %.0f MB; the smallest "
                     "take %.0f MB, those of the fastest set %.0f MB; raise --max-key-mb, or use "
                     "fewer bits",
                     1e-6 * (double)search->max_key_bytes, ceil(1e-6 * (double)high),
                     ceil(1e-6 * (double)torc_params_key_bytes_resident(cheapest)));
}

torc_status torc_search_explain(torc_ctx *ctx, const torc_search *search)
{
    torc_search unlimited = *search;
    torc_params params;
    bool fits_unlimited = false;

    unlimited.max_key_bytes = UINT64_MAX;
    TORC_TRY(torc_search_groupings(ctx, &params, &fits_unlimited, &unlimited));
    if (fits_unlimited) {
        return blame_key_limit(ctx, search, &params);
    }
    for (uint32_t i = 0; i < search->row_count; i++) {
        bool fits;
        TORC_TRY(row_fits(ctx, &fits, search, &search->rows[i]));
        if (!fits) {
            return blame(ctx, search, &search->rows[i]);
        }
    }
    char bound[64];
    describe_bound(bound, sizeof bound, search);
    return torc_fail(
        ctx, TORC_E_PARAMETERS,
        "parameter search: each of %u kinds of lookup and output has a secure set, all "
        "together have none at a failure bound of %s; use a weaker --p-error or fewer "
        "bits",
        search->row_count, bound);
}
