/* Batches of ciphertexts as kernels walk them (torc_elements, kernels.h): the words of one element
 * of all samples, side by side, are the columns of a matrix that has a row for every element.
 * Column c is word c mod (kN + 1) of sample c / (kN + 1): no warp is left half empty at the end of
 * a ciphertext, and where samples follow each other, neighbouring columns are neighbouring words.
 */
#ifndef TORC_CUDA_ELEMENTS_CUH
#define TORC_CUDA_ELEMENTS_CUH

#include "kernels/cuda/gpu.h"
#include "kernels/kernels.h"

typedef struct elements_column {
    uint32_t sample, word;
} elements_column;

__device__ __forceinline__ elements_column elements_column_at(uint32_t column,
                                                              uint32_t element_words)
{
    const uint32_t sample = column / element_words;
    return {sample, column - sample * element_words};
}

/* Words from the start of an element to the column. */
__device__ __forceinline__ size_t elements_offset(const torc_elements *t, elements_column column)
{
    return column.sample * t->sample_stride + column.word;
}

__device__ __forceinline__ uint32_t elements_index(const uint32_t *list, uint32_t i)
{
    return list == NULL ? i : gpu_load_readonly(list + i);
}

/* Columns are counted in 32 bits, blocks in 31: false where one does not do. */
static inline bool elements_blocks(uint32_t *blocks, uint64_t columns, uint32_t block_columns,
                                   uint64_t rows)
{
    const uint64_t tiles = (columns + block_columns - 1) / block_columns;
    if (columns > UINT32_MAX - block_columns || (tiles > 0 && rows > INT32_MAX / tiles)) {
        return false;
    }
    *blocks = (uint32_t)(tiles * rows);
    return true;
}

#endif
