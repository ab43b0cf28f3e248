/* Bootstraps of a batch: modulus switch, blind rotation, sample extraction.
 *   out = LWE of entry[floor((phase + 2^(62-P)) 2^(P-63))], negated in the upper half
 * The batch walks through the key together, step by step, so that each step of the key is read from
 * memory once. Formulas: kernels/ref/modulus_switch.c, blind_rotate.c, blind_rotate_grouped.c;
 * layouts: rotate.h, grouped.h.
 *
 * Scratch: exponents u32 [batch][n + 1]; then, classic, accumulators [batch], spectra and one saved
 * part; grouped, one accumulator and a grouped_batch. */
#include "kernels/cpu/grouped.h"
#include "kernels/cpu/rotate.h"
#include "kernels/cpu/table.h"

#include <string.h>

enum { L2_BYTES = 1 << 20, BATCH_LIMIT = 16 };

static size_t aligned_bytes(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

static bool is_grouped(const torc_shape *shape)
{
    return shape->grouping > 1;
}

static size_t accumulator_bytes(const torc_shape *shape)
{
    return aligned_bytes(accumulator_words(shape) * sizeof(uint64_t));
}

static size_t exponent_bytes(const torc_shape *shape, uint32_t batch)
{
    return aligned_bytes((size_t)batch * (shape->lwe_dim + 1) * sizeof(uint32_t));
}

size_t TORC_CPU(bootstrap_scratch_bytes)(const torc_shape *shape, uint32_t batch)
{
    const size_t exponents = exponent_bytes(shape, batch);
    if (is_grouped(shape)) {
        return exponents + accumulator_bytes(shape) + TORC_CPU(grouped_batch_bytes)(shape, batch);
    }
    const size_t spectra = row_count(shape) * shape->poly_size * sizeof(double);
    const size_t saved = aligned_bytes(part_words(shape) * sizeof(uint64_t));
    return exponents + batch * accumulator_bytes(shape) + spectra + saved;
}

/* Classic: as many accumulators as stay in half of the second-level cache beside a step of the key.
 * Grouped: a step of the key is as large as a state or larger and wants to be shared by many;
 * states may overflow that cache a little, their blocks are fetched ahead. (Both measured.) */
uint32_t TORC_CPU(bootstrap_batch)(const torc_shape *shape)
{
    const bool shares = is_grouped(shape);
    const size_t least = shares ? 4 : 2;
    const size_t bytes = shares ? state_doubles(shape) * sizeof(double)
                                : accumulator_words(shape) * sizeof(uint64_t);
    const size_t fits = (shares ? L2_BYTES / 4 * 5 : L2_BYTES / 2) / bytes;
    return (uint32_t)(fits < least ? least : fits > BATCH_LIMIT ? BATCH_LIMIT : fits);
}

static void modulus_switch(uint32_t *exponent, const uint32_t *small, uint32_t half_bin,
                           const torc_shape *shape)
{
    const uint32_t n = shape->lwe_dim;
    const uint32_t log2_poly = (uint32_t)__builtin_ctz(shape->poly_size);
    const uint32_t cell_log2 = 31 - log2_poly - shape->extended_log2;
    const uint32_t half_cell = (uint32_t)1 << (cell_log2 - 1);
    int64_t error_sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        const uint32_t rounded = small[i] + half_cell;
        exponent[i] = rounded >> cell_log2;
        error_sum += (int64_t)half_cell - (int64_t)(rounded & (2 * half_cell - 1));
    }
    const int64_t twice_body = 2 * (int64_t)(uint32_t)(small[n] + half_bin) + error_sum;
    exponent[n] = (uint32_t)(twice_body >> (cell_log2 + 1)) & (UINT32_MAX >> cell_log2);
}

/* accumulator = (0, X^-back table): coefficient i is that of i + back. */
static void accumulator_start(uint64_t *accumulator, const uint64_t *entry, uint32_t index_bits,
                              uint32_t back, const torc_shape *shape)
{
    const uint32_t size = shape->poly_size << shape->extended_log2;
    const uint32_t bin_log2 = (uint32_t)__builtin_ctz(size) - index_bits;
    const size_t body = shape->glwe_dim * poly_words(shape);

    memset(accumulator, 0, accumulator_words(shape) * sizeof *accumulator);
    for (uint32_t r = 0; r < (uint32_t)1 << shape->extended_log2; r++) {
        uint64_t *part = accumulator + r * part_words(shape) + body;
        for (uint32_t i = 0; i < shape->poly_size; i++) {
            const uint32_t place = ((i << shape->extended_log2) + r + back) & (2 * size - 1);
            const uint64_t value = entry[(place & (size - 1)) >> bin_log2];
            part[i] = place < size ? value : -value;
        }
        pad_polynomial(part, shape->poly_size);
    }
}

