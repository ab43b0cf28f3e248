/* Whose kernels run a circuit: their noise, and what failure may be claimed for them.
 *
 * A circuit is compiled for one engine, its target. A claim is the worst of all engines that take
 * the parameters and stay within what was asked for, so a key bit a step (g = 1) usually runs on
 * both; an engine whose noise breaks the claim refuses the circuit (torc_circuit_check_engine). */
#ifndef TORC_ENGINE_H
#define TORC_ENGINE_H

#include "runtime/noise.h"

typedef enum torc_engine { TORC_ENGINE_CPU, TORC_ENGINE_CUDA } torc_engine;
enum { TORC_ENGINE_COUNT = TORC_ENGINE_CUDA + 1 };

extern const char *const torc_engine_names[TORC_ENGINE_COUNT]; /* "cpu", "cuda" */

/* Whether its kernels can take these parameters at all. */
bool torc_engine_takes(torc_engine engine, const torc_params *params);

/* torc_noise_production with the constants of the engine's own kernels: what claims, reports and
 * verify assume. */
void torc_noise_production_on(torc_noise *out, const torc_params *params, torc_engine engine);

/* torc_noise_typical likewise: keys of ordinary weight, no margin; what the simulator draws. */
void torc_noise_typical_on(torc_noise *out, const torc_params *params, torc_engine engine);

/* log2 of the odds of a failure: of one sample of the whole circuit, of its worst single row. */
typedef struct torc_claim {
    double log2_p_circuit, log2_p_lookup;
} torc_claim;

torc_claim torc_claim_on(const torc_noise_row *rows, size_t count, const torc_params *params,
                         torc_engine engine);

#endif
