/* The exact noise of fresh key rows: phase by the reference kernels minus the message, computed
 * here from the secret bits and the description in runtime/evaluation_keys.h. */
#ifndef TESTS_KEY_ROWS_H
#define TESTS_KEY_ROWS_H

#include "runtime/client/secret_key.h"
#include "tests/common/tuniform_stats.h"

/* Adds the N noise coefficients of a GLWE row of the bootstrap key. */
void key_rows_add_glwe(tuniform_stats *stats, const torc_evaluation_keys *keys,
                       const torc_secret_key *secret, size_t row);
/* Adds the noise of an LWE row of the keyswitch key, units of 2^-32. */
void key_rows_add_lwe(tuniform_stats *stats, const torc_evaluation_keys *keys,
                      const torc_secret_key *secret, size_t row);

#endif
