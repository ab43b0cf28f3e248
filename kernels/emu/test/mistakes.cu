/* Kernels with one planted mistake each, and host code with one: every mistake must be found, in
 * any order of threads, with the exit code and the words expected here. Each runs in a process of
 * its own. On the emulator alone: a device would not notice most of them. */
#include "kernels/emu/test/mistake.h"

#define THREADS 64u

/* --- kernels: out is device memory of THREADS doubles --- */

__global__ void remote_read_without_last_barrier(double *out)
{
    GPU_DYNAMIC_SHARED(double2, words);
    gpu_store_shared(words + threadIdx.x, make_double2(1.0, 2.0));
    gpu_sync_cluster();
    const uint32_t there = gpu_remote_address(words + threadIdx.x, 1 - gpu_cluster_rank());
    uint32_t *own = reinterpret_cast<uint32_t *>(out) + blockIdx.x * THREADS;
    gpu_store_global(own + threadIdx.x, (uint32_t)gpu_load_remote(there).x);
}

__global__ void remote_read_by_rank_0_without_last_barrier(double *out)
{
    GPU_DYNAMIC_SHARED(double2, words);
    gpu_store_shared(words + threadIdx.x, make_double2(1.0, 2.0));
    gpu_sync_cluster();
    if (gpu_cluster_rank() == 0) {
        const uint32_t there = gpu_remote_address(words + threadIdx.x, 1);
        gpu_store_global(out + threadIdx.x, gpu_load_remote(there).x);
    }
}

__global__ void remote_write_before_first_barrier(double *out)
{
    GPU_DYNAMIC_SHARED(double2, words);
    const uint32_t there = gpu_remote_address(words + threadIdx.x, 1 - gpu_cluster_rank());
    gpu_store_remote(there, make_double2(1.0, 2.0));
    gpu_sync_cluster();
    gpu_store_global(out + threadIdx.x, gpu_load_shared(words + threadIdx.x).x);
    gpu_sync_cluster();
}

__global__ void remote_read_out_of_range(double *out)
{
    GPU_DYNAMIC_SHARED(double2, words);
    gpu_sync_cluster();
    const uint32_t there = gpu_remote_address(words, 1 - gpu_cluster_rank());
    gpu_store_global(out + threadIdx.x, gpu_load_remote(there + 16 * THREADS).x);
    gpu_sync_cluster();
}

__global__ void two_lines_of_one_barrier(double *out)
{
    if (threadIdx.x < 32) {
        gpu_sync_block();
    } else {
        gpu_sync_block();
    }
    gpu_store_global(out + threadIdx.x, 1.0);
}

__global__ void a_thread_ends_before_the_barrier(double *out)
{
    if (threadIdx.x == 40) {
        return;
    }
    gpu_sync_block();
    gpu_store_global(out + threadIdx.x, 1.0);
}

__global__ void half_a_warp_at_its_barrier(double *out)
{
    if (gpu_lane() < 16) {
        gpu_sync_warp();
    }
    gpu_sync_block();
    gpu_store_global(out + threadIdx.x, 1.0);
}

__global__ void a_lane_ends_before_the_shuffle(double *out)
{
    if (threadIdx.x == 7) {
        return;
    }
    gpu_store_global(out + threadIdx.x, gpu_shuffle_xor(1.0, 1));
}

__global__ void a_named_barrier_of_two_sizes(double *out)
{
    gpu_sync_named(1, 32 + gpu_warp() * 32);
    gpu_store_global(out + threadIdx.x, 1.0);
}

__global__ void a_copy_read_too_early(double *out)
{
    GPU_DYNAMIC_SHARED(double2, words);
    gpu_copy_async_16(words + threadIdx.x, out + 2 * (threadIdx.x / 2));
    gpu_copy_commit();
    gpu_store_global(out + threadIdx.x, gpu_load_shared(words + threadIdx.x).x);
    gpu_copy_wait<0>();
}

__global__ void a_copy_not_committed(double *out)
{
    GPU_DYNAMIC_SHARED(double2, words);
    gpu_copy_async_16(words + threadIdx.x, out + 2 * (threadIdx.x / 2));
    gpu_copy_wait<0>();
    gpu_store_global(out + threadIdx.x, gpu_load_shared(words + threadIdx.x).x);
    gpu_copy_commit();
    gpu_copy_wait<0>();
}

__global__ void a_copy_nobody_waits_for(double *out)
{
    GPU_DYNAMIC_SHARED(double2, words);
    gpu_copy_async_16(words + threadIdx.x, out + 2 * (threadIdx.x / 2));
    gpu_copy_commit();
}

__global__ void plain_writes(double *out)
{
    gpu_store_global(out + threadIdx.x, 1.0);
}

__global__ void raw_write_beside(double *out) /* past every wrapper */
{
    out[THREADS + threadIdx.x] = 1.0;
}

__global__ void a_read_far_behind(double *out)
{
    gpu_store_global(out + threadIdx.x, gpu_load_global(out + 4096 / 8 + threadIdx.x));
}

__global__ void an_unwritten_global_word(double *out)
{
    gpu_store_global(out, gpu_load_global(out + threadIdx.x));
}

