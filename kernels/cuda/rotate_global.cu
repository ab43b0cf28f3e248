/* Runs a blind rotation through global memory: checks, scratch, the kernels of every step. Formulas
 * and shapes: rotate_global.cuh. */
#include "kernels/cuda/rotate_global.cuh"
#include "kernels/cuda/rotate_global_product.cuh"
#include "kernels/cuda/rotate_global_transform.cuh"

/* What the kernels of one step exchange at once; half of the second-level cache of an H100. */
#define GLOBAL_EXCHANGE_BYTES ((size_t)24 << 20)

/* A piece of a batch on its way. */
typedef struct global_run {
    rotate_args args;
    rotate_global_work work;
    cudaStream_t stream;
} global_run;

/* --- shapes and scratch --- */

static uint32_t log2_of(uint32_t power)
{
    uint32_t log = 0;
    while (power > 1) {
        power >>= 1;
        log++;
    }
    return log;
}

static uint32_t grouping_of(const torc_shape *s)
{
    return s->grouping == 0 ? 1 : s->grouping;
}

static bool shape_is_known(const torc_shape *s)
{
    const uint32_t g = grouping_of(s), n = s->poly_size;
    return s->glwe_dim >= 1 && s->glwe_dim <= 6 && n >= 256 && n <= 4096 && (n & (n - 1)) == 0 &&
           s->level_count >= 1 && s->level_count <= 3 && s->base_log >= 1 && s->base_log <= 31 &&
           s->base_log * s->level_count <= 32 && g <= 3 && s->lwe_dim >= 1 && s->lwe_dim % g == 0 &&
           s->extended_log2 <= 5 && s->outputs_log2 <= log2_of(n) + s->extended_log2;
}

static size_t slot_polynomials(const torc_shape *s)
{
    return s->glwe_dim + (size_t)1;
}

/* Bytes of one ciphertext: digit spectra, product, words. */
static size_t spectra_bytes(const torc_shape *s)
{
    return slot_polynomials(s) * s->level_count * s->poly_size * sizeof(double) << s->extended_log2;
}

static size_t product_bytes(const torc_shape *s)
{
    return slot_polynomials(s) * s->poly_size * sizeof(double) << s->extended_log2;
}

static size_t word_bytes(const torc_shape *s)
{
    return grouping_of(s) > 1
               ? 0
               : slot_polynomials(s) * s->poly_size * sizeof(uint32_t) << s->extended_log2;
}

/* Ciphertexts of a piece. */
static uint32_t piece_of(const torc_shape *s, uint32_t batch)
{
    const size_t fits = GLOBAL_EXCHANGE_BYTES / (spectra_bytes(s) + product_bytes(s));
    return fits < 1 ? 1 : fits < batch ? (uint32_t)fits : batch;
}

size_t rotate_global_scratch_bytes(const torc_shape *shape, uint32_t batch)
{
    return !shape_is_known(shape)
               ? 0
               : piece_of(shape, batch) *
                     (spectra_bytes(shape) + product_bytes(shape) + word_bytes(shape));
}

/* --- launches --- */

/* A kernel of polynomials; last: its last argument. */
template <class plan>
static cudaError_t run_polynomials(const global_run *run,
                                   void (*kernel)(rotate_args, rotate_global_work, uint32_t),
                                   uint32_t last)
{
    const uint32_t count = run->args.batch * (run->work.glwe_dim + 1) << run->work.extended_log2;
    gpu_grid grid = {};
    grid.blocks = (count + plan::polynomials - 1) / plan::polynomials;
    grid.threads = plan::threads;
    grid.shared_bytes = plan::shared_bytes;
    grid.stream = run->stream;
    GPU_TRY(gpu_allow_shared(kernel, grid.shared_bytes));
    return gpu_launch(&grid, kernel, run->args, run->work, last);
}

template <class plan> static cudaError_t run_product_plan(const global_run *run, uint32_t step)
{
    global_run r = *run;
    if (plan::grouping == 1) {
        r.args.batch <<= r.work.extended_log2;
        r.work.extended_log2 = 0;
    }
    const uint32_t groups = (r.args.batch + plan::ciphertexts - 1) / plan::ciphertexts;
    const uint32_t items = groups << (r.work.extended_log2 - plan::tile_log2);
    gpu_grid grid = {};
    grid.blocks = (items + GLOBAL_PRODUCT_WARPS - 1) / GLOBAL_PRODUCT_WARPS << (r.work.log2_n - 6);
    grid.threads = 32 * GLOBAL_PRODUCT_WARPS;
    grid.stream = r.stream;
    return gpu_launch(&grid, rotate_global_product<plan>, r.args, r.work, step);
}

