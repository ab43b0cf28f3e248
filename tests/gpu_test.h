/* What tests of the CUDA kernels share. A test is a plain C program over kernels_cuda.h that runs
 * on a device and on the emulator alike: begin, checks, return gpu_test_end(). Device buffers are
 * made by gpu_test_room and gpu_test_upload and freed by gpu_test_end. */
#ifndef TORC_TESTS_GPU_TEST_H
#define TORC_TESTS_GPU_TEST_H

#include "kernels/kernels_cuda.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPU_TEST_BUFFERS 1024

static struct {
    torc_gpu_stream stream;
    void *buffer[GPU_TEST_BUFFERS];
    size_t buffer_count;
    unsigned int checks, failures;
} gpu_test;

/* Whether to keep to toy sizes: the environment variable TORC_TEST_TOY, set by forms that are many
 * times slower (the emulator's check form, mutations, a device's sanitizer). */
static inline bool gpu_test_is_toy(void)
{
    const char *toy = getenv("TORC_TEST_TOY");
    return toy != NULL && *toy != '\0' && strcmp(toy, "0") != 0;
}

/* Counts a check; a false one prints its place and what the format says, at most 20 times. */
#define GPU_CHECK(condition, ...) gpu_test_check((condition), __FILE__, __LINE__, __VA_ARGS__)

/* A call that must return 0; otherwise nothing further makes sense. */
#define GPU_OK(call) gpu_test_ok((call), #call, __FILE__, __LINE__)

static inline bool gpu_test_check(bool holds, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static inline bool gpu_test_check(bool holds, const char *file, int line, const char *format, ...)
{
    gpu_test.checks++;
    if (!holds && gpu_test.failures++ < 20) {
        va_list arguments;
        va_start(arguments, format);
        fprintf(stderr, "%s:%d: ", file, line);
        vfprintf(stderr, format, arguments);
        fprintf(stderr, "\n");
        va_end(arguments);
    }
    return holds;
}

static inline void gpu_test_ok(int error, const char *call, const char *file, int line)
{
    if (error != 0) {
        fprintf(stderr, "%s:%d: %s: %s\n", file, line, call, torc_gpu_error_text(error));
        exit(1);
    }
}

/* Ends the program with 77, skipped, where there is no device. */
static inline void gpu_test_begin(void)
{
    int count = 0;
    const int error = torc_gpu_device_count(&count);
    if (error != 0 || count == 0) {
        printf("skipped: no device (%s)\n", torc_gpu_error_text(error));
        exit(77);
    }
    GPU_OK(torc_gpu_stream_create(&gpu_test.stream));
}

/* Frees the buffers made since begin or the last call of this. */
static inline void gpu_test_free_all(void)
{
    GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
    while (gpu_test.buffer_count > 0) {
        torc_gpu_free(gpu_test.buffer[--gpu_test.buffer_count]);
    }
}

/* The exit code. */
static inline int gpu_test_end(void)
{
    gpu_test_free_all();
    torc_gpu_stream_destroy(gpu_test.stream);
    if (gpu_test.checks == 0) {
        fprintf(stderr, "nothing was checked\n");
        return 1;
    }
    printf("%u checks, %u failures\n", gpu_test.checks, gpu_test.failures);
    return gpu_test.failures == 0 ? 0 : 1;
}

/* Device memory with whatever it holds. */
static inline void *gpu_test_room(size_t bytes)
{
    if (gpu_test.buffer_count == GPU_TEST_BUFFERS) {
        fprintf(stderr, "more than %d buffers\n", GPU_TEST_BUFFERS);
        exit(1);
    }
    void *p = NULL;
    GPU_OK(torc_gpu_alloc(&p, bytes));
    gpu_test.buffer[gpu_test.buffer_count++] = p;
    return p;
}

static inline void *gpu_test_zeros(size_t bytes)
{
    void *p = gpu_test_room(bytes);
    GPU_OK(torc_gpu_set_zero(p, bytes, gpu_test.stream));
    return p;
}

/* Device memory with a copy of `bytes` at host; they may be freed afterwards. */
static inline void *gpu_test_upload(const void *host, size_t bytes)
{
    void *p = gpu_test_room(bytes);
    GPU_OK(torc_gpu_copy_in(p, host, bytes, gpu_test.stream));
    GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
    return p;
}

/* Waits for all work, then copies to host. */
static inline void gpu_test_download(void *host, const void *from, size_t bytes)
{
    GPU_OK(torc_gpu_copy_out(host, from, bytes, gpu_test.stream));
    GPU_OK(torc_gpu_stream_wait(gpu_test.stream));
}

/* One check: `count` words of device memory are those expected. `what` names them in a failure. */
static inline bool gpu_test_equal_u64(const char *what, const uint64_t *device,
                                      const uint64_t *expected, size_t count)
{
    uint64_t *got = (uint64_t *)malloc((count + 1) * sizeof *got);
    gpu_test_download(got, device, count * sizeof *got);
    size_t i = 0;
    while (i < count && got[i] == expected[i]) {
        i++;
    }
    const uint64_t found = i < count ? got[i] : 0;
    const uint64_t wanted = i < count ? expected[i] : 0;
    free(got);
    return GPU_CHECK(i == count, "%s: word %zu of %zu is %016llx, not %016llx", what, i, count,
                     (unsigned long long)found, (unsigned long long)wanted);
}

static inline bool gpu_test_equal_u32(const char *what, const uint32_t *device,
                                      const uint32_t *expected, size_t count)
{
    uint32_t *got = (uint32_t *)malloc((count + 1) * sizeof *got);
    gpu_test_download(got, device, count * sizeof *got);
    size_t i = 0;
    while (i < count && got[i] == expected[i]) {
        i++;
    }
    const uint32_t found = i < count ? got[i] : 0;
    const uint32_t wanted = i < count ? expected[i] : 0;
    free(got);
    return GPU_CHECK(i == count, "%s: word %zu of %zu is %08x, not %08x", what, i, count, found,
                     wanted);
}

#endif
