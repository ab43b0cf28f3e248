/* Whole lookups on the device, whatever the form of the rotation: keyswitch with its modulus
 * switch, then rotation and extraction; every result of every ciphertext decrypted. And whole
 * rotations at the size of production. */
#ifndef TORC_TESTS_GPU_LOOKUP_H
#define TORC_TESTS_GPU_LOOKUP_H

#include "tests/gpu_rotation_noise.h"

#define LOOKUP_GLWE_NOISE 17 /* TUniform, units of 2^-64; of production at kN = 2048 */

/* A shape as the search finds them: n = 864 can be cut into steps of 1, 2 and 3 bits. */
static inline torc_shape lookup_shape(uint32_t k, uint32_t log2_n, uint32_t l, uint32_t g,
                                      uint32_t v)
{
    static const uint32_t base_log[] = {0, 22, 14, 10};
    return (torc_shape){.glwe_dim = k,
                        .poly_size = 1u << log2_n,
                        .lwe_dim = 864,
                        .extended_log2 = v,
                        .base_log = base_log[l],
                        .level_count = l,
                        .ks_base_log = 3,
                        .ks_level_count = 5,
                        .grouping = g};
}

/* Bins of 2^7 cells: the switch leaves 4.2 cells of standard deviation, half a bin is 15 times
 * that. */
static inline uint32_t lookup_index_bits(const torc_shape *s)
{
    return rotation_log2(rotation_size(s)) - s->outputs_log2 - 7;
}

/* The shipped configurations in turn: false past the last one. */
static inline bool lookup_configuration(torc_shape *shape, size_t index)
{
    static const struct {
        uint32_t k, log2_n, l, g, v;
    } all[] = {
#define TORC_CONFIGURATION(k, log2_n, l, g, v) {k, log2_n, l, g, v},
#include "kernels/configurations.def"
#undef TORC_CONFIGURATION
    };
    if (index >= sizeof all / sizeof *all) {
        return false;
    }
    *shape =
        lookup_shape(all[index].k, all[index].log2_n, all[index].l, all[index].g, all[index].v);
    return true;
}

typedef struct lookup_batch {
    uint32_t count, index_bits;
    uint32_t *index; /* [count] the bin, with its overflow bit */
    uint64_t *big;   /* [count][kN + 1] */
    uint64_t *entry; /* [2^o][2^P] */
    uint64_t *out;   /* [count][2^o][kN + 1] */
} lookup_batch;

/* Every value of the window's upper bits in turn, so that a few ciphertexts see both halves. */
static inline lookup_batch lookup_batch_make(const test_keys *keys, uint32_t count, test_rng *rng)
{
    const torc_shape *s = &keys->shape;
    const size_t words = rotation_big_words(s);
    lookup_batch b = {.count = count, .index_bits = lookup_index_bits(s)};
    const uint32_t bins = (uint32_t)2 << b.index_bits;

    b.index = (uint32_t *)test_alloc(count * sizeof *b.index);
    b.big = (uint64_t *)test_alloc(count * words * sizeof *b.big);
    b.entry =
        (uint64_t *)test_alloc(((size_t)1 << (b.index_bits + s->outputs_log2)) * sizeof *b.entry);
    b.out = (uint64_t *)test_alloc((count * words << s->outputs_log2) * sizeof *b.out);
    rng_words(rng, b.entry, (size_t)1 << (b.index_bits + s->outputs_log2));
    for (uint32_t c = 0; c < count; c++) {
        const uint32_t part = bins / count == 0 ? 1 : bins / count;
        b.index[c] = (c * part + (uint32_t)(rng_next(rng) % part)) % bins;
        keys_encrypt(b.big + c * words, keys, rng, (uint64_t)b.index[c] << (63 - b.index_bits),
                     LOOKUP_GLWE_NOISE);
    }
    return b;
}

static inline void lookup_batch_free(lookup_batch *b)
{
    free(b->index);
    free(b->big);
    free(b->entry);
    free(b->out);
}

/* The keyswitch key on the device. */
static inline void *lookup_keyswitch_key(const test_keys *keys)
{
    const torc_shape *s = &keys->shape;
    const uint32_t dim = s->glwe_dim * s->poly_size;
    const size_t bytes = (size_t)dim * s->ks_level_count * (s->lwe_dim + 1) * sizeof *keys->ksk;
    const uint32_t *rows = (const uint32_t *)gpu_test_upload(keys->ksk, bytes);
    void *key = gpu_test_room(torc_gpu_keyswitch_key_bytes(s));

    GPU_OK(torc_gpu_keyswitch_key(key, rows, 0, dim, s, gpu_test.stream));
    return key;
}

