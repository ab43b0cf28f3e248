/* Lookups on uniform words: keys and ciphertexts are nothing, but every kernel of a lookup runs as
 * ever. For tests of what is around the kernels; every function returns the first error, and
 * toy_close frees in any state. */
#ifndef TORC_TESTS_GPU_TOY_LOOKUP_H
#define TORC_TESTS_GPU_TOY_LOOKUP_H

#include "kernels/kernels_cuda.h"
#include "tests/kernel_keys.h"

#define TOY_BUFFERS    16
#define TOY_INDEX_BITS 2

#define TOY_TRY(call)               \
    do {                            \
        const int toy_error = call; \
        if (toy_error != 0) {       \
            return toy_error;       \
        }                           \
    } while (0)

typedef struct toy_lookup {
    torc_shape shape;
    torc_gpu_form form;
    uint32_t batch;
    torc_gpu_stream stream;
    uint64_t *host_in, *host_out; /* pinned: [batch][kN + 1] */
    uint64_t *in, *out;           /* of the device */
    void *keyswitch_key, *bootstrap_key;
    uint32_t *keyswitch_rows;
    uint64_t *bootstrap_rows, *table;
    uint32_t *index_bits, *table_index;
    torc_gpu_switched switched;
    void *keyswitch_scratch, *rotate_scratch;
    void *buffer[TOY_BUFFERS];
    size_t buffer_count;
} toy_lookup;

static inline torc_shape toy_shape(uint32_t poly_size, uint32_t grouping)
{
    return (torc_shape){.glwe_dim = 1,
                        .poly_size = poly_size,
                        .lwe_dim = 4,
                        .base_log = 22,
                        .level_count = 1,
                        .ks_base_log = 3,
                        .ks_level_count = 5,
                        .grouping = grouping};
}

static inline uint32_t toy_dim(const toy_lookup *t)
{
    return t->shape.glwe_dim * t->shape.poly_size;
}

static inline size_t toy_words(const toy_lookup *t)
{
    return (size_t)t->batch * (toy_dim(t) + 1);
}

static inline int toy_room(void **out, toy_lookup *t, size_t bytes)
{
    TOY_TRY(torc_gpu_alloc(out, bytes));
    t->buffer[t->buffer_count++] = *out;
    return 0;
}

static inline int toy_random(void **out, toy_lookup *t, test_rng *rng, size_t bytes)
{
    const size_t words = (bytes + 7) / 8;
    uint64_t *host = (uint64_t *)test_alloc(words * sizeof *host);
    rng_words(rng, host, words);
    int error = toy_room(out, t, bytes);
    if (error == 0) {
        error = torc_gpu_copy_in(*out, host, bytes, t->stream);
    }
    if (error == 0) {
        error = torc_gpu_stream_wait(t->stream);
    }
    free(host);
    return error;
}

static inline int toy_open_memory(toy_lookup *t)
{
    const torc_shape *s = &t->shape;
    const size_t count = t->batch, bytes = toy_words(t) * sizeof(uint64_t);
    TOY_TRY(torc_gpu_alloc_host((void **)&t->host_in, bytes));
    TOY_TRY(torc_gpu_alloc_host((void **)&t->host_out, bytes));
    TOY_TRY(toy_room((void **)&t->in, t, bytes));
    TOY_TRY(toy_room((void **)&t->out, t, bytes));
    TOY_TRY(toy_room((void **)&t->switched.exponent, t, count * s->lwe_dim * sizeof(uint32_t)));
    TOY_TRY(toy_room((void **)&t->switched.body, t, count * sizeof(uint32_t)));
    TOY_TRY(toy_room((void **)&t->switched.error, t, count * sizeof(int64_t)));
    TOY_TRY(toy_room(&t->keyswitch_scratch, t, torc_gpu_keyswitch_scratch_bytes(s, t->batch)));
    return toy_room(&t->rotate_scratch, t, torc_gpu_rotate_scratch_bytes(s, t->batch));
}

