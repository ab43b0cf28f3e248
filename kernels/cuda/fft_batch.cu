/* Transforms of whole batches in global memory: keys at load time, tests, bench. Formula and order
 * of the spectrum: fft.cuh.
 *
 * Mapping: L lanes a polynomial, 128 lanes a block (64-lane polynomials: two a block).
 * Layouts: coefficients double or u64 [count][N]; spectra double2 [count][N/2]. */
#include "kernels/cuda/fft.cuh"
#include "kernels/kernels_cuda.h"

#define BATCH_THREADS 128

/* What lies in global memory instead of doubles. */
typedef enum batch_kind { BATCH_DOUBLES, BATCH_WORDS } batch_kind;

typedef struct batch_args {
    const double2 *tables;
    const void *in;
    void *out;
    double scale; /* of the coefficients, in or out */
    uint32_t count;
} batch_args;

template <class plan> struct batch_plan {
    static constexpr uint32_t polynomials = BATCH_THREADS / plan::lanes;
    static constexpr size_t table_at = sizeof(double2) * polynomials * plan::slab;
};

template <class plan>
__device__ __forceinline__ void batch_copy_tables(unsigned char *shared, const double2 *tables,
                                                  uint32_t first, uint32_t end)
{
    double2 *to = reinterpret_cast<double2 *>(shared + batch_plan<plan>::table_at);
    for (uint32_t i = first + threadIdx.x; i < end; i += BATCH_THREADS) {
        gpu_store_shared(to + i - first, gpu_load_readonly(tables + i));
    }
}

template <class plan, int kind>
__device__ __forceinline__ double batch_coefficient(const batch_args *args, size_t i)
{
    if constexpr (kind == BATCH_WORDS) {
        const uint64_t word = gpu_load_readonly((const uint64_t *)args->in + i);
        return (double)(int64_t)word * args->scale;
    } else {
        return gpu_load_readonly((const double *)args->in + i) * args->scale;
    }
}

/* A polynomial past the end repeats the last one and stores nothing. */
template <class plan, int kind>
__global__ void __launch_bounds__(BATCH_THREADS) fft_batch_forward(const batch_args args)
{
    GPU_DYNAMIC_SHARED(unsigned char, shared);
    const uint32_t polynomial = threadIdx.x / plan::lanes, lane = threadIdx.x % plan::lanes;
    const uint32_t wanted = blockIdx.x * batch_plan<plan>::polynomials + polynomial;
    const uint32_t at = wanted < args.count ? wanted : args.count - 1;
    double2 *slab = reinterpret_cast<double2 *>(shared) + polynomial * plan::slab;
    const double2 *tables = reinterpret_cast<const double2 *>(shared + batch_plan<plan>::table_at);
    double2 *out = (double2 *)args.out + (size_t)at * plan::size;
    double2 v[plan::points];
    batch_copy_tables<plan>(shared, args.tables, 0, plan::inverse2);
#pragma unroll
    for (uint32_t q = 0; q < plan::points; q++) {
        const size_t c = (size_t)at * 2 * plan::size + plan::lanes * q + lane;
        v[q] = make_double2(batch_coefficient<plan, kind>(&args, c),
                            batch_coefficient<plan, kind>(&args, c + plan::size));
    }
    gpu_sync_block(); /* tables are there */
    fft_forward<plan>(v, slab, tables, polynomial, lane);
    fft_sync<plan>(polynomial);
    if (wanted < args.count) {
        for (uint32_t y = lane; y < plan::size; y += plan::lanes) {
            gpu_store_global(out + y, gpu_load_shared(slab + y));
        }
    }
}

template <class plan>
__global__ void __launch_bounds__(BATCH_THREADS) fft_batch_inverse(const batch_args args)
{
    GPU_DYNAMIC_SHARED(unsigned char, shared);
    const uint32_t polynomial = threadIdx.x / plan::lanes, lane = threadIdx.x % plan::lanes;
    const uint32_t wanted = blockIdx.x * batch_plan<plan>::polynomials + polynomial;
    const uint32_t at = wanted < args.count ? wanted : args.count - 1;
    double2 *slab = reinterpret_cast<double2 *>(shared) + polynomial * plan::slab;
    const double2 *tables =
        reinterpret_cast<const double2 *>(shared + batch_plan<plan>::table_at) - plan::inverse2;
    const double2 *in = (const double2 *)args.in + (size_t)at * plan::size;
    double *out = (double *)args.out + (size_t)at * 2 * plan::size;
    double2 v[plan::points];
    batch_copy_tables<plan>(shared, args.tables, plan::inverse2, plan::root_low);
    for (uint32_t y = lane; y < plan::size; y += plan::lanes) {
        gpu_store_shared(slab + y, gpu_load_readonly(in + y));
    }
    gpu_sync_block(); /* tables and spectra are there */
    fft_inverse<plan>(v, slab, tables, polynomial, lane);
#pragma unroll
    for (uint32_t q = 0; q < plan::points; q++) {
        const uint32_t c = plan::lanes * q + lane;
        v[q] = fft_last_twist<plan>(v[q], (int)q);
        if (wanted < args.count) {
            gpu_store_global(out + c, v[q].x * args.scale);
            gpu_store_global(out + c + plan::size, v[q].y * args.scale);
        }
    }
}

/* --- host --- */

