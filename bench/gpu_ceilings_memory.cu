/* Ceilings of memory: second-level cache to multiprocessor as keys are read, memory of the device,
 * shared memory, clusters. Legend of the names: bench/gpu_ceilings.cu. */
#include "bench/gpu_ceilings.h"

#define REPEATS    5
#define STEP_BYTES (192u * 1024) /* key of one step at g = 2, k = l = 1, N = 2048 */
#define WARPS      8
#define THREADS    (32 * WARPS)

/* --- key reads --- */

typedef struct read_args {
    const uint4 *data;
    uint32_t steps, bytes_steps; /* steps to read; the data repeats after bytes_steps of them */
    uint32_t period, delay;      /* cycles from burst to burst; odd blocks start later */
    uint32_t block_stride;       /* uint4: 0 when all blocks read the same */
    uint32_t *sink;
    unsigned long long *burst; /* [blocks] cycles spent in bursts */
    rows_clock *clock;
} read_args;

__device__ __forceinline__ void wait_until(uint64_t cycles)
{
    while ((int64_t)(gpu_cycles() - cycles) < 0) {
    }
}

/* Every block reads steps of STEP_BYTES, 8 loads of 16 bytes a lane under way at once. */
__global__ void __launch_bounds__(THREADS, 1) read_kernel(const read_args args)
{
    uint32_t sum = 0;
    uint64_t spent = 0;
    rows_clock_begin(args.clock);
    uint64_t next = gpu_cycles() + (blockIdx.x % 2 == 1 ? args.delay : 0);
    for (uint32_t step = 0; step < args.steps; step++) {
        const uint4 *from = args.data + blockIdx.x * (size_t)args.block_stride +
                            (size_t)(step % args.bytes_steps) * (STEP_BYTES / 16) + threadIdx.x;
        wait_until(next);
        const uint64_t start = gpu_cycles();
        for (uint32_t i = 0; i < STEP_BYTES / 16; i += 8 * THREADS) {
            uint4 v[8];
#pragma unroll
            for (int j = 0; j < 8; j++) {
                v[j] = gpu_load_stream(from + i + j * THREADS);
            }
#pragma unroll
            for (int j = 0; j < 8; j++) {
                sum += v[j].x ^ v[j].y ^ v[j].z ^ v[j].w;
            }
        }
        gpu_sync_block();
        spent += gpu_cycles() - start;
        next += args.period;
    }
    rows_clock_end(args.clock);
    if (threadIdx.x == 0) {
        args.burst[blockIdx.x] = spent;
    }
    gpu_store_global(args.sink + blockIdx.x * THREADS + threadIdx.x, sum);
}

typedef struct read_launch {
    read_args args;
    uint32_t blocks;
} read_launch;

static cudaError_t launch_read(void *p)
{
    read_launch *l = (read_launch *)p;
    gpu_grid grid = {};
    grid.blocks = l->blocks;
    grid.threads = THREADS;
    grid.shared_bytes = 0;
    return gpu_launch(&grid, read_kernel, l->args);
}

static double mean_burst(const read_launch *l)
{
    static unsigned long long burst[1024];
    double sum = 0;
    ROWS_CHECK(
        cudaMemcpy(burst, l->args.burst, sizeof burst[0] * l->blocks, cudaMemcpyDeviceToHost));
    for (uint32_t i = 0; i < l->blocks; i++) {
        sum += (double)burst[i];
    }
    return sum / l->blocks / l->args.steps;
}

static void read_row(read_launch *l, const char *name, const char *decides)
{
    const rows_timing t = rows_time(launch_read, l, REPEATS, l->args.clock);
    const double burst = mean_burst(l);
    rows_print(name, STEP_BYTES / burst, "B/clk/SM in the burst",
               STEP_BYTES / burst * t.spread_ms / t.ms, &t, decides);
}

