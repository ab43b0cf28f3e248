/* The emulated devices: how many, which one a thread uses, what they say of themselves. All have
 * the same profile (limits.cpp). */
#include "kernels/emu/device.h"

#include <stdio.h>

#define VERSION     13000 /* of runtime and driver: 13.0 */
#define VERSION_OLD 12000 /* of a driver that is too old */

static thread_local int device_now;

int emu_device_now(void)
{
    return device_now;
}

int emu_device_count(void)
{
    return emu_profile_now()->groups > 0 ? emu_option_devices() : 0;
}

static int multiprocessors(const emu_profile *p)
{
    return (int)(p->groups * p->group_size + 2 * p->wide_groups);
}

/* --- runtime API --- */

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = emu_profile_now()->refusal == cudaErrorInsufficientDriver ? VERSION_OLD : VERSION;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = VERSION;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = 0;
    return emu_call([&] {
        *count = emu_device_count();
        return cudaSuccess;
    });
}

cudaError_t cudaGetDevice(int *device)
{
    return emu_call([&] {
        *device = device_now;
        return cudaSuccess;
    });
}

cudaError_t cudaSetDevice(int device)
{
    return emu_call([&] {
        if (device < 0 || device >= emu_device_count()) {
            return cudaErrorInvalidDevice;
        }
        device_now = device;
        return cudaSuccess;
    });
}

static void describe(cudaDeviceProp *out, const emu_profile *p)
{
    *out = {};
    snprintf(out->name, sizeof out->name, "emulated %s", p->name);
    out->totalGlobalMem = emu_option_memory();
    out->sharedMemPerBlockOptin = p->shared_bytes;
    out->major = p->major;
    out->minor = p->minor;
    out->multiProcessorCount = multiprocessors(p);
    out->l2CacheSize = (int)p->l2_bytes;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *out, int device)
{
    return emu_call([&] {
        if (device < 0 || device >= emu_device_count()) {
            return cudaErrorInvalidDevice;
        }
        describe(out, emu_profile_now());
        return cudaSuccess;
    });
}

cudaError_t cudaDeviceGetAttribute(int *out, cudaDeviceAttr attribute, int device)
{
    return emu_call([&] {
        if (device < 0 || device >= emu_device_count()) {
            return cudaErrorInvalidDevice;
        }
        if (attribute != cudaDevAttrClockRate) {
            return cudaErrorInvalidValue;
        }
        *out = emu_profile_now()->clock_khz;
        return cudaSuccess;
    });
}
