/* clang-format off */
/* Expansion of masks that travel as a seed: rows of bootstrap and keyswitch keys, ciphertexts.
 *   row r = ChaCha20 stream of (seed, domain, first_row + r), from block 0, then body[r]
 * RFC 8439 section 2.3; the bits of ref/expand.c and of the client. Public values only.
 *
 * Layouts: kernels.h. All in words of 32 bits: the stream is little-endian, as the device is, so
 * that words of 64 bits are two of these, and their counts double.
 *
 * Mapping: block = 64 blocks of the stream (1024 words) of one row, one a thread, in registers. A
 * thread's 16 words are neighbours, a warp's stores should be: they pass through 4 KiB of shared
 * memory, where quad q of thread t stands at quad (q + t / 2) mod 4 of its 16 words. Then 8 lanes
 * that store 16 bytes, and 32 lanes that read 4, meet every bank once. The body of the row is copied
 * by its blocks in turn.
 *
 * Counts: 976 integer instructions a block of the stream (80 quarter rounds of 12, 16 additions),
 * 992 with their state; a block of threads 32 wavefronts in, 32 out, 128 sectors written. At 64
 * instructions a clock and multiprocessor 9.3e11 bytes a second (H200, 1.7 GHz): the 64 MiB of 4,000
 * bootstrap rows take 72 us, less than their transform. */
/* clang-format on */
#include "kernels/cuda/gpu.h"
#include "kernels/kernels_cuda.h"

#define EXPAND_THREADS     64u
#define EXPAND_BLOCK_WORDS 16u /* of the stream */
#define EXPAND_PART_WORDS  (EXPAND_THREADS * EXPAND_BLOCK_WORDS)

/* Counts and strides in words of 32 bits. */
typedef struct expand_args {
    uint32_t *out;
    const uint32_t *body;
    uint32_t key[8];
    uint32_t domain;
    uint64_t first_row;
    uint32_t inner_count;
    size_t outer_stride, inner_stride;
    uint32_t mask_words, body_words;
    uint32_t parts; /* blocks of a row */
} expand_args;

__device__ __forceinline__ uint32_t rotate_left(uint32_t x, int bits)
{
    return x << bits | x >> (32 - bits);
}

__device__ __forceinline__ void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
    *a += *b;
    *d = rotate_left(*d ^ *a, 16);
    *c += *d;
    *b = rotate_left(*b ^ *c, 12);
    *a += *b;
    *d = rotate_left(*d ^ *a, 8);
    *c += *d;
    *b = rotate_left(*b ^ *c, 7);
}

/* Four columns, then four diagonals. */
__device__ __forceinline__ void double_round(uint32_t x[EXPAND_BLOCK_WORDS])
{
    quarter_round(&x[0], &x[4], &x[8], &x[12]);
    quarter_round(&x[1], &x[5], &x[9], &x[13]);
    quarter_round(&x[2], &x[6], &x[10], &x[14]);
    quarter_round(&x[3], &x[7], &x[11], &x[15]);
    quarter_round(&x[0], &x[5], &x[10], &x[15]);
    quarter_round(&x[1], &x[6], &x[11], &x[12]);
    quarter_round(&x[2], &x[7], &x[8], &x[13]);
    quarter_round(&x[3], &x[4], &x[9], &x[14]);
}

/* Constants, key, block counter, nonce. */
__device__ __forceinline__ void stream_state(uint32_t x[EXPAND_BLOCK_WORDS], const expand_args *a,
                                             uint64_t row, uint32_t counter)
{
    x[0] = 0x61707865;
    x[1] = 0x3320646e;
    x[2] = 0x79622d32;
    x[3] = 0x6b206574;
#pragma unroll
    for (int i = 0; i < 8; i++) {
        x[4 + i] = a->key[i];
    }
    x[12] = counter;
    x[13] = a->domain;
    x[14] = (uint32_t)row;
    x[15] = (uint32_t)(row >> 32);
}

__device__ __forceinline__ void stream_block(uint32_t x[EXPAND_BLOCK_WORDS], const expand_args *a,
                                             uint64_t row, uint32_t counter)
{
    uint32_t state[EXPAND_BLOCK_WORDS];
    stream_state(state, a, row, counter);
    stream_state(x, a, row, counter);
    for (int i = 0; i < 10; i++) {
        double_round(x);
    }
#pragma unroll
    for (int i = 0; i < (int)EXPAND_BLOCK_WORDS; i++) {
        x[i] += state[i];
    }
}

