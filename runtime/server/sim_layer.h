/* A linear instruction as a layer of doubles. */
#ifndef TORC_SIM_LAYER_H
#define TORC_SIM_LAYER_H

#include "kernels/kernels.h"
#include "runtime/program.h"

/* Inputs that are absent are element program->element_count, a row of zeros. */
TORC_MUST_CHECK torc_status torc_sim_layer_create(torc_ctx *ctx, torc_clear_layer *out,
                                                  const torc_linear *linear,
                                                  const torc_program *program);
void torc_sim_layer_free(torc_clear_layer *layer); /* {0} is fine */

#endif
