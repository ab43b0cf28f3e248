/* Lookup instructions on the CPU. All count * samples lookups of an instruction are one list, cut
 * into chunks. A chunk goes through the keyswitch as large matrix products, then through the
 * bootstrap in batches that walk through the key together; both shared out over threads. Lookups
 * that are fewer than the threads have teams of threads each. */
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

/* What bootstraps need of lookups first .. first + count - 1. */
static torc_bootstrap_job job_of(const cpu_target *target, size_t first, size_t count)
{
    return (torc_bootstrap_job){.out = target->lookup_out + first,
                                .small = target->small + first * (target->shape.lwe_dim + 1),
                                .entry = target->lookup_entry + first,
                                .index_bits = target->lookup_bits + first,
                                .batch = (uint32_t)count,
                                .key = target->bootstrap_key,
                                .scratch = thread_scratch(target),
                                .member_count = 1};
}

/* One thread of `size` that share a lookup; where they do not make a team, the first alone. */
static void bootstrap_member(const cpu_target *target, size_t lookup, uint32_t member,
                             uint32_t size)
{
    torc_bootstrap_job job = job_of(target, lookup, 1);
    torc_team *team = &target->teams[lookup];
    if (torc_team_forms(team, member, size)) {
        job.team = team;
        job.member = member;
        job.member_count = size;
    } else if (member != 0) {
        return;
    }
    target->kernels->bootstrap_job(&job, &target->shape);
}

/* One lookup a team of `size` threads: thread t is member t mod size of team t / size. */
static void bootstrap_teams(const cpu_target *target, size_t count, uint32_t size)
{
    for (size_t i = 0; i < count; i++) {
        target->teams[i] =
            (torc_team){.scratch = target->thread_scratch + i * size * target->scratch_bytes};
    }
#pragma omp parallel num_threads(target->threads)
    {
        const uint32_t thread = (uint32_t)omp_get_thread_num();
        if ((uint32_t)omp_get_num_threads() < count * size) { /* fewer than asked for */
#pragma omp for schedule(static)
            for (size_t i = 0; i < count; i++) {
                const torc_bootstrap_job job = job_of(target, i, 1);
                target->kernels->bootstrap_job(&job, &target->shape);
            }
        } else if (thread < count * size) {
            bootstrap_member(target, thread / size, thread % size, size);
        }
    }
}

/* Threads for each of `count` lookups. */
static uint32_t team_size(const cpu_target *target, size_t count)
{
    const uint32_t limit = target->kernels->team_limit(&target->shape);
    const size_t each = target->threads / count;
    return (uint32_t)(each < limit ? each : limit);
}

void torc_cpu_bootstrap(const cpu_target *target, size_t count)
{
    const uint32_t size = team_size(target, count);
    if (size > 1) {
        bootstrap_teams(target, count, size);
        return;
    }
    const size_t parts = part_count(count, target->batch, target->threads);
#pragma omp parallel for schedule(dynamic) num_threads(target->threads)
    for (size_t i = 0; i < parts; i++) {
        const size_t first = edge(count, parts, i);
        const torc_bootstrap_job job = job_of(target, first, edge(count, parts, i + 1) - first);
        target->kernels->bootstrap_job(&job, &target->shape);
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
