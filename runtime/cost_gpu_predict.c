/* Seconds of a whole program on a GPU: the launches of each level by the schedule, linear layers by
 * the larger of the words that they read and write and of their 64-bit multiply-adds (predicted in
 * bench/results/README.md). Must not know: devices at work. */
#include "runtime/cost.h"
#include "runtime/cost_gpu.h"
#include "runtime/gpu_schedule.h"

#include <math.h>

/* Every output word is written once; sources are read once for each 32 outputs of a group. */
#define OUTPUTS_A_READ 32.0
/* Multiply-adds of a multiprocessor a clock: 7e12 a second on an H200 at 1,980 MHz. */
#define MACS_A_CLOCK 26.8

static double linear_seconds(const torc_gpu_machine *machine, const torc_linear *linear,
                             const torc_params *params, double samples)
{
    const double groups = linear->group_count;
    const double reads = ceil(linear->out_count / OUTPUTS_A_READ) * linear->in_count;
    const double words = (double)torc_params_big_words(params) * samples;
    const double bytes = groups * (reads + linear->out_count) * words * sizeof(uint64_t);
    const double macs = groups * linear->out_count * linear->in_count * words;
    return machine->launch_seconds +
           fmax(bytes / machine->memory_rate,
                macs / (MACS_A_CLOCK * machine->multiprocessors * machine->clock_hz));
}

static double program_seconds(const torc_gpu_schedule *schedule, const torc_program *program,
                              const torc_params *params, size_t samples)
{
    torc_gpu_machine machine;
    double seconds = 0;
    torc_gpu_machine_of(&machine, &schedule->device);
    for (uint32_t i = 0; i < program->instr_count; i++) {
        const torc_instr *instr = &program->instrs[i];
        if (instr->kind == TORC_INSTR_LINEAR) {
            seconds += linear_seconds(&machine, &instr->linear, params, (double)samples);
            continue;
        }
        const double count = (double)instr->lookup.count * (double)samples;
        const uint32_t batch = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
        seconds += torc_gpu_schedule_lookups(schedule, params, batch) * count / fmax(batch, 1);
    }
    return seconds;
}

void torc_predict_gpu(torc_prediction *out, const torc_gpu_schedule *schedule,
                      const torc_program *program, const torc_params *params, size_t samples)
{
    const size_t batch = samples == 0 ? 1 : samples;
    torc_predict_traffic(out, program, params);
    out->seconds = program_seconds(schedule, program, params, 1);
    out->seconds_batched = program_seconds(schedule, program, params, batch) / (double)batch;
    out->memory_bytes = 0; /* the device says: runtime/cuda/plan.c */
}
