/* Inside of the CPU backend: its target, shared by backend_cpu*.c. */
#ifndef TORC_BACKEND_CPU_H
#define TORC_BACKEND_CPU_H

#include "kernels/kernels.h"
#include "runtime/backend.h"

/* Elements lie as u64 [element][capacity][kN + 1], clear elements as i64 [clear element][capacity].
 * Everything that a run needs is allocated in open; thread_* hold one part a thread. */
typedef struct cpu_target {
    torc_target base;
    const torc_cpu_kernels *kernels;
    const torc_program *program;
    torc_shape shape;
    uint32_t threads;

    uint64_t *elements;
    int64_t *clear;

    void *bootstrap_key;
    void *keyswitch_key;

    /* Linear: pointers of one call and weights multiplied by clear values. */
    uint32_t in_max;
    uint32_t out_max; /* outputs of one kernel call */
    const uint64_t **thread_in;
    uint64_t **thread_out;
    int64_t *thread_weight;

    /* Lookup: a chunk of lookups goes through the keyswitch, then through the bootstrap. */
    uint32_t batch; /* ciphertexts that walk through the bootstrap key together */
    size_t chunk;
    uint32_t *small; /* [chunk][n + 1] */
    const uint64_t **lookup_in;
    uint64_t **lookup_out;
    const uint64_t **lookup_entry;
    uint64_t *lookup_offset;
    uint32_t *lookup_bits;
    torc_team *teams;     /* [threads] */
    size_t scratch_bytes; /* of one thread, a multiple of 64 */
    char *thread_scratch;
} cpu_target;

static inline uint64_t *cpu_element(const cpu_target *target, uint32_t element, size_t sample)
{
    return target->elements +
           ((size_t)element * target->base.capacity + sample) * target->base.element_words;
}

static inline int64_t cpu_clear(const cpu_target *target, uint32_t element, size_t sample)
{
    return target->clear[(size_t)element * target->base.capacity + sample];
}

/* The bootstrap key of an open target; no bytes when it has none. */
typedef struct torc_key_room {
    const void *bootstrap_key;
    size_t bytes;
} torc_key_room;
torc_key_room torc_cpu_key_room(const torc_target *target);

enum { CPU_KEYSWITCH_BATCH = 64, CPU_LINEAR_OUTPUTS = 128 };

torc_status torc_cpu_linear(torc_ctx *ctx, torc_target *base, const torc_linear *args,
                            size_t samples);
torc_status torc_cpu_lookup(torc_ctx *ctx, torc_target *base, const torc_lookup *args,
                            size_t samples);

/* What it does for lookups first .. first + count - 1 of count * samples, 1 <= count <= chunk, in
 * this order. */
void torc_cpu_gather(const cpu_target *target, const torc_lookup *args, size_t samples,
                     size_t first, size_t count);
void torc_cpu_keyswitch(const cpu_target *target, size_t count);
void torc_cpu_bootstrap(const cpu_target *target, size_t count);

/* Expands and transforms both keys; the target has its scratch and room for the keys. */
void torc_cpu_load_keys(cpu_target *target, const torc_evaluation_keys *keys);

#endif
