/* Lookup instructions on the CPU. All count * samples lookups of an instruction are one list, cut
 * into chunks. A chunk goes through the keyswitch as large matrix products, then through the
 * bootstrap in batches that walk through the key together; both shared out over threads, few
 * lookups too. */
#include "runtime/server/backend_cpu.h"

#include <assert.h>
#include <omp.h>

static void *thread_scratch(const cpu_target *target)
{
    return target->thread_scratch + (size_t)omp_get_thread_num() * target->scratch_bytes;
}

void torc_cpu_gather(const cpu_target *target, const torc_lookup *args, size_t samples,
                     size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t lookup = (uint32_t)((first + i) / samples);
        const size_t sample = (first + i) % samples;
        const torc_table *table = &target->program->tables[args->table[lookup]];
        target->lookup_in[i] = cpu_element(target, args->in[lookup], sample);
        target->lookup_out[i] = cpu_element(target, args->out + lookup, sample);
        target->lookup_entry[i] = table->entry;
        target->lookup_bits[i] = table->index_bits;
        target->lookup_offset[i] = args->offset[lookup];
    }
}

/* Parts of nearly equal size: part i of `parts` is [edge(i), edge(i + 1)). */
static size_t edge(size_t count, size_t parts, size_t i)
{
    assert(parts > 0);
    return count / parts * i + (i < count % parts ? i : count % parts);
}

/* How many parts of at most `limit`, a multiple of the threads when there is enough work. */
static size_t part_count(size_t count, size_t limit, size_t threads)
{
    const size_t rounds = (count + limit * threads - 1) / (limit * threads);
    return rounds * threads < count ? rounds * threads : count;
}

/* Batches as large as the kernel likes them; threads without a batch of their own share one, each
 * for some of the columns, and read only that share of the key. */
void torc_cpu_keyswitch(const cpu_target *target, size_t count)
{
    assert(count > 0);
    const size_t batches = (count + CPU_KEYSWITCH_BATCH - 1) / CPU_KEYSWITCH_BATCH;
    const size_t parts = (target->threads + batches - 1) / batches;
#pragma omp parallel for schedule(dynamic) num_threads(target->threads)
    for (size_t i = 0; i < batches * parts; i++) {
        const size_t first = edge(count, batches, i / parts);
        const torc_keyswitch_job job = {
            .small = target->small + first * (target->shape.lwe_dim + 1),
            .in = target->lookup_in + first,
            .offset = target->lookup_offset + first,
            .batch = (uint32_t)(edge(count, batches, i / parts + 1) - first),
            .part = (uint32_t)(i % parts),
            .part_count = (uint32_t)parts,
            .key = target->keyswitch_key,
            .scratch = thread_scratch(target)};
        target->kernels->keyswitch(&job, &target->shape);
    }
}

void torc_cpu_bootstrap(const cpu_target *target, size_t count)
{
    const size_t parts = part_count(count, target->batch, target->threads);
#pragma omp parallel for schedule(dynamic) num_threads(target->threads)
    for (size_t i = 0; i < parts; i++) {
        const size_t first = edge(count, parts, i);
        target->kernels->bootstrap(target->lookup_out + first,
                                   target->small + first * (target->shape.lwe_dim + 1),
                                   target->lookup_entry + first, target->lookup_bits + first,
                                   (uint32_t)(edge(count, parts, i + 1) - first),
                                   target->bootstrap_key, &target->shape, thread_scratch(target));
    }
}

torc_status torc_cpu_lookup(torc_ctx *ctx, torc_target *base, const torc_lookup *args,
                            size_t samples)
{
    const cpu_target *target = (const cpu_target *)base;
    const size_t total = args->count * samples;
    (void)ctx;
    for (size_t first = 0; first < total; first += target->chunk) {
        const size_t count = total - first < target->chunk ? total - first : target->chunk;
        torc_cpu_gather(target, args, samples, first, count);
        torc_cpu_keyswitch(target, count);
        torc_cpu_bootstrap(target, count);
    }
    return TORC_OK;
}
