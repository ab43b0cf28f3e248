/* The steps of a grouped rotation for a batch (grouped.h). One child of the root after another: its
 * vertical passes for every ciphertext, then its blocks of points one by one, every ciphertext in
 * each. */
#include "kernels/cpu/grouped.h"

void TORC_CPU(grouped_plan)(grouped_plan *out, const torc_shape *shape)
{
    const uint64_t half_base = (uint64_t)1 << (shape->base_log - 1);
    const size_t rows = row_count(shape);
    uint64_t offset = (uint64_t)3 << 51;

    for (uint32_t j = 0; j < shape->level_count; j++) {
        offset += half_base << (shape->base_log * j);
    }
    *out = (grouped_plan){
        .shape = shape,
        .fft = TORC_CPU(fft_plan)(shape->poly_size),
        .monomials = TORC_CPU(monomial_table)(shape->poly_size),
        .cut = {.scale = (double)((uint64_t)1 << (shape->base_log * shape->level_count)),
                .offset = (double)offset,
                .bias = 0x1p52 + (double)half_base,
                .mask = 2 * half_base - 1,
                .base_log = shape->base_log,
                .level_count = shape->level_count}};
    for (size_t r = 0; r < rows; r++) {
        out->unit[r / shape->level_count * rows + r] =
            gadget_unit((uint32_t)(r % shape->level_count), shape);
    }
}

/* Coefficients of one polynomial of the state. */
static void column_start(double *column, const uint64_t *poly, const grouped_plan *plan)
{
    const size_t half = plan->fft->half;
    const size_t stride = block_stride(plan->shape);
    for (size_t i = 0; i < half; i++) {
        double *at = column + i / FFT_BLOCK * stride + i % FFT_BLOCK;
        at[0] = (double)(int64_t)poly[i] * 0x1p-64;
        at[FFT_BLOCK] = (double)(int64_t)poly[half + i] * 0x1p-64;
    }
}

void TORC_CPU(grouped_start)(double *state, const uint64_t *accumulator, const grouped_plan *plan)
{
    const torc_shape *shape = plan->shape;

    for (uint32_t part = 0; part < (uint32_t)1 << shape->extended_log2; part++) {
        for (uint32_t c = 0; c <= shape->glwe_dim; c++) {
            column_start(state + (part * row_count(shape) + c) * 2 * FFT_BLOCK,
                         accumulator + part * part_words(shape) + c * poly_words(shape), plan);
        }
    }
    TORC_CPU(grouped_turn)(state, plan, true, 0, child_blocks(plan));
}

static void bundles_find(bundle_list *out, const uint32_t *residue, uint32_t sets)
{
    uint32_t placed = 0;
    uint32_t is_placed = 1; /* bit T; the empty set is of bundle 0 */
    out->count = 0;
    out->largest = 0;
    for (uint32_t next = 0; next < sets; next++) {
        if (next != 0 && (is_placed >> next & 1) != 0) {
            continue;
        }
        out->residue[out->count] = residue[next];
        out->largest = residue[next] > out->largest ? residue[next] : out->largest;
        out->first[out->count++] = placed;
        for (uint32_t set = 1; set < sets; set++) {
            if ((is_placed >> set & 1) == 0 && residue[set] == residue[next]) {
                out->order[placed++] = set;
                is_placed |= (uint32_t)1 << set;
            }
        }
    }
    out->first[out->count] = placed;
}

/* exponent[g] of the step, modulo 2N 2^v. */
static void monomials_find(group_monomials *out, const uint32_t *exponent, const grouped_plan *plan)
{
    const torc_shape *shape = plan->shape;
    const uint32_t sets = (uint32_t)1 << shape->grouping;
    uint32_t residue[MAX_SETS] = {0};
    for (uint32_t set = 1; set < sets; set++) {
        uint32_t sum = 0;
        for (uint32_t b = 0; b < shape->grouping; b++) {
            sum += (set >> b & 1) != 0 ? exponent[b] : 0;
        }
        out->set[set] = monomial_of(plan->monomials, sum >> shape->extended_log2);
        residue[set] = sum & (((uint32_t)1 << shape->extended_log2) - 1);
    }
    if (shape->extended_log2 != 0) {
        bundles_find(&out->bundles, residue, sets);
    }
}

void TORC_CPU(grouped_exponents)(const grouped_batch *batch, const uint32_t *exponent,
                                 const grouped_plan *plan)
{
    for (uint32_t b = 0; b < batch->count; b++) {
        monomials_find(&batch->monomials[b], exponent + b * ((size_t)plan->shape->lwe_dim + 1),
                       plan);
    }
}

