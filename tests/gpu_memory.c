/* The memory functions of kernels_cuda.h: what goes in comes out, zero is zero, and a wait ends
 * what was queued. */
#include "tests/gpu_test.h"
#include "tests/kernel_keys.h"

#define WORDS 1000

static void copies_come_back(void)
{
    uint64_t words[WORDS];
    test_rng rng = {1};
    rng_words(&rng, words, WORDS);
    const uint64_t *device = gpu_test_upload(words, sizeof words);
    gpu_test_equal_u64("uploaded words", device, words, WORDS);
}

static void zero_is_zero(void)
{
    const uint64_t zeros[WORDS] = {0};
    const uint64_t *device = gpu_test_zeros(sizeof zeros);
    gpu_test_equal_u64("zeros", device, zeros, WORDS);
}

static void errors_have_texts(void)
{
    void *p = NULL;
    const int error = torc_gpu_alloc(&p, (size_t)1 << 60);
    GPU_CHECK(error != 0 && p == NULL, "an exabyte was allocated");
    GPU_CHECK(strcmp(torc_gpu_error_text(error), "out of memory") == 0, "error %d is named '%s'",
              error, torc_gpu_error_text(error));
    torc_gpu_free(NULL);
    torc_gpu_stream_destroy(NULL);
}

int main(void)
{
    gpu_test_begin();
    copies_come_back();
    zero_is_zero();
    errors_have_texts();
    return gpu_test_end();
}
