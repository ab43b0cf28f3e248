/* What depends on the number of samples: where elements stand, and what each lookup reads. A run of
 * another number of samples lays out anew; the graph of the old layout is thrown away. */
#include "runtime/cuda/engine.h"
#include "runtime/status.h"

#include <stdlib.h>

/* Arrays over all lookups of the program and `samples`, in one block. */
static cuda_rows rows_in(uint8_t *block, size_t rows)
{
    uint64_t *offset = (uint64_t *)block;
    uint32_t *index = (uint32_t *)(offset + rows);
    return (cuda_rows){offset, index, index + rows};
}

static void fill(const cuda_rows *rows, const torc_program *program, size_t samples)
{
    size_t row = 0;
    for (uint32_t i = 0; i < program->instr_count; i++) {
        if (program->instrs[i].kind != TORC_INSTR_LOOKUP) {
            continue;
        }
        const torc_lookup *lookup = &program->instrs[i].lookup;
        for (uint32_t l = 0; l < lookup->count; l++) {
            for (size_t s = 0; s < samples; s++, row++) {
                rows->offset[row] = lookup->offset[l];
                rows->index[row] = (uint32_t)(lookup->in[l] * samples + s);
                rows->table[row] = lookup->table[l];
            }
        }
    }
}

torc_status torc_cuda_lay_out(torc_ctx *ctx, cuda_target *target, size_t samples)
{
    const size_t rows = torc_program_lookup_count(target->program) * samples;
    const size_t bytes = rows * CUDA_ROW_BYTES;
    uint8_t *host = NULL;
    if (target->samples == samples) {
        return TORC_OK;
    }
    torc_cuda_graph_drop(target);
    target->samples = 0; /* until all of it is there */
    TORC_TRY(torc_alloc(ctx, (void **)&host, bytes, 1));
    const cuda_rows on_host = rows_in(host, rows);
    fill(&on_host, target->program, samples);
    int error = torc_gpu_copy_in(target->row_block, host, bytes, target->stream);
    if (error == 0) {
        error = torc_gpu_stream_wait(target->stream);
    }
    free(host);
    TORC_TRY(torc_cuda_check(ctx, target, error, "copying the rows of the lookups"));
    target->rows = rows_in(target->row_block, rows);
    target->samples = samples;
    return TORC_OK;
}
