/* Linear instructions on the CPU: groups, samples and slices of the outputs are shared out over
 * threads; each slice is one kernel call. Exact modulo 2^64. */
#include "runtime/server/backend_cpu.h"

#include <omp.h>

/* Outputs first .. first + count - 1 of group g for one sample. */
typedef struct slice {
    uint32_t group;
    uint32_t first;
    uint32_t count;
    size_t sample;
} slice;

static uint32_t out_element(const torc_linear *args, uint32_t group, uint32_t out)
{
    return args->out + group * args->out_group_stride + out * args->out_stride;
}

static size_t weight_row(const torc_linear *args, const slice *s)
{
    const uint32_t group = args->weight_groups == 1 ? 0 : s->group;
    return ((size_t)group * args->out_count + s->first) * args->in_count;
}

/* Rows of weights for the kernel; those with clear factors are multiplied here, modulo 2^64. */
static const int64_t *slice_weights(const cpu_target *target, const torc_linear *args,
                                    const slice *s, int64_t *room)
{
    const size_t begin = weight_row(args, s);
    const size_t count = (size_t)s->count * args->in_count;
    if (args->weight_clear == NULL) {
        return args->weight + begin;
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t clear = args->weight_clear[begin + i];
        const int64_t factor = clear == TORC_NO_ELEMENT ? 1 : cpu_clear(target, clear, s->sample);
        room[i] = (int64_t)((uint64_t)args->weight[begin + i] * (uint64_t)factor);
    }
    return room;
}

static void slice_run(const cpu_target *target, const torc_linear *args, const slice *s)
{
    const size_t thread = (size_t)omp_get_thread_num();
    const uint64_t **in = target->thread_in + thread * target->in_max;
    uint64_t **out = target->thread_out + thread * target->out_max;
    int64_t *room = target->thread_weight + thread * target->out_max * target->in_max;
    const uint32_t *gather = args->gather + (size_t)s->group * args->in_count;
    const size_t words = target->base.element_words;
    const uint32_t constant_group = args->constant_groups == 1 ? 0 : s->group;
    const uint64_t *constant = args->constant + (size_t)constant_group * args->out_count + s->first;

    for (uint32_t i = 0; i < args->in_count; i++) {
        in[i] = gather[i] == TORC_NO_ELEMENT ? NULL : cpu_element(target, gather[i], s->sample);
    }
    for (uint32_t o = 0; o < s->count; o++) {
        out[o] = cpu_element(target, out_element(args, s->group, s->first + o), s->sample);
    }
    target->kernels->linear(out, in, slice_weights(target, args, s, room), s->count, args->in_count,
                            words);
    for (uint32_t o = 0; o < s->count; o++) {
        out[o][words - 1] += constant[o];
    }
}

static void add_clear_terms(const cpu_target *target, const torc_linear *args, size_t samples)
{
    for (uint32_t t = 0; t < args->clear_term_count; t++) {
        for (size_t sample = 0; sample < samples; sample++) {
            const int64_t value = cpu_clear(target, args->clear_term_element[t], sample);
            uint64_t *out = cpu_element(target, args->clear_term_out[t], sample);
            out[target->base.element_words - 1] += args->clear_term_scale[t] * (uint64_t)value;
        }
    }
}

/* Long slices read the inputs from memory less often; short ones keep all threads busy. */
static uint32_t slice_outputs(const cpu_target *target, const torc_linear *args, size_t samples)
{
    const size_t jobs = args->group_count * samples;
    const size_t slices_wanted = (2 * (size_t)target->threads + jobs - 1) / jobs;
    const size_t outputs = (args->out_count + slices_wanted - 1) / slices_wanted;
    const size_t tiled = (outputs + 3) / 4 * 4; /* whole register tiles */
    return tiled < target->out_max ? (uint32_t)tiled : target->out_max;
}

torc_status torc_cpu_linear(torc_ctx *ctx, torc_target *base, const torc_linear *args,
                            size_t samples)
{
    const cpu_target *target = (const cpu_target *)base;
    (void)ctx;
    if (samples == 0 || args->group_count == 0 || args->out_count == 0) {
        return TORC_OK;
    }
    const uint32_t outputs = slice_outputs(target, args, samples);
    const size_t slices = (args->out_count + outputs - 1) / outputs;
    const size_t jobs = args->group_count * samples * slices;

#pragma omp parallel for schedule(static) num_threads(target->threads)
    for (size_t job = 0; job < jobs; job++) {
        const size_t place = job / slices;
        const uint32_t first = (uint32_t)(job % slices) * outputs;
        const uint32_t left = args->out_count - first;
        const slice s = {.group = (uint32_t)(place / samples),
                         .sample = place % samples,
                         .first = first,
                         .count = left < outputs ? left : outputs};
        slice_run(target, args, &s);
    }
    add_clear_terms(target, args, samples);
    return TORC_OK;
}
