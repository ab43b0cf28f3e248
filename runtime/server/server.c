/* The server: one circuit, one client's evaluation keys, batches of ciphertexts. Every file that a
 * client sends is held against the circuit before it is used. Must not know secrets. */
#include "runtime/server/batch.h"
#include "runtime/server/server_state.h"
#include "runtime/status.h"
#include "runtime/text.h"
#include "runtime/torc_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CAPACITY 64
#define SHOWN_ID_BYTES   8

/* The first digits of an id, enough to tell two apart in a message. */
typedef struct short_id {
    char text[2 * SHOWN_ID_BYTES + 1];
} short_id;

static short_id shorten(const uint8_t *id)
{
    short_id out;
    torc_hex_encode(out.text, id, SHOWN_ID_BYTES);
    return out;
}

/* --- opening -------------------------------------------------------------------------------------
 */

static torc_status check_keys(torc_ctx *ctx, const torc_circuit *circuit,
                              const torc_evaluation_keys *keys)
{
    char where[TORC_NAME_MAX + 16];
    if (circuit->spec.is_virtual) {
        return torc_fail(
            ctx, TORC_E_SECURITY,
            "circuit '%s' was compiled with --virtual: it has no parameters and protects "
            "nothing; simulate it, or compile it for encryption",
            circuit->spec.circuit_name);
    }
    if (keys == NULL && torc_program_lookup_count(&circuit->program) == 0) {
        return TORC_OK;
    }
    (void)snprintf(where, sizeof where, "circuit '%s'", circuit->spec.circuit_name);
    return torc_evk_fits(ctx, keys, &circuit->spec.params, where);
}

/* One target a device; on failure the caller closes what is open. */
static torc_status open_targets(torc_ctx *ctx, torc_server *server,
                                const torc_device_choice *choice, torc_target_options *options)
{
    const torc_program *program = &server->circuit->program;
    const torc_params *params = &server->circuit->spec.params;
    for (uint32_t i = 0; i < choice->count; i++) {
        options->device = choice->number[i];
        TORC_TRY(choice->backend->open(ctx, &server->targets[i], program, params, server->keys,
                                       options));
        server->target_count++;
    }
    return TORC_OK;
}

/* "cpu", "cuda:0", "cuda:0,1". */
static void name_device(torc_server *server, const torc_device_choice *choice)
{
    size_t used = 0;
    const size_t room = sizeof server->device;
    used += (size_t)snprintf(server->device, room, "%s", choice->backend->name);
    for (uint32_t i = 0; choice->is_gpu && i < choice->count && used < room; i++) {
        used += (size_t)snprintf(server->device + used, room - used, "%c%u", i == 0 ? ':' : ',',
                                 choice->number[i]);
    }
}

torc_status torc_server_open(torc_ctx *ctx, torc_server **out, const torc_circuit *circuit,
                             const torc_evaluation_keys *keys, const char *device, size_t capacity,
                             uint32_t threads)
{
    torc_device_choice choice;
    torc_server *server = NULL;
    torc_target_options options = {.threads = threads};
    *out = NULL;
    TORC_TRY(check_keys(ctx, circuit, keys));
    TORC_TRY(torc_device_choose(ctx, &choice, device, circuit));
    const size_t wanted = capacity == 0 ? DEFAULT_CAPACITY : capacity;
    TORC_TRY(torc_device_capacity(ctx, &options.capacity, &choice, &circuit->program,
                                  &circuit->spec.params, wanted));
    /* Batches come in several parts, or their size is not known. */
    options.overlap = capacity == 0 || options.capacity * choice.count < wanted;
    TORC_TRY(TORC_ALLOC(ctx, server, 1));
    server->circuit = circuit;
    server->keys = keys;
    server->is_gpu = choice.is_gpu;
    server->threads = threads;
    name_device(server, &choice);
    const torc_status s = open_targets(ctx, server, &choice, &options);
    if (s != TORC_OK) {
        torc_server_close(server);
        return s;
    }
    torc_device_describe(server->description, sizeof server->description, &choice,
                         server->targets[0], server->device, threads);
    *out = server;
    return TORC_OK;
}

