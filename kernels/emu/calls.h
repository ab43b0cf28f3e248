/* What gpu_emu.h calls: barriers, exchanges, copies and clusters for kernels, launches for the
 * host. Meanings: kernels/cuda/gpu.h. */
#ifndef TORC_EMU_CALLS_H
#define TORC_EMU_CALLS_H

#include "kernels/emu/runtime_api.h"
#include "kernels/emu/state.h"

/* --- for kernels (barrier.cpp) --- */

void emu_wait(emu_barrier *barrier, emu_site at);
void emu_wait_named(uint32_t id, uint32_t threads, emu_site at);

/* Shows `bytes` at v to the warp and waits for what all lanes show: [lane][bytes], valid until the
 * next but one exchange. At most EMU_EXCHANGE_BYTES. */
const unsigned char (*emu_exchange(const void *v, uint32_t bytes, emu_site at))[EMU_EXCHANGE_BYTES];

uint64_t emu_clock(void);
void emu_mark(uint32_t phase);

/* --- for kernels (tensor.cpp) --- */

/* gpu_mma_s8u8: registers 0..3 of the lane are a, 4 and 5 are b. */
void emu_mma_s8u8(int32_t sum[4], const uint32_t operands[6], emu_site at);

/* --- for kernels (copy_async.cpp, cluster.cpp) --- */

void emu_copy_start(void *shared, const void *global);
void emu_copy_commit(void);
void emu_copy_wait(uint32_t pending);

uint32_t emu_remote_address(const void *p, uint32_t rank, emu_site at);
void *emu_remote_pointer(uint32_t address, uint32_t bytes, emu_site at);

/* --- for the host (limits.cpp, stream.cpp) --- */

typedef struct emu_launch {
    dim3 grid, threads;
    uint32_t cluster;
    size_t shared_bytes;
    const void *kernel; /* set by emu_launch_queue */
    void (*run)(const void *call);
    void (*drop)(void *call);
    void *call; /* kernel and arguments */
} emu_launch;

cudaError_t emu_allow_shared(const void *kernel, size_t shared_bytes);
/* Takes `call` in any case. */
cudaError_t emu_launch_queue(const void *kernel, const emu_launch *launch, cudaStream_t stream);
cudaError_t emu_clusters_at_once(int *count, const void *kernel, const emu_launch *launch);

#endif
