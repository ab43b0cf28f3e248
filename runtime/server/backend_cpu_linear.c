/* Linear instructions on the CPU: groups, samples, slices of the outputs and, where those are few,
 * parts of the words are shared out over threads; each is one kernel call. Exact modulo 2^64. */
#include "runtime/server/backend_cpu.h"

#include <omp.h>

enum { PART_WORDS = 128 }; /* no shorter part is worth a call */

/* Outputs first .. first + count - 1 of group g for one sample, words begin .. end - 1. */
typedef struct slice {
    uint32_t group;
    uint32_t first;
    uint32_t count;
    size_t sample;
    size_t begin, end;
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
        const bool is_there = gather[i] != TORC_NO_ELEMENT;
        in[i] = is_there ? cpu_element(target, gather[i], s->sample) + s->begin : NULL;
    }
    for (uint32_t o = 0; o < s->count; o++) {
        const uint32_t element = out_element(args, s->group, s->first + o);
        out[o] = cpu_element(target, element, s->sample) + s->begin;
    }
    target->kernels->linear(out, in, slice_weights(target, args, s, room), s->count, args->in_count,
                            s->end - s->begin);
    for (uint32_t o = 0; o < s->count && s->end == words; o++) { /* the body is the last word */
        out[o][words - 1 - s->begin] += constant[o];
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

/* How many parts of the words keep all threads busy, two jobs each. */
static size_t word_parts(const cpu_target *target, size_t jobs)
{
    const size_t wanted = (2 * (size_t)target->threads + jobs - 1) / jobs;
    const size_t possible = (target->base.element_words + PART_WORDS - 1) / PART_WORDS;
    return wanted < possible ? wanted : possible;
}

/* Where part i of the words begins: whole pieces of PART_WORDS. */
static size_t part_edge(const cpu_target *target, size_t parts, size_t i)
{
    const size_t words = target->base.element_words;
    return i == parts ? words : words / PART_WORDS * i / parts * PART_WORDS;
}

torc_status torc_cpu_linear(torc_ctx *ctx, torc_target *base, const torc_linear *args,
                            size_t samples)
{
    const cpu_target *target = (const cpu_target *)base;
    (void)ctx;
    if (samples == 0 || args->group_count == 0 || args->out_count == 0) {
        return TORC_OK;
    }
    const uint32_t outputs = args->out_count < target->out_max ? args->out_count : target->out_max;
    const size_t slices = (args->out_count + outputs - 1) / outputs;
    const size_t places = args->group_count * samples * slices;
    const size_t parts = word_parts(target, places);

#pragma omp parallel for schedule(static) num_threads(target->threads)
    for (size_t job = 0; job < places * parts; job++) {
        const size_t place = job / parts / slices;
        const uint32_t first = (uint32_t)(job / parts % slices) * outputs;
        const uint32_t left = args->out_count - first;
        const slice s = {.group = (uint32_t)(place / samples),
                         .sample = place % samples,
                         .first = first,
                         .count = left < outputs ? left : outputs,
                         .begin = part_edge(target, parts, job % parts),
                         .end = part_edge(target, parts, job % parts + 1)};
        slice_run(target, args, &s);
    }
    add_clear_terms(target, args, samples);
    return TORC_OK;
}
