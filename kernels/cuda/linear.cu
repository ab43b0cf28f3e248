/* clang-format off */
/* Linear layers on a batch of ciphertexts: an integer matrix times gathered inputs, for every group
 *   out[g][o] = sum_i weight[g][o][i] in[gather[g][i]] + (0, .., 0, constant[g][o])     (mod 2^64)
 * Exact, the bits of torc_ref_linear. Absent inputs (zero padding) are skipped.
 *
 * Layouts: kernels.h. The words of all samples side by side are the columns (elements.cuh); with
 * weights that depend on the sample (weight_clear) every sample is a run of its own. A product takes
 * two multiply-adds, or three where weights have 64 bits (linear_products.cuh).
 *
 * Mapping: block = `outs` outputs of one group x 128 threads * `columns` columns; a thread keeps its
 * outs x columns sums in registers and reads its own inputs, straight from global memory; 64 inputs
 * at a time, their places and weights go through shared memory, where all lanes read one address.
 * Blocks that share inputs are neighbours: output tiles first, then groups (windows of a convolution
 * overlap), then columns: inputs come from memory once, later from the second-level cache.
 *
 * A block and one of its inputs: multiplies of a thread; wavefronts of shared memory (a broadcast of
 * 16 bytes as 4) and sectors of 32 bytes, counted by kernels/emu/test/batch_counts.cu; and clocks of
 * a multiprocessor of H200, at 64 multiplies and 24 bytes from the second-level cache a clock:
 *
 *   outs x columns  layers with        weights  multiplies  wavefronts  sectors  multiply shared read
 *      16 x 2       5 outputs or more  32 bits      64          74         66       128     74    88
 *                                      64 bits      96         138         68       192    138    91
 *       4 x 4       2 to 4             32 bits      32          25        129        64     25   171
 *                                      64 bits      48          41        129        96     41   172
 *       1 x 8       1 (sums, copies)   32 bits      16          12        256        32     12   341
 *                                      64 bits      24          16        256        48     16   341
 *
 * The largest is the bound: blocks of one multiprocessor overlap. Where elements do not begin at 32
 * bytes (kN + 1 is odd) a warp touches 9 sectors, not 8, and finds the ninth in its first-level
 * cache. 16 x 2 makes 32 products a clock and multiprocessor, 7.2e12 a second at 1.7 GHz, if both
 * kinds of multiply-add have the same rate; a layer costs o i (kN + 1) of them: 0.15 us an output at
 * i = 512, kN = 2048, whose lookup takes 10 us. That is why tensor cores are left alone here (8 limbs
 * of x by 1 or 2 of w would be some ten times faster): they could save 1.5 % of a circuit. */
/* clang-format on */
#include "kernels/cuda/elements.cuh"
#include "kernels/cuda/linear_products.cuh"
#include "kernels/kernels_cuda.h"

#define LINEAR_THREADS 128u
#define LINEAR_CHUNK   64u /* inputs whose weights are staged at once */
#define LINEAR_ABSENT  UINT64_MAX

typedef struct linear_args {
    torc_elements out, in;
    torc_clear_values clear;
    torc_linear_layer layer;
    uint32_t run_columns; /* of all samples, or of one where weights depend on the sample */
    uint32_t out_tiles, column_tiles;
} linear_args;

/* What a block computes; sums start at column 0 of sample `run`. */
typedef struct linear_job {
    uint32_t run, group, first_out, out_count, first_column;
} linear_job;

/* The inputs of a chunk: where their words begin, and a row of weights for each. Rows lie an odd
 * number of quads apart: lanes that store a column of weights meet 4 in a bank, not up to 16. */
template <int weight_words, int outs> struct linear_stage {
    static constexpr int row = weight_words * outs;
    static constexpr int pitch = row + (row % 8 == 0 ? 4 : 0);
    uint64_t begin[LINEAR_CHUNK];
    uint32_t weight[LINEAR_CHUNK * pitch];
};

