/* The table of one instruction set.
 *
 * FFT_CONSTANTS: c of V_FFT = c 2^-106 B^2 l (k+1) N log2(N) (1 + kN/2) a step (g > 1: times
 * 2 (2^g - 1)) for g = 1, 2, 3, the largest that
 * tests/slow_kernels_fft.c fits over its (k, N, l, B), statistical error (5 %) aside. Fused
 * multiply-adds round once where separate operations round twice. */
#include "kernels/cpu/table.h"

#define NAME_OF2(isa) #isa
#define NAME_OF(isa)  NAME_OF2(isa)
#if VECTOR_LOG2 >= 2
#define FFT_CONSTANTS          \
    {                          \
        0.0105, 0.0108, 0.0123 \
    }
#else
#define FFT_CONSTANTS          \
    {                          \
        0.0125, 0.0128, 0.0133 \
    }
#endif

extern const torc_cpu_kernels TORC_CPU(kernels);
const torc_cpu_kernels TORC_CPU(kernels) = {
    .name = NAME_OF(TORC_CPU_ISA),
    .fft_constant = FFT_CONSTANTS,
    .binary_spectrum = TORC_CPU(binary_spectrum),
    .negacyclic_add = TORC_CPU(negacyclic_add),
    .bootstrap_key_bytes = TORC_CPU(bootstrap_key_bytes),
    .bootstrap_key_row = TORC_CPU(bootstrap_key_row),
    .bootstrap_key_step = TORC_CPU(bootstrap_key_step),
    .keyswitch_key_bytes = TORC_CPU(keyswitch_key_bytes),
    .keyswitch_key_rows = TORC_CPU(keyswitch_key_rows),
    .keyswitch_scratch_bytes = TORC_CPU(keyswitch_scratch_bytes),
    .bootstrap_scratch_bytes = TORC_CPU(bootstrap_scratch_bytes),
    .bootstrap_batch = TORC_CPU(bootstrap_batch),
    .keyswitch = TORC_CPU(keyswitch),
    .bootstrap = TORC_CPU(bootstrap),
    .bootstrap_job = TORC_CPU(bootstrap_job),
    .team_limit = TORC_CPU(team_limit),
    .linear = TORC_CPU(linear),
    .clear_linear = TORC_CPU(clear_linear),
    .clear_lookup = TORC_CPU(clear_lookup),
    .gaussian = TORC_CPU(gaussian),
};
