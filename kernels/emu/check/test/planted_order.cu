/* Races, planted: a missing or wrong barrier of every kind, and blocks without order. Outside the
 * bug each kernel is right, which the check form must see too. */
#include "kernels/emu/check/test/planted.h"

/* --- a missing barrier between a write and another thread's read --- */

__global__ void warp_barrier(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double, x);
    planted_fill(x, THREADS);
    gpu_store_shared(x + threadIdx.x, 1.0);
    if (bug == 0) {
        gpu_sync_warp();
    }
    gpu_store_global(out + planted_index(), gpu_load_shared(x + (threadIdx.x ^ 1)));
}

__global__ void named_barrier(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double, x);
    planted_fill(x, THREADS);
    gpu_store_shared(x + threadIdx.x, 1.0);
    if (bug == 0) {
        gpu_sync_named(1 + threadIdx.x / 64, 64);
    }
    gpu_store_global(out + planted_index(), gpu_load_shared(x + (threadIdx.x ^ 32)));
}

__global__ void block_barrier(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double, x);
    planted_fill(x, THREADS);
    gpu_store_shared(x + threadIdx.x, 1.0);
    if (bug == 0) {
        gpu_sync_block();
    }
    gpu_store_global(out + planted_index(), gpu_load_shared(x + (THREADS - 1 - threadIdx.x)));
}

__global__ void cluster_barrier(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double2, x);
    planted_fill(&x->x, 2 * THREADS);
    gpu_sync_cluster();
    const uint32_t other = 1 - gpu_cluster_rank();
    gpu_store_remote(gpu_remote_address(x + threadIdx.x, other), make_double2(1.0, 2.0));
    if (bug == 0) {
        gpu_sync_cluster();
    } else {
        gpu_sync_block();
    }
    gpu_store_global(out + planted_index(), gpu_load_shared(x + threadIdx.x).x);
    gpu_sync_cluster();
}

/* --- a barrier that brings the wrong threads together --- */

__global__ void barrier_of_the_warp_alone(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double, x);
    planted_fill(x, THREADS);
    gpu_store_shared(x + threadIdx.x, 1.0);
    if (bug == 0) {
        gpu_sync_block();
    } else {
        gpu_sync_warp();
    }
    gpu_store_global(out + planted_index(), gpu_load_shared(x + (THREADS - 1 - threadIdx.x)));
}

__global__ void barrier_of_other_warps(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double, x);
    planted_fill(x, THREADS);
    gpu_store_shared(x + threadIdx.x, 1.0);
    gpu_sync_named(1 + (bug == 0 ? gpu_warp() / 2 : gpu_warp() % 2), 64);
    gpu_store_global(out + planted_index(), gpu_load_shared(x + (threadIdx.x ^ 32)));
}

/* Lanes of a warp must meet as one: half of each of two warps is no order that can be kept. */
__global__ void barrier_of_half_warps(double *out, uint32_t bug)
{
    const uint32_t lane = gpu_lane(), who = bug == 0 ? threadIdx.x / 32 % 2 : lane / 16;
    if (who == 0) {
        gpu_sync_named(1, 64);
    }
    gpu_sync_block();
    gpu_store_global(out + planted_index(), 1.0);
}

/* A shuffle makes lanes meet and orders nothing. */
__global__ void shuffle_instead_of_barrier(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double, x);
    planted_fill(x, THREADS);
    gpu_store_shared(x + threadIdx.x, 1.0);
    const double other = gpu_shuffle_xor(1.0, 1);
    if (bug == 0) {
        gpu_sync_warp();
    }
    gpu_store_global(out + planted_index(), other + gpu_load_shared(x + (threadIdx.x ^ 1)));
}

/* Warp 0 meets warp 1, then warp 1 meets warp 2: what 0 wrote is there for 2. */
__global__ void link_of_a_chain(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double, x);
    planted_fill(x, THREADS);
    const uint32_t warp = gpu_warp();
    if (warp == 0) {
        gpu_store_shared(x + threadIdx.x, 1.0);
    }
    if (bug == 0 && warp <= 1) {
        gpu_sync_named(1, 64);
    }
    if (warp == 1 || warp == 2) {
        gpu_sync_named(2, 64);
    }
    if (warp == 2) {
        gpu_store_global(out + planted_index(), gpu_load_shared(x + gpu_lane()));
    }
}

