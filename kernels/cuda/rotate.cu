/* The entry of the blind rotation: checks a call and gives it to a form. */
#include "kernels/cuda/rotate_forms.h"
#include "kernels/cuda/rotate_global.cuh"
#include "kernels/cuda/rotate_latency.h"

#include <math.h>

static uint32_t grouping_of(const torc_shape *shape)
{
    return shape->grouping == 0 ? 1 : shape->grouping;
}

/* Ranges that every form relies on. */
static bool shape_is_valid(const torc_shape *s)
{
    const uint32_t kept = s->base_log * s->level_count;
    return s->glwe_dim >= 1 && s->glwe_dim <= 6 && torc_gpu_fft_table_bytes(s->poly_size) != 0 &&
           s->lwe_dim > 0 && s->lwe_dim % grouping_of(s) == 0 && s->extended_log2 <= 5 &&
           s->level_count >= 1 && s->level_count <= 3 && s->base_log >= 1 && s->base_log <= 31 &&
           kept <= 32 && grouping_of(s) <= 4;
}

/* False when no block or cluster of this device holds the shape, or none was compiled for it. */
static bool run_throughput(int *error, const rotate_args *args, const torc_shape *shape,
                           torc_gpu_stream stream)
{
    static rotate_share_fn *const shares[ROTATE_SHARES] = {
        rotate_share_0, rotate_share_1, rotate_share_2, rotate_share_3,
        rotate_share_4, rotate_share_5, rotate_share_6, rotate_share_7};
    for (int i = 0; i < ROTATE_SHARES; i++) {
        if (shares[i](error, args, shape, stream)) {
            return *error != cudaErrorNotSupported && *error != cudaErrorInvalidValue;
        }
    }
    *error = cudaErrorInvalidValue;
    return false;
}

/* Up to here clusters in turns are predicted ahead of one wave of full blocks, which takes the same
 * time for any number of ciphertexts: 1.5 against 5 ms at N = 2048, g = 3. */
#define ROTATE_FEW 132

/* The first form that takes the shape on this device, in the order of their predicted times. */
static int run_any(const rotate_args *args, const torc_shape *shape, void *scratch,
                   torc_gpu_stream stream)
{
    int error = cudaErrorInvalidValue;
    if (args->batch <= ROTATE_FEW) {
        error = rotate_latency(args, shape, scratch, stream);
        if (error != cudaErrorNotSupported && error != cudaErrorInvalidValue) {
            return error;
        }
    }
    return run_throughput(&error, args, shape, stream)
               ? error
               : rotate_global(args, shape, scratch, stream);
}

static int run(torc_gpu_form form, const rotate_args *args, const torc_shape *shape, void *scratch,
               torc_gpu_stream stream)
{
    int error = cudaErrorInvalidValue;
    switch (form) {
    case TORC_GPU_FORM_ANY: return run_any(args, shape, scratch, stream);
    case TORC_GPU_FORM_THROUGHPUT: run_throughput(&error, args, shape, stream); return error;
    case TORC_GPU_FORM_LATENCY: return rotate_latency(args, shape, scratch, stream);
    case TORC_GPU_FORM_GLOBAL: return rotate_global(args, shape, scratch, stream);
    default: return error;
    }
}

/* An accumulator is l (k+1) N products of a digit, variance B^2 / 12, and a coefficient of the
 * bundle, 2 (2^g - 1) / 12; 14.5 standard deviations are passed once in 2^156 coefficients. */
extern "C" bool torc_gpu_digits_are_narrow(const torc_shape *shape)
{
    const double products = shape->level_count * (shape->glwe_dim + 1.0) * shape->poly_size;
    const double terms = exp2((double)grouping_of(shape)) - 1.0;
    const double sigma = sqrt(2.0 * terms * products) / 12.0;
    const double bits = shape->base_log * (shape->level_count + 1.0);
    return grouping_of(shape) > 1 && log2(14.5 * sigma) + bits < 51.0;
}

extern "C" size_t torc_gpu_rotate_scratch_bytes(const torc_shape *shape, uint32_t batch)
{
    const size_t global = rotate_global_scratch_bytes(shape, batch);
    const size_t latency = rotate_latency_scratch_bytes(shape, batch);
    return latency > global ? latency : global;
}

extern "C" int torc_gpu_rotate(uint64_t *out, const torc_gpu_rotate_args *call,
                               const torc_shape *shape, torc_gpu_stream stream)
{
    if (!shape_is_valid(shape) || call->batch == 0) {
        return cudaErrorInvalidValue;
    }
    rotate_args args = {};
    args.tables = (const double2 *)call->key;
    args.key =
        (const double2 *)((const char *)call->key + torc_gpu_fft_table_bytes(shape->poly_size));
    args.exponent = call->in.exponent;
    args.body = call->in.body;
    args.error = call->in.error;
    args.table = call->table;
    args.table_index = call->table_index;
    args.index_bits = call->index_bits;
    args.out = out;
    args.accumulator = call->accumulator;
    args.table_stride = call->table_stride;
    args.outputs_log2 = shape->outputs_log2;
    args.batch = call->batch;
    args.lwe_dim = shape->lwe_dim;
    args.base_log = shape->base_log;
    args.is_narrow = torc_gpu_digits_are_narrow(shape);
    args.cluster = call->cluster;
    return run(call->form, &args, shape, call->scratch, stream);
}
