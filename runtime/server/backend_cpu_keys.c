/* Evaluation keys into the form of the CPU kernels: rows are expanded from seed and bodies, then
 * transformed, all threads at once. */
#include "runtime/server/backend_cpu.h"

#include <omp.h>

static void load_step(cpu_target *target, const torc_evaluation_keys *keys, void *row, size_t step,
                      size_t rows)
{
    for (size_t r = step * rows; r < (step + 1) * rows; r++) {
        torc_evk_expand_glwe(row, keys, r);
        target->kernels->bootstrap_key_row(target->bootstrap_key, r, row, &target->shape);
    }
    target->kernels->bootstrap_key_step(target->bootstrap_key, step, &target->shape);
}

static void load_pair(cpu_target *target, const torc_evaluation_keys *keys, uint32_t *rows,
                      size_t pair)
{
    torc_evk_expand_lwe(rows, keys, 2 * pair);
    torc_evk_expand_lwe(rows + keys->params.lwe_dim + 1, keys, 2 * pair + 1);
    target->kernels->keyswitch_key_rows(target->keyswitch_key, pair, rows, &target->shape);
}

void torc_cpu_load_keys(cpu_target *target, const torc_evaluation_keys *keys)
{
    const size_t steps = torc_params_step_count(&keys->params);
    const size_t terms = ((size_t)1 << keys->params.grouping) - 1;
    const size_t step_rows =
        terms * (keys->params.glwe_dim + 1) * keys->params.bootstrap.level_count;
    const size_t keyswitch_pairs = torc_evk_keyswitch_rows(&keys->params) / 2;

#pragma omp parallel num_threads(target->threads)
    {
        /* scratch_bytes covers one row of the bootstrap key, two of the other */
        void *row = target->thread_scratch + (size_t)omp_get_thread_num() * target->scratch_bytes;
#pragma omp for schedule(static) nowait
        for (size_t step = 0; step < steps; step++) {
            load_step(target, keys, row, step, step_rows);
        }
#pragma omp for schedule(static)
        for (size_t pair = 0; pair < keyswitch_pairs; pair++) {
            load_pair(target, keys, row, pair);
        }
    }
}
