/* The price of one launch on a GPU, from the counted resources of its kernels. Must not know about:
 * circuits, noise, what was measured (gpu_schedule.c).
 *
 * kernels/cuda/resources.txt states for every compiled kernel the clocks of a step of all blocks
 * that a multiprocessor holds: over its phases the sum of max(FP64, shared memory, key reads at 24
 * bytes a clock). cmake/gpu_resources.cmake makes rows of it. On top of that, all by the
 * multiprocessors and the clock of the device, times 64 / lanes where it has fewer FP64 lanes:
 *
 *   throughput  waves of as many ciphertexts as the device holds, each steps * clocks / share
 *   latency     turns of at most 66 ciphertexts and 1.5 GiB of bundles. A turn: bundles, the larger
 *               of FP64 and memory (the key once, all bundles written); then steps on clusters, the
 *               largest of what a cluster alone waits for, of the counts of those that share a
 *               multiprocessor, and of reading the bundles
 *   global      pieces whose spectra fit 24 MiB; a step is 2 launches (3 at g = 1), the FP64 of
 *               runtime/cost_gpu.c, and the spectra through the second-level cache at 24 bytes
 *   keyswitch   blocks of 16, 64 or 128 ciphertexts by 128 or 64 columns, each kN/32 l' slices
 * steps; three launches, and 10 ns a ciphertext for digits and modulus switch
 *
 * A cluster alone: its warps have an FP64 pipe each, and between dependent instructions they wait
 * about WAIT_CLOCKS a step, BARRIER_CLOCKS more for two barriers of a cluster (kernels/cuda/
 * rotate_latency.cuh counts both). All shares and waits are expectations until a device has run. */
#include "kernels/kernels_cuda.h"
#include "runtime/configurations.h"
#include "runtime/cost_gpu.h"

#include <math.h>
#include <string.h>

#define POINT_BYTES         16.0
#define FULL_LANES          64.0 /* that the clocks of the rows assume */
#define QUARTER_WARPS       128u /* threads of which each quarter has one warp */
#define WAIT_CLOCKS         1070.0
#define BARRIER_CLOCKS      215.0
#define END_SECONDS         5e-6 /* rotated tables before the first step, extraction behind the last */
#define LATENCY_TURN        66.0
#define LATENCY_BYTES       1610612736.0 /* 3 * 2^29 */
#define GLOBAL_BYTES        25165824.0   /* 24 * 2^20 */
#define L2_BYTES            24.0         /* a clock and multiprocessor, all of them reading */
#define KEYSWITCH_SHARE     0.88         /* whole shares of the depth, the ring's filling */
#define KEYSWITCH_CHUNK     32.0
#define KEYSWITCH_SLICE     7.0
#define KEYSWITCH_TILE      16u
#define KEYSWITCH_ROW_WARPS 8u
#define KEYSWITCH_EACH      1e-8
#define BOOST_SHARE         (1.755 / 1.98) /* of the highest clock, under FP64 */

typedef struct throughput_row {
    torc_configuration shape;
    uint32_t threads, shared_bytes, blocks;
    double bits;             /* ciphertexts of a block times g */
    double fp64, wavefronts; /* of the phase with digits: of a thread, of a block */
    double clocks;
} throughput_row;

typedef struct latency_row {
    uint32_t glwe_dim, log2_poly_size, level_count, extended_log2, cluster;
    uint32_t threads, shared_bytes, blocks;
    double fp64; /* of a thread */
    double clocks;
} latency_row;

typedef struct keyswitch_row {
    uint32_t row_tiles, row_warps, shared_bytes, blocks;
    double clocks;
} keyswitch_row;

#define TORC_LATENCY(...)
#define TORC_KEYSWITCH(...)
#define TORC_THROUGHPUT(k, log2_n, l, g, v, threads, shared, blocks, bits, fp64, wavefronts, \
                        clocks)                                                              \
    {{k, log2_n, l, g, v}, threads, shared, blocks, bits, fp64, wavefronts, clocks},
static const throughput_row throughput_rows[] = {
#include "runtime/gpu_resources.def"
};
#undef TORC_THROUGHPUT
#define TORC_THROUGHPUT(...)

#undef TORC_LATENCY
#define TORC_LATENCY(k, log2_n, l, v, cluster, threads, shared, blocks, fp64, clocks) \
    {k, log2_n, l, v, cluster, threads, shared, blocks, fp64, clocks},
static const latency_row latency_rows[] = {
#include "runtime/gpu_resources.def"
};
#undef TORC_LATENCY
#define TORC_LATENCY(...)