template <int outs, int columns>
__device__ __forceinline__ linear_job linear_find_job(const linear_args *a)
{
    linear_job job;
    uint32_t rest = blockIdx.x;
    job.first_out = rest % a->out_tiles * outs;
    job.out_count = min(a->layer.out_count - job.first_out, (uint32_t)outs);
    rest /= a->out_tiles;
    job.group = rest % a->layer.group_count;
    rest /= a->layer.group_count;
    job.first_column = rest % a->column_tiles * (LINEAR_THREADS * columns);
    job.run = rest / a->column_tiles;
    return job;
}

/* --- weights and places of a chunk --- */

__device__ __forceinline__ uint64_t linear_weight(const linear_args *a, const linear_job *job,
                                                  uint32_t o, uint32_t i)
{
    const torc_linear_layer *layer = &a->layer;
    const uint32_t group = layer->weight_groups == 1 ? 0 : job->group;
    const size_t at = ((size_t)group * layer->out_count + job->first_out + o) * layer->in_count + i;
    const uint64_t weight =
        layer->weight_i32 == NULL
            ? gpu_load_readonly((const uint64_t *)layer->weight_i64 + at)
            : (uint64_t)(int32_t)gpu_load_readonly((const uint32_t *)layer->weight_i32 + at);
    if (layer->weight_clear == NULL) {
        return weight;
    }
    const uint32_t clear = gpu_load_readonly(layer->weight_clear + at);
    if (clear == TORC_ABSENT) {
        return weight;
    }
    const int64_t *value = a->clear.value + clear * a->clear.stride + job->run;
    return weight * gpu_load_readonly((const uint64_t *)value);
}

__device__ __forceinline__ uint64_t linear_begin(const linear_args *a, const linear_job *job,
                                                 uint32_t i)
{
    const uint32_t element =
        i < a->layer.in_count
            ? gpu_load_readonly(a->layer.gather + (size_t)job->group * a->layer.in_count + i)
            : TORC_ABSENT;
    return element == TORC_ABSENT ? LINEAR_ABSENT : element * (uint64_t)a->in.element_stride;
}

/* Neighbouring lanes take neighbouring inputs of one output: that is how weights lie. */
template <int weight_words, int outs>
__device__ __forceinline__ void linear_fill(linear_stage<weight_words, outs> *stage,
                                            const linear_args *a, const linear_job *job,
                                            uint32_t first)
{
    if (threadIdx.x < LINEAR_CHUNK) {
        gpu_store_shared(stage->begin + threadIdx.x, linear_begin(a, job, first + threadIdx.x));
    }
    for (uint32_t t = threadIdx.x; t < LINEAR_CHUNK * outs; t += LINEAR_THREADS) {
        const uint32_t i = t % LINEAR_CHUNK;
        const uint32_t o = t / LINEAR_CHUNK;
        const bool is_weight = o < job->out_count && first + i < a->layer.in_count;
        const uint64_t weight = is_weight ? linear_halves(linear_weight(a, job, o, first + i)) : 0;
        uint32_t *place = stage->weight + i * stage->pitch + o * weight_words;
        if (weight_words == 1) {
            gpu_store_shared(place, (uint32_t)weight);
        } else {
            gpu_store_shared((uint64_t *)place, weight);
        }
    }
}

/* --- products --- */

/* The inputs of a chunk; the words of 8 / columns inputs are on their way together. */
template <int weight_words, int outs, int columns>
__device__ __forceinline__ void
linear_add_chunk(linear_sums<outs, columns> *sums, const linear_stage<weight_words, outs> *stage,
                 const uint64_t *const in[columns], uint32_t in_count, uint32_t out_count)
{
    constexpr int ahead = 8 / columns;
#pragma unroll 1
    for (uint32_t i = 0; i < in_count; i += ahead) {
        uint64_t begin[ahead];
        uint64_t x[ahead][columns];
#pragma unroll
        for (int u = 0; u < ahead; u++) {
            begin[u] = gpu_load_shared(stage->begin + i + u);
#pragma unroll
            for (int j = 0; j < columns; j++) {
                x[u][j] = begin[u] == LINEAR_ABSENT ? 0 : gpu_load_readonly(in[j] + begin[u]);
            }
        }
#pragma unroll
        for (int u = 0; u < ahead; u++) {
#pragma unroll
            for (int j = 0; j < columns; j++) {
                x[u][j] = linear_halves(x[u][j]);
            }
            if (begin[u] != LINEAR_ABSENT) {
                linear_add_input<weight_words, outs, columns>(
                    sums, stage->weight + (i + u) * stage->pitch, x[u], out_count);
            }
        }
    }
}

