/* The primitives of gpu.h on the device. Included by gpu.h alone, which documents them.
 *
 * Loads are volatile assembly on purpose: the compiler must not keep tables in registers across a
 * loop (it would spill what the kernel needs there). */
#ifndef TORC_CUDA_GPU_DEVICE_H
#define TORC_CUDA_GPU_DEVICE_H

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define GPU_HAS_CLUSTERS 1
#else
#define GPU_HAS_CLUSTERS 0
#endif

/* Dynamic shared memory of the block, aligned to 128 bytes. */
#define GPU_DYNAMIC_SHARED(type, name)                                   \
    extern __shared__ __align__(128) unsigned char gpu_dynamic_shared[]; \
    type *name = reinterpret_cast<type *>(gpu_dynamic_shared)

/* Address as the shared-memory instructions want it. */
__device__ __forceinline__ uint32_t gpu_shared_address(const void *p)
{
    return (uint32_t)__cvta_generic_to_shared(p);
}

/* --- loads and stores --- */

/* GPU_ACCESS_n(type, element, letter): accesses of n registers of PTX type `element`. */
#define GPU_ACCESS_1(type, element, letter)                                                    \
    __device__ __forceinline__ type gpu_load_shared(const type *p)                             \
    {                                                                                          \
        type v;                                                                                \
        asm volatile("ld.shared." element " %0, [%1];"                                         \
                     : "=" letter(v)                                                           \
                     : "r"(gpu_shared_address(p)));                                            \
        return v;                                                                              \
    }                                                                                          \
    __device__ __forceinline__ void gpu_store_shared(type *p, type v)                          \
    {                                                                                          \
        asm volatile("st.shared." element " [%0], %1;" ::"r"(gpu_shared_address(p)), letter(v) \
                     : "memory");                                                              \
    }                                                                                          \
    __device__ __forceinline__ type gpu_load_global(const type *p)                             \
    {                                                                                          \
        type v;                                                                                \
        asm volatile("ld.global." element " %0, [%1];" : "=" letter(v) : "l"(p));              \
        return v;                                                                              \
    }                                                                                          \
    __device__ __forceinline__ void gpu_store_global(type *p, type v)                          \
    {                                                                                          \
        asm volatile("st.global." element " [%0], %1;" ::"l"(p), letter(v) : "memory");        \
    }                                                                                          \
    __device__ __forceinline__ type gpu_load_readonly(const type *p)                           \
    {                                                                                          \
        type v;                                                                                \
        asm volatile("ld.global.nc." element " %0, [%1];" : "=" letter(v) : "l"(p));           \
        return v;                                                                              \
    }

GPU_ACCESS_1(uint32_t, "u32", "r")
GPU_ACCESS_1(uint64_t, "u64", "l")
GPU_ACCESS_1(double, "f64", "d")
#undef GPU_ACCESS_1

__device__ __forceinline__ double2 gpu_load_shared(const double2 *p)
{
    double2 v;
    asm volatile("ld.shared.v2.f64 {%0, %1}, [%2];"
                 : "=d"(v.x), "=d"(v.y)
                 : "r"(gpu_shared_address(p)));
    return v;
}

__device__ __forceinline__ void gpu_store_shared(double2 *p, double2 v)
{
    asm volatile("st.shared.v2.f64 [%0], {%1, %2};" ::"r"(gpu_shared_address(p)), "d"(v.x), "d"(v.y)
                 : "memory");
}

__device__ __forceinline__ double2 gpu_load_global(const double2 *p)
{
    double2 v;
    asm volatile("ld.global.v2.f64 {%0, %1}, [%2];" : "=d"(v.x), "=d"(v.y) : "l"(p));
    return v;
}

__device__ __forceinline__ void gpu_store_global(double2 *p, double2 v)
{
    asm volatile("st.global.v2.f64 [%0], {%1, %2};" ::"l"(p), "d"(v.x), "d"(v.y) : "memory");
}

__device__ __forceinline__ double2 gpu_load_readonly(const double2 *p)
{
    double2 v;
    asm volatile("ld.global.nc.v2.f64 {%0, %1}, [%2];" : "=d"(v.x), "=d"(v.y) : "l"(p));
    return v;
}

__device__ __forceinline__ uint4 gpu_load_shared(const uint4 *p)
{
    uint4 v;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "r"(gpu_shared_address(p)));
    return v;
}

__device__ __forceinline__ void gpu_store_shared(uint4 *p, uint4 v)
{
    asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};" ::"r"(gpu_shared_address(p)), "r"(v.x),
                 "r"(v.y), "r"(v.z), "r"(v.w)
                 : "memory");
}

__device__ __forceinline__ uint4 gpu_load_global(const uint4 *p)
{
    uint4 v;
    asm volatile("ld.global.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(p));
    return v;
}

__device__ __forceinline__ void gpu_store_global(uint4 *p, uint4 v)
{
    asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(p), "r"(v.x), "r"(v.y), "r"(v.z),
                 "r"(v.w)
                 : "memory");
}

/* Past the first-level cache: what every block reads once. */
__device__ __forceinline__ uint4 gpu_load_stream(const uint4 *p)
{
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(p));
    return v;
}

