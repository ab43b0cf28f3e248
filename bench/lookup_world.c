/* Set-up and check of lookups, whatever runs them. */
#include "bench/lookup_world.h"

#include "runtime/status.h"

#include <stdlib.h>

/* Every index of the table in turn; the zeros that only carry noise come after them. */
static torc_status make_inputs(torc_ctx *ctx, bench_lookups *l, uint32_t batch)
{
    const size_t shape[] = {1, l->circuit->spec.inputs[0].shape[0]};
    TORC_TRY(torc_tensor_create(ctx, &l->inputs, TORC_I64, 2, shape));
    for (uint32_t i = 0; i < batch; i++) {
        l->inputs.i64[i] = (i * 7 + 3) & ((1U << l->set->bits) - 1);
    }
    return TORC_OK;
}

static torc_status make(torc_ctx *ctx, bench_lookups *l, uint32_t batch, torc_engine engine)
{
    TORC_TRY(TORC_ALLOC(ctx, l->table, (size_t)batch << l->set->bits));
    TORC_TRY(bench_lookup_circuit(ctx, &l->circuit, l->table, l->set, batch, engine));
    TORC_TRY(make_inputs(ctx, l, batch));
    const double begin = torc_seconds_now();
    TORC_TRY(torc_keygen(ctx, &l->secret, &l->evaluation, &l->circuit->spec, 0));
    l->keygen_seconds = torc_seconds_now() - begin;
    return torc_encrypt(ctx, &l->encrypted, NULL, &l->circuit->spec, l->secret, &l->inputs, 0);
}

torc_status bench_lookups_make(torc_ctx *ctx, bench_lookups *out, const bench_set *set,
                               uint32_t batch, torc_engine engine)
{
    *out = (bench_lookups){.set = set};
    const torc_status s = make(ctx, out, batch, engine);
    if (s != TORC_OK) {
        bench_lookups_free(out);
    }
    return s;
}

void bench_lookups_free(bench_lookups *lookups)
{
    free(lookups->table);
    torc_tensor_free(&lookups->inputs);
    torc_circuit_free(lookups->circuit);
    torc_secret_key_free(lookups->secret);
    torc_evk_free(lookups->evaluation);
    torc_ciphertexts_free(lookups->encrypted);
    *lookups = (bench_lookups){0};
}

const torc_lookup *bench_lookups_instr(const bench_lookups *lookups)
{
    const torc_program *program = &lookups->circuit->program;
    return &program->instrs[program->instr_count - 1].lookup;
}

torc_status bench_lookups_check(torc_ctx *ctx, bool *right, const bench_lookups *lookups,
                                const uint64_t *lwe, size_t count)
{
    const uint32_t bits = lookups->set->bits;
    uint64_t *phase = NULL;
    TORC_TRY(TORC_ALLOC(ctx, phase, count));
    torc_secret_phase(phase, lookups->secret, lwe, count);
    *right = true;
    for (size_t i = 0; i < count; i++) {
        const int64_t wanted = lookups->table[(i << bits) + (size_t)lookups->inputs.i64[i]];
        *right = *right && torc_decode(phase[i], bits, false) == wanted;
    }
    free(phase);
    return TORC_OK;
}