static void sample_extract(uint64_t *big, const uint64_t *part, const torc_shape *shape)
{
    const uint32_t size = shape->poly_size;
    for (uint32_t c = 0; c < shape->glwe_dim; c++) {
        const uint64_t *mask = part + c * poly_words(shape);
        big[0] = mask[0];
        for (uint32_t i = 1; i < size; i++) {
            big[i] = -mask[size - i];
        }
        big += size;
    }
    *big = part[shape->glwe_dim * poly_words(shape)];
}

/* What a rotation of either kind is given. */
typedef struct rotation {
    uint64_t *const *out;
    const uint64_t *const *entry;
    const uint32_t *index_bits;
    uint32_t batch;
    const double *key;
    const torc_shape *shape;
    const uint32_t *exponents; /* [batch][n + 1] */
    char *scratch;             /* behind the exponents */
} rotation;

static const uint32_t *exponents_of(const rotation *r, uint32_t ciphertext)
{
    return r->exponents + (size_t)ciphertext * (r->shape->lwe_dim + 1);
}

static void start(uint64_t *accumulator, const rotation *r, uint32_t ciphertext)
{
    accumulator_start(accumulator, r->entry[ciphertext], r->index_bits[ciphertext],
                      exponents_of(r, ciphertext)[r->shape->lwe_dim], r->shape);
}

static void classic(const rotation *r)
{
    const torc_shape *shape = r->shape;
    const size_t words = accumulator_bytes(shape) / sizeof(uint64_t);
    uint64_t *accumulators = (uint64_t *)(void *)r->scratch;
    double *spectra = (double *)(void *)(accumulators + r->batch * words);
    uint64_t *saved = (uint64_t *)(void *)(spectra + row_count(shape) * shape->poly_size);

    for (uint32_t b = 0; b < r->batch; b++) {
        start(accumulators + b * words, r, b);
    }
    for (uint32_t step = 0; step < shape->lwe_dim; step++) {
        const double *key = r->key + step * step_doubles(shape);
        for (uint32_t b = 0; b < r->batch; b++) {
            const uint32_t exponent = exponents_of(r, b)[step];
            if (exponent != 0) { /* public: the masks are */
                TORC_CPU(rotate_step)
                (accumulators + b * words, exponent, key, b == 0, shape, spectra, saved);
            }
        }
    }
    for (uint32_t b = 0; b < r->batch; b++) {
        sample_extract(r->out[b], accumulators + b * words, shape);
    }
}

static void grouped(const rotation *r)
{
    const torc_shape *shape = r->shape;
    const uint32_t g = shape->grouping;
    uint64_t *accumulator = (uint64_t *)(void *)r->scratch;
    grouped_plan plan;
    grouped_batch batch;

    TORC_CPU(grouped_plan)(&plan, shape);
    TORC_CPU(grouped_batch)(&batch, shape, r->batch, r->scratch + accumulator_bytes(shape));
    for (uint32_t b = 0; b < r->batch; b++) {
        start(accumulator, r, b);
        TORC_CPU(grouped_start)(state_of(&batch, b), accumulator, &plan);
    }
    for (uint32_t step = 0; step < shape->lwe_dim / g; step++) {
        if (step != 0) {
            TORC_CPU(grouped_turns)(&batch, &plan, 0, child_blocks(&plan));
        }
        TORC_CPU(grouped_exponents)(&batch, r->exponents + (size_t)step * g, &plan);
        TORC_CPU(grouped_children)
        (&batch, r->key + step * grouped_step_doubles(shape), &plan, 0, child_count(&plan));
    }
    for (uint32_t b = 0; b < r->batch; b++) {
        TORC_CPU(grouped_finish)(accumulator, state_of(&batch, b), &plan);
        sample_extract(r->out[b], accumulator, shape);
    }
}

void TORC_CPU(bootstrap)(uint64_t *const *out, const uint32_t *small, const uint64_t *const *entry,
                         const uint32_t *index_bits, uint32_t batch, const void *key,
                         const torc_shape *shape, void *scratch)
{
    const size_t words = (size_t)shape->lwe_dim + 1;
    uint32_t *exponents = scratch;
    const rotation r = {.out = out,
                        .entry = entry,
                        .index_bits = index_bits,
                        .batch = batch,
                        .key = key,
                        .shape = shape,
                        .exponents = exponents,
                        .scratch = (char *)scratch + exponent_bytes(shape, batch)};

    for (uint32_t b = 0; b < batch; b++) {
        const uint32_t half_bin = (uint32_t)1 << (30 - index_bits[b]);
        modulus_switch(exponents + b * words, small + b * words, half_bin, shape);
    }
    if (is_grouped(shape)) {
        grouped(&r);
    } else {
        classic(&r);
    }
}
