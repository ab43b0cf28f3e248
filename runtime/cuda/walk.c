/* One instruction onto the stream. Lookups of all samples are one list: row (lookup, sample) writes
 * element (out + lookup, sample), and since elements are dense, the results of neighbouring rows
 * are neighbours in memory. A list longer than the work memory takes goes in tiles; a tile passes
 * the keyswitch at once, the rotation in the pieces that the schedule finds fastest. */
#include "runtime/cuda/engine.h"

/* How torc_gpu_rotate refuses a form before it starts anything. */
enum {
    FORM_UNKNOWN = 1,    /* cudaErrorInvalidValue: not for this shape */
    FORM_TOO_LARGE = 801 /* cudaErrorNotSupported: not on this device */
};

static int queue_linear(const cuda_target *t, const torc_linear_layer *layer)
{
    const size_t words = t->base.element_words;
    const torc_elements elements = {.words = t->elements,
                                    .element_stride = t->samples * words,
                                    .sample_stride = words,
                                    .element_words = (uint32_t)words};
    const torc_clear_values clear = {t->clear, t->base.capacity};
    return torc_gpu_linear(&elements, &elements, &clear, layer, (uint32_t)t->samples, t->stream);
}

/* The switched masks of a tile in its block: exponents, errors, bodies. */
static torc_gpu_switched switched_of(const cuda_target *t)
{
    const size_t most = t->plan.lookups_at_once;
    int64_t *error = (int64_t *)t->switched_block;
    uint32_t *body = (uint32_t *)(error + (most + 1) / 2 * 2);
    return (torc_gpu_switched){body + (most + 3) / 4 * 4, body, error};
}

int torc_cuda_queue_keyswitch(const cuda_target *t, size_t row, uint32_t count)
{
    const torc_gpu_switched out = switched_of(t);
    const torc_gpu_keyswitch_args args = {.key = t->keyswitch_key,
                                          .in = t->elements,
                                          .index = t->rows.index + row,
                                          .offset = t->rows.offset + row,
                                          .scratch = t->scratch,
                                          .batch = count};
    return torc_gpu_keyswitch(&out, &args, &t->shape, t->stream);
}

static int queue_rotation(cuda_target *t, uint64_t *out, size_t row, size_t first,
                          const torc_gpu_piece *piece)
{
    const torc_gpu_switched all = switched_of(t);
    const torc_gpu_rotate_args args = {
        .key = t->bootstrap_key,
        .in = {all.exponent + first * t->shape.lwe_dim, all.body + first, all.error + first},
        .table = t->table,
        .index_bits = t->table_bits,
        .table_index = t->rows.table + row + first,
        .table_stride = t->table_stride,
        .batch = piece->count,
        .scratch = t->scratch,
        .form = (torc_gpu_form)piece->form,
        .cluster = piece->cluster};
    uint64_t *to = out + first * t->base.element_words;
    const int error = torc_gpu_rotate(to, &args, &t->shape, t->stream);
    if (piece->form == TORC_GPU_FORM_ANY || (error != FORM_UNKNOWN && error != FORM_TOO_LARGE)) {
        return error;
    }
    torc_gpu_rotate_args any = args; /* nothing was started: the kernels choose */
    any.form = TORC_GPU_FORM_ANY;
    any.cluster = 0;
    (void)torc_gpu_error_clear();
    t->base.fallback_count++;
    return torc_gpu_rotate(to, &any, &t->shape, t->stream);
}

int torc_cuda_queue_rotations(cuda_target *t, uint64_t *out, size_t row, uint32_t count)
{
    torc_gpu_piece pieces[TORC_GPU_MAX_PIECES];
    uint32_t piece_count = torc_gpu_schedule_split(pieces, &t->schedule, &t->params, count);
    if (piece_count == 0) { /* no price: the kernels choose */
        pieces[piece_count++] = (torc_gpu_piece){.count = count, .form = TORC_GPU_FORM_ANY};
    }
    int error = 0;
    for (uint32_t i = 0, first = 0; i < piece_count && error == 0; i++) {
        error = queue_rotation(t, out, row, first, &pieces[i]);
        first += pieces[i].count;
    }
    return error;
}

static int queue_lookup(cuda_target *t, const cuda_instr *instr, const torc_lookup *lookup)
{
    const size_t total = lookup->count * t->samples;
    const size_t row = instr->first_row * t->samples;
    uint64_t *out = cuda_element(t, lookup->out);
    int error = 0;
    for (size_t first = 0; first < total && error == 0; first += t->plan.lookups_at_once) {
        const size_t left = total - first;
        const uint32_t count =
            left < t->plan.lookups_at_once ? (uint32_t)left : t->plan.lookups_at_once;
        error = torc_cuda_queue_keyswitch(t, row + first, count);
        if (error == 0) {
            error = torc_cuda_queue_rotations(t, out + first * t->base.element_words, row + first,
                                              count);
        }
    }
    return error;
}

int torc_cuda_queue(cuda_target *target, uint32_t instr)
{
    const torc_instr *in = &target->program->instrs[instr];
    return in->kind == TORC_INSTR_LINEAR
               ? queue_linear(target, &target->instrs[instr].linear)
               : queue_lookup(target, &target->instrs[instr], &in->lookup);
}