#undef TORC_KEYSWITCH
#define TORC_KEYSWITCH(tiles, warps, shared, blocks, clocks) {tiles, warps, shared, blocks, clocks},
static const keyswitch_row keyswitch_rows[] = {
#include "runtime/gpu_resources.def"
};

/* --- devices --- */

const torc_gpu_identity torc_gpu_identity_h200 = {.name = "NVIDIA H200",
                                                  .major = 9,
                                                  .multiprocessors = 132,
                                                  .clock_hz = 1.98e9,
                                                  .shared_bytes = 232448,
                                                  .clusters_of_4 = 32};

/* Data sheets; devices without a row are made for graphics. */
static double fp64_lanes(const torc_gpu_identity *device)
{
    static const struct {
        uint32_t major, minor;
        double lanes;
    } rows[] = {{7, 0, 32}, {8, 0, 32}, {9, 0, 64}, {10, 0, 64}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].major == device->major && rows[i].minor == device->minor) {
            return rows[i].lanes;
        }
    }
    return 2;
}

/* Five sixths of the data sheet. */
static double memory_rate(const torc_gpu_identity *device)
{
    static const struct {
        const char *name;
        double rate;
    } rows[] = {{"B200", 6.6e12}, {"GH200", 3.3e12}, {"H200", 4.0e12}, {"H100 PCIe", 1.7e12},
                {"H100", 2.8e12}, {"A100", 1.6e12},  {"A30", 0.78e12}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strstr(device->name, rows[i].name) != NULL) {
            return rows[i].rate;
        }
    }
    return 6e9 * device->multiprocessors;
}

void torc_gpu_machine_of(torc_gpu_machine *out, const torc_gpu_identity *device)
{
    *out = torc_gpu_machine_default;
    out->multiprocessors = device->multiprocessors;
    out->clock_hz = BOOST_SHARE * device->clock_hz;
    out->fp64_lanes = fp64_lanes(device);
    out->memory_rate = memory_rate(device);
    out->shared_bytes = device->shared_bytes;
    out->clusters_of_4 = device->clusters_of_4;
}

/* Seconds of clocks that a row counts for full lanes. */
static double row_seconds(const torc_gpu_machine *machine, double clocks)
{
    return clocks * FULL_LANES / machine->fp64_lanes / machine->clock_hz;
}

/* Clusters of `blocks` blocks that the device holds, `layers` blocks on a multiprocessor; a lone
 * layer leaves multiprocessors over. */
static uint32_t clusters_at_once(const torc_gpu_machine *machine, uint32_t cluster, uint32_t layers)
{
    const uint32_t all = (uint32_t)machine->multiprocessors * layers / cluster;

    if (cluster > 1 && machine->clusters_of_4 == 0) {
        return 0;
    }
    return layers > 1 || cluster < 4 ? all : machine->clusters_of_4 * 4 / cluster;
}

static uint32_t ceiling(double a, double b)
{
    return (uint32_t)ceil(a / b);
}

/* --- throughput form --- */

static const throughput_row *find_throughput(const torc_gpu_machine *machine,
                                             const torc_params *params)
{
    const torc_configuration shape = torc_configuration_of(params);

    for (size_t i = 0; i < sizeof throughput_rows / sizeof *throughput_rows; i++) {
        const throughput_row *row = &throughput_rows[i];
        const torc_configurations one = {&row->shape, 1};
        if (torc_configurations_hold(&one, &shape)) {
            return row->shared_bytes <= machine->shared_bytes ? row : NULL;
        }
    }
    return NULL;
}

uint32_t torc_cost_gpu_wave(const torc_gpu_machine *machine, const torc_params *params)
{
    const throughput_row *row = find_throughput(machine, params);

    if (row == NULL) {
        return 0;
    }
    const double of_block = row->bits / params->grouping;
    return of_block >= 1.0 ? (uint32_t)(machine->multiprocessors * row->blocks * of_block)
                           : clusters_at_once(machine, (uint32_t)lround(1 / of_block), row->blocks);
}

/* The rows count wide digits. Narrow ones save FP64 instructions, which is worth something down to
 * what shared memory takes in the same phase. */
static double step_clocks(const torc_gpu_machine *machine, const torc_params *params,
                          const throughput_row *row)
{
    torc_gpu_step step;
    torc_gpu_step_count(&step, machine, params);
    const double coefficients =
        exp2(params->extended_log2) * (params->glwe_dim + 1.0) * params->poly_size;
    const double wide = coefficients * (params->bootstrap.level_count + 4.0);
    const double saved = (wide - step.digits) / FULL_LANES * row->bits / params->grouping;
    const double spare = row->fp64 * row->threads / FULL_LANES - row->wavefronts;

    return row->clocks - fmax(fmin(saved, spare), 0.0) * row->blocks;
}

