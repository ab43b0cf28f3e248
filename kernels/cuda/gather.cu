/* clang-format off */
/* Movements of whole ciphertexts, exact, the bits of ref/gather.c:
 *   gather    out[to_i] = in[from_i] + (0, .., 0, offset_i)     copies, gathers, scatters; inputs of
 *             lookups with their offsets; results of a rotation that has several, to their places
 *   extract   out[to_i] = coefficient p_i of the GLWE in[from_i]: word j of mask c is a_c[p - j] for
 *             j <= p, else -a_c[N + p - j]; the body b[p] + offset_i
 *   convert   out.mask[w] = 2^shift in.mask[source_w], out.body = 2^shift in.body    between keys
 *
 * Layouts: kernels.h. Sample extraction: Chillotti et al., TFHE (J. Cryptology 2020), 4.2.
 *
 * Mapping: block = one item x 1024 columns (words of all samples, elements.cuh), 256 threads, 4 words
 * each: loaded together, then stored. Neighbouring lanes take neighbouring words; in an extraction
 * they read backwards. No shared memory. 16 bytes of traffic a word are the cost (a block of gather:
 * 256 sectors in, 256 out): 4.8e12 / 16 = 3e11 words a second from memory (H200), 7 ns a ciphertext
 * of 2,049 words. */
/* clang-format on */
#include "kernels/cuda/elements.cuh"
#include "kernels/kernels_cuda.h"

#define MOVE_THREADS 256u
#define MOVE_COLUMNS 4u

typedef struct move_args {
    torc_elements out, in;
    torc_moves moves;
    const uint32_t *index;  /* extract: [count] */
    const uint32_t *source; /* convert: [out mask words], or NULL */
    uint32_t shift;
    uint32_t poly_size;
    uint32_t columns; /* of the output, all samples */
    uint32_t column_tiles;
} move_args;

typedef struct move_job {
    uint32_t item, to, from, first_column;
    uint64_t offset;
} move_job;

__device__ __forceinline__ move_job move_find_job(const move_args *a)
{
    move_job job;
    job.item = blockIdx.x / a->column_tiles;
    job.first_column =
        (blockIdx.x - job.item * a->column_tiles) * (MOVE_THREADS * MOVE_COLUMNS) + threadIdx.x;
    job.to = elements_index(a->moves.to, job.item);
    job.from = elements_index(a->moves.from, job.item);
    job.offset = a->moves.offset == NULL ? 0 : gpu_load_readonly(a->moves.offset + job.item);
    return job;
}

/* Column j of this thread; false past the last. */
__device__ __forceinline__ bool move_column(elements_column *at, const move_args *a,
                                            const move_job *job, uint32_t j)
{
    const uint32_t column = job->first_column + j * MOVE_THREADS;
    *at = elements_column_at(column, a->out.element_words);
    return job->to != TORC_ABSENT && column < a->columns;
}

/* A word of the input of an item, from one of its samples. */
__device__ __forceinline__ uint64_t move_load(const move_args *a, uint32_t element, uint32_t sample,
                                              uint32_t word)
{
    return gpu_load_readonly(a->in.words + element * a->in.element_stride +
                             elements_offset(&a->in, {sample, word}));
}

__device__ __forceinline__ void move_store(const move_args *a, const move_job *job,
                                           elements_column at, uint64_t x)
{
    const bool is_body = at.word == a->out.element_words - 1;
    gpu_store_global(a->out.words + job->to * a->out.element_stride + elements_offset(&a->out, at),
                     is_body ? x + job->offset : x);
}

/* What an output word is made of; the three kernels differ in nothing else. */

__device__ __forceinline__ uint64_t gather_word(const move_args *a, const move_job *job,
                                                elements_column at)
{
    return job->from == TORC_ABSENT ? 0 : move_load(a, job->from, at.sample, at.word);
}

__device__ __forceinline__ uint64_t extract_word(const move_args *a, const move_job *job,
                                                 elements_column at)
{
    const uint32_t p = gpu_load_readonly(a->index + job->item);
    const uint32_t j = at.word & (a->poly_size - 1);
    const uint32_t mask = at.word - j; /* where the polynomial begins */
    const bool is_body = at.word == a->out.element_words - 1;
    const bool is_wrapped = !is_body && j > p;
    const uint32_t word = is_body ? at.word + p : mask + ((p - j) & (a->poly_size - 1));
    const uint64_t x = move_load(a, job->from, at.sample, word);
    return is_wrapped ? 0 - x : x;
}

