/* Dense row-major arrays that own their data. */
#include "runtime/status.h"

#include <stdlib.h>
#include <string.h>

size_t torc_shape_count(uint32_t rank, const size_t *shape)
{
    for (uint32_t i = 0; i < rank; i++) {
        if (shape[i] == 0) {
            return 0;
        }
    }
    size_t count = 1;
    for (uint32_t i = 0; i < rank; i++) {
        if (__builtin_mul_overflow(count, shape[i], &count)) {
            return SIZE_MAX;
        }
    }
    return count;
}

size_t torc_tensor_count(const torc_tensor *tensor)
{
    return torc_shape_count(tensor->rank, tensor->shape);
}

torc_status torc_tensor_create(torc_ctx *ctx, torc_tensor *out, torc_dtype dtype, uint32_t rank,
                               const size_t *shape)
{
    *out = (torc_tensor){0};
    if (rank > TORC_MAX_RANK) {
        return torc_fail(ctx, TORC_E_ARGUMENT, "tensor: rank %u, at most %d axes are supported",
                         rank, TORC_MAX_RANK);
    }
    size_t count = torc_shape_count(rank, shape);
    if (count > PTRDIFF_MAX / sizeof(int64_t)) {
        return torc_fail(ctx, TORC_E_ARGUMENT,
                         "tensor: its shape has more elements than memory can address (%zu)",
                         PTRDIFF_MAX / sizeof(int64_t));
    }
    torc_tensor tensor = {.dtype = dtype, .rank = rank};
    TORC_TRY(torc_alloc(ctx, &tensor.data, count, sizeof(int64_t)));
    if (rank > 0) {
        memcpy(tensor.shape, shape, rank * sizeof *shape);
    }
    *out = tensor;
    return TORC_OK;
}

void torc_tensor_free(torc_tensor *tensor)
{
    if (tensor) {
        free(tensor->data);
        *tensor = (torc_tensor){0};
    }
}