static double throughput_seconds(const torc_gpu_machine *machine, const torc_params *params,
                                 uint32_t batch)
{
    const uint32_t wave = torc_cost_gpu_wave(machine, params);

    if (wave == 0) {
        return HUGE_VAL;
    }
    const double clocks =
        step_clocks(machine, params, find_throughput(machine, params)) / machine->rotation_share;
    return machine->launch_seconds + END_SECONDS +
           ceiling(batch, wave) * row_seconds(machine, torc_params_step_count(params) * clocks);
}

double torc_cost_gpu_bound(const torc_gpu_machine *machine, const torc_params *params)
{
    const throughput_row *row = find_throughput(machine, params);

    if (row == NULL) {
        return 0;
    }
    return torc_cost_gpu_wave(machine, params) /
           row_seconds(machine, torc_params_step_count(params) * step_clocks(machine, params, row));
}

/* --- latency form --- */

static bool latency_takes(const torc_params *params)
{
    const torc_configuration shape = torc_configuration_of(params);
    const torc_configuration four_bits = {1, 11, 1, 4, 0};
    const torc_configurations extra = {&four_bits, 1};

    return params->grouping >= 2 &&
           (torc_configurations_hold(&torc_configurations_shipped, &shape) ||
            torc_configurations_hold(&extra, &shape));
}

/* NULL also for a cluster that the device does not have. */
static const latency_row *find_latency(const torc_gpu_machine *machine, const torc_params *params,
                                       uint32_t cluster)
{
    const torc_configuration shape = torc_configuration_of(params);

    for (size_t i = 0; latency_takes(params) && i < sizeof latency_rows / sizeof *latency_rows;
         i++) {
        const latency_row *row = &latency_rows[i];
        if (row->glwe_dim == shape.glwe_dim && row->log2_poly_size == shape.log2_poly_size &&
            row->level_count == shape.level_count && row->extended_log2 == shape.extended_log2 &&
            row->cluster == cluster) {
            return row->shared_bytes <= machine->shared_bytes &&
                           clusters_at_once(machine, cluster, row->blocks) > 0
                       ? row
                       : NULL;
        }
    }
    return NULL;
}

uint32_t torc_cost_gpu_cluster(const torc_gpu_machine *machine, const torc_params *params)
{
    for (uint32_t cluster = 4; cluster > 0; cluster /= 2) {
        if (find_latency(machine, params, cluster) != NULL) {
            return cluster;
        }
    }
    return 0;
}

/* Of one ciphertext, all steps. */
static double bundle_bytes(const torc_params *params)
{
    const double columns = params->glwe_dim + 1.0;
    const double points = columns * params->bootstrap.level_count * columns * params->poly_size / 2;

    return torc_params_step_count(params) * exp2(params->extended_log2) * points * POINT_BYTES;
}

static double bundle_seconds(const torc_gpu_machine *machine, const torc_params *params,
                             double count)
{
    torc_gpu_step step;
    torc_gpu_step_count(&step, machine, params);
    const double steps = torc_params_step_count(params);
    const double key_bytes = steps * step.key_bytes;
    const double lanes = machine->multiprocessors * machine->fp64_lanes * machine->clock_hz;
    const double fp64 =
        count * steps * torc_gpu_bundle_count(params) / (lanes * machine->rotation_share);

    return fmax(fp64, (key_bytes + count * bundle_bytes(params)) / machine->memory_rate);
}

/* Steps of ciphertexts that are on the device together. */
static double cluster_seconds(const torc_gpu_machine *machine, const torc_params *params,
                              const latency_row *row, double count)
{
    const double warps = row->threads / (double)QUARTER_WARPS;
    const double alone = row->fp64 * warps * 128.0 / machine->fp64_lanes + WAIT_CLOCKS +
                         (row->cluster > 1 ? BARRIER_CLOCKS : 0.0);
    const double fill = count * row->cluster / machine->multiprocessors;
    const double layers = fill <= 1.0 ? fill : fmin(ceil(fill), row->blocks);
    const double share = fill <= 1.0 ? 1.0 : machine->rotation_share; /* waits: alone has them */
    const double together =
        row->clocks / row->blocks * layers * FULL_LANES / machine->fp64_lanes / share;

    return torc_params_step_count(params) * fmax(alone, together) / machine->clock_hz;
}

static double turn_seconds(const torc_gpu_machine *machine, const torc_params *params,
                           const latency_row *row, double count)
{
    const double at_once = clusters_at_once(machine, row->cluster, row->blocks);
    const double waves = ceil(count / at_once);
    const double steps = waves * cluster_seconds(machine, params, row, ceil(count / waves));
    const double reads = count * bundle_bytes(params) / machine->memory_rate;

    return 2 * machine->launch_seconds + END_SECONDS + bundle_seconds(machine, params, count) +
           fmax(steps, reads);
}

