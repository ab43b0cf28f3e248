/* Movements of ciphertexts by the CUDA kernels against the reference, bit for bit; words that no
 * item is for stay as they are. */
#include "tests/gpu_test.h"
#include "tests/kernel_keys.h"

/* One batch on the host, its copy on the device. */
typedef struct batch {
    torc_elements host, device;
    size_t array_words;
} batch;

typedef struct sizes {
    uint32_t items, samples;
    bool in_samples; /* of the output; the input lies the other way */
} sizes;

static const sizes all_sizes[] = {
    {1, 1, false}, {2, 3, true}, {5, 65, false}, {33, 2, true}, {3, 65, true},
};
enum { SIZES = sizeof all_sizes / sizeof *all_sizes, GAP_WORDS = 2, SPARE = 3 };

static batch make_batch(test_rng *rng, uint32_t elements, uint32_t words, uint32_t samples,
                        bool in_samples)
{
    batch b;
    const size_t sample_stride = in_samples ? (size_t)elements * words + GAP_WORDS : words;
    const size_t element_stride = in_samples ? words : (size_t)(samples + 1) * words + GAP_WORDS;
    b.array_words = in_samples ? (samples + 1) * sample_stride : elements * element_stride;
    b.host = (torc_elements){test_alloc(b.array_words * sizeof(uint64_t)), element_stride,
                             sample_stride, words};
    rng_words(rng, b.host.words, b.array_words);
    b.device = b.host;
    b.device.words = gpu_test_upload(b.host.words, b.array_words * sizeof(uint64_t));
    return b;
}

static void check_batch(const char *what, batch *in, batch *out)
{
    gpu_test_equal_u64(what, out->device.words, out->host.words, out->array_words);
    free(in->host.words);
    free(out->host.words);
    gpu_test_free_all();
}

/* Items to different elements below `limit`, one in four to none. */
static void draw_places(test_rng *rng, uint32_t *to, uint32_t count, uint32_t limit)
{
    for (uint32_t i = 0; i < limit; i++) { /* a random order: swap with one before */
        const uint32_t j = (uint32_t)(rng_next(rng) % (i + 1));
        to[i] = to[j];
        to[j] = i;
    }
    for (uint32_t i = 0; i < count; i++) {
        to[i] = rng_next(rng) % 4 == 0 ? TORC_ABSENT : to[i];
    }
}

static torc_moves upload_moves(const torc_moves *m)
{
    const torc_moves device = {
        m->count, m->to == NULL ? NULL : gpu_test_upload(m->to, m->count * sizeof(uint32_t)),
        m->from == NULL ? NULL : gpu_test_upload(m->from, m->count * sizeof(uint32_t)),
        m->offset == NULL ? NULL : gpu_test_upload(m->offset, m->count * sizeof(uint64_t))};
    return device;
}

/* lists: bit 0 to, 1 from, 2 offset are given. */
static void check_gather(test_rng *rng, const sizes *z, uint32_t words, unsigned int lists)
{
    uint32_t to[64];
    uint32_t from[64];
    uint64_t offset[64];
    char what[80];
    const uint32_t room = z->items + SPARE;
    batch in = make_batch(rng, room, words, z->samples, !z->in_samples);
    batch out = make_batch(rng, room, words, z->samples, z->in_samples);
    draw_places(rng, to, z->items, room);
    rng_words(rng, offset, z->items);
    for (uint32_t i = 0; i < z->items; i++) { /* several items may have one source */
        from[i] = i % 5 == 4 ? TORC_ABSENT : (uint32_t)(rng_next(rng) % room);
    }
    const torc_moves moves = {z->items, (lists & 1) != 0 ? to : NULL,
                              (lists & 2) != 0 ? from : NULL, (lists & 4) != 0 ? offset : NULL};
    const torc_moves device = upload_moves(&moves);
    (void)snprintf(what, sizeof what, "gather of %u, %u words, %u samples, lists %u", z->items,
                   words, z->samples, lists);
    GPU_OK(torc_gpu_gather(&out.device, &in.device, &device, z->samples, gpu_test.stream));
    torc_ref_gather(&out.host, &in.host, &moves, z->samples);
    check_batch(what, &in, &out);
}

