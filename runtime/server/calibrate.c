/* The constants of the cost model (runtime/cost.h), measured on this machine in about 100 ms with
 * the kernels that will run, on all threads at once, so that shared caches and memory are felt.
 *
 * One lookup shape, k = 1, N = 2048. A step costs each ciphertext in a batch of b: work + stream /
 * b. A batch through a short key gives the work, one ciphertext through a key as long as real ones
 * (56 MiB, more than most caches hold) the sum. Transform, product and per-coefficient work keep
 * the proportions of the defaults. A short grouped key gives what bundles cost beside that, a long
 * one how fast it comes to one ciphertext, and two threads that share it what sharing takes. Keys
 * hold zeros, or are those of an open target: no kernel's time depends on values. The fastest of a
 * few rounds counts, in processor time, so that other programs disturb little. */
#include "runtime/server/calibrate.h"

#include "kernels/kernels.h"
#include "runtime/shape.h"
#include "runtime/status.h"
#include "runtime/torc_server.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
    ROUNDS = 2,
    LONG_DIM = 896,       /* of the small key: as real ones */
    LEAST_LONG_DIM = 640, /* still 40 MiB */
    SHORT_DIM = 126,
    GROUPING = TORC_CPU_GROUPING_MAX,
    BOOTSTRAP_BATCH = 8,
    GROUPED_BATCH = 2 * BOOTSTRAP_BATCH,
    KEYSWITCH_BATCH = (int)TORC_COST_KEYSWITCH_BATCH,
    LINEAR_SIZE = 48, /* outputs and sources */
    MAX_BATCH = KEYSWITCH_BATCH,
    INDEX_BITS = 4,
    PAGE_BYTES = 2 << 20
};

static const torc_params probe_params = {.glwe_dim = 1,
                                         .poly_size = 2048,
                                         .glwe_noise_log2 = 17,
                                         .lwe_dim = LONG_DIM,
                                         .lwe_noise_log2 = 20,
                                         .grouping = 1,
                                         .bootstrap = {23, 1},
                                         .keyswitch = {3, 5}};

/* What one thread works on. */
typedef struct lane {
    uint64_t *in;    /* [MAX_BATCH][kN + 1] */
    uint64_t *out;   /* [MAX_BATCH][kN + 1] */
    uint32_t *small; /* [MAX_BATCH][n + 1] */
    void *scratch;
} lane;

typedef struct probe {
    const torc_cpu_kernels *kernels;
    torc_shape shape;         /* lwe_dim LONG_DIM: what memory is for */
    torc_shape short_shape;   /* the same with SHORT_DIM */
    torc_shape grouped_shape; /* and GROUPING */
    torc_shape long_grouped;  /* as many steps as the same memory holds */
    uint32_t threads;
    size_t words;
    const void *bootstrap_key;
    const void *keyswitch_key;
    void *own_key; /* both; NULL: borrowed */
    lane *lanes;
    int64_t weight[LINEAR_SIZE * LINEAR_SIZE];
    uint64_t entry[1 << INDEX_BITS];
} probe;

/* Touched; large blocks in whole huge pages. */
static torc_status touched(torc_ctx *ctx, void *pointer, size_t bytes)
{
    const size_t alignment = bytes >= PAGE_BYTES ? PAGE_BYTES : 64;
    const size_t size = (bytes + alignment) & ~(alignment - 1);
    void *block = aligned_alloc(alignment, size);
    if (block == NULL) {
        return torc_fail(ctx, TORC_E_MEMORY, "calibration: %zu bytes not available", size);
    }
    if (alignment == PAGE_BYTES) {
        (void)madvise(block, size, MADV_HUGEPAGE);
    }
    memset(block, 0, size);
    memcpy(pointer, &block, sizeof block);
    return TORC_OK;
}

static size_t grouped_step_bytes(const probe *p)
{
    return p->kernels->bootstrap_key_bytes(&p->grouped_shape) / (SHORT_DIM / GROUPING);
}

