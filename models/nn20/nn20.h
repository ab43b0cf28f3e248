/* NN-20: a network of 20 layers with random weights, on random images of 28 x 28 pixels. Nothing is
 * learned: it is there to be timed, at a depth that needs every layer to be right.
 *
 *   image [side][side]        integers 0 .. white
 *   convolution 3 x 3, padded: 4 weights of 1, 4 of -1, one of 0;   lookup: side^2 of them
 *   `layers` dense layers: `width` rows of `nonzero` weights of +-1; lookup: width of them each
 *   a dense layer to 10 scores, no lookup
 *
 * A lookup is the sign, -1 or 1: a sum of 36 of them stays within 6 bits. Rounded: images in [0, 1]
 * and a scaled tanh as floats, for the compiler to quantise. */
#ifndef TORC_MODELS_NN20_H
#define TORC_MODELS_NN20_H

#include "frontend/torc_compile.h"

typedef struct nn20_shape {
    const char *name;
    uint32_t side;    /* of the image, in pixels */
    uint32_t white;   /* the brightest pixel */
    uint32_t layers;  /* dense ones with lookups */
    uint32_t width;   /* of a dense layer */
    uint32_t nonzero; /* weights of a row: its squared norm; at most width */
    bool is_rounded;
} nn20_shape;

#define NN20_SCORES 10
#define NN20_BITS   6 /* index width of the lookups */

extern const nn20_shape nn20_ternary; /* 36 of 92 weights a row; exact: 784 + 18 * 92 lookups */
extern const nn20_shape nn20_dense;   /* all 92; rounded */
extern const nn20_shape nn20_small;   /* exact, 17 lookups: for tests */

/* Weights as integers: [rows][columns] of dense layer 0 .. layers, the last one with NN20_SCORES
 * rows; [3][3] of the convolution. */
TORC_MUST_CHECK torc_status nn20_weights(torc_ctx *ctx, torc_tensor *out, const nn20_shape *shape,
                                         uint32_t layer);
TORC_MUST_CHECK torc_status nn20_filter(torc_ctx *ctx, torc_tensor *out);

/* Images [samples][side][side]; other seeds, other images. */
TORC_MUST_CHECK torc_status nn20_images(torc_ctx *ctx, torc_tensor *out, const nn20_shape *shape,
                                        size_t samples, uint64_t seed);

TORC_MUST_CHECK torc_status nn20_trace(torc_ctx *ctx, torc_graph **out, const nn20_shape *shape);

/* Compiled with an inputset of its own; name, contract and widths of the options are filled in. */
TORC_MUST_CHECK torc_status nn20_compile(torc_ctx *ctx, torc_circuit **out, const nn20_shape *shape,
                                         const torc_options *options);

#endif
