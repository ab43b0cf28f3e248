/* What each profile of a device accepts and refuses: shared memory, clusters, shapes of a launch.
 * What is accepted must also run. */
#include "kernels/cuda/gpu.h"
#include "kernels/emu/emu.h"
#include "kernels/kernels_cuda.h"

#include <stdio.h>

static int failures;
static torc_gpu_stream stream;
static double *out;

static void expect(const char *profile, const char *what, long got, long expected)
{
    if (got != expected) {
        fprintf(stderr, "profiles: %s: %s: %ld, not %ld\n", profile, what, got, expected);
        failures++;
    }
}

/* Uses the last of the block's shared words, and the cluster. out[block] = rank + 1. */
__global__ void use_all(double *to, uint32_t words)
{
    GPU_DYNAMIC_SHARED(double, shared);
    if (threadIdx.x == 0) {
        gpu_store_shared(shared + words - 1, (double)(gpu_cluster_rank() + 1));
    }
    gpu_sync_cluster();
    if (threadIdx.x == 0) {
        gpu_store_global(to + blockIdx.x, gpu_load_shared(shared + words - 1));
    }
}

/* The code of a launch of 8 blocks; when it is 0, also what they did. */
static int launch(uint32_t threads, size_t shared_bytes, uint32_t cluster)
{
    const gpu_grid grid = {8, threads, shared_bytes, stream, cluster};
    double got[8] = {0};
    const int error = gpu_launch(&grid, use_all, out, (uint32_t)(shared_bytes / sizeof(double)));
    if (error != 0) {
        return error;
    }
    (void)torc_gpu_copy_out(got, out, sizeof got, stream);
    (void)torc_gpu_stream_wait(stream);
    for (uint32_t i = 0; i < 8; i++) {
        expect("any", "rank", (long)got[i], 1 + i % cluster);
    }
    return 0;
}

typedef struct row {
    const char *profile;
    size_t shared_kib;
    uint32_t cluster_limit;
    int at_once[4]; /* clusters of 1, 2, 4, 8 blocks that take all shared memory */
} row;

static const row rows[] = {
    {"sm_90", 227, 8, {132, 66, 32, 16}}, {"sm_90:4", 227, 4, {132, 66, 32, 0}},
    {"sm_90:2", 227, 2, {132, 66, 0, 0}}, {"sm_90:1", 227, 1, {132, 0, 0, 0}},
    {"sm_80", 163, 1, {108, 0, 0, 0}},    {"sm_120", 99, 8, {170, 85, 41, 19}},
};

static void check_clusters(const row *r)
{
    for (uint32_t log2_size = 0; log2_size < 4; log2_size++) {
        const uint32_t size = 1u << log2_size;
        const gpu_grid grid = {8, 64, r->shared_kib * 1024, stream, size};
        int at_once = -1;
        const int error = gpu_clusters_at_once(&at_once, &grid, use_all);
        const bool fits = size <= r->cluster_limit;
        expect(r->profile, "clusters at once", at_once, r->at_once[log2_size]);
        expect(r->profile, "question refused", error == 0, fits);
        expect(r->profile, "cluster refused", launch(64, 4096, size),
               fits ? 0 : cudaErrorInvalidClusterSize);
    }
    expect(r->profile, "cluster of 16", launch(64, 4096, 16), cudaErrorInvalidClusterSize);
    expect(r->profile, "cluster of 3 of 8 blocks", launch(64, 4096, 3) != 0, 1);
}

static void check_shared(const row *r)
{
    const size_t most = r->shared_kib * 1024;
    expect(r->profile, "allow all", gpu_allow_shared(use_all, most), 0);
    expect(r->profile, "all shared memory", launch(64, most, 1), 0);
    expect(r->profile, "allow more", gpu_allow_shared(use_all, most + 1), cudaErrorInvalidValue);
    expect(r->profile, "more", launch(64, most + 16, 1), cudaErrorInvalidValue);
    expect(r->profile, "allow little", gpu_allow_shared(use_all, 16), 0);
    expect(r->profile, "48 KiB", launch(64, (size_t)48 << 10, 1), 0);
    expect(r->profile, "not allowed", launch(64, ((size_t)48 << 10) + 16, 1),
           cudaErrorInvalidValue);
    expect(r->profile, "allow all", gpu_allow_shared(use_all, most), 0);
}

