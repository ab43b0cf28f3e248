/* Table lookup on clear phases: u = floor((in + in_noise + shift) 2^(P+1)),
 * out = entry[u mod 2^(P+1)] + out_noise; kernels.h has the limits.
 *
 * Adding 1.5 2^52 to |y| < 2^51 rounds y to an integer whose two's complement stands in the low
 * bits of the sum. Straight loops of plain C that every compiler turns into vectors; the entries
 * themselves are fetched one by one, which costs no more than a gather. */
#include "kernels/cpu/table.h"

#include <string.h>

enum { CHUNK = 64 };
static const double round_magic = 0x1.8p52;

INLINE uint64_t as_bits(double x)
{
    uint64_t bits = 0;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* index[s] = u mod 2^(P+1); returns how many u are outside the table. */
INLINE size_t find_bins(uint64_t *index, const double *in, const double *in_noise,
                        const torc_clear_table *table, size_t count)
{
    const double scale = (double)((uint64_t)2 << table->index_bits);
    const double shift = table->shift;
    const uint64_t mask = ((uint64_t)2 << table->index_bits) - 1;
    const uint64_t magic_bits = as_bits(round_magic);
    const uint32_t bits = table->index_bits;
    uint64_t overflows = 0;
    for (size_t s = 0; s < count; s++) {
        const double y = (in[s] + in_noise[s] + shift) * scale + 0.0; /* never -0 */
        const double shifted = y + round_magic;
        const uint64_t above = as_bits(y - (shifted - round_magic)) >> 63; /* rounded up */
        const uint64_t u = as_bits(shifted) - magic_bits - above;
        const uint64_t outside = u >> bits;
        index[s] = u & mask;
        overflows += (outside | (0 - outside)) >> 63; /* 1 unless 0 */
    }
    return overflows;
}

size_t TORC_CPU(clear_lookup)(double *out, const double *in, const double *in_noise,
                              const double *out_noise, const torc_clear_table *table, size_t count)
{
    uint64_t index[CHUNK];
    size_t overflows = 0;
    for (size_t first = 0; first < count; first += CHUNK) {
        const size_t part = count - first < CHUNK ? count - first : CHUNK;
        overflows += find_bins(index, in + first, in_noise + first, table, part);
        for (size_t s = 0; s < part; s++) {
            out[first + s] = table->entry[index[s]] + out_noise[first + s];
        }
    }
    return overflows;
}