/* b->out = the lookups. */
static inline void lookup_run(lookup_batch *b, const test_keys *keys, const void *bootstrap_key,
                              torc_gpu_form form)
{
    const torc_shape *s = &keys->shape;
    const size_t count = b->count;
    const size_t words = rotation_big_words(s);
    const size_t entries = (size_t)1 << (b->index_bits + s->outputs_log2);
    const size_t out_bytes = (count * words << s->outputs_log2) * sizeof *b->out;
    const torc_gpu_switched switched = {
        .exponent = (uint32_t *)gpu_test_room(count * s->lwe_dim * sizeof(uint32_t)),
        .body = (uint32_t *)gpu_test_room(count * sizeof(uint32_t)),
        .error = (int64_t *)gpu_test_room(count * sizeof(int64_t))};
    const torc_gpu_keyswitch_args keyswitch = {
        .key = lookup_keyswitch_key(keys),
        .in = (const uint64_t *)gpu_test_upload(b->big, count * words * sizeof *b->big),
        .scratch = gpu_test_room(torc_gpu_keyswitch_scratch_bytes(s, b->count)),
        .batch = b->count};
    const torc_gpu_rotate_args rotation = {
        .key = bootstrap_key,
        .in = switched,
        .table = (const uint64_t *)gpu_test_upload(b->entry, entries * sizeof *b->entry),
        .index_bits = (const uint32_t *)gpu_test_upload(&b->index_bits, sizeof b->index_bits),
        .table_index = (const uint32_t *)gpu_test_zeros(count * sizeof(uint32_t)),
        .table_stride = (uint32_t)entries,
        .batch = b->count,
        .scratch = gpu_test_room(torc_gpu_rotate_scratch_bytes(s, b->count)),
        .form = form};
    uint64_t *out = (uint64_t *)gpu_test_room(out_bytes);

    GPU_OK(torc_gpu_keyswitch(&switched, &keyswitch, s, gpu_test.stream));
    GPU_OK(torc_gpu_rotate(out, &rotation, s, gpu_test.stream));
    gpu_test_download(b->out, out, out_bytes);
}

/* Every result within 10 standard deviations of its entry. */
static inline void lookup_expect_entries(const lookup_batch *b, const test_keys *keys, double bound,
                                         const char *what)
{
    const torc_shape *s = &keys->shape;
    const size_t words = rotation_big_words(s);
    const uint32_t outputs = (uint32_t)1 << s->outputs_log2;

    for (size_t i = 0; i < (size_t)b->count * outputs; i++) {
        const uint32_t index = b->index[i / outputs];
        const size_t table = i % outputs << b->index_bits;
        const uint64_t value = b->entry[table + index % ((uint32_t)1 << b->index_bits)];
        const uint64_t expected = index >> b->index_bits ? -value : value;
        const uint64_t phase =
            torc_ref_lwe_phase(b->out + i * words, keys->big, (uint32_t)words - 1);
        GPU_CHECK(fabs(torus_fraction(phase - expected)) < bound,
                  "%s: result %zu of index %u of %u bits is %g away, at most %g", what, i % outputs,
                  index, b->index_bits, torus_fraction(phase - expected), bound);
    }
}

/* `rotations` random ones with all coefficients, then `lookups` from keyswitch to extraction, under
 * one key of the shape's size. Keyswitch noise as in production at v = 0, less where bins are
 * narrower. */
static inline void lookup_expect_shape(const torc_shape *shape, uint32_t rotations,
                                       uint32_t lookups, uint64_t seed, torc_gpu_form form)
{
    const rotation_name name = rotation_name_of(shape);
    test_rng rng = {seed};
    rotation_key key = {.noise_log2 = LOOKUP_GLWE_NOISE};
    rotation_noise *noise = (rotation_noise *)test_alloc(sizeof *noise);

    keys_make(&key.keys, shape, &rng, LOOKUP_GLWE_NOISE,
              14 - (int)(shape->extended_log2 + shape->outputs_log2));
    key.device = rotation_key_upload(&key.keys);
    rotation_noise_begin(noise, &key);
    if (rotations > 0) {
        rotation_batch b = rotation_batch_make(shape, rotations, ROTATION_RANDOM, &rng);
        GPU_OK(rotation_try(&b, &key, form));
        rotation_expect_coefficients(&b, &key, noise->bound, name.text);
        rotation_expect_outputs(&b, name.text);
        rotation_noise_add_batch(noise, &b, &key);
        printf("%s: std 2^%.2f, variance / predicted %.3f\n", name.text, log2(noise->variance) / 2,
               rotation_noise_ratio(noise));
        rotation_batch_free(&b);
    }
    lookup_batch l = lookup_batch_make(&key.keys, lookups, &rng);
    lookup_run(&l, &key.keys, key.device, form);
    lookup_expect_entries(&l, &key.keys, noise->bound, name.text);
    lookup_batch_free(&l);
    free(noise);
    rotation_key_free(&key);
}

#endif
