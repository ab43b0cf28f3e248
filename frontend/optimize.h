/* Parameter search: the cheapest secure parameter set that satisfies every noise row. */
#ifndef TORC_OPTIMIZE_H
#define TORC_OPTIMIZE_H

#include "runtime/configurations.h"
#include "runtime/cost.h"
#include "runtime/cost_gpu.h"
#include "runtime/gpu_schedule.h"
#include "runtime/noise.h"

typedef enum torc_search_target { TORC_SEARCH_CPU, TORC_SEARCH_GPU } torc_search_target;

typedef struct torc_search {
    const torc_noise_row *rows;
    uint32_t row_count;
    double log2_p_circuit;       /* all rows together; 0: no bound */
    double log2_p_lookup;        /* each row; 0: no bound */
    const torc_machine *machine; /* cost constants */
    uint64_t lookup_count;       /* of one sample; 0: no lookup, a tiny set */
    double level_lookups;        /* of a level of one sample, on average; 0: many (CPU) */
    uint32_t max_grouping;       /* key bits a step at most; 0: what the target runs, 3 on the
                                    CPU, on the GPU all that its shapes have */
    /* Bytes that both keys may take as the target holds them; 0: what the target is content with
     * (optimize_cpu.c), and more where nothing else fits. */
    uint64_t max_key_bytes;
    torc_search_target target; /* whose kernels run it: limits, noise, price */
    /* GPU: its cost constants, NULL: the default device; the shapes allowed, NULL: those shipped.
     */
    const torc_gpu_machine *gpu;
    const torc_configurations *configurations;
    /* GPU: seconds of launches of the compiled kernels (runtime/cost_gpu_launch.c); else of the
     * formulas by which bench/configurations.c chose what to compile. */
    bool price_launches;
    const torc_gpu_schedule *schedule; /* of those launches, as measured; NULL: as counted */
} torc_search;

/* E_PARAMETERS with the row that nothing satisfies, its width and norm, and the way out. */
TORC_MUST_CHECK torc_status torc_optimize(torc_ctx *ctx, torc_params *out,
                                          const torc_search *search);

/* The same without a message: *found is false when nothing fits. */
TORC_MUST_CHECK torc_status torc_optimize_found(torc_ctx *ctx, torc_params *out, bool *found,
                                                const torc_search *search);

/* What the search compares sets by: seconds of a lookup on the target in full batches, and a little
 * for the size of the key. */
double torc_search_price(const torc_search *search, const torc_params *params);

#endif
