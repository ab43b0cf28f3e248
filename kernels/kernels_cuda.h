/* The C interface of the CUDA kernels: mathematics on arrays in device memory. No status type, no
 * files, no keys-as-objects. Symbols and layouts: kernels/README.md, kernels/kernels.h.
 *
 * Every function returns a CUDA error code, 0 for success; torc_gpu_error_text names it. A shape or
 * a size that no kernel was built for is cudaErrorInvalidValue, before anything is started. Work is
 * queued on the stream and has ended when torc_gpu_stream_wait returns. Pointers named `host` are
 * host memory, all others device memory, aligned to 16 bytes. Nothing allocates but
 * torc_gpu_alloc. The same functions, built from the same sources, run on a CPU for tests
 * (kernels/emu). */
#ifndef TORC_KERNELS_CUDA_H
#define TORC_KERNELS_CUDA_H

#include "kernels/kernels.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CUstream_st *torc_gpu_stream; /* a cudaStream_t */

/* --- errors (cuda/device.cu) --- */

const char *torc_gpu_error_text(int error);
/* The last error of the calling thread, forgotten by this call; 0: none. An error that is returned
 * stays there as well, and means nothing to later calls. */
int torc_gpu_error_clear(void);
/* Sticky: every later call of this process fails; it must be started again (illegal address, failed
 * launch, uncorrectable memory error, ..). What is then freed is forgotten. */
bool torc_gpu_error_is_lost(int error);
bool torc_gpu_error_is_memory(int error); /* of the device, or pinned */
/* No driver, or one too old for this runtime or this device. */
bool torc_gpu_error_is_driver(int error);

/* --- devices (cuda/device.cu) --- */

typedef struct torc_gpu_device {
    char name[64];
    int major, minor; /* compute capability */
    int multiprocessors, clock_khz;
    size_t memory_bytes, l2_bytes;
    size_t shared_bytes; /* of a block, at most */
    int clusters_of_4;   /* blocks with all of that, clusters that fit at once; 0: no clusters */
    int driver_version, runtime_version; /* 13000 = 13.0; the driver's: the newest it can run */
} torc_gpu_device;

int torc_gpu_device_count(int *count); /* an error without driver or device */
/* Sets the device up when nobody has used it yet (a second, and some of its memory). After an error
 * the two versions are set, the rest is zero. */
int torc_gpu_device_read(torc_gpu_device *out, int device);
/* For what the calling thread does from now on; a thread begins with device 0. Streams, events,
 * memory and graphs belong to the device in use when they are made: it must be in use again when
 * work is queued on the stream, and kernels reach the memory of their own device alone. */
int torc_gpu_device_use(int device);

/* --- memory (cuda/memory.cu) --- */

int torc_gpu_memory(size_t *free_bytes, size_t *total_bytes); /* of the device in use */
int torc_gpu_alloc(void **out, size_t bytes);
void torc_gpu_free(void *p); /* may wait for the device; NULL is fine */
/* Pinned memory of the host: copies run beside kernels, and may be recorded in graphs. */
int torc_gpu_alloc_host(void **out, size_t bytes);
void torc_gpu_free_host(void *p); /* no copy may still be using it; NULL is fine */

int torc_gpu_copy_in(void *to, const void *host, size_t bytes, torc_gpu_stream stream);
int torc_gpu_copy_out(void *host, const void *from, size_t bytes, torc_gpu_stream stream);
/* From device memory to device memory that does not overlap it. */
int torc_gpu_copy(void *to, const void *from, size_t bytes, torc_gpu_stream stream);
int torc_gpu_set_zero(void *to, size_t bytes, torc_gpu_stream stream);

/* --- streams and events (cuda/stream.cu) --- */

int torc_gpu_stream_create(torc_gpu_stream *out);
void torc_gpu_stream_destroy(torc_gpu_stream stream); /* waits; NULL is fine */
int torc_gpu_stream_wait(torc_gpu_stream stream);