void ceilings_memory(const cudaDeviceProp *p)
{
    static const uint32_t megabytes[] = {32, 60, 88, 120};
    const size_t hbm_bytes = (size_t)4 << 30;
    read_launch l = {};
    char name[96];
    uint4 *data = NULL;
    l.blocks = (uint32_t)p->multiProcessorCount;
    ROWS_CHECK(cudaMalloc(&data, hbm_bytes));
    ROWS_CHECK(cudaMemset(data, 0x5a, hbm_bytes));
    ROWS_CHECK(cudaMalloc(&l.args.sink, sizeof(uint32_t) * l.blocks * THREADS));
    ROWS_CHECK(cudaMalloc(&l.args.burst, sizeof(unsigned long long) * l.blocks));
    ROWS_CHECK(cudaMalloc(&l.args.clock, 2 * sizeof *l.args.clock));
    l.args.data = data;
    l.args.steps = 1200;
    for (const uint32_t mb : megabytes) {
        l.args.bytes_steps = mb * 1024u * 1024u / STEP_BYTES;
        l.args.period = l.args.delay = 0;
        snprintf(name, sizeof name, "l2_same_%uMB_continuous", mb);
        read_row(&l, name, "key_route");
        l.args.period = 15000; /* a step of g = 2: about half of it reads */
        snprintf(name, sizeof name, "l2_same_%uMB_in_phase", mb);
        read_row(&l, name, "stagger");
        l.args.delay = 7500;
        snprintf(name, sizeof name, "l2_same_%uMB_staggered", mb);
        read_row(&l, name, "stagger");
    }
    /* Every block its own part: memory of the device. */
    l.args.period = l.args.delay = 0;
    l.args.bytes_steps = l.args.steps = (uint32_t)(hbm_bytes / l.blocks / STEP_BYTES);
    l.args.block_stride = l.args.steps * (STEP_BYTES / 16);
    const rows_timing t = rows_time(launch_read, &l, REPEATS, l.args.clock);
    rows_print_rate("hbm_read", (double)l.blocks * l.args.steps * STEP_BYTES * 1e-12, "TB/s", &t,
                    "bundles");
    ROWS_CHECK(cudaFree(data));
    ROWS_CHECK(cudaFree(l.args.sink));
    ROWS_CHECK(cudaFree(l.args.burst));
    ROWS_CHECK(cudaFree(l.args.clock));
}

/* --- shared memory --- */

typedef struct shared_args {
    uint32_t loops, rank_step; /* rank_step: read from the block so many ranks further */
    double *out;
    rows_clock *clock;
} shared_args;

/* 16 loads of 16 bytes a lane and loop, consecutive lanes consecutive words; every eighth a store.
 */
__global__ void __launch_bounds__(THREADS, 1) shared_kernel(const shared_args args)
{
    GPU_DYNAMIC_SHARED(double2, words);
    double2 sum = make_double2(0, 0);
    for (int i = 0; i < 16; i++) {
        gpu_store_shared(words + i * THREADS + threadIdx.x, make_double2(i, threadIdx.x));
    }
    gpu_sync_block();
    rows_clock_begin(args.clock);
    for (uint32_t l = 0; l < args.loops; l++) {
#pragma unroll
        for (int i = 0; i < 16; i++) {
            const double2 v = gpu_load_shared(words + i * THREADS + threadIdx.x);
            sum.x = fma(v.x, v.y, sum.x);
        }
    }
    gpu_sync_block();
    rows_clock_end(args.clock);
    gpu_store_global(args.out + blockIdx.x * blockDim.x + threadIdx.x, sum.x + sum.y);
}

typedef struct shared_launch {
    shared_args args;
    uint32_t blocks, cluster;
    size_t shared_bytes;
    void (*kernel)(const shared_args);
} shared_launch;

static cudaError_t launch_shared(void *p)
{
    shared_launch *l = (shared_launch *)p;
    gpu_grid grid = {};
    grid.blocks = l->blocks;
    grid.threads = THREADS;
    grid.shared_bytes = l->shared_bytes;
    grid.cluster = l->cluster;
    GPU_TRY(gpu_allow_shared(l->kernel, grid.shared_bytes));
    return gpu_launch(&grid, l->kernel, l->args);
}

static shared_launch new_shared(uint32_t blocks)
{
    shared_launch l = {};
    l.blocks = blocks;
    l.shared_bytes = 16 * THREADS * sizeof(double2);
    ROWS_CHECK(cudaMalloc(&l.args.out, sizeof(double) * blocks * THREADS));
    ROWS_CHECK(cudaMalloc(&l.args.clock, 2 * sizeof *l.args.clock));
    return l;
}

static void free_shared(shared_launch *l)
{
    ROWS_CHECK(cudaFree(l->args.out));
    ROWS_CHECK(cudaFree(l->args.clock));
}

void ceilings_shared(const cudaDeviceProp *p)
{
    shared_launch l = new_shared((uint32_t)p->multiProcessorCount);
    l.kernel = shared_kernel;
    l.args.loops = 20000;
    const rows_timing t = rows_time(launch_shared, &l, REPEATS, l.args.clock);
    const double bytes = 16.0 * 16 * THREADS * l.args.loops;
    rows_print("shared_128bit_loads", bytes / (double)t.cycles, "B/clk/SM", 0, &t, "phases");
    free_shared(&l);
}

/* --- clusters --- */

__global__ void __launch_bounds__(THREADS, 1) barrier_kernel(const shared_args args)
{
    rows_clock_begin(args.clock);
    for (uint32_t l = 0; l < args.loops; l++) {
        gpu_sync_cluster();
    }
    rows_clock_end(args.clock);
}

