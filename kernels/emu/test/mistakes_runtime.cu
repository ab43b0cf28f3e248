/* Host code with one mistake each, in the use of streams, events, graphs, pinned memory and several
 * devices. On the emulator alone: a device would not notice most of them. */
#include "kernels/emu/test/mistake.h"

#include <thread>

#define THREADS 64u
#define BYTES   (THREADS * sizeof(double))

static torc_gpu_stream stream, other; /* of device 0 */
static torc_gpu_event event;
static double *device; /* [THREADS], zeros, of device 0 */
static double *pinned; /* [THREADS] */

__global__ void plain_writes(double *out)
{
    gpu_store_global(out + threadIdx.x, 1.0);
}

static void launch(double *out, torc_gpu_stream on)
{
    const gpu_grid grid = {1, THREADS, 0, on, 1};
    must(gpu_launch(&grid, plain_writes, out));
}

static torc_gpu_graph recorded(double *out)
{
    torc_gpu_graph graph = NULL;
    must(torc_gpu_graph_begin(stream));
    launch(out, stream);
    must(torc_gpu_graph_end(&graph, stream));
    return graph;
}

/* --- graphs --- */

static void a_recorded_copy_of_host_memory(void)
{
    static double host[THREADS];
    must(torc_gpu_graph_begin(stream));
    must(torc_gpu_copy_in(device, host, BYTES, stream));
}

static void an_allocation_while_recording(void)
{
    void *p = NULL;
    must(torc_gpu_graph_begin(stream));
    must(torc_gpu_alloc(&p, BYTES));
}

static void a_free_while_recording(void)
{
    must(torc_gpu_graph_begin(stream));
    torc_gpu_free(device);
}

static void a_wait_while_recording(void)
{
    must(torc_gpu_graph_begin(stream));
    must(torc_gpu_stream_wait(other));
}

static void a_question_while_recording(void)
{
    bool done = false;
    must(torc_gpu_graph_begin(stream));
    must(torc_gpu_event_query(&done, event));
}

static void a_recording_without_end(void)
{
    must(torc_gpu_graph_begin(stream));
    launch(device, stream);
}

static void the_end_of_a_recorded_stream(void)
{
    must(torc_gpu_graph_begin(stream));
    std::thread([] { torc_gpu_stream_destroy(stream); }).join();
}

static void a_recording_ended_elsewhere(void)
{
    must(torc_gpu_graph_begin(stream));
    std::thread([] { must(torc_gpu_graph_end(NULL, stream)); }).join();
}

static void a_graph_that_uses_freed_memory(void)
{
    torc_gpu_graph graph = recorded(device);
    torc_gpu_free(device);
    must(torc_gpu_graph_launch(graph, stream));
    must(torc_gpu_stream_wait(stream));
}

static torc_gpu_graph recorded_copy(void)
{
    torc_gpu_graph graph = NULL;
    must(torc_gpu_graph_begin(stream));
    must(torc_gpu_copy_out(pinned, device, BYTES, stream));
    must(torc_gpu_event_record(event, stream));
    must(torc_gpu_graph_end(&graph, stream));
    return graph;
}

static void a_graph_that_copies_from_freed_memory(void)
{
    torc_gpu_graph graph = recorded_copy();
    torc_gpu_free(device);
    must(torc_gpu_graph_launch(graph, stream));
    must(torc_gpu_stream_wait(stream));
}

static void a_graph_that_copies_to_freed_pinned_memory(void)
{
    torc_gpu_graph graph = recorded_copy();
    torc_gpu_free_host(pinned);
    must(torc_gpu_graph_launch(graph, stream));
    must(torc_gpu_stream_wait(stream));
}

static void a_graph_that_uses_a_destroyed_event(void)
{
    torc_gpu_graph graph = recorded_copy();
    torc_gpu_event_destroy(event);
    must(torc_gpu_graph_launch(graph, stream));
}

static void a_launch_nobody_waits_for(void)
{
    torc_gpu_graph graph = recorded(device);
    must(torc_gpu_graph_launch(graph, stream));
    torc_gpu_graph_destroy(graph);
    exit(0);
}

/* --- pinned memory --- */

static void pinned_memory_used_after_its_end(void)
{
    torc_gpu_free_host(pinned);
    printf("%f\n", pinned[3]);
}

static void pinned_memory_freed_twice(void)
{
    torc_gpu_free_host(pinned);
    torc_gpu_free_host(pinned);
}

