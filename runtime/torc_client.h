/* The client: keys, encryption, decryption. Small, no GPU, no compiler; holds the only secrets. */
#ifndef TORC_CLIENT_H
#define TORC_CLIENT_H

#include "runtime/ciphertext.h"
#include "runtime/circuit.h"

typedef struct torc_secret_key torc_secret_key; /* opaque; wiped when freed */

/* Makes both keys for the specification's parameters, after torc_spec_accept. */
TORC_MUST_CHECK torc_status torc_keygen(torc_ctx *ctx, torc_secret_key **secret,
                                        torc_evaluation_keys **evaluation, const torc_spec *spec,
                                        double allow_log2_p_error);
void torc_secret_key_free(torc_secret_key *secret);
const torc_params *torc_secret_key_params(const torc_secret_key *secret);
const uint8_t *torc_secret_key_id(const torc_secret_key *secret);

/* passphrase may be NULL (the file is then protected by its mode 0600 alone); with one, the key is
 * sealed by Argon2id and XChaCha20-Poly1305. Never overwrites unless force. */
TORC_MUST_CHECK torc_status torc_secret_key_save(torc_ctx *ctx, const torc_secret_key *secret,
                                                 const char *path, const char *passphrase, bool force);
TORC_MUST_CHECK torc_status torc_secret_key_load(torc_ctx *ctx, torc_secret_key **out, const char *path,
                                                 const char *passphrase);

/* inputs[spec->input_count], each [samples][shape...], all with the same number of samples; for one
 * sample the batch axis may be missing. saturated (may be NULL): floats clipped, summed. */
TORC_MUST_CHECK torc_status torc_encrypt(torc_ctx *ctx, torc_ciphertexts **out, uint64_t *saturated,
                                         const torc_spec *spec, const torc_secret_key *secret,
                                         const torc_tensor *inputs, double allow_log2_p_error);

/* outputs[spec->output_count]: the model's own outputs, [samples][shape...]. */
TORC_MUST_CHECK torc_status torc_decrypt(torc_ctx *ctx, torc_tensor *outputs, const torc_spec *spec,
                                         const torc_secret_key *secret, const torc_ciphertexts *ct);

/* Phases b - <a, s> of LWE ciphertexts lwe[count][kN+1] under the big key: for verify and tests only.
 * A client never shows them to anybody. */
void torc_secret_phase(uint64_t *phase, const torc_secret_key *secret, const uint64_t *lwe, size_t count);

#endif
