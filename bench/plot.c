#include "bench/bench.h"
#include "runtime/status.h"
torc_status bench_plot(torc_ctx *ctx, const bench_options *o)
{
    (void)o;
    return torc_fail(ctx, TORC_E_UNSUPPORTED, "not yet");
}