template <int grouping> static cudaError_t run_product_grouped(const global_run *run, uint32_t step)
{
    switch (run->work.extended_log2) {
    case 0: return run_product_plan<global_product_plan<grouping, 0>>(run, step);
    case 1: return run_product_plan<global_product_plan<grouping, 1>>(run, step);
    case 2: return run_product_plan<global_product_plan<grouping, 2>>(run, step);
    default: return run_product_plan<global_product_plan<grouping, 3>>(run, step);
    }
}

static cudaError_t run_product(const global_run *run, uint32_t step)
{
    switch (run->work.grouping) {
    case 1: return run_product_plan<global_product_plan<1, 0>>(run, step);
    case 2: return run_product_grouped<2>(run, step);
    default: return run_product_grouped<3>(run, step);
    }
}

/* All steps of a piece. */
template <int log2_n> static cudaError_t run_size(const global_run *run)
{
    typedef global_plan<log2_n> plan;
    const bool is_classic = run->work.grouping == 1;
    const uint32_t steps = run->args.lwe_dim / run->work.grouping;
    auto *transform = is_classic ? rotate_global_add<plan> : rotate_global_transform<plan>;

    GPU_TRY(run_polynomials<plan>(run, transform, GLOBAL_FIRST));
    for (uint32_t step = 0; step < steps; step++) {
        if (is_classic) {
            GPU_TRY(run_polynomials<plan>(run, rotate_global_gather<plan>, step));
        }
        GPU_TRY(run_product(run, step));
        GPU_TRY(run_polynomials<plan>(run, transform, step + 1 < steps ? 0 : GLOBAL_LAST));
    }
    return cudaSuccess;
}

static cudaError_t run_piece(const global_run *run)
{
    switch (run->work.log2_n) {
    case 8: return run_size<8>(run);
    case 9: return run_size<9>(run);
    case 10: return run_size<10>(run);
    case 11: return run_size<11>(run);
    default: return run_size<12>(run);
    }
}

/* --- the whole batch --- */

static rotate_global_work work_of(const rotate_args *args, const torc_shape *shape, void *scratch,
                                  uint32_t piece)
{
    const uint32_t log2_n = log2_of(shape->poly_size);
    rotate_global_work w = {};
    w.spectra = (double2 *)scratch;
    w.product = (double2 *)((char *)scratch + piece * spectra_bytes(shape));
    w.word = (uint32_t *)((char *)w.product + piece * product_bytes(shape));
    w.root = args->tables + fft_all_roots_at(fft_table_sizes_of((int)log2_n, 5));
    w.glwe_dim = shape->glwe_dim;
    w.log2_n = log2_n;
    w.level_count = shape->level_count;
    w.grouping = grouping_of(shape);
    w.extended_log2 = shape->extended_log2;
    w.gadget0 = 2.0 / shape->poly_size / (double)(1u << shape->base_log);
    w.gadget1 = w.gadget0 / (double)(1u << shape->base_log);
    w.gadget2 = w.gadget1 / (double)(1u << shape->base_log);
    return w;
}

/* The arguments of `count` ciphertexts from `first` on. */
static rotate_args args_of(const rotate_args *args, const torc_shape *shape, uint32_t first,
                           uint32_t count)
{
    const size_t words = (size_t)shape->glwe_dim * shape->poly_size + 1;
    rotate_args a = *args;
    a.exponent += (size_t)first * args->lwe_dim;
    a.body += first;
    a.error += first;
    a.table_index += first;
    a.out += (size_t)first * words << args->outputs_log2;
    if (a.accumulator != NULL) {
        a.accumulator += first * slot_polynomials(shape) * shape->poly_size << shape->extended_log2;
    }
    a.batch = count;
    return a;
}

int rotate_global(const rotate_args *args, const torc_shape *shape, void *scratch,
                  cudaStream_t stream)
{
    if (!shape_is_known(shape) || args->batch == 0 || scratch == NULL) {
        return cudaErrorInvalidValue;
    }
    const uint32_t piece = piece_of(shape, args->batch);
    for (uint32_t first = 0; first < args->batch; first += piece) {
        const uint32_t left = args->batch - first;
        const global_run run = {args_of(args, shape, first, left < piece ? left : piece),
                                work_of(args, shape, scratch, piece), stream};
        GPU_TRY(run_piece(&run));
    }
    return cudaSuccess;
}
