/* Compiler, client and server in one process: trying a circuit on this machine. */
#include "frontend/torc_compile.h"
#include "runtime/status.h"
#include "runtime/torc_client.h"
#include "runtime/torc_server.h"

#include <stdlib.h>

struct torc_session {
    const torc_circuit *circuit; /* borrowed */
    double allowed_log2_p_error; /* the circuit's own claim: it was compiled here */
    torc_secret_key *secret;
    torc_evaluation_keys *evaluation;
    torc_server *server;
};

torc_status torc_simulate(torc_ctx *ctx, torc_tensor *outputs, const torc_circuit *circuit,
                          const torc_tensor *inputs)
{
    torc_run_stats stats;
    return torc_simulate_circuit(ctx, outputs, &stats, NULL, circuit, inputs, false, 0);
}

static torc_status session_open(torc_ctx *ctx, torc_session *session)
{
    const torc_spec *spec = &session->circuit->spec;
    TORC_TRY(torc_keygen(ctx, &session->secret, &session->evaluation, spec,
                         session->allowed_log2_p_error));
    return torc_server_open(ctx, &session->server, session->circuit, session->evaluation, "auto", 0,
                            0);
}

torc_status torc_session_create(torc_ctx *ctx, torc_session **out, const torc_circuit *circuit)
{
    torc_session *session = NULL;
    *out = NULL;
    TORC_TRY(TORC_ALLOC(ctx, session, 1));
    session->circuit = circuit;
    session->allowed_log2_p_error =
        circuit->spec.profile == TORC_CUSTOM ? circuit->spec.log2_p_error_bound : 0;
    const torc_status status = session_open(ctx, session);
    if (status != TORC_OK) {
        torc_session_free(session);
        return status;
    }
    *out = session;
    return TORC_OK;
}

void torc_session_free(torc_session *session)
{
    if (session != NULL) {
        torc_server_close(session->server);
        torc_evk_free(session->evaluation);
        torc_secret_key_free(session->secret);
        free(session);
    }
}

torc_status torc_encrypt_run_decrypt(torc_ctx *ctx, torc_tensor *outputs, torc_session *session,
                                     const torc_tensor *inputs)
{
    const torc_spec *spec = &session->circuit->spec;
    torc_ciphertexts *in = NULL;
    torc_ciphertexts *out = NULL;
    torc_run_stats stats;
    torc_status status =
        torc_encrypt(ctx, &in, NULL, spec, session->secret, inputs, session->allowed_log2_p_error);
    if (status == TORC_OK) {
        status = torc_server_run(ctx, session->server, &out, &stats, in);
    }
    if (status == TORC_OK) {
        status = torc_decrypt(ctx, outputs, spec, session->secret, out);
    }
    torc_ciphertexts_free(in);
    torc_ciphertexts_free(out);
    return status;
}