/* Both keys are read at the same place, a borrowed one as far as it goes. */
static torc_status open_keys(torc_ctx *ctx, probe *p, const void *room, size_t room_bytes)
{
    const size_t step_bytes = p->kernels->bootstrap_key_bytes(&p->shape) / LONG_DIM;
    const size_t steps = room_bytes / step_bytes;
    if (steps >= LEAST_LONG_DIM) {
        p->shape.lwe_dim = steps < LONG_DIM ? (uint32_t)steps : LONG_DIM;
        p->bootstrap_key = room;
    } else {
        TORC_TRY(touched(ctx, &p->own_key, p->kernels->bootstrap_key_bytes(&p->shape)));
        p->bootstrap_key = p->own_key;
    }
    p->keyswitch_key = p->bootstrap_key; /* shorter */
    p->long_grouped = p->grouped_shape;
    p->long_grouped.lwe_dim =
        GROUPING * (uint32_t)(p->kernels->bootstrap_key_bytes(&p->shape) / grouped_step_bytes(p));
    return TORC_OK;
}

static torc_status open_lane(torc_ctx *ctx, lane *l, const probe *p)
{
    const size_t keyswitch = p->kernels->keyswitch_scratch_bytes(&p->shape, KEYSWITCH_BATCH);
    const size_t classic = p->kernels->bootstrap_scratch_bytes(&p->shape, BOOTSTRAP_BATCH);
    const size_t grouped = p->kernels->bootstrap_scratch_bytes(&p->grouped_shape, GROUPED_BATCH);
    const size_t bootstrap = classic > grouped ? classic : grouped;
    const size_t small_count = MAX_BATCH * ((size_t)p->shape.lwe_dim + 1);
    TORC_TRY(touched(ctx, &l->in, MAX_BATCH * p->words * sizeof *l->in));
    TORC_TRY(touched(ctx, &l->out, MAX_BATCH * p->words * sizeof *l->out));
    TORC_TRY(touched(ctx, &l->small, small_count * sizeof *l->small));
    TORC_TRY(touched(ctx, &l->scratch, keyswitch > bootstrap ? keyswitch : bootstrap));
    for (size_t i = 0; i < small_count; i++) { /* no step has nothing to rotate */
        l->small[i] = (uint32_t)(i * 2654435761u) | 1u << 30;
    }
    for (size_t i = 0; i < MAX_BATCH * p->words; i++) {
        l->in[i] = i * 0x9e3779b97f4a7c15u;
    }
    return TORC_OK;
}

static torc_status open_probe(torc_ctx *ctx, probe *p, uint32_t threads, const void *room,
                              size_t room_bytes)
{
    const torc_params *params = &probe_params;
    p->kernels = torc_cpu_kernels_get();
    p->threads = threads;
    p->words = torc_params_big_words(params);
    p->shape = torc_shape_of(params);
    p->short_shape = p->shape;
    p->short_shape.lwe_dim = SHORT_DIM;
    p->grouped_shape = p->short_shape;
    p->grouped_shape.grouping = GROUPING;
    for (size_t i = 0; i < (size_t)LINEAR_SIZE * LINEAR_SIZE; i++) {
        p->weight[i] = (int64_t)(i % 31) - 15;
    }
    TORC_TRY(open_keys(ctx, p, room, room_bytes));
    TORC_TRY(TORC_ALLOC(ctx, p->lanes, threads));
    for (uint32_t t = 0; t < threads; t++) {
        TORC_TRY(open_lane(ctx, &p->lanes[t], p));
    }
    return TORC_OK;
}

static void close_probe(probe *p)
{
    for (uint32_t t = 0; p->lanes != NULL && t < p->threads; t++) {
        free(p->lanes[t].in);
        free(p->lanes[t].out);
        free(p->lanes[t].small);
        free(p->lanes[t].scratch);
    }
    free(p->lanes);
    free(p->own_key);
}

/* --- what is timed -------------------------------------------------------------------------------
 */

typedef void job_fn(const probe *p, const lane *l, uint32_t batch);

static void run_bootstrap(const probe *p, const lane *l, const torc_shape *shape, uint32_t batch)
{
    uint64_t *out[GROUPED_BATCH];
    const uint64_t *entry[GROUPED_BATCH];
    uint32_t index_bits[GROUPED_BATCH];
    for (uint32_t i = 0; i < batch; i++) {
        out[i] = l->out + i * p->words;
        entry[i] = p->entry;
        index_bits[i] = INDEX_BITS;
    }
    p->kernels->bootstrap(out, l->small, entry, index_bits, batch, p->bootstrap_key, shape,
                          l->scratch);
}

static void run_long_bootstrap(const probe *p, const lane *l, uint32_t batch)
{
    run_bootstrap(p, l, &p->shape, batch);
}

