/* A compiled circuit: program, specification, noise rows and report. File kind .torc. */
#ifndef TORC_CIRCUIT_H
#define TORC_CIRCUIT_H

#include "runtime/engine.h"
#include "runtime/program.h"
#include "runtime/spec.h"

typedef struct torc_circuit {
    torc_spec spec;
    torc_program program;
    uint32_t row_count;
    torc_noise_row *rows; /* worst-case rows of the search, for the report */
    /* Row that covers lookup i of lookup instruction l / element e of output o, for verify:
     * instr_row[instr][i], NULL for linear instructions; output_row[output][element], NULL for
     * clear outputs. Either is NULL as a whole when there is nothing to cover or nothing is known.
     */
    uint32_t **instr_row;
    uint32_t **output_row;
    uint32_t maximum_integer_bit_width;
    char *graph_text;  /* printed op-graph */
    char *report_json; /* one JSON object: compile-time facts (stages, agreement, bits...) */
} torc_circuit;

void torc_circuit_free(torc_circuit *circuit); /* frees circuit too; NULL is fine */
/* BLAKE2b over the canonical encoding of program, parameters and ports; sets spec.circuit_id. */
TORC_MUST_CHECK torc_status torc_circuit_identify(torc_ctx *ctx, torc_circuit *circuit);
/* What the compiler was told; circuits that do not say are of the CPU. */
torc_engine torc_circuit_target(const torc_circuit *circuit);
/* E_UNSUPPORTED when the engine's noise breaks what the circuit claims: every backend asks before
 * it runs one. Circuits that are virtual claim nothing; do not ask for those. */
TORC_MUST_CHECK torc_status torc_circuit_check_engine(torc_ctx *ctx, const torc_circuit *circuit,
                                                      torc_engine engine);
TORC_MUST_CHECK torc_status torc_circuit_save(torc_ctx *ctx, const torc_circuit *circuit,
                                              const char *path);
TORC_MUST_CHECK torc_status torc_circuit_load(torc_ctx *ctx, torc_circuit **out, const char *path);

TORC_MUST_CHECK torc_status torc_spec_save(torc_ctx *ctx, const torc_spec *spec, const char *path);
/* From a client specification or a circuit file: both hold the canonical JSON as tensor "spec"
 * (u8). */
TORC_MUST_CHECK torc_status torc_spec_load(torc_ctx *ctx, torc_spec *out, const char *path);

#endif