/* --- a missing barrier between a read and the next write --- */

__global__ void barrier_before_overwriting(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double, x);
    planted_fill(x, THREADS);
    double sum = 0.0;
    for (uint32_t round = 0; round < 3; round++) {
        gpu_store_shared(x + threadIdx.x, 1.0);
        gpu_sync_block();
        sum += gpu_load_shared(x + (THREADS - 1 - threadIdx.x));
        if (bug == 0) {
            gpu_sync_block();
        }
    }
    gpu_store_global(out + planted_index(), sum);
}

__global__ void cluster_barrier_before_overwriting(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double2, x);
    gpu_store_shared(x + threadIdx.x, make_double2(1.0, 2.0));
    gpu_sync_cluster();
    const uint32_t there = gpu_remote_address(x + threadIdx.x, 1 - gpu_cluster_rank());
    const double got = gpu_load_remote(there).x;
    if (bug == 0) {
        gpu_sync_cluster();
    }
    gpu_store_shared(x + threadIdx.x, make_double2(got, 3.0));
    gpu_store_global(out + planted_index(), gpu_load_shared(x + threadIdx.x).x);
    gpu_sync_cluster();
}

/* All have read; the write comes after those of warps 0 and 1 only. */
__global__ void some_readers_of_many(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double, x);
    planted_fill(x, THREADS);
    if (threadIdx.x == 0) {
        gpu_store_shared(x, 1.0);
    }
    gpu_sync_block();
    const double got = gpu_load_shared(x);
    const uint32_t threads = bug == 0 ? THREADS : 64;
    if (threadIdx.x < threads) {
        gpu_sync_named(1, threads);
    }
    if (threadIdx.x == 0) {
        gpu_store_shared(x, 2.0);
    }
    gpu_sync_block();
    gpu_store_global(out + planted_index(), got + gpu_load_shared(x));
}

/* --- two barriers, each redundant while the other stands: bug 1 without both, 2 and 3 without
 * one --- */

__global__ void two_barriers(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double, x);
    planted_fill(x, THREADS);
    gpu_store_shared(x + threadIdx.x, 1.0);
    if (bug != 1 && bug != 2) {
        gpu_sync_block();
    }
    const double scale = (double)(threadIdx.x + 1);
    if (bug != 1 && bug != 3) {
        gpu_sync_block();
    }
    gpu_store_global(out + planted_index(),
                     scale * gpu_load_shared(x + (THREADS - 1 - threadIdx.x)));
}

/* --- two writers --- */

__global__ void same_value_twice(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double, x);
    if (threadIdx.x == 0 || (bug == 1 && threadIdx.x == 40)) {
        gpu_store_shared(x, 1.0);
    }
    gpu_sync_block();
    gpu_store_global(out + planted_index(), gpu_load_shared(x));
}

__global__ void wrong_cluster_rank(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double2, x);
    gpu_store_shared(x + threadIdx.x, make_double2(0.0, 0.0));
    gpu_sync_cluster();
    const uint32_t to = bug == 0 ? 1 - gpu_cluster_rank() : 1;
    gpu_store_remote(gpu_remote_address(x + threadIdx.x, to), make_double2(1.0, 2.0));
    gpu_sync_cluster();
    gpu_store_global(out + planted_index(), gpu_load_shared(x + threadIdx.x).x);
}

/* Index shift: the last thread of a warp writes the next one's word. */
__global__ void index_shifted_by_one(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(double, x);
    if (gpu_warp() == 1 && bug == 1) {
        gpu_store_shared(x + threadIdx.x + 1, 1.0);
    } else {
        gpu_store_shared(x + threadIdx.x, 1.0);
    }
    if (bug == 1 && threadIdx.x == 0) {
        gpu_store_shared(x + 32, 1.0);
    }
    gpu_sync_block();
    gpu_store_global(out + planted_index(), gpu_load_shared(x + threadIdx.x));
}

/* --- blocks of a launch, which nothing orders --- */

__global__ void blocks_write_one_word(double *out, uint32_t bug)
{
    gpu_store_global(out + (bug == 0 ? planted_index() : threadIdx.x), 1.0);
}

