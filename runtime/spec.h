/* What a client must know of a circuit: parameters, names, shapes, encodings, claims, and what to do
 * with decrypted outputs. No weight and no table is in it. */
#ifndef TORC_SPEC_H
#define TORC_SPEC_H

#include "runtime/params.h"

#define TORC_ID_BYTES 32

typedef enum torc_contract { TORC_EXACT, TORC_ROUNDED } torc_contract;
typedef enum torc_profile { TORC_PRIVATE, TORC_SHARED, TORC_CUSTOM } torc_profile;

/* One input or output of the circuit, without the batch axis. */
typedef struct torc_port {
    char *name;
    uint32_t rank;
    size_t shape[TORC_MAX_RANK];
    bool encrypted;
    bool is_signed;
    bool is_float;          /* the user sees floats: x = real_offset + real_scale * m */
    uint32_t width;         /* own width w: integers outside it are refused */
    uint32_t encoding_bits; /* W: m stands for m * 2^(63-W) */
    int64_t min;            /* inputs: measured or declared bounds of the integers */
    int64_t max;
    uint32_t scale_count;   /* 0 for integers; 1, or one an element */
    double *real_scale;
    double *real_offset;
} torc_port;

/* What the client does with the (dequantised) outputs, in order, on the last-but-batch axes.
 * The result of the last step is the model's own output. */
typedef enum torc_post_kind {
    TORC_POST_UNARY,          /* element-wise: name = "sigmoid", "relu", "tanh", "exp", ... */
    TORC_POST_SOFTMAX,        /* over axis */
    TORC_POST_LOG_SOFTMAX,
    TORC_POST_ARGMAX,         /* over axis, keepdims as given: int64 */
    TORC_POST_COMPLEMENT,     /* concat(1-p, p) along axis */
    TORC_POST_AFFINE,         /* x * alpha + beta */
    TORC_POST_RESHAPE,        /* to shape, without the batch axis */
    TORC_POST_LABELS,         /* integer index -> labels[index]: int64 */
} torc_post_kind;

typedef struct torc_post {
    torc_post_kind kind;
    char *name;           /* UNARY: function (see torc_unary_find in unary.h) */
    int32_t axis;         /* counted without the batch axis, >= 0 */
    bool keep_dims;
    double alpha, beta;   /* AFFINE; parameters of UNARY functions (leaky_relu: alpha) */
    uint32_t rank;
    size_t shape[TORC_MAX_RANK];
    size_t label_count;
    int64_t *labels;
} torc_post;

typedef struct torc_spec {
    char *circuit_name;
    bool is_virtual;        /* never encrypted: protects nothing */
    torc_contract contract;
    torc_profile profile;
    double log2_p_error_lookup;  /* claimed: worst single lookup or output */
    double log2_p_error_circuit; /* claimed: one sample of the whole circuit */
    double log2_p_error_bound;   /* what was asked for */
    torc_params params;
    uint8_t circuit_id[TORC_ID_BYTES];
    uint32_t input_count;
    uint32_t output_count;
    uint32_t post_count;     /* apply to output 0 */
    torc_port *inputs;
    torc_port *outputs;
    torc_post *posts;
} torc_spec;

/* Every pointer is its own malloc'd block. */
void torc_spec_free(torc_spec *spec);
TORC_MUST_CHECK torc_status torc_spec_copy(torc_ctx *ctx, torc_spec *out, const torc_spec *in);

/* Everything that can be checked without a key: numbers in range, names (1 to TORC_NAME_MAX bytes of
 * printable UTF-8, unique), shapes, scales, post steps that fit the outputs. E_FORMAT. */
#define TORC_NAME_MAX          128
#define TORC_SPEC_MAX_PORTS    1024
#define TORC_SPEC_MAX_POSTS    64
#define TORC_SPEC_MAX_ELEMENTS ((size_t)1 << 28) /* of one input or output, a sample */
TORC_MUST_CHECK torc_status torc_spec_check(torc_ctx *ctx, const torc_spec *spec);

/* Canonical JSON text (sorted, no white space), and back; the caller frees *out. Reading checks
 * everything (E_FORMAT). Claims below 2^-1e6 are written as 2^-1e6. */
TORC_MUST_CHECK torc_status torc_spec_to_json(torc_ctx *ctx, char **out, const torc_spec *spec);
TORC_MUST_CHECK torc_status torc_spec_from_json(torc_ctx *ctx, torc_spec *out, const char *text,
                                                size_t length);

/* What keygen, encrypt and decrypt demand: not virtual, parameters at least as strong as the curve,
 * the claimed failure within the profile's bound (private: 2^-40 a circuit; shared: 2^-128 a lookup
 * and exact), custom only up to allow_log2_p_error (pass 0 or a positive value to allow none). */
TORC_MUST_CHECK torc_status torc_spec_accept(torc_ctx *ctx, const torc_spec *spec,
                                             double allow_log2_p_error);

/* Quantises and range-checks one input tensor [samples][shape...] into integers [samples][count].
 * Floats outside the calibrated range saturate and are added to *saturated (may be NULL); integers
 * outside the width are refused (E_INPUT), and so are NaN and infinities. */
TORC_MUST_CHECK torc_status torc_port_quantize(torc_ctx *ctx, int64_t *out, uint64_t *saturated,
                                               const torc_port *port, const torc_tensor *in);
/* The same for samples first .. first + samples - 1 of a tensor whose shape is known to fit. */
TORC_MUST_CHECK torc_status torc_port_quantize_part(torc_ctx *ctx, int64_t *out, uint64_t *saturated,
                                                    const torc_port *port, const torc_tensor *in,
                                                    size_t first, size_t samples);
/* E_INPUT unless in is [samples][shape...] (or, for one sample, shape alone); gives samples. */
TORC_MUST_CHECK torc_status torc_port_samples(torc_ctx *ctx, size_t *samples, const torc_port *port,
                                              const torc_tensor *in);

/* The same for all inputs of a circuit, which must agree (E_INPUT). */
TORC_MUST_CHECK torc_status torc_spec_samples(torc_ctx *ctx, size_t *samples, const torc_spec *spec,
                                              const torc_tensor *inputs);

uint64_t torc_encode(int64_t m, uint32_t encoding_bits);
/* round(phase / 2^(63-W)) modulo 2^(W+1), taken in [-2^(W-1), 3*2^(W-1)) if unsigned, else
 * [-2^W, 2^W). */
int64_t torc_decode(uint64_t phase, uint32_t encoding_bits, bool is_signed);

/* Type and shape (without batch) of what the user gets for an output, post steps included; E_FORMAT
 * when a step does not fit what it is applied to. */
typedef struct torc_form {
    torc_dtype dtype;
    uint32_t rank;
    size_t shape[TORC_MAX_RANK];
} torc_form;
TORC_MUST_CHECK torc_status torc_spec_result_form(torc_ctx *ctx, torc_form *out, const torc_spec *spec,
                                                  uint32_t output);

/* Decoded integers values[output][samples][count] -> the user's tensors [samples][shape...]: scaled
 * where the port is float (float64), then the post steps on output 0. out has output_count tensors. */
TORC_MUST_CHECK torc_status torc_spec_finish(torc_ctx *ctx, torc_tensor *out, const torc_spec *spec,
                                             const int64_t *const *values, size_t samples);

#endif
