/* The functions behind a torc_cpu_kernels table (kernels/kernels.h says what they do). */
#ifndef TORC_KERNELS_CPU_TABLE_H
#define TORC_KERNELS_CPU_TABLE_H

#include "kernels/cpu/vector.h"
#include "kernels/kernels.h"

void TORC_CPU(binary_spectrum)(double *spectrum, const uint64_t *b, uint32_t poly_size);
void TORC_CPU(negacyclic_add)(uint64_t *out, const uint64_t *a, const double *spectrum,
                              uint32_t count, uint32_t poly_size);

size_t TORC_CPU(bootstrap_key_bytes)(const torc_shape *shape);
void TORC_CPU(bootstrap_key_row)(void *key, size_t row, const uint64_t *glwe,
                                 const torc_shape *shape);
void TORC_CPU(bootstrap_key_step)(void *key, size_t step, const torc_shape *shape);
uint32_t TORC_CPU(bootstrap_batch)(const torc_shape *shape);
size_t TORC_CPU(bootstrap_scratch_bytes)(const torc_shape *shape, uint32_t batch);
void TORC_CPU(bootstrap)(uint64_t *const *out, const uint32_t *small, const uint64_t *const *entry,
                         const uint32_t *index_bits, uint32_t batch, const void *key,
                         const torc_shape *shape, void *scratch);
void TORC_CPU(bootstrap_job)(const torc_bootstrap_job *job, const torc_shape *shape);
uint32_t TORC_CPU(team_limit)(const torc_shape *shape);

size_t TORC_CPU(keyswitch_key_bytes)(const torc_shape *shape);
void TORC_CPU(keyswitch_key_rows)(void *key, size_t pair, const uint32_t *lwe,
                                  const torc_shape *shape);
size_t TORC_CPU(keyswitch_scratch_bytes)(const torc_shape *shape, uint32_t batch);
void TORC_CPU(keyswitch)(const torc_keyswitch_job *job, const torc_shape *shape);

void TORC_CPU(linear)(uint64_t *const *out, const uint64_t *const *in, const int64_t *weight,
                      uint32_t out_count, uint32_t in_count, size_t words);

void TORC_CPU(clear_linear)(double *value, size_t stride, const torc_clear_layer *layer,
                            size_t lanes);
size_t TORC_CPU(clear_lookup)(double *out, const double *in, const double *in_noise,
                              const double *out_noise, const torc_clear_table *table, size_t count);
void TORC_CPU(gaussian)(double *out, size_t count, uint64_t counter, double std, double grid);

#endif
