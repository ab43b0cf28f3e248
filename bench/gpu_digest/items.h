/* What gpu_digest runs: one item a kernel and shape, on words from test seeds, alike on a device
 * and on the emulator. */
#ifndef TORC_BENCH_GPU_DIGEST_ITEMS_H
#define TORC_BENCH_GPU_DIGEST_ITEMS_H

#include "kernels/kernels_cuda.h"

#include <stdbool.h>

#define ITEMS_MAX 256

typedef struct digest_item {
    char name[96];
    int (*launch)(const struct digest_item *item, torc_gpu_stream stream);
    uint64_t *out; /* device, written by launch */
    size_t out_bytes;
    torc_shape shape;
    const void *key; /* device */
    const void *in;
    uint64_t *linear_in; /* of a linear layer, instead of in */
    uint64_t *scratch;
    const uint32_t *index;
    torc_gpu_switched switched;
    uint32_t batch;
    torc_gpu_form form; /* of a rotation */
    uint32_t cluster;   /* 0: any */
} digest_item;

typedef struct rotation_shape { /* as in kernels/configurations.def */
    uint32_t k, log2_n, l, g, v;
} rotation_shape;

extern const rotation_shape items_shapes[];
extern const size_t items_shape_count;

/* What is made from here on begins with the same random words, on this stream. */
void items_begin(torc_gpu_stream stream);
/* A rotation of `batch` ciphertexts with n = lwe_dim; then its form and name. */
void item_make_rotation(digest_item *item, const rotation_shape *like, uint32_t lwe_dim,
                        uint32_t batch);
void item_set_form(digest_item *item, torc_gpu_form form, uint32_t cluster);

/* Rows of times of a rotation like this item, one a batch (time.c). No other item may be in use. */
void items_time(const digest_item *like, const uint32_t *batches, size_t batch_count,
                torc_gpu_stream stream);

/* All items, prepared on the stream; toy: the small ones. Returns how many. A call that fails ends
 * the program. items_free waits and frees what they hold. */
size_t items_make(digest_item items[ITEMS_MAX], bool toy, torc_gpu_stream stream);
void items_free(void);

#endif