template <class plan>
static int batch_launch(void (*kernel)(batch_args), const batch_args *args, uint32_t tables,
                        torc_gpu_stream stream)
{
    gpu_grid grid = {};
    grid.blocks = (args->count + batch_plan<plan>::polynomials - 1) / batch_plan<plan>::polynomials;
    grid.threads = BATCH_THREADS;
    grid.shared_bytes = batch_plan<plan>::table_at + sizeof(double2) * tables;
    grid.stream = stream;
    GPU_TRY(gpu_allow_shared(kernel, grid.shared_bytes));
    return gpu_launch(&grid, kernel, *args);
}

template <int log2_n>
static int batch_forward(const batch_args *args, int kind, torc_gpu_stream stream)
{
    typedef fft_plan<log2_n, 5> plan;
    return batch_launch<plan>(kind == BATCH_WORDS ? fft_batch_forward<plan, BATCH_WORDS>
                                                  : fft_batch_forward<plan, BATCH_DOUBLES>,
                              args, plan::inverse2, stream);
}

template <int log2_n> static int batch_inverse(const batch_args *args, torc_gpu_stream stream)
{
    typedef fft_plan<log2_n, 5> plan;
    return batch_launch<plan>(fft_batch_inverse<plan>, args, plan::root_low - plan::inverse2,
                              stream);
}

static int batch_run(const batch_args *args, uint32_t poly_size, bool is_forward, int kind,
                     torc_gpu_stream stream)
{
    if (args->count == 0) {
        return cudaErrorInvalidValue;
    }
    switch (poly_size) {
    case 256:
        return is_forward ? batch_forward<8>(args, kind, stream) : batch_inverse<8>(args, stream);
    case 512:
        return is_forward ? batch_forward<9>(args, kind, stream) : batch_inverse<9>(args, stream);
    case 1024:
        return is_forward ? batch_forward<10>(args, kind, stream) : batch_inverse<10>(args, stream);
    case 2048:
        return is_forward ? batch_forward<11>(args, kind, stream) : batch_inverse<11>(args, stream);
    case 4096:
        return is_forward ? batch_forward<12>(args, kind, stream) : batch_inverse<12>(args, stream);
    default: return cudaErrorInvalidValue;
    }
}

static int log2_of(uint32_t power)
{
    int log = 0;
    while (power > 1) {
        power >>= 1;
        log++;
    }
    return log;
}

/* double2 of the tables at the head of a key: whole lines of 128 bytes. */
static size_t head_count(uint32_t poly_size)
{
    return fft_all_roots_at(fft_table_sizes_of(log2_of(poly_size), 5)) + 2 * (size_t)poly_size;
}

static bool size_is_known(uint32_t poly_size)
{
    return poly_size >= 256 && poly_size <= 4096 && (poly_size & (poly_size - 1)) == 0;
}

extern "C" size_t torc_gpu_fft_table_bytes(uint32_t poly_size)
{
    return size_is_known(poly_size) ? head_count(poly_size) * sizeof(double2) : 0;
}

extern "C" int torc_gpu_fft_tables(void *tables, uint32_t poly_size, torc_gpu_stream stream)
{
    static thread_local double host[2 * 12288]; /* 12,032 complex numbers at N = 4096 */
    if (!size_is_known(poly_size)) {
        return cudaErrorInvalidValue;
    }
    const size_t bytes = head_count(poly_size) * sizeof(double2);
    fft_tables_fill(host, log2_of(poly_size), 5);
    const int error = torc_gpu_copy_in(tables, host, bytes, stream);
    return error != 0 ? error : torc_gpu_stream_wait(stream); /* host is reused */
}

extern "C" int torc_gpu_fft_forward(double *spectrum, const double *in, uint32_t count,
                                    const void *tables, uint32_t poly_size, torc_gpu_stream stream)
{
    const batch_args args = {(const double2 *)tables, in, spectrum, 1.0, count};
    return batch_run(&args, poly_size, true, BATCH_DOUBLES, stream);
}

extern "C" int torc_gpu_fft_inverse(double *out, const double *spectrum, uint32_t count,
                                    const void *tables, uint32_t poly_size, torc_gpu_stream stream)
{
    const batch_args args = {(const double2 *)tables, spectrum, out, 2.0 / poly_size, count};
    return batch_run(&args, poly_size, false, BATCH_DOUBLES, stream);
}

/* --- bootstrap keys --- */

static size_t key_polynomials(const torc_shape *s)
{
    const size_t g = s->grouping == 0 ? 1 : s->grouping, columns = s->glwe_dim + (size_t)1;
    return s->lwe_dim / g * ((1u << g) - 1) * columns * s->level_count * columns;
}

extern "C" size_t torc_gpu_bootstrap_key_bytes(const torc_shape *shape)
{
    const size_t head = torc_gpu_fft_table_bytes(shape->poly_size);
    return head == 0 ? 0 : head + key_polynomials(shape) * shape->poly_size * sizeof(double);
}

extern "C" int torc_gpu_bootstrap_key_rows(void *key, size_t first_row, uint32_t row_count,
                                           const uint64_t *glwe, const torc_shape *shape,
                                           torc_gpu_stream stream)
{
    const size_t columns = shape->glwe_dim + (size_t)1,
                 head = torc_gpu_fft_table_bytes(shape->poly_size);
    if (head == 0 || (first_row + row_count) * columns > key_polynomials(shape)) {
        return cudaErrorInvalidValue;
    }
    double *to = (double *)((char *)key + head) + first_row * columns * shape->poly_size;
    const batch_args args = {(const double2 *)key, glwe, to,
                             2.0 / 18446744073709551616.0 / shape->poly_size,
                             row_count * (uint32_t)columns};
    return batch_run(&args, shape->poly_size, true, BATCH_WORDS, stream);
}
