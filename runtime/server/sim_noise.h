/* Gaussian noise for simulations: fast, the same for any number of threads, and NOT secure. */
#ifndef TORC_SIM_NOISE_H
#define TORC_SIM_NOISE_H

#include <stddef.h>
#include <stdint.h>

/* Everything that names one draw: the same three numbers give the same noise. */
typedef struct torc_sim_stream {
    uint64_t seed;
    uint64_t call;    /* which write or lookup of the run */
    uint64_t element; /* within that call */
} torc_sim_stream;

/* noise[i] = draw first + i of the stream, Gaussian of this standard deviation; first is even. */
void torc_sim_noise(double *noise, size_t count, size_t first, double std, torc_sim_stream stream);

#endif
