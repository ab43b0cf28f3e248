/* Lookups of one parameter set, ready to be run: circuit, real keys, encrypted inputs. */
#ifndef TORC_BENCH_LOOKUP_WORLD_H
#define TORC_BENCH_LOOKUP_WORLD_H

#include "bench/bench.h"
#include "runtime/torc_client.h"

/* What a parameter set must be able to do. */
typedef struct bench_set {
    char name[32];
    uint32_t bits; /* index width */
    torc_profile profile;
    uint64_t norm_sq;         /* of the linear combination before the lookup */
    uint64_t circuit_lookups; /* that share the failure probability of a circuit */
    uint32_t grouping;        /* key bits a step, of a GPU; 0: the cheapest */
} bench_set;

/* The sets that the options ask for, in their order: *out[*count], freed by the caller. */
TORC_MUST_CHECK torc_status bench_sets(torc_ctx *ctx, bench_set **out, uint32_t *count,
                                       const bench_options *o);

/* A circuit of one lookup instruction on `batch` elements, every table random and different, at the
 * optimiser's parameters. table[batch][2^bits] receives the integers. */
torc_status bench_lookup_circuit(torc_ctx *ctx, torc_circuit **out, int64_t *table,
                                 const bench_set *set, uint32_t batch, torc_engine engine);

typedef struct bench_lookups {
    const bench_set *set;
    torc_circuit *circuit;
    int64_t *table;     /* [batch][2^bits] */
    torc_tensor inputs; /* [1][batch], zeros behind it where there is a linear step */
    torc_secret_key *secret;
    torc_evaluation_keys *evaluation;
    torc_ciphertexts *encrypted;
    double keygen_seconds;
} bench_lookups;

torc_status bench_lookups_make(torc_ctx *ctx, bench_lookups *out, const bench_set *set,
                               uint32_t batch, torc_engine engine);
void bench_lookups_free(bench_lookups *lookups); /* {0} is fine */

/* The last instruction. */
const torc_lookup *bench_lookups_instr(const bench_lookups *lookups);

/* Whether lwe[count][kN + 1] decrypt to the entries of the first `count` tables. */
torc_status bench_lookups_check(torc_ctx *ctx, bool *right, const bench_lookups *lookups,
                                const uint64_t *lwe, size_t count);

#endif