/* A place in the work of a stream. An event that was never recorded counts as reached. */
typedef struct CUevent_st *torc_gpu_event;

int torc_gpu_event_create(torc_gpu_event *out);
void torc_gpu_event_destroy(torc_gpu_event event); /* NULL is fine */
/* Behind what is queued on the stream, of the event's device. While the stream is recorded: at this
 * place of every launch of the graph, and not now. */
int torc_gpu_event_record(torc_gpu_event event, torc_gpu_stream stream);
int torc_gpu_event_wait(torc_gpu_event event); /* the host waits */
int torc_gpu_event_query(bool *done, torc_gpu_event event);
/* What is queued on the stream from now on waits for the event as last recorded; the stream may be
 * of another device. While the stream is recorded: every launch of the graph waits at this place
 * for the event as last recorded when it is launched. */
int torc_gpu_stream_after(torc_gpu_stream stream, torc_gpu_event event);
/* Between two events of one device that have been reached; about 1e-6 fine. */
int torc_gpu_event_seconds(double *out, torc_gpu_event from, torc_gpu_event to);

/* --- graphs (cuda/graph.cu): work that is recorded once and launched many times --- */

typedef struct CUgraphExec_st *torc_gpu_graph;

/* From here to torc_gpu_graph_end what is queued on this stream is recorded and does not run.
 * Arguments of kernels are copied at recording; device memory, pinned memory and events are used at
 * every launch and must still exist. Until the end the thread allocates and frees nothing, waits
 * for nothing and asks for no event; torc_gpu_fft_tables does wait, all other functions of kernels
 * only queue. Host memory of recorded copies must be pinned. After an error the recording is lost:
 * end it and begin again. */
int torc_gpu_graph_begin(torc_gpu_stream stream);
/* Ends the recording in any case. out NULL: throws it away; then 0 also when it was lost. */
int torc_gpu_graph_end(torc_gpu_graph *out, torc_gpu_stream stream);
/* On any stream of the device it was recorded on, which must be in use. Launches of one graph run
 * one behind the other. */
int torc_gpu_graph_launch(torc_gpu_graph graph, torc_gpu_stream stream);
void torc_gpu_graph_destroy(torc_gpu_graph graph); /* launches that run go on; NULL is fine */

/* --- noise --- */

/* c of V_FFT (kernels/README.md; runtime/noise.c has the formula with the factors of g) for the
 * rotation kernels, all forms: the largest that any test of them has measured. */
static inline double torc_gpu_fft_constant(const torc_shape *shape)
{
    /* By log2 N - 8 and g - 1. Measured (tests/slowgpu_rotate_noise.c), N = 256 .. 4096: 0.0100 to
     * 0.0110 at v = 0; at v = 5, where more products are summed, at most 0.0123 with g = 2 and, by
     * size, 0.0150, 0.0138, 0.0134, 0.0129, 0.0125 with g = 3; 0.0135 in throughput form at N =
     * 2048, g = 3, v = 4. The largest of a row stands here. */
    static const double fitted[5][4] = {{0.0125, 0.0131, 0.0152, 0.0152},
                                        {0.0125, 0.0125, 0.0140, 0.0140},
                                        {0.0125, 0.0125, 0.0136, 0.0136},
                                        {0.0125, 0.0125, 0.0136, 0.0136},
                                        {0.0125, 0.0125, 0.0125, 0.0125}};
    uint32_t size = 0;

    while (size < 4 && (UINT32_C(256) << size) < shape->poly_size) {
        size++;
    }
    return fitted[size][shape->grouping > 1 ? (shape->grouping - 1) & 3 : 0];
}

/* --- transforms (cuda/fft_batch.cu) --- */

/* Tables of the transforms of one size, made once; they also stand at the head of a bootstrap key.
 * 0 for a size other than 256, 512, .. 4096. */