static void run_short_bootstrap(const probe *p, const lane *l, uint32_t batch)
{
    run_bootstrap(p, l, &p->short_shape, batch);
}

static void run_grouped_bootstrap(const probe *p, const lane *l, uint32_t batch)
{
    run_bootstrap(p, l, &p->grouped_shape, batch);
}

static void run_long_grouped(const probe *p, const lane *l, uint32_t batch)
{
    run_bootstrap(p, l, &p->long_grouped, batch);
}

static void run_keyswitch(const probe *p, const lane *l, uint32_t batch)
{
    static const uint64_t offset[KEYSWITCH_BATCH];
    const uint64_t *in[KEYSWITCH_BATCH];
    for (uint32_t i = 0; i < batch; i++) {
        in[i] = l->in + i * p->words;
    }
    /* The results replace the masks of the bootstrap, which was measured before. */
    const torc_keyswitch_job job = {.small = l->small,
                                    .in = in,
                                    .offset = offset,
                                    .batch = batch,
                                    .key = p->keyswitch_key,
                                    .scratch = l->scratch};
    p->kernels->keyswitch(&job, &p->shape);
}

static void run_linear(const probe *p, const lane *l, uint32_t batch)
{
    uint64_t *out[LINEAR_SIZE];
    const uint64_t *in[LINEAR_SIZE];
    for (uint32_t i = 0; i < batch; i++) {
        out[i] = l->out + i * p->words;
        in[i] = l->in + i * p->words;
    }
    p->kernels->linear(out, in, p->weight, batch, batch, p->words);
}

/* Processor time, not wall time: what other programs take does not count. */
static double thread_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double once(const probe *p, job_fn *job, uint32_t batch)
{
    double slowest = 0;
#pragma omp parallel num_threads((int)p->threads) reduction(max : slowest)
    {
        const double start = thread_seconds();
        job(p, &p->lanes[omp_get_thread_num()], batch);
        slowest = thread_seconds() - start;
    }
    return slowest;
}

/* Seconds of a batch while every thread runs one. */
static double least_seconds(const probe *p, job_fn *job, uint32_t batch)
{
    double least = once(p, job, batch);
    for (int i = 1; i < ROUNDS; i++) {
        least = fmin(least, once(p, job, batch));
    }
    return least;
}

static void measure_bootstrap(torc_machine *out, const probe *p)
{
    const double batch = BOOTSTRAP_BATCH;
    const double step_bytes = (double)p->kernels->bootstrap_key_bytes(&p->shape) / p->shape.lwe_dim;
    torc_machine compute = *out;
    compute.key_ns_per_byte = 0;
    (void)once(p, run_short_bootstrap, 1); /* wakes the threads */
    const double together =
        least_seconds(p, run_short_bootstrap, BOOTSTRAP_BATCH) / batch / SHORT_DIM;
    const double alone = least_seconds(p, run_long_bootstrap, 1) / p->shape.lwe_dim;
    const double stream = fmax(alone - together, 0) * batch / (batch - 1);
    const double work = fmax(alone - stream, 0.5 * together);
    const double ratio = work * LONG_DIM / torc_cost_bootstrap(&compute, &probe_params, batch);
    out->fft_ns_per_butterfly *= ratio;
    out->mul_ns_per_point *= ratio;
    out->point_ns *= ratio;
    out->key_ns_per_byte = 1e9 * stream / step_bytes;
}

/* What a grouped step takes beside transforms, coefficients and key is its bundle. */
static void measure_bundle(torc_machine *out, const probe *p)
{
    torc_params params = probe_params;
    torc_machine rest = *out;
    torc_machine unit = {.bundle_ns_per_point = 1};
    params.lwe_dim = SHORT_DIM;
    params.grouping = GROUPING;
    rest.bundle_ns_per_point = 0;
    const double seconds = least_seconds(p, run_grouped_bootstrap, GROUPED_BATCH) / GROUPED_BATCH;
    const double bundle = seconds - torc_cost_bootstrap(&rest, &params, GROUPED_BATCH);
    out->bundle_ns_per_point =
        fmax(bundle, 0.25 * seconds) / torc_cost_bootstrap(&unit, &params, GROUPED_BATCH);
}

static double long_steps(const probe *p)
{
    return (double)p->long_grouped.lwe_dim / GROUPING;
}

