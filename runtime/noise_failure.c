/* From variances to odds: rows (what lookups and outputs ask for) and their probability of failure.
 * Must not know about: where the variances come from. */
#include "runtime/noise.h"

#include <math.h>

#define LN_2 0.693147180559945309417
#define PI   3.14159265358979323846

/* log2 of erfc(x). Beyond x = 25 (2^-908) by the asymptotic series, relative error below 1e-10,
 * since erfc itself underflows at 26.5. */
static double log2_erfc(double x)
{
    if (x < 25.0) {
        return log2(erfc(x));
    }
    const double y = 1.0 / (2.0 * x * x);
    const double series = 1.0 - y * (1.0 - 3.0 * y * (1.0 - 5.0 * y));

    return (-x * x - log(x * sqrt(PI)) + log(series)) / LN_2;
}

double torc_log2_failure(double threshold, double variance)
{
    if (variance <= 0.0) {
        return TORC_LOG2_NEVER;
    }
    return fmax(log2_erfc(threshold / sqrt(2.0 * variance)), TORC_LOG2_NEVER);
}

double torc_failure_kappa(double log2_p)
{
    double low = 0.0;
    double high = sqrt(-2.0 * LN_2 * fmin(log2_p, 0.0)); /* erfc(x) <= exp(-x^2) */

    for (int i = 0; i < 64; i++) {
        const double middle = 0.5 * (low + high);
        if (torc_log2_failure(middle, 1.0) > log2_p) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

double torc_row_variance(const torc_noise_row *row, const torc_noise *noise)
{
    const double sum = row->norm_sq_fresh * noise->fresh + row->norm_sq_lookup * noise->bootstrap;
    const bool is_lookup =
        row->kind == TORC_ROW_LOOKUP_EXACT || row->kind == TORC_ROW_LOOKUP_ROUNDED;

    return is_lookup ? sum + noise->keyswitch + noise->modulus_switch : sum;
}

double torc_row_threshold(const torc_noise_row *row)
{
    switch (row->kind) {
    case TORC_ROW_LOOKUP_EXACT:
    case TORC_ROW_OUTPUT_EXACT: return ldexp(1.0, -(int)row->bits - 2);
    case TORC_ROW_LOOKUP_ROUNDED: return ldexp(1.0, -(int)row->bits - 1);
    case TORC_ROW_OUTPUT_ROUNDED: break;
    }
    return row->max_std;
}

double torc_row_log2_failure(const torc_noise_row *row, const torc_noise *noise)
{
    if (row->kind == TORC_ROW_OUTPUT_ROUNDED) {
        return TORC_LOG2_NEVER;
    }
    return torc_log2_failure(torc_row_threshold(row), torc_row_variance(row, noise));
}

/* Union bound. */
double torc_rows_log2_failure(const torc_noise_row *rows, size_t count, const torc_noise *noise)
{
    double largest = TORC_LOG2_NEVER; /* terms are kept relative to it: 2^-2000 does not vanish */
    double sum = 0.0;

    for (size_t i = 0; i < count; i++) {
        const double log2_one = torc_row_log2_failure(&rows[i], noise);
        if (rows[i].count == 0 || log2_one <= TORC_LOG2_NEVER) {
            continue;
        }
        const double log2_all = log2_one + log2((double)rows[i].count);
        if (log2_all > largest) {
            sum *= exp2(largest - log2_all);
            largest = log2_all;
        }
        sum += exp2(log2_all - largest);
    }
    return sum > 0.0 ? fmin(largest + log2(sum), 0.0) : TORC_LOG2_NEVER;
}

double torc_rows_log2_worst(const torc_noise_row *rows, size_t count, const torc_noise *noise)
{
    double worst = TORC_LOG2_NEVER;

    for (size_t i = 0; i < count; i++) {
        if (rows[i].count != 0) {
            worst = fmax(worst, torc_row_log2_failure(&rows[i], noise));
        }
    }
    return worst;
}
