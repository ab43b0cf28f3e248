/* Shared memory of other blocks of the cluster. An address is a byte offset into the shared memory
 * of the gang, a stride for each rank. Two rules, seen in every order of threads:
 *
 *   nobody uses another block's memory before the first cluster barrier (the block may not have
 *   begun), nor a block ends in the same stretch between cluster barriers in which others used its
 *   memory (it might have been gone before). */
#include "kernels/emu/calls.h"
#include "kernels/emu/schedule.h"

uint32_t emu_remote_address(const void *p, uint32_t rank, emu_site at)
{
    const size_t offset = (size_t)((const unsigned char *)p - emu_self->block->shared);
    if (offset >= emu_self->block->shared_bytes || rank >= emu_running.cluster) {
        emu_fail(at, "remote address: rank %u of %u, byte %zd of %zu of the shared memory", rank,
                 emu_running.cluster, (ssize_t)offset, emu_self->block->shared_bytes);
    }
    return (uint32_t)(rank * EMU_SHARED_STRIDE + offset);
}

static void check_visit(emu_block *to, emu_site at)
{
    if (emu_running.barrier.epoch == 0) {
        emu_fail(at,
                 "shared memory of block %u used before the first cluster barrier: it may not "
                 "have begun",
                 to->index.x);
    }
    if (to->alive == 0) {
        emu_fail(at, "shared memory of block %u used after its end: a cluster barrier is missing",
                 to->index.x);
    }
    to->visited = true;
    to->visited_epoch = emu_running.barrier.epoch;
    to->visited_where = at;
}

void *emu_remote_pointer(uint32_t address, uint32_t bytes, emu_site at)
{
    const uint32_t rank = address / EMU_SHARED_STRIDE;
    const size_t offset = address % EMU_SHARED_STRIDE;
    if (rank >= emu_running.cluster || offset % bytes != 0 ||
        offset + bytes > emu_running.blocks[rank].shared_bytes) {
        emu_fail(at,
                 "remote access of %u bytes: rank %u of %u, byte %zu of %zu of the shared "
                 "memory",
                 bytes, rank, emu_running.cluster, offset, emu_self->block->shared_bytes);
    }
    emu_block *to = &emu_running.blocks[rank];
    if (to != emu_self->block) {
        check_visit(to, at);
    }
    return to->shared + offset;
}

void emu_cluster_end(void)
{
    emu_block *block = emu_self->block;
    if (--block->alive == 0 && block->visited &&
        block->visited_epoch == emu_running.barrier.epoch) {
        emu_fail(block->visited_where,
                 "block %u ends, and no cluster barrier since others used its shared memory here",
                 block->index.x);
    }
}