/* A chain of dependent loads: each value, 0, is added to the next address. */
__global__ void __launch_bounds__(THREADS, 1) latency_kernel(const shared_args args)
{
    GPU_DYNAMIC_SHARED(uint32_t, words);
    gpu_store_shared(words + threadIdx.x, 0u);
    gpu_sync_cluster();
    const uint32_t rank = gpu_cluster_rank() ^ args.rank_step;
    uint32_t address = gpu_remote_address(words + threadIdx.x, rank);
    rows_clock_begin(args.clock);
    for (uint32_t l = 0; threadIdx.x < 32 && l < args.loops; l++) {
        address += gpu_load_remote_u32(address);
    }
    rows_clock_end(args.clock);
    gpu_sync_cluster();
    gpu_store_global(args.out + blockIdx.x * blockDim.x + threadIdx.x, (double)address);
}

/* The exchange of a split transform: every lane stores 8 words of 16 bytes into a peer, barrier. */
__global__ void __launch_bounds__(THREADS, 1) exchange_kernel(const shared_args args)
{
    GPU_DYNAMIC_SHARED(double2, words);
    const uint32_t rank = gpu_cluster_rank() ^ args.rank_step;
    double2 v = make_double2(threadIdx.x, 1);
    gpu_sync_cluster();
    rows_clock_begin(args.clock);
    for (uint32_t l = 0; l < args.loops; l++) {
        double2 *half = words + l % 2 * 8 * THREADS;
        const uint32_t to = gpu_remote_address(half, rank);
#pragma unroll
        for (uint32_t i = 0; i < 8; i++) {
            gpu_store_remote(to + 16 * (i * THREADS + threadIdx.x), v);
        }
        gpu_sync_cluster();
#pragma unroll
        for (int i = 0; i < 8; i++) {
            const double2 w = gpu_load_shared(half + i * THREADS + threadIdx.x);
            v.x += w.y;
        }
    }
    rows_clock_end(args.clock);
    gpu_sync_cluster();
    gpu_store_global(args.out + blockIdx.x * blockDim.x + threadIdx.x, v.x);
}

static void cluster_row(shared_launch *l, const char *what, void (*kernel)(const shared_args),
                        uint32_t loops)
{
    char name[96];
    l->kernel = kernel;
    l->args.loops = loops;
    const rows_timing t = rows_time(launch_shared, l, REPEATS, l->args.clock);
    snprintf(name, sizeof name, "%s_cluster%u", what, l->cluster);
    rows_print(name, (double)t.cycles / loops, "cycles each", 0, &t, "latency_form");
}

static void clusters_at_once(shared_launch *l)
{
    static const uint32_t kilobytes[] = {64, 132, 164, 200, 224};
    for (const uint32_t kb : kilobytes) {
        int count = 0;
        gpu_grid grid = {};
        grid.blocks = 4096;
        grid.threads = THREADS;
        grid.shared_bytes = (size_t)kb * 1024;
        grid.cluster = l->cluster;
        cudaError_t e = gpu_allow_shared(exchange_kernel, grid.shared_bytes);
        if (e == cudaSuccess) {
            e = gpu_clusters_at_once(&count, &grid, exchange_kernel);
        }
        printf("{\"name\":\"clusters_at_once\",\"cluster\":%u,\"shared_kb\":%u,\"value\":%d,"
               "\"error\":\"%s\",\"decides\":\"latency_form\"}\n",
               l->cluster, kb, count, e == cudaSuccess ? "" : cudaGetErrorString(e));
        fflush(stdout);
        cudaGetLastError();
    }
}

void ceilings_cluster(const cudaDeviceProp *p)
{
    if (p->major < 9) {
        printf("{\"name\":\"cluster\",\"skipped\":\"no clusters before capability 9.0\"}\n");
        return;
    }
    shared_launch l = new_shared(64);
    for (uint32_t size = 2; size <= 8; size *= 2) {
        l.cluster = size;
        l.blocks = 64;
        l.args.rank_step = size / 2;
        cluster_row(&l, "barrier", barrier_kernel, 20000);
        cluster_row(&l, "remote_load", latency_kernel, 20000);
        cluster_row(&l, "exchange_32KB", exchange_kernel, 10000);
        clusters_at_once(&l);
    }
    free_shared(&l);
}

/* --- multicast --- */

/* Built for sm_90a alone. Measured only: gpu.h gets wrappers when this pays 5 % or more
 * (bench/results/README.md). A ring of STAGES tiles; each of two blocks asks for its half of a
 * tile, and the copy engine writes it into both. */
#define TILE_BYTES 24576u
#define STAGES     4

__device__ __forceinline__ void wait_tile(uint32_t barrier, uint32_t parity)
{
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("{\n\t.reg .pred p;\n\t"
                 "again: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n\t"
                 "@!p bra again;\n\t}" ::"r"(barrier),
                 "r"(parity)
                 : "memory");
#else
    (void)barrier;
    (void)parity;
#endif
}

