/* Inside the runtime: work, the streams that hold it, events, recordings. Everything here is used
 * with emu_host_lock held. Handles are never freed: their addresses must not come back. */
#ifndef TORC_EMU_QUEUE_H
#define TORC_EMU_QUEUE_H

#include "kernels/emu/device.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

/* One record of an event: a place in a stream. */
typedef struct emu_place {
    struct CUstream_st *stream;
    bool done;
    uint32_t asked; /* times cudaEventQuery found it not done */
    double seconds; /* of the host's clock, when done */
} emu_place;

typedef enum emu_work_kind {
    EMU_COPY,
    EMU_FILL,
    EMU_LAUNCH,
    EMU_MARK, /* reaches the mark */
    EMU_AWAIT /* waits for the mark */
} emu_work_kind;

typedef struct emu_work {
    emu_work_kind kind;
    void *to;
    const void *from;
    size_t bytes;
    int byte;
    std::shared_ptr<const emu_launch> launch;
    std::shared_ptr<emu_place> mark;
    struct CUevent_st *event; /* in a graph: whose mark it will be */
} emu_work;

typedef struct CUstream_st {
    int device;
    std::deque<emu_work> queue;
    struct CUgraph_st *recorded; /* NULL: work is queued */
    bool broken;                 /* the recording is lost */
    std::thread::id recorder;
} CUstream_st;

typedef struct CUevent_st {
    int device;
    std::shared_ptr<emu_place> mark; /* the last; NULL: never recorded */
} CUevent_st;

typedef struct CUgraph_st {
    int device;
    std::vector<emu_work> work;
} CUgraph_st;

typedef struct CUgraphExec_st {
    int device;
    std::vector<emu_work> work;
    std::shared_ptr<emu_place> last; /* end of the last launch */
} CUgraphExec_st;

/* The handles of one kind. */
template <class handle> struct emu_handles {
    std::vector<handle *> live, ended;

    handle *add(int device)
    {
        live.push_back(new handle());
        live.back()->device = device;
        return live.back();
    }
    bool has(const handle *h) const { return std::find(live.begin(), live.end(), h) != live.end(); }
    void end(handle *h)
    {
        live.erase(std::find(live.begin(), live.end(), h));
        ended.push_back(h);
    }
    void end_all()
    {
        ended.insert(ended.end(), live.begin(), live.end());
        live.clear();
    }
};

/* --- streams (stream.cpp) --- */

CUstream_st *emu_stream_of(cudaStream_t stream); /* NULL: no stream */
/* Runs the stream up to the mark, or all of it (NULL). */
void emu_stream_run(CUstream_st *stream, const emu_place *mark);
/* What waits in it never happens; its marks count as reached. */
void emu_stream_drop(CUstream_st *stream);
/* Whether work that waits in some stream satisfies `is`. */
bool emu_streams_have(bool (*is)(const emu_work *w, const void *what), const void *what);
/* Queues it, or records it. */
cudaError_t emu_queue(CUstream_st *stream, const emu_work *w);
void emu_launch_tell(const emu_launch *launch); /* to torc_emu_watch_launches */

/* --- copies and fills (copy.cpp): does the work --- */

void emu_do_copy(const emu_work *w);
void emu_do_fill(const emu_work *w);

/* --- events (event.cpp) --- */

bool emu_event_lives(const CUevent_st *event);
std::shared_ptr<emu_place> emu_place_make(CUstream_st *stream);
void emu_place_reach(emu_place *mark);

/* --- recordings (graph.cpp) --- */

cudaError_t emu_record(CUstream_st *stream, const emu_work *w);
/* Ends the program when the calling thread records: `what` is not allowed then. */
void emu_forbid_recording(const char *what);

#endif