__device__ __forceinline__ double2 gpu_load_stream(const double2 *p)
{
    double2 v;
    asm volatile("ld.global.nc.L1::no_allocate.v2.f64 {%0, %1}, [%2];"
                 : "=d"(v.x), "=d"(v.y)
                 : "l"(p));
    return v;
}

/* Asks the second-level cache to hold the line of p; no result, no fault. */
__device__ __forceinline__ void gpu_prefetch_l2(const void *p)
{
    asm volatile("prefetch.global.L2 [%0];" ::"l"(p));
}

/* --- integer sums in memory --- */

/* GPU_ADD(type, cuda): sums of whole words, so their order does not show. */
#define GPU_ADD(type, cuda)                                         \
    __device__ __forceinline__ void gpu_add_global(type *p, type v) \
    {                                                               \
        atomicAdd(reinterpret_cast<cuda *>(p), (cuda)v);            \
    }                                                               \
    __device__ __forceinline__ void gpu_add_shared(type *p, type v) \
    {                                                               \
        atomicAdd(reinterpret_cast<cuda *>(p), (cuda)v);            \
    }

GPU_ADD(uint32_t, unsigned int)
GPU_ADD(uint64_t, unsigned long long)
#undef GPU_ADD

/* --- integers --- */

/* sum + a b, a and b signed: one instruction. From mad.wide the assembler makes a product and two
 * additions with carry; from this pair it makes the one instruction that exists. */
__device__ __forceinline__ uint64_t gpu_multiply_add_wide(int32_t a, int32_t b, uint64_t sum)
{
    uint64_t v;
    asm("{\n\t"
        ".reg .u32 low, high;\n\t"
        "mov.b64 {low, high}, %3;\n\t"
        "mad.lo.cc.s32 low, %1, %2, low;\n\t"
        "madc.hi.s32 high, %1, %2, high;\n\t"
        "mov.b64 %0, {low, high};\n\t"
        "}"
        : "=l"(v)
        : "r"(a), "r"(b), "l"(sum));
    return v;
}

/* --- asynchronous copies, global to shared --- */

/* Starts a copy of 16 bytes that bypasses the registers. The bytes may be read after a wait of the
 * same thread, and by other threads after a barrier behind that wait. */
__device__ __forceinline__ void gpu_copy_async_16(void *shared, const void *global)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(gpu_shared_address(shared)),
                 "l"(global)
                 : "memory");
}

/* Closes the group of copies that this thread started since the last commit. */
__device__ __forceinline__ void gpu_copy_commit(void)
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}

/* Returns when at most `pending` of this thread's groups, the youngest, are still under way. */
template <int pending> __device__ __forceinline__ void gpu_copy_wait(void)
{
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

/* --- barriers --- */

/* All lanes of the warp; orders their accesses. */
__device__ __forceinline__ void gpu_sync_warp(void)
{
    __syncwarp(GPU_FULL_MASK);
}

/* All threads of the block; orders their accesses. Only where all threads pass. */
__device__ __forceinline__ void gpu_sync_block(void)
{
    __syncthreads();
}

/* `threads` threads (a multiple of 32) that name the same barrier, id 1 .. 15. */
__device__ __forceinline__ void gpu_sync_named(uint32_t id, uint32_t threads)
{
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

/* All threads of the cluster. A block whose shared memory others read must pass one after their
 * last read, before it ends. */
__device__ __forceinline__ void gpu_sync_cluster(void)
{
#if GPU_HAS_CLUSTERS
    asm volatile("barrier.cluster.arrive.release.aligned;\n\t"
                 "barrier.cluster.wait.acquire.aligned;" ::
                     : "memory");
#else
    __syncthreads();
#endif
}

/* --- clusters --- */

__device__ __forceinline__ uint32_t gpu_cluster_rank(void)
{
    uint32_t rank = 0;
#if GPU_HAS_CLUSTERS
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
#endif
    return rank;
}

/* Where block `rank` of the cluster keeps what this block keeps at p (shared memory). */
__device__ __forceinline__ uint32_t gpu_remote_address(const void *p, uint32_t rank)
{
    uint32_t address = gpu_shared_address(p);
#if GPU_HAS_CLUSTERS
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;"
                 : "=r"(address)
                 : "r"(gpu_shared_address(p)), "r"(rank));
#else
    (void)rank;
#endif
    return address;
}

#if GPU_HAS_CLUSTERS
#define GPU_REMOTE ".shared::cluster"
#else
#define GPU_REMOTE ".shared"
#endif

__device__ __forceinline__ uint32_t gpu_load_remote_u32(uint32_t address)
{
    uint32_t v;
    asm volatile("ld" GPU_REMOTE ".u32 %0, [%1];" : "=r"(v) : "r"(address) : "memory");
    return v;
}

__device__ __forceinline__ double2 gpu_load_remote(uint32_t address)
{
    double2 v;
    asm volatile("ld" GPU_REMOTE ".v2.f64 {%0, %1}, [%2];"
                 : "=d"(v.x), "=d"(v.y)
                 : "r"(address)
                 : "memory");
    return v;
}

__device__ __forceinline__ void gpu_store_remote(uint32_t address, double2 v)
{
    asm volatile("st" GPU_REMOTE ".v2.f64 [%0], {%1, %2};" ::"r"(address), "d"(v.x), "d"(v.y)
                 : "memory");
}
#undef GPU_REMOTE

/* --- lanes --- */

__device__ __forceinline__ uint32_t gpu_shuffle(uint32_t v, uint32_t from_lane)
{
    return __shfl_sync(GPU_FULL_MASK, v, (int)from_lane);
}

__device__ __forceinline__ double gpu_shuffle(double v, uint32_t from_lane)
{
    return __shfl_sync(GPU_FULL_MASK, v, (int)from_lane);
}

__device__ __forceinline__ double gpu_shuffle_xor(double v, uint32_t lane_mask)
{
    return __shfl_xor_sync(GPU_FULL_MASK, v, (int)lane_mask);
}

/* --- tensor cores --- */

/* clang-format off */
/* sum[16][8] += a[16][32] b[32][8] by the warp: signed bytes times unsigned bytes, modulo 2^32.
 * Lane 4 group + thread holds, the byte of the lowest index lowest,
 *   a    row group + 8 (r % 2), columns 4 thread + 16 (r / 2) + 0..3   in register r = 0..3: x y z w
 *   b    rows 4 thread + 16 r + 0..3, column group                     in register r = 0, 1
 *   sum  row group + 8 (r / 2), column 2 thread + r % 2                in register r = 0..3 */
/* clang-format on */
__device__ __forceinline__ void gpu_mma_s8u8(int32_t (&sum)[4], uint4 a, uint32_t b0, uint32_t b1)
{
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.u8.s32 {%0, %1, %2, %3}, "
                 "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])
                 : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
}

/* --- phases of a kernel --- */

/* What follows belongs to this phase, 0 .. 15, in the emulator's counts; nothing on a device. */
__device__ __forceinline__ void gpu_mark(uint32_t phase)
{
    (void)phase;
}

/* --- clocks --- */

/* Cycles of this multiprocessor. */
__device__ __forceinline__ uint64_t gpu_cycles(void)
{
    uint64_t cycles;
    asm volatile("mov.u64 %0, %%clock64;" : "=l"(cycles)::"memory");
    return cycles;
}

/* Nanoseconds of the device; may advance in steps of a microsecond. */
__device__ __forceinline__ uint64_t gpu_nanoseconds(void)
{
    uint64_t ns;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(ns)::"memory");
    return ns;
}

