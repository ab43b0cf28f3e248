/* Operation counts of concrete-optimizer, computing_cost/; tfhe-rs publishes the same as its cost.
 */
#include "tests/common/oracle_model.h"

#include <math.h>

double oracle_cost_cmux(const torc_params *params)
{
    const double polys = params->glwe_dim + 1.0;
    const double levels = params->bootstrap.level_count;
    const double size = params->poly_size;
    const double transform = size * log2(size) + size;

    return polys * levels * transform + polys * transform + polys * polys * levels * size;
}

double oracle_cost_keyswitch(double in_dim, double out_dim, double level_count)
{
    const double digits = in_dim * level_count;

    return digits + digits * (out_dim + 1.0) + (digits - 1.0) * (out_dim + 1.0) + 1.0;
}