__device__ __forceinline__ uint64_t convert_word(const move_args *a, const move_job *job,
                                                 elements_column at)
{
    const uint32_t in_dim = a->in.element_words - 1;
    const bool is_body = at.word == a->out.element_words - 1;
    const uint32_t word = is_body ? in_dim : elements_index(a->source, at.word);
    const bool is_there = is_body || word < in_dim;
    return is_there ? move_load(a, job->from, at.sample, word) << a->shift : 0;
}

/* clang-format off */
#define MOVE_KERNEL(name, word_of)                                              \
    __global__ void __launch_bounds__(MOVE_THREADS) name(move_args a)           \
    {                                                                           \
        const move_job job = move_find_job(&a);                                 \
        uint64_t x[MOVE_COLUMNS];                                               \
        elements_column at[MOVE_COLUMNS];                                       \
        bool is_in[MOVE_COLUMNS];                                               \
        for (uint32_t j = 0; j < MOVE_COLUMNS; j++) {                           \
            is_in[j] = move_column(&at[j], &a, &job, j);                        \
            x[j] = is_in[j] ? word_of(&a, &job, at[j]) : 0;                     \
        }                                                                       \
        for (uint32_t j = 0; j < MOVE_COLUMNS; j++) {                           \
            if (is_in[j]) {                                                     \
                move_store(&a, &job, at[j], x[j]);                              \
            }                                                                   \
        }                                                                       \
    }
/* clang-format on */

MOVE_KERNEL(gather_kernel, gather_word)
MOVE_KERNEL(extract_kernel, extract_word)
MOVE_KERNEL(convert_kernel, convert_word)

/* --- host --- */

static cudaError_t move_start(void (*kernel)(move_args), move_args *a, uint32_t samples,
                              torc_gpu_stream stream)
{
    const uint64_t columns = (uint64_t)a->out.element_words * samples;
    const uint32_t block_columns = MOVE_THREADS * MOVE_COLUMNS;
    gpu_grid grid = {};
    grid.threads = MOVE_THREADS;
    grid.stream = stream;
    if (!elements_blocks(&grid.blocks, columns, block_columns, a->moves.count)) {
        return cudaErrorInvalidValue;
    }
    a->columns = (uint32_t)columns;
    a->column_tiles = (a->columns + block_columns - 1) / block_columns;
    return grid.blocks == 0 ? cudaSuccess : gpu_launch(&grid, kernel, *a);
}

static move_args move_prepare(const torc_elements *out, const torc_elements *in,
                              const torc_moves *moves)
{
    move_args a = {};
    a.out = *out;
    a.in = *in;
    a.moves = *moves;
    return a;
}

int torc_gpu_gather(const torc_elements *out, const torc_elements *in, const torc_moves *moves,
                    uint32_t samples, torc_gpu_stream stream)
{
    move_args a = move_prepare(out, in, moves);
    return out->element_words == in->element_words ? move_start(gather_kernel, &a, samples, stream)
                                                   : cudaErrorInvalidValue;
}

int torc_gpu_extract(const torc_elements *out, const torc_elements *in, const torc_moves *moves,
                     const uint32_t *index, uint32_t poly_size, uint32_t samples,
                     torc_gpu_stream stream)
{
    move_args a = move_prepare(out, in, moves);
    const uint32_t mask_words = out->element_words - 1;
    a.index = index;
    a.poly_size = poly_size;
    if (poly_size == 0 || (poly_size & (poly_size - 1)) != 0 || mask_words % poly_size != 0 ||
        in->element_words != mask_words + poly_size) {
        return cudaErrorInvalidValue;
    }
    return move_start(extract_kernel, &a, samples, stream);
}

int torc_gpu_convert(const torc_elements *out, const torc_elements *in, const uint32_t *source,
                     uint32_t shift, uint32_t count, uint32_t samples, torc_gpu_stream stream)
{
    const torc_moves moves = {count, NULL, NULL, NULL};
    move_args a = move_prepare(out, in, &moves);
    a.source = source;
    a.shift = shift;
    return shift < 64 ? move_start(convert_kernel, &a, samples, stream) : cudaErrorInvalidValue;
}
