/* What lookups cost on one GPU, and how a batch is cut into launches.
 *
 * Every price starts from counts (runtime/cost_gpu.h). Rows that `torc calibrate` measured correct
 * it: at a measured batch the price is the measured one, between two of them it keeps the waves of
 * the counts, times what was measured over what was counted. Must not know: programs, devices at
 * work, files of keys. */
#ifndef TORC_GPU_SCHEDULE_H
#define TORC_GPU_SCHEDULE_H

#include "runtime/cost.h"
#include "runtime/cost_gpu.h"

/* In the place of a torc_gpu_form: a row that measured a keyswitch. */
enum { TORC_GPU_KEYSWITCH = 100 };

/* "throughput", "latency", "global", "keyswitch"; "any" for others. */
const char *torc_gpu_form_name(uint32_t form);

/* One measurement: `batch` ciphertexts of one parameter set through one launch. */
typedef struct torc_gpu_row {
    torc_params params;
    uint32_t form;    /* torc_gpu_form, or TORC_GPU_KEYSWITCH */
    uint32_t cluster; /* latency form: blocks a ciphertext; else 0 */
    uint32_t batch;
    double seconds; /* of the whole launch, all steps */
} torc_gpu_row;

enum { TORC_GPU_ROWS_MAX = 4096 };

typedef struct torc_gpu_schedule {
    torc_gpu_identity device;
    char date[16]; /* of the measurement, 2026-11-29; "": all predicted */
    uint32_t row_count;
    torc_gpu_row *rows; /* [row_count]; freed by torc_gpu_schedule_free */
} torc_gpu_schedule;

/* Predicted for this device, nothing measured. */
void torc_gpu_schedule_default(torc_gpu_schedule *out, const torc_gpu_identity *device);
void torc_gpu_schedule_free(torc_gpu_schedule *schedule); /* NULL and {0} are fine; leaves {0} */

/* --- prices --- */

/* Seconds of one launch; HUGE_VAL when the device or the form does not take the parameters, 0 for a
 * batch of 0. cluster: of the latency form, 0: the largest that the device has. is_measured may be
 * NULL: whether a measured row has a say. */
double torc_gpu_schedule_rotation(const torc_gpu_schedule *schedule, const torc_params *params,
                                  uint32_t form, uint32_t cluster, uint32_t batch,
                                  bool *is_measured);
double torc_gpu_schedule_keyswitch(const torc_gpu_schedule *schedule, const torc_params *params,
                                   uint32_t batch, bool *is_measured);

/* One launch of a batch: its `count` ciphertexts follow those of the pieces before. */
typedef struct torc_gpu_piece {
    uint32_t count;
    uint32_t form;    /* torc_gpu_form */
    uint32_t cluster; /* for torc_gpu_rotate_args */
    double seconds;
} torc_gpu_piece;

enum { TORC_GPU_MAX_PIECES = 4 };

/* The split of `batch` lookups of one level into launches, fastest by the schedule: all in one
 * form, or full waves of the throughput form and a rest in another. Returns the number of pieces; 0
 * for a batch of 0, and when no form takes the parameters. */
uint32_t torc_gpu_schedule_split(torc_gpu_piece out[TORC_GPU_MAX_PIECES],
                                 const torc_gpu_schedule *schedule, const torc_params *params,
                                 uint32_t batch);

/* Seconds of `batch` lookups of one level: keyswitch and all pieces of the rotation. */
double torc_gpu_schedule_lookups(const torc_gpu_schedule *schedule, const torc_params *params,
                                 uint32_t batch);

/* --- programs (cost_gpu_predict.c) --- */

/* Seconds of one sample alone, and of each of `samples` at once; bytes on the wire. memory_bytes is
 * left 0: the device says. */
void torc_predict_gpu(torc_prediction *out, const torc_gpu_schedule *schedule,
                      const torc_program *program, const torc_params *params, size_t samples);

/* --- file --- */

/* gpu-NAME.json in $TORC_CONFIG_DIR, else in torc/ of $XDG_CONFIG_HOME, else in ~/.config/torc; the
 * caller frees *out. E_IO when none of them is set. */
TORC_MUST_CHECK torc_status torc_gpu_schedule_path(torc_ctx *ctx, char **out,
                                                   const torc_gpu_identity *device);

/* JSON; load takes any device where device is NULL. Load: E_IO without a file, E_FORMAT when it is not one of ours, E_MISMATCH when it belongs
 * to another device. Save makes the folder; the file appears whole or not at all. */
TORC_MUST_CHECK torc_status torc_gpu_schedule_load(torc_ctx *ctx, torc_gpu_schedule *out,
                                                   const torc_gpu_identity *device,
                                                   const char *path);
TORC_MUST_CHECK torc_status torc_gpu_schedule_save(torc_ctx *ctx, const torc_gpu_schedule *schedule,
                                                   const char *path);

/* What a run uses: the file of the device where there is one, else the predicted schedule. */
TORC_MUST_CHECK torc_status torc_gpu_schedule_find(torc_ctx *ctx, torc_gpu_schedule *out,
                                                   const torc_gpu_identity *device);

#endif
