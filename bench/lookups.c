/* torc_bench lookups: keyswitch, bootstrap and both, kernels called one by one on a device, for
 * each parameter set and batch. Keys, encryption and noise are real, every result is decrypted. */
#include "bench/lookup_world.h"
#include "runtime/status.h"

#include <stdio.h>
#include <stdlib.h>

#define TRANSFORM_ROWS 128 /* of the bootstrap key, at most */
#define TRANSFORM_RUNS 5

static const uint32_t default_batches[] = {1, 8, 32, 132, 264, 528, 1056, 4224};
#define DEFAULT_BATCHES (sizeof default_batches / sizeof *default_batches)

/* One set on one device. */
typedef struct set_bench {
    const bench_options *o;
    bench_device *device;
    bench_lookups lookups;
    torc_target *target;
    double load_seconds;    /* keys into the form of the kernels */
    bench_times transforms; /* seconds of transform_rows rows of the key; then 0 rows */
    size_t transform_rows;
    double seconds_per_lookup; /* of the last batch that was measured; 0: none yet */
} set_bench;

typedef struct batch_times {
    uint32_t batch, runs;
    double predicted;
    bench_times keyswitch, bootstrap, lookup; /* seconds of the batch */
    bool right;                               /* in every run */
} batch_times;

/* --- rows --- */

static void add_gpu(cJSON *line, const set_bench *b, double per_second)
{
    const double clock_hz = bench_device_bound_hz(b->device);
    const double bound = bench_device_bound(b->device, &b->lookups.circuit->spec.params, clock_hz);
    if (bound != 0) {
        bench_add(line, "bound_per_second", bound);
        bench_add(line, "bound_mhz", 1e-6 * clock_hz);
        bench_add(line, "bound_share", per_second / bound);
    }
    if (b->device->choice.is_gpu) {
        bench_add(line, "fallbacks", (double)b->target->fallback_count);
    }
}

static cJSON *begin_row(const set_bench *b, const char *what)
{
    const bench_set *set = b->lookups.set;
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "bench", "lookups");
    cJSON_AddStringToObject(line, "what", what);
    cJSON_AddStringToObject(line, "set", set->name);
    bench_add(line, "bits", set->bits);
    cJSON_AddStringToObject(line, "profile", set->profile == TORC_SHARED ? "shared" : "private");
    bench_add(line, "norm_sq", (double)set->norm_sq);
    bench_add(line, "circuit_lookups", (double)set->circuit_lookups);
    return line;
}

static void end_row(cJSON *line, const set_bench *b, uint32_t runs, bool right)
{
    bench_add(line, "repeats", runs);
    cJSON_AddBoolToObject(line, "right", right);
    bench_add(line, "keygen_seconds", b->lookups.keygen_seconds);
    bench_add(line, "key_load_seconds", b->load_seconds);
    bench_describe_circuit(line, b->lookups.circuit);
    bench_describe(line, b->device, b->o);
    bench_print(line);
}

static void print_row(const set_bench *b, const batch_times *t, const char *what,
                      const bench_times *times)
{
    const double per_second = t->batch / times->median;
    cJSON *line = begin_row(b, what);
    bench_add(line, "batch", t->batch);
    bench_add_times(line, "ms", times, 1e3);
    bench_add(line, "ms_per_lookup", 1e3 / per_second);
    bench_add(line, "per_second", per_second);
    if (times == &t->lookup) {
        bench_add(line, "ms_predicted", 1e3 * t->predicted);
    }
    if (times != &t->keyswitch) {
        add_gpu(line, b, per_second);
    }
    end_row(line, b, t->runs, t->right);
}

/* Proved right by lookups that used the rows. */
static void print_transforms(set_bench *b, bool right)
{
    const uint32_t polys = b->lookups.circuit->spec.params.glwe_dim + 1;
    const double transforms = (double)b->transform_rows * polys;
    cJSON *line = begin_row(b, "transform");
    bench_add(line, "batch", transforms);
    bench_add_times(line, "ms", &b->transforms, 1e3);
    bench_add(line, "per_second", transforms / b->transforms.median);
    end_row(line, b, TRANSFORM_RUNS, right);
    b->transform_rows = 0;
}

/* --- measuring --- */

