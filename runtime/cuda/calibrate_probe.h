/* One parameter set on one device, ready to be timed: keys and inputs of random words, which are
 * nobody's. */
#ifndef TORC_CUDA_CALIBRATE_PROBE_H
#define TORC_CUDA_CALIBRATE_PROBE_H

#include "kernels/kernels_cuda.h"
#include "runtime/params.h"

enum { PROBE_BLOCKS_MAX = 16 };

typedef struct torc_probe {
    torc_shape shape;
    uint32_t batch; /* at most */
    torc_gpu_stream stream;
    torc_gpu_event from, to;
    void *keyswitch_key, *bootstrap_key;
    uint64_t *in, *out; /* [batch][kN + 1] */
    torc_gpu_switched switched;
    uint64_t *table;
    uint32_t *index_bits, *table_index;
    void *keyswitch_scratch, *rotate_scratch;
    void *block[PROBE_BLOCKS_MAX]; /* all that is allocated */
    uint32_t block_count;
} torc_probe;

/* On the device in use. E_MEMORY when it is too small, E_DEVICE; close it in any case. */
TORC_MUST_CHECK torc_status torc_probe_open(torc_ctx *ctx, torc_probe *out,
                                            const torc_params *params, uint32_t batch);
void torc_probe_close(torc_probe *probe);

/* Seconds of one launch, the least of a few. *seconds is 0 when the kernels do not take the shape
 * on this device. The keyswitch must run before a rotation: it makes the exponents. */
TORC_MUST_CHECK torc_status torc_probe_keyswitch(torc_ctx *ctx, double *seconds, torc_probe *probe,
                                                 uint32_t batch);
TORC_MUST_CHECK torc_status torc_probe_rotation(torc_ctx *ctx, double *seconds, torc_probe *probe,
                                                uint32_t form, uint32_t cluster, uint32_t batch);

/* The status and message of an error that a call returned. */
torc_status torc_probe_fail(torc_ctx *ctx, int error, const char *what);

#endif
