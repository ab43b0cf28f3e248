/* The server: runs circuits on encrypted data. Names no secret; defines no key generation and no
 * decryption. */
#ifndef TORC_SERVER_H
#define TORC_SERVER_H

#include "runtime/ciphertext.h"
#include "runtime/circuit.h"
#include "runtime/cost.h"
#include "runtime/executor.h"
#include "runtime/gpu_calibrate.h"

typedef struct torc_server torc_server;

/* Something to run on. */
typedef struct torc_device_info {
    char name[16];  /* for torc_server_open: "cpu", "cuda:0" */
    char model[96]; /* "NVIDIA H200"; of the CPU: its kernels */
    bool usable;
    char reason[512];            /* why not */
    uint32_t cores;              /* threads, or multiprocessors */
    uint32_t compute_capability; /* of a GPU, 90 for 9.0 */
    uint32_t clusters_of_4;      /* of a GPU, at once; 0: none, other forms are used */
    uint64_t memory_bytes, memory_free;
} torc_device_info;

/* All devices of this machine, the CPU first; without a GPU a row that says why. The caller frees
 * *out. */
TORC_MUST_CHECK torc_status torc_devices_list(torc_ctx *ctx, torc_device_info **out,
                                              uint32_t *count);

/* Opens a circuit with one client's keys (E_MISMATCH when they belong to other parameters; virtual
 * circuits are refused; NULL will do for a circuit without lookups). device: what torc_devices_list
 * names, "cuda:0,1" for several that share each batch, or "auto", a GPU where there is one.
 * capacity: samples held at once, fewer where memory asks for it, 0 lets the server choose;
 * threads: of the CPU, 0 for all cores. circuit and keys are borrowed until close. */
TORC_MUST_CHECK torc_status torc_server_open(torc_ctx *ctx, torc_server **out,
                                             const torc_circuit *circuit,
                                             const torc_evaluation_keys *keys, const char *device,
                                             size_t capacity, uint32_t threads);
void torc_server_close(torc_server *server);
const char *torc_server_device(const torc_server *server);    /* "cpu", "cuda:0" */
const char *torc_server_describe(const torc_server *server);  /* "cuda:0 (NVIDIA H200)" */
uint64_t torc_server_memory_bytes(const torc_server *server); /* held by its targets while open */
/* Launches that the device runs in another form of the rotation than its schedule has planned, as
 * without clusters; 0 on the CPU. */
uint64_t torc_server_fallbacks(const torc_server *server);
size_t torc_server_capacity(const torc_server *server); /* samples held at once */

/* Seconds and memory of a run of this many samples: of the host's memory on the CPU, of the
 * devices' on GPUs. Measures a CPU's constants first, about 100 ms. */
TORC_MUST_CHECK torc_status torc_server_predict(torc_ctx *ctx, torc_prediction *out,
                                                const torc_server *server, size_t samples);

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

/* Measures the schedule of one GPU, "cuda:0", in about a minute; options may be NULL. E_DEVICE
 * where there is none. out is freed with torc_gpu_schedule_free. */
TORC_MUST_CHECK torc_status torc_gpu_calibrate(torc_ctx *ctx, torc_gpu_schedule *out,
                                               const char *device,
                                               const torc_gpu_calibration *options);

#endif