size_t torc_gpu_fft_table_bytes(uint32_t poly_size);
int torc_gpu_fft_tables(void *tables, uint32_t poly_size, torc_gpu_stream stream);

/* Negacyclic transforms of count polynomials: double [count][N] <-> complex [count][N/2], the
 * points in the device's own order (cuda/fft.cuh); inverse(forward(x)) = x. */
int torc_gpu_fft_forward(double *spectrum, const double *in, uint32_t count, const void *tables,
                         uint32_t poly_size, torc_gpu_stream stream);
int torc_gpu_fft_inverse(double *out, const double *spectrum, uint32_t count, const void *tables,
                         uint32_t poly_size, torc_gpu_stream stream);

/* Bootstrap key: its tables (torc_gpu_fft_tables on its head), then rows u64 [row_count][k+1][N] in
 * the order of kernels/README.md, transformed. 0 bytes for a shape that cannot be. */
size_t torc_gpu_bootstrap_key_bytes(const torc_shape *shape);
int torc_gpu_bootstrap_key_rows(void *key, size_t first_row, uint32_t row_count,
                                const uint64_t *glwe, const torc_shape *shape,
                                torc_gpu_stream stream);

/* --- lookups: keyswitch, then rotation --- */

/* What lies between them: small ciphertexts with switched masks. The rotation finishes the body:
 * exponent_n = floor((body + error / 2) / cell), ref/modulus_switch.c. */
typedef struct torc_gpu_switched {
    uint32_t *exponent; /* [batch][n], modulo 2N 2^v */
    uint32_t *body;     /* [batch] */
    int64_t *error;     /* [batch] sum of what rounding added to the masks, units of 2^-32 */
} torc_gpu_switched;

/* --- keyswitch (cuda/keyswitch.cu): the bits of torc_ref_keyswitch and torc_ref_modulus_switch ---
 * Any gadget with base_log' l' <= 32; best with base_log' <= 7 (a digit is then one signed byte;
 * larger ones cost as many products as they have parts of 7 bits). */

/* 0 for a shape that no kernel takes. */
size_t torc_gpu_keyswitch_key_bytes(const torc_shape *shape);
/* Puts the rows of mask words first_word .. first_word + word_count - 1 (both multiples of 32) into
 * the key; rows u32 [word_count][l'][n + 1]. The key is ready when all kN words are in it. */
int torc_gpu_keyswitch_key(void *key, const uint32_t *rows, uint32_t first_word,
                           uint32_t word_count, const torc_shape *shape, torc_gpu_stream stream);

typedef struct torc_gpu_keyswitch_args {
    const void *key;        /* torc_gpu_keyswitch_key */
    const uint64_t *in;     /* [slots][kN + 1] big LWE */
    const uint32_t *index;  /* [batch] slot of each ciphertext; NULL: 0, 1, 2, .. */
    const uint64_t *offset; /* [batch] added to each body; NULL: zeros */
    void *scratch;          /* torc_gpu_keyswitch_scratch_bytes; free again behind the call */
    uint32_t batch;
} torc_gpu_keyswitch_args;

size_t torc_gpu_keyswitch_scratch_bytes(const torc_shape *shape, uint32_t batch);
int torc_gpu_keyswitch(const torc_gpu_switched *out, const torc_gpu_keyswitch_args *args,
                       const torc_shape *shape, torc_gpu_stream stream);
/* small u32 [batch][n + 1] instead, no modulus switch. */
int torc_gpu_keyswitch_small(uint32_t *small, const torc_gpu_keyswitch_args *args,
                             const torc_shape *shape, torc_gpu_stream stream);

/* --- batches of ciphertexts (cuda/linear.cu, gather.cu, expand.cu) --- */

/* Arguments and results are those of torc_ref_linear, _gather, .. in kernels.h, exactly; the arrays
 * that structures point to are device memory, the structures and seeds are host memory. in and out
 * may be parts of one array, as long as nothing is read and written. Invalid: sizes that contradict
 * each other; 2^32 words or more of one element in all samples. */
