/* Inside the emulator: device memory, limits of the device, and queued work. */
#ifndef TORC_EMU_DEVICE_H
#define TORC_EMU_DEVICE_H

#include "kernels/emu/calls.h"

#include <mutex>

/* Held by every function of runtime_api.h: host threads take turns, a kernel runs on one of them.
 */
extern std::recursive_mutex emu_host_lock;

/* --- memory (memory.cpp) --- */

void emu_device_open(void);  /* between these two the addresses of live allocations can be used; */
void emu_device_close(void); /* they nest */
/* Whether all of it lies in one live allocation. */
bool emu_device_holds(const void *p, size_t bytes);
bool emu_device_address(const void *p); /* of device memory at all */
/* Says in words what device address p is. */
void emu_device_describe(char *out, size_t room, const void *p);
/* Ends the program when bytes beside allocations have changed. */
void emu_device_check_edges(void);
void emu_device_report_leaks(void);

/* --- limits (limits.cpp) --- */

cudaError_t emu_launch_check(const void *kernel, const emu_launch *launch);

/* --- queues (stream.cpp) --- */

void emu_streams_wait_all(void);
void emu_streams_report_work(void); /* that nobody waits for */
void emu_streams_report_leaks(void);

/* --- reports (report.cpp) --- */

void emu_begin_thread(void); /* on a host thread that is about to run kernels */
void emu_begin(void);        /* before first use of memory or streams; again is fine */

#endif