__global__ void block_reads_what_another_wrote(double *out, uint32_t bug)
{
    const uint32_t mine = planted_index(), from = bug == 0 ? mine : mine % THREADS;
    gpu_store_global(out + mine, 1.0);
    gpu_sync_block();
    gpu_store_global(out + mine, gpu_load_global(out + from));
}

/* The word was read by all blocks; then one writes it. */
__global__ void block_writes_what_all_read(double *out, uint32_t bug)
{
    const double got = gpu_load_global(out + 2 * THREADS - 1);
    gpu_sync_block();
    if (bug == 0 ? got < 0.0 : planted_index() == 2 * THREADS - 1) {
        gpu_store_global(out + 2 * THREADS - 1, got);
    }
}

__global__ void sum_in_place_of_atomic(double *out, uint32_t bug)
{
    uint32_t *sum = reinterpret_cast<uint32_t *>(out);
    if (threadIdx.x == 0) {
        if (bug == 0) {
            gpu_add_global(sum, 1u);
        } else {
            gpu_store_global(sum, gpu_load_global(sum) + 1);
        }
    }
}

__global__ void sum_read_by_another_block(double *out, uint32_t bug)
{
    uint32_t *sum = reinterpret_cast<uint32_t *>(out);
    gpu_add_global(sum, 1u);
    gpu_sync_block();
    if (bug == 1 && planted_index() > 0) {
        gpu_store_global(out + planted_index(), (double)gpu_load_global(sum));
    }
}

__global__ void sum_read_before_the_barrier(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(uint32_t, sum);
    if (threadIdx.x == 0) {
        gpu_store_shared(sum, 0u);
    }
    gpu_sync_block();
    gpu_add_shared(sum, 1u);
    if (bug == 0) {
        gpu_sync_block();
    }
    gpu_store_global(out + planted_index(), (double)gpu_load_shared(sum));
}

__global__ void sum_cleared_without_barrier(double *out, uint32_t bug)
{
    GPU_DYNAMIC_SHARED(uint32_t, sum);
    planted_fill(reinterpret_cast<double *>(sum), 1);
    if (threadIdx.x == 0) {
        gpu_store_shared(sum, 0u);
    }
    if (bug == 0) {
        gpu_sync_block();
    }
    if (threadIdx.x >= 96) {
        gpu_add_shared(sum, 1u);
    }
    gpu_sync_block();
    gpu_store_global(out + planted_index(), (double)gpu_load_shared(sum));
}

static const planted table[] = {
    PLANTED(warp_barrier, 1, "race: "),
    PLANTED(named_barrier, 1, "race: "),
    PLANTED(block_barrier, 1, "race: "),
    PLANTED(cluster_barrier, 2, "race: "),
    PLANTED(barrier_of_the_warp_alone, 1, "race: "),
    PLANTED(barrier_of_other_warps, 1, "race: "),
    PLANTED(barrier_of_half_warps, 1, "16 of the 32 lanes of a warp"),
    PLANTED(shuffle_instead_of_barrier, 1, "race: "),
    PLANTED(link_of_a_chain, 1, "race: "),
    PLANTED(barrier_before_overwriting, 1, "race: "),
    PLANTED(cluster_barrier_before_overwriting, 2, "race: "),
    PLANTED(some_readers_of_many, 1, "race: "),
    PLANTED_BUG(two_barriers, 1, "race: "),
    PLANTED_BUG(two_barriers, 2, NULL),
    PLANTED_BUG(two_barriers, 3, NULL),
    PLANTED(same_value_twice, 1, "race: "),
    PLANTED(wrong_cluster_rank, 2, "race: "),
    PLANTED(index_shifted_by_one, 1, "race: "),
    PLANTED(blocks_write_one_word, 1, "race: "),
    PLANTED(block_reads_what_another_wrote, 1, "race: "),
    PLANTED(block_writes_what_all_read, 1, "race: "),
    PLANTED(sum_in_place_of_atomic, 1, "race: "),
    PLANTED(sum_read_by_another_block, 1, "race: "),
    PLANTED(sum_read_before_the_barrier, 1, "race: "),
    PLANTED(sum_cleared_without_barrier, 1, "race: "),
};

int main(int argc, char **argv)
{
    return planted_main(argc, argv, table, sizeof table / sizeof *table);
}