/* Equal turns, as rotate_latency cuts a batch. */
static double latency_seconds(const torc_gpu_machine *machine, const torc_params *params,
                              uint32_t cluster, uint32_t batch)
{
    const latency_row *row = find_latency(machine, params, cluster);

    if (row == NULL) {
        return HUGE_VAL;
    }
    const double most = fmin(fmax(floor(LATENCY_BYTES / bundle_bytes(params)), 1), LATENCY_TURN);
    const double turns = ceil(batch / most);
    const double size = ceil(batch / turns);
    const double last = batch - size * (ceil(batch / size) - 1);

    return (ceil(batch / size) - 1) * turn_seconds(machine, params, row, size) +
           turn_seconds(machine, params, row, last);
}

/* --- global form --- */

static double global_seconds(const torc_gpu_machine *machine, const torc_params *params,
                             uint32_t batch)
{
    const double polys = (params->glwe_dim + 1.0) * exp2(params->extended_log2);
    const double bytes = polys * (params->bootstrap.level_count + 1.0) * params->poly_size * 8;
    const double pieces = ceil(batch / fmax(floor(GLOBAL_BYTES / bytes), 1));
    const double launches = params->grouping > 1 ? 2 : 3;
    torc_gpu_step step;

    if (params->grouping > 3 || params->bootstrap.level_count > 3) {
        return HUGE_VAL;
    }
    torc_gpu_step_count(&step, machine, params);
    const double fp64 = (step.transforms + step.digits + step.product) / machine->fp64_lanes;
    const double exchange =
        polys * (2.0 * params->bootstrap.level_count + 2.0) * params->poly_size * 8 / L2_BYTES;
    const double clocks = (fp64 + exchange) / machine->rotation_share;
    return END_SECONDS + torc_params_step_count(params) *
                             (pieces * launches * machine->launch_seconds +
                              batch * clocks / (machine->multiprocessors * machine->clock_hz));
}

double torc_cost_gpu_rotation(const torc_gpu_machine *machine, const torc_params *params,
                              uint32_t form, uint32_t cluster, uint32_t batch)
{
    const double kept = params->bootstrap.base_log * (double)params->bootstrap.level_count;

    if (batch == 0) {
        return 0;
    }
    if (kept > 32 || params->bootstrap.base_log > 31) {
        return HUGE_VAL; /* digits are cut from 32 bits */
    }
    switch (form) {
    case TORC_GPU_FORM_THROUGHPUT: return throughput_seconds(machine, params, batch);
    case TORC_GPU_FORM_LATENCY: return latency_seconds(machine, params, cluster, batch);
    case TORC_GPU_FORM_GLOBAL: return global_seconds(machine, params, batch);
    default: return HUGE_VAL;
    }
}

/* --- keyswitch --- */

/* The block that takes the batch: the smallest that holds it, else the largest. */
static const keyswitch_row *find_keyswitch(uint32_t batch)
{
    const keyswitch_row *found = NULL;

    for (size_t i = 0; i < sizeof keyswitch_rows / sizeof *keyswitch_rows; i++) {
        const keyswitch_row *row = &keyswitch_rows[i];
        const uint32_t size = KEYSWITCH_TILE * row->row_tiles * row->row_warps;
        const uint32_t best =
            found == NULL ? 0 : KEYSWITCH_TILE * found->row_tiles * found->row_warps;
        if (found == NULL || (best < batch && size > best) || (size >= batch && size < best)) {
            found = row;
        }
    }
    return found;
}

double torc_cost_gpu_keyswitch_batch(const torc_gpu_machine *machine, const torc_params *params,
                                     uint32_t batch)
{
    const keyswitch_row *row = find_keyswitch(batch);
    const uint32_t rows = KEYSWITCH_TILE * row->row_tiles * row->row_warps;
    const uint32_t columns = KEYSWITCH_TILE * KEYSWITCH_ROW_WARPS / row->row_warps;
    const double steps = torc_params_big_dim(params) / KEYSWITCH_CHUNK *
                         params->keyswitch.level_count *
                         ceil(params->keyswitch.base_log / KEYSWITCH_SLICE);
    const double blocks = (double)ceiling(batch, rows) * ceiling(params->lwe_dim + 1.0, columns);

    if (batch == 0) {
        return 0;
    }
    return 3 * machine->launch_seconds + KEYSWITCH_EACH * batch +
           steps * blocks * row->clocks / row->blocks /
               (machine->multiprocessors * machine->clock_hz * KEYSWITCH_SHARE);
}
