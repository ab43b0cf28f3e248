/* Inside the emulator: calls of the runtime, devices, memory, what is reported at exit. */
#ifndef TORC_EMU_DEVICE_H
#define TORC_EMU_DEVICE_H

#include "kernels/emu/calls.h"

#include <mutex>

#define EMU_MAX_DEVICES 16

/* Held by every function of runtime_api.h: host threads take turns, a kernel runs on one of them.
 */
extern std::recursive_mutex emu_host_lock;

/* --- calls (fault.cpp) --- */

/* Counts a call that can fail; the error that it must return at once, or 0. */
cudaError_t emu_call_begin(void);
/* What every call returns in the present state: a lost device, no driver; or 0. */
cudaError_t emu_call_state(void);
cudaError_t emu_call_end(cudaError_t error); /* keeps it for cudaGetLastError */

/* A call: f(), or instead(), when the call must fail. */
template <class body, class other> static inline cudaError_t emu_call(body f, other instead)
{
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    const cudaError_t error = emu_call_begin();
    if (error != cudaSuccess) {
        instead();
    }
    return emu_call_end(error != cudaSuccess ? error : f());
}

template <class body> static inline cudaError_t emu_call(body f)
{
    return emu_call(f, [] {});
}

/* One that frees: happens in any state. */
template <class body> static inline cudaError_t emu_call_free(body f)
{
    const std::lock_guard<std::recursive_mutex> lock(emu_host_lock);
    const cudaError_t error = f(), state = emu_call_state();
    return emu_call_end(state != cudaSuccess ? state : error);
}

bool emu_device_is_lost(void);

/* --- devices (devices.cpp, limits.cpp) --- */

typedef struct emu_profile {
    const char *name;
    int major, minor; /* compute capability */
    int clock_khz;
    size_t l2_bytes;
    size_t shared_bytes;         /* of a block, at most */
    size_t shared_bytes_of_all;  /* blocks of a multiprocessor */
    uint32_t threads, blocks;    /* of a multiprocessor */
    uint32_t cluster_blocks;     /* 1: no clusters */
    uint32_t groups, group_size; /* of multiprocessors */
    uint32_t wide_groups;        /* so many of them have 2 more */
    cudaError_t refusal;         /* what every call returns */
} emu_profile;

const emu_profile *emu_profile_now(void);
cudaError_t emu_launch_check(const void *kernel, const emu_launch *launch);

int emu_device_now(void); /* in use by the calling thread */
int emu_device_count(void);

/* --- memory (memory.cpp) --- */

/* Makes the memory of these devices, bit d for device d, usable, and no other. */
void emu_device_show(uint32_t devices);
/* The device with one live allocation that holds all of it, or -1. */
int emu_device_of(const void *p, size_t bytes);
bool emu_device_address(const void *p); /* of device memory at all */
/* Says in words what device address p is. */
void emu_device_describe(char *out, size_t room, const void *p);
/* Ends the program when bytes beside allocations of devices that are shown have changed. */
void emu_device_check_edges(void);
size_t emu_device_report_leaks(bool report); /* how many allocations live */
void emu_device_free_all(void);

/* --- pinned memory (pinned.cpp) --- */

bool emu_pinned_holds(const void *p, size_t bytes); /* all of it, in one live allocation */
bool emu_pinned_is_freed(const void *p);
size_t emu_pinned_report_leaks(bool report);
void emu_pinned_free_all(void);

/* --- handles (stream.cpp, event.cpp, graph.cpp); work and leaks end the program with a report ---
 */

void emu_streams_wait_all(void);
void emu_streams_drop_work(void);   /* of all streams: never happens; marks count as reached */
void emu_streams_report_work(void); /* that nobody waits for */
size_t emu_streams_report_leaks(bool report);
size_t emu_events_report_leaks(bool report);
size_t emu_graphs_report_leaks(bool report);
void emu_streams_end_all(void);
void emu_events_end_all(void);
void emu_graphs_end_all(void);

/* --- options (options.cpp) --- */

/* When work of streams happens that nobody has waited for yet. */
typedef enum emu_streams_order {
    EMU_STREAMS_LAZY,   /* not before somebody does */
    EMU_STREAMS_EAGER,  /* at once */
    EMU_STREAMS_RANDOM, /* some of it, whenever work is queued */
    EMU_STREAMS_ORDERS
} emu_streams_order;

int emu_option_devices(void);
size_t emu_option_memory(void); /* bytes of each device */
emu_streams_order emu_option_streams(void);
bool emu_option_fail(uint64_t *call, int *error); /* false: nothing is to fail */

/* --- reports (report.cpp) --- */

void emu_begin_thread(void); /* on a host thread that is about to run kernels; does not nest */
void emu_end_thread(void);   /* gives it back the stack of its signals */
void emu_begin(void);        /* before first use of memory or streams; again is fine */

#endif
