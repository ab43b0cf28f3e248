/* Calls of the runtime and how they fail: counted, so that a test can make any one of them fail;
 * after an error that a device does not survive, every call returns that error for ever. */
#include "kernels/emu/device.h"
#include "kernels/emu/emu.h"

static struct {
    bool known; /* the environment has been read */
    uint64_t calls, fail_at;
    cudaError_t code, lost;
} faults;

static thread_local cudaError_t last_error;

/* Errors that end a process's use of the device: "the process must be terminated and relaunched"
 * in the CUDA Runtime API reference, and hardware that has lost bits. */
static bool is_lasting(cudaError_t error)
{
    static const int lasting[] = {214, 220, 226, 700, 702, 709, 710, 714,
                                  715, 716, 717, 718, 719, 721, 810, 911};
    for (int code : lasting) {
        if (error == code) {
            return true;
        }
    }
    return false;
}

static void read_environment(void)
{
    int error = 0;
    if (!faults.known && emu_option_fail(&faults.fail_at, &error)) {
        faults.code = (cudaError_t)error;
    }
    faults.known = true;
}

cudaError_t emu_call_state(void)
{
    return faults.lost != cudaSuccess ? faults.lost : emu_profile_now()->refusal;
}

bool emu_device_is_lost(void)
{
    return faults.lost != cudaSuccess;
}

cudaError_t emu_call_begin(void)
{
    read_environment();
    faults.calls++;
    if (emu_call_state() != cudaSuccess || faults.calls != faults.fail_at) {
        return emu_call_state();
    }
    if (is_lasting(faults.code)) {
        faults.lost = faults.code;
        emu_streams_drop_work();
    }
    return faults.code;
}

cudaError_t emu_call_end(cudaError_t error)
{
    if (error != cudaSuccess) {
        last_error = error;
    }
    return error;
}

cudaError_t cudaGetLastError(void)
{
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    const cudaError_t error = last_error;
    last_error = cudaSuccess;
    return emu_device_is_lost() ? faults.lost : error;
}

/* --- for tests --- */

void torc_emu_fail(uint64_t call, int error)
{
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    read_environment();
    faults.fail_at = call == 0 ? 0 : faults.calls + call;
    faults.code = (cudaError_t)error;
}

uint64_t torc_emu_calls(void)
{
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    return faults.calls;
}

uint64_t torc_emu_objects(void)
{
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    return emu_device_report_leaks(false) + emu_pinned_report_leaks(false) +
           emu_streams_report_leaks(false) + emu_events_report_leaks(false) +
           emu_graphs_report_leaks(false);
}

void torc_emu_device_reset(void)
{
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    emu_streams_end_all();
    emu_events_end_all();
    emu_graphs_end_all();
    emu_device_free_all();
    emu_pinned_free_all();
    faults.lost = last_error = cudaSuccess;
    faults.fail_at = 0;
}
