/* Noise and cost as two other projects write them, for comparison with their published sets.
 * Production code uses none of this: see runtime/noise.c for what this engine assumes. */
#ifndef TORC_TESTS_ORACLE_MODEL_H
#define TORC_TESTS_ORACLE_MODEL_H

#include "frontend/optimize_search.h"

/* --- zama-ai/tfhe-rs -----------------------------------------------------------------------------
 */

typedef enum tfhe_rs_law { TFHE_RS_GAUSSIAN, TFHE_RS_TUNIFORM } tfhe_rs_law;

double tfhe_rs_least_variance(tfhe_rs_law law, uint32_t dim); /* 132 bits, q = 2^64 */
double tfhe_rs_tuniform_variance(uint32_t bound_log2);

/* variance: of fresh noise in the bootstrap key or keyswitch key. grouping 1: classic. */
double tfhe_rs_fft(const torc_params *params);
double tfhe_rs_external_product(const torc_params *params, double variance);
double tfhe_rs_bootstrap(const torc_params *params, double variance);
double tfhe_rs_keyswitch(const torc_params *params, double variance);
double tfhe_rs_modulus_switch_plain(const torc_params *params); /* grouped when grouping > 1 */
double tfhe_rs_modulus_switch_centred(const torc_params *params);

/* The search space of its published sets. */
torc_search_model tfhe_rs_model(tfhe_rs_law law, bool is_centred, uint32_t grouping);

/* --- zama-ai/concrete ----------------------------------------------------------------------------
 */

double concrete_external_product(const torc_params *params, double variance);
double concrete_keyswitch(const torc_params *params, double variance);

/* The search space of its table v0: security_bits 128 or 132, sums of 4096 terms. */
torc_search_model concrete_model(uint32_t security_bits);

/* Operations, as both projects count them. */
double oracle_cost_cmux(const torc_params *params);
double oracle_cost_keyswitch(double in_dim, double out_dim, double level_count);

#endif
