/* The forms of the blind rotation, as rotate.cu finds them. Each takes arguments that have been
 * checked. */
#ifndef TORC_CUDA_ROTATE_FORMS_H
#define TORC_CUDA_ROTATE_FORMS_H

#include "kernels/cuda/rotate_start.cuh"
#include "kernels/kernels_cuda.h"

#define ROTATE_SHARES       8
#define ROTATE_SHARED_LIMIT 232448 /* bytes, 227 KiB: sm_90 */

static inline bool rotate_is_shape(const torc_shape *shape, int k, int log2_n, int l, int g, int v)
{
    const uint32_t grouping = shape->grouping == 0 ? 1 : shape->grouping;
    return shape->glwe_dim == (uint32_t)k && shape->poly_size == 1u << log2_n &&
           shape->level_count == (uint32_t)l && grouping == (uint32_t)g &&
           shape->extended_log2 == (uint32_t)v;
}

/* True when a configuration of the share has the shape; *error is then what its launch said. */
typedef bool rotate_share_fn(int *error, const rotate_args *args, const torc_shape *shape,
                             torc_gpu_stream stream);
rotate_share_fn rotate_share_0, rotate_share_1, rotate_share_2, rotate_share_3, rotate_share_4,
    rotate_share_5, rotate_share_6, rotate_share_7;

#endif
