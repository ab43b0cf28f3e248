/* Inside of the calibration of a CPU: for a server that has keys already. */
#ifndef TORC_CALIBRATE_H
#define TORC_CALIBRATE_H

#include "runtime/torc_server.h"

/* torc_machine_calibrate that reads the keys of an open target (room, any doubles) in place of its
 * own, where they are long enough: prediction takes no memory that the run does not need. */
TORC_MUST_CHECK torc_status torc_machine_calibrate_in(torc_ctx *ctx, torc_machine *out,
                                                      uint32_t threads, const void *room,
                                                      size_t room_bytes);

#endif
