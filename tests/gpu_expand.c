/* Expansion of seeded rows by the CUDA kernel against the reference, bit for bit, in the layouts of
 * keys and of ciphertexts. That the reference is what clients use: tests/test_kernels_batch.c. */
#include "tests/gpu_test.h"
#include "tests/kernel_keys.h"

typedef struct expand_case {
    const char *what;
    uint32_t outer_count, inner_count, mask_words, body_words;
    uint32_t row_gap, outer_gap; /* words behind a row, behind the rows of an outer index */
    bool outer_inside;           /* the outer index lies within the inner one */
} expand_case;

static const expand_case cases[] = {
    {"one word", 1, 1, 1, 1, 0, 0, false},
    {"rows of a keyswitch key", 1, 7, 918, 1, 0, 0, false},
    {"GLWE rows, k = 1", 1, 5, 2048, 2048, 0, 0, false},
    {"GLWE rows, k = 3", 2, 3, 1536, 512, 5, 9, false},
    {"ciphertexts, samples in elements", 3, 4, 2048, 1, 0, 0, true},
    {"ciphertexts, elements in samples", 65, 2, 130, 1, 1, 3, false},
    {"a part and a word", 1, 2, 1025, 3, 2, 0, false},
    {"a part less a word", 1, 2, 1023, 0, 2, 0, false},
    {"half a block of the stream", 4, 1, 9, 17, 0, 1, true},
};

static torc_expansion make_expansion(test_rng *rng, const expand_case *c)
{
    torc_expansion e = {.domain = 1 + (uint32_t)(rng_next(rng) % 3),
                        .first_row = rng_next(rng),
                        .outer_count = c->outer_count,
                        .inner_count = c->inner_count,
                        .mask_words = c->mask_words,
                        .body_words = c->body_words};
    const size_t row_words = c->mask_words + c->body_words + c->row_gap;
    for (size_t i = 0; i < sizeof e.seed; i++) {
        e.seed[i] = (uint8_t)rng_next(rng);
    }
    e.outer_stride = c->outer_inside ? row_words : c->inner_count * row_words + c->outer_gap;
    e.inner_stride = c->outer_inside ? c->outer_count * row_words + c->outer_gap : row_words;
    return e;
}

static size_t array_words(const torc_expansion *e)
{
    return (e->outer_count - 1) * e->outer_stride + (e->inner_count - 1) * e->inner_stride +
           e->mask_words + e->body_words + 3; /* what lies behind the last row must stay */
}

/* word_bytes 8 or 4: rows of words of 64 or 32 bits. */
static void check_case(const expand_case *c, size_t word_bytes, test_rng *rng)
{
    const torc_expansion e = make_expansion(rng, c);
    const size_t rows = (size_t)c->outer_count * c->inner_count;
    const size_t out_count = array_words(&e);
    void *out = test_alloc(out_count * 8);
    void *body = test_alloc(rows * c->body_words * 8);
    char what[80];
    rng_words(rng, out, out_count);
    rng_words(rng, body, rows * c->body_words);
    void *device = gpu_test_upload(out, out_count * word_bytes);
    const void *device_body = gpu_test_upload(body, rows * c->body_words * word_bytes);
    (void)snprintf(what, sizeof what, "%s, %zu bytes a word", c->what, word_bytes);
    if (word_bytes == 8) {
        GPU_OK(torc_gpu_expand_u64(device, device_body, &e, gpu_test.stream));
        torc_ref_expand_u64(out, body, &e);
        gpu_test_equal_u64(what, device, out, out_count);
    } else {
        GPU_OK(torc_gpu_expand_u32(device, device_body, &e, gpu_test.stream));
        torc_ref_expand_u32(out, body, &e);
        gpu_test_equal_u32(what, device, out, out_count);
    }
    free(out);
    free(body);
    gpu_test_free_all();
}

/* The keystream of RFC 8439, appendix A.1, test vectors 1 and 2: key and nonce 0, blocks 0 and 1.
 */
static void check_published(void)
{
    static const uint32_t expected[] = {0xade0b876, 0x903df1a0, 0xe56a5d40, 0x28bd8653, 0xb819d2bd,
                                        0x1aed8da0, 0xccef36a8, 0xc70d778b, 0x7c5941da, 0x8d485751,
                                        0x3fe02477, 0x374ad8b8, 0xf4b8436a, 0x1ca11815, 0x69b687c3,
                                        0x8665eeb2, 0xbee7079f, 0x7a385155, 0x7c97ba98, 0x0d082d73};
    const torc_expansion e = {.outer_count = 1, .inner_count = 1, .mask_words = 20};
    uint32_t *out = gpu_test_room(sizeof expected);
    GPU_OK(torc_gpu_expand_u32(out, NULL, &e, gpu_test.stream));
    gpu_test_equal_u32("RFC 8439", out, expected, 20);
    gpu_test_free_all();
}

static void check_refusals(void)
{
    torc_expansion e = {.outer_count = 1, .inner_count = 1};
    uint64_t *out = gpu_test_room(64);
    GPU_CHECK(torc_gpu_expand_u64(out, NULL, &e, gpu_test.stream) != 0, "rows without a mask");
    e.mask_words = 2;
    GPU_CHECK(torc_gpu_expand_u64(out, NULL, &e, gpu_test.stream) == 0, "a valid row was refused");
    e.outer_count = 0;
    GPU_CHECK(torc_gpu_expand_u64(out, NULL, &e, gpu_test.stream) == 0, "no rows are no work");
    e.outer_count = e.inner_count = 1u << 16;
    GPU_CHECK(torc_gpu_expand_u64(out, NULL, &e, gpu_test.stream) != 0, "2^32 rows");
    gpu_test_free_all();
}

int main(void)
{
    test_rng rng = {93};
    gpu_test_begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i], 8, &rng);
        check_case(&cases[i], 4, &rng);
    }
    check_published();
    check_refusals();
    return gpu_test_end();
}