__device__ __forceinline__ void ask_tile(uint32_t tile, const unsigned char *from, uint32_t barrier,
                                         uint32_t rank)
{
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    const uint32_t half = TILE_BYTES / 2;
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier),
                 "r"(TILE_BYTES)
                 : "memory");
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes"
                 ".multicast::cluster [%0], [%1], %2, [%3], %4;" ::"r"(tile + rank * half),
                 "l"(from + rank * half), "r"(half), "r"(barrier), "h"((uint16_t)3)
                 : "memory");
#else
    (void)tile;
    (void)from;
    (void)barrier;
    (void)rank;
#endif
}

__device__ __forceinline__ void start_barriers(uint32_t barriers)
{
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    if (threadIdx.x == 0) {
        for (uint32_t i = 0; i < STAGES; i++) {
            asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(barriers + 8 * i)
                         : "memory");
        }
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
#else
    (void)barriers;
#endif
}

__global__ void __launch_bounds__(THREADS, 1) multicast_kernel(const read_args args)
{
    GPU_DYNAMIC_SHARED(unsigned char, shared); /* STAGES tiles, then their barriers */
    const uint32_t tiles = args.steps * (STEP_BYTES / TILE_BYTES), rank = gpu_cluster_rank();
    const uint32_t base = gpu_shared_address(shared), barriers = base + STAGES * TILE_BYTES;
    const unsigned char *data = reinterpret_cast<const unsigned char *>(args.data);
    const size_t bytes = (size_t)args.bytes_steps * STEP_BYTES;
    uint32_t sum = 0;
    start_barriers(barriers);
    gpu_sync_cluster();
    rows_clock_begin(args.clock);
    for (uint32_t t = 0; t < tiles + STAGES - 1; t++) {
        if (threadIdx.x == 0 && t < tiles) {
            ask_tile(base + t % STAGES * TILE_BYTES, data + (size_t)t * TILE_BYTES % bytes,
                     barriers + t % STAGES * 8, rank);
        }
        if (t >= STAGES - 1) {
            const uint32_t ready = t - (STAGES - 1), stage = ready % STAGES;
            wait_tile(barriers + stage * 8, ready / STAGES & 1);
#pragma unroll
            for (uint32_t i = 0; i < TILE_BYTES; i += 16 * THREADS) {
                const uint4 v = gpu_load_shared(
                    reinterpret_cast<const uint4 *>(shared + stage * TILE_BYTES + i) + threadIdx.x);
                sum += v.x ^ v.y ^ v.z ^ v.w;
            }
            gpu_sync_cluster(); /* both blocks have read the stage: it may be written again */
        }
    }
    rows_clock_end(args.clock);
    gpu_sync_cluster();
    gpu_store_global(args.sink + blockIdx.x * THREADS + threadIdx.x, sum);
}

static cudaError_t launch_multicast(void *p)
{
    read_launch *l = (read_launch *)p;
    gpu_grid grid = {};
    grid.blocks = l->blocks;
    grid.threads = THREADS;
    grid.cluster = 2;
    grid.shared_bytes = STAGES * TILE_BYTES + 128;
    GPU_TRY(gpu_allow_shared(multicast_kernel, grid.shared_bytes));
    return gpu_launch(&grid, multicast_kernel, l->args);
}

void ceilings_multicast(const cudaDeviceProp *p)
{
    const uint32_t megabytes[] = {32, 88};
    read_launch l = {};
    char name[96];
    uint4 *data = NULL;
    if (p->major != 9) {
        printf("{\"name\":\"multicast\",\"skipped\":\"written for capability 9.0\"}\n");
        return;
    }
    l.blocks = (uint32_t)p->multiProcessorCount / 2 * 2;
    ROWS_CHECK(cudaMalloc(&data, (size_t)128 << 20));
    ROWS_CHECK(cudaMemset(data, 0x5a, (size_t)128 << 20));
    ROWS_CHECK(cudaMalloc(&l.args.sink, sizeof(uint32_t) * l.blocks * THREADS));
    ROWS_CHECK(cudaMalloc(&l.args.clock, 2 * sizeof *l.args.clock));
    l.args.data = data;
    l.args.steps = 1200;
    for (const uint32_t mb : megabytes) {
        l.args.bytes_steps = mb * 1024u * 1024u / STEP_BYTES;
        const rows_timing t = rows_time(launch_multicast, &l, REPEATS, l.args.clock);
        snprintf(name, sizeof name, "multicast2_same_%uMB_continuous", mb);
        rows_print(name, (double)STEP_BYTES * l.args.steps / (double)t.cycles, "B/clk/SM", 0, &t,
                   "key_route");
    }
    ROWS_CHECK(cudaFree(data));
    ROWS_CHECK(cudaFree(l.args.sink));
    ROWS_CHECK(cudaFree(l.args.clock));
}
