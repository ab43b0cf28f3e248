/* Phases as turns in doubles. */
#ifndef TORC_SIM_TORUS_H
#define TORC_SIM_TORUS_H

#include "runtime/spec.h"

#include <math.h>

/* In [-1/2, 1/2). */
static inline double torc_sim_turns(uint64_t word)
{
    return (double)(int64_t)word * 0x1p-64;
}

/* Of turns that are a multiple of 2^-64 and fit a double exactly. */
static inline uint64_t torc_sim_word(double turns)
{
    return (uint64_t)((turns - floor(turns)) * 0x1p64);
}

/* An output decodes in [-2^(W-1), 3*2^(W-1)) units of 2^-(W+1) if unsigned, in [-2^W, 2^W) if
 * signed, after rounding: half a unit lower. The low end; the other is one turn above. */
static inline double torc_sim_lowest(const torc_port *port)
{
    return (port->is_signed ? -0.5 : -0.25) - ldexp(1, -(int)port->encoding_bits - 2);
}

#endif
