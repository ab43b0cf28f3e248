/* Minimal noise for 128 claimed bits: the 132-bit curve (4 bits of margin), binary keys.
 * Source and check: see security.c. One table, used by the optimiser and by every loader. */
#ifndef TORC_SECURITY_H
#define TORC_SECURITY_H

#include "runtime/params.h"

#define TORC_SECURITY_BITS  128
#define TORC_MIN_SECURE_DIM 450

/* log2 of the smallest Gaussian standard deviation on the torus for this LWE dimension;
 * curve_bits is 128 or 132 (the 128 curve only for comparisons), modulus 2^log2_modulus. */
double torc_security_log2_std(uint32_t dim, uint32_t curve_bits, uint32_t log2_modulus);

/* Smallest b such that TUniform(b) in units of 2^-log2_modulus is at least as wide as the 132-bit
 * curve at this dimension; 0 when the dimension is refused. */
uint32_t torc_security_tuniform_log2(uint32_t dim, uint32_t log2_modulus);

/* E_SECURITY, naming the field, when a dimension or a noise is weaker than the curve. */
TORC_MUST_CHECK torc_status torc_security_check(torc_ctx *ctx, const torc_params *params);

#endif