/* Reads the first `count` results back and decrypts them. */
static torc_status check(torc_ctx *ctx, bool *right, const set_bench *b, uint32_t count)
{
    const torc_lookup *instr = bench_lookups_instr(&b->lookups);
    uint64_t *lwe = NULL;
    TORC_TRY(TORC_ALLOC(ctx, lwe, count * b->target->element_words));
    torc_status s = b->target->backend->read(ctx, b->target, lwe, instr->out, count, 1);
    if (s == TORC_OK) {
        s = bench_lookups_check(ctx, right, &b->lookups, lwe, count);
    }
    free(lwe);
    return s;
}

static double expected_seconds(const set_bench *b, uint32_t batch)
{
    return b->seconds_per_lookup != 0
               ? b->seconds_per_lookup * batch
               : b->device->slowness *
                     bench_device_predict(b->device, &b->lookups.circuit->spec.params, batch);
}

static torc_status run_once(torc_ctx *ctx, const set_bench *b, bench_phases *phases, batch_times *t)
{
    bool right = false;
    TORC_TRY(bench_device_lookup(ctx, phases, b->device, b->target,
                                 bench_lookups_instr(&b->lookups), t->batch));
    TORC_TRY(check(ctx, &right, b, t->batch));
    t->right = t->right && right;
    return TORC_OK;
}

static torc_status run_repeated(torc_ctx *ctx, const set_bench *b, batch_times *t,
                                double *keyswitch, double *bootstrap, double *lookup)
{
    bench_phases phases = {0};
    if (bench_needs_warming(expected_seconds(b, t->batch))) {
        TORC_TRY(run_once(ctx, b, &phases, t));
    }
    for (uint32_t r = 0; r < t->runs; r++) {
        TORC_TRY(run_once(ctx, b, &phases, t));
        keyswitch[r] = phases.keyswitch;
        bootstrap[r] = phases.bootstrap;
        lookup[r] = phases.keyswitch + phases.bootstrap;
    }
    t->keyswitch = bench_summarise(keyswitch, t->runs);
    t->bootstrap = bench_summarise(bootstrap, t->runs);
    t->lookup = bench_summarise(lookup, t->runs);
    return TORC_OK;
}

static torc_status measure_batch(torc_ctx *ctx, set_bench *b, uint32_t batch)
{
    char what[128];
    double *seconds = NULL;
    batch_times t = {.batch = batch, .right = true};
    t.predicted = bench_device_predict(b->device, &b->lookups.circuit->spec.params, batch);
    snprintf(what, sizeof what, "%s on %s, batch %u", b->lookups.set->name, b->device->name, batch);
    t.runs = bench_plan(b->o, what, expected_seconds(b, batch));
    if (t.runs == 0) {
        return TORC_OK;
    }
    TORC_TRY(TORC_ALLOC(ctx, seconds, 3 * (size_t)t.runs));
    torc_status s =
        run_repeated(ctx, b, &t, seconds, seconds + t.runs, seconds + 2 * (size_t)t.runs);
    free(seconds);
    if (s == TORC_OK) {
        b->seconds_per_lookup = t.lookup.median / batch;
        if (b->transform_rows != 0) {
            print_transforms(b, t.right);
        }
        print_row(b, &t, "keyswitch", &t.keyswitch);
        print_row(b, &t, "bootstrap", &t.bootstrap);
        print_row(b, &t, "lookup", &t.lookup);
        s = t.right
                ? TORC_OK
                : torc_fail(ctx, TORC_E_MISMATCH_RESULT, "%s: a lookup gave a wrong entry", what);
    }
    return s;
}

/* The same rows again into the key that the lookups use. */
static torc_status measure_transforms(torc_ctx *ctx, set_bench *b)
{
    double seconds[TRANSFORM_RUNS];
    const size_t all = torc_evk_bootstrap_rows(&b->lookups.evaluation->params);
    b->transform_rows = all < TRANSFORM_ROWS ? all : TRANSFORM_ROWS;
    for (uint32_t r = 0; r < TRANSFORM_RUNS; r++) {
        TORC_TRY(bench_device_transform(ctx, &seconds[r], b->device, b->target,
                                        b->lookups.evaluation, b->transform_rows));
    }
    b->transforms = bench_summarise(seconds, TRANSFORM_RUNS);
    return TORC_OK;
}

/* --- set-up --- */

typedef struct batch_list {
    uint32_t count;
    uint32_t batch[BENCH_BATCHES_MAX]; /* ascending where they are ours */
} batch_list;