void TORC_CPU(grouped_stream)(key_stream *out, const grouped_batch *batch, const double *key,
                              const grouped_plan *plan, uint32_t first, uint32_t end)
{
    const size_t blocks = (size_t)(end - first) * child_blocks(plan);
    const size_t step = grouped_step_doubles(plan->shape);
    const size_t block = step / plan->fft->half * FFT_BLOCK;
    const double *begin = key + (size_t)first * child_blocks(plan) * block;

    *out = (key_stream){.next = begin + block,
                        .end = begin + blocks * block,
                        .part = blocks * block,
                        .gap = step - blocks * block,
                        .lines = blocks * block / LINE_DOUBLES,
                        .calls = batch->count * (blocks * BLOCK_CALLS + 2 * (end - first) + 1)};
}

/* The polynomials of one block of a state on their way into the first cache. */
INLINE void state_fetch(const double *block_state, const grouped_plan *plan)
{
    for (size_t i = 0; i < state_polys(plan->shape) * 2 * FFT_BLOCK; i += LINE_DOUBLES) {
        __builtin_prefetch(block_state + i, 0, VECTOR_LOG2 == 3 ? 2 : 3);
    }
}

/* One block of points, all ciphertexts. While one is worked at, the same block of the next comes.
 */
static void batch_block(const grouped_batch *batch, uint32_t block, const double *key,
                        const grouped_plan *plan, key_stream *stream)
{
    const size_t place = block * block_stride(plan->shape);
    if (plan->shape->extended_log2 != 0) {
        TORC_CPU(grouped_block_empty)(key, plan, batch->block);
    }
    for (uint32_t b = 0; b < batch->count; b++) {
        double *state = state_of(batch, b) + place;
        state_fetch(b + 1 < batch->count ? state + batch->stride
                                         : state_of(batch, 0) + place + block_stride(plan->shape),
                    plan);
        if (plan->shape->extended_log2 == 0) {
            TORC_CPU(grouped_block)(state, block, &batch->monomials[b], key, plan, stream);
        } else {
            TORC_CPU(grouped_block_extended)
            (state, block, &batch->monomials[b], key, plan, batch->block, stream);
        }
    }
}

void TORC_CPU(grouped_children)(const grouped_batch *batch, const double *key,
                                const grouped_plan *plan, uint32_t first, uint32_t end,
                                key_stream *stream)
{
    const size_t key_doubles = grouped_step_doubles(plan->shape) / plan->fft->half * FFT_BLOCK;
    const uint32_t blocks = child_blocks(plan);

    for (uint32_t child = first; child < end; child++) {
        for (uint32_t b = 0; b < batch->count; b++) {
            key_fetch(stream);
            TORC_CPU(grouped_vertical_forward)(state_of(batch, b), child, plan);
        }
        for (uint32_t block = child * blocks; block < (child + 1) * blocks; block++) {
            batch_block(batch, block, key + block * key_doubles, plan, stream);
        }
        for (uint32_t b = 0; b < batch->count; b++) {
            key_fetch(stream);
            TORC_CPU(grouped_vertical_inverse)(state_of(batch, b), child, plan);
        }
    }
}

void TORC_CPU(grouped_turns)(const grouped_batch *batch, const grouped_plan *plan, uint32_t first,
                             uint32_t end, key_stream *stream)
{
    for (uint32_t b = 0; b < batch->count; b++) {
        key_fetch(stream);
        TORC_CPU(grouped_turn)(state_of(batch, b), plan, false, first, end);
    }
}

static size_t block_doubles(const torc_shape *shape)
{
    return shape->extended_log2 == 0 ? 0 : TORC_CPU(grouped_block_doubles)(shape);
}

size_t TORC_CPU(grouped_batch_bytes)(const torc_shape *shape, uint32_t count)
{
    return (count * state_stride(shape) + block_doubles(shape)) * sizeof(double) +
           count * sizeof(group_monomials);
}

void TORC_CPU(grouped_batch)(grouped_batch *out, const torc_shape *shape, uint32_t count,
                             void *scratch)
{
    *out = (grouped_batch){.count = count, .stride = state_stride(shape), .states = scratch};
    out->block = out->states + count * out->stride;
    out->monomials = (group_monomials *)(void *)(out->block + block_doubles(shape));
}