static void check_shapes(const row *r)
{
    static const uint32_t refused[] = {0, 33, 1056};
    for (uint32_t threads : refused) {
        expect(r->profile, "threads", launch(threads, 64, 1), cudaErrorInvalidConfiguration);
    }
    expect(r->profile, "1024 threads", launch(1024, 64, 1), 0);
    const gpu_grid none = {0, 64, 64, stream, 1};
    expect(r->profile, "no blocks", gpu_launch(&none, use_all, out, 8u),
           cudaErrorInvalidConfiguration);
    const gpu_grid elsewhere = {8, 64, 64, (torc_gpu_stream)&none, 1};
    expect(r->profile, "no stream", gpu_launch(&elsewhere, use_all, out, 8u),
           cudaErrorInvalidResourceHandle);
}

static void check_no_device(void)
{
    int count = -1;
    torc_emu_profile("none");
    expect("none", "count", torc_gpu_device_count(&count), cudaErrorNoDevice);
    expect("none", "devices", count, 0);
    expect("none", "launch", launch(64, 64, 1), cudaErrorNoDevice);
}

/* The versions are told, all else is refused, and no frees are needed to go on elsewhere. */
static void check_old_driver(void)
{
    torc_gpu_device d;
    int count = -1;
    void *p = NULL;
    torc_emu_profile("old_driver");
    expect("old_driver", "count", torc_gpu_device_count(&count), cudaErrorInsufficientDriver);
    expect("old_driver", "devices", count, 0);
    expect("old_driver", "read", torc_gpu_device_read(&d, 0), cudaErrorInsufficientDriver);
    expect("old_driver", "driver", d.driver_version, 12000);
    expect("old_driver", "runtime", d.runtime_version, 13000);
    expect("old_driver", "multiprocessors", d.multiprocessors, 0);
    expect("old_driver", "use", torc_gpu_device_use(0), cudaErrorInsufficientDriver);
    expect("old_driver", "alloc", torc_gpu_alloc(&p, 16), cudaErrorInsufficientDriver);
    expect("old_driver", "kind", torc_gpu_error_is_driver(cudaErrorInsufficientDriver), true);
    expect("old_driver", "lost", torc_gpu_error_is_lost(cudaErrorInsufficientDriver), false);
}

/* There and with memory, but no kernel runs. */
static void check_old_device(void)
{
    torc_gpu_device d;
    torc_emu_profile("sm_70");
    expect("sm_70", "read", torc_gpu_device_read(&d, 0), 0);
    expect("sm_70", "major", d.major, 7);
    expect("sm_70", "clusters", d.clusters_of_4, 0);
    expect("sm_70", "launch", launch(64, 64, 1), cudaErrorNoKernelImageForDevice);
    expect("sm_70", "allow", gpu_allow_shared(use_all, 64), cudaErrorNoKernelImageForDevice);
    expect("sm_70", "zero", torc_gpu_set_zero(out, sizeof(double), stream), 0);
    expect("sm_70", "wait", torc_gpu_stream_wait(stream), 0);
}

static void check_device(const row *r)
{
    torc_gpu_device d;
    expect(r->profile, "read", torc_gpu_device_read(&d, 0), 0);
    expect(r->profile, "multiprocessors", d.multiprocessors, r->at_once[0]);
    expect(r->profile, "shared", (long)d.shared_bytes, (long)r->shared_kib * 1024);
    expect(r->profile, "clusters of 4", d.clusters_of_4, r->at_once[2]);
    expect(r->profile, "no such device", torc_gpu_device_read(&d, 1), cudaErrorInvalidDevice);
}

int main(void)
{
    expect("any", "stream", torc_gpu_stream_create(&stream), 0);
    expect("any", "out", torc_gpu_alloc((void **)&out, 8 * sizeof(double)), 0);
    for (const row &r : rows) {
        torc_emu_profile(r.profile);
        check_shared(&r);
        check_clusters(&r);
        check_shapes(&r);
        check_device(&r);
    }
    check_no_device();
    check_old_driver();
    check_old_device();
    torc_gpu_free(out);
    torc_gpu_stream_destroy(stream);
    return failures == 0 ? 0 : 1;
}
