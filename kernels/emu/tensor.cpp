/* Matrix products of a warp: every lane shows its registers of both operands, then adds up its own
 * elements of the result. Where elements lie: gpu_mma_s8u8 in kernels/cuda/gpu_device.h. */
#include "kernels/emu/calls.h"

/* sum_{k < 32} a[row][k] b[k][column]: eight lanes' registers of four bytes each. */
static uint32_t element(const unsigned char (*shown)[EMU_EXCHANGE_BYTES], uint32_t row,
                        uint32_t column)
{
    int32_t sum = 0;
    for (uint32_t thread = 0; thread < 4; thread++) {
        for (uint32_t half = 0; half < 2; half++) {
            const unsigned char *a = shown[4 * (row % 8) + thread] + 4 * (row / 8 + 2 * half);
            const unsigned char *b = shown[4 * column + thread] + 4 * (4 + half);
            for (uint32_t i = 0; i < 4; i++) {
                sum += (int8_t)a[i] * b[i];
            }
        }
    }
    return (uint32_t)sum;
}

void emu_mma_s8u8(int32_t sum[4], const uint32_t operands[6], emu_site at)
{
    const unsigned char(*shown)[EMU_EXCHANGE_BYTES] =
        emu_exchange(operands, 6 * sizeof *operands, at);
    const uint32_t group = emu_self->lane / 4;
    const uint32_t thread = emu_self->lane % 4;
    for (uint32_t r = 0; r < 4; r++) {
        sum[r] =
            (int32_t)((uint32_t)sum[r] + element(shown, group + 8 * (r / 2), 2 * thread + r % 2));
    }
}
