/* The user's numbers as integers of a port.
 *
 *   m = round((x - real_offset) / real_scale)      ties to even, then clipped to [min, max]
 *
 * Straight loops on short rows, which compilers turn into vectors: a simulated perceptron spends as
 * long here as on its layers. */
#include "runtime/spec.h"
#include "runtime/status.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { CHUNK = 64 };
#define ROUND_MAGIC 0x1.8p52 /* adding it rounds |x| < 2^51 to an integer, ties to even */
#define ROUND_MAX   ((int64_t)1 << 50)

/* Which values of a tensor: count of them from `first` on, at places `place` on of their sample. */
typedef struct span {
    size_t first, place, count;
} span;

static uint64_t as_bits(double x)
{
    uint64_t bits = 0;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* --- integers ------------------------------------------------------------------------------------
 */

static torc_status check_integers(torc_ctx *ctx, int64_t *out, const torc_port *port,
                                  const torc_tensor *in, size_t first, size_t count)
{
    const int64_t half = (int64_t)1 << (port->width - 1);
    const int64_t min = port->is_signed ? -half : 0;
    const int64_t max = port->is_signed ? half - 1 : half - 1 + half;
    if (in->dtype != TORC_I64) {
        return torc_fail(ctx, TORC_E_INPUT,
                         "input '%s': float64, wanted integers of %u bits; convert the array first",
                         port->name, port->width);
    }
    for (size_t i = 0; i < count; i++) {
        const int64_t m = in->i64[first + i];
        if (m < min || m > max) {
            return torc_fail(ctx, TORC_E_INPUT,
                             "input '%s': element %zu is %" PRId64 ", outside [%" PRId64
                             ", %" PRId64
                             "] of its %s %u bits; compile with an inputset that covers it",
                             port->name, first + i, m, min, max,
                             port->is_signed ? "signed" : "unsigned", port->width);
        }
        out[i] = m;
    }
    return TORC_OK;
}

/* --- floats --------------------------------------------------------------------------------------
 */

/* x[count] of the tensor; false when one is not finite: an exponent of ones, plus one, carries. */
static bool load_finite(double *x, const torc_tensor *in, span at)
{
    uint64_t carries = 0;
    for (size_t i = 0; i < at.count; i++) {
        x[i] = in->dtype == TORC_F64 ? in->f64[at.first + i] : (double)in->i64[at.first + i];
    }
    for (size_t i = 0; i < at.count; i++) {
        carries |= (as_bits(x[i]) & (uint64_t)0x7ff << 52) + ((uint64_t)1 << 52);
    }
    return carries >> 63 == 0;
}

static torc_status refuse_infinite(torc_ctx *ctx, const torc_port *port, const double *x, span at)
{
    size_t i = 0;
    while (isfinite(x[i])) {
        i++;
    }
    return torc_fail(ctx, TORC_E_INPUT,
                     "input '%s': element %zu is %s; only finite numbers can be encrypted",
                     port->name, at.first + i, isnan(x[i]) ? "NaN" : "infinite");
}

/* x = (x - offset) / scale. */
static void divide(double *x, const torc_port *port, span at)
{
    if (port->scale_count == 1) {
        const double scale = port->real_scale[0];
        const double offset = port->real_offset[0];
        for (size_t i = 0; i < at.count; i++) {
            x[i] = (x[i] - offset) / scale;
        }
        return;
    }
    for (size_t i = 0; i < at.count; i++) {
        x[i] = (x[i] - port->real_offset[at.place + i]) / port->real_scale[at.place + i];
    }
}

/* Rounds and clips in float64 (min and max of a float port fit 2^53: checked in spec_check.c), and
 * counts what was clipped. Clipping to one beyond the range first changes neither, and keeps x
 * where adding the constant rounds. The difference is then 0 or 1 in size: bit 61 tells. */
static uint64_t round_and_clip(int64_t *out, const double *x, const torc_port *port, size_t count)
{
    const double min = (double)port->min;
    const double max = (double)port->max;
    uint64_t clipped = 0;
    for (size_t i = 0; i < count; i++) {
        const double low = x[i] > min - 1 ? x[i] : min - 1; /* NaN too */
        const double near = low < max + 1 ? low : max + 1;
        const double m = (near + ROUND_MAGIC) - ROUND_MAGIC;
        const double raised = m > min ? m : min;
        const double kept = raised < max ? raised : max;
        clipped += as_bits(m - kept) >> 61 & 1;
        out[i] = (int64_t)(as_bits(kept + ROUND_MAGIC) - as_bits(ROUND_MAGIC));
    }
    return clipped;
}

/* The same for ranges that the constant does not reach. */
static uint64_t round_and_clip_wide(int64_t *out, const double *x, const torc_port *port,
                                    size_t count)
{
    uint64_t clipped = 0;
    for (size_t i = 0; i < count; i++) {
        const double m = nearbyint(x[i]);
        const double kept = fmin(fmax(m, (double)port->min), (double)port->max);
        clipped += m != kept;
        out[i] = (int64_t)kept;
    }
    return clipped;
}

static torc_status quantize_span(torc_ctx *ctx, int64_t *out, uint64_t *clipped,
                                 const torc_port *port, const torc_tensor *in, span at)
{
    double x[CHUNK];
    const bool is_wide = port->min < -ROUND_MAX || port->max > ROUND_MAX;
    if (!load_finite(x, in, at)) {
        return refuse_infinite(ctx, port, x, at);
    }
    divide(x, port, at);
    *clipped += is_wide ? round_and_clip_wide(out, x, port, at.count)
                        : round_and_clip(out, x, port, at.count);
    return TORC_OK;
}

static torc_status quantize_floats(torc_ctx *ctx, int64_t *out, uint64_t *clipped,
                                   const torc_port *port, const torc_tensor *in, size_t first,
                                   size_t count)
{
    const size_t row = port->scale_count == 1 ? count : port->scale_count;
    for (size_t done = 0; done < count;) {
        const size_t place = done % row;
        span at = {first + done, place, row - place < CHUNK ? row - place : CHUNK};
        TORC_TRY(quantize_span(ctx, out + done, clipped, port, in, at));
        done += at.count;
    }
    return TORC_OK;
}

torc_status torc_port_quantize_part(torc_ctx *ctx, int64_t *out, uint64_t *saturated,
                                    const torc_port *port, const torc_tensor *in, size_t first,
                                    size_t samples)
{
    const size_t count = torc_shape_count(port->rank, port->shape);
    uint64_t clipped = 0;
    if (port->is_float) {
        TORC_TRY(quantize_floats(ctx, out, &clipped, port, in, first * count, samples * count));
    } else {
        TORC_TRY(check_integers(ctx, out, port, in, first * count, samples * count));
    }
    if (saturated != NULL) {
        *saturated += clipped;
    }
    return TORC_OK;
}

torc_status torc_port_quantize(torc_ctx *ctx, int64_t *out, uint64_t *saturated,
                               const torc_port *port, const torc_tensor *in)
{
    size_t samples = 0;
    TORC_TRY(torc_port_samples(ctx, &samples, port, in));
    return torc_port_quantize_part(ctx, out, saturated, port, in, 0, samples);
}