void torc_server_close(torc_server *server)
{
    for (uint32_t i = 0; server != NULL && i < server->target_count; i++) {
        server->targets[i]->backend->close(server->targets[i]);
    }
    free(server);
}

const char *torc_server_device(const torc_server *server)
{
    return server->device;
}

const char *torc_server_describe(const torc_server *server)
{
    return server->description;
}

uint64_t torc_server_memory_bytes(const torc_server *server)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < server->target_count; i++) {
        bytes += server->targets[i]->memory_bytes;
    }
    return bytes;
}

uint64_t torc_server_fallbacks(const torc_server *server)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < server->target_count; i++) {
        count += server->targets[i]->fallback_count;
    }
    return count;
}

size_t torc_server_capacity(const torc_server *server)
{
    return server->targets[0]->capacity * server->target_count;
}

/* --- what may run --------------------------------------------------------------------------------
 */

static torc_status check_ids(torc_ctx *ctx, const torc_server *server, const torc_ciphertexts *in)
{
    const torc_spec *spec = &server->circuit->spec;
    if (in->is_result) {
        return torc_fail(ctx, TORC_E_MISMATCH,
                         "ciphertexts: results of a run, not inputs; encrypt inputs first");
    }
    if (memcmp(in->circuit_id, spec->circuit_id, TORC_ID_BYTES) != 0) {
        return torc_fail(ctx, TORC_E_MISMATCH,
                         "ciphertexts of circuit %s..., circuit '%s' is %s...; encrypt with this "
                         "circuit's client specification",
                         shorten(in->circuit_id).text, spec->circuit_name,
                         shorten(spec->circuit_id).text);
    }
    if (server->keys != NULL && memcmp(in->key_id, server->keys->key_id, TORC_KEY_ID_BYTES) != 0) {
        return torc_fail(
            ctx, TORC_E_MISMATCH,
            "ciphertexts under key %s..., the evaluation keys are of %s...; use the keys "
            "of the client that encrypted",
            shorten(in->key_id).text, shorten(server->keys->key_id).text);
    }
    if (in->big_dim != torc_params_big_dim(&spec->params)) {
        return torc_fail(ctx, TORC_E_MISMATCH, "ciphertexts of dimension %u, the circuit has %u",
                         in->big_dim, torc_params_big_dim(&spec->params));
    }
    return TORC_OK;
}

static torc_status check_input(torc_ctx *ctx, const torc_server *server, const torc_ciphertexts *in)
{
    const torc_spec *spec = &server->circuit->spec;
    TORC_TRY(check_ids(ctx, server, in));
    if (in->part_count != spec->input_count || in->samples == 0) {
        return torc_fail(ctx, TORC_E_MISMATCH,
                         "ciphertexts: %u inputs of %zu samples, circuit '%s' has %u inputs",
                         in->part_count, in->samples, spec->circuit_name, spec->input_count);
    }
    for (uint32_t i = 0; i < spec->input_count; i++) {
        const torc_ct_part *part = &in->parts[i];
        const torc_port *port = &spec->inputs[i];
        const size_t count = torc_shape_count(port->rank, port->shape);
        if (strcmp(part->name, port->name) != 0 || part->count != count ||
            (part->form != TORC_CT_CLEAR) != port->encrypted) {
            return torc_fail(
                ctx, TORC_E_MISMATCH,
                "ciphertexts: part %u is '%s', %zu %s elements; the circuit takes '%s', "
                "%zu %s",
                i, TORC_PRINTABLE(part->name), part->count,
                part->form == TORC_CT_CLEAR ? "clear" : "encrypted", port->name, count,
                port->encrypted ? "encrypted" : "clear");
        }
    }
    return TORC_OK;
}

/* --- running -------------------------------------------------------------------------------------
 */

typedef struct exchange {
    const torc_ciphertexts *in;
    torc_ciphertexts *out;
} exchange;

