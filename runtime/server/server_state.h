/* Inside of a server. */
#ifndef TORC_SERVER_STATE_H
#define TORC_SERVER_STATE_H

#include "runtime/server/devices.h"

struct torc_server {
    const torc_circuit *circuit;
    const torc_evaluation_keys *keys; /* NULL: a circuit without lookups */
    bool is_gpu;
    uint32_t threads; /* of the CPU; 0: all */
    uint32_t target_count;
    torc_target *targets[TORC_DEVICES_AT_ONCE];
    char device[64];
    char description[192];
};

#endif
