/* Matrix products of a warp: every lane shows its registers of both operands, then adds up its own
 * elements of the result. Where elements lie: gpu_mma_s8u8 in kernels/cuda/gpu_device.h. */
#include "kernels/emu/calls.h"

#define DEPTH 32u

typedef const unsigned char (
    *shown_bytes)[EMU_EXCHANGE_BYTES]; /* by lane: registers of a, then b */

/* a[row][0..31] in the order of lanes and registers: four lanes, two registers of four bytes each.
 */
static inline void row_of_a(int16_t out[DEPTH], shown_bytes shown, uint32_t row)
{
    for (uint32_t thread = 0; thread < 4; thread++) {
        const unsigned char *bytes = shown[4 * (row % 8) + thread] + 4 * (row / 8);
        for (uint32_t i = 0; i < 4; i++) {
            out[8 * thread + i] = (int8_t)bytes[i];
            out[8 * thread + 4 + i] = (int8_t)bytes[8 + i];
        }
    }
}

static inline void column_of_b(int16_t out[DEPTH], shown_bytes shown, uint32_t column)
{
    for (uint32_t thread = 0; thread < 4; thread++) {
        const unsigned char *bytes = shown[4 * column + thread] + 16;
        for (uint32_t i = 0; i < 8; i++) {
            out[8 * thread + i] = bytes[i];
        }
    }
}

static uint32_t dot(const int16_t a[DEPTH], const int16_t b[DEPTH])
{
    int32_t sum = 0;
    for (uint32_t k = 0; k < DEPTH; k++) {
        sum += a[k] * b[k];
    }
    return (uint32_t)sum;
}

void emu_mma_s8u8(int32_t sum[4], const uint32_t operands[6], emu_site at)
{
    shown_bytes shown = emu_exchange(operands, 6 * sizeof *operands, at);
    const uint32_t group = emu_self->lane / 4, thread = emu_self->lane % 4;
    int16_t row[2][DEPTH], column[2][DEPTH];
    for (uint32_t i = 0; i < 2; i++) {
        row_of_a(row[i], shown, group + 8 * i);
        column_of_b(column[i], shown, 2 * thread + i);
    }
    for (uint32_t r = 0; r < 4; r++) {
        sum[r] = (int32_t)((uint32_t)sum[r] + dot(row[r / 2], column[r % 2]));
    }
}
