/* Owning a circuit, and its identity.
 *
 *   circuit_id = BLAKE2b-256 over the digests of, in this order:
 *     parameters (their fingerprint), ports (text below), each part of the packed program
 * Names of files, claims, post steps and the report do not enter: they do not change what a
 * ciphertext means. */
#include "runtime/circuit.h"

#include "runtime/memstream.h"
#include "runtime/program_pack.h"
#include "runtime/rng.h"
#include "runtime/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_BYTES 32

void torc_circuit_free(torc_circuit *circuit)
{
    if (circuit == NULL) {
        return;
    }
    for (uint32_t i = 0; circuit->instr_row != NULL && i < circuit->program.instr_count; i++) {
        free(circuit->instr_row[i]);
    }
    for (uint32_t i = 0; circuit->output_row != NULL && i < circuit->program.output_count; i++) {
        free(circuit->output_row[i]);
    }
    free(circuit->instr_row);
    free(circuit->output_row);
    free(circuit->rows);
    free(circuit->graph_text);
    free(circuit->report_json);
    torc_program_free(&circuit->program);
    torc_spec_free(&circuit->spec);
    free(circuit);
}

static uint64_t double_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* One port, every field, doubles by their bits: a text that only equal ports share. */
static void print_port(FILE *f, const torc_port *port)
{
    fprintf(f, "%zu:%s %d%d%d %" PRIu32 " %" PRIu32 " %" PRId64 " %" PRId64 " %" PRIu32,
            strlen(port->name), port->name, port->encrypted, port->is_signed, port->is_float,
            port->width, port->encoding_bits, port->min, port->max, port->rank);
    for (uint32_t i = 0; i < port->rank; i++) {
        fprintf(f, " %zu", port->shape[i]);
    }
    fprintf(f, " %" PRIu32, port->scale_count);
    for (uint32_t i = 0; i < port->scale_count; i++) {
        fprintf(f, " %016" PRIx64 " %016" PRIx64, double_bits(port->real_scale[i]),
                double_bits(port->real_offset[i]));
    }
    fputc('\n', f);
}

static torc_status digest_ports(torc_ctx *ctx, uint8_t out[DIGEST_BYTES], const torc_spec *spec)
{
    torc_memstream stream;
    char *text = NULL;
    TORC_TRY(torc_memstream_open(ctx, &stream));
    fprintf(stream.file, "%" PRIu32 " %" PRIu32 "\n", spec->input_count, spec->output_count);
    for (uint32_t i = 0; i < spec->input_count; i++) {
        print_port(stream.file, &spec->inputs[i]);
    }
    for (uint32_t i = 0; i < spec->output_count; i++) {
        print_port(stream.file, &spec->outputs[i]);
    }
    TORC_TRY(torc_memstream_close(ctx, &stream, &text));
    torc_hash(out, text, strlen(text));
    free(text);
    return TORC_OK;
}

torc_status torc_circuit_identify(torc_ctx *ctx, torc_circuit *circuit)
{
    uint8_t digest[2 + TORC_PACK_PART_COUNT][DIGEST_BYTES];
    torc_packed_program packed;
    torc_params_fingerprint(digest[0], &circuit->spec.params);
    TORC_TRY(digest_ports(ctx, digest[1], &circuit->spec));
    TORC_TRY(torc_program_pack(ctx, &packed, &circuit->program));
    for (int i = 0; i < TORC_PACK_PART_COUNT; i++) {
        const bool narrow = torc_pack_forms[i].dtype == TORC_RAW_U32;
        torc_hash(digest[2 + i], packed.data[i], packed.count[i] * (narrow ? 4 : 8));
    }
    torc_packed_program_free(&packed);
    torc_hash(circuit->spec.circuit_id, digest, sizeof digest);
    return TORC_OK;
}