/* --- the kernel --- */

template <int columns>
__device__ __forceinline__ uint32_t linear_column(const linear_job *job, int j)
{
    return job->first_column + j * LINEAR_THREADS + threadIdx.x;
}

__device__ __forceinline__ elements_column linear_place(const linear_args *a, const linear_job *job,
                                                        uint32_t column)
{
    elements_column place = elements_column_at(column, a->in.element_words);
    place.sample += job->run;
    return place;
}

template <int outs, int columns>
__device__ __forceinline__ void linear_store(const linear_sums<outs, columns> *sums,
                                             const linear_args *a, const linear_job *job, int j,
                                             elements_column place)
{
    const torc_linear_layer *layer = &a->layer;
    const uint32_t constant_group = layer->constant_groups == 1 ? 0 : job->group;
    const uint64_t *constant =
        layer->constant + (size_t)constant_group * layer->out_count + job->first_out;
    const bool is_body = place.word == a->out.element_words - 1;
    uint64_t *out = a->out.words + elements_offset(&a->out, place);
    size_t element = layer->out + (size_t)job->group * layer->out_group_stride +
                     (size_t)job->first_out * layer->out_stride;
#pragma unroll
    for (int o = 0; o < outs; o++) {
        if ((uint32_t)o < job->out_count) {
            const uint64_t added = is_body ? gpu_load_readonly(constant + o) : 0;
            gpu_store_global(out + element * a->out.element_stride,
                             sums->low[o][j] + ((uint64_t)sums->high[o][j] << 32) + added);
            element += layer->out_stride;
        }
    }
}

/* Columns past the last are computed on the words of the last, and not stored. */
template <int weight_words, int outs, int columns>
__global__ void __launch_bounds__(LINEAR_THREADS) linear_kernel(linear_args a)
{
    typedef linear_stage<weight_words, outs> stage_type;
    GPU_DYNAMIC_SHARED(stage_type, stage);
    const linear_job job = linear_find_job<outs, columns>(&a);
    linear_sums<outs, columns> sums = {};
    const uint64_t *in[columns];
#pragma unroll
    for (int j = 0; j < columns; j++) {
        const uint32_t column = min(linear_column<columns>(&job, j), a.run_columns - 1);
        in[j] = a.in.words + elements_offset(&a.in, linear_place(&a, &job, column));
    }
    const bool has_columns = job.first_column + threadIdx.x < a.run_columns;
    for (uint32_t first = 0; first < a.layer.in_count; first += LINEAR_CHUNK) {
        gpu_sync_block(); /* the chunk before was read */
        linear_fill<weight_words, outs>(stage, &a, &job, first);
        gpu_sync_block();
        if (has_columns) {
            linear_add_chunk<weight_words, outs, columns>(
                &sums, stage, in, min(a.layer.in_count - first, LINEAR_CHUNK), job.out_count);
        }
    }
#pragma unroll
    for (int j = 0; j < columns; j++) {
        const uint32_t column = linear_column<columns>(&job, j);
        if (column < a.run_columns) {
            linear_store<outs, columns>(&sums, &a, &job, j, linear_place(&a, &job, column));
        }
    }
}

/* body(out element) += scale * value, a thread for each term and sample. Terms may share an output:
 * sums of integers, in any order. */
__global__ void __launch_bounds__(LINEAR_THREADS)
    linear_clear_kernel(linear_args a, uint32_t samples)
{
    const torc_linear_layer *layer = &a.layer;
    const uint64_t job = (uint64_t)blockIdx.x * LINEAR_THREADS + threadIdx.x;
    const uint32_t term = (uint32_t)(job / samples);
    const uint32_t sample = (uint32_t)(job % samples);
    if (term < layer->clear_term_count) {
        const uint32_t element = gpu_load_readonly(layer->clear_term_element + term);
        const int64_t *value = a.clear.value + element * a.clear.stride + sample;
        const uint32_t to = gpu_load_readonly(layer->clear_term_out + term);
        gpu_add_global(a.out.words + to * a.out.element_stride + sample * a.out.sample_stride +
                           a.out.element_words - 1,
                       gpu_load_readonly(layer->clear_term_scale + term) *
                           gpu_load_readonly((const uint64_t *)value));
    }
}