__global__ void an_unwritten_shared_word(double *out)
{
    GPU_DYNAMIC_SHARED(double, words);
    gpu_store_global(out + threadIdx.x, gpu_load_shared(words + threadIdx.x));
}

__global__ void a_shared_word_out_of_bounds(double *out)
{
    GPU_DYNAMIC_SHARED(double, words);
    gpu_store_shared(words + threadIdx.x + 2 * THREADS, 1.0);
    gpu_store_global(out + threadIdx.x, 1.0);
}

__global__ void a_misaligned_word(double *out)
{
    GPU_DYNAMIC_SHARED(uint32_t, words);
    gpu_store_shared(reinterpret_cast<double *>(words + 1), 1.0);
    gpu_store_global(out + threadIdx.x, 1.0);
}

__global__ void an_endless_recursion(double *out)
{
    volatile double room[4096];
    room[threadIdx.x] = 1.0;
    if (room[threadIdx.x] > 0.0) {
        an_endless_recursion(out);
    }
    gpu_store_global(out + threadIdx.x, room[threadIdx.x]);
}

/* --- host --- */

static torc_gpu_stream stream;
static double *device; /* [THREADS], zeros */

static void launch(void (*kernel)(double *), double *out, uint32_t blocks, uint32_t cluster)
{
    const gpu_grid grid = {blocks, THREADS, 16 * THREADS, stream, cluster};
    must(gpu_launch(&grid, kernel, out));
    must(torc_gpu_stream_wait(stream));
}

static void use_after_free(void)
{
    torc_gpu_free(device);
    launch(plain_writes, device, 1, 1);
}

static void host_memory(void)
{
    static double host[THREADS];
    launch(plain_writes, host, 1, 1);
}

static void unwritten(void)
{
    void *fresh = NULL;
    must(torc_gpu_alloc(&fresh, sizeof(double) * THREADS));
    launch(an_unwritten_global_word, (double *)fresh, 1, 1);
}

static void host_reads_device(void)
{
    printf("%f\n", device[3]);
}

static void double_free(void)
{
    torc_gpu_free(device);
    torc_gpu_free(device);
}

static void free_of_the_middle(void)
{
    torc_gpu_free(device + 1);
}

static void leak(void)
{
    torc_gpu_stream_destroy(stream);
}

static void stream_leak(void)
{
    torc_gpu_free(device);
}

static void nobody_waits(void)
{
    must(torc_gpu_set_zero(device, 8, stream));
    exit(0);
}

static const mistake mistakes[] = {
    KERNEL(remote_read_without_last_barrier, 2, "cluster barrier"),
    KERNEL(remote_read_by_rank_0_without_last_barrier, 2, "cluster barrier"),
    KERNEL(remote_write_before_first_barrier, 2, "before the first cluster barrier"),
    KERNEL(remote_read_out_of_range, 2, "remote access of 16 bytes"),
    KERNEL(two_lines_of_one_barrier, 1, "divergent barrier"),
    KERNEL(a_thread_ends_before_the_barrier, 1, "deadlock: the block barrier waits for 64 threads"),
    KERNEL(half_a_warp_at_its_barrier, 1, "deadlock: the warp barrier waits for 32 threads, 16"),
    KERNEL(a_lane_ends_before_the_shuffle, 1,
           "deadlock: the shuffle's barrier waits for 32 threads, 31 came"),
    KERNEL(a_named_barrier_of_two_sizes, 1, "named barrier"),
    KERNEL(a_copy_read_too_early, 1, "nothing has written yet"),
    KERNEL(a_copy_not_committed, 1, "nothing has written yet"),
    KERNEL(a_copy_nobody_waits_for, 1, "did not wait for"),
    KERNEL(raw_write_beside, 1, "device allocation of 512 bytes"),
    KERNEL(a_read_far_behind, 1, "of the device allocation of 512 bytes"),
    KERNEL(an_unwritten_shared_word, 1, "nothing has written yet"),
    KERNEL(a_shared_word_out_of_bounds, 1, "of the block's 1024 of shared memory"),
    KERNEL(a_misaligned_word, 1, "not aligned"),
    KERNEL(an_endless_recursion, 1, "stack is full"),
    HOST(use_after_free, "a freed device allocation"),
    HOST(host_memory, "not device memory"),
    HOST(unwritten, "nothing has written yet"),
    HOST(host_reads_device, "host code, without a copy"),
    HOST(double_free, "free of byte 0 of a freed device allocation"),
    HOST(free_of_the_middle, "free of byte 8 of the device allocation"),
    HOST(leak, "device allocations of 512 bytes are not freed"),
    HOST(stream_leak, "streams are not destroyed"),
    HOST(nobody_waits, "nobody has waited for 1 operations"),
};

static void make(const mistake *m)
{
    must(torc_gpu_stream_create(&stream));
    must(torc_gpu_alloc((void **)&device, sizeof(double) * THREADS));
    must(torc_gpu_set_zero(device, sizeof(double) * THREADS, stream));
    must(torc_gpu_stream_wait(stream));
    if (m->kernel != NULL) {
        launch(m->kernel, device, 2, m->cluster);
    } else {
        m->host();
    }
}

int main(int argc, char **argv)
{
    return mistake_main(argc, argv, mistakes, sizeof mistakes / sizeof *mistakes, make);
}