static batch_list batches_of(const bench_options *o)
{
    batch_list list = {.count = o->batch_count};
    for (uint32_t i = 0; i < o->batch_count; i++) {
        list.batch[i] = o->batch[i];
    }
    for (uint32_t i = 0; o->batch_count == 0 && i < DEFAULT_BATCHES; i++) {
        list.batch[list.count++] = default_batches[i];
    }
    return list;
}

/* Encrypted elements on the target, and their noise where there is a linear step. */
static torc_status load_inputs(torc_ctx *ctx, set_bench *b)
{
    const torc_program *program = &b->lookups.circuit->program;
    const torc_ct_part *part = &b->lookups.encrypted->parts[0];
    const size_t words = b->target->element_words;
    uint64_t *lwe = NULL;
    TORC_TRY(TORC_ALLOC(ctx, lwe, part->count * words));
    for (size_t i = 0; i < part->count; i++) {
        torc_ct_expand(lwe + i * words, b->lookups.encrypted, part, 0, i);
    }
    torc_status s = b->target->backend->write(ctx, b->target, 0, (uint32_t)part->count, 1, lwe);
    if (s == TORC_OK && program->instr_count > 1) {
        s = b->target->backend->linear(ctx, b->target, &program->instrs[0].linear, 1);
    }
    if (s == TORC_OK) {
        s = b->target->backend->sync(ctx, b->target);
    }
    free(lwe);
    return s;
}

static torc_status open_target(torc_ctx *ctx, set_bench *b)
{
    const torc_circuit *circuit = b->lookups.circuit;
    const torc_target_options options = {
        .capacity = 1, .threads = bench_threads(b->o), .device = b->device->choice.number[0]};
    const double begin = torc_seconds_now();
    TORC_TRY(b->device->choice.backend->open(ctx, &b->target, &circuit->program,
                                             &circuit->spec.params, b->lookups.evaluation,
                                             &options));
    b->load_seconds = torc_seconds_now() - begin;
    return load_inputs(ctx, b);
}

/* The largest batch that the time left allows: what inputs and memory are made for; 0: none. */
static torc_status largest_batch(torc_ctx *ctx, uint32_t *out, const set_bench *b,
                                 const bench_set *set, const batch_list *list)
{
    const double left = bench_seconds_left(b->o);
    torc_circuit *probe = NULL;
    int64_t table[1 << TORC_INDEX_BITS];
    TORC_TRY(bench_lookup_circuit(ctx, &probe, table, set, 1, b->device->engine));
    *out = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const double seconds = b->device->slowness *
                               bench_device_predict(b->device, &probe->spec.params, list->batch[i]);
        *out = list->batch[i] > *out && seconds < left ? list->batch[i] : *out;
    }
    torc_circuit_free(probe);
    return TORC_OK;
}

static torc_status measure_all(torc_ctx *ctx, set_bench *b, const bench_set *set)
{
    const batch_list list = batches_of(b->o);
    uint32_t largest = 0;
    TORC_TRY(largest_batch(ctx, &largest, b, set, &list));
    if (largest == 0) {
        (void)fprintf(stderr, "torc_bench: %s on %s: left out, no time\n", set->name,
                      b->device->name);
        return TORC_OK;
    }
    TORC_TRY(bench_lookups_make(ctx, &b->lookups, set, largest, b->device->engine));
    TORC_TRY(open_target(ctx, b));
    TORC_TRY(measure_transforms(ctx, b));
    for (uint32_t i = 0; i < list.count; i++) {
        if (list.batch[i] <= largest) {
            TORC_TRY(measure_batch(ctx, b, list.batch[i]));
        }
    }
    return TORC_OK;
}

static torc_status measure_set(torc_ctx *ctx, bench_device *device, const bench_set *set,
                               const bench_options *o)
{
    set_bench b = {.o = o, .device = device};
    const torc_status s = measure_all(ctx, &b, set);
    if (b.target != NULL) {
        b.target->backend->close(b.target);
    }
    bench_lookups_free(&b.lookups);
    return s;
}

torc_status bench_lookups_run(torc_ctx *ctx, const bench_options *o)
{
    bench_device device;
    bench_set *sets = NULL;
    uint32_t count = 0;
    TORC_TRY(bench_sets(ctx, &sets, &count, o));
    torc_status s = bench_device_find(ctx, &device, o);
    for (uint32_t i = 0; s == TORC_OK && i < count; i++) {
        s = measure_set(ctx, &device, &sets[i], o);
    }
    bench_device_free(&device);
    free(sets);
    return s;
}
