/* What the environment says of the devices holds for all calls: how many there are, how much memory
 * each has. And what is the emulator's own choice: an event is not done the first time it is asked,
 * only what is waited for happens. */
#include "kernels/emu/emu.h"
#include "kernels/kernels_cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

static int failures;

#define EXPECT(condition)                                                    \
    do {                                                                     \
        if (!(condition)) {                                                  \
            fprintf(stderr, "machine: line %d: %s\n", __LINE__, #condition); \
            failures++;                                                      \
        }                                                                    \
    } while (0)

static void memory_has_an_end(void)
{
    size_t left = 0, total = 0;
    void *p = NULL, *q = NULL;
    EXPECT(torc_gpu_alloc(&p, 2 * MIB) == 0);
    EXPECT(torc_gpu_memory(&left, &total) == 0 && total == 3 * MIB && left == MIB);
    const int error = torc_gpu_alloc(&q, MIB + 1);
    EXPECT(torc_gpu_error_is_memory(error) && q == NULL);
    EXPECT(torc_gpu_device_use(1) == 0);
    EXPECT(torc_gpu_alloc(&q, 3 * MIB) == 0);
    EXPECT(torc_gpu_memory(&left, &total) == 0 && total == 3 * MIB && left == 0);
    torc_gpu_free(q);
    EXPECT(torc_gpu_device_use(0) == 0);
    torc_gpu_free(p);
    EXPECT(torc_gpu_alloc(&p, 3 * MIB) == 0);
    torc_gpu_free(p);
}

static void devices_are_counted(void)
{
    int count = 0;
    torc_gpu_device d;
    EXPECT(torc_gpu_device_count(&count) == 0 && count == 3);
    EXPECT(torc_gpu_device_use(3) == 101);
    EXPECT(torc_gpu_device_read(&d, 2) == 0 && d.memory_bytes == 3 * MIB);
    EXPECT(strcmp(d.name, "emulated sm_90") == 0 && d.clusters_of_4 == 32);
    EXPECT(torc_gpu_device_read(&d, 3) == 101 && d.runtime_version == 13000);
}

/* Two streams write one word each; only what is waited for is there. */
static void only_what_is_waited_for_happens(void)
{
    uint64_t got[2] = {7, 7};
    bool done = true;
    void *p = NULL;
    torc_gpu_stream stream[2];
    torc_gpu_event event;
    EXPECT(torc_gpu_event_create(&event) == 0 && torc_gpu_alloc(&p, sizeof got) == 0);
    for (int i = 0; i < 2; i++) {
        uint64_t *word = (uint64_t *)p + i;
        EXPECT(torc_gpu_stream_create(&stream[i]) == 0);
        EXPECT(torc_gpu_set_zero(word, 8, stream[i]) == 0);
        EXPECT(torc_gpu_copy_out(&got[i], word, 8, stream[i]) == 0);
        EXPECT(torc_gpu_event_record(event, stream[i]) == 0);
    }
    EXPECT(torc_gpu_event_query(&done, event) == 0 && !done && got[1] == 7);
    EXPECT(torc_gpu_event_query(&done, event) == 0 && done && got[1] == 0 && got[0] == 7);
    EXPECT(torc_gpu_event_wait(event) == 0 && got[0] == 7);
    EXPECT(torc_gpu_stream_wait(stream[0]) == 0 && got[0] == 0);
    for (int i = 0; i < 2; i++) {
        torc_gpu_stream_destroy(stream[i]);
    }
    torc_gpu_event_destroy(event);
    torc_gpu_free(p);
}

int main(void)
{
    setenv("TORC_EMU_DEVICES", "3", 1);
    setenv("TORC_EMU_MEMORY", "3M", 1);
    memory_has_an_end();
    devices_are_counted();
    only_what_is_waited_for_happens();
    EXPECT(torc_emu_objects() == 0);
    return failures == 0 ? 0 : 1;
}
