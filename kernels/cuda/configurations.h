/* The list that kernels are built for. A kernel makes its instances by
 *
 *   #define TORC_CONFIGURATION(k, log2_N, l, g, v) ...
 *   #include TORC_CONFIGURATIONS
 *   #undef TORC_CONFIGURATION
 *
 * so that a build may name a part of the list (cmake/cuda_objects.cmake: one object for each g). A
 * part may hold no configuration that this kernel runs: empty tables must be allowed. */
#ifndef TORC_CUDA_CONFIGURATIONS_H
#define TORC_CUDA_CONFIGURATIONS_H

#ifndef TORC_CONFIGURATIONS
#define TORC_CONFIGURATIONS "kernels/configurations.def"
#endif

#endif
