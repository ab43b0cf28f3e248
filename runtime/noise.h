/* Noise variances, torus units (phase in [0,1)): what the search assumes, the simulator draws,
 * verify checks and the tests measure. Formulas and sources stand in noise.c. */
#ifndef TORC_NOISE_H
#define TORC_NOISE_H

#include "runtime/params.h"

/* Key weight that the rounding terms assume: half the dimension, plus this many standard
 * deviations (0.5 * sqrt(dim) each). Production uses 4; comparisons with published sets 0. */
#define TORC_KEY_WEIGHT_SIGMAS 4.0

/* FFT round-off constant c of a kernel: V_FFT = c 2^-106 B^2 l (k+1) N log2(N) (1 + kN/2) a step.
 * Fitted on the transform in use (kernels/cpu), the search adds 10 %. */
#define TORC_FFT_CONSTANT 0.0125

typedef struct torc_noise {
    double fresh;          /* an encrypted input */
    double bootstrap;      /* output of a lookup */
    double keyswitch;      /* added by the keyswitch, rounding to 32 bits included */
    double modulus_switch; /* added by the centred modulus switch to 2N * 2^v */
} torc_noise;

/* The noise of a parameter set. big_weight, small_weight: Hamming weights of the keys. No margin:
 * what a measurement should find. The single terms: runtime/noise_terms.h. */
void torc_noise_of(torc_noise *out, const torc_params *params, double big_weight,
                   double small_weight);

/* The same for keys of ordinary weight, half the dimension: what the simulator draws. */
void torc_noise_typical(torc_noise *out, const torc_params *params);

/* What the search, the report and the claims assume: heavy keys, the FFT constant with its margin.
 */
void torc_noise_production(torc_noise *out, const torc_params *params);

double torc_tuniform_variance(uint32_t bound_log2, uint32_t log2_modulus);

#define TORC_LOG2_NEVER (-1e6) /* stands for 0: smaller odds are reported as this */

/* log2 of erfc(threshold / sqrt(2 variance)): the odds of leaving +-threshold; right below 2^-1000.
 */
double torc_log2_failure(double threshold, double variance);

/* Standard deviations kappa with erfc(kappa / sqrt 2) = 2^log2_p. */
double torc_failure_kappa(double log2_p);

/* What one lookup or output asks of the noise. All variances multiply norm_sq of the linear
 * combination that feeds it. */
typedef enum torc_row_kind {
    TORC_ROW_LOOKUP_EXACT,   /* half a bin: 2^-(bits+2) */
    TORC_ROW_LOOKUP_ROUNDED, /* one bin:    2^-(bits+1) */
    TORC_ROW_OUTPUT_EXACT,   /* half a unit: 2^-(bits+2), no keyswitch, no modulus switch */
    TORC_ROW_OUTPUT_ROUNDED, /* standard deviation at most max_std, no failure counted */
} torc_row_kind;

typedef struct torc_noise_row {
    torc_row_kind kind;
    uint32_t bits;         /* index width P of a lookup, encoding width W of an output */
    double norm_sq_fresh;  /* sum of squared weights on encrypted inputs */
    double norm_sq_lookup; /* sum of squared weights on lookup outputs */
    double max_std;        /* TORC_ROW_OUTPUT_ROUNDED only, torus units */
    uint64_t count;        /* how many lookups or outputs of one sample share this row */
} torc_noise_row;

double torc_row_variance(const torc_noise_row *row, const torc_noise *noise);
double torc_row_threshold(const torc_noise_row *row); /* max_std for TORC_ROW_OUTPUT_ROUNDED */
double torc_row_log2_failure(const torc_noise_row *row, const torc_noise *noise); /* one of count */
/* log2 of the failure of all rows together, and the worst single one. */
double torc_rows_log2_failure(const torc_noise_row *rows, size_t count, const torc_noise *noise);
double torc_rows_log2_worst(const torc_noise_row *rows, size_t count, const torc_noise *noise);

#endif
