/* Whether a client may use a specification: it comes from the server, which may be hostile. What
 * can be recomputed is (the curve); the failure probability is a claim and is held against the
 * profile. */
#include "runtime/security.h"
#include "runtime/spec.h"
#include "runtime/status.h"

#define PRIVATE_LOG2_P_CIRCUIT (-40.0)
#define SHARED_LOG2_P_LOOKUP   (-128.0)

static torc_status check_circuit_claim(torc_ctx *ctx, const torc_spec *spec)
{
    if (spec->log2_p_error_circuit > PRIVATE_LOG2_P_CIRCUIT) {
        return torc_fail(
            ctx, TORC_E_SECURITY,
            "specification '%s': log2_p_error_circuit is %.2f, weaker than the %.0f of "
            "profile %s; compile again with --p-error 2^-40 or stronger",
            spec->circuit_name, spec->log2_p_error_circuit, PRIVATE_LOG2_P_CIRCUIT,
            spec->profile == TORC_SHARED ? "shared" : "private");
    }
    return TORC_OK;
}

/* Decrypted results leave the client: a failure, or a label that depends on secret noise, is a
 * leak. */
static torc_status check_shared(torc_ctx *ctx, const torc_spec *spec)
{
    if (spec->contract != TORC_EXACT) {
        return torc_fail(
            ctx, TORC_E_SECURITY,
            "specification '%s': the rounded contract under profile shared; its results "
            "depend on secret noise and must not leave the client; compile with --exact",
            spec->circuit_name);
    }
    if (spec->log2_p_error_lookup > SHARED_LOG2_P_LOOKUP) {
        return torc_fail(ctx, TORC_E_SECURITY,
                         "specification '%s': log2_p_error_lookup is %.2f, weaker than the %.0f of "
                         "profile shared; compile again with --profile shared",
                         spec->circuit_name, spec->log2_p_error_lookup, SHARED_LOG2_P_LOOKUP);
    }
    return check_circuit_claim(ctx, spec);
}

static torc_status check_custom(torc_ctx *ctx, const torc_spec *spec, double allow_log2_p_error)
{
    if (!(allow_log2_p_error < 0)) { /* NaN allows nothing */
        return torc_fail(ctx, TORC_E_SECURITY,
                         "specification '%s': profile custom claims log2_p_error_circuit %.2f; to "
                         "accept that, say so with --allow-p-error",
                         spec->circuit_name, spec->log2_p_error_circuit);
    }
    if (spec->log2_p_error_circuit > allow_log2_p_error) {
        return torc_fail(
            ctx, TORC_E_SECURITY,
            "specification '%s': log2_p_error_circuit is %.2f, weaker than the %.2f that "
            "--allow-p-error allows",
            spec->circuit_name, spec->log2_p_error_circuit, allow_log2_p_error);
    }
    return TORC_OK;
}

torc_status torc_spec_accept(torc_ctx *ctx, const torc_spec *spec, double allow_log2_p_error)
{
    TORC_TRY(torc_spec_check(ctx, spec));
    if (spec->is_virtual) {
        return torc_fail(
            ctx, TORC_E_SECURITY,
            "specification '%s': a virtual circuit protects nothing; compile it without "
            "--virtual",
            spec->circuit_name);
    }
    TORC_TRY(torc_security_check(ctx, &spec->params));
    if (spec->profile == TORC_SHARED) {
        return check_shared(ctx, spec);
    }
    if (spec->profile == TORC_CUSTOM) {
        return check_custom(ctx, spec, allow_log2_p_error);
    }
    return check_circuit_claim(ctx, spec);
}
