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
#define KIB                  ((size_t)1 << 10)
#define MIB                  ((size_t)1 << 20)
#define OLDEST_MAJOR         8 /* that kernels are compiled for */

/* Clock and second-level cache: the largest of each product, for programs that print them. */
static const emu_profile profiles[] = {
    /* H100, H200: 132 */
    {"sm_90", 9, 0, 1980000, 50 * MIB, 227 * KIB, 228 * KIB, 2048, 32, 8, 8, 16, 2, cudaSuccess},
    /* A100: 108 */
    {"sm_80", 8, 0, 1410000, 40 * MIB, 163 * KIB, 164 * KIB, 2048, 32, 1, 7, 14, 5, cudaSuccess},
    /* B200: 148 */
    {"sm_100", 10, 0, 1965000, 126 * MIB, 227 * KIB, 228 * KIB, 2048, 32, 8, 8, 18, 2, cudaSuccess},
    /* RTX 5090: 170 */
    {"sm_120", 12, 0, 2407000, 96 * MIB, 99 * KIB, 100 * KIB, 1536, 24, 8, 11, 14, 8, cudaSuccess},
    /* V100: 80; no kernel is compiled for it */
    {"sm_70", 7, 0, 1530000, 6 * MIB, 96 * KIB, 96 * KIB, 2048, 32, 1, 5, 16, 0, cudaSuccess},
    {"none", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, cudaErrorNoDevice},
    {"old_driver", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, cudaErrorInsufficientDriver},
};

static struct {
    bool known;
    emu_profile is;
} device;

/* "name" or "name:cluster limit". */
static void choose(const char *text)
{
    const size_t length = strcspn(text, ":");
    for (const emu_profile &p : profiles) {
        if (strlen(p.name) == length && strncmp(p.name, text, length) == 0) {
            device.known = true;
            device.is = p;
            if (text[length] == ':') {
                device.is.cluster_blocks = (uint32_t)strtoul(text + length + 1, NULL, 10);
            }
            return;
        }
    }
    emu_fail(emu_site{}, "no profile '%s': sm_70, sm_80, sm_90, sm_100, sm_120, none or old_driver",
             text);
}

const emu_profile *emu_profile_now(void)
{
    if (!device.known) {
        const char *text = getenv("TORC_EMU_PROFILE");
        choose(text == NULL || *text == '\0' ? profiles[0].name : text);
    }
    return &device.is;
}

void torc_emu_profile(const char *name)
{
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    choose(name);
}

/* --- shared memory that a kernel may ask for --- */

typedef struct allowance {
    const void *kernel;
    int device;
    size_t shared_bytes;
} allowance;

/* On the device in use. */
static allowance *allowance_of(const void *kernel)
{
    static std::vector<allowance> *all = new std::vector<allowance>;
    for (allowance &a : *all) {
        if (a.kernel == kernel && a.device == emu_device_now()) {
            return &a;
        }
    }
    all->push_back({kernel, emu_device_now(), DEFAULT_SHARED_BYTES});
    return &all->back();
}

static cudaError_t allow(const void *kernel, size_t shared_bytes)
{
    if (emu_profile_now()->major < OLDEST_MAJOR) {
        return cudaErrorNoKernelImageForDevice;
    }
    if (shared_bytes > emu_profile_now()->shared_bytes) {
        return cudaErrorInvalidValue;
    }
    allowance_of(kernel)->shared_bytes =
        shared_bytes > DEFAULT_SHARED_BYTES ? shared_bytes : DEFAULT_SHARED_BYTES;
    return cudaSuccess;
}

cudaError_t emu_allow_shared(const void *kernel, size_t shared_bytes)
{
    return emu_call([&] { return allow(kernel, shared_bytes); });
}

/* --- launches --- */

cudaError_t emu_launch_check(const void *kernel, const emu_launch *launch)
{
    const emu_profile *p = emu_profile_now();
    const uint32_t threads = launch->threads.x, blocks = launch->grid.x;
    if (p->major < OLDEST_MAJOR) {
        return cudaErrorNoKernelImageForDevice;
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
    const emu_profile *p = emu_profile_now();
    const size_t by_shared = p->shared_bytes_of_all / (launch->shared_bytes + RESERVED_BYTES);
    const uint32_t by_threads = p->threads / launch->threads.x;
    const uint32_t most = by_threads < p->blocks ? by_threads : p->blocks;
    return by_shared < most ? (uint32_t)by_shared : most;
}

static cudaError_t clusters_at_once(int *count, const void *kernel, const emu_launch *launch)
{
    const cudaError_t error = emu_launch_check(kernel, launch);
    if (error != cudaSuccess) {
        return error;
    }
    const emu_profile *p = emu_profile_now();
    const uint32_t each = blocks_of_multiprocessor(launch);
    for (uint32_t group = 0; group < p->groups; group++) {
        const uint32_t size = p->group_size + (group < p->wide_groups ? 2 : 0);
        *count += (int)(size * each / launch->cluster);
    }
    return cudaSuccess;
}

cudaError_t emu_clusters_at_once(int *count, const void *kernel, const emu_launch *launch)
{
    *count = 0;
    return emu_call([&] { return clusters_at_once(count, kernel, launch); });
}
