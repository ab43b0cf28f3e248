/* What the device at hand can do, as the kernels would use it: one JSON row a figure. The questions
 * that the rows decide, with thresholds and predictions written beforehand, stand in
 * bench/results/README.md under the name in `decides`.
 *
 *   gpu_ceilings [PART]...     fp64 tensor launch memory shared cluster multicast; all by default
 *
 * This file: arithmetic and launches; memory and clusters are in gpu_ceilings_memory.cu. */
#include "bench/gpu_ceilings.h"

#include <string.h>

#ifndef TORC_COMMIT
#define TORC_COMMIT "unknown"
#endif

#define REPEATS    9
#define FP64_LANES 64 /* of a multiprocessor, full-rate devices */

/* --- FP64 --- */

typedef struct fp64_args {
    uint32_t blocks, threads, loops;
    double *out;
    rows_clock *clock;
} fp64_args;

/* Butterflies (a, b) -> (a + w b, a - w b) on `pairs` pairs of complex numbers: 6 fused
 * instructions each, as in the transform; 16 pairs are 128 registers. */
template <int pairs> __device__ __forceinline__ void butterflies(double2 *a, double2 *b, double2 w)
{
#pragma unroll
    for (int i = 0; i < pairs; i++) {
        const double re = fma(b[i].x, w.x, fma(-b[i].y, w.y, a[i].x));
        const double im = fma(b[i].y, w.x, fma(b[i].x, w.y, a[i].y));
        b[i] = make_double2(fma(0.5, a[i].x, -re), fma(0.5, a[i].y, -im));
        a[i] = make_double2(re, im);
    }
}

template <int pairs> __device__ __forceinline__ double fp64_work(uint32_t loops)
{
    double2 a[pairs], b[pairs];
    const double2 w = make_double2(0.6, 0.3 + 1e-9 * threadIdx.x);
    double sum = 0;
#pragma unroll
    for (int i = 0; i < pairs; i++) {
        a[i] = make_double2(1.0 + i, threadIdx.x);
        b[i] = make_double2(2.0 - i, 3.0);
    }
#pragma unroll 1
    for (uint32_t l = 0; l < loops; l++) {
        butterflies<pairs>(a, b, w);
        butterflies<pairs>(b, a, w);
    }
#pragma unroll
    for (int i = 0; i < pairs; i++) {
        sum += a[i].x + a[i].y + b[i].x + b[i].y;
    }
    return sum;
}

/* One block a multiprocessor: the launch asks for more than half of the shared memory. */
template <int pairs> __global__ void __launch_bounds__(512, 1) fp64_kernel(const fp64_args args)
{
    rows_clock_begin(args.clock);
    const double sum = fp64_work<pairs>(args.loops);
    gpu_sync_block();
    rows_clock_end(args.clock);
    gpu_store_global(args.out + blockIdx.x * blockDim.x + threadIdx.x, sum);
}

/* The form of the rotation: 8 warps, up to 255 registers. */
template <int pairs>
__global__ void __launch_bounds__(256, 1) fp64_kernel_wide(const fp64_args args)
{
    rows_clock_begin(args.clock);
    const double sum = fp64_work<pairs>(args.loops);
    gpu_sync_block();
    rows_clock_end(args.clock);
    gpu_store_global(args.out + blockIdx.x * blockDim.x + threadIdx.x, sum);
}

typedef struct fp64_launch {
    fp64_args args;
    void (*kernel)(const fp64_args);
    size_t shared_bytes;
} fp64_launch;

static cudaError_t launch_fp64(void *p)
{
    fp64_launch *l = (fp64_launch *)p;
    gpu_grid grid = {};
    grid.blocks = l->args.blocks;
    grid.threads = l->args.threads;
    grid.shared_bytes = l->shared_bytes;
    GPU_TRY(gpu_allow_shared(l->kernel, grid.shared_bytes));
    return gpu_launch(&grid, l->kernel, l->args);
}

static void fp64_row(const cudaDeviceProp *p, fp64_launch *l, const char *what, uint32_t warps,
                     uint32_t loops, int pairs)
{
    char name[96];
    l->args.threads = 32 * warps;
    l->args.loops = loops;
    const rows_timing t = rows_time(launch_fp64, l, REPEATS, l->args.clock);
    /* Instructions of a lane; share of the issue slots by the cycles that the block counted. */
    const double each = 2.0 * 6 * pairs * loops, cycles = each * l->args.threads / FP64_LANES;
    snprintf(name, sizeof name, "fp64_%s_warps%u", what, warps);
    rows_print_rate(name, each * l->args.threads * p->multiProcessorCount * 1e-12, "T FP64/s", &t,
                    "fp64_issue");
    snprintf(name, sizeof name, "fp64_%s_warps%u_share", what, warps);
    rows_print(name, cycles / (double)t.cycles, "of issue slots", t.spread_ms / t.ms, &t,
               "fp64_issue");
}