/* Where quad q of thread t stands in shared memory, in words. */
__device__ __forceinline__ uint32_t quad_place(uint32_t t, uint32_t q)
{
    return t * EXPAND_BLOCK_WORDS + (q + t / 2) % 4 * 4;
}

__device__ __forceinline__ void store_block(uint32_t *shared, const uint32_t x[EXPAND_BLOCK_WORDS])
{
#pragma unroll
    for (uint32_t q = 0; q < 4; q++) {
        const uint4 quad = {x[4 * q], x[4 * q + 1], x[4 * q + 2], x[4 * q + 3]};
        gpu_store_shared((uint4 *)(shared + quad_place(threadIdx.x, q)), quad);
    }
}

__device__ __forceinline__ uint32_t load_word(const uint32_t *shared, uint32_t w)
{
    return gpu_load_shared(shared + quad_place(w / EXPAND_BLOCK_WORDS, w / 4 % 4) + w % 4);
}

__global__ void __launch_bounds__(EXPAND_THREADS) expand_kernel(expand_args a)
{
    GPU_DYNAMIC_SHARED(uint32_t, shared);
    const uint32_t row = blockIdx.x / a.parts;
    const uint32_t part = blockIdx.x - row * a.parts;
    const uint32_t first_word = part * EXPAND_PART_WORDS;
    uint32_t *out =
        a.out + row / a.inner_count * a.outer_stride + row % a.inner_count * a.inner_stride;

    if (first_word + threadIdx.x * EXPAND_BLOCK_WORDS < a.mask_words) {
        uint32_t x[EXPAND_BLOCK_WORDS];
        stream_block(x, &a, a.first_row + row, part * EXPAND_THREADS + threadIdx.x);
        store_block(shared, x);
    }
    gpu_sync_block();
    const uint32_t words = min(a.mask_words - first_word, EXPAND_PART_WORDS);
    for (uint32_t w = threadIdx.x; w < words; w += EXPAND_THREADS) {
        gpu_store_global(out + first_word + w, load_word(shared, w));
    }
    const uint32_t *body = a.body + (size_t)row * a.body_words;
    for (uint32_t w = part * EXPAND_THREADS + threadIdx.x; w < a.body_words;
         w += a.parts * EXPAND_THREADS) {
        gpu_store_global(out + a.mask_words + w, gpu_load_readonly(body + w));
    }
}

/* --- host --- */

static uint32_t load_u32(const uint8_t *p) /* little-endian */
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* `halves`: words of 32 bits in a word of the rows. */
static expand_args expand_prepare(uint32_t *out, const uint32_t *body, const torc_expansion *e,
                                  uint32_t halves)
{
    expand_args a = {};
    a.out = out;
    a.body = body;
    for (int i = 0; i < 8; i++) {
        a.key[i] = load_u32(e->seed + 4 * i);
    }
    a.domain = e->domain;
    a.first_row = e->first_row;
    a.inner_count = e->inner_count;
    a.outer_stride = halves * e->outer_stride;
    a.inner_stride = halves * e->inner_stride;
    a.mask_words = halves * e->mask_words;
    a.body_words = halves * e->body_words;
    a.parts = (a.mask_words + EXPAND_PART_WORDS - 1) / EXPAND_PART_WORDS;
    return a;
}

static cudaError_t expand_start(uint32_t *out, const uint32_t *body, const torc_expansion *e,
                                uint32_t halves, torc_gpu_stream stream)
{
    const uint64_t rows = (uint64_t)e->outer_count * e->inner_count;
    const expand_args a = expand_prepare(out, body, e, halves);
    gpu_grid grid = {};
    if (e->mask_words == 0 || e->mask_words > UINT32_MAX / 4 || e->body_words > UINT32_MAX / 4 ||
        rows > (uint64_t)INT32_MAX / a.parts) {
        return cudaErrorInvalidValue;
    }
    grid.blocks = (uint32_t)rows * a.parts;
    grid.threads = EXPAND_THREADS;
    grid.shared_bytes = sizeof(uint32_t) * EXPAND_PART_WORDS;
    grid.stream = stream;
    return rows == 0 ? cudaSuccess : gpu_launch(&grid, expand_kernel, a);
}

int torc_gpu_expand_u64(uint64_t *out, const uint64_t *body, const torc_expansion *expansion,
                        torc_gpu_stream stream)
{
    return expand_start((uint32_t *)out, (const uint32_t *)body, expansion, 2, stream);
}

int torc_gpu_expand_u32(uint32_t *out, const uint32_t *body, const torc_expansion *expansion,
                        torc_gpu_stream stream)
{
    return expand_start(out, body, expansion, 1, stream);
}
