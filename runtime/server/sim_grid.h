/* Whether a circuit's phases are exact in doubles. */
#ifndef TORC_SIM_GRID_H
#define TORC_SIM_GRID_H

#include "runtime/circuit.h"
#include "runtime/server/sim_noise.h"

/* 2^-q such that every phase and every partial sum of any sample is a multiple of it and below
 * 2^(53-q): doubles never round them. 0 when there is none, or when it is so coarse that noise
 * rounded to it would show. std: all 0 without noise. bound[element_count] and
 * table_bound[table_count] are scratch. */
double torc_sim_grid(const torc_circuit *circuit, const torc_sim_std *std, double *bound,
                     double *table_bound);

#endif
