/* Specifications built by hand for tests, at real parameters. Abort when memory runs out. */
#ifndef TESTS_SAMPLE_SPEC_H
#define TESTS_SAMPLE_SPEC_H

#include "runtime/spec.h"

/* The smallest noise that the security table allows; level counts and bases as the search picks. */
torc_params sample_params(uint32_t lwe_dim, uint32_t glwe_dim, uint32_t poly_size);
torc_params sample_params_no_lookup(void);

/* Integers of width bits, encrypted, encoding_bits = width, bounds = the whole width. */
torc_port sample_port(const char *name, uint32_t width, bool is_signed, uint32_t rank,
                      const size_t *shape);
/* Makes the port one of floats x = offset + scale * m. */
void sample_port_float(torc_port *port, double scale, double offset);

/* Two inputs ("image": floats, 4 bits, shape 2x3; "bias": signed integers, 6 bits, scalar) and two
 * outputs ("scores": floats, signed 7 bits, shape 4; "count": unsigned 3 bits, scalar); exact,
 * private, claims within the profile; no post step. */
torc_spec sample_spec(void);

/* Takes the step (its pointers too) as the last one of the specification. */
void sample_post(torc_spec *spec, torc_post post);
char *sample_text(const char *text); /* malloc'd copy */

#endif
