/* Gaussian noise for simulations: fast, the same for any number of threads and on every machine,
 * and NOT secure. */
#ifndef TORC_SIM_NOISE_H
#define TORC_SIM_NOISE_H

#include "runtime/engine.h"

/* Everything that names one draw: the same three numbers give the same noise. */
typedef struct torc_sim_stream {
    uint64_t seed;
    uint64_t call;    /* which write or lookup of the run */
    uint64_t element; /* within that call */
} torc_sim_stream;

/* noise[i] = draw first + i of the stream, Gaussian of this standard deviation; first is even.
 * grid: 0, or a power of two of which it is the nearest multiple. */
void torc_sim_noise(double *noise, size_t count, size_t first, double std, double grid,
                    torc_sim_stream stream);

/* Standard deviations of what a circuit of these parameters adds on an engine, turns. */
typedef struct torc_sim_std {
    double fresh;
    double lookup_in; /* keyswitch and modulus switch */
    double lookup_out;
} torc_sim_std;

/* E_UNSUPPORTED without parameters, E_PARAMETERS when the noise is too wide to draw. */
TORC_MUST_CHECK torc_status torc_sim_std_of(torc_ctx *ctx, torc_sim_std *out,
                                            const torc_params *params, torc_engine engine);

#endif
