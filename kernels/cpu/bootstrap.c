/* Bootstraps of a batch: modulus switch, blind rotation, sample extraction.
 *   out = LWE of entry[floor((phase + 2^(62-P)) 2^(P-63))], negated in the upper half
 * The batch walks through the key together, step by step, so that each step of the key is read from
 * memory once. Formulas: kernels/ref/modulus_switch.c and blind_rotate.c; layouts: rotate.h.
 *
 * Scratch: accumulators [batch], exponents u32 [batch][n + 1], spectra, one saved part. */
#include "kernels/cpu/rotate.h"
#include "kernels/cpu/table.h"

#include <string.h>

enum { L2_BYTES = 1 << 20, BATCH_LIMIT = 16 };

static size_t aligned_bytes(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

size_t TORC_CPU(bootstrap_scratch_bytes)(const torc_shape *shape, uint32_t batch)
{
    const size_t accumulator = aligned_bytes(accumulator_words(shape) * sizeof(uint64_t));
    const size_t exponents = aligned_bytes((size_t)batch * (shape->lwe_dim + 1) * sizeof(uint32_t));
    const size_t spectra = row_count(shape) * shape->poly_size * sizeof(double);
    const size_t saved = aligned_bytes(part_words(shape) * sizeof(uint64_t));
    return batch * accumulator + exponents + spectra + saved;
}

/* As many accumulators as stay in half of the second-level cache beside a step of the key. */
uint32_t TORC_CPU(bootstrap_batch)(const torc_shape *shape)
{
    const size_t accumulator = accumulator_words(shape) * sizeof(uint64_t);
    const size_t fits = L2_BYTES / 2 / accumulator;
    return fits < 2 ? 2 : fits > BATCH_LIMIT ? BATCH_LIMIT : (uint32_t)fits;
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

/* Where things stand in the scratch of a batch. */
typedef struct work {
    char *accumulators;
    size_t accumulator_bytes;
    uint32_t *exponents; /* [batch][n + 1] */
    double *spectra;
    uint64_t *saved;
} work;

static work work_of(void *scratch, uint32_t batch, const torc_shape *shape)
{
    work w = {.accumulators = scratch,
              .accumulator_bytes = aligned_bytes(accumulator_words(shape) * sizeof(uint64_t))};
    char *next = w.accumulators + batch * w.accumulator_bytes;
    w.exponents = (uint32_t *)(void *)next;
    next += aligned_bytes((size_t)batch * (shape->lwe_dim + 1) * sizeof *w.exponents);
    w.spectra = (double *)(void *)next;
    w.saved = (uint64_t *)(void *)(w.spectra + row_count(shape) * shape->poly_size);
    return w;
}

static uint64_t *accumulator_of(const work *w, uint32_t ciphertext)
{
    return (uint64_t *)(void *)(w->accumulators + ciphertext * w->accumulator_bytes);
}

void TORC_CPU(bootstrap)(uint64_t *const *out, const uint32_t *small, const uint64_t *const *entry,
                         const uint32_t *index_bits, uint32_t batch, const void *key,
                         const torc_shape *shape, void *scratch)
{
    const uint32_t n = shape->lwe_dim;
    const size_t words = (size_t)n + 1;
    const work w = work_of(scratch, batch, shape);
    const double *step_key = key;

    for (uint32_t b = 0; b < batch; b++) {
        uint32_t *exponent = w.exponents + b * words;
        const uint32_t half_bin = (uint32_t)1 << (30 - index_bits[b]);
        modulus_switch(exponent, small + b * words, half_bin, shape);
        accumulator_start(accumulator_of(&w, b), entry[b], index_bits[b], exponent[n], shape);
    }
    for (uint32_t step = 0; step < n; step++, step_key += step_doubles(shape)) {
        for (uint32_t b = 0; b < batch; b++) {
            const uint32_t exponent = w.exponents[b * words + step];
            if (exponent != 0) { /* public: the masks are */
                TORC_CPU(rotate_step)
                (accumulator_of(&w, b), exponent, step_key, b == 0, shape, w.spectra, w.saved);
            }
        }
    }
    for (uint32_t b = 0; b < batch; b++) {
        sample_extract(out[b], accumulator_of(&w, b), shape);
    }
}
