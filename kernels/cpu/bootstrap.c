/* Bootstraps of a batch: modulus switch, blind rotation, sample extraction.
 *   out = LWE of entry[floor((phase + 2^(62-P)) 2^(P-63))], negated in the upper half
 * The batch walks through the key together, step by step, so that each step of the key is read from
 * memory once. Formulas: kernels/ref/modulus_switch.c, blind_rotate.c, blind_rotate_grouped.c;
 * layouts: rotate.h, grouped.h.
 *
 * Scratch: exponents u32 [batch][n + 1]; one accumulator of 64-bit words, in which a rotation
 * begins and ends; then, classic, accumulators [batch], spectra and one saved part; grouped, a
 * grouped_batch. */
#include "kernels/cpu/accumulator.h"
#include "kernels/cpu/grouped.h"
#include "kernels/cpu/table.h"

#include <string.h>

enum { L2_BYTES = 1 << 20, BATCH_LIMIT = 16 };

static size_t aligned_bytes(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

static bool is_grouped(const torc_shape *shape)
{
    return shape->grouping > 1;
}

static size_t accumulator_bytes(const torc_shape *shape)
{
    return aligned_bytes(accumulator_words(shape) * sizeof(uint64_t));
}

/* Of an accumulator while it is turned in classic steps. */
static size_t turning_bytes(const torc_shape *shape)
{
    return aligned_bytes(accumulator_words(shape) * word_bytes(shape));
}

static size_t exponent_bytes(const torc_shape *shape, uint32_t batch)
{
    return aligned_bytes((size_t)batch * (shape->lwe_dim + 1) * sizeof(uint32_t));
}

size_t TORC_CPU(bootstrap_scratch_bytes)(const torc_shape *shape, uint32_t batch)
{
    const size_t fixed = exponent_bytes(shape, batch) + accumulator_bytes(shape);
    if (is_grouped(shape)) {
        return fixed + TORC_CPU(grouped_batch_bytes)(shape, batch);
    }
    const size_t spectra = row_count(shape) * shape->poly_size * sizeof(double);
    const size_t saved = aligned_bytes(part_words(shape) * word_bytes(shape));
    return fixed + batch * turning_bytes(shape) + spectra + saved;
}

/* Classic: as many accumulators as stay in half of the second-level cache beside a step of the key.
 * Grouped: a step of the key is as large as a state or larger and wants to be shared by many;
 * states may overflow that cache a little, their blocks are fetched ahead. (Both measured.) */
uint32_t TORC_CPU(bootstrap_batch)(const torc_shape *shape)
{
    const bool shares = is_grouped(shape);
    const size_t least = shares ? 4 : 2;
    const size_t bytes = shares ? state_doubles(shape) * sizeof(double) : turning_bytes(shape);
    const size_t fits = (shares ? L2_BYTES / 4 * 5 : L2_BYTES / 2) / bytes;
    return (uint32_t)(fits < least ? least : fits > BATCH_LIMIT ? BATCH_LIMIT : fits);
}

/* What a rotation of either kind is given. */
typedef struct rotation {
    const torc_bootstrap_job *job;
    const torc_shape *shape;
    uint32_t *exponents; /* [batch][n + 1] */
    char *states;        /* scratch behind the exponents, of the whole team */
    char *own;           /* the same of this thread */
} rotation;

static uint32_t *exponents_of(const rotation *r, uint32_t ciphertext)
{
    return r->exponents + (size_t)ciphertext * (r->shape->lwe_dim + 1);
}

static void start(uint64_t *accumulator, const rotation *r, uint32_t ciphertext)
{
    const torc_bootstrap_job *job = r->job;
    const uint32_t index_bits = job->index_bits[ciphertext];
    uint32_t *exponent = exponents_of(r, ciphertext);
    TORC_CPU(modulus_switch)
    (exponent, job->small + (size_t)ciphertext * (r->shape->lwe_dim + 1),
     (uint32_t)1 << (30 - index_bits), r->shape);
    TORC_CPU(accumulator_start)
    (accumulator, job->entry[ciphertext], index_bits, exponent[r->shape->lwe_dim], r->shape);
}

/* A classic rotation begins and ends in `accumulator`, and is turned in words of 64 or 32 bits. */
static void classic_start(void *turning, uint64_t *accumulator, const rotation *r,
                          uint32_t ciphertext)
{
    const size_t words = accumulator_words(r->shape);
    uint32_t *narrow = turning;
    start(accumulator, r, ciphertext);
    if (!is_narrow(r->shape)) {
        memcpy(turning, accumulator, words * sizeof *accumulator);
        return;
    }
    for (size_t i = 0; i < words; i++) {
        narrow[i] = (uint32_t)((accumulator[i] + ((uint64_t)1 << 31)) >> 32);
    }
}

static void classic_end(uint64_t *accumulator, const void *turning, const rotation *r,
                        uint32_t ciphertext)
{
    const size_t words = part_words(r->shape) * result_parts(r->shape);
    const uint32_t *narrow = turning;
    if (is_narrow(r->shape)) {
        for (size_t i = 0; i < words; i++) {
            accumulator[i] = (uint64_t)narrow[i] << 32;
        }
    } else {
        memcpy(accumulator, turning, words * sizeof *accumulator);
    }
    TORC_CPU(accumulator_extract)(r->job->out[ciphertext], accumulator, r->shape);
}

static void classic(const rotation *r)
{
    const torc_shape *shape = r->shape;
    const torc_bootstrap_job *job = r->job;
    const size_t bytes = turning_bytes(shape);
    uint64_t *accumulator = (uint64_t *)(void *)r->states;
    char *turning = r->states + accumulator_bytes(shape);
    double *spectra = (double *)(void *)(turning + job->batch * bytes);
    void *saved = spectra + row_count(shape) * shape->poly_size;

    for (uint32_t b = 0; b < job->batch; b++) {
        classic_start(turning + b * bytes, accumulator, r, b);
    }
    for (uint32_t step = 0; step < shape->lwe_dim; step++) {
        const double *key = (const double *)job->key + step * step_doubles(shape);
        for (uint32_t b = 0; b < job->batch; b++) {
            const uint32_t exponent = exponents_of(r, b)[step];
            if (exponent != 0) { /* public: the masks are */
                TORC_CPU(rotate_step)
                (turning + b * bytes, exponent, key, b == 0, shape, spectra, saved);
            }
        }
    }
    for (uint32_t b = 0; b < job->batch; b++) {
        classic_end(accumulator, turning + b * bytes, r, b);
    }
}

/* A team of threads works on one set of states. In the first half of a step each has some places of
 * every child of the root, in the second some children; they meet in between. Member 0 begins and
 * ends. */
static uint32_t share_edge(const torc_bootstrap_job *job, uint32_t items, uint32_t member)
{
    return items * member / job->member_count;
}

static void meet(const torc_bootstrap_job *job)
{
    if (job->team != NULL) {
        torc_team_meet(job->team, job->member, job->member_count);
    }
}

static void grouped_open(grouped_batch *out, const rotation *r, const grouped_plan *plan)
{
    uint64_t *accumulator = (uint64_t *)(void *)r->states;
    grouped_batch own;
    TORC_CPU(grouped_batch)(out, r->shape, r->job->batch, r->states + accumulator_bytes(r->shape));
    TORC_CPU(grouped_batch)(&own, r->shape, r->job->batch, r->own + accumulator_bytes(r->shape));
    out->block = own.block;
    for (uint32_t b = 0; b < r->job->batch && r->job->member == 0; b++) {
        start(accumulator, r, b);
        TORC_CPU(grouped_start)(state_of(out, b), accumulator, plan);
    }
}

static void grouped_close(const grouped_batch *batch, const rotation *r, const grouped_plan *plan)
{
    uint64_t *accumulator = (uint64_t *)(void *)r->states;
    for (uint32_t b = 0; b < r->job->batch && r->job->member == 0; b++) {
        TORC_CPU(grouped_finish)
        (accumulator, state_of(batch, b), result_parts(r->shape), plan);
        TORC_CPU(accumulator_extract)(r->job->out[b], accumulator, r->shape);
    }
}

static void grouped(const rotation *r)
{
    const torc_bootstrap_job *job = r->job;
    const double *key = job->key;
    const uint32_t g = r->shape->grouping;
    grouped_plan plan;
    grouped_batch batch;
    key_stream stream;

    TORC_CPU(grouped_plan)(&plan, r->shape);
    grouped_open(&batch, r, &plan);
    const uint32_t place = share_edge(job, child_blocks(&plan), job->member);
    const uint32_t place_end = share_edge(job, child_blocks(&plan), job->member + 1);
    const uint32_t child = share_edge(job, child_count(&plan), job->member);
    const uint32_t child_end = share_edge(job, child_count(&plan), job->member + 1);
    TORC_CPU(grouped_stream)(&stream, &batch, key, &plan, child, child_end);
    for (uint32_t step = 0; step < r->shape->lwe_dim / g; step++) {
        if (step != 0) {
            TORC_CPU(grouped_turns)(&batch, &plan, place, place_end, &stream);
        }
        if (job->member == 0) {
            TORC_CPU(grouped_exponents)(&batch, r->exponents + (size_t)step * g, &plan);
        }
        meet(job);
        TORC_CPU(grouped_children)
        (&batch, key + step * grouped_step_doubles(r->shape), &plan, child, child_end, &stream);
        meet(job);
    }
    grouped_close(&batch, r, &plan);
}

uint32_t TORC_CPU(team_limit)(const torc_shape *shape)
{
    const uint32_t children = (uint32_t)1
                              << TORC_CPU(fft_plan)(shape->poly_size)->pass[0].log2_radix;
    return is_grouped(shape) ? children : 1;
}

void TORC_CPU(bootstrap_job)(const torc_bootstrap_job *job, const torc_shape *shape)
{
    const size_t offset = exponent_bytes(shape, job->batch);
    char *shared = job->team != NULL ? job->team->scratch : job->scratch;
    const rotation r = {.job = job,
                        .shape = shape,
                        .exponents = (uint32_t *)(void *)shared,
                        .states = shared + offset,
                        .own = (char *)job->scratch + offset};

    if (is_grouped(shape)) {
        grouped(&r);
    } else {
        classic(&r);
    }
}

void TORC_CPU(bootstrap)(uint64_t *const *out, const uint32_t *small, const uint64_t *const *entry,
                         const uint32_t *index_bits, uint32_t batch, const void *key,
                         const torc_shape *shape, void *scratch)
{
    const torc_bootstrap_job job = {.out = out,
                                    .small = small,
                                    .entry = entry,
                                    .index_bits = index_bits,
                                    .batch = batch,
                                    .key = key,
                                    .scratch = scratch,
                                    .member_count = 1};
    TORC_CPU(bootstrap_job)(&job, shape);
}
