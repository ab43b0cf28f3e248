/* Seconds and bytes predicted from operation counts times constants of the machine at hand. */
#ifndef TORC_COST_H
#define TORC_COST_H

#include "runtime/program.h"

typedef struct torc_machine {
    uint32_t threads;
    double fft_ns_per_butterfly; /* one radix-2 butterfly of a transform, batched */
    double mul_ns_per_point;     /* one complex multiply-add of the external product */
    double bundle_ns_per_point;  /* the same of a bundle formed in registers (cost.c) */
    double point_ns;             /* rotation, digits and accumulation, per coefficient */
    double key_ns_per_byte;      /* streaming the Fourier key once */
    double keyswitch_ns_per_mac; /* one 32-bit multiply-add of the keyswitch product */
    double linear_ns_per_mac; /* one 64-bit multiply-add of a linear layer, per ciphertext word */
    double team_ns_per_step;  /* what a step costs more when threads share it */
} torc_machine;

/* Shipped defaults; torc_machine_calibrate (runtime/server) measures the machine in about 100 ms.
 */
void torc_machine_default(torc_machine *out);

/* Ciphertexts that walk through a key together when there are enough of them. */
#define TORC_COST_KEYSWITCH_BATCH 64.0
double torc_cost_bootstrap_batch(const torc_params *params);

/* Seconds of one lookup (keyswitch, bootstrap) on one thread when batch of them walk the key
 * together. */
double torc_cost_keyswitch(const torc_machine *machine, const torc_params *params, double batch);
double torc_cost_bootstrap(const torc_machine *machine, const torc_params *params, double batch);
/* Seconds of `count` lookups of one level on all threads. */
double torc_cost_lookups(const torc_machine *machine, const torc_params *params, double count);

/* Values cross between host and target in pieces of at most this many bytes (and one element). */
#define TORC_PIECE_BYTES ((size_t)1 << 25)

typedef struct torc_prediction {
    double seconds;         /* one sample alone */
    double seconds_batched; /* a sample, within a large batch */
    uint64_t memory_bytes;  /* resident while `samples` run at once: keys as read and as prepared,
                               program, slots, values on their way in, results, scratch */
    uint64_t evaluation_key_bytes; /* on the wire */
    uint64_t ciphertext_bytes_in;  /* one sample, on the wire */
    uint64_t ciphertext_bytes_out;
} torc_prediction;

/* The bytes on the wire alone: keys and ciphertexts. */
void torc_predict_traffic(torc_prediction *out, const torc_program *program,
                          const torc_params *params);

/* What a run of `samples`, `capacity` of them at once, holds beside its target: the keys as they
 * were read, the program, values on their way in or out, inputs and results. */
uint64_t torc_predict_host_bytes(const torc_program *program, const torc_params *params,
                                 size_t capacity, size_t samples);

/* memory_bytes by formulas; an open server knows what its targets hold (torc_server_predict). */
void torc_predict(torc_prediction *out, const torc_machine *machine, const torc_program *program,
                  const torc_params *params, size_t samples);

#endif