void ceilings_fp64(const cudaDeviceProp *p)
{
    static const uint32_t warps[] = {4, 8, 16};
    fp64_launch l = {};
    l.args.blocks = (uint32_t)p->multiProcessorCount;
    l.shared_bytes = p->sharedMemPerMultiprocessor / 2 + 4096;
    if (l.shared_bytes > p->sharedMemPerBlockOptin) {
        l.shared_bytes = p->sharedMemPerBlockOptin;
    }
    ROWS_CHECK(cudaMalloc(&l.args.out, sizeof(double) * l.args.blocks * 512));
    ROWS_CHECK(cudaMalloc(&l.args.clock, 2 * sizeof *l.args.clock));
    for (const uint32_t w : warps) {
        l.kernel = fp64_kernel<2>;
        fp64_row(p, &l, "pairs2", w, 32768, 2);
        l.kernel = fp64_kernel<8>;
        fp64_row(p, &l, "pairs8", w, 8192, 8);
        if (w <= 8) { /* 128 and more registers of data: at most 8 warps */
            l.kernel = fp64_kernel_wide<16>;
            fp64_row(p, &l, "pairs16", w, 4096, 16);
            l.kernel = fp64_kernel_wide<26>;
            fp64_row(p, &l, "pairs26", w, 2560, 26);
        }
    }
    /* The clock under a second of this load: a long run of short launches. */
    l.kernel = fp64_kernel_wide<16>;
    l.args.threads = 256;
    l.args.loops = 65536;
    const rows_timing t = rows_time(launch_fp64, &l, 25, l.args.clock);
    rows_print("clock_under_fp64", t.mhz, "MHz", 0, &t, "clock");
    rows_print_state("under_fp64");
    ROWS_CHECK(cudaFree(l.args.out));
    ROWS_CHECK(cudaFree(l.args.clock));
}

/* --- tensor cores beside FP64 --- */

enum { WITH_NOTHING, WITH_INT8, WITH_FP64_TENSOR };

typedef struct tensor_args {
    uint32_t fp64_loops, tensor_loops;
    double *out;
    rows_clock *clock;
} tensor_args;

__device__ __forceinline__ uint32_t int8_work(uint32_t loops)
{
    uint32_t c[8][4] = {};
    const uint32_t a = 0x01020304u * threadIdx.x, b = 0x01010101u + threadIdx.x;
    for (uint32_t l = 0; l < loops; l++) {
#pragma unroll
        for (int i = 0; i < 8; i++) {
            asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, "
                         "{%4, %4, %4, %5}, {%5, %5}, {%0, %1, %2, %3};"
                         : "+r"(c[i][0]), "+r"(c[i][1]), "+r"(c[i][2]), "+r"(c[i][3])
                         : "r"(a), "r"(b));
        }
    }
    uint32_t sum = 0;
#pragma unroll
    for (int i = 0; i < 8; i++) {
        sum += c[i][0] + c[i][1] + c[i][2] + c[i][3];
    }
    return sum;
}

__device__ __forceinline__ double fp64_tensor_work(uint32_t loops)
{
    double c[8][2] = {};
    const double a = 0.5 + 1e-9 * threadIdx.x, b = 0.25;
    for (uint32_t l = 0; l < loops; l++) {
#pragma unroll
        for (int i = 0; i < 8; i++) {
            asm volatile("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0, %1}, {%2}, {%3}, "
                         "{%0, %1};"
                         : "+d"(c[i][0]), "+d"(c[i][1])
                         : "d"(a), "d"(b));
        }
    }
    double sum = 0;
#pragma unroll
    for (int i = 0; i < 8; i++) {
        sum += c[i][0] + c[i][1];
    }
    return sum;
}

/* Warps 0 .. 7 do butterflies, warps 8 .. 11 matrix products; a loop count of 0 leaves one out. */
template <int with> __global__ void __launch_bounds__(384, 1) tensor_kernel(const tensor_args args)
{
    double sum = 0;
    rows_clock_begin(args.clock);
    if (gpu_warp() < 8) {
        sum = fp64_work<8>(args.fp64_loops);
    } else if (with == WITH_INT8) {
        sum = int8_work(args.tensor_loops);
    } else if (with == WITH_FP64_TENSOR) {
        sum = fp64_tensor_work(args.tensor_loops);
    }
    gpu_sync_block();
    rows_clock_end(args.clock);
    gpu_store_global(args.out + blockIdx.x * blockDim.x + threadIdx.x, sum);
}

typedef struct tensor_launch {
    tensor_args args;
    void (*kernel)(const tensor_args);
    uint32_t blocks;
} tensor_launch;

static cudaError_t launch_tensor(void *p)
{
    tensor_launch *l = (tensor_launch *)p;
    gpu_grid grid = {};
    grid.blocks = l->blocks;
    grid.threads = 384;
    return gpu_launch(&grid, l->kernel, l->args);
}

