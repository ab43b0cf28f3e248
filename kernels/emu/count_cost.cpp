/* What one warp instruction asks of shared memory, or of the first and second cache.
 *
 *   shared  32 banks of 4 bytes, word w in bank w mod 32. Lanes pass in groups of 128 bytes: all 32
 *           with 4 bytes each, halves with 8, quarters with 16. A group takes as many wavefronts as
 *           the busiest bank has different words (sums: as it has lanes); equal words are sent to
 *           all that ask.
 *   global  lines of 128 bytes, sectors of 32 bytes; what several lanes touch is fetched once.
 *
 * NVIDIA, CUDA C++ Programming Guide, "Compute Capability 5.x" (banks, sectors) and the memory
 * tables of Nsight Compute (wavefronts); the split of wide accesses is common observation. */
#include "kernels/emu/count.h"

#define BANKS        32u
#define LINE_BYTES   128u
#define SECTOR_BYTES 32u

/* Adds x to the set unless it is there; whether it was added. */
static bool add_once(uintptr_t *set, uint32_t *size, uintptr_t x)
{
    for (uint32_t i = 0; i < *size; i++) {
        if (set[i] == x) {
            return false;
        }
    }
    set[(*size)++] = x;
    return true;
}

/* Wavefronts of lanes first .. first + count - 1, together at most 32 words. */
static uint32_t group_wavefronts(const emu_instruction *instruction, uint32_t first, uint32_t count,
                                 uint32_t bytes, bool merge)
{
    uintptr_t words[BANKS];
    uint32_t word_count = 0, in_bank[BANKS] = {0}, most = 0;
    for (uint32_t lane = first; lane < first + count; lane++) {
        if ((instruction->lanes >> lane & 1) == 0) {
            continue;
        }
        const uintptr_t word = (uintptr_t)instruction->address[lane] / 4;
        for (uint32_t i = 0; i < bytes / 4; i++) {
            if (!merge || add_once(words, &word_count, word + i)) {
                const uint32_t now = ++in_bank[(word + i) % BANKS];
                most = now > most ? now : most;
            }
        }
    }
    return most;
}

static uint32_t wavefronts(const emu_instruction *instruction, uint32_t bytes, bool merge)
{
    const uint32_t group = EMU_WARP_LANES * 4 / bytes;
    uint32_t sum = 0;
    for (uint32_t first = 0; first < EMU_WARP_LANES; first += group) {
        sum += group_wavefronts(instruction, first, group, bytes, merge);
    }
    return sum;
}

static uint32_t different(const emu_instruction *instruction, uint32_t unit_bytes)
{
    uintptr_t units[EMU_WARP_LANES];
    uint32_t count = 0;
    for (uint32_t lane = 0; lane < EMU_WARP_LANES; lane++) {
        if (instruction->lanes >> lane & 1) {
            add_once(units, &count, (uintptr_t)instruction->address[lane] / unit_bytes);
        }
    }
    return count;
}

void emu_count_cost(torc_emu_traffic *traffic, const emu_instruction *instruction,
                    torc_emu_space space, torc_emu_action action, uint32_t bytes)
{
    const uint32_t lanes = (uint32_t)__builtin_popcount(instruction->lanes);
    traffic->instructions++;
    traffic->accesses += lanes;
    traffic->bytes += (uint64_t)lanes * bytes;
    if (space == TORC_EMU_SHARED || space == TORC_EMU_REMOTE || space == TORC_EMU_COPY_TO) {
        traffic->wavefronts += wavefronts(instruction, bytes, action != TORC_EMU_ADD);
    } else {
        traffic->lines += different(instruction, LINE_BYTES);
        traffic->sectors += different(instruction, SECTOR_BYTES);
    }
}
