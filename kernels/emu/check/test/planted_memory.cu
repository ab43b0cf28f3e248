/* Bounds, unwritten memory, asynchronous copies and accesses without gpu.h, planted. Words of 4
 * bytes wherever the fast form's poison would show the bug as well. */
#include "kernels/emu/check/test/planted.h"

/* --- bounds --- */

__global__ void loop_bound_plus_one(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double2, x);
    gpu_store_shared(x + threadIdx.x, make_double2(1.0, 1.0));
    gpu_sync_block();
    double sum = 0.0;
    for (uint32_t i = 0; i < THREADS + bug; i++) {
        sum += gpu_load_shared(x + i).x;
    }
    gpu_store_global(out + planted_index(), sum);
}

__global__ void shared_bytes(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double2, x);
    (void)bug;
    gpu_store_shared(x + threadIdx.x, make_double2(1.0, 1.0));
    gpu_store_global(out + planted_index(), gpu_load_shared(x + threadIdx.x).x);
}

/* Behind the last word of the allocation its page goes on. */
__global__ void store_into_padding(double *out, uint32_t bug)
{
    uint32_t *last = reinterpret_cast<uint32_t *>(out) + OUT_WORDS - 1;
    if (planted_index() == 0) {
        gpu_store_global(last + bug, 7u);
    }
}

__global__ void load_from_padding(double *out, uint32_t bug)
{
    const uint32_t *last = reinterpret_cast<const uint32_t *>(out) + OUT_WORDS - 1;
    if (planted_index() == 0) {
        gpu_store_global(out, (double)gpu_load_global(last + bug));
    }
}

__global__ void load_before_the_first(double *out, uint32_t bug)
{
    if (planted_index() == 0) {
        gpu_store_global(out, (double)gpu_load_readonly(reinterpret_cast<uint32_t *>(out) - bug));
    }
}

__global__ void host_memory(double *out, uint32_t bug)
{
    (void)bug;
    gpu_store_global(out + planted_index(), 1.0);
}

/* --- unwritten --- */

__global__ void shared_word(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(uint32_t, x);
    if (bug == 0 || threadIdx.x % 8 != 3) {
        gpu_store_shared(x + threadIdx.x, 1u);
    }
    gpu_sync_block();
    gpu_store_global(out + planted_index(), (double)gpu_load_shared(x + (threadIdx.x ^ 1)));
}

/* What a block leaves in shared memory is no value for the next. */
__global__ void shared_word_of_another_block(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(uint32_t, x);
    if (bug == 0 || blockIdx.x == 0) {
        gpu_store_shared(x + threadIdx.x, 1u);
    }
    gpu_store_global(out + planted_index(), (double)gpu_load_shared(x + threadIdx.x));
}

__global__ void half_of_a_shared_double(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double, x);
    uint32_t *words = reinterpret_cast<uint32_t *>(x + threadIdx.x);
    gpu_store_shared(words, 0u);
    if (bug == 0) {
        gpu_store_shared(words + 1, 0u);
    }
    gpu_store_global(out + planted_index(), gpu_load_shared(x + threadIdx.x));
}

__global__ void global_word(double *out, uint32_t bug)
{
    (void)bug;
    const uint32_t word = gpu_load_global(reinterpret_cast<uint32_t *>(out) + 2 * planted_index());
    gpu_store_global(out + planted_index(), (double)word);
}

__global__ void sum_on_unwritten(double *out, uint32_t bug)
{
    (void)bug;
    gpu_add_global(reinterpret_cast<uint32_t *>(out), 1u);
}

/* --- asynchronous copies: 16 bytes by each thread --- */

__device__ __forceinline__ void copy_start(uint32_t *x, const double *out)
{
    gpu_copy_async_16(x + 4 * threadIdx.x, out + planted_index() / 2 * 2);
}

__global__ void copy_without_wait(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(uint32_t, x);
    copy_start(x, out);
    gpu_copy_commit();
    if (bug == 0) {
        gpu_copy_wait<0>();
    }
    gpu_sync_block();
    const uint32_t word = gpu_load_shared(x + 4 * (THREADS - 1 - threadIdx.x));
    gpu_copy_wait<0>();
    gpu_store_shared(x + 4 * (THREADS - 1 - threadIdx.x), word);
}

__global__ void copy_without_barrier(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(uint32_t, x);
    planted_fill(reinterpret_cast<double *>(x), 2 * THREADS);
    copy_start(x, out);
    gpu_copy_commit();
    gpu_copy_wait<0>();
    if (bug == 0) {
        gpu_sync_block();
    }
    const uint32_t word = gpu_load_shared(x + 4 * (THREADS - 1 - threadIdx.x));
    gpu_store_shared(x + 4 * (THREADS - 1 - threadIdx.x), word);
}