static void pinned_memory_freed_too_early(void)
{
    must(torc_gpu_copy_out(pinned, device, BYTES, stream));
    torc_gpu_free_host(pinned);
}

/* --- copies --- */

static void a_copy_onto_itself(void)
{
    must(torc_gpu_copy(device + 1, device, BYTES / 2, stream));
}

/* --- devices --- */

static void a_kernel_with_memory_of_another_device(void)
{
    torc_gpu_stream there = NULL;
    must(torc_gpu_device_use(1));
    must(torc_gpu_stream_create(&there));
    launch(device, there);
    must(torc_gpu_stream_wait(there));
}

static void a_graph_on_another_device(void)
{
    torc_gpu_stream there = NULL;
    torc_gpu_graph graph = recorded(device);
    must(torc_gpu_device_use(1));
    must(torc_gpu_stream_create(&there));
    must(torc_gpu_graph_launch(graph, there));
}

static void a_graph_while_another_device_is_used(void)
{
    torc_gpu_graph graph = recorded(device);
    must(torc_gpu_device_use(1));
    must(torc_gpu_graph_launch(graph, stream));
}

/* --- leaks: everything is destroyed but --- */

static void destroy_all_but(const void *kept)
{
    torc_gpu_free(device);
    if (kept != pinned) {
        torc_gpu_free_host(pinned);
    }
    if (kept != event) {
        torc_gpu_event_destroy(event);
    }
    torc_gpu_stream_destroy(stream);
    torc_gpu_stream_destroy(other);
}

static void pinned_leak(void)
{
    destroy_all_but(pinned);
}

static void event_leak(void)
{
    destroy_all_but(event);
}

static void graph_leak(void)
{
    (void)recorded(device);
    destroy_all_but(NULL);
}

static const mistake mistakes[] = {
    HOST(a_recorded_copy_of_host_memory, "host memory that is not pinned"),
    HOST(an_allocation_while_recording, "an allocation in a thread that records"),
    HOST(a_free_while_recording, "a free in a thread that records"),
    HOST(a_wait_while_recording, "a wait for a stream in a thread that records"),
    HOST(a_question_while_recording, "a question about an event in a thread that records"),
    HOST(a_recording_without_end, "at exit a stream is still recorded"),
    HOST(the_end_of_a_recorded_stream, "destroyed while it is recorded"),
    HOST(a_recording_ended_elsewhere, "ended by another thread"),
    HOST(a_graph_that_uses_freed_memory, "a freed device allocation of 512 bytes"),
    HOST(a_graph_that_copies_from_freed_memory, "512 bytes uses byte 0 of a freed"),
    HOST(a_graph_that_copies_to_freed_pinned_memory, "pinned memory that has been freed"),
    HOST(a_graph_that_uses_a_destroyed_event, "an event which is destroyed"),
    HOST(a_launch_nobody_waits_for, "nobody has waited for 2 operations"),
    HOST(pinned_memory_used_after_its_end, "host code uses pinned memory that has been freed"),
    HOST(pinned_memory_freed_twice, "no live pinned allocation"),
    HOST(pinned_memory_freed_too_early, "free of pinned memory that a queued copy uses"),
    HOST(a_copy_onto_itself, "copy of 256 bytes to what it copies"),
    HOST(a_kernel_with_memory_of_another_device, "the device allocation of 512 bytes of device 0"),
    HOST(a_graph_on_another_device, "a graph of device 0 is launched on a stream of device 1"),
    HOST(a_graph_while_another_device_is_used, "and device 1 is in use"),
    HOST(pinned_leak, "1 pinned allocations of 512 bytes are not freed"),
    HOST(event_leak, "1 events are not destroyed"),
    HOST(graph_leak, "1 graphs are not destroyed"),
};

static void make(const mistake *m)
{
    setenv("TORC_EMU_DEVICES", "2", 1);
    must(torc_gpu_stream_create(&stream));
    must(torc_gpu_stream_create(&other));
    must(torc_gpu_event_create(&event));
    must(torc_gpu_alloc((void **)&device, BYTES));
    must(torc_gpu_alloc_host((void **)&pinned, BYTES));
    must(torc_gpu_set_zero(device, BYTES, stream));
    must(torc_gpu_stream_wait(stream));
    m->host();
}

int main(int argc, char **argv)
{
    return mistake_main(argc, argv, mistakes, sizeof mistakes / sizeof *mistakes, make);
}
