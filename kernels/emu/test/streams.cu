/* The orders of streams (TORC_EMU_STREAMS): where an event is missing one of them shows it, where
 * events are right all give the same. Two mistakes, each of which some order hides: a buffer that
 * is read before it is written, and one that is written before it is read. */
#include "kernels/kernels_cuda.h"

#include <stdio.h>
#include <stdlib.h>

#define RUNS 200 /* of a random order */

static int failures;
static torc_gpu_stream writer, reader;
static torc_gpu_event event;
static uint64_t *word, *copy; /* of the device */

static void must(int error)
{
    if (error != 0) {
        fprintf(stderr, "streams: %s\n", torc_gpu_error_text(error));
        exit(1);
    }
}

static void put(uint64_t value)
{
    must(torc_gpu_copy_in(word, &value, sizeof value, writer));
    must(torc_gpu_stream_wait(writer));
}

static uint64_t waited(torc_gpu_stream stream)
{
    uint64_t value = 0;
    must(torc_gpu_stream_wait(stream));
    must(torc_gpu_copy_out(&value, copy, sizeof value, reader));
    must(torc_gpu_stream_wait(reader));
    return value;
}

/* The reader copies what the writer puts into its place: 0, not 7. */
static uint64_t read_behind_write(bool ordered)
{
    put(7);
    must(torc_gpu_set_zero(word, sizeof *word, writer));
    must(torc_gpu_event_record(event, writer));
    if (ordered) {
        must(torc_gpu_stream_after(reader, event));
    }
    must(torc_gpu_copy(copy, word, sizeof *word, reader));
    const uint64_t value = waited(reader);
    must(torc_gpu_stream_wait(writer));
    return value;
}

/* The reader copies 7 before the writer puts 0; the writer is waited for first. */
static uint64_t write_behind_read(bool ordered)
{
    put(7);
    must(torc_gpu_copy(copy, word, sizeof *word, reader));
    must(torc_gpu_event_record(event, reader));
    if (ordered) {
        must(torc_gpu_stream_after(writer, event));
    }
    must(torc_gpu_set_zero(word, sizeof *word, writer));
    return waited(writer);
}

static void expect(const char *order, const char *what, uint64_t got, uint64_t expected)
{
    if (got != expected) {
        fprintf(stderr, "streams: %s: %s: %d, not %d\n", order, what, (int)got, (int)expected);
        failures++;
    }
}

/* What each order makes of a missing event: right or wrong. */
static void check(const char *order, uint64_t read, uint64_t written)
{
    setenv("TORC_EMU_STREAMS", order, 1);
    expect(order, "read behind write", read_behind_write(true), 0);
    expect(order, "write behind read", write_behind_read(true), 7);
    expect(order, "read, no event", read_behind_write(false), read);
    expect(order, "write, no event", write_behind_read(false), written);
}

/* Random orders give right and wrong values. */
static void check_random(void)
{
    int wrong_reads = 0, wrong_writes = 0;
    setenv("TORC_EMU_STREAMS", "random", 1);
    for (int i = 0; i < RUNS; i++) {
        expect("random", "read behind write", read_behind_write(true), 0);
        expect("random", "write behind read", write_behind_read(true), 7);
        wrong_reads += read_behind_write(false) != 0;
        wrong_writes += write_behind_read(false) != 7;
    }
    expect("random", "some reads are wrong", wrong_reads > 0 && wrong_reads < RUNS, true);
    expect("random", "some writes are wrong", wrong_writes > 0 && wrong_writes < RUNS, true);
}

int main(void)
{
    must(torc_gpu_stream_create(&writer));
    must(torc_gpu_stream_create(&reader));
    must(torc_gpu_event_create(&event));
    must(torc_gpu_alloc((void **)&word, sizeof *word));
    must(torc_gpu_alloc((void **)&copy, sizeof *copy));
    check("lazy", 7, 0);
    check("eager", 0, 7);
    check_random();
    torc_gpu_free(word);
    torc_gpu_free(copy);
    torc_gpu_event_destroy(event);
    torc_gpu_stream_destroy(writer);
    torc_gpu_stream_destroy(reader);
    return failures == 0 ? 0 : 1;
}