static inline int toy_open_keys(toy_lookup *t, test_rng *rng)
{
    const torc_shape *s = &t->shape;
    const size_t rows = keys_row_count(s);
    const size_t small_bytes = (size_t)s->ks_level_count * (s->lwe_dim + 1) * sizeof(uint32_t);
    TOY_TRY(toy_random((void **)&t->keyswitch_rows, t, rng, toy_dim(t) * small_bytes));
    TOY_TRY(toy_random((void **)&t->bootstrap_rows, t, rng,
                       rows * keys_row_words(s) * sizeof(uint64_t)));
    TOY_TRY(toy_room(&t->keyswitch_key, t, torc_gpu_keyswitch_key_bytes(s)));
    TOY_TRY(toy_room(&t->bootstrap_key, t, torc_gpu_bootstrap_key_bytes(s)));
    return torc_gpu_fft_tables(t->bootstrap_key, s->poly_size, t->stream);
}

static inline int toy_open_table(toy_lookup *t, test_rng *rng)
{
    const uint32_t bits = TOY_INDEX_BITS;
    TOY_TRY(toy_random((void **)&t->table, t, rng, sizeof(uint64_t) << TOY_INDEX_BITS));
    TOY_TRY(toy_room((void **)&t->index_bits, t, sizeof bits));
    TOY_TRY(toy_room((void **)&t->table_index, t, t->batch * sizeof(uint32_t)));
    TOY_TRY(torc_gpu_set_zero(t->table_index, t->batch * sizeof(uint32_t), t->stream));
    TOY_TRY(torc_gpu_copy_in(t->index_bits, &bits, sizeof bits, t->stream));
    return torc_gpu_stream_wait(t->stream);
}

/* Queues the transformation of both keys. */
static inline int toy_queue_keys(toy_lookup *t)
{
    const torc_shape *s = &t->shape;
    TOY_TRY(
        torc_gpu_keyswitch_key(t->keyswitch_key, t->keyswitch_rows, 0, toy_dim(t), s, t->stream));
    return torc_gpu_bootstrap_key_rows(t->bootstrap_key, 0, (uint32_t)keys_row_count(s),
                                       t->bootstrap_rows, s, t->stream);
}

/* All but the keys' transformation. After an error toy_close as well. */
static inline int toy_open(toy_lookup *t, const torc_shape *shape, torc_gpu_form form,
                           uint32_t batch)
{
    test_rng rng = {17};
    *t = (toy_lookup){.shape = *shape, .form = form, .batch = batch};
    TOY_TRY(torc_gpu_stream_create(&t->stream));
    TOY_TRY(toy_open_memory(t));
    TOY_TRY(toy_open_keys(t, &rng));
    return toy_open_table(t, &rng);
}

static inline void toy_close(toy_lookup *t)
{
    torc_gpu_stream_destroy(t->stream);
    while (t->buffer_count > 0) {
        torc_gpu_free(t->buffer[--t->buffer_count]);
    }
    torc_gpu_free_host(t->host_in);
    torc_gpu_free_host(t->host_out);
}

static inline void toy_fill(toy_lookup *t, uint64_t seed)
{
    test_rng rng = {seed};
    rng_words(&rng, t->host_in, toy_words(t));
}

/* Queues copy, keyswitch, rotation, copy: host_out = the lookups of host_in. */
static inline int toy_queue(toy_lookup *t)
{
    const size_t bytes = toy_words(t) * sizeof(uint64_t);
    const torc_gpu_keyswitch_args keyswitch = {
        .key = t->keyswitch_key, .in = t->in, .scratch = t->keyswitch_scratch, .batch = t->batch};
    const torc_gpu_rotate_args rotate = {.key = t->bootstrap_key,
                                         .in = t->switched,
                                         .table = t->table,
                                         .index_bits = t->index_bits,
                                         .table_index = t->table_index,
                                         .table_stride = 1u << TOY_INDEX_BITS,
                                         .batch = t->batch,
                                         .scratch = t->rotate_scratch,
                                         .form = t->form};
    TOY_TRY(torc_gpu_copy_in(t->in, t->host_in, bytes, t->stream));
    TOY_TRY(torc_gpu_keyswitch(&t->switched, &keyswitch, &t->shape, t->stream));
    TOY_TRY(torc_gpu_rotate(t->out, &rotate, &t->shape, t->stream));
    return torc_gpu_copy_out(t->host_out, t->out, bytes, t->stream);
}

#endif
