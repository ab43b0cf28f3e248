/* Counts accesses by warp instruction. Threads run one after another here, so the lanes of one
 * instruction must be found again: between two events that all lanes of a warp pass (barriers of
 * any kind, shuffles), the n-th access that a lane makes on one line of the source belongs to the
 * n-th access of the other lanes on that line, of the same kind, size and phase. A lane that skips
 * the line is missing in the instruction, as it would be on the device. Where two branches of a
 * warp use one line (a helper) unequally often, lanes may be matched that the device would not. */
#include "kernels/emu/count.h"

#include <string.h>
#include <unordered_set>
#include <vector>

#define SECTOR_BYTES 32u

bool emu_counting;

/* One line of the source, one kind of access. */
typedef struct call_site {
    emu_access like; /* all but the address */
    uint32_t phase;
    uint32_t used[EMU_WARP_LANES]; /* accesses of each lane in this window */
    uint32_t instruction_count;
    std::vector<emu_instruction> instructions;
} call_site;

typedef struct warp_log {
    uint32_t window;
    size_t last; /* site found last: the next access is likely to be at the next one */
    std::vector<call_site> sites;
} warp_log;

static torc_emu_counts counts[TORC_EMU_PHASES];
static warp_log logs[EMU_MAX_CLUSTER * EMU_MAX_WARPS];
static std::unordered_set<uintptr_t> block_sectors[EMU_MAX_CLUSTER][TORC_EMU_PHASES];

/* --- a window ends --- */

static void close_window(warp_log *log)
{
    for (call_site &site : log->sites) {
        torc_emu_traffic *traffic = &counts[site.phase].of[site.like.space][site.like.action];
        for (uint32_t i = 0; i < site.instruction_count; i++) {
            emu_count_cost(traffic, &site.instructions[i], site.like.space, site.like.action,
                           site.like.bytes);
        }
        site.instruction_count = 0;
        memset(site.used, 0, sizeof site.used);
    }
}

void emu_count_gang_end(void)
{
    const uint32_t warps = emu_running.threads.x / EMU_WARP_LANES * emu_running.cluster;
    for (uint32_t w = 0; w < warps; w++) {
        close_window(&logs[w]);
        logs[w].window = 0;
    }
    counts[0].blocks += emu_running.cluster;
    for (uint32_t rank = 0; rank < emu_running.cluster; rank++) {
        for (uint32_t phase = 0; phase < TORC_EMU_PHASES; phase++) {
            counts[phase].block_sectors += block_sectors[rank][phase].size();
            block_sectors[rank][phase].clear();
        }
    }
}

/* --- an access --- */

static bool same_site(const call_site *site, const emu_access *a, uint32_t phase)
{
    const emu_access *b = &site->like;
    return a->at.line == b->at.line && a->at.file == b->at.file && a->space == b->space &&
           a->action == b->action && a->bytes == b->bytes && phase == site->phase;
}

static call_site *site_of(warp_log *log, const emu_access *access, uint32_t phase)
{
    const size_t count = log->sites.size();
    for (size_t i = 0; i < count; i++) {
        const size_t at = log->last + i < count ? log->last + i : log->last + i - count;
        if (same_site(&log->sites[at], access, phase)) {
            log->last = at;
            return &log->sites[at];
        }
    }
    log->sites.push_back(call_site{*access, phase, {0}, 0, {}});
    log->last = count;
    return &log->sites[count];
}

static emu_instruction *instruction_of(call_site *site, uint32_t lane)
{
    const uint32_t n = site->used[lane]++;
    if (n >= site->instructions.size()) {
        site->instructions.push_back(emu_instruction{});
    }
    if (n >= site->instruction_count) {
        site->instruction_count = n + 1;
        site->instructions[n].lanes = 0;
    }
    return &site->instructions[n];
}

static bool in_device_memory(torc_emu_space space)
{
    return space != TORC_EMU_SHARED && space != TORC_EMU_REMOTE && space != TORC_EMU_COPY_TO;
}

void emu_count_access(const emu_access *access)
{
    const emu_fiber *self = emu_self;
    const emu_block *block = self->block;
    warp_log *log = &logs[self->number / EMU_WARP_LANES];
    if (log->window != self->warp->window) {
        close_window(log);
        log->window = self->warp->window;
    }
    call_site *site = site_of(log, access, self->phase);
    emu_instruction *instruction = instruction_of(site, self->lane);
    instruction->lanes |= 1u << self->lane;
    instruction->address[self->lane] = access->address;
    if (in_device_memory(access->space)) {
        block_sectors[block->rank][self->phase].insert((uintptr_t)access->address / SECTOR_BYTES);
    }
}

/* --- barriers --- */

void emu_count_barrier(const emu_barrier *barrier)
{
    torc_emu_counts *to = &counts[emu_self->phase];
    switch (barrier->kind) {
    case EMU_WARP_BARRIER: to->warp_barriers++; break;
    case EMU_SHUFFLE: break;
    case EMU_BLOCK_BARRIER: to->block_barriers++; break;
    case EMU_NAMED_BARRIER: to->named_barriers++; break;
    case EMU_CLUSTER_BARRIER: to->cluster_barriers++; break;
    }
}

void emu_count_shuffle(uint32_t bytes)
{
    counts[emu_self->phase].shuffles += (bytes + 3) / 4;
}

/* --- for tests --- */

void torc_emu_count(bool on)
{
    emu_counting = on;
    memset(counts, 0, sizeof counts);
}

/* Counts are plain sums of words. */
static void add_counts(torc_emu_counts *to, const torc_emu_counts *from)
{
    uint64_t *out = (uint64_t *)to;
    const uint64_t *in = (const uint64_t *)from;
    for (size_t i = 0; i < sizeof *to / sizeof *out; i++) {
        out[i] += in[i];
    }
}

void torc_emu_counts_read(torc_emu_counts *out, uint32_t phase)
{
    memset(out, 0, sizeof *out);
    for (uint32_t p = 0; p < TORC_EMU_PHASES; p++) {
        if (phase == p || phase == TORC_EMU_ALL_PHASES) {
            add_counts(out, &counts[p]);
        }
    }
}