/* What a step of one ciphertext takes beside its work, which waits for its key. */
static void measure_stream(torc_machine *out, const probe *p)
{
    torc_params params = probe_params;
    torc_machine compute = *out;
    params.lwe_dim = p->long_grouped.lwe_dim;
    params.grouping = GROUPING;
    compute.key_ns_per_byte = 0;
    const double alone = least_seconds(p, run_long_grouped, 1);
    const double stream = fmax(alone - torc_cost_bootstrap(&compute, &params, 1), 0);
    out->key_ns_per_byte = 1e9 * stream / long_steps(p) / (double)grouped_step_bytes(p);
}

/* Seconds of a bootstrap by the first two threads; 0 when they were no team. */
static double team_once(const probe *p)
{
    torc_team team = {.scratch = p->lanes[0].scratch};
    const uint64_t *entry = p->entry;
    const uint32_t index_bits = INDEX_BITS;
    double seconds = 0;
#pragma omp parallel num_threads(2) reduction(max : seconds)
    {
        const uint32_t member = (uint32_t)omp_get_thread_num();
        const torc_bootstrap_job job = {.out = &p->lanes[0].out,
                                        .small = p->lanes[0].small,
                                        .entry = &entry,
                                        .index_bits = &index_bits,
                                        .batch = 1,
                                        .key = p->bootstrap_key,
                                        .scratch = p->lanes[member].scratch,
                                        .team = &team,
                                        .member = member,
                                        .member_count = 2};
        if (omp_get_num_threads() == 2 && torc_team_forms(&team, member, 2)) {
            const double start = thread_seconds();
            p->kernels->bootstrap_job(&job, &p->long_grouped);
            seconds = thread_seconds() - start;
        }
    }
    return seconds;
}

/* What a step takes longer than half of one alone. */
static void measure_team(torc_machine *out, const probe *p)
{
    torc_params params = probe_params;
    double least = HUGE_VAL;
    if (p->threads < 2) {
        return;
    }
    params.lwe_dim = p->long_grouped.lwe_dim;
    params.grouping = GROUPING;
    for (int i = 0; i < 2 * ROUNDS; i++) {
        const double seconds = team_once(p);
        least = seconds > 0 ? fmin(least, seconds) : least;
    }
    if (least < HUGE_VAL) {
        const double rest = least - 0.5 * torc_cost_bootstrap(out, &params, 1);
        out->team_ns_per_step = 1e9 * fmax(rest, 0) / long_steps(p);
    }
}

static void measure_keyswitch(torc_machine *out, const probe *p)
{
    const double macs =
        (double)p->words * probe_params.keyswitch.level_count * (p->shape.lwe_dim + 1.0);
    const double batch_ns = 1e9 * least_seconds(p, run_keyswitch, KEYSWITCH_BATCH);
    const double mac_ns = batch_ns / (macs * KEYSWITCH_BATCH);
    /* 4 bytes of the key for each multiply-add, shared by the batch. */
    out->keyswitch_ns_per_mac =
        fmax(mac_ns - 4 * out->key_ns_per_byte / KEYSWITCH_BATCH, 0.5 * mac_ns);
}

static void measure_linear(torc_machine *out, const probe *p)
{
    const double macs = (double)LINEAR_SIZE * LINEAR_SIZE * (double)p->words;
    out->linear_ns_per_mac = 1e9 * least_seconds(p, run_linear, LINEAR_SIZE) / macs;
}

torc_status torc_machine_calibrate_in(torc_ctx *ctx, torc_machine *out, uint32_t threads,
                                      const void *room, size_t room_bytes)
{
    torc_machine machine;
    probe *p = NULL;
    torc_machine_default(&machine);
    machine.threads = threads != 0 ? threads : (uint32_t)omp_get_max_threads();
    TORC_TRY(TORC_ALLOC(ctx, p, 1));
    const torc_status s = open_probe(ctx, p, machine.threads, room, room_bytes);
    if (s == TORC_OK) {
        measure_bootstrap(&machine, p);
        measure_bundle(&machine, p);
        measure_stream(&machine, p);
        measure_team(&machine, p);
        measure_keyswitch(&machine, p);
        measure_linear(&machine, p);
        *out = machine;
    }
    close_probe(p);
    free(p);
    return s;
}

torc_status torc_machine_calibrate(torc_ctx *ctx, torc_machine *out, uint32_t threads)
{
    return torc_machine_calibrate_in(ctx, out, threads, NULL, 0);
}
