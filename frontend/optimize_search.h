/* The loops of the parameter search, over whatever a model says: which sets exist, their noise,
 * their price. optimize.c holds the model of this engine; tests run the same loops with models of
 * other projects, whose published sets must come out. */
#ifndef TORC_OPTIMIZE_SEARCH_H
#define TORC_OPTIMIZE_SEARCH_H

#include "frontend/optimize.h"

typedef struct torc_search_model torc_search_model;
typedef double torc_variance_fn(const torc_params *params);
typedef double torc_price_fn(const torc_search_model *model, const torc_params *params);

struct torc_search_model {
    uint32_t glwe_dim_max; /* k is 1 .. glwe_dim_max */
    uint32_t log2_poly_min, log2_poly_max;
    uint32_t extended_max;
    uint32_t lwe_dim_min, lwe_dim_max; /* multiples of grouping only */
    uint32_t grouping;
    /* base_log * level_count and level_count at most, 64 or less */
    uint32_t bootstrap_bits_max, bootstrap_levels_max;
    uint32_t keyswitch_bits_max, keyswitch_levels_max;
    uint32_t bootstrap_base_max, keyswitch_base_max; /* base_log at most; 0: any */
    /* Resident bytes of both keys at most, with one level of the bootstrap gadget and with more; 0:
     * any. */
    uint64_t key_bytes_max[2];
    /* Shapes (k, N, l, g, v) that may be used, NULL: all. */
    const torc_configurations *configurations;
    /* Noise bounds of both keys from their dimensions (lwe_dim may be 0); NULL: the variances know
     * by themselves. */
    void (*choose_noise)(torc_params *params);
    torc_variance_fn *fresh, *bootstrap, *keyswitch, *modulus_switch;
    /* Any unit. price_floor ignores the keyswitch: never above price, growing with lwe_dim and with
     * the levels of the bootstrap gadget. */
    torc_price_fn *price_floor, *price;
    const torc_machine *machine; /* for the prices */
    double level_lookups;        /* CPU: of one level, what batches are as large as; 0: many */
    const torc_gpu_machine *gpu;
    const struct torc_gpu_prices *launches; /* NULL: the GPU's formulas */
};

#define TORC_SEARCH_LWE_DIM_MAX 1300

/* The engine's own models: optimize_cpu.c, optimize_gpu.c. What they share: the noise that security
 * asks for, the variance of the keyswitch, which is exact on integers everywhere, and the factor of
 * the price for the size of the key. */
void torc_search_noise(torc_params *params);
double torc_search_keyswitch(const torc_params *params);
double torc_price_of_key(const torc_params *params);
torc_search_model torc_model_cpu(const torc_machine *machine, uint32_t grouping);
/* Seconds of a step of one ciphertext in full batches, for each shape; with wide and with narrow
 * digits. */
typedef struct torc_gpu_prices {
    uint32_t count;
    torc_configuration shape[TORC_CONFIGURATIONS_MAX];
    double step_seconds[TORC_CONFIGURATIONS_MAX][2];
} torc_gpu_prices;

/* Of the first TORC_CONFIGURATIONS_MAX shapes; as counted, or as a schedule has them. schedule may
 * be NULL. */
void torc_gpu_prices_fill(torc_gpu_prices *out, const torc_gpu_machine *machine,
                          const torc_gpu_schedule *schedule, const torc_configurations *shapes);

torc_search_model torc_model_gpu(const torc_gpu_machine *machine,
                                 const torc_configurations *configurations, uint32_t grouping);

/* All gadgets worth trying: no other is as cheap and as precise. Cheapest first, most precise last.
 */
#define TORC_GADGETS_MAX 64
typedef struct torc_gadgets {
    uint32_t count;
    torc_gadget list[TORC_GADGETS_MAX];
} torc_gadgets;

void torc_gadgets_bootstrap(torc_gadgets *out, const torc_search_model *model,
                            const torc_params *at);
void torc_gadgets_keyswitch(torc_gadgets *out, const torc_search_model *model,
                            const torc_params *at);

void torc_model_noise(torc_noise *out, const torc_search_model *model, const torc_params *params);

/* True when all rows hold: each its own bound, together the circuit's. */
bool torc_rows_hold(const torc_search *search, const torc_noise *noise);

/* The cheapest set, on equal price the one of fewer failures; without lookups torc_search_linear.
 * *found is false when none fits. E_MEMORY only. */
TORC_MUST_CHECK torc_status torc_search_run(torc_ctx *ctx, torc_params *out, bool *found,
                                            const torc_search_model *model,
                                            const torc_search *search);

/* No small key, no evaluation keys: the shortest ciphertext whose fresh noise holds the rows, of
 * equal length the one of fewer polynomials. False when none fits. */
bool torc_search_linear(torc_params *out, const torc_search_model *model,
                        const torc_search *search);

/* The same with the models of the search's target, over all groupings that it allows; of equal
 * price the smallest grouping. */
TORC_MUST_CHECK torc_status torc_search_groupings(torc_ctx *ctx, torc_params *out, bool *found,
                                                  const torc_search *search);

/* E_PARAMETERS for a search that found nothing: the row to blame and what would fit. */
TORC_MUST_CHECK torc_status torc_search_explain(torc_ctx *ctx, const torc_search *search);

#endif