static void load(void *user, uint64_t *out, uint32_t input, size_t sample, size_t index)
{
    const exchange *x = user;
    torc_ct_expand(out, x->in, &x->in->parts[input], sample, index);
}

static bool seeded(void *user, torc_seeded_rows *out, uint32_t input, size_t sample)
{
    const exchange *x = user;
    const torc_ct_part *part = &x->in->parts[input];
    const size_t row = sample * part->count;
    memcpy(out->seed, x->in->seed, sizeof out->seed);
    out->first_row = part->row_begin + row;
    out->body = part->word + row;
    return part->form == TORC_CT_SEEDED;
}

static int64_t load_clear(void *user, uint32_t input, size_t sample, size_t index)
{
    const exchange *x = user;
    const torc_ct_part *part = &x->in->parts[input];
    return part->value[sample * part->count + index];
}

static void store(void *user, const uint64_t *in, uint32_t output, size_t sample, size_t index)
{
    const exchange *x = user;
    const torc_ct_part *part = &x->out->parts[output];
    const size_t words = (size_t)x->out->big_dim + 1;
    memcpy(part->word + (sample * part->count + index) * words, in, words * sizeof *in);
}

static void store_clear(void *user, int64_t in, uint32_t output, size_t sample, size_t index)
{
    const exchange *x = user;
    const torc_ct_part *part = &x->out->parts[output];
    part->value[sample * part->count + index] = in;
}

static torc_status make_part(torc_ctx *ctx, torc_ct_part *part, const torc_port *port,
                             size_t samples, size_t words)
{
    size_t count = torc_shape_count(port->rank, port->shape);
    part->count = count;
    part->form = port->encrypted ? TORC_CT_FULL : TORC_CT_CLEAR;
    TORC_TRY(TORC_ALLOC(ctx, part->name, strlen(port->name) + 1));
    memcpy(part->name, port->name, strlen(port->name));
    if (__builtin_mul_overflow(count, samples, &count) ||
        __builtin_mul_overflow(count, port->encrypted ? words : 1, &count)) {
        return torc_fail(ctx, TORC_E_MEMORY, "output '%s': %zu samples are too many", port->name,
                         samples);
    }
    return TORC_ALLOC(ctx, part->word, count);
}

static torc_status make_result(torc_ctx *ctx, torc_ciphertexts *out, const torc_ciphertexts *in,
                               const torc_spec *spec)
{
    out->is_result = true;
    out->big_dim = in->big_dim;
    out->samples = in->samples;
    memcpy(out->circuit_id, in->circuit_id, sizeof out->circuit_id);
    memcpy(out->key_id, in->key_id, sizeof out->key_id);
    TORC_TRY(TORC_ALLOC(ctx, out->parts, spec->output_count));
    out->part_count = spec->output_count;
    for (uint32_t i = 0; i < spec->output_count; i++) {
        TORC_TRY(make_part(ctx, &out->parts[i], &spec->outputs[i], in->samples,
                           (size_t)in->big_dim + 1));
    }
    return TORC_OK;
}

torc_status torc_server_run(torc_ctx *ctx, torc_server *server, torc_ciphertexts **out,
                            torc_run_stats *stats, const torc_ciphertexts *in)
{
    exchange x = {.in = in};
    const torc_batch_io io = {.user = &x,
                              .load = load,
                              .seeded = seeded,
                              .load_clear = load_clear,
                              .store = store,
                              .store_clear = store_clear};
    *out = NULL;
    TORC_TRY(check_input(ctx, server, in));
    TORC_TRY(TORC_ALLOC(ctx, x.out, 1));
    torc_status s = make_result(ctx, x.out, in, &server->circuit->spec);
    if (s == TORC_OK) {
        s = torc_batch_split(ctx, server->targets, server->target_count, &server->circuit->program,
                             in->samples, stats, &io);
    }
    if (s != TORC_OK) {
        torc_ciphertexts_free(x.out);
        return s;
    }
    *out = x.out;
    return TORC_OK;
}
