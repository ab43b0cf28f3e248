/* Every backend runs the example programs and gives what the slow oracle gives. */
#ifndef TESTS_CONFORMANCE_H
#define TESTS_CONFORMANCE_H

#include "runtime/backend.h"
#include "runtime/torc_client.h"

enum { CONFORMANCE_MAX_SAMPLES = 70 };

/* A backend with what it takes to talk to it. params {0}: clear phases, no keys. */
typedef struct engine {
    const char *name;
    const torc_backend *backend;
    torc_params params;
    size_t samples;             /* up to CONFORMANCE_MAX_SAMPLES */
    uint64_t tolerance;         /* on a phase */
    torc_secret_key *secret;    /* made and freed by conformance_run */
    torc_evaluation_keys *keys; /* likewise */
} engine;

/* All example programs; fails the test where a result is off. */
void conformance_run(engine *e);

#endif
