/* The steps of a grouped rotation for a batch (grouped.h). One child of the root after another: its
 * vertical passes for every ciphertext, then its blocks of points one by one, every ciphertext in
 * each. */
#include "kernels/cpu/grouped.h"

enum { LINE_DOUBLES = 8 }; /* of a cache line */

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

void TORC_CPU(grouped_start)(double *state, const uint64_t *accumulator, const grouped_plan *plan)
{
    const torc_shape *shape = plan->shape;
    const size_t part_doubles = row_count(shape) * shape->poly_size;

    for (uint32_t part = 0; part < (uint32_t)1 << shape->extended_log2; part++) {
        double *out = state + part * part_doubles;
        for (uint32_t c = 0; c <= shape->glwe_dim; c++) {
            const uint64_t *poly = accumulator + part * part_words(shape) + c * poly_words(shape);
            for (uint32_t i = 0; i < shape->poly_size; i++) {
                out[(size_t)c * shape->poly_size + i] = (double)(int64_t)poly[i] * 0x1p-64;
            }
        }
        TORC_CPU(grouped_turn)(out, plan, true);
    }
}

/* exponent[g] of the step, modulo 2N 2^v. */
static void monomials_find(group_monomials *out, const uint32_t *exponent, const grouped_plan *plan)
{
    const uint32_t extended_log2 = plan->shape->extended_log2;
    for (uint32_t set = 1; set < (uint32_t)1 << plan->shape->grouping; set++) {
        uint32_t sum = 0;
        for (uint32_t b = 0; b < plan->shape->grouping; b++) {
            sum += (set >> b & 1) != 0 ? exponent[b] : 0;
        }
        out->set[set] = monomial_of(plan->monomials, sum >> extended_log2);
        out->residue[set] = sum & (((uint32_t)1 << extended_log2) - 1);
    }
}

/* The vertical passes of one child of the root, all parts. */
static void child_forward(double *state, uint32_t begin, uint32_t end, const grouped_plan *plan)
{
    const size_t polys = row_count(plan->shape) << plan->shape->extended_log2;
    for (size_t i = 0; i < polys; i++) {
        double *re = state + i * plan->shape->poly_size;
        TORC_CPU(fft_vertical_forward)(plan->fft, re, re + plan->fft->half, 1, begin, end);
    }
}

static void child_inverse(double *state, uint32_t begin, uint32_t end, const grouped_plan *plan)
{
    const size_t rows = row_count(plan->shape);
    for (uint32_t part = 0; part < (uint32_t)1 << plan->shape->extended_log2; part++) {
        for (uint32_t c = 0; c <= plan->shape->glwe_dim; c++) {
            double *re = state + (part * rows + c) * plan->shape->poly_size;
            TORC_CPU(fft_vertical_inverse)(plan->fft, re, re + plan->fft->half, 1, begin, end);
        }
    }
}

/* Part `index` of `count` of the key's next block on its way into the caches: each ciphertext calls
 * its share while it works on the present one. */
static void fetch_share(const double *next, size_t doubles, uint32_t index, uint32_t count)
{
    const size_t lines = (doubles + LINE_DOUBLES - 1) / LINE_DOUBLES;
    const size_t end = lines * (index + 1) / count;
    for (size_t line = lines * index / count; line < end; line++) {
        __builtin_prefetch(next + line * LINE_DOUBLES, 0, VECTOR_LOG2 == 3 ? 2 : 3);
    }
}

/* One block of points, all ciphertexts. */
static void batch_block(const grouped_batch *batch, uint32_t block, const double *key,
                        size_t key_doubles, const grouped_plan *plan)
{
    for (uint32_t b = 0; b < batch->count; b++) {
        fetch_share(key + key_doubles, key_doubles, b, batch->count);
        if (plan->shape->extended_log2 == 0) {
            TORC_CPU(grouped_block)(state_of(batch, b), block, &batch->monomials[b], key, plan);
        } else {
            TORC_CPU(grouped_block_extended)
            (state_of(batch, b), block, &batch->monomials[b], key, plan, batch->block);
        }
    }
}

void TORC_CPU(grouped_step)(const grouped_batch *batch, const uint32_t *exponent, const double *key,
                            const grouped_plan *plan)
{
    const torc_shape *shape = plan->shape;
    const size_t key_doubles = grouped_step_doubles(shape) / plan->fft->half * FFT_BLOCK;
    const uint32_t child = plan->fft->half >> plan->fft->pass[0].log2_radix;

    for (uint32_t b = 0; b < batch->count; b++) {
        monomials_find(&batch->monomials[b], exponent + b * ((size_t)shape->lwe_dim + 1), plan);
    }
    for (uint32_t begin = 0; begin < plan->fft->half; begin += child) {
        for (uint32_t b = 0; b < batch->count; b++) {
            child_forward(state_of(batch, b), begin, begin + child, plan);
        }
        for (uint32_t block = begin / FFT_BLOCK; block < (begin + child) / FFT_BLOCK; block++) {
            batch_block(batch, block, key + block * key_doubles, key_doubles, plan);
        }
        for (uint32_t b = 0; b < batch->count; b++) {
            child_inverse(state_of(batch, b), begin, begin + child, plan);
        }
    }
}

void TORC_CPU(grouped_turns)(const grouped_batch *batch, const grouped_plan *plan)
{
    const size_t part_doubles = row_count(plan->shape) * plan->shape->poly_size;
    for (uint32_t b = 0; b < batch->count; b++) {
        for (uint32_t part = 0; part < (uint32_t)1 << plan->shape->extended_log2; part++) {
            TORC_CPU(grouped_turn)(state_of(batch, b) + part * part_doubles, plan, false);
        }
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