int torc_gpu_linear(const torc_elements *out, const torc_elements *in,
                    const torc_clear_values *clear, const torc_linear_layer *layer,
                    uint32_t samples, torc_gpu_stream stream);
int torc_gpu_gather(const torc_elements *out, const torc_elements *in, const torc_moves *moves,
                    uint32_t samples, torc_gpu_stream stream);
int torc_gpu_extract(const torc_elements *out, const torc_elements *in, const torc_moves *moves,
                     const uint32_t *index, uint32_t poly_size, uint32_t samples,
                     torc_gpu_stream stream);
int torc_gpu_convert(const torc_elements *out, const torc_elements *in, const uint32_t *source,
                     uint32_t shift, uint32_t count, uint32_t samples, torc_gpu_stream stream);

/* out and body: device memory, aligned to their words. mask_words from 1 on. */
int torc_gpu_expand_u64(uint64_t *out, const uint64_t *body, const torc_expansion *expansion,
                        torc_gpu_stream stream);
int torc_gpu_expand_u32(uint32_t *out, const uint32_t *body, const torc_expansion *expansion,
                        torc_gpu_stream stream);

/* --- rotation (cuda/rotate.cu) --- */

/* Ways to rotate (cuda/rotate.cuh, rotate_latency.cuh, rotate_global.cuh). */
typedef enum torc_gpu_form {
    TORC_GPU_FORM_ANY,        /* the best of those that take the shape on this device */
    TORC_GPU_FORM_THROUGHPUT, /* shapes of kernels/configurations.def */
    TORC_GPU_FORM_LATENCY,    /* few ciphertexts; g >= 2, v <= 2 (l = 1) or 1 */
    TORC_GPU_FORM_GLOBAL      /* all shapes with g <= 3, all devices */
} torc_gpu_form;

typedef struct torc_gpu_rotate_args {
    const void *key;      /* torc_gpu_bootstrap_key_rows, behind torc_gpu_fft_tables */
    torc_gpu_switched in; /* of torc_gpu_keyswitch */
    /* Tables: entry [2^outputs_log2][2^index_bits] at the head of each, index_bits <= 8 with at
     * least two cells an entry: 2^(index_bits + outputs_log2 + 1) <= 2^v N. */
    const uint64_t *table;       /* [table_count][table_stride] */
    const uint32_t *index_bits;  /* [table_count] */
    const uint32_t *table_index; /* [batch] */
    uint32_t table_stride;
    uint32_t batch;
    uint64_t *accumulator; /* NULL, or [batch][2^v][k + 1][N]: the whole result, for tests */
    void *scratch;         /* torc_gpu_rotate_scratch_bytes; free again behind the call */
    torc_gpu_form form;
    uint32_t cluster; /* latency form: blocks a ciphertext, 1, 2 or 4; 0: as many as go */
} torc_gpu_rotate_args;

/* True when digits can be cut from accumulators that have not been reduced modulo 1 (grouped
 * steps): B^l times any of them stays below 2^51, but for odds of 2^-156. Cheaper by a few
 * instructions. */
bool torc_gpu_digits_are_narrow(const torc_shape *shape);

/* What any form needs; 0 for a shape that none takes. */
size_t torc_gpu_rotate_scratch_bytes(const torc_shape *shape, uint32_t batch);

/* out u64 [batch][2^outputs_log2][kN + 1]: the lookups, half a bin added to the body first. A form
 * that does not take the shape is cudaErrorInvalidValue, one that the device cannot hold
 * cudaErrorNotSupported. */
int torc_gpu_rotate(uint64_t *out, const torc_gpu_rotate_args *call, const torc_shape *shape,
                    torc_gpu_stream stream);

#ifdef __cplusplus
}
#endif

#endif
