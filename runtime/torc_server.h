/* The server: runs circuits on encrypted data. Names no secret; defines no key generation and no
 * decryption. */
#ifndef TORC_SERVER_H
#define TORC_SERVER_H

#include "runtime/ciphertext.h"
#include "runtime/circuit.h"
#include "runtime/cost.h"
#include "runtime/executor.h"

typedef struct torc_server torc_server;

/* Opens a circuit with one client's keys (E_MISMATCH when they belong to other parameters; virtual
 * circuits are refused; NULL will do for a circuit without lookups). device: "cpu" or "auto".
 * capacity: samples held at once, 0 lets the server choose; threads: 0 for all cores. circuit and
 * keys are borrowed until close. */
TORC_MUST_CHECK torc_status torc_server_open(torc_ctx *ctx, torc_server **out,
                                             const torc_circuit *circuit,
                                             const torc_evaluation_keys *keys, const char *device,
                                             size_t capacity, uint32_t threads);
void torc_server_close(torc_server *server);
const char *torc_server_device(const torc_server *server);    /* "cpu" */
uint64_t torc_server_memory_bytes(const torc_server *server); /* held by the target while open */

/* Runs a batch of any size: E_MISMATCH unless in belongs to this circuit and these keys. stats may
 * be NULL. */
TORC_MUST_CHECK torc_status torc_server_run(torc_ctx *ctx, torc_server *server,
                                            torc_ciphertexts **out, torc_run_stats *stats,
                                            const torc_ciphertexts *in);

/* The simulator: the circuit on clear values, exactly or with the noise of the real circuit. inputs
 * and outputs as torc_encrypt and torc_decrypt have them; stats and saturated may be NULL. One seed
 * gives one result, whatever the machine. */
TORC_MUST_CHECK torc_status torc_simulate_circuit(torc_ctx *ctx, torc_tensor *outputs,
                                                  torc_run_stats *stats, uint64_t *saturated,
                                                  const torc_circuit *circuit,
                                                  const torc_tensor *inputs, bool noisy,
                                                  uint64_t seed);

/* Measures the constants of this machine in about 100 ms. */
TORC_MUST_CHECK torc_status torc_machine_calibrate(torc_ctx *ctx, torc_machine *out,
                                                   uint32_t threads);

#endif