/* Each alone, then both at once: the sum of the times means one pipe, the larger means two. */
static void tensor_rows(tensor_launch *l, const char *what, uint32_t loops, double operations)
{
    char name[96];
    double ms[3];
    const uint32_t fp64[3] = {8192, 0, 8192}, tensor[3] = {0, loops, loops};
    rows_timing t = {};
    for (int i = 0; i < 3; i++) {
        l->args.fp64_loops = fp64[i];
        l->args.tensor_loops = tensor[i];
        t = rows_time(launch_tensor, l, REPEATS, l->args.clock);
        ms[i] = t.ms;
        if (i == 1) {
            snprintf(name, sizeof name, "%s_alone_4warps", what);
            rows_print_rate(name, operations * loops * 8 * 4 * l->blocks * 1e-12, "T MAC/s", &t,
                            "tensor");
        }
    }
    const double larger = ms[0] > ms[1] ? ms[0] : ms[1];
    snprintf(name, sizeof name, "%s_beside_fp64_over_larger", what);
    rows_print(name, ms[2] / larger, "times", t.spread_ms / larger, &t, "tensor");
    snprintf(name, sizeof name, "%s_beside_fp64_over_sum", what);
    rows_print(name, ms[2] / (ms[0] + ms[1]), "times", t.spread_ms / (ms[0] + ms[1]), &t, "tensor");
}

void ceilings_tensor(const cudaDeviceProp *p)
{
    tensor_launch l = {};
    l.blocks = (uint32_t)p->multiProcessorCount;
    ROWS_CHECK(cudaMalloc(&l.args.out, sizeof(double) * l.blocks * 384));
    ROWS_CHECK(cudaMalloc(&l.args.clock, 2 * sizeof *l.args.clock));
    l.kernel = tensor_kernel<WITH_INT8>;
    tensor_rows(&l, "int8_mma", 16384, 16 * 8 * 32);
    l.kernel = tensor_kernel<WITH_FP64_TENSOR>;
    tensor_rows(&l, "fp64_mma", 8192, 8 * 8 * 4);
    ROWS_CHECK(cudaFree(l.args.out));
    ROWS_CHECK(cudaFree(l.args.clock));
}

/* --- launches --- */

#define LAUNCHES 200

__global__ void empty_kernel(void) {}

static cudaError_t launch_empty(void *stream)
{
    gpu_grid grid = {};
    grid.blocks = 132;
    grid.threads = 256;
    grid.stream = (cudaStream_t)stream;
    for (int i = 0; i < LAUNCHES; i++) {
        GPU_TRY(gpu_launch(&grid, empty_kernel));
    }
    return cudaSuccess;
}

static cudaError_t launch_graph(void *graph)
{
    return cudaGraphLaunch((cudaGraphExec_t)graph, 0);
}

void ceilings_launch(const cudaDeviceProp *)
{
    cudaStream_t stream;
    cudaGraph_t graph;
    cudaGraphExec_t instance;
    const rows_timing plain = rows_time(launch_empty, NULL, REPEATS, NULL);
    rows_print("launch_of_200", plain.ms * 1e3 / LAUNCHES, "us each",
               plain.spread_ms * 1e3 / LAUNCHES, &plain, "launch");
    ROWS_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    ROWS_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    ROWS_CHECK(launch_empty(stream));
    ROWS_CHECK(cudaStreamEndCapture(stream, &graph));
    ROWS_CHECK(cudaGraphInstantiate(&instance, graph, 0));
    const rows_timing replay = rows_time(launch_graph, instance, REPEATS, NULL);
    rows_print("graph_node_of_200", replay.ms * 1e3 / LAUNCHES, "us each",
               replay.spread_ms * 1e3 / LAUNCHES, &replay, "launch");
    ROWS_CHECK(cudaGraphExecDestroy(instance));
    ROWS_CHECK(cudaGraphDestroy(graph));
    ROWS_CHECK(cudaStreamDestroy(stream));
}

/* --- main --- */

typedef struct part {
    const char *name;
    void (*run)(const cudaDeviceProp *p);
} part;

static const part parts[] = {
    {"fp64", ceilings_fp64},           {"tensor", ceilings_tensor}, {"launch", ceilings_launch},
    {"memory", ceilings_memory},       {"shared", ceilings_shared}, {"cluster", ceilings_cluster},
    {"multicast", ceilings_multicast},
};

static int wanted(const char *name, int argc, char **argv)
{
    int found = argc < 2;
    for (int i = 1; i < argc; i++) {
        found |= strcmp(argv[i], name) == 0;
    }
    return found;
}

int main(int argc, char **argv)
{
    cudaDeviceProp p;
    const int code = rows_print_device("gpu_ceilings", TORC_COMMIT, &p);
    if (code != 0) {
        return code;
    }
    rows_print_state("before");
    for (const part &row : parts) {
        if (wanted(row.name, argc, argv)) {
            row.run(&p);
        }
    }
    rows_print_state("after");
    return 0;
}