/* --- host --- */

/* Lets a kernel ask for shared_bytes of dynamic shared memory. */
template <class... parameter>
static inline cudaError_t gpu_allow_shared(void (*kernel)(parameter...), size_t shared_bytes)
{
    return cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel),
                                cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared_bytes);
}

static inline cudaLaunchConfig_t gpu_launch_config(const gpu_grid *grid,
                                                   cudaLaunchAttribute attribute[1])
{
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(grid->blocks);
    config.blockDim = dim3(grid->threads);
    config.dynamicSmemBytes = grid->shared_bytes;
    config.stream = grid->stream;
    if (grid->cluster > 1) {
        attribute[0].id = cudaLaunchAttributeClusterDimension;
        attribute[0].val.clusterDim.x = grid->cluster;
        attribute[0].val.clusterDim.y = 1;
        attribute[0].val.clusterDim.z = 1;
        config.attrs = attribute;
        config.numAttrs = 1;
    }
    return config;
}

/* Starts the kernel; the arguments are those of the kernel, converted as in a call. */
template <class... parameter, class... argument>
static inline cudaError_t gpu_launch(const gpu_grid *grid, void (*kernel)(parameter...),
                                     argument... arguments)
{
    cudaLaunchAttribute attribute[1];
    const cudaLaunchConfig_t config = gpu_launch_config(grid, attribute);
    return cudaLaunchKernelEx(&config, kernel, parameter(arguments)...);
}

/* How many clusters of this shape the device holds at once. */
template <class... parameter>
static inline cudaError_t gpu_clusters_at_once(int *count, const gpu_grid *grid,
                                               void (*kernel)(parameter...))
{
    cudaLaunchAttribute attribute[1];
    const cudaLaunchConfig_t config = gpu_launch_config(grid, attribute);
    return cudaOccupancyMaxActiveClusters(count, reinterpret_cast<const void *>(kernel), &config);
}

/* How many blocks of this shape, without clusters, the device holds at once. */
template <class... parameter>
static inline cudaError_t gpu_blocks_at_once(int *count, const gpu_grid *grid,
                                             void (*kernel)(parameter...))
{
    int device = 0, multiprocessors = 0, blocks = 0;
    *count = 0;
    GPU_TRY(cudaGetDevice(&device));
    GPU_TRY(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device));
    GPU_TRY(cudaOccupancyMaxActiveBlocksPerMultiprocessor(
        &blocks, reinterpret_cast<const void *>(kernel), (int)grid->threads, grid->shared_bytes));
    *count = multiprocessors * blocks;
    return cudaSuccess;
}

#endif