/* Rotations with four results each: coefficients 0, N/4, N/2, 3N/4, and any. */
static void check_extract(test_rng *rng, const sizes *z, uint32_t glwe_dim, uint32_t poly_size)
{
    uint32_t to[64];
    uint32_t from[64];
    uint32_t index[64];
    uint64_t offset[64];
    char what[80];
    const uint32_t room = z->items + SPARE;
    const uint32_t glwes = (z->items + 3) / 4;
    batch in = make_batch(rng, glwes, (glwe_dim + 1) * poly_size, z->samples, !z->in_samples);
    batch out = make_batch(rng, room, glwe_dim * poly_size + 1, z->samples, z->in_samples);
    draw_places(rng, to, z->items, room);
    rng_words(rng, offset, z->items);
    for (uint32_t i = 0; i < z->items; i++) {
        from[i] = i / 4;
        index[i] = i < 4 ? i * poly_size / 4 : (uint32_t)(rng_next(rng) % poly_size);
    }
    index[z->items - 1] = poly_size - 1;
    const torc_moves moves = {z->items, to, from, offset};
    const torc_moves device = upload_moves(&moves);
    const uint32_t *device_index = gpu_test_upload(index, z->items * sizeof *index);
    (void)snprintf(what, sizeof what, "extract %u of k %u, N %u, %u samples", z->items, glwe_dim,
                   poly_size, z->samples);
    GPU_OK(torc_gpu_extract(&out.device, &in.device, &device, device_index, poly_size, z->samples,
                            gpu_test.stream));
    torc_ref_extract(&out.host, &in.host, &moves, index, poly_size, z->samples);
    check_batch(what, &in, &out);
}

static void check_convert(test_rng *rng, const sizes *z, uint32_t in_words, uint32_t out_words,
                          uint32_t shift, bool with_source)
{
    char what[80];
    batch in = make_batch(rng, z->items, in_words, z->samples, !z->in_samples);
    batch out = make_batch(rng, z->items, out_words, z->samples, z->in_samples);
    uint32_t *source = test_alloc(out_words * sizeof *source);
    for (uint32_t w = 0; w < out_words; w++) {
        const uint64_t r = rng_next(rng);
        source[w] = r % 3 == 0 || in_words == 1 ? TORC_ABSENT : (uint32_t)(r >> 8) % (in_words - 1);
    }
    const uint32_t *device =
        with_source ? gpu_test_upload(source, out_words * sizeof *source) : NULL;
    (void)snprintf(what, sizeof what, "convert %u from %u to %u words, 2^%u, %s", z->items,
                   in_words, out_words, shift, with_source ? "permuted" : "padded");
    GPU_OK(torc_gpu_convert(&out.device, &in.device, device, shift, z->items, z->samples,
                            gpu_test.stream));
    torc_ref_convert(&out.host, &in.host, with_source ? source : NULL, shift, z->items, z->samples);
    check_batch(what, &in, &out);
    free(source);
}

static void check_refusals(test_rng *rng)
{
    const uint32_t index[1] = {0};
    batch in = make_batch(rng, 1, 96, 1, false);
    batch out = make_batch(rng, 1, 65, 1, false);
    const torc_moves moves = {1, NULL, NULL, NULL};
    const uint32_t *at = gpu_test_upload(index, sizeof index);
    torc_elements *to = &out.device;
    GPU_CHECK(torc_gpu_gather(to, &in.device, &moves, 1, gpu_test.stream) != 0, "96 to 65 words");
    GPU_CHECK(torc_gpu_extract(to, &in.device, &moves, at, 32, 1, gpu_test.stream) == 0, "k 2");
    GPU_CHECK(torc_gpu_extract(to, &in.device, &moves, at, 64, 1, gpu_test.stream) != 0, "k 1/2");
    GPU_CHECK(torc_gpu_extract(to, &in.device, &moves, at, 0, 1, gpu_test.stream) != 0, "N 0");
    GPU_CHECK(torc_gpu_convert(to, &in.device, NULL, 64, 1, 1, gpu_test.stream) != 0, "2^64");
    GPU_CHECK(torc_gpu_gather(to, to, &moves, 0, gpu_test.stream) == 0, "no samples are no work");
    free(in.host.words);
    free(out.host.words);
    gpu_test_free_all();
}

int main(void)
{
    test_rng rng = {92};
    gpu_test_begin();
    for (size_t i = 0; i < SIZES; i++) {
        const sizes *z = &all_sizes[i];
        for (unsigned int lists = 0; lists < 8; lists++) {
            check_gather(&rng, z, i == 0 ? 2049 : 17 + 40 * lists, lists);
        }
        check_extract(&rng, z, 1, 256);
        check_extract(&rng, z, 3, 32);
        check_convert(&rng, z, 65, 300, 0, false);
        check_convert(&rng, z, 300, 65, 63, true);
        check_convert(&rng, z, 513, 513, 7, true);
    }
    check_refusals(&rng);
    return gpu_test_end();
}
