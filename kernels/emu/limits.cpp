/* The emulated device: what it can hold, and which launches it refuses, with CUDA's codes.
 * TORC_EMU_PROFILE or torc_emu_profile() names it; sm_90 is the H100 or H200.
 *
 * Blocks of a cluster stay inside one group of multiprocessors (a GPC), and groups differ in size:
 * of 132 multiprocessors in groups of 16 and 18, 32 clusters of 4 fit, not 33. Sizes of the groups
 * of the sm_90: what its 132 and 32 leave; of the others: equal, for want of a source. */
#include "kernels/emu/device.h"
#include "kernels/emu/emu.h"

#include <stdlib.h>
#include <string.h>
#include <vector>

#define DEFAULT_SHARED_BYTES ((size_t)48 << 10) /* that every kernel may use */
#define RESERVED_BYTES       ((size_t)1 << 10)  /* of shared memory, for each resident block */
#define KIB                  (size_t)1024

typedef struct profile {
    const char *name;
    size_t shared_bytes;         /* of a block, at most */
    size_t shared_bytes_of_all;  /* blocks of a multiprocessor */
    uint32_t threads, blocks;    /* of a multiprocessor */
    uint32_t cluster_blocks;     /* 1: no clusters */
    uint32_t groups, group_size; /* of multiprocessors */
    uint32_t wide_groups;        /* so many of them have 2 more */
} profile;

static const profile profiles[] = {
    {"sm_90", 227 * KIB, 228 * KIB, 2048, 32, 8, 8, 16, 2},  /* H100, H200: 132 */
    {"sm_80", 163 * KIB, 164 * KIB, 2048, 32, 1, 7, 14, 5},  /* A100: 108 */
    {"sm_100", 227 * KIB, 228 * KIB, 2048, 32, 8, 8, 18, 2}, /* B200: 148 */
    {"sm_120", 99 * KIB, 100 * KIB, 1536, 24, 8, 11, 14, 8}, /* RTX 5090: 170 */
    {"none", 0, 0, 0, 0, 0, 0, 0, 0},                        /* no device at all */
};

static struct {
    bool known;
    profile is;
} device;

/* "name" or "name:cluster limit". */
static void choose(const char *text)
{
    const size_t length = strcspn(text, ":");
    for (const profile &p : profiles) {
        if (strlen(p.name) == length && strncmp(p.name, text, length) == 0) {
            device.known = true;
            device.is = p;
            if (text[length] == ':') {
                device.is.cluster_blocks = (uint32_t)strtoul(text + length + 1, NULL, 10);
            }
            return;
        }
    }
    emu_fail(emu_site{}, "no profile '%s': sm_80, sm_90, sm_100, sm_120 or none", text);
}

static const profile *chosen(void)
{
    if (!device.known) {
        const char *text = getenv("TORC_EMU_PROFILE");
        choose(text == NULL || *text == '\0' ? profiles[0].name : text);
    }
    return &device.is;
}

void torc_emu_profile(const char *name)
{
    choose(name);
}

/* --- shared memory that a kernel may ask for --- */

typedef struct allowance {
    const void *kernel;
    size_t shared_bytes;
} allowance;

static allowance *allowance_of(const void *kernel)
{
    static std::vector<allowance> *all = new std::vector<allowance>;
    for (allowance &a : *all) {
        if (a.kernel == kernel) {
            return &a;
        }
    }
    all->push_back({kernel, DEFAULT_SHARED_BYTES});
    return &all->back();
}

cudaError_t emu_allow_shared(const void *kernel, size_t shared_bytes)
{
    if (shared_bytes > chosen()->shared_bytes) {
        return cudaErrorInvalidValue;
    }
    allowance_of(kernel)->shared_bytes =
        shared_bytes > DEFAULT_SHARED_BYTES ? shared_bytes : DEFAULT_SHARED_BYTES;
    return cudaSuccess;
}

/* --- launches --- */

cudaError_t emu_launch_check(const void *kernel, const emu_launch *launch)
{
    const profile *p = chosen();
    const uint32_t threads = launch->threads.x, blocks = launch->grid.x;
    if (p->groups == 0) {
        return cudaErrorNoDevice;
    }
    if (blocks == 0 || blocks > 0x7fffffffu || threads == 0 || threads > EMU_MAX_THREADS ||
        threads % EMU_WARP_LANES != 0) { /* the last is our own rule: gpu_grid */
        return cudaErrorInvalidConfiguration;
    }
    if (launch->cluster > p->cluster_blocks || blocks % launch->cluster != 0) {
        return cudaErrorInvalidClusterSize;
    }
    if (launch->shared_bytes > allowance_of(kernel)->shared_bytes ||
        launch->shared_bytes > p->shared_bytes) {
        return cudaErrorInvalidValue;
    }
    return cudaSuccess;
}

static uint32_t blocks_of_multiprocessor(const emu_launch *launch)
{
    const profile *p = chosen();
    const size_t by_shared = p->shared_bytes_of_all / (launch->shared_bytes + RESERVED_BYTES);
    const uint32_t by_threads = p->threads / launch->threads.x;
    const uint32_t most = by_threads < p->blocks ? by_threads : p->blocks;
    return by_shared < most ? (uint32_t)by_shared : most;
}

cudaError_t emu_clusters_at_once(int *count, const void *kernel, const emu_launch *launch)
{
    *count = 0;
    const cudaError_t error = emu_launch_check(kernel, launch);
    if (error != cudaSuccess) {
        return error;
    }
    const profile *p = chosen();
    const uint32_t each = blocks_of_multiprocessor(launch);
    for (uint32_t group = 0; group < p->groups; group++) {
        const uint32_t size = p->group_size + (group < p->wide_groups ? 2 : 0);
        *count += (int)(size * each / launch->cluster);
    }
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = chosen()->groups > 0 ? 1 : 0;
    return *count > 0 ? cudaSuccess : cudaErrorNoDevice;
}

const char *cudaGetErrorString(cudaError_t error)
{
    switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInvalidConfiguration: return "invalid configuration argument";
    case cudaErrorNoDevice: return "no CUDA-capable device is detected";
    case cudaErrorInvalidResourceHandle: return "invalid resource handle";
    case cudaErrorLaunchOutOfResources: return "too many resources requested for launch";
    case cudaErrorNotSupported: return "operation not supported";
    case cudaErrorInvalidClusterSize: return "cluster misconfiguration";
    }
    return "unknown error";
}
