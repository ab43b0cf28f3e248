/* The single terms of the noise of a parameter set, torus units. For the search, which prices them
 * one by one, and for tests that measure them one by one; everyone else reads runtime/noise.h. */
#ifndef TORC_NOISE_TERMS_H
#define TORC_NOISE_TERMS_H

#include "runtime/noise.h"

/* What the terms depend on beside the parameters. */
typedef struct torc_noise_keys {
    double big_weight;   /* ones in the big key */
    double small_weight; /* ones in the small key */
    double fft_constant; /* c of the transform */
} torc_noise_keys;

/* Weights TORC_KEY_WEIGHT_SIGMAS above half, FFT constant with its margin. */
torc_noise_keys torc_noise_keys_production(const torc_params *params);

/* The same for the GPU's kernels: their own constants (kernels/kernels_cuda.h). */
torc_noise_keys torc_noise_keys_gpu(const torc_params *params);

double torc_variance_fresh(const torc_params *params);

/* Blind rotation: the bootstrap key's noise, the digits that the gadget drops, the transform. */
double torc_variance_bootstrap_key(const torc_params *params);
double torc_variance_bootstrap_rounding(const torc_params *params, const torc_noise_keys *keys);
double torc_variance_bootstrap_fft(const torc_params *params, const torc_noise_keys *keys);
double torc_variance_bootstrap(const torc_params *params,
                               const torc_noise_keys *keys); /* their sum */

/* The GPU's classic step keeps its accumulator in words of 32 bits. */
double torc_variance_gpu_words(const torc_params *params, const torc_noise_keys *keys);

/* Keyswitch: its key's noise, the digits dropped and the body rounded to 32 bits. */
double torc_variance_keyswitch_key(const torc_params *params);
double torc_variance_keyswitch_rounding(const torc_params *params, const torc_noise_keys *keys);
double torc_variance_keyswitch(const torc_params *params,
                               const torc_noise_keys *keys); /* their sum */

double torc_variance_modulus_switch(const torc_params *params);

#endif