__global__ void copy_without_commit(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(uint32_t, x);
    copy_start(x, out);
    if (bug == 0) {
        gpu_copy_commit();
    }
    gpu_copy_wait<0>();
    const uint32_t word = gpu_load_shared(x + 4 * threadIdx.x);
    gpu_copy_commit();
    gpu_copy_wait<0>();
    gpu_store_shared(x + 4 * threadIdx.x, word);
}

/* Two groups under way, and the wait is for the older one. */
__global__ void copy_waits_for_one_group_less(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(uint32_t, x);
    if (gpu_lane() < 16) {
        copy_start(x, out);
    }
    gpu_copy_commit();
    if (gpu_lane() >= 16) {
        copy_start(x, out);
    }
    gpu_copy_commit();
    if (bug == 0) {
        gpu_copy_wait<0>();
    } else {
        gpu_copy_wait<1>();
    }
    const uint32_t word = gpu_load_shared(x + 4 * threadIdx.x);
    gpu_copy_wait<0>();
    gpu_store_shared(x + 4 * threadIdx.x, word);
}

/* The next copy starts while others still read what the last one brought. */
__global__ void copy_over_what_others_read(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(uint32_t, x);
    copy_start(x, out);
    gpu_copy_commit();
    gpu_copy_wait<0>();
    gpu_sync_block();
    const uint32_t word = gpu_load_shared(x + 4 * (THREADS - 1 - threadIdx.x));
    if (bug == 0) {
        gpu_sync_block();
    }
    copy_start(x, out);
    gpu_copy_commit();
    gpu_copy_wait<0>();
    gpu_store_shared(x + 4 * threadIdx.x, word);
}

/* --- without gpu.h --- */

__global__ void plain_read(double *out, uint32_t bug)
{
    const double *from = out + planted_index();
    const double got = bug == 0 ? gpu_load_global(from) : *from;
    gpu_store_global(out + planted_index(), got + 1.0);
}

__global__ void plain_write(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double, x);
    if (bug == 0) {
        gpu_store_shared(x + threadIdx.x, 1.0);
    } else {
        x[threadIdx.x] = 1.0;
    }
    gpu_store_global(out + planted_index(), gpu_load_shared(x + threadIdx.x));
}

__global__ void plain_struct(double *out, uint32_t bug)
{
    double2 *pair = reinterpret_cast<double2 *>(out) + planted_index() / 2;
    if (bug == 1 && planted_index() % 2 == 0) {
        *pair = make_double2(1.0, 2.0);
    }
}

__global__ void plain_memcpy(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double, x);
    gpu_store_shared(x + threadIdx.x, 1.0);
    gpu_sync_block();
    if (bug == 1 && threadIdx.x == 0) {
        memcpy(out, x, 48);
    }
}

uint32_t of_the_host; /* not static: the compiler must believe that somebody reads it */

__global__ void write_to_the_host(double *out, uint32_t bug)
{
    if (bug == 1 && planted_index() == 5) {
        of_the_host = (uint32_t)gpu_load_global(out);
    }
}

static const planted table[] = {
    PLANTED(loop_bound_plus_one, 1, "of the block's 2048 of shared memory"),
    PLANTED_LAUNCH(shared_bytes, SHORT_SHARED, "of the block's 2032 of shared memory"),
    PLANTED(store_into_padding, 1, "out of bounds: write of 4 bytes at byte 2052"),
    PLANTED(load_from_padding, 1, "out of bounds: read of 4 bytes at byte 2052"),
    PLANTED(load_before_the_first, 1, "out of bounds: read of 4 bytes at byte -4"),
    PLANTED_LAUNCH(host_memory, HOST_POINTER, "not device memory"),
    PLANTED(shared_word, 1, "which nothing has written yet"),
    PLANTED(shared_word_of_another_block, 1, "which nothing has written yet"),
    PLANTED(half_of_a_shared_double, 1, "which nothing has written yet"),
    PLANTED_LAUNCH(global_word, NOT_CLEARED, "which nothing has written yet"),
    PLANTED_LAUNCH(sum_on_unwritten, NOT_CLEARED, "which nothing has written yet"),
    PLANTED(copy_without_wait, 1, "its thread has not waited"),
    PLANTED(copy_without_barrier, 1, "race: "),
    PLANTED(copy_without_commit, 1, "its thread has not waited"),
    PLANTED(copy_waits_for_one_group_less, 1, "its thread has not waited"),
    PLANTED(copy_over_what_others_read, 1, "race: "),
    PLANTED(plain_read, 1, "plain read of 8 bytes"),
    PLANTED(plain_write, 1, "plain write of 8 bytes"),
    PLANTED(plain_struct, 1, "plain write of"),
    PLANTED(plain_memcpy, 1, "plain read of 48 bytes"),
    PLANTED(write_to_the_host, 1, "no memory of the device"),
};

int main(int argc, char **argv)
{
    return planted_main(argc, argv, table, sizeof table / sizeof *table);
}
