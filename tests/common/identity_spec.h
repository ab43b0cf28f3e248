/* A circuit that returns its inputs: what the server would hand back can be made by renaming what
 * the client sent, so encryption and decryption are tested without any server. */
#ifndef TESTS_IDENTITY_SPEC_H
#define TESTS_IDENTITY_SPEC_H

#include "runtime/torc_client.h"

/* Inputs "x" (floats, unsigned 5 bits in encoding 7, shape 3), "k" (signed integer, 8 bits,
 * scalar), "c" (clear signed integers, 10 bits, shape 2); outputs "x_out", "k_out", "c_out" alike.
 */
torc_spec identity_spec(void);

/* [samples] tensors of the three inputs, drawn from a generator with this seed. */
void identity_inputs(torc_tensor inputs[3], size_t samples, uint64_t seed);
void identity_free(torc_tensor tensors[3]);

/* The results of the run: full ciphertexts under the names of the outputs. */
torc_ciphertexts *identity_run(const torc_ciphertexts *in);

#endif