/* --- host --- */

template <int weight_words, int outs, int columns>
static cudaError_t linear_start(linear_args *a, uint32_t samples, cudaStream_t stream)
{
    const uint64_t words = a->in.element_words;
    const bool own_runs = a->layer.weight_clear != NULL;
    const uint32_t block_columns = LINEAR_THREADS * columns;
    const uint64_t run_columns = own_runs ? words : words * samples;
    gpu_grid grid = {};

    grid.threads = LINEAR_THREADS;
    grid.shared_bytes = sizeof(linear_stage<weight_words, outs>);
    grid.stream = stream;
    a->out_tiles = (a->layer.out_count + outs - 1) / outs;
    if (!elements_blocks(&grid.blocks, run_columns, block_columns,
                         (uint64_t)a->out_tiles * a->layer.group_count *
                             (own_runs ? samples : 1))) {
        return cudaErrorInvalidValue;
    }
    a->run_columns = (uint32_t)run_columns;
    a->column_tiles = (a->run_columns + block_columns - 1) / block_columns;
    return gpu_launch(&grid, linear_kernel<weight_words, outs, columns>, *a);
}

template <int weight_words>
static cudaError_t linear_choose(linear_args *a, uint32_t samples, cudaStream_t stream)
{
    if (a->layer.out_count == 1) {
        return linear_start<weight_words, 1, 8>(a, samples, stream);
    }
    return a->layer.out_count <= 4 ? linear_start<weight_words, 4, 4>(a, samples, stream)
                                   : linear_start<weight_words, 16, 2>(a, samples, stream);
}

static bool linear_is_valid(const linear_args *a)
{
    const torc_linear_layer *layer = &a->layer;
    const bool uses_clear = layer->weight_clear != NULL || layer->clear_term_count > 0;
    return a->out.element_words == a->in.element_words && a->in.element_words > 0 &&
           (layer->weight_groups == 1 || layer->weight_groups == layer->group_count) &&
           (layer->constant_groups == 1 || layer->constant_groups == layer->group_count) &&
           (layer->in_count == 0 || (layer->weight_i32 == NULL) != (layer->weight_i64 == NULL)) &&
           (!uses_clear || a->clear.value != NULL);
}

static cudaError_t linear_clear_terms(const linear_args *a, uint32_t samples, cudaStream_t stream)
{
    gpu_grid grid = {};
    grid.threads = LINEAR_THREADS;
    grid.stream = stream;
    if (a->layer.clear_term_count == 0) {
        return cudaSuccess;
    }
    if (!elements_blocks(&grid.blocks, samples, LINEAR_THREADS, a->layer.clear_term_count)) {
        return cudaErrorInvalidValue;
    }
    return gpu_launch(&grid, linear_clear_kernel, *a, samples);
}

int torc_gpu_linear(const torc_elements *out, const torc_elements *in,
                    const torc_clear_values *clear, const torc_linear_layer *layer,
                    uint32_t samples, torc_gpu_stream stream)
{
    linear_args a = {};
    a.out = *out;
    a.in = *in;
    a.layer = *layer;
    if (clear != NULL) {
        a.clear = *clear;
    }
    if (!linear_is_valid(&a)) {
        return cudaErrorInvalidValue;
    }
    if (samples == 0 || layer->group_count == 0 || layer->out_count == 0) {
        return cudaSuccess;
    }
    const bool narrow = layer->weight_i32 != NULL && layer->weight_clear == NULL;
    GPU_TRY(narrow ? linear_choose<1>(&a, samples, stream) : linear_choose<2>(&a, samples, stream));
    return linear_clear_terms(&a, samples, stream);
}
